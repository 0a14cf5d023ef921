#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Conformance catches each fault of mutants*.py, and says what it is: check_mutants.py CONFORM CC ROOT [NAME...]"""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import mutants
import mutants_memory
import mutants_submitted

MUTANTS = mutants.MUTANTS + mutants_submitted.MUTANTS + mutants_memory.MUTANTS
GOOD = [("mini itself", [])] + mutants_submitted.GOOD + mutants_memory.GOOD

FLAGS = ["-std=c11", "-O1", "-w", "-fPIC", "-shared", "-fvisibility=hidden"]
LIMIT = "20"  # seconds for a case: only the mutants that hang wait for it


def build(compiler, root, text, folder):
    source, plugin = folder / "mini.c", folder / "pleione-mini.so"
    source.write_text(text)
    subprocess.run([*compiler, *FLAGS, f"-I{root}/api", str(source), "-o", str(plugin), "-lm"], check=True)
    return plugin


def judge(conform, plugin):
    made = subprocess.run([conform, str(plugin), "--op", "linear", "--first", "--json", "--limit", LIMIT],
                          capture_output=True, text=True)
    report = json.loads(made.stdout)
    said = [f"L{f['level']} {f['name']}: {f['why']}" for f in report["failures"]]
    return made.returncode, said


def edit(text, edits):
    for old, new in edits:
        if old not in text:
            raise ValueError(f"mini.c no longer has {old!r}")
        text = text.replace(old, new, 1)
    return text


def check(conform, compiler, root, good, mutant):
    name, wanted, edits = mutant
    try:
        with tempfile.TemporaryDirectory() as folder:
            code, said = judge(conform, build(compiler, root, edit(good, edits), pathlib.Path(folder)))
    except (ValueError, subprocess.CalledProcessError) as error:
        return f"{name}: {error}"
    if wanted is None:
        return None if code == 1 and not said else f"{name}: exit {code}, {said}"
    if code != 5 or len(said) != 1 or wanted not in said[0]:
        return f"{name}: exit {code}, {said or 'nothing was found'}; wanted {wanted!r}"
    return None


def main():
    conform, compiler, root = sys.argv[1], sys.argv[2].split(), pathlib.Path(sys.argv[3])
    only = sys.argv[4:]
    good = (root / "examples/backend-mini/mini.c").read_text()
    failed = []
    for name, edits in GOOD:
        with tempfile.TemporaryDirectory() as folder:
            code, said = judge(conform, build(compiler, root, edit(good, edits), pathlib.Path(folder)))
        failed += [f"{name}: exit {code}, {said}"] if code else []
    chosen = [m for m in MUTANTS if not only or m[0] in only]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        failed += [why for why in pool.map(lambda m: check(conform, compiler, root, good, m), chosen) if why]
    print("\n".join(failed) or f"{len(chosen)} mutants, all caught and named")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
