#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes scores.json, what scikit-learn, scipy, seqeval and the rules of the SQuAD 2.0 script say of random and degenerate
rows: make_scores.py >scores.json (with scikit-learn 1.9, scipy 1.17, seqeval 1.2)."""
import json
import math
import random
import warnings

import numpy
import scipy.stats
import seqeval.metrics
import sklearn.metrics

from squad import normalize_answer, score_span

warnings.simplefilter("ignore")
draw = random.Random(7)


def finite(value):
    value = float(value)
    return value if math.isfinite(value) else None


# ---- labels

def score_classes(gold, predicted):
    if not gold:
        return dict.fromkeys(["accuracy", "f1_micro", "f1_macro", "matthews"], None) | {"f1_by_class": {}}
    present = sorted(set(gold) | set(predicted))
    each = sklearn.metrics.f1_score(gold, predicted, average=None, labels=present, zero_division=0)
    return {
        "accuracy": finite(sklearn.metrics.accuracy_score(gold, predicted)),
        "f1_micro": finite(sklearn.metrics.f1_score(gold, predicted, average="micro", zero_division=0)),
        "f1_macro": finite(sklearn.metrics.f1_score(gold, predicted, average="macro", zero_division=0)),
        "matthews": finite(sklearn.metrics.matthews_corrcoef(gold, predicted)),
        "f1_by_class": {str(label): finite(value) for label, value in zip(present, each)},
    }


def class_cases():
    cases = [(k, [draw.randrange(k) for _ in range(n)], n) for k, n in [(2, 50), (3, 200), (7, 90), (5, 3)]]
    cases = [(k, gold, [g if draw.random() < 0.6 else draw.randrange(k) for g in gold]) for k, gold, _ in cases]
    cases += [(3, [], []), (2, [1], [1]), (2, [1], [0]), (2, [0, 0, 0], [0, 0, 0]), (2, [0, 1, 0, 1], [1, 1, 1, 1]),
              (4, [0, 0, 1], [1, 1, 0]), (4, [2, 2, 2], [0, 1, 3]), (1, [0, 0], [0, 0])]
    return [{"classes": k, "gold": g, "predicted": p, "scores": score_classes(g, p)} for k, g, p in cases]


def score_sets(gold, predicted, k):
    if not gold:
        return dict.fromkeys(["f1_micro", "f1_macro", "accuracy"], None)
    gold, predicted = numpy.array(gold).reshape(-1, k), numpy.array(predicted).reshape(-1, k)
    return {
        "f1_micro": finite(sklearn.metrics.f1_score(gold, predicted, average="micro", zero_division=0)),
        "f1_macro": finite(sklearn.metrics.f1_score(gold, predicted, average="macro", zero_division=0)),
        "accuracy": finite(sklearn.metrics.accuracy_score(gold, predicted)),
    }


def set_cases():
    def sets(n, k, share):
        return [[int(draw.random() < share) for _ in range(k)] for _ in range(n)]
    cases = [(k, sets(n, k, 0.4), sets(n, k, 0.5)) for k, n in [(2, 40), (5, 120), (9, 30)]]
    cases += [(3, [], []), (3, [[0, 0, 0]] * 2, [[0, 0, 0]] * 2), (3, [[1, 0, 0]] * 2, [[0, 0, 0]] * 2),
              (3, [[1, 0, 0], [0, 0, 0]], [[1, 0, 0], [0, 1, 0]])]
    return [{"classes": k, "gold": g, "predicted": p, "scores": score_sets(g, p, k)} for k, g, p in cases]


# ---- numbers

def score_numbers(gold, predicted):
    n = len(gold)
    return {
        "pearson": finite(scipy.stats.pearsonr(gold, predicted)[0]) if n > 1 else None,
        "spearman": finite(scipy.stats.spearmanr(gold, predicted)[0]) if n else None,
        "mse": finite(sklearn.metrics.mean_squared_error(gold, predicted)) if n else None,
    }


def number_cases():
    cases = []
    for n, scale, far in [(60, 1, 0), (200, 5, 0), (33, 1e-3, 1e6), (2, 1, 0)]:
        gold = [far + scale * draw.gauss(0, 1) for _ in range(n)]
        cases.append((gold, [g + scale * draw.gauss(0, 1) for g in gold]))
    ties = [float(draw.randrange(6)) for _ in range(80)]
    cases += [(ties, [float(round(t + draw.gauss(0, 1))) for t in ties]), ([], []), ([1.0], [2.0]), ([1, 1, 1], [1, 2, 3]),
              ([1, 2, 3], [2, 2, 2]), ([1, 2], [3, 1]), ([1, 2, 3, 4], [1, 2, 3, 4])]
    return [{"gold": g, "predicted": p, "scores": score_numbers(g, p)} for g, p in cases]


# ---- queries

def score_query(relevance, scores):
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    reciprocal = next((1 / (rank + 1) for rank, i in enumerate(order) if relevance[i] > 0), 0.0)
    if len(scores) == 1:  # scikit-learn refuses what its formula answers
        return (1.0 if relevance[0] > 0 else 0.0), reciprocal
    return sklearn.metrics.ndcg_score([relevance], [scores], k=10), reciprocal


def query_cases():
    cases = []
    for queries, n, values, tied in [(20, 30, [0, 0, 0, 1], False), (15, 6, [0, 1, 2, 0.5], False), (10, 25, [0, 1], True)]:
        case = []
        for _ in range(queries):
            relevance = [draw.choice(values) for _ in range(n)]
            case.append((relevance, [draw.randrange(5) * 0.25 if tied else draw.gauss(0, 1) for _ in range(n)]))
        cases.append(case)
    cases += [[], [([0, 0, 0], [1, 2, 3])], [([1], [0.5])], [([0], [0.5])], [([1, 0, 1], [2, 2, 2])],
              [([0] * 12 + [1], [13.0 - i for i in range(13)])]]
    result = []
    for case in cases:
        each = [score_query(*query) for query in case]
        scores = {"ndcg": finite(numpy.mean([e[0] for e in each])) if each else None,
                  "mrr": finite(numpy.mean([e[1] for e in each])) if each else None}
        result.append({"queries": case, "scores": scores})
    return result


# ---- entities

def score_entities(gold, predicted):
    words = sum(map(len, gold))
    return {
        "f1": finite(seqeval.metrics.f1_score(gold, predicted)) if gold else 0.0,
        "precision": finite(seqeval.metrics.precision_score(gold, predicted)) if gold else 0.0,
        "recall": finite(seqeval.metrics.recall_score(gold, predicted)) if gold else 0.0,
        "accuracy": finite(seqeval.metrics.accuracy_score(gold, predicted)) if words else None,
    }


def entity_cases():
    def sentence(n, tags):
        return [draw.choice(tags) for _ in range(n)]
    iob2 = ["O", "O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    bioes = iob2 + ["E-PER", "S-PER", "E-LOC", "S-LOC"]
    odd = bioes + ["B", "I", "X", "X-PER", "B-a-b", "I-a-b", "PER", "LOC", ".", "B-", "é-PER", "인명", "S"]
    cases = []
    for tags, sentences in [(iob2, 40), (bioes, 40), (odd, 120)]:
        gold = [sentence(draw.randrange(1, 14), tags) for _ in range(sentences)]
        cases.append((gold, [[t if draw.random() < 0.7 else draw.choice(tags) for t in s] for s in gold]))
    cases += [([["O", "O"]], [["O", "O"]]), ([["B-A"]], [["O"]]), ([["O"]], [["B-A"]]), ([["I-A", "I-A"]], [["B-A", "I-A"]]),
              ([["B-A", "I-B"]], [["B-A", "B-B"]]), ([["X", "B-A"], ["X", "X-A"]], [["O", "B-A"], ["X", "X-A"]]), ([], [])]
    return [{"gold": g, "predicted": p, "scores": score_entities(g, p)} for g, p in cases]


# ---- spans

TEXTS = [
    "the cat", "The cat.", "a cat", "cat", "an  old\tcat", "cats and the dogs", "dogs and cats", "and and cat", "cat cat and",
    "THE", "a", "An", "", "...", "theatre", "the-atre", "l’a b", "x̀ a b", "á the", "ΟΔΟΣ", "οδος", "οδοσ", "ΟΔΟΣ.", "Σ", "ΑΣ Α",
    "İstanbul", "i̇stanbul", "ISTANBUL", "서울 특별시", "서울", "the 서울", "東京", "a東京", "東京a", "a東京 the", "Straße", "STRASSE",
    "ǅ", "ǆ", "x_y", "xy", "the_cat", "1 a 2", "1a2", "½ a", "²a", "a\u00a0b", "a\u2003the\u3000b", "a\x1cb", "𝐀 the", "Ⓐ a", "ⓐ",
    "“the” cat", "cat”", "don't", "dont", "e.g. the", "eg", "$5", "5", "50%", "50", "emoji 😀 a", "😀", "a😀", "the😀", "ﬁne", "FINE",
    "Σ́Σ", "ΑΣ́", "ΑΣ́Α", "Α.Σ", "Ꭰ", "ꭰ", "Ა", "ა", "\ufeffcat", "ca\u00adt", "a\u0301 b", "a\u200bb the",
]


def span_cases():
    cases = [[(text, [text])] for text in TEXTS] + [[(draw.choice(TEXTS), [draw.choice(TEXTS)])] for _ in range(100)]
    cases += [[(draw.choice(TEXTS), [draw.choice(TEXTS) for _ in range(draw.randrange(4))]) for _ in range(60)]]
    words = ["the", "a", "cat", "dog", "ran", "Fast.", "and", "x"]
    texts = [" ".join(draw.choice(words) for _ in range(draw.randrange(7))) for _ in range(40)]
    cases += [[(draw.choice(texts), [draw.choice(texts) for _ in range(draw.randrange(4))]) for _ in range(200)]]
    cases += [[("", [])], [("cat", [])], [("", ["cat"])], [("the", [])], [("", ["the"])], []]
    result = []
    for case in cases:
        each = [score_span(*row) for row in case]
        scores = {"f1": finite(100 * numpy.mean([e[1] for e in each])) if each else None,
                  "exact_match": finite(100 * numpy.mean([e[0] for e in each])) if each else None}
        result.append({"rows": case, "scores": scores})
    return result


# ---- intervals

def philox(key, counter):
    mask = 0xffffffff
    (k0, k1), (a, b, c, d) = key, counter
    for _ in range(10):
        p, q = 0xd2511f53 * a, 0xcd9e8d57 * c
        a, b, c, d = (q >> 32) ^ b ^ k0, q & mask, (p >> 32) ^ d ^ k1, p & mask
        k0, k1 = (k0 + 0x9e3779b9) & mask, (k1 + 0xbb67ae85) & mask
    return a, b, c, d


def resample(seed, number, n):
    key = seed & 0xffffffff, seed >> 32
    words = [w for i in range((n + 3) // 4) for w in philox(key, (i, 0, number, 0))]
    return [w * n >> 32 for w in words[:n]]


def interval(seed, resamples, n, score, level=0.95):
    found = [score(resample(seed, r, n)) for r in range(resamples)]
    found = [value for value in found if value is not None]
    return [finite(numpy.percentile(found, 50 * (1 - level))), finite(numpy.percentile(found, 50 * (1 + level)))]


def bootstrap_cases():
    gold = [draw.randrange(3) for _ in range(41)]
    predicted = [g if draw.random() < 0.7 else draw.randrange(3) for g in gold]
    x = [draw.gauss(0, 1) for _ in range(25)]
    y = [v + draw.gauss(0, 1) for v in x]
    seed, resamples = 0x123456789ab, 200

    def of_classes(name):
        return interval(seed, resamples, len(gold),
                        lambda picked: score_classes([gold[i] for i in picked], [predicted[i] for i in picked])[name])

    def of_numbers(name):
        return interval(seed, resamples, len(x), lambda picked: score_numbers([x[i] for i in picked], [y[i] for i in picked])[name],
                        0.9)
    return {"seed": seed, "resamples": resamples,
            "classes": {"gold": gold, "predicted": predicted,
                        "intervals": {name: of_classes(name) for name in ["accuracy", "f1_micro", "f1_macro", "matthews"]}},
            "numbers": {"gold": x, "predicted": y, "level": 0.9,
                        "intervals": {name: of_numbers(name) for name in ["pearson", "spearman", "mse"]}}}


if __name__ == "__main__":
    print(json.dumps({"classes": class_cases(), "label_sets": set_cases(), "numbers": number_cases(), "queries": query_cases(),
                  "entities": entity_cases(), "spans": span_cases(), "bootstrap": bootstrap_cases(),
                  "normalised": [[text, normalize_answer(text)] for text in TEXTS]}, separators=(",", ":"),
                 ensure_ascii=False))
