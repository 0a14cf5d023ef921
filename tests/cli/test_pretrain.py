#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pleione pretrain as a person uses it: test_pretrain.py PLEIONE FOLDER

Files, fields of the log, what is refused; a run that is stopped, interrupted or killed anywhere goes on to the bits of an undisturbed
one. FOLDER has a small corpus, its vocabulary and a small config.
"""
import gzip
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

import events

EXE, FOLDER = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
OPTIONS = {"--vocab": FOLDER / "vocab.txt", "--config": FOLDER / "config.json", "--device": "cpu", "--batch": "8", "--max-length": "32",
           "--warmup": "5", "--lr": "1e-3", "--seed": "3", "--shuffle-buffer": "64", "--steps": "40", "--save-every": "7"}
STEP = ["step", "epoch", "loss", "masked_lm_loss", "disc_loss", "masked_lm_accuracy", "sampled_masked_lm_accuracy", "disc_accuracy",
        "disc_precision", "disc_recall", "disc_auc", "learning_rate", "gradient_norm", "examples", "tokens", "masked", "mask_tokens",
        "replaced", "tokens_per_s", "data_wait", "page_faults"]
TIMES = {"tokens_per_s", "data_wait", "page_faults"}
HALF = {"config.json", "model.safetensors", "vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"}


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def tensors(path):
    """The bytes of each in a .safetensors."""
    data = path.read_bytes()
    begin = 8 + struct.unpack_from("<Q", data)[0]
    return {name: data[begin + about["data_offsets"][0]:begin + about["data_offsets"][1]]
            for name, about in json.loads(data[8:begin]).items() if name != "__metadata__"}


def without_times(log):
    return [{k: v for k, v in line.items() if k not in TIMES} for line in log]


def words(*more):
    """The usual options, but for those that are given."""
    usual = [word for name, value in OPTIONS.items() if name not in more for word in (name, value)]
    return [*usual, *more]


class Pretrain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tmp = pathlib.Path(tempfile.mkdtemp())
        cls.whole = cls.tmp / "whole"
        done = cls.run_it("--out", cls.whole, "--validation", FOLDER / "corpus.txt", "--validation-examples", "16")
        assert done.returncode == 0, done.stderr

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.tmp)

    @classmethod
    def run_it(cls, *more, corpus=(FOLDER / "corpus.txt",), stdin=None):
        return subprocess.run([EXE, "pretrain", *corpus, *words(*more)], capture_output=True, text=True, timeout=300, input=stdin)

    def assert_same_run(self, out, evaluations=True):
        for half in ("discriminator", "generator"):
            self.assertEqual((out / half / "model.safetensors").read_bytes(), (self.whole / half / "model.safetensors").read_bytes(), half)
        expected = [line for line in lines(self.whole / "log.jsonl") if evaluations or "eval_loss" not in line]
        self.assertEqual(without_times(lines(out / "log.jsonl")), without_times(expected))

    def test_files_and_log(self):
        names = {p.name for p in self.whole.iterdir()}
        self.assertEqual(names, {"discriminator", "generator", "best", "checkpoint-35", "checkpoint-40", "log.jsonl", "run.json"})
        for half in ("discriminator", "generator", "best/discriminator", "checkpoint-40/generator"):
            self.assertEqual({p.name for p in (self.whole / half).iterdir()}, HALF, half)
        log = lines(self.whole / "log.jsonl")
        steps = [line for line in log if "eval_loss" not in line]
        self.assertEqual([line["step"] for line in steps], list(range(1, 41)))
        for line in steps:
            self.assertEqual(list(line), STEP)
            self.assertAlmostEqual(line["loss"], line["masked_lm_loss"] + 50 * line["disc_loss"], delta=1e-3)
        self.assertEqual(steps[0]["learning_rate"], 0)
        self.assertEqual([line["step"] for line in log if "eval_loss" in line], [7, 14, 21, 28, 35, 40])
        self.assertLess(steps[-1]["masked_lm_loss"], steps[0]["masked_lm_loss"])
        vocabulary = len((FOLDER / "vocab.txt").read_text().splitlines())
        for half, name in (("discriminator", "ElectraForPreTraining"), ("generator", "ElectraForMaskedLM")):
            config = json.loads((self.whole / half / "config.json").read_text())
            self.assertEqual((config["vocab_size"], config["architectures"]), (vocabulary, [name]))

    def test_halves_run(self):
        done = subprocess.run([EXE, "run", self.whole / "generator", "--json", "--device", "cpu", "the [MASK] of a graph"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = subprocess.run([EXE, "run", self.whole / "discriminator", "--json", "--device", "cpu", "the name of a graph"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("missing", done.stderr)

    def test_same_documents_elsewhere(self):
        text = (FOLDER / "corpus.txt").read_text()
        cut = text.index("\n\n", len(text) // 2) + 2
        folder = self.tmp / "parts"
        folder.mkdir()
        (folder / "a.txt").write_text(text[:cut])
        with gzip.open(folder / "b.txt.gz", "wt") as f:
            f.write(text[cut:])
        out = self.tmp / "elsewhere"
        done = self.run_it("--out", out, corpus=[folder])
        self.assertEqual(done.returncode, 0, done.stderr)
        for half in ("discriminator", "generator"):
            self.assertEqual((out / half / "model.safetensors").read_bytes(), (self.whole / half / "model.safetensors").read_bytes())

    def test_stopped(self):
        out = self.tmp / "stopped"
        more = ["--out", out, "--validation", FOLDER / "corpus.txt", "--validation-examples", "16"]
        self.assertEqual(self.run_it(*more, "--stop-after", "17").returncode, 0)
        self.assertTrue((out / "checkpoint-17").is_dir())
        self.assertEqual(self.run_it(*more, "--resume").returncode, 0)
        self.assert_same_run(out)

    def test_finished(self):
        """It is said, and nothing is touched; but what a run lacks that was killed behind its last checkpoint is written."""
        out = self.tmp / "finished"
        shutil.copytree(self.whole, out)
        more = ["--out", out, "--validation", FOLDER / "corpus.txt", "--validation-examples", "16", "--resume"]
        before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in out.rglob("*")}
        picture, board = self.tmp / "finished.svg", self.tmp / "new" / "board"
        done = self.run_it(*more, "--plot", picture, "--tensorboard", board)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"nothing to do: 40 of 40 steps were made in {out}", done.stdout)
        self.assertEqual(before, {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in out.rglob("*")})
        self.assertIn("eval_loss", picture.read_text())
        self.assertEqual(len(events.read(board / "events.out.tfevents.pleione")), len(lines(out / "log.jsonl")))
        for half in ("discriminator", "generator"):
            (out / half / "model.safetensors").unlink()
            done = self.run_it(*more)
            self.assertEqual((done.returncode, done.stdout), (0, f"40 of 40 steps, in {out}\n"), done.stderr)
            self.assert_same_run(out)

    def test_accumulated(self):
        """A batch in parts draws the same and comes to the same; `--recompute` too."""
        dumps = []
        for name, parts in (("whole", ["--dropout", "0.1"]), ("two", ["--dropout", "0.1", "--accumulate", "2"]),
                            ("eight", ["--dropout", "0.1", "--accumulate", "8", "--recompute"])):
            out = self.tmp / f"parts-{name}"
            done = self.run_it("--out", out, "--steps", "4", *parts, "--dump-steps", out.with_suffix(".steps"))
            self.assertEqual(done.returncode, 0, done.stderr)
            dumps.append([tensors(out.with_suffix(".steps") / f"step-{step:06d}.safetensors") for step in range(1, 5)])
        for other in dumps[1:]:
            for ours, theirs in zip(dumps[0], other):
                self.assertEqual(ours.keys(), theirs.keys())
                for name, bytes_ in ours.items():
                    if name.endswith("loss"):
                        self.assertAlmostEqual(struct.unpack("<f", bytes_)[0], struct.unpack("<f", theirs[name])[0], delta=1e-5)
                    else:
                        self.assertEqual(bytes_, theirs[name], name)

    def test_how_text_is_read(self):
        """What is said of it is what is done: who chooses is not told of a default."""
        for more, said in (([], True), (["--cased"], False)):
            done = self.run_it("--out", self.tmp / f"text-{said}", "--steps", "1", *more)
            self.assertEqual((done.returncode, "text is lower-cased" in done.stderr), (0, said), done.stderr)

    def test_folders_above(self):
        out, dump = self.tmp / "not" / "there" / "run", self.tmp / "nor" / "this"
        done = self.run_it("--out", f"{out}/", "--steps", "2", "--dump-steps", dump)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((out / "checkpoint-2").is_dir())
        self.assertEqual(len(list(dump.iterdir())), 2)
        self.refuse(1, "corpus.txt: Not a directory", "--out", FOLDER / "corpus.txt" / "below")

    def test_killed_and_interrupted(self):
        out, random_times = self.tmp / "killed", random.Random(5)
        for i in range(12):
            command = [EXE, "pretrain", FOLDER / "corpus.txt", *words("--out", out)] + (["--resume"] if i else [])
            p = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(random_times.uniform(0.02, 0.5))
            how = (signal.SIGKILL, signal.SIGINT, signal.SIGKILL, signal.SIGTERM)[i % 4]
            p.send_signal(how)
            self.assertIn(p.wait(60), (0, 130, 143, -signal.SIGKILL, -how))
        done = self.run_it("--out", out, "--resume")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_same_run(out, evaluations=False)

    def test_curves_and_events(self):
        """Of a run in two parts, as if it were one: no point twice, none missing."""
        out, picture, board = self.tmp / "seen", self.tmp / "seen.svg", self.tmp / "board"
        more = ["--out", out, "--validation", FOLDER / "corpus.txt", "--validation-examples", "16", "--plot", picture, "--tensorboard", board]
        done = self.run_it(*more, "--stop-after", "17")
        self.assertEqual(done.returncode, 0, done.stderr)
        half = picture.read_text()
        shutil.rmtree(out / "checkpoint-17")  # as if killed before it: steps behind 14 are made again
        self.assertEqual(self.run_it(*more, "--resume").returncode, 0)
        self.assert_same_run(out)
        log = lines(out / "log.jsonl")
        found = events.read(board / "events.out.tfevents.pleione")
        self.assertEqual(len(found), len(log))
        for (step, values), line in zip(found, log):
            self.assertEqual(step, line["step"])
            expected = {k: v for k, v in line.items() if v is not None and k != "step"}
            self.assertEqual(values.keys(), expected.keys())
            for name, value in values.items():
                self.assertAlmostEqual(value, expected[name], delta=1e-6 * abs(value))
        root = xml.etree.ElementTree.fromstring(picture.read_text())
        texts = {t.text for t in root.iter("{http://www.w3.org/2000/svg}text")}
        for name in ("loss", "masked_lm_loss", "disc_loss", "disc_auc", "masked_lm_accuracy", "eval_loss", "eval_disc_auc"):
            self.assertIn(name, texts)
        points = {len(p.get("points").split()) for p in root.iter("{http://www.w3.org/2000/svg}polyline")}
        self.assertEqual(max(points), 40)
        self.assertLess(len(half), len(picture.read_text()))
        for option, path in (("--plot", self.tmp / "no" / "a.svg"), ("--tensorboard", picture)):
            self.refuse(1, path.name, "--out", self.tmp / "unseen", option, path)

    def refuse(self, code, sentence, *more, **how):
        done = self.run_it(*more, **how)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(sentence, done.stderr)

    def test_refusals(self):
        out, new = ("--out", self.whole), ("--out", self.tmp / "never")
        before = {p: p.stat().st_mtime_ns for p in self.whole.rglob("*")}
        self.refuse(2, "holds a run", *out)
        self.refuse(2, "--lr was 0.001", *out, "--resume", "--lr", "2e-3")
        self.refuse(2, "--seed was", *out, "--resume", "--seed", "4")
        self.assertEqual(before, {p: p.stat().st_mtime_ns for p in self.whole.rglob("*")})
        (self.tmp / "mine" / "generator").mkdir(parents=True)
        (self.tmp / "mine" / "generator" / "model.safetensors").write_bytes(b"somebody's")
        for resume in ([], ["--resume"]):
            self.refuse(2, "which is of no run", "--out", self.tmp / "mine", *resume)
        self.refuse(2, "electric", *new, "--objective", "electric")
        self.refuse(2, "no/such.txt", *new, corpus=["no/such.txt"])
        self.refuse(2, "--max-length 100", *new, "--max-length", "100")
        self.refuse(2, "no/validation.txt", *new, "--validation", "no/validation.txt")
        self.refuse(4, "vocab", *new, "--vocab", "no/vocab.txt")
        self.refuse(2, "as large as", *new, "--sharing", "all", "--generator-size", "0.5")
        (self.tmp / "bad.jsonl").write_text('{"text": "a line"}\n{"text": 3\n')

    def test_nothing_is_made_of_a_bad_text(self):
        """Said before anything is made: an empty corpus, one of blank lines, a bad row, the same of a validation."""
        out = self.tmp / "nothing"
        for name, text, sentence in (("empty.txt", "", "empty.txt: there is no text"), ("blank.txt", "\n \n\n", "blank.txt: there is no text"),
                                     ("bad.jsonl", '{"text": "a line"}\n{"text": 3\n', "bad.jsonl:2")):
            (self.tmp / name).write_text(text)
            self.refuse(2, sentence, "--out", out, corpus=[self.tmp / name])
            self.refuse(2, sentence, "--out", out, "--validation", self.tmp / name)
            self.assertFalse(out.exists(), name)
        self.refuse(2, "there is no text in -", "--out", out, corpus=["-", self.tmp / "empty.txt"], stdin="\n")
        self.assertFalse(out.exists())

    def test_outputs_are_no_inputs(self):
        """A corpus is not emptied by its log, nor read with what the run writes."""
        folder, link = self.tmp / "texts", self.tmp / "link.txt"
        folder.mkdir()
        text = (FOLDER / "corpus.txt").read_bytes()
        (folder / "a.txt").write_bytes(text)
        link.symlink_to(folder / "a.txt")
        out = self.tmp / "apart"
        self.refuse(2, "option --log: ", "--out", out, "--log", folder / "a.txt", corpus=[link])
        self.refuse(2, "option --log: ", "--out", out, "--log", link, "--validation", folder / "a.txt")
        for inner in (folder / "run", folder / "new" / "run", folder, f"{folder}/../texts/run/"):
            self.refuse(2, "which is read", "--out", inner, corpus=[folder])
        self.refuse(2, "which is read", "--out", out, "--log", folder / "log.jsonl", corpus=[folder])
        self.assertEqual([p.name for p in folder.iterdir()], ["a.txt"])
        self.assertEqual((folder / "a.txt").read_bytes(), text)
        done = subprocess.run([EXE, "vocab", folder / "a.txt", "-o", link], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, (folder / "a.txt").read_bytes()), (2, text))
        self.assertIn("is read too", done.stderr)

    def test_one_at_a_time(self):
        out = self.tmp / "twice"
        p = subprocess.Popen([EXE, "pretrain", FOLDER / "corpus.txt", *words("--out", out, "--steps", "1000000")], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        while not (out / "log.jsonl").exists():
            time.sleep(0.02)
        self.refuse(2, "another process is training there", "--out", out, "--steps", "1000000", "--resume")
        p.terminate()
        self.assertEqual(p.wait(60), 143)

    def test_epoch(self):
        """Of what was handed out, not of what the shuffle buffer has swallowed."""
        logs = []
        for buffer in ("1", "50"):
            out = self.tmp / f"epoch-{buffer}"
            self.assertEqual(self.run_it("--out", out, "--steps", "12", "--shuffle-buffer", buffer).returncode, 0)
            logs.append([line["epoch"] for line in lines(out / "log.jsonl")])
        self.assertEqual(*logs)
        self.assertEqual(logs[0], sorted(set(logs[0])))
        self.assertLess(logs[0][0], 0.2)

    def test_loss_that_is_not_finite(self):
        out = self.tmp / "nan"
        self.refuse(1, "step 3: the loss is not finite", "--out", out, "--lr", "1e30", "--warmup", "1", "--clip", "0")
        self.assertTrue((out / "discriminator" / "model.safetensors").exists())

    def test_interrupted_before_the_first(self):
        """Nobody has to wait for a text that does not come, and nothing is left; nor does a pipe in a folder stop anybody."""
        out = self.tmp / "waiting"
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            p = subprocess.Popen([EXE, "pretrain", "-", *words("--out", out)], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
            time.sleep(0.5)
            p.send_signal(number)
            self.assertEqual(p.wait(20), code)
            p.stdin.close()
            self.assertFalse(out.exists())
        folder = self.tmp / "piped"
        folder.mkdir()
        shutil.copy(FOLDER / "corpus.txt", folder / "a.txt")
        os.mkfifo(folder / "b.txt")
        self.assertEqual(self.run_it("--out", out, "--steps", "2", corpus=[folder]).returncode, 0)

    def test_standard_input_ends(self):
        self.refuse(1, "has ended", "--out", self.tmp / "input", corpus=["-"], stdin="one line of text\n\nand another\n")

    def test_masked_lm_alone(self):
        out = self.tmp / "mlm"
        done = self.run_it("--out", out, "--objective", "mlm", "--steps", "6")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse((out / "discriminator").exists())
        line = lines(out / "log.jsonl")[-1]
        self.assertIsNone(line["disc_loss"])
        self.assertAlmostEqual(line["loss"], line["masked_lm_loss"], places=5)

    def test_goes_on_from_halves(self):
        out = self.tmp / "init"
        done = self.run_it("--out", out, "--init", self.whole, "--steps", "5")
        self.assertEqual(done.returncode, 0, done.stderr)
        last = [line for line in lines(self.whole / "log.jsonl") if "eval_loss" not in line][-1]
        self.assertLess(lines(out / "log.jsonl")[0]["masked_lm_loss"], last["masked_lm_loss"] + 0.5)
        other = self.tmp / "other"
        shutil.copytree(self.whole / "generator", other / "generator")
        shutil.copytree(out / "discriminator", other / "discriminator")
        self.refuse(4, "is shared, but differs", "--out", self.tmp / "never", "--init", other)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
