#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examples/rtd-versus-mlm/run.py in its smallest size: killed on the way it goes on, arms get the same arithmetic, there is a table
with each arm and task, and called once more it does nothing: test_rtd_versus_mlm.py PLEIONE SOURCE"""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

pleione, source = sys.argv[1], pathlib.Path(sys.argv[2])
if not pathlib.Path("/usr/share/wordnet/data.noun").exists():
    sys.exit(77)


def start(out, text):
    return subprocess.Popen([sys.executable, source / "examples/rtd-versus-mlm/run.py", out, "--size", "trial", "--text", text, "--pleione",
                             pleione, "--seeds", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def files(folder):
    """Logs and scores: what is made again is written again."""
    return {path: path.stat().st_mtime_ns for path in [*folder.glob("*-1/**/log.jsonl"), *folder.glob("*-1/*.json")]}


with tempfile.TemporaryDirectory() as folder:
    out, text = pathlib.Path(folder) / "out", pathlib.Path(folder) / "text"
    text.mkdir()
    for name in ("train.txt", "validation.txt"):
        (text / name).write_bytes((source / "docs/design.md").read_bytes() + (source / "docs/command.md").read_bytes())
    killed = start(out, text)
    while killed.poll() is None and not (out / "rtd-1/pretrained").exists():
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    done = start(out, text)
    said, complaint = done.communicate()
    assert done.returncode == 0, complaint
    table = (out / "table.md").read_text()
    assert said.endswith(table)
    spent = [float(x) for x in re.findall(r"^\| (?:mlm|rtd|rtd-all) \| [\d.]+ \| \d+ \| ([\d.e+]+) \|$", table, flags=re.M)]
    assert len(spent) == 3 and max(spent) < 1.2 * min(spent), spent  # of ten steps one is a tenth
    scores = re.findall(r"^\| (mlm|rtd|rtd-all|random) \|(?: [\d.]+ \|){5}$", table, flags=re.M)
    assert scores == ["mlm", "rtd", "rtd-all", "random"], table
    before = files(out)
    again = start(out, text)
    said, complaint = again.communicate()
    assert again.returncode == 0 and said.endswith(table), complaint
    assert len(before) == 44 and files(out) == before, [x for x, when in files(out).items() if when != before.get(x)]
