#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a program of examples/ on a model of tests/tasks/cases and compares what it prints: check_example.py NAME PROGRAM SOURCE"""
import pathlib
import subprocess
import sys
import tempfile

import drawn

MOST_LINES = 60
EXAMPLES = {  # name: case file of the model, or its folder in models/, or None; arguments behind it, what is printed, what is read
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
    "detect": (None, [], "prophet 0.45\n"),
    "fill_mask": ("electra-tiny-generator", ["And the LORD said [MASK] Moses."], """\
0.744  and the lord said unto moses.
0.055  and the lord said, moses.
0.054  and the lord said of moses.
"""),
    "classify": ("classify-lower", ["And the king said unto Moses, Go up to Jerusalem."], """\
0.583  neutral
0.246  negative
0.115  mixed
0.057  positive
"""),
    "rank": ("rank-plain", ["Who is the king?", "The king of Egypt died.", "Jerusalem is a city.", "the the the the"], """\
0.837  Jerusalem is a city.
0.798  The king of Egypt died.
0.644  the the the the
"""),
    "zero_shot": ("zero-shot-lower", ["And the king said unto Moses, Go up to Jerusalem.", "war", "law", "the sea"], """\
0.317  war
0.275  the sea
0.237  law
"""),
    "choose": ("choose-first", ["And the king said unto Moses, Go up to Jerusalem.", "yes", "no"], """\
0.547  yes
0.453  no
"""),
    "embed": ("embed-lower", ["And the king said unto Moses, Go up to Jerusalem.", "the king"], """\
0.801
"""),
    "generate": ("writer", ["The cat sat"], "The cat satpppppppp pp pppppf tfpp\n"),
    "evaluate": ("electra-tiny-generator", ["fill-mask", "tests/tasks/kings.txt"], """\
loss 3.3376
perplexity 28.1507
accuracy 0.4000
"""),
    "stream": ("electra-tiny-generator", [], "0 the text has no [MASK]\n1 the text has no [MASK]\n", "the king\n\n"),
}


def main():
    name, program, source = sys.argv[1:]
    program = str(pathlib.Path(program).resolve())  # it runs elsewhere
    model, arguments, expected, *text = EXAMPLES[name]
    lines = pathlib.Path(source).read_text().count("\n")
    if lines >= MOST_LINES:
        sys.exit(f"{source} has {lines} lines, and {MOST_LINES} are too many")
    root = pathlib.Path(source).parent.parent
    with tempfile.TemporaryDirectory() as folder:
        known = [root / "models" / str(model), root / "tests/generation/cases" / str(model)]
        where = next((path for path in known if path.is_dir()), pathlib.Path(folder) / "model")
        if model and not where.exists():
            drawn.write_model(model, where)
        run = subprocess.run([str(pathlib.Path(program).resolve()), *([str(where)] if model else []), *arguments], capture_output=True, text=True, timeout=300,
                             cwd=root, input="".join(text))
    if run.returncode or run.stdout != expected:
        sys.exit(f"exit {run.returncode}\n{run.stderr}{run.stdout}---- and not\n{expected}")


if __name__ == "__main__":
    main()
