#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A later version of the public headers: make_grown.py LIST SOURCE FOLDER STAMP. Copies api/ to FOLDER/api, with one more
member at the end of each struct that LIST has (common/sized.def, tests/api/crossing.def), and writes the header STAMP."""
import pathlib
import re
import sys

listed, source, folder, stamp = (pathlib.Path(a) for a in sys.argv[1:])
(folder / "api").mkdir(parents=True, exist_ok=True)
structs = re.findall(r"^(?:SIZED|CROSSES)\((\w+)[,)]", listed.read_text(), re.M)
grown = set()
for header in sorted((source / "api").glob("*.h")):
    text = header.read_text()
    for name in structs:
        text, n = re.subn(r"(struct " + name + r" \{[^}]*)(\n\})", r"\1\n    uint64_t grown[2];\2", text)
        if n:
            grown.add(name)
    (folder / "api" / header.name).write_text(text)
if grown != set(structs):
    sys.exit(f"no header has {', '.join(sorted(set(structs) - grown))}")
stamp.write_text("/* grown/api was made */\n")
