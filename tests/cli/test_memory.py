#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_memory.py PLEIONE SOURCE: training on cpu takes what `estimate --train` says and at most 40 MB more, saving included,
whatever part of a batch is padding; fine-tuning too, validations included."""
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


def write_rows(path):
    """Texts that are cut to LENGTH, and shorter ones."""
    draw = random.Random(1)
    path.write_text("".join(json.dumps({"text": " ".join(draw.choice(["king", "day", "house"]) for _ in range(n)), "label": n % 2}) + "\n"
                            for n in [LENGTH, LENGTH + 1, *(draw.randint(10, LENGTH) for _ in range(2 * BATCH - 2))]))


def plan(pleione, model, *more):
    told = subprocess.run([pleione, "estimate", model, "--train", "-b", str(BATCH), "-s", str(LENGTH), "--device", "cpu", "--json", *more],
                          check=True, capture_output=True, text=True)
    return json.loads(told.stdout)["total_bytes"]


def judge(what, planned):
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(f"{what}: planned {planned / 1e6:.1f} MB, peak {peak / 1e6:.1f} MB")
    if peak > planned + BEYOND or planned < 50e6:
        sys.exit(1)


def main():
    pleione, model = sys.argv[1], pathlib.Path(sys.argv[2]) / "models/electra-tiny-discriminator"
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "data.safetensors"
        write_data(data)
        rows = pathlib.Path(folder) / "rows.jsonl"
        write_rows(rows)
        subprocess.run([pleione, "train", model, "--data", data, "--out", pathlib.Path(folder) / "out", "--batch", str(BATCH),
                        "--steps", str(STEPS), "--device", "cpu"], check=True)
        judge("train", plan(pleione, model))
        subprocess.run([pleione, "finetune", model, "--task", "classify", "--train", rows, "--validation", rows, "--out",
                        pathlib.Path(folder) / "tuned", "--batch", str(BATCH), "--epochs", "2", "--save-every", "1", "--device", "cpu"],
                       check=True, capture_output=True)
        judge("finetune", max(plan(pleione, model), plan(pleione, model, "--head", "sequence-classification")))


main()
