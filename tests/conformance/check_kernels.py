#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Conformance catches each fault of kernels.py, and names the op: check_kernels.py CONFORM CC ROOT [NAME...]"""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from kernels import KERNELS

FOLDER = "backends/reference"
FLAGS = ["-std=c11", "-O1", "-w", "-fPIC", "-fvisibility=hidden", "-pthread"]
SWITCH = "extern int which;\n"
QUERY = f"""#include <stdlib.h>
#include "{FOLDER}/reference.h"
int which;
PLN_BACKEND_EXPORT const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max)
{{
    static pln_backend all;
    which = getenv("WHICH") ? atoi(getenv("WHICH")) : 0;
    all = *pln_reference_query(1, 1000);
    all.name = "kernels";
    return abi_min <= PLN_ABI_VERSION && PLN_ABI_VERSION <= abi_max ? &all : NULL;
}}
"""


def switched(text, file):
    """The text of a file with each of its faults behind its number, counted from 1."""
    faults = {}
    for number, (name, _, where, old, new, *_) in enumerate(KERNELS, 1):
        if where == file:
            faults.setdefault(old, []).append(f"which == {number} ? ({new}) : ")
    for old, chain in faults.items():
        if old not in text:
            raise ValueError(f"{file} no longer has {old!r}")
        text = text.replace(old, f"({''.join(chain)}({old}))", 1)
    return text


def build(compiler, root, folder):
    """One plugin, of kernels for f32 with a switch and of others as they are."""
    (folder / FOLDER).mkdir(parents=True)
    for source in (root / FOLDER).glob("*.[ch]"):
        text = switched(source.read_text(), source.name)
        (folder / FOLDER / source.name).write_text(SWITCH + text if source.suffix == ".c" else text)
    (folder / "query.c").write_text(QUERY)
    parts = [(s, folder, [], s.name) for s in (folder / FOLDER).glob("*.c")] + [(folder / "query.c", folder, [], "query.c")]
    parts += [(s, root, ["-DREF_DOUBLE"], "wide-" + s.name) for s in (root / FOLDER).glob("*.c")
              if s.name not in ("activate.c", "backend.c")]

    def compile_one(part):
        source, first, flags, name = part
        made = folder / f"{name}.o"
        subprocess.run([*compiler, *FLAGS, *flags, f"-I{first}", f"-I{root}", "-c", str(source), "-o", str(made)], check=True)
        return str(made)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, parts))
    plugin = folder / "pleione-kernels.so"
    subprocess.run([*compiler, "-shared", "-pthread", *objects, "-o", str(plugin), "-lm"], check=True)
    return plugin


def judge(conform, plugin, number):
    name, op, _, _, _, *cases = KERNELS[number - 1]
    more = ["--case", cases[0]] if cases else ["--level", "2"]
    made = subprocess.run([conform, str(plugin), "--op", op, "--first", "--json", "--threads", "1", *more],
                          capture_output=True, text=True, env={**os.environ, "WHICH": str(number)})
    said = [f"L{f['level']} {f['name']}: {f['why']}" for f in json.loads(made.stdout)["failures"]]
    if len(said) != 1 or op not in said[0] or "round" not in said[0]:
        return f"{op}, {name}: exit {made.returncode}, {said or 'nothing was found'}"
    return None


def main():
    conform, compiler, root = sys.argv[1], sys.argv[2].split(), pathlib.Path(sys.argv[3])
    only = sys.argv[4:]
    chosen = [i for i, fault in enumerate(KERNELS, 1) if not only or fault[0] in only]
    with tempfile.TemporaryDirectory() as folder:
        plugin = build(compiler, root, pathlib.Path(folder))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            failed = [why for why in pool.map(lambda number: judge(conform, plugin, number), chosen) if why]
    print("\n".join(failed) or f"{len(chosen)} faults, all caught and named")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
