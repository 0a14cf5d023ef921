#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command on a stack of 160 KiB, and JSON that nests deeper than that holds. test_small_stack.py PLEIONE SOURCE"""
import json
import os
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

PLEIONE, SOURCE = sys.argv[1:3]
MODEL = os.path.join(SOURCE, "models", "electra-tiny-discriminator")
LINE = os.path.join(SOURCE, "tests", "cli", "line.txt")
ON = ("--device", "reference")


def limit():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_STACK, (160 << 10, 160 << 10))


def run(*arguments, code=0):
    done = subprocess.run([PLEIONE, *arguments], stdin=subprocess.DEVNULL, capture_output=True, preexec_fn=limit, timeout=120)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit code {done.returncode}, expected {code}: {done.stderr.decode()}")
    return done


class SmallStack(unittest.TestCase):
    def test_commands(self):
        with tempfile.TemporaryDirectory() as folder:
            ids, out = os.path.join(folder, "in.safetensors"), os.path.join(folder, "out.safetensors")
            header = json.dumps({"input_ids": {"dtype": "I64", "shape": [1, 3], "data_offsets": [0, 24]}}).encode()
            with open(ids, "wb") as file:
                file.write(struct.pack("<Q", len(header)) + header + struct.pack("<3q", 2, 7, 3))
            for command in (("run", MODEL, *ON, "hi"), ("tokenize", MODEL, "--json", LINE), ("vocab", LINE),
                            ("forward", MODEL, *ON, "--inputs", ids, "--outputs", out),
                            ("explain", MODEL, *ON), ("estimate", MODEL, "-b", "1", "-s", "8", *ON, "--train"),
                            ("verify", *ON), ("devices", "--device", "reference"),
                            ("compare", MODEL, "--devices", "cpu,reference", "--shapes", "1x8"),
                            ("bench", MODEL, "--devices", "reference", "--shapes", "1x8", "--seconds", "0.01")):
                run(*command)

    def test_json_that_nests(self):
        deep = b"[" * 2000 + b"]" * 2000
        with tempfile.TemporaryDirectory() as folder:
            model = os.path.join(folder, "model")
            shutil.copytree(MODEL, model)
            path = os.path.join(model, "config.json")
            with open(path, "rb") as file:
                good = file.read()
            with open(path, "wb") as file:
                file.write(good.rstrip()[:-1] + b', "nobody reads": ' + deep + b"}")
            self.assertIn(b"config.json: nests deeper than 256 levels", run("run", model, *ON, "hi", code=4).stderr)
            with open(path, "wb") as file:
                file.write(good)
            path = os.path.join(model, "model.safetensors")
            with open(path, "rb") as file:
                data = file.read()
            size = struct.unpack("<Q", data[:8])[0]
            header = data[8:8 + size].rstrip()[:-1] + b', "x": ' + deep + b"}"
            with open(path, "wb") as file:
                file.write(struct.pack("<Q", len(header)) + header + data[8 + size:])
            self.assertIn(b"nests deeper than 256 levels", run("run", model, *ON, "hi", code=4).stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
