#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Are the tables of docs/devices.md and docs/heads.md those of the code? check_tables.py PLEIONE LIST_NODES SOURCE"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

pleione, list_nodes, source = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
wrong = []


def rows(page, title):
    """The cells of the rows of the first table whose first column has the title."""
    table, inside = [], False
    for line in (source / "docs" / page).read_text().split("\n"):
        if line.startswith(f"| {title} |"):
            inside = True
        elif inside and not line.startswith("|"):
            return table[1:]
        elif inside:
            cells = re.split(r"(?<!\\)\|", line)[1:-1]
            table.append([cell.strip().replace("\\|", "|") for cell in cells])
    return table[1:]


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


def differ(what, page, code):
    for name in sorted(set(page) - set(code)):
        wrong.append(f"{what}: the page has {name}, the code has not")
    for name in sorted(set(code) - set(page)):
        wrong.append(f"{what}: the code has {name}, the page has not")


def check_options():
    text = subprocess.run([pleione, "devices", "--json"], capture_output=True, text=True, check=True).stdout
    usable = [device for device in map(json.loads, text.splitlines()) if device["usable"]]
    page = {}
    for backends, option, _ in rows("devices.md", "backend"):
        for backend in quoted(backends):
            page.setdefault(backend, set()).add(quoted(option)[0])
    for device in usable:
        code = {f"{key}={'OP:MxN' if key == 'tile' else values}" for key, values in device["options"].items()}
        differ(f"options of {device['device']}", page.get(device["backend"], set()), code)


def name_pattern(name):
    """The names that a name of the page stands for."""
    pattern = re.escape(name).replace(r"\*", ".*")
    pattern = re.sub(r"(?<![a-z])N(?![A-Z])", r"\\d+", pattern).replace("NODE", ".*")
    return re.compile(pattern)


def check_graphs():
    with tempfile.TemporaryDirectory() as folder:
        lines = subprocess.run([list_nodes, folder], capture_output=True, text=True, check=True).stdout.split("\n")
    heads = {tuple(line.split()[1:]) for line in lines if line.startswith("head ")}
    differ("heads", {(quoted(row[0])[0], row[1]) for row in rows("heads.md", "head")}, heads)
    nodes = {line.split()[1] for line in lines if line.startswith("node ")}
    patterns = {name: name_pattern(name) for row in rows("heads.md", "node") for name in quoted(row[0])}
    for name, pattern in patterns.items():
        if not any(pattern.fullmatch(node) for node in nodes):
            wrong.append(f"nodes: the page has {name}, no graph has")
    for node in nodes:
        if not any(pattern.fullmatch(node) for pattern in patterns.values()):
            wrong.append(f"nodes: a graph has {node}, the page has not")


def check_inputs():
    code = re.findall(r"^    \{SLOT\((\w+)\)", (source / "session/request.c").read_text(), flags=re.M)
    if not code:
        wrong.append("inputs: session/request.c has no row of {SLOT(NAME), ...}")
    differ("inputs", [name for row in rows("heads.md", "input") for name in quoted(row[0])], code)


check_options()
check_graphs()
check_inputs()
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
