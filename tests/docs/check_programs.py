#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do the programs of the docs compile, and print what the docs say? check_programs.py BUILD SOURCE FILE...

A program is a block of C with a main. The commands behind it, "$ cc FILE ... -o PROGRAM ..." and "$ PROGRAM", are run
as they stand, in a folder where build/ and the folders of the source are; what they print is compared line by line. A
FILE that the tree has must be the same text. The same is done with each `pleione run` and `pleione tokenize`.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

build, source = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
wrong = []


def sessions(text):
    """The commands of an indented block, each with the lines that it is said to print."""
    found = []
    for line in text.split("\n"):
        if line.startswith("    $ "):
            found.append((line[6:], []))
        elif line.startswith("    ") and found:
            found[-1][1].append(line[4:])
        elif line.strip() and not line.startswith("    "):
            break
    return found


def matches(said, printed):
    """The lines that are said, in their order; "..." stands for any number of lines."""
    pattern = "".join("(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in said)
    return re.fullmatch(pattern, printed) is not None


def run(where, command, said, folder):
    environment = dict(os.environ, PATH=f"{build}/cli:{os.environ['PATH']}")
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode or not matches(said, done.stdout):
        wrong.append(f"{where}: `{command}` ended with {done.returncode} and printed\n{done.stdout}{done.stderr}"
                     f"where the page says\n" + "\n".join(said))


def check_program(where, code, behind, folder):
    commands = sessions(behind)
    file = re.match(r"cc (\S+)", commands[0][0]) if commands else None
    if not file:
        wrong.append(f"{where}: no `$ cc FILE` behind a program")
        return
    if (source / file[1]).exists():
        kept = (source / file[1]).read_text()
        if kept[kept.index("#include"):] != code:
            wrong.append(f"{where}: the program is not that of {file[1]}")
    else:
        (folder / file[1]).write_text(code)
    for command, said in commands:
        run(where, command, said, folder)


def check_page(page, folder):
    text = (source / page).read_text()
    blocks = re.finditer(r"^```c\n(.*?)^```\n", text, flags=re.M | re.S)
    programs = [found for found in blocks if "int main(" in found[1]]
    for found in programs:
        check_program(page, found[1], text[found.end():], folder)
    answers = re.findall(r"^    \$ (?:echo .*)?pleione (?:run|tokenize) .*\n(?:    [^$].*\n)+", text, flags=re.M)
    for answer in answers:
        for command, said in sessions(answer):
            run(page, command, said, folder)
    return len(programs) + len(answers)


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    (folder / "build").symlink_to(build)
    for entry in ("api", "examples", "models"):
        (folder / entry).symlink_to(source / entry)
    for page in sys.argv[3:]:
        if not check_page(page, folder):
            wrong.append(f"{page}: has nothing to run")
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
