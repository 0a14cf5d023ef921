#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes model directories and request files that are wrong in one way each: broken.py MODEL FOLDER"""
import json
import pathlib
import shutil
import struct
import sys


def read(path):
    data = path.read_bytes()
    n = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8:8 + n]), data[8 + n:]


def write(path, header, body, length=None):
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + body)


def main():
    model, out = map(pathlib.Path, sys.argv[1:])
    header, body = read(model / "model.safetensors")
    word = "electra.embeddings.word_embeddings.weight"

    def variant(name, **files):
        folder = out / name
        shutil.copytree(model, folder)
        return folder

    def config(name, **changes):
        folder = variant(name)
        data = json.loads((folder / "config.json").read_text())
        data.update(changes)
        (folder / "config.json").write_text(json.dumps(data))

    config("unknown-activation", hidden_act="swoosh")
    config("weighted-activation", hidden_act="prelu")
    config("odd-heads", num_attention_heads=3)
    config("other-shape", embedding_size=95)
    config("not-electra", model_type=3)
    config("wrong-problem", problem_type="guessing")
    config("wrong-positions", position_embedding_type="rotary")
    (variant("no-weights") / "model.safetensors").unlink()
    (variant("no-config") / "config.json").unlink()
    (variant("no-vocab") / "vocab.txt").unlink()
    (variant("config-no-json") / "config.json").write_text("{ \"hidden_size\": ")
    write(variant("long-header") / "model.safetensors", header, body, length=2**63)
    write(variant("header-past-end") / "model.safetensors", header, body, length=len(json.dumps(header)) + len(body) + 1)
    (variant("truncated") / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes()[:-1000])
    (variant("empty") / "model.safetensors").write_bytes(b"")
    overlap = json.loads(json.dumps(header))
    names = [n for n in overlap if n != "__metadata__"]
    overlap[names[1]]["data_offsets"][0] -= 4
    write(variant("overlap") / "model.safetensors", overlap, body)
    lying = json.loads(json.dumps(header))
    lying[word]["shape"][0] += 1
    write(variant("lying-shape") / "model.safetensors", lying, body)
    lacking = {k: v for k, v in header.items()}
    lacking["electra.embeddings.renamed"] = lacking.pop(word)
    write(variant("lacking") / "model.safetensors", lacking, body)

    def request(name, **tensors):
        header, body = {}, b""
        for key, (dtype, shape, data) in tensors.items():
            header[key] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
            body += data
        write(out / f"{name}.safetensors", header, body)

    ids = lambda *v: ("I64", [1, len(v)], struct.pack(f"<{len(v)}q", *v))
    request("good", input_ids=ids(2, 7, 9, 3))
    request("id-out-of-range", input_ids=ids(2, 8192, 3))
    request("negative-id", input_ids=ids(2, -1, 3))
    request("too-long", input_ids=ids(*[2] * 513))
    request("both", input_ids=ids(2, 3), inputs_embeds=("F32", [1, 2, 96], bytes(4 * 192)))
    request("neither", attention_mask=ids(1, 1))
    request("wrong-width", inputs_embeds=("F32", [1, 2, 95], bytes(4 * 190)))
    request("wrong-mask", input_ids=ids(2, 7, 3), attention_mask=ids(1, 1))
    request("unknown-name", input_ids=ids(2, 3), input_idz=ids(2, 3))
    request("wrong-labels", input_ids=ids(2, 3), labels=ids(1))
    request("float-ids", input_ids=("F32", [1, 2], bytes(8)))


if __name__ == "__main__":
    main()
