#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Commands whose device is lost at a run, with each --on-device-lost: test_lost.py PLEIONE SOURCE DEVICE

Opened again, a command ends in the same bytes as on a device that stays; where the reference goes on, in the same numbers
to 1e-4. The loss of a device that nobody cares for is exit code 1 with a sentence that names it.
"""
import array
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tasks"))
import drawn

pleione, source, device = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
to = pathlib.Path(tempfile.mkdtemp(prefix="pleione-lost-"))
NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")

LOST, NEXT = "is lost", "go to the next device"
OTHERS = re.compile("is missing|drawn at random|every row")  # warnings that are about something else


def scored(name):
    """Model, task, rows of a case of tests/tasks/scored."""
    case = json.loads((source / f"tests/tasks/scored/{name}.json").read_text())
    model, rows = to / name, to / f"{name}.jsonl"
    if not model.exists():
        drawn.write_model(name, model, "scored")
    rows.write_text("".join(json.dumps({k: v for k, v in row.items() if "." not in k}) + "\n" for row in case["rows"]))
    return [str(model), "--task", case["task"], "--input", str(rows), "--json"]


training = source / "tests/training/cases/pretraining"
COMMANDS = {
    "run": ["run", *scored("classify")],
    "generate": ["run", *scored("generate")],
    "evaluate": ["evaluate", *scored("classify")],
    "evaluate a writer": ["evaluate", *scored("generate")],
    "forward": ["forward", str(training), "--inputs", str(training / "data.safetensors"), "--outputs"],
    "train": ["train", str(training), "--data", str(training / "data.safetensors"), "--batch", "4", "--steps", "3",
              "--seed", "3", "--log", str(to / "log.jsonl"), "--out"],
}
if device != "cpu":  # their compilers are slow
    COMMANDS = {name: COMMANDS[name] for name in ("run", "generate", "forward")}


def numbers(path):
    """All that a .safetensors holds."""
    data = path.read_bytes()
    return array.array("f", data[8 + int.from_bytes(data[:8], "little"):]).tolist()


def go(name, faults, *more, on=device):
    command = [pleione, *COMMANDS[name]]
    out = to / f"out-{len(list(to.iterdir()))}"
    if name in ("train", "forward"):
        command.append(str(out))
    done = subprocess.run([*command, "--device", on, "--threads", "2", *more], capture_output=True, text=True,
                          env=os.environ | {"PLEIONE_FAULTS": faults})
    if name == "forward":
        return done.returncode, json.dumps(numbers(out)) if done.returncode == 0 else "", done.stderr
    if name != "train":
        return done.returncode, done.stdout, done.stderr
    log = [json.loads(line) for line in (to / "log.jsonl").read_text().splitlines()] if done.returncode == 0 else []
    return done.returncode, json.dumps([(line["loss"], line["gradient_norm"]) for line in log]), done.stderr


class Lost(unittest.TestCase):
    def near(self, found, right):
        self.assertEqual(NUMBER.sub("x", found), NUMBER.sub("x", right))
        for a, b in zip(NUMBER.findall(found), NUMBER.findall(right), strict=True):
            self.assertTrue(math.isclose(float(a), float(b), rel_tol=1e-4, abs_tol=1e-4), (a, b))

    def test_ways(self):
        for name in COMMANDS:
            code, right, said = go(name, "")
            self.assertEqual((code, said), (0, ""), name)
            for k in (1, 2) if device == "cpu" else (1,):  # how many runs rows come to hangs on when they come: there may be no second one
                rule = f"plan_run:{k}=lost"
                with self.subTest(name, rule=rule):
                    code, found, said = go(name, rule, "--on-device-lost", "fail")
                    if k == 1 or code:
                        self.assertEqual(code, 1)
                        self.assertRegex(said, f"{device}.*as the faults say")
                    code, found, said = go(name, rule, "--on-device-lost", "reopen")
                    self.assertEqual((code, found), (0, right), said)
                    self.assertRegex(said, LOST if k == 1 else f"^$|{LOST}")
                    code, found, said = go(name, rule, "--on-device-lost", "failover")
                    self.assertEqual(code, 0, said)
                    self.assertRegex(said, NEXT if k == 1 else f"^$|{NEXT}")
                    self.near(found, right)

    def long_run(self, command, name, faults, *more):
        """Exit code, what was said, and what stands in the folder that does not hang on time."""
        out = to / name
        done = subprocess.run([pleione, *command, "--out", str(out), "--device", device, "--threads", "2", *more], capture_output=True,
                              text=True, env=os.environ | {"PLEIONE_FAULTS": faults})
        said = [line for line in done.stderr.splitlines() if not OTHERS.search(line)]
        times = {"tokens_per_s", "data_wait", "page_faults"}
        log = [{k: v for k, v in json.loads(line).items() if k not in times} for line in (out / "log.jsonl").read_text().splitlines()]
        weights = {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*.safetensors")}
        return done.returncode, said, json.dumps(log), weights

    def same(self, found, right):
        code, said, log, weights = found
        self.assertEqual((code, log), (0, right[0]), said)
        self.assertEqual(weights.keys(), right[1].keys())
        self.assertEqual([name for name in weights if weights[name] != right[1][name]], [])

    def long_runs(self, command, name, rules):
        """Lost where `rules` say: an error that leaves what was whole and is gone on with, or no error and the same bits, or near ones."""
        code, said, log, weights = self.long_run(command, f"{name}-whole", "")
        self.assertEqual((code, said), (0, []))
        for i, rule in enumerate(rules):
            rule = f"{device}.{rule}=lost"
            with self.subTest(name, rule=rule):
                out = f"{name}-{i}-fail"
                code, said, *_ = self.long_run(command, out, rule, "--on-device-lost", "fail")
                self.assertEqual((code, len(said)), (1, 1), said)
                self.assertRegex(said[0], f"{device}.*as the faults say")
                self.assertEqual([p.name for p in (to / out).iterdir() if "partial" in p.name], [])
                self.same(self.long_run(command, out, "", "--resume"), (log, weights))
                again = self.long_run(command, f"{name}-{i}-again", rule, "--on-device-lost", "reopen")
                self.same(again, (log, weights))
                self.assertRegex(" ".join(again[1]), LOST)
                code, said, near, _ = self.long_run(command, f"{name}-{i}-next", rule, "--on-device-lost", "failover")
                self.assertEqual(code, 0, said)
                self.assertRegex(" ".join(said), NEXT)
                self.near(near, log)

    def test_pretrain(self):
        folder = source / "tests/training/pretraining"
        command = ["pretrain", str(folder / "corpus.txt"), "--vocab", str(folder / "vocab.txt"), "--config", str(folder / "config.json"),
                   "--batch", "4", "--max-length", "32", "--steps", "5", "--warmup", "1", "--save-every", "2", "--validation",
                   str(folder / "corpus.txt"), "--validation-examples", "8", "--seed", "3"]
        # Of a step, of the second half of a validation, of a step behind it.
        self.long_runs(command, "pretrain", [f"plan_run:{k}" for k in ((1, 6, 8) if device == "cpu" else (6,))])

    def test_finetune(self):
        rows, model = [to / "learned.jsonl", to / "judged.jsonl"], to / "base"
        for i, path in enumerate(rows):
            path.write_text("".join(json.dumps({"text": f"{'good' if k % 3 else 'bad'} {'king' * (k % 4)} day", "label": "yes" if k % 3 else "no"})
                                    + "\n" for k in range(24 - 12 * i)))
        if not model.exists():
            drawn.write_model("classify", model, "scored")
        command = ["finetune", str(model), "--task", "classify", "--train", str(rows[0]), "--validation", str(rows[1]), "--batch", "8",
                   "--epochs", "2", "--save-every", "2", "--layer-decay", "1", "--dropout", "0.1", "--seed", "3"]
        self.long_runs(command, "finetune", [f"plan_run:{k}" for k in ((2, 7, 8) if device == "cpu" else (7,))])

    def test_no_next(self):
        """The one device that can go on is the one that was lost."""
        code, found, said = go("run", "plan_run:1=lost", "--on-device-lost", "failover", on="reference")
        self.assertEqual((code, found), (3, ""))
        self.assertRegex(said, "no chosen device takes node .*it was lost")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
