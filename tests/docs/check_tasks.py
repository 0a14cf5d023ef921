#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is the end of docs/tasks.md what the table in the code says? check_tasks.py [--write] LIST_TASKS PAGE"""
import pathlib
import subprocess
import sys

arguments = [a for a in sys.argv[1:] if a != "--write"]
page = pathlib.Path(arguments[1])
heading = "## Every task\n"
said = subprocess.run([arguments[0]], check=True, capture_output=True, text=True).stdout
before, found, there = page.read_text().partition(heading)
if not found:
    sys.exit(f"{page} has no heading \"{heading.strip()}\"")
if there == said:
    sys.exit(0)
if "--write" in sys.argv:
    page.write_text(before + heading + said)
    sys.exit(0)
missing = [line for line in said.split("\n") if line not in there.split("\n")]
more = [line for line in there.split("\n") if line not in said.split("\n")]
print("\n".join([f"the page lacks: {line}" for line in missing] + [f"the code has not: {line}" for line in more]))
sys.exit(1)
