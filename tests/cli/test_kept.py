#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench --save, --against, --from: verdicts from files that are made up, files that are damaged, and what a call writes:
test_kept.py PLEIONE SOURCE"""
import copy
import json
import pathlib
import random
import subprocess
import sys
import tempfile

PLEIONE, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
MODEL = SOURCE / "models/electra-tiny-discriminator"


def line(times, roof=(100.0, 100.0), seed=0, processor="made up", shape="1x16", minute=0, build="0", **settings):
    """A call with one row of 40 times around the one given."""
    drawn = random.Random(seed)
    seconds = [times * (1 + 0.01 * drawn.random()) for _ in range(40)]
    row = {"device": "cpu", "name": "n", "driver": "d", "dtype": "f32", "shape": shape, "bound": "FMA", "threads": 2, "tokens": 16,
           "flops": 1e6, "roof_gflops": list(roof), "roof_gbytes_per_s": [50.0, 50.0], "first": 1.0, "joules": None,
           "seconds": seconds}
    return {"time": f"2026-01-01T00:{minute:02}:00Z", "versions": {"pleione": build}, "machine": {"processor": processor}, "model": "m",
            "settings": settings, "options": {}, "rows": [row]}


class Folder:
    def __init__(self, path):
        self.path = pathlib.Path(path)

    def write(self, name, lines):
        (self.path / name).write_text("".join(json.dumps(one) + "\n" for one in lines))
        return str(self.path / name)

    def judge(self, now, before, *options):
        """Exit code, and the row of a table."""
        found = run("bench", "--from", self.write("now", now), "--against", self.write("before", before), "--json", *options)
        return found.returncode, json.loads(found.stdout.splitlines()[0]) if found.stdout else found.stderr


def run(*arguments):
    return subprocess.run([PLEIONE, *map(str, arguments)], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)


def refused(code, text, *arguments):
    found = run(*arguments)
    sentences = found.stderr.splitlines()
    assert found.returncode == code and len(sentences) == 1 and text in sentences[0], (arguments, found)


def check_verdicts(folder):
    code, row = folder.judge([line(1.2)], [line(1, seed=4)])
    assert code == 7 and row["against"] == "SLOWER" and 1.15 < row["ratio_low"] <= row["ratio"] <= row["ratio_high"] < 1.25, row
    code, row = folder.judge([line(1)], [line(1.2, seed=4)])
    assert code == 0 and row["against"] == "faster" and row["ratio_high"] < 0.9, row
    code, row = folder.judge([line(1)], [line(1, seed=4)])
    assert code == 0 and row["against"] == "same" and row["ratio_low"] <= 1 <= row["ratio_high"], row
    code, row = folder.judge([line(1.2)], [line(1, seed=4)], "--tolerance", "25")
    assert code == 0 and row["against"] == "SLOWER", row
    code, row = folder.judge([line(1.03)], [line(1, seed=4)])
    assert code == 0 and row["against"] == "SLOWER", row
    assert folder.judge([line(1.03)], [line(1, seed=4)], "--tolerance", "1")[0] == 7


def check_drift(folder):
    """The machine, not the code: its roof fell with the time. And a roof that moves while it is measured is no proof."""
    code, row = folder.judge([line(1.25, roof=(80.0, 80.0))], [line(1, seed=4)])
    assert code == 0 and row["against"] == "same", row
    code, row = folder.judge([line(1, roof=(125.0, 125.0))], [line(1, seed=4)])
    assert code == 7 and row["against"] == "SLOWER", row
    code, row = folder.judge([line(1.1, roof=(80.0, 120.0))], [line(1, seed=4)])
    assert code == 0 and row["against"] == "same", row


def check_rounds(folder):
    """Calls differ by more than the times within one: several calls are drawn whole."""
    wild = [line(times, seed=i) for i, times in enumerate([0.9, 1.2, 1, 1.1])]
    code, row = folder.judge(wild, [line(times, seed=9 + i) for i, times in enumerate([1, 1.1, 0.9, 1])])
    assert code == 0 and row["against"] == "same" and row["ratio_high"] - row["ratio_low"] > 0.1, row
    assert row["covers"] == "calls", row
    few = line(2)
    few["rows"][0]["seconds"] = [2.0] * 3
    code, row = folder.judge([few], [line(1)])
    assert code == 0 and row["against"] == "too few runs" and row["ratio"] is None, row


def check_pairs(folder):
    """Calls that took turns on a machine that became slower all the time: drawn in pairs, they tell 3 % where calls that
    are drawn alone do not."""
    slowing = [1, 1.2, 1.4, 1.6, 1.8]
    before = [line(times, seed=i, minute=2 * i) for i, times in enumerate(slowing)]
    turns = [line(1.03 * times, seed=20 + i, minute=2 * i + 1) for i, times in enumerate(slowing)]
    behind = [line(1.03 * times, seed=20 + i, minute=20 + i) for i, times in enumerate(slowing)]
    code, row = folder.judge(turns, before, "--tolerance", "1")
    assert code == 7 and row["covers"] == "pairs" and row["against"] == "SLOWER" and row["ratio_high"] < 1.06, row
    code, row = folder.judge(behind, before, "--tolerance", "1")
    assert code == 0 and row["covers"] == "calls" and row["against"] == "same", row
    code, row = folder.judge(turns[:1], before[:1])
    assert code == 0 and row["covers"] == "runs", row


def check_builds(folder):
    """Of a file that holds several builds the newest is looked at, or of one file the newest two."""
    old = [line(5, minute=0, build="a"), line(1, seed=1, minute=1, build="b")]
    code, row = folder.judge([line(1, seed=2, minute=2, build="c")], old)
    assert code == 0 and row["against"] == "same", row
    for now, expected in [(line(1.2, seed=2, minute=2, build="c"), "SLOWER"), (line(1, seed=2, minute=2, build="c"), "same")]:
        path = folder.write("one", [*old, now])
        found = run("bench", "--from", path, "--against", path, "--json")
        assert json.loads(found.stdout.splitlines()[0])["against"] == expected, found
    path = folder.write("one", old[:1])
    found = run("bench", "--from", path, "--against", path)
    assert found.returncode == 2 and "has none of these rows" in found.stderr, found


def check_others(folder):
    """What is not the same is not compared."""
    for other in [line(1, processor="another"), line(1, shape="8x16"), line(1, pin=True)]:
        code, row = folder.judge([line(1)], [other])
        assert code == 2 and row["against"] == "no such row", row
    code, row = folder.judge([line(1)], [line(5, processor="another"), line(1, seed=4), line(5, shape="8x16")])
    assert code == 0 and row["against"] == "same", row


def check_outliers(folder):
    slow = line(1)
    slow["rows"][0]["seconds"][7] = 5.0
    found = run("bench", "--from", folder.write("now", [slow]), "--against", folder.write("before", [line(1)]))
    assert "1 of 40 runs, the worst was run 8 with 5000.000 ms" in " ".join(found.stdout.split()), found


def check_damage(folder):
    good = json.dumps(line(1)) + "\n"
    whole = folder.write("good", [line(1)])
    without = copy.deepcopy(line(1))
    del without["rows"][0]["seconds"]
    timeless = line(1)
    del timeless["time"]
    wrong = {json.dumps(timeless) + "\n": "time, machine", "": "holds no line", good[:200]: ":1: ", good + "{}\n": ":2: ", good + "[1,\n": ":2: ", good + "\n": ":2: ",
             json.dumps(without) + "\n": "a row without times", good.replace("[1.0", "[-1.0"): "a time that is none",
             good + good[:100]: ":2: no line of `pleione bench --save`: it ends in its middle", "\x00\xff" * 50 + "\n": ":1: "}
    for text, sentence in wrong.items():
        path = folder.path / "damaged"
        path.write_text(text, encoding="latin-1")
        refused(2, sentence, "bench", "--from", whole, "--against", path)
        refused(2, sentence, "bench", "--from", path, "--against", whole)
        refused(2, sentence, "bench", MODEL, "--devices", "reference", "--against", path)
    refused(1, "No such file", "bench", "--from", whole, "--against", folder.path / "none")
    refused(2, "is no file", "bench", "--from", whole, "--against", folder.path)
    cut = folder.path / "cut"
    cut.write_text(good[:50])
    refused(2, "ends in its middle", "bench", MODEL, "--devices", "reference", "--save", cut)
    assert cut.read_text() == good[:50]
    refused(1, "none/x", "bench", MODEL, "--devices", "reference", "--save", folder.path / "none/x")
    for arguments in [[MODEL, "--from", whole, "--against", whole], ["--from", whole], [MODEL, "--memory", "--save", whole],
                      ["--from", whole, "--against", whole, "--save", whole], [MODEL, "--against", whole, "--tolerance", "-1"]]:
        refused(2, "--", "bench", *arguments)
    refused(2, "one MODEL", "bench", "--save", folder.path / "new")


def check_call(folder):
    """A call that measures: what it writes, and that it finds itself there."""
    path = folder.path / "saved.jsonl"
    quick = ["bench", MODEL, "--devices", "reference", "--shapes", "1x4,2x4", "--seconds", "0.01", "--pin", "--warm-up", "0.01"]
    for n in (1, 2):
        found = run(*quick, "--save", path)
        assert found.returncode == 0 and len(path.read_text().splitlines()) == n, found
    last = json.loads(path.read_text().splitlines()[-1])
    assert set(last["machine"]) >= {"system", "processor", "flags", "governor", "processors"} and last["versions"]["compiler"]
    assert last["settings"]["pin"] and last["options"]["seconds"] == 0.01 and last["model"] == MODEL.name
    assert [row["shape"] for row in last["rows"]] == ["1x4", "2x4"] and all(len(row["seconds"]) >= 8 for row in last["rows"])
    assert all(min(row["roof_gflops"]) > 0 and row["driver"] for row in last["rows"])
    found = run(*quick, "--against", path, "--json", "--tolerance", "100000")
    rows = [json.loads(one) for one in found.stdout.splitlines()]
    assert found.returncode == 0 and all(row["against"] in ("faster", "same", "SLOWER") for row in rows), found
    found = run(*quick[:-3], "--against", path)
    assert found.returncode == 2 and "has none of these rows" in found.stderr, found


def main():
    with tempfile.TemporaryDirectory() as path:
        folder = Folder(path)
        for check in [check_verdicts, check_drift, check_rounds, check_pairs, check_builds, check_others, check_outliers, check_damage, check_call]:
            check(folder)


if __name__ == "__main__":
    main()
