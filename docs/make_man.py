#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A table of a page, with the section that it stands in, as a man page on stdout:
make_man.py NAME PAGE FIRST-COLUMN SUMMARY VERSION. `tests/docs/check_tables.py` holds the tables beside the code."""
import pathlib
import re
import sys

name, page, column, summary, version = sys.argv[1:]


def section_of(lines):
    """The lines of the section that has the table: from its heading to the next one."""
    at = next(i for i, line in enumerate(lines) if line.startswith(f"| {column} |"))
    begin = max(i for i in range(at) if lines[i].startswith("#"))
    end = next((i for i in range(at, len(lines)) if lines[i].startswith("#")), len(lines))
    return lines[begin], lines[begin + 1:end]


def roff(text):
    """Markdown of one paragraph as roff; links are their text."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = text.replace("\\|", "|").replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    text = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", text)
    return "\\&" + text if text.startswith(".") else text


def main():
    heading, lines = section_of(pathlib.Path(page).read_text().split("\n"))
    print(f'.TH {name.upper()} 7 "" "pleione {version}" "Miscellaneous"\n.SH NAME\n{name} \\- {summary}'
          .replace(name.upper(), name.upper().replace("-", "\\-")).replace(f"\n{name} ", "\n" + name.replace("-", "\\-") + " "))
    print(f".SH {heading.lstrip('# ').upper()}")
    paragraph = []
    for line in lines + [""]:
        if line.startswith("|"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if set("".join(cells)) <= set("-:") or cells[0] == column:
                continue
            *left, meaning = cells
            option = left[-1] + (f" ({left[0]})" if len(left) > 1 else "")
            print(f".TP\n{roff(option)}\n{roff(meaning)}")
        elif line.strip():
            paragraph.append(line.strip())
        elif paragraph:
            print(".PP\n" + roff(" ".join(paragraph)))
            paragraph = []
    print(".SH SEE ALSO\n.BR pleione (1)")


main()
