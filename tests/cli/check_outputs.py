#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads back one table in each format that it was written in, and holds them against each other:
check_outputs.py STEM ROWS KEY... ; STEM.json, STEM.csv, STEM.md, STEM.svg; every row must have a value for each KEY."""
import csv
import json
import sys
import xml.etree.ElementTree as xml

SVG = "{http://www.w3.org/2000/svg}"


def check(true, what):
    if not true:
        sys.exit(f"{sys.argv[1]}: {what}")


def check_csv(path, columns, rows):
    with open(path, newline="") as file:
        found = list(csv.DictReader(file))
    check(len(found) == len(rows), "CSV has other rows than JSON")
    for a, b in zip(found, rows):
        check(list(a) == [c["key"] for c in columns], "CSV has other columns than JSON")
        for key, value in b.items():
            if isinstance(value, (int, float)):
                check(abs(float(a[key]) - value) <= 1e-6 * abs(value), f"CSV and JSON differ in {key}: {a[key]}, {value}")
            else:
                check(a[key] == (value or ""), f"CSV and JSON differ in {key}: {a[key]}, {value}")


def check_markdown(path, columns, rows):
    lines = [line for line in open(path) if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip().strip("|").split(" |")] for line in lines]
    shown = [c for c in columns if c["title"]]
    heading = [" ".join(filter(None, (c["title"], c["unit"]))) for c in shown]
    check(cells[0] == heading, f"Markdown's heading is {cells[0]}, not {heading}")
    check(all(set(cell) <= set("-:") for cell in cells[1]), "Markdown has no line below its heading")
    check(len(cells) == len(rows) + 2, "Markdown has other rows than JSON")
    for line, row in zip(cells[2:], rows):
        check(len(line) == len(shown), "a line of Markdown has other cells than the heading")
        check(line[0] == row["device"], "Markdown and JSON name other devices")


def check_svg(path, rows):
    root = xml.parse(path).getroot()
    texts = ["".join(t.itertext()) for t in root.iter(SVG + "text")]
    check(root.tag == SVG + "svg" and root.get("viewBox"), "the picture is no SVG")
    for row in rows:
        check(row["device"] in texts, f"the picture does not name {row['device']}")
    lines = list(root.iter(SVG + "polyline"))
    if lines:
        check(len(lines) == len({row["device"] for row in rows}), "not a line for each device")
        check(sum(len(line.get("points").split()) for line in lines) == len(rows), "not a point for each row")
        check("length of the sequence, tokens" in texts and "time, ms" in texts, "an axis has no name")
    else:
        check(len(list(root.iter(SVG + "rect"))) == len(rows) + 1, "not a bar for each row")
        check(any(", " in t and t.split(", ")[-1] in ("tokens/s", "us", "ms", "MB") for t in texts), "the axis has no name")
    width, height = map(float, root.get("viewBox").split()[2:])
    for shape in root.iter(SVG + "text"):
        check(0 <= float(shape.get("x")) <= width and 0 <= float(shape.get("y")) <= height, "text lies outside the picture")


def main():
    stem, count, keys = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    table = json.load(open(stem + ".json"))
    rows = table["rows"]
    check(table["title"] and len(rows) == count, f"{len(rows)} rows, expected {count}")
    for row in rows:
        for key in keys:
            check(row[key] is not None, f"no {key} in {row}")
    check_csv(stem + ".csv", table["columns"], rows)
    check_markdown(stem + ".md", table["columns"], rows)
    check_svg(stem + ".svg", rows)


if __name__ == "__main__":
    main()
