#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The stored set of checkpoints, which make_checkpoints.py writes.

set.py pack FOLDER FILE      the same bytes for the same files
set.py unpack FILE FOLDER
"""
import os
import shutil
import sys
import tarfile


def plain(entry):
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.isdir() else 0o644
    return entry


def main():
    verb, source, target = sys.argv[1:]
    if verb == "pack":
        with tarfile.open(target, "w:xz", preset=9) as out:
            for name in sorted(os.listdir(source)):
                out.add(os.path.join(source, name), name, filter=plain)
    elif verb == "unpack":
        shutil.rmtree(target, ignore_errors=True)
        with tarfile.open(source) as file:
            file.extractall(target)
        os.utime(target)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
