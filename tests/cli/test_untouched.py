#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Commands that are refused leave the disk as it was: test_untouched.py PLEIONE SOURCE

Whatever is wrong with what is read, or with a place that is to be written: the exit code, one sentence that names what the person gave,
and every file and folder as before, with its bytes.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

EXE, SOURCE = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
MODEL, TEXTS = SOURCE / "models/electra-tiny-discriminator", SOURCE / "tests/training/pretraining"
TRAINING = SOURCE / "tests/training/cases/pretraining"
CONFIG = json.loads((TEXTS / "config.json").read_text())
ROWS = "".join(f'{{"text": "the king said {i}", "label": "{"ab"[i % 2]}"}}\n' for i in range(8))
ON = ["--device", "reference", "--threads", "1"]
FILES = {
    "rows.jsonl": ROWS, "other.jsonl": ROWS.replace('"b"', '"c"'), "one.jsonl": ROWS.replace('"b"', '"a"'), "none.jsonl": "",
    "bad.jsonl": ROWS + '{"text": 3\n', "unlabelled.jsonl": ROWS + '{"text": "king"}\n', "blank.txt": "\n \n", "text.txt": "the king said\n",
    "torn.json": "{", "list.json": "[1]", "heads.json": json.dumps(CONFIG | {"hidden_size": 100, "num_attention_heads": 3}),
    "act.json": json.dumps(CONFIG | {"hidden_act": "swoosh"}), "type.json": json.dumps(CONFIG | {"hidden_size": "x"}),
    "log.jsonl": '{"step": 1, "loss": 2.5}\n', "picture.svg": "<svg/>\n",
    "full/keep/letter.txt": "dear reader\n", "init/generator/config.json": json.dumps(CONFIG | {"vocab_size": 300}),
    "init/discriminator/config.json": json.dumps(CONFIG | {"vocab_size": 300}),
}


def pretrain(*more, corpus="corpus.txt"):
    usual = {"--vocab": TEXTS / "vocab.txt", "--config": TEXTS / "config.json", "--out": "new/run", "--steps": "2", "--batch": "2",
             "--max-length": "16"}
    words = [str(w) for name, value in usual.items() if name not in more for w in (name, value)]
    return ["pretrain", str(TEXTS / corpus) if corpus == "corpus.txt" else corpus, *words, *ON, *more]


def finetune(*more, model=str(MODEL)):
    usual = {"--task": "classify", "--train": "rows.jsonl", "--validation": "rows.jsonl", "--out": "new/run", "--steps": "1"}
    words = [w for name, value in usual.items() if name not in more for w in (name, value)]
    return ["finetune", model, *words, *ON, *more]


def train(*more, model=str(TRAINING)):
    usual = {"--data": str(TRAINING / "data.safetensors"), "--out": "new/run", "--steps": "1"}
    return ["train", model, *[w for name, value in usual.items() if name not in more for w in (name, value)], *ON, *more]


