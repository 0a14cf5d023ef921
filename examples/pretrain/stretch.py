#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Both halves of a run of short texts, ready for longer ones: stretch.py RUN FOLDER SEEN

A run of texts of at most SEEN tokens leaves the rows of the later positions as they were drawn. Here they begin as copies
of the rows that it trained, but for those of the first and the last token, which are [CLS] and mostly [SEP]. A text of any
length then reads as well as a short one from the first step on."""
import json
import os
import shutil
import struct
import sys

HALVES, TABLE = ("discriminator", "generator"), "electra.embeddings.position_embeddings.weight"


def stretch(path, seen):
    with open(path, "r+b") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        entry = json.loads(file.read(length))[TABLE]
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        row = (end - begin) // entry["shape"][0]
        file.seek(begin)
        rows = [file.read(row) for _ in range(entry["shape"][0])]
        rows[seen:] = [rows[1 + (i - 1) % (seen - 2)] for i in range(seen, len(rows))]
        file.seek(begin)
        file.write(b"".join(rows))


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    run, folder, seen = sys.argv[1], sys.argv[2], int(sys.argv[3])
    making = folder + ".making"
    shutil.rmtree(making, ignore_errors=True)
    for half in HALVES:
        shutil.copytree(f"{run}/{half}", f"{making}/{half}")
        stretch(f"{making}/{half}/model.safetensors", seen)
    os.rename(making, folder)


main()
