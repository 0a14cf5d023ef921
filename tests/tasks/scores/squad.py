# SPDX-License-Identifier: Apache-2.0
"""The rules of SQuAD's evaluate-v2.0.py: how an answer is normalised, and what it counts beside the right ones."""
import collections
import re
import string


def normalize_answer(text):
    text = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(re.compile(r"\b(a|an|the)\b", re.UNICODE), " ", text).split())


def score_span(predicted, golds):
    golds = [gold for gold in golds if normalize_answer(gold)] or [""]

    def f1(gold):
        a, b = normalize_answer(predicted).split(), normalize_answer(gold).split()
        common = sum((collections.Counter(a) & collections.Counter(b)).values())
        if not a or not b:
            return int(a == b)
        if not common:
            return 0
        precision, recall = common / len(a), common / len(b)
        return 2 * precision * recall / (precision + recall)
    return max(int(normalize_answer(predicted) == normalize_answer(gold)) for gold in golds), max(map(f1, golds))
