#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_memory.py PLEIONE SOURCE: training on cpu takes what `estimate --train` says and at most 40 MB more, saving included,
whatever part of a batch is padding."""
import json
import pathlib
import random
import resource
import struct
import subprocess
import sys
import tempfile

BATCH, LENGTH, STEPS, BEYOND = 32, 128, 4, 40e6


def write_data(path):
    """A safetensors file of ragged rows, each batch with less padding than the one before."""
    draw = random.Random(0)
    lengths = [draw.randint(LENGTH * (step + 1) // (STEPS + 1), LENGTH) for step in range(STEPS) for _ in range(BATCH)]
    rows = {"input_ids": [[draw.randint(5, 4095) if i < n else 0 for i in range(LENGTH)] for n in lengths],
            "attention_mask": [[int(i < n) for i in range(LENGTH)] for n in lengths],
            "labels": [[draw.randint(0, 1) for _ in range(LENGTH)] for _ in lengths]}
    header, data = {}, b""
    for name, values in rows.items():
        bytes_of = struct.pack(f"<{len(values) * LENGTH}q", *[v for row in values for v in row])
        header[name] = {"dtype": "I64", "shape": [len(values), LENGTH], "data_offsets": [len(data), len(data) + len(bytes_of)]}
        data += bytes_of
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    pleione, model = sys.argv[1], pathlib.Path(sys.argv[2]) / "models/electra-tiny-discriminator"
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "data.safetensors"
        write_data(data)
        told = json.loads(subprocess.run([pleione, "estimate", model, "--train", "-b", str(BATCH), "-s", str(LENGTH), "--device", "cpu",
                                          "--json"], check=True, capture_output=True, text=True).stdout)
        subprocess.run([pleione, "train", model, "--data", data, "--out", pathlib.Path(folder) / "out", "--batch", str(BATCH),
                        "--steps", str(STEPS), "--device", "cpu"], check=True)
    planned = told["total_bytes"]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(f"planned {planned / 1e6:.1f} MB, peak {peak / 1e6:.1f} MB")
    sys.exit(peak > planned + BEYOND or planned < 50e6)


main()
