#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/support.md is what the backends claim: check_support.py [--write] CONFORM PAGE PLUGIN..., PLUGIN being a path or
"reference". With fewer plugins than the page has, only their columns are compared.

What is claimed is asked of every case that conformance has, and nothing is run: the tests `conform ...` run them.
"""
import json
import pathlib
import subprocess
import sys
import textwrap

VARIANT = {"vulkan": ["--option", "variant=gpu"], "opencl": ["--option", "variant=gpu"]}
HEAD = """# What our own backends take

Made by `tests/docs/check_support.py` from what each backend answers to every case of conformance, in f32, the GPU
backends with the kernels for GPUs. *native*: every case is taken; *native 90 of 120*: the others are refused, and run on
another device. What is taken is right: the tests `conform ...` see to that. `pleione conform PLUGIN.so` prints the same
for any backend, with what failed, and with numbers for accuracy and speed.
"""


def filled(text):
    return "\n".join(textwrap.wrap(text.replace("\n", " "), 100, break_long_words=False, break_on_hyphens=False))


def name_of(plugin):
    return pathlib.Path(plugin).stem.removeprefix("pleione-")


def cell(op):
    count = op["f32"]
    total = count["passed"] + count["refused"]
    if not count["passed"]:
        return "refused"
    return "native" if not count["refused"] else f"native {count['passed']} of {total}"


def ask(conform, plugin):
    made = subprocess.run([conform, plugin, "--claims", "--json", *VARIANT.get(name_of(plugin), [])],
                          capture_output=True, text=True)
    report = json.loads(made.stdout)
    if not report["ops"] or report["failed"]:
        sys.exit(f"{plugin}: {made.stdout}{made.stderr}")
    return report


def page(reports):
    names = list(reports)
    ops = [op["op"] for op in reports[names[0]]["ops"]]
    cells = {name: {op["op"]: cell(op) for op in report["ops"]} for name, report in reports.items()}
    title, text = HEAD.split("\n\n", 1)
    out = [title, "", filled(text), "", "| op | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    out += [f"| `{op}` | " + " | ".join(cells[name][op] for name in names) + " |" for op in ops]
    out += ["", "Why a case is refused:", ""]
    refused = [(name, op["op"], op["f32"]["reason"]) for name, report in reports.items() for op in report["ops"]
               if op["f32"]["refused"]]
    out += [f"- {name}, `{op}`: {why}" for name, op, why in refused] or ["- none is"]
    out += ["", "Half types, by an option of the device:", ""]
    out += [f"- {name}: `{half['option']}={half['type']}`" for name, report in reports.items()
            for half in report["half_types"]]
    return "\n".join(out) + "\n"


def columns(text, names):
    """The cells of those devices, and the lines about them."""
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in text.split("\n") if line.startswith("|")]
    at = [0] + [rows[0].index(name) for name in names]
    lines = [line for line in text.split("\n") if line.startswith("- ") and line[2:].split(",")[0].split(":")[0] in names]
    return [[row[i] for i in at] for row in rows], lines


def main():
    arguments = sys.argv[1:]
    write = arguments[0] == "--write"
    conform, path, *plugins = arguments[write:]
    reports = {name_of(plugin): ask(conform, plugin) for plugin in plugins}
    if write:
        pathlib.Path(path).write_text(page(reports))
        return 0
    said, made = columns(pathlib.Path(path).read_text(), list(reports)), columns(page(reports), list(reports))
    if said != made:
        print(f"{path} says\n{said}\nand the backends\n{made}\nWrite it with check_support.py --write")
    return said != made


if __name__ == "__main__":
    sys.exit(main())
