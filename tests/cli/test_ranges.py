#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Numbers of options that are out of their range: test_ranges.py PLEIONE

Each is exit code 2 with one sentence that names the option, before any work: the files that are named are not there, and nobody says so.
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

EXE = sys.argv[1]
STEPS = {"--lr": ("-1e-4", "1e39"), "--weight-decay": ("-0.01", "1e39"), "--clip": ("-1", "1e39"), "--beta1": ("-0.1", "1"),
         "--beta2": ("-0.1", "1"), "--eps": ("-1e-6", "1e39"), "--layer-decay": ("0", "-0.8", "1e39"),
         "--dropout": ("-1", "-0.1", "1", "1.5", "0.99999999999"), "--warmup": ("4294967295", "-1", "1.5"), "--batch": ("0",),
         "--steps": ("0",), "--accumulate": ("0",)}
ALWAYS = ("nan", "inf", "0x1", "")
COMMANDS = {
    "train": (["train", "no/model", "--data", "no/data"], {}),
    "pretrain": (["pretrain", "no/text", "--vocab", "no/vocab"],
                 {"--generator-size": ("0", "-0.25", "1.01"), "--generator-layers": ("0", "-1", "2"), "--mask-prob": ("0", "-0.15", "1.01"),
                  "--mask-token-prob": ("0", "-1", "1.01"), "--temperature": ("0", "-1", "1e-60", "1e39"),
                  "--generator-weight": ("0", "-1", "1e-60", "1e39"), "--discriminator-weight": ("0", "-50", "1e-60", "1e39")}),
    "finetune": (["finetune", "no/model", "--task", "classify", "--train", "no/a.csv", "--validation", "no/b.csv"],
                 {"--epochs": ("0", "-1", "1e7"), "--warmup-ratio": ("-0.1", "1.01"), "--label-smoothing": ("-0.1", "1.1"),
                  "--stride": ("4294967295", "-1")}),
}


class Ranges(unittest.TestCase):
    def refuse(self, option, value, command):
        done = subprocess.run([EXE, *command, option, value], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (2, ""), (command[0], option, value, done.stderr))
        self.assertRegex(done.stderr, f"^pleione: option {option}: .*\n$")

    def test_steps(self):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "out"
            for name, (command, own) in COMMANDS.items():
                for option, values in (STEPS | own).items():
                    for value in values + ALWAYS:
                        self.refuse(option, value, [*command, "--out", str(out)])
            self.assertEqual(list(pathlib.Path(folder).iterdir()), [])

    def test_others(self):
        for value in ("0", "-0.15", "1.01") + ALWAYS:
            self.refuse("--mask-prob", value, ["estimate", "no/model", "--pretrain", "-b", "1", "-s", "8"])
        for value in ("-1", "1e39") + ALWAYS:
            self.refuse("--tolerance", value, ["bench", "no/model", "--against", "no/file"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
