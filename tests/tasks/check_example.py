#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a program of examples/ on a model of tests/tasks/cases and compares what it prints: check_example.py NAME PROGRAM SOURCE"""
import pathlib
import subprocess
import sys
import tempfile

import drawn

MOST_LINES = 60
EXAMPLES = {  # name: case file of the model, arguments behind its folder, what is printed
    "tag": ("tag-windows", ["Zerubbabel and Solomon went down to Egypt with the sons of Jacob; they do not return."], """\
0-10 LOC: zerubbabel (0.36)
11-14 LOC: and (0.77)
15-22 LOC: solomon (0.90)
23-27 LOC: went (0.52)
33-35 LOC: to (0.78)
36-46 LOC: egypt with (0.46)
47-50 LOC: the (0.71)
51-58 LOC: sons of (0.89)
59-64 LOC: jacob (0.85)
64-65 LOC: ; (0.92)
66-70 LOC: they (0.56)
71-73 LOC: do (0.73)
74-77 LOC: not (0.63)
78-84 LOC: return (0.73)
"""),
    "answer": ("answer-lower", ["And the king said unto Moses, Go up to Jerusalem.", "Who said it?", "Where?"], """\
Who said it?
    no answer (0.33)
Where?
    , Go (0.10)
"""),
}


def main():
    name, program, source = sys.argv[1:]
    model, arguments, expected = EXAMPLES[name]
    lines = pathlib.Path(source).read_text().count("\n")
    if lines >= MOST_LINES:
        sys.exit(f"{source} has {lines} lines, and {MOST_LINES} are too many")
    with tempfile.TemporaryDirectory() as folder:
        drawn.write_model(model, pathlib.Path(folder) / "model")
        run = subprocess.run([program, str(pathlib.Path(folder) / "model"), *arguments], capture_output=True, text=True, timeout=300)
    if run.returncode or run.stdout != expected:
        sys.exit(f"exit {run.returncode}\n{run.stderr}{run.stdout}---- and not\n{expected}")


if __name__ == "__main__":
    main()
