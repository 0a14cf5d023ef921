#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sets of examples/finetune/wordnet_sets.py: the same bytes each time, no synset in two parts, and finetune reads each of
them: test_wordnet.py PLEIONE SOURCE"""
import json
import pathlib
import subprocess
import sys
import tempfile

pleione, source = sys.argv[1], pathlib.Path(sys.argv[2])
TASKS = {"category": ("classify", "csv"), "words": ("tag", "conll"), "definition": ("answer", "json"), "short": ("answer", "json"),
         "word": ("choose", "jsonl"), "fits": ("rank", "jsonl")}
if not pathlib.Path("/usr/share/wordnet/data.noun").exists():
    sys.exit(77)


def make(out):
    subprocess.run([sys.executable, source / "examples/finetune/wordnet_sets.py", out, "--rows", "60", "--seed", "3"], check=True)
    return {path.name: path.read_bytes() for path in out.iterdir()}


with tempfile.TemporaryDirectory() as folder:
    to = pathlib.Path(folder)
    files = make(to / "a")
    assert files == make(to / "b")
    assert set(files) == {f"{name}-{part}.{ending}" for name, (_, ending) in TASKS.items() for part in ("train", "validation", "test")}
    ids = [{q["id"] for x in json.loads(files[f"definition-{part}.json"])["data"] for p in x["paragraphs"] for q in p["qas"]}
           for part in ("train", "validation", "test")]
    assert not ids[0] & ids[1] and not ids[0] & ids[2] and not ids[1] & ids[2] and len(ids[0]) == 60
    for name, (task, ending) in TASKS.items():
        labels = ["--labels", ",".join(sorted({x.rsplit(b",", 1)[1].decode().strip() for part in ("train", "validation")
                                               for x in files[f"category-{part}.csv"].splitlines()[1:]}))] if task == "classify" else []
        subprocess.run([pleione, "finetune", source / "models/electra-tiny-discriminator", "--task", task, "--train",
                        to / f"a/{name}-train.{ending}", "--validation", to / f"a/{name}-validation.{ending}", "--out", to / name, "--steps",
                        "1", "--device", "cpu,reference", "--threads", "1", *labels], check=True, capture_output=True)
        assert json.loads((to / name / "results.json").read_text())["task"] == task
