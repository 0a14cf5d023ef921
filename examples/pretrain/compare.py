#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two pairs of models on the same text: compare.py TEXT DISCRIMINATOR GENERATOR DISCRIMINATOR GENERATOR [SENTENCES]

Their vocabularies may differ. So only words are masked and replaced that are one token in both, and words are judged, not
tokens: the same sentences, masks and fakes for both. A discriminator's AUC is told against fakes of each kind: words
drawn by how frequent they are in the text, and by each of the two generators. A generator is right where the likeliest
token is the word that stood there. PLEIONE names the command, if it is not in the path; OPTIONS are its options (device,
threads), separated by blanks."""
import collections
import json
import os
import random
import re
import subprocess
import sys
import tempfile

SHARE, CANDIDATES = 0.15, 50  # of the words; that a generator's word is drawn from
WORD = re.compile(r"[a-z]+")


def run(model, task, texts, *more):
    with tempfile.TemporaryDirectory() as folder:
        rows, answers = f"{folder}/rows.jsonl", f"{folder}/answers.jsonl"
        with open(rows, "w") as file:
            file.writelines(json.dumps({"text": text}) + "\n" for text in texts)
        command = [os.environ.get("PLEIONE", "pleione"), "run", model, "--task", task, "--input", rows, "--json", *more]
        with open(answers, "w") as file:
            subprocess.run(command + os.environ.get("OPTIONS", "").split(), stdout=file, check=True)
        with open(answers) as file:
            return [json.loads(line)["answer"] for line in file]


def whole_words(*models):
    both = [set(open(f"{model}/vocab.txt").read().split("\n")) for model in models]
    return {word for word in set.intersection(*both) if WORD.fullmatch(word)}


def sentences(path, wanted, known, draw):
    """Lines of some length with the places of the words that are chosen in each."""
    lines = sorted({line.strip().lower() for line in open(path) if 8 <= len(line.split()) <= 60})
    draw.shuffle(lines)
    out = []
    for line in lines:
        places = [m.span() for m in WORD.finditer(line) if m[0] in known]
        if len(places) >= 6 and "[" not in line:
            out.append((line, sorted(draw.sample(places, max(1, round(SHARE * len(places)))))))
        if len(out) == wanted:
            break
    return out


def put(line, places, words):
    """The line with other words in these places, and where each of them stands then."""
    text, spans, end = "", [], 0
    for (a, b), word in zip(places, words):
        text += line[end:a]
        spans.append((len(text), len(text) + len(word)))
        text, end = text + word, b
    return text + line[end:], spans


def draw_from(candidates, known, draw):
    """One of a generator's candidates, by its score; "" if none is a word that both know."""
    good = [(c["token_str"], c["score"]) for c in candidates if c["token_str"] in known]
    return draw.choices([w for w, _ in good], [s for _, s in good])[0] if good else ""


def area(scores, labels):
    """How often a fake has the larger score of a fake and a real word, equal ones being half of it."""
    order = sorted(zip(scores, labels))
    below = won = i = 0
    while i < len(order):
        same, j = [], i
        while j < len(order) and order[j][0] == order[i][0]:
            same.append(order[j][1])
            j += 1
        real = same.count(0)
        won += (len(same) - real) * (below + real / 2)
        below, i = below + real, j
    return won / (below * (len(order) - below))


def judge(discriminator, texts):
    """Score and label of every word of letters."""
    scores, labels = [], []
    for (text, fakes), words in zip(texts, run(discriminator, "detect", [text for text, _ in texts])):
        for word in words:
            if WORD.fullmatch(text[word["start"] : word["end"]]):
                scores.append(word["score"])
                labels.append(int((word["start"], word["end"]) in fakes))
    return area(scores, labels)


def main():
    if len(sys.argv) not in (6, 7):
        sys.exit(__doc__)
    text, models = sys.argv[1], [tuple(sys.argv[2:4]), tuple(sys.argv[4:6])]
    draw, known = random.Random(0), whole_words(*(d for d, _ in models))
    chosen = sentences(text, int(sys.argv[6]) if len(sys.argv) > 6 else 1000, known, draw)
    frequent = collections.Counter(m[0] for line, _ in chosen for m in WORD.finditer(line) if m[0] in known)
    masked = [put(line, places, ["[MASK]"] * len(places))[0] for line, places in chosen]
    truth = [[line[a:b] for a, b in places] for line, places in chosen]
    fills = {"by frequency": [[draw.choices(*zip(*frequent.items()))[0] for _ in places] for _, places in chosen]}
    result = {"sentences": len(chosen), "masks": sum(map(len, truth)), "words known to both": len(known)}
    for i, (_, generator) in enumerate(models, 1):
        answers = run(generator, "fill-mask", masked, "--top", str(CANDIDATES))
        answers = [a if isinstance(a[0], list) else [a] for a in answers]
        right = sum(c[0]["token_str"] == word for a, words in zip(answers, truth) for c, word in zip(a, words))
        result[f"generator {i}: masked words that are right"] = round(right / result["masks"], 4)
        fills[f"by generator {i}"] = [[draw_from(c, known, draw) or word for c, word in zip(a, words)]
                                      for a, words in zip(answers, truth)]  # fmt: skip
    for kind, words in fills.items():
        texts = []
        for (line, places), new, old in zip(chosen, words, truth):
            fake, spans = put(line, places, new)
            texts.append((fake, {span for span, a, b in zip(spans, new, old) if a != b}))
        for i, (discriminator, _) in enumerate(models, 1):
            result[f"discriminator {i}: AUC, words drawn {kind}"] = round(judge(discriminator, texts), 4)
    print(json.dumps(result, indent=2))


main()
