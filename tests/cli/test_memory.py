#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_memory.py PLEIONE SOURCE train|finetune|pretrain: training on cpu takes what `estimate --train` says and at most 40 MB more,
saving included, whatever part of a batch is padding; so does fine-tuning with its validations, and pre-training beside `estimate
--pretrain`."""
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


def train(pleione, models, folder):
    model, data = models / "electra-tiny-discriminator", folder / "data.safetensors"
    write_data(data)
    return ([pleione, "estimate", model, "--train"],
            [pleione, "train", model, "--data", data, "--out", folder / "out", "--steps", str(STEPS)])


def finetune(pleione, models, folder):
    """Texts that are cut to LENGTH, and shorter ones; a validation after each epoch, a checkpoint after each step."""
    model, rows, draw = models / "electra-tiny-discriminator", folder / "rows.jsonl", random.Random(1)
    lengths = [LENGTH, LENGTH + 1, *(draw.randint(10, LENGTH) for _ in range(2 * BATCH - 2))]
    rows.write_text("".join(json.dumps({"text": " ".join(draw.choice(["king", "day", "house"]) for _ in range(n)), "label": n % 2}) + "\n"
                            for n in lengths))
    return ([pleione, "estimate", model, "--train", "--head", "sequence-classification"],
            [pleione, "finetune", model, "--task", "classify", "--train", rows, "--validation", rows, "--out", folder / "out", "--epochs",
             "2", "--save-every", "1"])


def pretrain(pleione, models, folder):
    """Both halves that are shipped, on documents that fill every example, with validations and two checkpoints."""
    draw, halves, text = random.Random(0), folder / "halves", folder / "text.txt"
    halves.mkdir()
    for half in ("discriminator", "generator"):
        (halves / half).symlink_to(models / f"electra-tiny-{half}")
    words = [word for word in (halves / "generator/vocab.txt").read_text().split() if word.isalpha()]
    text.write_text("".join(" ".join(draw.choices(words, k=20)) + "\n" for _ in range(20000)))
    return ([pleione, "estimate", halves, "--pretrain"],
            [pleione, "pretrain", text, "--vocab", halves / "generator", "--init", halves, "--out", folder / "out", "--steps", str(STEPS),
             "--max-length", str(LENGTH), "--validation", text, "--validation-examples", "64", "--save-every", "2"])


def main():
    pleione, models = sys.argv[1], pathlib.Path(sys.argv[2]).resolve() / "models"
    with tempfile.TemporaryDirectory() as folder:
        estimate, steps = {"train": train, "finetune": finetune, "pretrain": pretrain}[sys.argv[3]](pleione, models, pathlib.Path(folder))
        told = json.loads(subprocess.run([*estimate, "-b", str(BATCH), "-s", str(LENGTH), "--device", "cpu", "--json"], check=True,
                                         capture_output=True, text=True).stdout)
        subprocess.run([*steps, "--batch", str(BATCH), "--device", "cpu"], check=True)
    planned = told["total_bytes"]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(f"planned {planned / 1e6:.1f} MB, peak {peak / 1e6:.1f} MB")
    sys.exit(peak > planned + BEYOND or planned < 50e6)


main()
