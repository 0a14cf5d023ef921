#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`pleione finetune` beside transformers and torch: the same rows in the same order, numbers, and weights at first, head
included; several seeds; both models are judged by `pleione evaluate` on the same rows.

    beside_transformers.py PLEIONE MODEL SETS OUT [--tasks classify,tag,...] [--seeds 1,2,3] [--rows N] [--epochs E] [--lr X]

SETS is what examples/finetune/wordnet_sets.py wrote. Needs torch and transformers. Prints a line a run and a table; what came
out stands in beside_transformers.md. The trainer here is section by section ELECTRA's recipe: AdamW without bias correction,
layer-wise rates, linear decay with warm-up, gradients clipped at 1, the loss summed over the batch.
"""
import argparse
import json
import math
import pathlib
import random
import statistics
import subprocess

import torch
import transformers

BATCH, LENGTH, WARMUP, DECAY, EPS, LAYERS_DECAY = 32, 192, 0.1, 0.01, 1e-6, 0.8
TASKS = {  # set, ending, class, metric, which is better
    "classify": ("category", "csv", "ElectraForSequenceClassification", "accuracy"),
    "tag": ("words", "conll", "ElectraForTokenClassification", "f1"),
    "answer": ("definition", "json", "ElectraForQuestionAnswering", "f1"),
    "choose": ("word", "jsonl", "ElectraForMultipleChoice", "accuracy"),
    "rank": ("fits", "jsonl", "ElectraForSequenceClassification", "ndcg"),
}


# ---- rows, as lists that are shuffled and written again

def read_rows(task, path):
    if task == "classify":
        lines = path.read_text().splitlines()
        return lines[1:]
    if task == "tag":
        return [x for x in path.read_text().split("\n\n") if x.strip()]
    if task == "answer":
        return json.loads(path.read_text())["data"]
    return path.read_text().splitlines()


def write_rows(task, path, rows):
    if task == "classify":
        path.write_text("text,label\n" + "\n".join(rows) + "\n")
    elif task == "tag":
        path.write_text("\n\n".join(x.strip() for x in rows) + "\n\n")
    elif task == "answer":
        path.write_text(json.dumps({"version": "1.1", "data": rows}))
    else:
        path.write_text("\n".join(rows) + "\n")


def parse(task, rows):
    import csv
    if task == "classify":
        return [tuple(x) for x in csv.reader(rows)]
    if task == "tag":
        return [tuple(zip(*(line.split() for line in x.strip().splitlines()))) for x in rows]
    if task == "answer":
        return [(q["question"], p["context"], q["answers"][0]) for x in rows for p in x["paragraphs"] for q in p["qas"]]
    return [json.loads(x) for x in rows]


def labels_of(task, rows):
    if task == "classify":
        return sorted({y for _, y in rows})
    return sorted({y for _, tags in rows for y in tags}) if task == "tag" else []


# ---- rows to tensors

class Maker:
    def __init__(self, task, tokenizer, labels):
        self.task, self.t, self.ids = task, tokenizer, {x: i for i, x in enumerate(labels)}

    def lessons(self, rows):
        """A passage is a lesson by itself, as a row of all other tasks."""
        if self.task != "rank":
            return rows
        return [(r["query"], p, label) for r in rows for p, label in zip(r["passages"], r["labels"])]

    def encode(self, *texts, **more):
        return self.t(*texts, padding=True, truncation=more.pop("truncation", True), max_length=LENGTH, return_tensors="pt", **more)

    def batch(self, rows):
        if self.task == "classify":
            return self.encode([x for x, _ in rows]) | {"labels": torch.tensor([self.ids[y] for _, y in rows])}
        if self.task == "rank":
            return self.encode([q for q, _, _ in rows], [p for _, p, _ in rows]) | {"labels": torch.tensor([[float(y)] for *_, y in rows])}
        if self.task == "choose":
            n = len(rows[0]["choices"])
            e = self.encode([r["prompt"] for r in rows for _ in range(n)], [c for r in rows for c in r["choices"]])
            return {k: v.view(len(rows), n, -1) for k, v in e.items()} | {"labels": torch.tensor([r["label"] for r in rows])}
        if self.task == "tag":
            e = self.encode([list(w) for w, _ in rows], is_split_into_words=True)
            labels = torch.full_like(e["input_ids"], -100)
            for i, (_, tags) in enumerate(rows):
                seen = None
                for j, word in enumerate(e.word_ids(i)):
                    if word is not None and word != seen:
                        labels[i, j] = self.ids[tags[word]]
                    seen = word if word is not None else seen
            return dict(e) | {"labels": labels}
        e = self.encode([q for q, _, _ in rows], [c for _, c, _ in rows], truncation="only_second", return_offsets_mapping=True)
        offsets, first, last = e.pop("offset_mapping"), [], []
        for i, (_, _, answer) in enumerate(rows):
            begin, end = answer["answer_start"], answer["answer_start"] + len(answer["text"])
            inside = [j for j, s in enumerate(e.sequence_ids(i)) if s == 1]
            a = [j for j in inside if offsets[i][j][0] <= begin < offsets[i][j][1]]
            b = [j for j in inside if offsets[i][j][0] < end <= offsets[i][j][1]]
            first.append(a[0] if a and b else 0)
            last.append(b[-1] if a and b else 0)
        return dict(e) | {"start_positions": torch.tensor(first), "end_positions": torch.tensor(last)}


# ---- the reference's steps

def depth(name, layers):
    if "encoder.layer." in name:
        return int(name.split("encoder.layer.")[1].split(".")[0]) + 1
    return 0 if "embeddings" in name else layers + 2


def train(model, maker, lessons, given):
    per_epoch = math.ceil(len(lessons) / BATCH)
    steps = math.ceil(per_epoch * given.epochs)
    warmup = math.ceil(WARMUP * steps)
    layers = model.config.num_hidden_layers
    parameters = [(n, p, given.lr * LAYERS_DECAY ** (layers + 2 - depth(n, layers)), 0 if "LayerNorm" in n or "bias" in n else DECAY)
                  for n, p in model.named_parameters()]
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for _, p, _, _ in parameters]
    losses = []
    model.train()
    for step in range(steps):
        at = step % per_epoch * BATCH
        rows = lessons[at:at + BATCH]
        batch = maker.batch(rows)
        loss = model(**batch).loss
        # sums over rows; of words where words have labels; numbers of a row stay a mean
        loss = loss * (int((batch["labels"] != -100).sum()) if maker.task == "tag" else len(rows))
        losses.append(loss.item())
        model.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scale = (1 - step / steps) * min(1, step / warmup)
        with torch.no_grad():
            for (_, p, rate, decay), (m, v) in zip(parameters, moments):
                if p.grad is None:
                    continue
                m.mul_(0.9).add_(p.grad, alpha=0.1)
                v.mul_(0.999).addcmul_(p.grad, p.grad, value=0.001)
                p.sub_(rate * scale * (m / (v.sqrt() + EPS) + decay * p))
    return losses


# ---- a run

def start(task, model, labels, seed, out, dropout):
    """The folder that both begin with: the encoder, and a head drawn by the seed."""
    torch.manual_seed(seed)
    more = {"problem_type": {"classify": "single_label_classification", "rank": "multi_label_classification"}.get(task)}
    if task in ("classify", "tag"):
        more |= {"id2label": dict(enumerate(labels)), "label2id": {x: i for i, x in enumerate(labels)}}
    config = transformers.ElectraConfig.from_pretrained(model, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout,
                                                         summary_last_dropout=dropout, **more)
    if task == "rank":
        config.num_labels = 1
    made = getattr(transformers, TASKS[task][2]).from_pretrained(model, config=config, dtype=torch.float32)  # the files have f16
    made.save_pretrained(out)
    tokenizer = transformers.BertTokenizerFast.from_pretrained(model)
    tokenizer.save_pretrained(out)
    (out / "vocab.txt").write_bytes((pathlib.Path(model) / "vocab.txt").read_bytes())
    return made, tokenizer


def judge(given, task, folder, path):
    done = subprocess.run([given.pleione, "evaluate", str(folder), "--task", task, "--input", str(path), "--json", "--device", "cpu",
                           "--threads", "1"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)[TASKS[task][3]]


def run(task, seed, given):
    name, ending, _, _ = TASKS[task]
    out = given.out / f"{task}-{seed}"
    out.mkdir(parents=True, exist_ok=True)
    every = read_rows(task, given.sets / f"{name}-train.{ending}")
    labels = labels_of(task, parse(task, every))
    rows = every[:given.rows]
    random.Random(seed).shuffle(rows)
    files = {"train": out / f"train.{ending}", "test": out / f"test.{ending}"}
    write_rows(task, files["train"], rows)
    write_rows(task, files["test"], read_rows(task, given.sets / f"{name}-test.{ending}")[:given.judged])
    parsed = parse(task, rows)
    model, tokenizer = start(task, given.model, labels, seed, out / "start", given.dropout)
    more = ["--lr", str(given.lr), "--epochs", str(given.epochs), "--shuffle", "no", "--max-length", str(LENGTH)]
    subprocess.run([given.pleione, "finetune", str(out / "start"), "--task", task, "--train", str(files["train"]), "--validation",
                    str(files["test"]), "--out", str(out / "ours"), "--device", "cpu", "--threads", "1", "--seed", str(seed),
                    "--validate-every", "1000000", *more], check=True, capture_output=True)
    maker = Maker(task, tokenizer, labels)
    lessons = maker.lessons(parsed)
    losses = train(model, maker, lessons, given)
    logged = [x["loss"] for x in map(json.loads, (out / "ours/log.jsonl").open()) if "loss" in x]
    assert len(losses) == len(logged)
    if given.dropout == 0:  # then the same numbers but for rounding
        far = max(abs(a - b) / abs(a) for a, b in zip(losses, logged))
        print(f"{task} seed {seed}: {len(losses)} losses agree to {far:.2g}", flush=True)
    model.save_pretrained(out / "theirs")
    for file in (out / "start").glob("*"):
        if not (out / "theirs" / file.name).exists():
            (out / "theirs" / file.name).write_bytes(file.read_bytes())
    found = [judge(given, task, out / x, files["test"]) for x in ("ours", "theirs")]
    print(f"{task} seed {seed}: pleione {found[0]:.4f}  transformers {found[1]:.4f}", flush=True)
    return found


def main():
    parser = argparse.ArgumentParser()
    for name in ("pleione", "model"):
        parser.add_argument(name)
    for name in ("sets", "out"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--rows", type=int, default=1600)
    parser.add_argument("--judged", type=int, default=400)
    parser.add_argument("--epochs", type=float, default=2)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--dropout", type=float, default=0.1, help="0: losses are compared step by step, too")
    given = parser.parse_args()
    torch.set_num_threads(1)
    table = []
    for task in given.tasks.split(","):
        found = [run(task, int(seed), given) for seed in given.seeds.split(",")]
        ours, theirs = ([x[i] for x in found] for i in (0, 1))
        points = 1 if task == "answer" else 0.01
        error = math.sqrt(sum(statistics.variance(x) / len(x) for x in (ours, theirs))) if len(found) > 1 else 0
        good = statistics.mean(ours) >= statistics.mean(theirs) - max(points, 2 * error)
        table.append(f"| {task} | {TASKS[task][3]} | {statistics.mean(ours):.4f} | {statistics.mean(theirs):.4f} | {2 * error:.4f} | "
                     f"{'yes' if good else 'NO'} |")
        print(table[-1], flush=True)
    print("| task | score | pleione | transformers | two standard errors | not below |\n|---|---|---|---|---|---|\n" + "\n".join(table))


if __name__ == "__main__":
    main()
