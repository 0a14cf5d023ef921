#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Are the paragraphs of the docs at most 100 columns wide? columns.py [--write] FILE...

Tables, code and headings are as wide as they need to be. --write fills the paragraphs that are not.
"""
import re
import sys
import textwrap

WIDTH = 100
ITEM = re.compile(r"^(\s*)([-*]|\d+\.) +")


def blocks(lines):
    """Yields (is a paragraph, its lines). A paragraph is plain text, or one item of a list."""
    block, fenced = [], False

    def end():
        nonlocal block
        if block:
            yield True, block
        block = []

    for line in lines:
        fence = line.lstrip().startswith("```")
        if fence or fenced or not line.strip() or line.lstrip()[0] in "|#<" or \
                (line.startswith("    ") and not (block and ITEM.match(block[0]))):
            yield from end()
            yield False, [line]
            fenced ^= fence
            continue
        if ITEM.match(line):
            yield from end()
        block.append(line)
    yield from end()


def fill(block):
    item = ITEM.match(block[0])
    indent = item.end() if item else len(block[0]) - len(block[0].lstrip())
    text = " ".join(line.strip() for line in block)
    # Blanks inside of code and of links do not break.
    spans = re.sub(r"`[^`]*`|\[[^\]]*\]\([^)]*\)", lambda m: m.group().replace(" ", "\0"), text)
    # Nor does one before a sign that would make the next line an item, a heading or a table.
    spans = re.sub(r" (?=([-+*]|\d+\.)( |$)|[|#>])", "\0", spans)
    first = block[0][:len(block[0]) - len(block[0].lstrip())]
    filled = textwrap.wrap(spans, WIDTH, initial_indent=first, subsequent_indent=" " * indent,
                           break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in filled]


def main():
    write = "--write" in sys.argv
    wide = 0
    for name in [argument for argument in sys.argv[1:] if argument != "--write"]:
        with open(name, encoding="utf-8") as file:
            lines = file.read().split("\n")
        out = []
        for paragraph, block in blocks(lines):
            filled = fill(block) if paragraph and any(len(line) > WIDTH for line in block) else block
            if filled != block and not write:
                wide += 1
                print(f"{name}:{len(out) + 1}: a paragraph of more than {WIDTH} columns")
            out += filled
        if write:
            with open(name, "w", encoding="utf-8") as file:
                file.write("\n".join(out))
    if wide:
        print("mend them with tests/docs/columns.py --write FILE...")
    return 1 if wide else 0


if __name__ == "__main__":
    sys.exit(main())
