#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is electra/heads.def the only list of heads? check_heads.py SOURCE: api/pleione_heads.h is what comes from it, and nobody
takes the last head of the list for a bound, which a new one would pass."""
import pathlib
import re
import subprocess
import sys

source = pathlib.Path(sys.argv[1])
wrong = []
made = subprocess.run([sys.executable, source / "electra/generate_heads.py"], capture_output=True, text=True, check=True).stdout
if made != (source / "api/pleione_heads.h").read_text():
    wrong.append("api/pleione_heads.h is not what electra/generate_heads.py makes")
for file in sorted(source.glob("*/**/*.[ch]")):
    if "build" in file.relative_to(source).parts[0]:
        continue
    for number, line in enumerate(file.read_text().split("\n"), 1):
        if re.search(r"(?<![<>-])[<>]=?\s*PLN_HEAD_", line):
            wrong.append(f"{file.relative_to(source)}:{number}: a head as a bound: ask electra_head")
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
