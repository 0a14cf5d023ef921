#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/tasks/scored: rows with labels, and the scores and losses that the reference libraries give for them.

    make_scored.py            with transformers 5, torch, scikit-learn, scipy, seqeval: every task but answer
    make_scored.py --old      with transformers 4.44, for its pipeline of question answering: answer

Models are small and drawn, as those of make_cases.py. A row whose prediction is close to another one is left out.
"""
import json
import pathlib
import random
import sys
import tempfile
import warnings

import torch
import transformers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "scores"))
from make_cases import HEADS, Opened, complete, plain
from squad import score_span

HERE = pathlib.Path(__file__).resolve().parent
MARGIN = 2e-3
HEADS["generate"] = "ElectraForCausalLM"
pool = random.Random(11)
WORDS = "and the king of Israel said unto Moses go up to Jerusalem see house Lord Zerubbabel Solomon went down Egypt sons Jacob".split()


def sentence(least, most):
    return " ".join(pool.choice(WORDS) for _ in range(pool.randint(least, most)))


def logits_of(opened, *texts, **more):
    encoded = opened.tokenizer(*texts, return_tensors="pt", **more)
    with torch.no_grad():
        return encoded, opened.model(**encoded).logits


def is_clear(x):
    best = torch.sort(x.flatten(), descending=True).values
    return len(best) < 2 or float(best[0] - best[1]) > MARGIN


def noisy(right, others, share=0.6):
    return right if pool.random() < share else pool.choice(others)


def mean(losses):
    return float(torch.stack(losses).double().mean())


# ---- tasks: (opened) to rows, scores

def classify_one(opened):
    import make_scores
    rows, gold, predicted, losses = [], [], [], []
    names = list(opened.model.config.id2label.values())
    while len(rows) < 40:
        pair = [sentence(3, 12), sentence(1, 6)][:1 + len(rows) % 2]
        _, logits = logits_of(opened, *pair)
        if not is_clear(logits):
            continue
        p = int(logits.argmax())
        g = noisy(p, range(len(names)))
        rows.append(dict(zip(("text", "text_pair"), pair)) | {"label": names[g] if len(rows) % 3 else str(g)})
        gold.append(g)
        predicted.append(p)
        losses.append(torch.nn.functional.cross_entropy(logits, torch.tensor([g])))
    scores = make_scores.score_classes(gold, predicted)
    scores["f1_by_class"] = {names[int(k)]: v for k, v in scores["f1_by_class"].items()}
    return rows, scores | {"loss": mean(losses)}


def classify_many(opened):
    import make_scores
    rows, gold, predicted, losses = [], [], [], []
    names = list(opened.model.config.id2label.values())
    while len(rows) < 30:
        text = sentence(3, 12)
        _, logits = logits_of(opened, text)
        if float(logits.abs().min()) < MARGIN:
            continue
        p = [int(x > 0) for x in logits[0]]
        g = [noisy(x, [0, 1]) for x in p]
        rows.append({"text": text, "label": [name for name, x in zip(names, g) if x]})
        gold.append(g)
        predicted.append(p)
        losses.append(torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor([g], dtype=torch.float)))
    return rows, make_scores.score_sets(gold, predicted, len(names)) | {"loss": mean(losses)}


def classify_number(opened):
    import make_scores
    rows, gold, predicted = [], [], []
    for _ in range(30):
        text = sentence(3, 12)
        _, logits = logits_of(opened, text)
        predicted.append(float(logits))
        gold.append(round(predicted[-1] + pool.gauss(0, 0.3), 2))
        rows.append({"text": text, "label": str(gold[-1])})
    scores = make_scores.score_numbers(gold, predicted)
    return rows, scores | {"loss": scores["mse"]}


def rank(opened, pairs=False):
    import make_scores
    rows, each, losses = [], [], []
    for query in range(12):
        text, passages = f"{sentence(3, 6)} {query}", [sentence(2, 9) for _ in range(pool.randint(2, 14))]
        x = torch.stack([logits_of(opened, text, passage)[1][0, 0] for passage in passages])
        labels = [pool.choice([0, 0, 1, 0.5]) for _ in passages]
        each.append(make_scores.score_query(labels, torch.sigmoid(x).tolist()))
        losses += list(torch.nn.functional.binary_cross_entropy_with_logits(x, torch.tensor(labels, dtype=torch.float), reduction="none"))
        if pairs:
            rows += [{"query": text, "passage": p, "label": str(l)} for p, l in zip(passages, labels)]
        else:
            rows.append({"query": text, "passages": passages, "labels": [str(l) for l in labels]})
    if pairs:
        pool.shuffle(rows)
    return rows, {"ndcg": sum(e[0] for e in each) / len(each), "mrr": sum(e[1] for e in each) / len(each), "loss": mean(losses)}


def tag(opened):
    import make_scores
    rows, gold, predicted, losses = [], [], [], []
    names = list(opened.model.config.id2label.values())
    while len(rows) < 25:
        words = [noisy(pool.choice(WORDS), ["\u200b", "antidisestablishmentarianism"], 0.9) for _ in range(pool.randint(2, 12))]
        encoded, logits = logits_of(opened, words, is_split_into_words=True)
        at = {}
        for i, word in enumerate(encoded.word_ids(0)):
            if word is not None:
                at.setdefault(word, i)
        if not at or not all(is_clear(logits[0, i]) for i in at.values()):
            continue
        p = {word: int(logits[0, i].argmax()) for word, i in at.items()}
        g = [noisy(p.get(word, 0), range(len(names))) for word in range(len(words))]
        rows.append({"tokens": words, "tags": [names[x] for x in g]})
        gold.append([names[g[word]] for word in at])
        predicted.append([names[p[word]] for word in at])
        losses += [torch.nn.functional.cross_entropy(logits[0, i:i + 1], torch.tensor([g[word]])) for word, i in at.items()]
    return rows, make_scores.score_entities(gold, predicted) | {"loss": mean(losses)}


def choose(opened):
    rows, hits, losses = [], [], []
    while len(rows) < 25:
        prompt, choices = sentence(3, 8), [sentence(1, 6) for _ in range(pool.randint(2, 4))]
        encoded = opened.tokenizer([prompt] * len(choices), choices, padding=True, return_tensors="pt")
        with torch.no_grad():
            logits = opened.model(**{k: v[None] for k, v in encoded.items()}).logits
        if not is_clear(logits):
            continue
        p = int(logits.argmax())
        g = noisy(p, range(len(choices)))
        rows.append({"prompt": prompt, "choices": choices, "label": str(g)})
        hits.append(p == g)
        losses.append(torch.nn.functional.cross_entropy(logits, torch.tensor([g])))
    return rows, {"accuracy": sum(hits) / len(hits), "loss": mean(losses)}


def masked(row, ids, special, mask):
    """The places that are chosen, and the ids that the model reads: the rule of tasks/fill_mask_score.c."""
    import make_scores
    draws = iter(range(1 << 20))

    def draw():
        return make_scores.philox((row & 0xffffffff, row >> 32), (next(draws), 0, 0, 0))[0] / 2**32
    places = [i for i, token in enumerate(ids) if token not in special]
    wanted, chosen = min(len(places), max(1, round(len(ids) * 0.15))), []
    for i, place in enumerate(places):
        if len(chosen) < wanted and draw() * (len(places) - i) < wanted - len(chosen):
            chosen.append(place)
    read = list(ids)
    for place in chosen:
        if draw() < 0.85:
            read[place] = mask
    return chosen, read


def fill_mask(opened):
    tokenizer, rows, losses, hits = opened.tokenizer, [], [], []
    special = {tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.mask_token_id}
    while len(rows) < 20:
        text = sentence(1, 40)
        ids = tokenizer(text)["input_ids"]
        chosen, read = masked(len(rows), ids, special, tokenizer.mask_token_id)
        with torch.no_grad():
            logits = opened.model(torch.tensor([read])).logits[0]
        if not all(is_clear(logits[i]) for i in chosen):
            continue
        rows.append({"text": text})
        losses += [torch.nn.functional.cross_entropy(logits[i:i + 1], torch.tensor([ids[i]])) for i in chosen]
        hits += [int(logits[i].argmax()) == ids[i] for i in chosen]
    loss = mean(losses)
    return rows, {"loss": loss, "perplexity": float(torch.tensor(loss).double().exp()), "accuracy": sum(hits) / len(hits)}


def generate(opened):
    rows, total, count = [], 0.0, 0
    for _ in range(20):
        text = sentence(1, 40)
        encoded, logits = logits_of(opened, text)
        ids = encoded["input_ids"][0]
        losses = torch.nn.functional.cross_entropy(logits[0, :-1], ids[1:], reduction="none").double()
        rows.append({"text": text})
        total += float(losses.sum())
        count += len(losses)
    return rows, {"loss": total / count, "perplexity": float(torch.tensor(total / count).double().exp())}


def positions(encoded, window, begin, end):
    """As run_qa.py of transformers finds them: 0, 0 where the window has not all of the answer."""
    offsets, sequences = encoded["offset_mapping"][window], encoded.sequence_ids(window)
    inside = [i for i, s in enumerate(sequences) if s == 1]
    if begin == end or not inside or offsets[inside[0]][0] > begin or offsets[inside[-1]][1] < end:
        return 0, 0
    first = max(i for i in inside if offsets[i][0] <= begin)
    last = min(i for i in inside if offsets[i][1] >= end)
    return first, last


def answer(opened):
    pipe = transformers.pipeline("question-answering", model=opened.model, tokenizer=opened.tokenizer, device="cpu")
    rows, each, losses = [], [], []
    while len(rows) < 20:
        question, context = sentence(2, 5), sentence(20, 60)
        best = pipe(question=question, context=context, max_seq_len=48, doc_stride=16, top_k=2)
        if best[0]["score"] - best[1]["score"] < MARGIN / 10:
            continue
        words = context.split()
        golds = []
        for _ in range(pool.choice([0, 1, 1, 3])):
            text = best[0]["answer"] if pool.random() < 0.4 else " ".join(words[(at := pool.randrange(len(words) - 3)):at + 3])
            golds.append((text, context.index(text)))
        rows.append({"question": question, "context": context, "answers.text": [g[0] for g in golds],
                     "answers.answer_start": [str(g[1]) for g in golds]})
        each.append(score_span(best[0]["answer"], [g[0] for g in golds]))
        encoded = opened.tokenizer(question, context, truncation="only_second", max_length=48, stride=16,
                                   return_overflowing_tokens=True, return_offsets_mapping=True)
        begin, end = (golds[0][1], golds[0][1] + len(golds[0][0])) if golds else (0, 0)
        for window in range(len(encoded["input_ids"])):
            first, last = positions(encoded, window, begin, end)
            with torch.no_grad():
                out = opened.model(torch.tensor([encoded["input_ids"][window]]), token_type_ids=torch.tensor(
                    [encoded["token_type_ids"][window]]), start_positions=torch.tensor([first]), end_positions=torch.tensor([last]))
            losses.append(out.loss)
    n = len(each)
    return rows, {"f1": 100 * sum(e[1] for e in each) / n, "exact_match": 100 * sum(e[0] for e in each) / n, "loss": mean(losses)}


# ---- files

def small(seed, labels=None, problem=None, decoder=False, **more):
    config = {"problem_type": problem} if problem else {"is_decoder": True} if decoder else {}
    return {"vocabulary": "lower", "seed": seed, "config": config, **({"labels": labels} if labels else {}), **more}


TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC"]
FILES = [
    ("classify", "classify", small(71, ["bad", "fair", "good", "best"]), classify_one, {}),
    ("classify-many", "classify", small(72, ["a", "b", "c"], "multi_label_classification"), classify_many, {}),
    ("classify-number", "classify", small(73, ["x"], "regression"), classify_number, {}),
    ("rank", "rank", small(74, ["x"]), rank, {}),
    ("rank-pairs", "rank", small(74, ["x"]), lambda opened: rank(opened, True), {}),
    ("tag", "tag", small(75, TAGS), tag, {}),
    ("choose", "choose", small(76), choose, {}),
    ("fill-mask", "fill-mask", small(77, scales={"generator_predictions.dense": 0.6}), fill_mask, {}),
    ("generate", "generate", small(79, decoder=True), generate, {}),
    ("answer", "answer", small(78), answer, {"max-length": "48", "stride": "16"}),
]


def write(name, task, model, make, options):
    model = complete(task, model)
    with tempfile.TemporaryDirectory() as folder:
        opened = Opened(model, pathlib.Path(folder) / "model", 0.0)
        rows, scores = make(opened)
    model.pop("scales", None)
    head = {"task": task, "options": options, "scores": plain(scores), "model": {k: v for k, v in model.items() if k != "tensors"}}
    text = json.dumps(head, ensure_ascii=False)[:-1]
    text += ',\n"tensors": [\n' + ",\n".join(json.dumps(t) for t in model["tensors"]) + "]"
    text += ',\n"rows": [\n' + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "]}\n"
    (HERE / "scored" / f"{name}.json").write_text(text)
    print(f"{name}: {len(rows)} rows, {scores}")


def main():
    old = "--old" in sys.argv
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    (HERE / "scored").mkdir(exist_ok=True)
    for name, task, model, make, options in FILES:
        if (task == "answer") == old and (name in sys.argv or not [a for a in sys.argv[1:] if a != "--old"]):
            pool.seed(name)
            write(name, task, model, make, options)


main()