BOTH = [  # of pretrain and finetune
    (2, "nope", "--place", "*=nope"), (1, "no/a.svg", "--plot", "no/a.svg"), (1, "no/a.jsonl", "--log", "no/a.jsonl"),
    (1, "text.txt: Not a directory", "--out", "text.txt/run"), (1, "text.txt", "--tensorboard", "text.txt/board"),
    (1, "no/a.svg", "--plot", "no/a.svg", "--log", "log.jsonl", "--tensorboard", "board"),
    (1, "no/a.svg", "--plot", "no/a.svg", "--out", "full"), (1, "no/a.jsonl", "--log", "no/a.jsonl", "--plot", "picture.svg"),
]
REFUSED = [
    *[(4, f"pleione: {name}", pretrain("--config", name)) for name in ("torn.json", "list.json", "no.json", "heads.json", "act.json",
                                                                     "type.json")],
    (4, "no/vocab.txt", pretrain("--vocab", "no/vocab.txt")),
    (2, "blank.txt", pretrain(corpus="blank.txt")), (2, "bad.jsonl:9", pretrain(corpus="bad.jsonl")),
    (2, "no.txt", pretrain(corpus="no.txt")), (2, "blank.txt", pretrain("--validation", "blank.txt")),
    (2, "--generator-size", pretrain("--config", "heads4.json", "--generator-size", "0.7")),
    (4, "no/discriminator", pretrain("--init", "no")), (4, "init/discriminator: holds no weights", pretrain("--init", "init")),
    (2, "--max-length 65", pretrain("--max-length", "65")),
    *[(code, words, pretrain(*more)) for code, words, *more in BOTH],
    (1, "text.txt: Not a directory", pretrain("--dump-steps", "text.txt/dump")),
    (1, "no/a.svg", pretrain("--plot", "no/a.svg", "--dump-steps", "dump")),
    *[(code, words, finetune(*more)) for code, words, *more in BOTH if "--log" not in more or "--seeds" not in more],
    (4, "no/model", finetune(model="no/model")), (2, "no.jsonl", finetune("--train", "no.jsonl")),
    (2, "no.jsonl", finetune("--validation", "no.jsonl")), (2, "none.jsonl", finetune("--train", "none.jsonl")),
    (2, "none.jsonl", finetune("--validation", "none.jsonl")), (2, "bad.jsonl:9", finetune("--train", "bad.jsonl")),
    (2, "unlabelled.jsonl:9", finetune("--validation", "unlabelled.jsonl")), (2, "other.jsonl:2", finetune("--validation", "other.jsonl")),
    (2, "one.jsonl", finetune("--train", "one.jsonl")), (2, "none.jsonl", finetune("--train", "none.jsonl", "--seeds", "1,2")),
    (2, "other.jsonl:2", finetune("--validation", "other.jsonl", "--seeds", "1,2", "--out", "full")),
    (1, "text.txt: Not a directory", finetune("--seeds", "1,2", "--out", "text.txt/run")),
    (4, "no/model", train(model="no/model")), (2, "no.safetensors", train("--data", "no.safetensors")),
    (1, "text.txt: Not a directory", train("--out", "text.txt/run")), (4, "init", train("--resume", "init")), (1, "full/keep", train("--out", "full/keep")),
    (1, "no/a.jsonl", train("--log", "no/a.jsonl")),
    (4, "no/model", ["convert", "no/model", "new/folder"]), (1, "text.txt", ["convert", str(MODEL), "text.txt/folder"]),
    (4, "causal-lm", ["convert", str(MODEL), "new/a/folder", "--head", "causal-lm", "--to", "tf"]),
    (2, "no.csv", ["run", str(MODEL), "--input", "no.csv", "--output", "new.jsonl", *ON]),
    (4, "no/model", ["run", "no/model", "--input", "text.txt", "--output", "new.jsonl", *ON]),
    (2, "no/new.jsonl", ["run", str(MODEL), "--input", "text.txt", "--output", "no/new.jsonl", *ON]),
    (2, "no.jsonl", ["evaluate", str(MODEL), "--task", "classify", "--input", "no.jsonl", *ON]),
    (2, "no.txt", ["vocab", "no.txt", "-o", "new.txt"]), (1, "no/new.txt", ["vocab", "text.txt", "-o", "no/new.txt"]),
    (4, "no", ["tokenize", "no", "text.txt"]),
]


def snapshot(folder):
    return {p.relative_to(folder): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


class Untouched(unittest.TestCase):
    def test_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for name, text in FILES.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text)
            (folder / "heads4.json").write_text(json.dumps(CONFIG | {"hidden_size": 256, "num_attention_heads": 4}))
            before = snapshot(folder)
            for code, words, command in REFUSED:
                with self.subTest(command=command):
                    done = subprocess.run([EXE, *command], capture_output=True, text=True, cwd=folder, stdin=subprocess.DEVNULL)
                    said = [line for line in done.stderr.splitlines() if "warning" not in line]
                    self.assertEqual((done.returncode, len(said)), (code, 1), done.stderr)
                    self.assertIn(words, said[0])
                    after = snapshot(folder)
                    self.assertEqual(sorted(after.keys() ^ before.keys()), [])
                    self.assertEqual([p for p in before if before[p] != after[p]], [])
                for path in sorted(snapshot(folder).keys() - before.keys(), reverse=True):
                    (folder / path).rmdir() if (folder / path).is_dir() else (folder / path).unlink()
                for path, data in before.items():
                    if data is not None and (folder / path).read_bytes() != data:
                        (folder / path).write_bytes(data)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
