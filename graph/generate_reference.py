#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/ops.md, for authors of backends, from graph/ops.def and its siblings: generate_reference.py > docs/ops.md"""
import pathlib
import re
import textwrap

HERE = pathlib.Path(__file__).parent
IN_PLACE = {"NOT": "No output takes the memory of an input.",
            "MAY(0)": "`{out}` may lie in the memory of `{0}`."}


def text_of(comment):
    """The lines of a comment without its frame."""
    lines = [re.sub(r"^ ?\* ?", "", line.rstrip()) for line in comment.strip()[2:-2].split("\n")]
    return [line.rstrip() for line in lines if not line.startswith("SPDX")]


def fenced(lines):
    while lines and not lines[0].strip():
        lines = lines[1:]
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return ["```text", *[line.strip() if not line.startswith("     ") else line for line in lines], "```"]


def filled(text):
    return textwrap.wrap(text, 100, break_long_words=False, break_on_hyphens=False)


def operands(names, kind):
    return [f"| {kind} {i} | `{name.rstrip('?')}` | {'optional' if name.endswith('?') else ''} |"
            for i, name in enumerate(names)]


def in_place(rule, inputs, outputs):
    must = re.match(r"MUST\((\d+)\)", rule)
    if must:
        names = ", ".join(f"`{name.rstrip('?')}`" for name in inputs[:int(must.group(1))])
        return f"Written in place: the states {names} are the first outputs, too."
    return IN_PLACE[rule].format(inputs[0].rstrip("?"), out=outputs[0].rstrip("?"))


def op(body, comment):
    number, version, _, name = [s.strip() for s in body.split(",")[:4]]
    inputs, outputs = [s.split() for s in re.findall(r'"([^"]*)"', re.sub(r'"\s+"', "", body))]
    rule = re.search(r"\b(NOT|MAY\(\d+\)|MUST\(\d+\))\s*,\s*PARAMS", body).group(1)
    fields = re.findall(r"\b(U32|I32|F32)\((\w+)\)", body)
    out = [f"## {name}", "", *filled(f"Op {number}, version {version}. {in_place(rule, inputs, outputs)}"), ""]
    out += fenced(comment) + ["", "| operand | name | |", "|---|---|---|"]
    out += operands(inputs, "input") + operands(outputs, "output") + [""]
    if fields:
        out += filled("Params: " + ", ".join(f"`{field}` {kind.lower()}" for kind, field in fields) + ".") + [""]
    return out


def main():
    out = ["# The ops", "",
           *filled("What each op computes, with the names of `pleione_ops.h`: made from `graph/ops.def` by "
                   "`graph/generate_reference.py`. A backend follows it to the letter; "
                   "[backends.md](backends.md) says how."), ""]
    source = (HERE / "ops.def").read_text()
    comment, first = None, True
    for match in re.finditer(r"(/\*.*?\*/)|PLN_OP\((.*?)\)\s*(?=/\*|PLN_OP\(|\Z)", source, flags=re.S):
        if match.group(1) and first:
            text = text_of(match.group(1))
            out += fenced(text[next(i for i, line in enumerate(text) if line.startswith("Shapes")):]) + [""]
            first = False
        elif match.group(1):
            comment = text_of(match.group(1))
        elif comment:
            out += op(match.group(2), comment)
    out += ["## Activations", "", "| number | name | formula |", "|---|---|---|"]
    for number, name, formula in re.findall(r'PLN_ACTIVATION\((\d+), (\w+), "[^"]*", "([^"]*)"\)',
                                            (HERE / "activations.def").read_text()):
        out.append(f"| {number} | `PLN_ACTIVATION_{name}` | {formula.replace('|', chr(92) + '|')} |")
    print("\n".join(out))


if __name__ == "__main__":
    main()
