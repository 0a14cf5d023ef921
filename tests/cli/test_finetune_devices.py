#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every task makes its first steps on a device as on the reference, losses and scores: test_finetune_devices.py PLEIONE SOURCE DEVICE"""
import subprocess
import sys
import unittest

import test_finetune as t

device = sys.argv[3]
STEPS = ["--steps", "5", "--validate-every", "5", "--dropout", "0.1"]
TASKS = {"single": ("classify", t.single, ["--label-smoothing", "0.1", "--class-weights", "balanced"]), "multi": ("classify", t.multi, []),
         "number": ("classify", t.number, []), "tag": ("tag", t.tag, ["--class-weights", "balanced"]), "choose": ("choose", t.choose, []),
         "rank": ("rank", t.rank, []), "answer": ("answer", t.answer, []), "joint": ("answer", t.answer, ["--answer-head", "joint"]),
         "fill": ("fill-mask", t.again, []), "write": ("generate", t.again, ["--label-smoothing", "0.1"])}


class Devices(unittest.TestCase):
    def test_tasks(self):
        decoder = t.model("devices-decoder", is_decoder=True)
        for name, (task, make, more) in TASKS.items():
            files = t.rows_of(f"devices-{name}", make, n=32)
            found = {}
            for on in ("reference", device):
                out = f"devices-{name}-{on}"
                command = t.command_of(task, files, out, *STEPS, *more, base=decoder if name == "write" else None)
                command[command.index("--device") + 1] = on
                done = subprocess.run(command, capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, f"{name}: {done.stderr}")
                found[on] = t.log_of(out)
            with self.subTest(name):
                for (steps, values), (there, judged) in [(found["reference"], found[device])]:
                    for a, b in zip(steps, there, strict=True):
                        self.assertLessEqual(abs(a["loss"] - b["loss"]), 1e-4 * abs(a["loss"]), (a, b))
                        self.assertEqual([a[x] for x in ("rows", "tokens", "learning_rate")], [b[x] for x in ("rows", "tokens", "learning_rate")])
                    self.assertAlmostEqual(values[0]["eval_loss"], judged[0]["eval_loss"], delta=1e-4 * abs(values[0]["eval_loss"]))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
