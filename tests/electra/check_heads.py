#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does nobody take the last head of electra/heads.def for a bound, which a new one would pass? check_heads.py SOURCE"""
import pathlib
import re
import sys

source = pathlib.Path(sys.argv[1])
wrong = []
for file in sorted(source.glob("*/**/*.[ch]")):
    if file.relative_to(source).parts[0].startswith("build"):
        continue
    for number, line in enumerate(file.read_text().split("\n"), 1):
        if re.search(r"(?<![<>-])[<>]=?\s*PLN_HEAD_", line):
            wrong.append(f"{file.relative_to(source)}:{number}: a head as a bound: ask electra_head")
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
