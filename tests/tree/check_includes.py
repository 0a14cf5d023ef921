#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which folder may include which: the last column of the table in docs/design.md. check_includes.py ROOT"""
import pathlib
import re
import sys

ALWAYS = {"api", "common"}
MAY = {  # besides itself, api and common
    "checkpoint": set(),
    "records": set(),
    "tokenizer": set(),
    "graph": set(),
    "electra": {"graph", "checkpoint"},
    "scheduler": {"graph", "backends/reference"},
    "backends/reference": set(),
    "backends/gpu": set(),
    "backends/cpu": set(),
    "backends/vulkan": {"backends/gpu"},
    "backends/opencl": {"backends/gpu"},
    "session": {"electra", "graph", "scheduler", "checkpoint", "tokenizer"},
    "training": {"session", "electra", "graph", "scheduler", "checkpoint"},
    "tasks": {"session", "tokenizer", "tasks/scores"},
    "tasks/scores": {"tokenizer"},
    "cli": set(),
    "cli/tables": {"cli"},
    "cli/measuring": {"cli/tables", "cli"},
    "cli/commands": {"cli/measuring", "cli/tables", "cli"},
    "conformance": {"graph", "scheduler", "backends/reference"},
    "common": set(),
    "api": set(),
}
PLUGINS = {"backends/gpu", "backends/cpu", "backends/vulkan", "backends/opencl"}
TOP = {"cli/main.c": "cli/commands"}  # calls the commands, and nothing calls it


def folder_of(path):
    """The deepest folder of the table that the file lies in."""
    parts = path.split("/")[:-1]
    return next(("/".join(parts[:n]) for n in range(len(parts), 0, -1) if "/".join(parts[:n]) in MAY), parts[0])


def main():
    root = pathlib.Path(sys.argv[1])
    wrong = []
    seen = 0
    for folder, may in MAY.items():
        for file in sorted((root / folder).rglob("*.[ch]")):
            name = str(file.relative_to(root))
            if folder_of(name) != folder:
                continue
            for include in re.findall(r'^\s*#\s*include\s+"([^"]+)"', file.read_text(), flags=re.M):
                if "/" not in include:
                    if folder != "api" and (file.parent / include).exists():
                        wrong.append(f'{name}: "{include}" is not written from the root')
                    continue
                seen += 1
                other = folder_of(include)
                if include in ("graph/ops.def", "graph/activations.def"):
                    continue  # lists, for tables of kernels
                if other != folder and other not in may | ALWAYS and TOP.get(name) != other:
                    wrong.append(f"{name} includes {include}: {folder} may not look into {other}")
                if folder in PLUGINS and other == "common" and (root / include.replace(".h", ".c")).exists():
                    wrong.append(f"{name} includes {include}, which needs code of ours to be linked")
                if folder.startswith("cli") and other == "common":
                    wrong.append(f"{name} includes {include}: the command uses the public API only")
    print("\n".join(wrong) or f"{seen} includes, all allowed")
    return bool(wrong) or seen < 100


if __name__ == "__main__":
    sys.exit(main())
