#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The stored corpus of a fuzzing target, an input a line in hexadecimal, and the folder of files that libFuzzer takes.

corpus.py unpack FILE FOLDER    each input becomes a file
corpus.py pack FOLDER FILE      the other way, short inputs first
"""
import hashlib
import os
import sys


def main():
    verb, source, target = sys.argv[1:]
    if verb == "unpack":
        os.makedirs(target, exist_ok=True)
        with open(source, encoding="ascii") as file:
            for line in file:
                data = bytes.fromhex(line)
                with open(os.path.join(target, hashlib.sha1(data).hexdigest()), "wb") as out:
                    out.write(data)
    elif verb == "pack":
        inputs = set()
        for name in os.listdir(source):
            with open(os.path.join(source, name), "rb") as file:
                inputs.add(file.read())
        with open(target, "w", encoding="ascii") as out:
            for data in sorted(inputs, key=lambda d: (len(d), d)):
                out.write(data.hex() + "\n")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
