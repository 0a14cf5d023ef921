# SPDX-License-Identifier: Apache-2.0
"""The models of make_cases.py and make_scored.py, drawn by a rule: from tests/tasks/cases/NAME.json or scored/NAME.json to a
folder. tests/tasks/drawn.h is the same in C."""
import array
import json
import pathlib
import struct
import zlib

HERE = pathlib.Path(__file__).resolve().parent
MODELS = HERE.parent.parent / "models"
VOCABULARIES = {name: HERE / f"{name}.txt" for name in ("lower", "cased")}


def draw(name, n, seed, center, scale):
    """center + scale * v in float64, rounded to float32; v from 24 bits of a hash of name, seed and place."""
    first = zlib.crc32(name.encode()) ^ (seed * 0x85EBCA6B & 0xFFFFFFFF)
    out = array.array("f")
    for i in range(n):
        x = (i * 0x9E3779B9 + first) & 0xFFFFFFFF
        x ^= x >> 16
        x = x * 0x85EBCA6B & 0xFFFFFFFF
        x ^= x >> 13
        x = x * 0xC2B2AE35 & 0xFFFFFFFF
        x ^= x >> 16
        out.append(center + scale * ((x >> 8) * 2.0**-23 - 1))
    return out


def count(shape):
    n = 1
    for extent in shape:
        n *= extent
    return n


def write_model(name, folder, kind="cases"):
    """The folder of the model that the file has."""
    file = json.loads((HERE / kind / f"{name}.json").read_text())
    model, header, data = file["model"], {"__metadata__": {"format": "pt"}}, b""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(model["config"]))
    (folder / "tokenizer_config.json").write_text(json.dumps(model["tokenizer"]))
    (folder / "vocab.txt").write_bytes(VOCABULARIES[model["vocabulary"]].read_bytes())
    for tensor, shape, center, scale in file["tensors"]:
        values = draw(tensor, count(shape), model["seed"], center, scale).tobytes()
        header[tensor] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
