#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench/peers without a peer: rounds, ratios and tables with engines made for it, and sentences for wrong requests:
test_peers.py PLEIONE SOURCE"""
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import types

PLEIONE, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
MODEL = SOURCE / "models/electra-tiny-discriminator"
PEERS = SOURCE / "bench/peers"
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "bench"))


def load():
    loader = importlib.machinery.SourceFileLoader("peers", str(PEERS))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("peers", loader))
    loader.exec_module(module)
    module.PAUSE = 0
    return module


class Engine:
    """Takes the given times in turn."""

    def __init__(self, name, times, order):
        self.name, self.times, self.order = name, list(times), order

    def run(self, shape, seconds):
        self.order.append(self.name)
        time = self.times.pop(0)
        return {"best_ms": time, "median_ms": 2 * time, "tokens": 100, "gflops": 50 / time, "roof_gflops": 100}


def check_rounds(peers):
    order = []
    own = [Engine("pleione", [4, 2, 3], order), Engine("pleione level=c", [40, 20, 30], order)]
    others = [Engine("a", [9, 8, 7], order), Engine("b", [6, 5, 6], order)]
    arguments = types.SimpleNamespace(rounds=3, seconds=1, math="f32", threads=2, generate=0)
    r = peers.measure(own, others, "8x4-16", arguments)
    names = ["pleione", "pleione level=c", "a", "b"]
    assert order == names + names[1:] + names[:1] + names[2:] + names[:2], order
    assert r["best_ms"] == {"pleione": 2, "pleione level=c": 20, "a": 7, "b": 5} and r["fastest_peer"] == "b", r
    assert r["ratio"] == {"pleione": 2.5, "pleione level=c": 0.25}, r
    assert r["median_ms"]["pleione"] == 6 and r["of_roof_percent"] == 25, r
    return r


def check_tables(peers, result):
    with tempfile.TemporaryDirectory() as folder:
        outputs = [pathlib.Path(folder) / "t.json", pathlib.Path(folder) / "t.md"]
        arguments = types.SimpleNamespace(model=str(MODEL), math="f32", threads=2, rounds=3, output=outputs, generate=0)
        with contextlib.redirect_stdout(io.StringIO()):
            peers.save(arguments, [result, result])
        assert json.loads(outputs[0].read_text())["results"] == [result, result]
        lines = [line for line in outputs[1].read_text().splitlines() if line.startswith("|")]
        assert len(lines) == 4 and len({line.count("|") for line in lines}) == 1, lines
        assert lines[2] == "| 8x4-16 | 2.00 | 20.00 | 7.00 | 5.00 | 50000 | 25 | b | 2.50 | 0.25 |", lines[2]
        assert sorted(p.name for p in pathlib.Path(folder).iterdir()) == ["t.json", "t.md"]


def check_pleione(peers):
    arguments = types.SimpleNamespace(pleione=PLEIONE, model=str(MODEL), threads=1, math="f32", generate=0)
    engine = peers.Pleione(arguments)
    engine.command[engine.command.index("cpu")] = "reference"
    r = engine.run("2x3-8", 0.01)
    assert 6 <= r["tokens"] <= 16 and r["best_ms"] <= r["median_ms"] and r["roof_gflops"] > r["gflops"], r
    arguments.generate, arguments.model = 5, str(SOURCE / "tests/generation/cases/writer")
    engine = peers.Pleione(arguments)
    engine.command[engine.command.index("cpu")] = "reference"
    r = engine.run("2x3", 0.01)
    assert r["tokens"] == 2 and r["new_tokens"] == 5 and r["best_ms"] > 0 and r["roof_gflops"] >= r["gflops"], r


def check_refusals():
    for wanted, options in [("no engine abacus", ["--peers", "abacus"]), ("no engine ncnn", ["--generate", "3", "--peers", "ncnn"]),
                            ("of one length", ["--generate", "3", "--ragged", "2x3-8"]), ("no shape like", ["--shapes", "8by128"]),
                            ("does not end in .json or .md", ["-o", "t.pdf"]), ("cannot be written", ["-o", "/nowhere/t.md"])]:
        found = subprocess.run([sys.executable, str(PEERS), str(MODEL), *options], capture_output=True, text=True)
        assert found.returncode and wanted in found.stderr and "Traceback" not in found.stderr, (options, found.stderr)


def main():
    peers = load()
    check_tables(peers, check_rounds(peers))
    check_pleione(peers)
    check_refusals()


if __name__ == "__main__":
    main()
