#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""devices --dump-kernels on one backend: check_dump.py PLEIONE BACKEND. Every op of ops.def, every tile and both storages are there;
texts are whole and what lies beside them says how to compile them."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

OPS_DEF = pathlib.Path(__file__).resolve().parents[2] / "graph/ops.def"
TILES = {("linear", "128x128"), ("linear", "64x64"), ("linear", "32x32"), ("attention", "32x32"), ("attention", "24x64"), ("attention", "16x32"), ("attention", "8x32")}
KEYS = {"name", "tile", "specialization", "subgroup_size", "workgroup"}
HALF = 128  # flag of `linear`, constant 7


def check_text(path, about):
    text = path.read_bytes()
    constants = about["specialization"]
    assert list(constants) == [str(i) for i in range(len(constants))], path
    assert about["workgroup"] == constants["0"], path
    if path.suffix == ".spv":
        assert set(about) == KEYS and text[:4] == b"\x03\x02\x23\x07" and len(text) % 4 == 0, path
    else:
        assert set(about) == KEYS | {"options"}, path
        assert f"KERNEL({about['name'].split()[0]})".encode() in text, path
        assert all(f"-DS{i}={value}u" in about["options"].split() for i, value in constants.items()), path


def main():
    pleione, backend = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        command = [pleione, "devices", "--device", backend, "--device-option", "vendor=other", "--dump-kernels", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found = {path: json.loads(path.with_suffix(".json").read_text())
                 for path in pathlib.Path(folder).iterdir() if path.suffix != ".json"}
        for path, about in found.items():
            check_text(path, about)
    ops = {path.name.split("-")[0] for path in found}
    tiles = {(path.name.split("-")[0], about["tile"]) for path, about in found.items()}
    halves = {about["specialization"]["7"] & HALF for about in found.values() if about["name"].startswith("linear ")}
    wanted = set(re.findall(r"^PLN_OP\(\d+, \d+, \w+, (\w+)", OPS_DEF.read_text(), re.MULTILINE))
    assert wanted and ops == wanted, ops ^ wanted
    assert TILES <= tiles, TILES - tiles
    assert halves == {0, HALF}, halves


main()
