#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No circles among the files of a folder: check_circles.py ROOT. A file looks into another one of its folder if it names a
function or a variable that is defined there and is not static."""
import pathlib
import re
import sys

FOLDERS = ["common", "checkpoint", "tokenizer", "electra", "electra/heads", "graph", "scheduler", "session", "training", "tasks",
           "cli", "cli/tables", "cli/measuring", "cli/commands", "conformance",
           "backends/reference", "backends/cpu", "backends/gpu", "backends/gpu/ops", "backends/vulkan", "backends/opencl"]

NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DEFINED = re.compile(r"^(?!static\b|typedef\b|struct \w+ \{|enum\b|union\b|extern\b|#|return\b)"
                     r"[A-Za-z_][\w \t*,()]*?[ *](\w+)(?:\((?:[^;{}]*)\)\s*\{|(?:\[\w*\])*\s*=)", re.M)


def defined_and_named(file):
    text = NOISE.sub(" ", file.read_text())
    return set(DEFINED.findall(text)), set(re.findall(r"(?<![.>\w])(?<!struct )[A-Za-z_]\w+", text))


def arrows_of(folder):
    """File to file: who names what the other one defines."""
    of = {file.name: defined_and_named(file) for file in sorted(folder.glob("*.c"))}
    owner = {name: file for file, (defined, _) in of.items() for name in defined}
    return {file: {owner[n] for n in named if n in owner and owner[n] != file and n not in defined}
            for file, (defined, named) in of.items()}


def circles(arrows):
    """Sets of files that reach each other (Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(file):
        index[file] = low[file] = len(index)
        stack.append(file)
        for other in sorted(arrows[file]):
            if other not in index:
                visit(other)
                low[file] = min(low[file], low[other])
            elif other in stack:
                low[file] = min(low[file], index[other])
        if low[file] == index[file]:
            at = stack.index(file)
            if len(stack) - at > 1:
                found.append(set(stack[at:]))
            del stack[at:]

    for file in arrows:
        if file not in index:
            visit(file)
    return found


def main():
    root = pathlib.Path(sys.argv[1])
    files = wrong = 0
    for folder in FOLDERS:
        arrows = arrows_of(root / folder)
        files += len(arrows)
        for circle in circles(arrows):
            wrong += 1
            print(f"{folder}: a circle of " + ", ".join(sorted(circle)))
            for file in sorted(circle):
                print(f"    {file} looks into " + ", ".join(sorted(arrows[file] & circle)))
    print(f"{files} files, {wrong} wrong")
    return bool(wrong) or files < 100


if __name__ == "__main__":
    sys.exit(main())
