# SPDX-License-Identifier: Apache-2.0
"""Models and rows of tests/tasks/scored for a test of the command: weights are drawn by the rule of make_cases.py."""
import json
import struct
import zlib


def draw(name, count, seed, center, scale):
    first = zlib.crc32(name.encode()) ^ (seed * 0x85EBCA6B & 0xFFFFFFFF)
    for i in range(count):
        x = (i * 0x9E3779B9 + first) & 0xFFFFFFFF
        x ^= x >> 16
        x = x * 0x85EBCA6B & 0xFFFFFFFF
        x ^= x >> 13
        x = x * 0xC2B2AE35 & 0xFFFFFFFF
        x ^= x >> 16
        yield center + scale * ((x >> 8) * 2.0**-23 - 1)


def write_model(folder, case, source):
    """The model of a file of make_scored.py."""
    model = case["model"]
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(model["config"]))
    (folder / "tokenizer_config.json").write_text(json.dumps(model["tokenizer"]))
    (folder / "vocab.txt").write_bytes((source / "models/electra-tiny-discriminator/vocab.txt").read_bytes())
    header, data = {}, b""
    for name, shape, center, scale in case["tensors"]:
        count = 1
        for side in shape:
            count *= side
        values = struct.pack(f"<{count}f", *draw(name, count, model["seed"], center, scale))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
