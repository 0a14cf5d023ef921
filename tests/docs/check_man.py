#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Has every command a man page with all that its --help says, and is it right roff? check_man.py PLEIONE FOLDER"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

pleione, folder = sys.argv[1], pathlib.Path(sys.argv[2])
wrong = []


def output(*arguments):
    wide = os.environ | {"COLUMNS": "2000"}  # each option on a line of its own
    return subprocess.run([pleione, *arguments], capture_output=True, text=True, check=True, env=wide).stdout


def shown(page):
    """The page as one line of words, as a reader sees it, or (without groff) without its escapes."""
    if shutil.which("groff"):
        done = subprocess.run(["groff", "-man", "-ww", "-Tascii", "-P-cbou", "-rLL=2000n", "-rHY=0", str(page)],
                              capture_output=True, text=True)
        if done.stderr or done.returncode:
            wrong.append(f"{page.name}: {done.stderr.strip()}")
        text = done.stdout
    else:
        text = re.sub(r"\\f[BIR]", "", page.read_text()).replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\")
    return " ".join(text.split())


def check(name, help_text):
    page = folder / (f"pleione-{name}.1" if name else "pleione.1")
    if not page.exists():
        wrong.append(f"{page.name}: is not there")
        return
    text = shown(page)
    wanted = [" ".join(line.split()) for line in help_text.split("\n") if line.startswith("  ")]
    if len(wanted) < 2:
        wrong.append(f"{page.name}: --help lists nothing")
    wrong.extend(f"{page.name}: lacks \"{line}\"" for line in wanted if line not in text)


of_all = output("--help")
commands = re.findall(r"^  ([a-z]+) ", of_all, flags=re.M)
check(None, of_all)
for command in commands:
    check(command, output(command, "--help"))
for page, least in (("pleione-device-options.7", 10), ("pleione-nodes.7", 15)):
    if not (folder / page).exists() or (folder / page).read_text().count("\n.TP\n") < least or not shown(folder / page):
        wrong.append(f"{page}: is not there, or lacks its table")
for page in folder.glob("pleione-*.1"):
    if page.stem[len("pleione-"):] not in commands:
        wrong.append(f"{page.name}: there is no such command")
print("\n".join(wrong))
sys.exit(1 if wrong or not commands else 0)
