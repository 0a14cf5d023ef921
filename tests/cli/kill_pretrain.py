#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pleione pretrain, killed at random moments: kill_pretrain.py PLEIONE FOLDER [KILLS [SEED]]

A run with validations, checkpoints, events and a picture is killed with SIGKILL at any moment, again and again, and gone on with. In
the end weights, log and events must be those of a run that nobody disturbed. FOLDER as for test_pretrain.py. By hand, since it takes
minutes; test_pretrain.py has a short one. What it said when it was last run, on a machine with 13 processes a core:

    50 kills, 29 with half of a checkpoint there, 1 after the end; weights, log, events equal: [True, True, True]
"""
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import events

TIMES = {"tokens_per_s", "data_wait", "page_faults"}


def command(exe, folder, out):
    text = folder / "corpus.txt"
    return [exe, "pretrain", text, "--vocab", folder / "vocab.txt", "--config", folder / "config.json", "--device", "cpu", "--batch", "8",
            "--max-length", "32", "--warmup", "5", "--lr", "1e-3", "--seed", "3", "--shuffle-buffer", "64", "--steps", "400",
            "--save-every", "3", "--validation", text, "--validation-examples", "16", "--validate-every", "9", "--out", out / "run",
            "--plot", out / "run.svg", "--tensorboard", out / "board", "--resume"]


def result(out):
    log = [json.loads(line) for line in (out / "run/log.jsonl").read_text().splitlines()]
    found = [(step, sorted(k for k in values if k not in TIMES)) for step, values in events.read(out / "board/events.out.tfevents.pleione")]
    weights = [(out / f"run/{half}/model.safetensors").read_bytes() for half in ("discriminator", "generator", "best/discriminator")]
    return weights, [{k: v for k, v in line.items() if k not in TIMES} for line in log], found


def run(words):
    began = time.time()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.time() - began


def main():
    exe, folder = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
    kills, draw = int(sys.argv[3]) if len(sys.argv) > 3 else 50, random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 0)
    with tempfile.TemporaryDirectory() as tmp:
        whole, killed = pathlib.Path(tmp, "whole"), pathlib.Path(tmp, "killed")
        whole.mkdir()
        killed.mkdir()
        seconds = run(command(exe, folder, whole))
        while_saving = done = 0
        for _ in range(kills):
            p = subprocess.Popen(command(exe, folder, killed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(draw.uniform(0, 2.5 * seconds / kills + 0.1))
            p.send_signal(signal.SIGKILL)
            done += p.wait() == 0
            while_saving += (killed / "run/.partial-checkpoint").is_dir()
        run(command(exe, folder, killed))
        same = [a == b for a, b in zip(result(whole), result(killed))]
    print(f"{kills} kills, {while_saving} with half of a checkpoint there, {done} after the end; weights, log, events equal: {same}")
    sys.exit(not all(same))


main()
