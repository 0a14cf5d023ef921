#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""finer.py MODEL FOLDER: a copy of a model of f16 whose weights are f32 and between two numbers of f16."""
import json
import os
import shutil
import struct
import sys

model, folder = sys.argv[1:]
shutil.copytree(model, folder)
path = f"{folder}/model.safetensors"
os.chmod(path, 0o644)
with open(path, "rb") as file:
    (n,) = struct.unpack("<Q", file.read(8))
    header, body = json.loads(file.read(n)), file.read()
for name, entry in header.items():
    if name != "__metadata__":
        assert entry["dtype"] == "F16"
        entry["dtype"], entry["data_offsets"] = "F32", [2 * offset for offset in entry["data_offsets"]]
values = struct.unpack(f"<{len(body) // 2}e", body)
text = json.dumps(header).encode()
with open(path, "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + struct.pack(f"<{len(values)}f", *(v * (1 + 2**-12) for v in values)))
