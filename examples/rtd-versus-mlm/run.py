#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Replaced-token detection beside masked-LM pre-training at equal compute, judged by tasks:

    run.py FOLDER [--size trial|tiny|small|medium] [--steps N] [--text TEXT] [--arms mlm,...] [--seeds 1,2,3] [--once]
           [--tasks category,...] [--threads N] [--pleione COMMAND]

Makes all of it in FOLDER: text and vocabulary (or takes the text of TEXT, a folder of examples/pretrain/gather.py), each arm's
encoder by `pleione pretrain`, sets by examples/finetune/wordnet_sets.py, models by `pleione finetune`, and FOLDER/table.md.
Called again it goes on where it was stopped, at any moment; what is done is skipped. Only what a standard Python has is needed.
The steps of an arm follow from the arithmetic of one, which `pleione estimate --pretrain` tells: all arms get the same.
"""
import argparse
import json
import math
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE / "finetune"))
from wordnet_sets import CATEGORIES  # noqa: E402

# `steps` are those of masked-LM pre-training; `rows` those that a task is learned from, `tested` those that it is judged by.
SIZES = {
    "trial": dict(vocab=500, hidden=32, layers=1, heads=2, length=32, batch=8, lr=1e-3, steps=10, rows=64, tested=20),
    "tiny": dict(vocab=2048, hidden=64, layers=2, heads=2, length=32, batch=32, lr=2e-3, steps=12000, rows=4000, tested=1000),
    "small": dict(vocab=4096, hidden=128, layers=4, heads=4, length=64, batch=32, lr=1e-3, steps=24000, rows=8000, tested=2000),
    "medium": dict(vocab=8192, hidden=256, layers=6, heads=4, length=128, batch=16, lr=5e-4, steps=150000, rows=20000, tested=2000),
}
ARMS = {  # options of pretrain; sharing; the half that is fine-tuned
    "mlm": (["--objective", "mlm"], "embeddings", "generator"),
    "rtd": (["--generator-size", "0.5"], "embeddings", "discriminator"),
    # one encoder for both losses: with the paper's weight of 50 it forgets the masks
    "rtd-all": (["--sharing", "all", "--generator-size", "1", "--discriminator-weight", "20"], "all", "discriminator"),
    "random": ([], "embeddings", "discriminator"),
}
TASKS = {  # set: task, ending, metric, options
    "category": ("classify", "csv", "accuracy", ["--lr", "1e-3", "--epochs", "3", "--labels", ",".join(sorted({*CATEGORIES.values()} - {"Tops"}))]),
    "words": ("tag", "conll", "f1", ["--lr", "1e-3", "--epochs", "3"]),
    "definition": ("answer", "json", "f1", ["--lr", "1e-3", "--epochs", "3", "--max-length", "192"]),
    "word": ("choose", "jsonl", "accuracy", ["--lr", "5e-4", "--epochs", "2"]),
    "fits": ("rank", "jsonl", "ndcg", ["--lr", "5e-4", "--epochs", "2"]),
}


class Experiment:
    def __init__(self, given):
        self.given, self.size, self.folder = given, SIZES[given.size] | ({"steps": given.steps} if given.steps else {}), given.folder
        self.text = given.text or self.folder / "text"
        self.tokenizer, self.config, self.sets, self.tests = (self.folder / x for x in ("tokenizer", "config.json", "sets", "tests"))

    def pleione(self, command, *more, **options):
        place = [] if command == "vocab" else ["--device", "cpu", "--threads", str(self.given.threads)]
        return subprocess.run([self.given.pleione, command, *map(str, more), *place], check=True, **options)

    # ---- what all arms share

    def prepare(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.text / "validation.txt").exists():
            subprocess.run([sys.executable, HERE / "pretrain/gather.py", self.text], check=True)
        if not (self.tokenizer / "vocab.txt").exists():
            self.tokenizer.mkdir(exist_ok=True)
            (self.tokenizer / "tokenizer_config.json").write_bytes((HERE / "pretrain/tokenizer_config.json").read_bytes())
            self.pleione("vocab", self.text / "train.txt", "--size", self.size["vocab"], "-o", self.tokenizer / "vocab.txt")
        for sets, rows in ((self.sets, self.size["rows"]), (self.tests, 10 * self.size["tested"])):  # a tenth is for tests
            if not (sets / "fits-test.jsonl").exists():
                subprocess.run([sys.executable, HERE / "finetune/wordnet_sets.py", sets, "--rows", str(rows)], check=True)
        self.config.write_text(json.dumps({
            "embedding_size": self.size["hidden"], "hidden_size": self.size["hidden"], "num_hidden_layers": self.size["layers"],
            "num_attention_heads": self.size["heads"], "intermediate_size": 4 * self.size["hidden"], "initializer_range": 0.09}))

    # ---- pre-training

    def pretrain(self, arm, out, seed, steps, *more):
        size = self.size
        out.parent.mkdir(parents=True, exist_ok=True)
        self.pleione("pretrain", self.text / "train.txt", "--vocab", self.tokenizer, "--config", self.config, *ARMS[arm][0], "--out", out,
                     "--resume", "--dropout", 0, "--max-length", size["length"], "--batch", size["batch"], "--steps", steps, "--lr", size["lr"],
                     "--warmup", max(1, steps // 20), "--beta2", 0.98, "--seed", seed, *more)

    def flops(self, arm):
        """Of a step: that of a model of the arm's shape, made by one step at the rate 0."""
        out = self.folder / "shapes" / arm
        self.pretrain(arm, out, 1, 1)
        told = self.pleione("estimate", out, "--pretrain", "-b", self.size["batch"], "-s", self.size["length"], "--json", "--sharing", ARMS[arm][1],
                            "--objective", "mlm" if arm == "mlm" else "rtd", capture_output=True, text=True)
        return json.loads(told.stdout.splitlines()[0])["flops"]

    def plan(self):
        """The steps of every arm. `random` makes one, whose rate is 0, and so keeps the weights that were drawn."""
        flops = {arm: self.flops(arm) for arm in dict.fromkeys(["mlm", *self.given.arms]) if arm != "random"}
        steps = {arm: round(self.size["steps"] * flops["mlm"] / flops[arm]) for arm in flops} | {"random": 1}
        lines = ["| arm | GFLOP a step | steps | FLOP in all |", "|---|---:|---:|---:|"]
        lines += [f"| {arm} | {flops[arm] / 1e9:.3f} | {steps[arm]} | {flops[arm] * steps[arm]:.3e} |" for arm in flops]
        return steps, lines

    def encode(self, arm, seed, steps):
        """The folder of the encoder that is fine-tuned."""
        out = self.folder / f"{arm}-{seed}" / "pretrained"
        every = max(1, steps // 10)
        watched = ["--plot", out.parent / "curves.svg", "--validation", self.text / "validation.txt", "--validate-every", every,
                   "--save-every", every, "--keep", 1]
        self.pretrain(arm, out, seed, steps, *(watched if arm != "random" else []))
        return out / ARMS[arm][2]

    # ---- tasks

    def judge(self, encoder, seed, name):
        task, ending, metric, options = TASKS[name]
        result = encoder.parent.parent / f"{name}-{seed}.json"
        if not result.exists():
            out = result.with_suffix("")
            self.pleione("finetune", encoder, "--task", task, "--train", self.sets / f"{name}-train.{ending}", "--validation",
                         self.sets / f"{name}-validation.{ending}", "--out", out, "--seed", seed, "--dropout", 0.1, "--resume", *options)
            told = self.pleione("evaluate", out, "--task", task, "--input", self.tests / f"{name}-test.{ending}", "--json", capture_output=True,
                                text=True)
            result.write_text(told.stdout)
        return json.loads(result.read_text())[metric]

    def pretraining_score(self, arm, seed):
        """What the validation text says last: loss and accuracy of masks, AUC of the discriminator."""
        log = map(json.loads, (self.folder / f"{arm}-{seed}/pretrained/log.jsonl").open())
        last = [x for x in log if "eval_loss" in x][-1]
        return [last.get(f"eval_{x}") for x in ("masked_lm_loss", "masked_lm_accuracy", "disc_auc")]


def spread(values):
    return f"{statistics.mean(values):.4f}" + (f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else "")


def verdict(ours, theirs):
    """The difference of two means and two standard errors of it; bold if it is beyond them."""
    far = f"{statistics.mean(ours) - statistics.mean(theirs):+.4f}"
    if len(ours) == 1:
        return far
    error = 2 * math.sqrt(sum(statistics.variance(x) / len(x) for x in (ours, theirs)))
    return f"{far} ({error:.4f})" if abs(float(far)) <= error else f"**{far}** ({error:.4f})"


def table(scores, pretrained, plan):
    """scores: {(arm, task): [of seeds]}."""
    lines = [*plan, "", "| arm | masked-LM loss | masked-LM accuracy | AUC of the discriminator |", "|---|---|---|---|"]
    for arm, found in pretrained.items():
        lines.append(f"| {arm} | " + " | ".join(spread(x) if None not in x else "" for x in zip(*found)) + " |")
    tasks = list(dict.fromkeys(task for _, task in scores))
    lines += ["", "| arm | " + " | ".join(f"{x}, {TASKS[x][2]}" for x in tasks) + " |", "|---" * (len(tasks) + 1) + "|"]
    for arm in dict.fromkeys(arm for arm, _ in scores):
        lines.append(f"| {arm} | " + " | ".join(spread(scores[arm, x]) for x in tasks) + " |")
    lines += ["", "| difference of means (two standard errors) | " + " | ".join(tasks) + " |", "|---" * (len(tasks) + 1) + "|"]
    arms = {arm for arm, _ in scores}
    for a, b in (("rtd", "mlm"), ("rtd-all", "mlm"), ("mlm", "random"), ("rtd", "random"), ("rtd-all", "random")):
        if {a, b} <= arms:
            lines.append(f"| {a} less {b} | " + " | ".join(verdict(scores[a, x], scores[b, x]) for x in tasks) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--steps", type=int, help="of masked-LM pre-training, in place of the size's")
    parser.add_argument("--text", type=pathlib.Path)
    parser.add_argument("--arms", type=lambda text: text.split(","), default=list(ARMS), help="some of " + ", ".join(ARMS))
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--once", action="store_true", help="the first seed pre-trains, all of them fine-tune")
    parser.add_argument("--tasks", default=",".join(TASKS), help="some of " + ", ".join(TASKS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pleione", default="pleione")
    given = parser.parse_args()
    for option, named, known in (("--tasks", given.tasks.split(","), TASKS), ("--arms", given.arms, ARMS)):
        if not set(named) <= set(known):
            parser.error(f"{option} {','.join(named)}: there are {', '.join(known)}")
    experiment = Experiment(given)
    experiment.prepare()
    steps, plan = experiment.plan()
    scores, pretrained, seeds = {}, {}, given.seeds.split(",")
    for seed in seeds:  # all arms of a seed, so that there is a table after the first
        drawn = seeds[0] if given.once else seed
        encoders = {arm: experiment.encode(arm, drawn, steps[arm]) for arm in given.arms}
        for arm, encoder in encoders.items():
            if arm != "random" and drawn == seed:
                pretrained.setdefault(arm, []).append(experiment.pretraining_score(arm, seed))
            for task in given.tasks.split(","):
                scores.setdefault((arm, task), []).append(experiment.judge(encoder, seed, task))
        (given.folder / "table.md").write_text(table(scores, pretrained, plan))
    print((given.folder / "table.md").read_text(), end="")


if __name__ == "__main__":
    main()
