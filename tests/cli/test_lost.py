#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Commands whose device is lost at a run, with each --on-device-lost: test_lost.py PLEIONE SOURCE DEVICE

Opened again, a command ends in the same bytes as on a device that stays; where the reference goes on, in the same numbers
to 1e-4. The loss of a device that nobody cares for is exit code 1 with a sentence that names it.
"""
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
    "train": ["train", str(training), "--data", str(training / "data.safetensors"), "--batch", "4", "--steps", "3",
              "--seed", "3", "--log", str(to / "log.jsonl"), "--out"],
}
if device != "cpu":  # their compilers are slow
    COMMANDS = {name: COMMANDS[name] for name in ("run", "generate")}


def go(name, faults, *more, on=device):
    command = [pleione, *COMMANDS[name]]
    out = to / f"out-{len(list(to.iterdir()))}"
    if name == "train":
        command.append(str(out))
    done = subprocess.run([*command, "--device", on, "--threads", "2", *more], capture_output=True, text=True,
                          env=os.environ | {"PLEIONE_FAULTS": faults})
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

    def test_no_next(self):
        """The one device that can go on is the one that was lost."""
        code, found, said = go("run", "plan_run:1=lost", "--on-device-lost", "failover", on="reference")
        self.assertEqual((code, found), (3, ""))
        self.assertRegex(said, "no chosen device takes node .*it was lost")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
