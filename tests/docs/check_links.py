#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do the links of the pages lead to a file, and to a heading in it? check_links.py FILE..."""
import pathlib
import re
import sys


def headings(page):
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


wrong = 0
for name in sys.argv[1:]:
    page = pathlib.Path(name)
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        if "://" in link:
            continue
        if not target.exists() or (heading and heading not in headings(target)):
            wrong += 1
            print(f"{name}: a link to {link}, which is not there")
sys.exit(1 if wrong else 0)
