#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Walks docs/backends.md from an empty folder: writes its files, runs its commands, looks for what they print.
walk.py PAGE FOLDER

A fenced block belongs to the file named at the end of the paragraph before it ("... `ops.c`:"). Of the lines under a
command each must be in its output, in their order; "..." stands for any lines, numbers for any numbers.
"""
import pathlib
import re
import subprocess
import sys


def section(text):
    begin = text.index("## From an empty folder")
    return text[begin:text.index("\n## ", begin + 1)]


def steps(text):
    """Yields (file, content) and (command, lines)."""
    name, lines, command, said = None, None, None, []
    for line in text.split("\n") + ["end"]:
        if lines is not None:
            if line == "```":
                yield ("file", name, "\n".join(lines) + "\n")
                lines = None
            else:
                lines.append(line)
            continue
        if command and not line.startswith("    "):
            yield ("run", command, said)
            command = None
        if line.startswith("```c"):
            lines = []
        elif line.startswith("    $ "):
            if command:
                yield ("run", command, said)
            command, said = line[6:], []
        elif command:
            said.append(line[4:])
        elif re.search(r"`(\w+\.[ch])`[^`]*:$", line):
            name = re.search(r"`(\w+\.[ch])`[^`]*:$", line).group(1)


def pattern(line):
    parts = re.split(r"\d[\d.e+-]*|\.\.\.", re.sub(r"\s+", " ", line.strip()))
    return re.compile(r"\s*\S+?\s*".join(re.escape(part.strip()) for part in parts).replace(r"\ ", r"\s+"))


def main():
    page, folder = pathlib.Path(sys.argv[1]).read_text(), pathlib.Path(sys.argv[2])
    shell = ""
    ran = 0
    for kind, name, content in steps(section(page)):
        if kind == "file":
            (folder / name).write_text(content)
            continue
        if name.startswith("export "):
            shell += name + "\n"
            continue
        ran += 1
        made = subprocess.run(["sh", "-e", "-c", shell + name], cwd=folder, capture_output=True, text=True)
        out = re.sub(r"[ \t]+", " ", made.stdout)
        at = 0
        for line in content:
            if line.strip() == "...":
                continue
            found = pattern(line).search(out, at)
            if made.returncode or not found:
                sys.exit(f"$ {name}\nexit {made.returncode}\n{made.stdout}{made.stderr}\nthe page has: {line}")
            at = found.end()
        if made.returncode:
            sys.exit(f"$ {name}\nexit {made.returncode}\n{made.stdout}{made.stderr}")
    print(f"{ran} commands")
    return ran < 6


if __name__ == "__main__":
    sys.exit(main())
