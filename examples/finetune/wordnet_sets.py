#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rows with labels out of WordNet (Debian's wordnet-base), for each task that `pleione finetune` learns from labels:

    wordnet_sets.py OUT [--seed S] [--rows N] [--wordnet DIR]

    OUT/category-{train,validation,test}.csv     text, label       the category of a noun, from its definition (classify)
    OUT/words-{...}.conll                        word and tag      the words of a synset, marked in its examples (tag)
    OUT/definition-{...}.json                    SQuAD 1.1         what a word means, found among other definitions (answer)
    OUT/short-{...}.json                         SQuAD 1.1         the same with two short definitions, to begin with (answer)
    OUT/word-{...}.jsonl                         prompt, choices, label     the word for a definition, of four (choose)
    OUT/fits-{...}.jsonl                         query, passages, labels    which definitions fit a word (rank)

No synset is in two of the three parts: they are cut by a hash of where it stands in WordNet, which no seed changes (8 of 10
train, 1 validation, 1 test). The seed draws which rows there are and what is beside the right answer; --rows is the most rows
of a training file, a tenth of it those of the others. The same arguments write the same bytes.
"""
import argparse
import csv
import hashlib
import json
import pathlib
import random
import re

PARTS = ("train",) * 8 + ("validation", "test")
# lexnames(5WN): files 03 to 28 are of nouns
CATEGORIES = dict(enumerate("Tops act animal artifact attribute body cognition communication event feeling food group location motive "
                            "object person phenomenon plant possession process quantity relation shape state substance time".split(), 3))
TOKEN = re.compile(r"[A-Za-z]+(?:[-'][A-Za-z]+)*|\d+|[^\sA-Za-z\d]")


class Synset:
    """A line of data.POS: `offset lex_filenum ss_type w_cnt word lex_id ... | definition; "example"; ...`"""

    def __init__(self, pos, line):
        head, _, gloss = line.partition(" | ")
        fields = head.split(" ")
        self.where = f"{pos} {fields[0]}"
        self.category = CATEGORIES.get(int(fields[1]))
        self.words = [re.sub(r"\(\w+\)$", "", fields[4 + 2 * i]).replace("_", " ") for i in range(int(fields[3], 16))]
        self.examples = [" ".join(x.split()) for x in re.findall(r'"([^"]+)"', gloss)]
        parts = [" ".join(x.split()) for x in re.sub(r'"[^"]*"?', "", gloss).split(";")]
        self.definition = "; ".join(x for x in parts if x and not x.startswith(("-", "--", ",")))  # who said an example
        self.part = PARTS[hashlib.sha256(self.where.encode()).digest()[0] % len(PARTS)]


def read_wordnet(folder):
    synsets = []
    for pos in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"data.{pos}").open(encoding="utf-8"):
            if not line.startswith("  "):
                synsets.append(Synset(pos, line))
    return [s for s in synsets if 3 <= len(s.definition.split()) <= 30]


def take(synsets, part, rows, draw):
    """The same few synsets for the same draw, in its order."""
    chosen = [s for s in synsets if s.part == part]
    draw.shuffle(chosen)
    return chosen[:rows]


def others(synsets, synset, n, draw):
    """n of the same part that share no word with it."""
    found, words = [], {w.lower() for w in synset.words}
    while len(found) < n:
        one = draw.choice(synsets)
        if not words & {w.lower() for w in one.words}:
            found.append(one)
            words |= {w.lower() for w in one.words}
    return found


# ---- the sets: each writes one part

def categories(path, synsets, part, rows, draw):
    nouns = [s for s in synsets if s.where.startswith("noun") and s.category != "Tops"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([s.definition, s.category] for s in take(nouns, part, rows, draw))


def mark(example, words):
    """Tokens and tags; a word may have an ending more, as in examples it does."""
    tokens = TOKEN.findall(example)
    tags = ["O"] * len(tokens)
    for word in sorted(words, key=len, reverse=True):
        wanted = [x.lower() for x in TOKEN.findall(word)]
        for i in range(len(tokens) - len(wanted) + 1):
            there = [x.lower() for x in tokens[i:i + len(wanted)]]
            last = wanted[-1]
            ending = there[-1][len(last):] if there[-1].startswith(last) else None
            if wanted and there[:-1] == wanted[:-1] and ending in ("", "s", "es", "d", "ed", "ing") and set(tags[i:i + len(wanted)]) == {"O"}:
                tags[i:i + len(wanted)] = ["B-WORD"] + ["I-WORD"] * (len(wanted) - 1)
    return tokens, tags


def marked_words(path, synsets, part, rows, draw):
    """The definition stands before the example: without it nobody could know which word is meant."""
    written = 0
    with path.open("w", encoding="utf-8") as file:
        for s in take([s for s in synsets if s.examples], part, len(synsets), draw):
            tokens, tags = mark(s.examples[0], s.words)
            before = TOKEN.findall(s.definition)
            if len(set(tags)) == 1 or len(before) + len(tokens) > 40 or written == rows:
                continue
            for token, tag in zip(before + [":"] + tokens, ["O"] * (len(before) + 1) + tags):
                file.write(f"{token} {tag}\n")
            file.write("\n")
            written += 1


def definitions(path, synsets, part, rows, draw, shown=4):
    """Some words and what they mean make a context; the question is for one of them."""
    pool, data = [s for s in synsets if s.part == part], []
    for s in take(synsets, part, rows, draw):
        entries = [s, *others(pool, s, shown - 1, draw)]
        draw.shuffle(entries)
        context, start = "", 0
        for one in entries:
            context += f"{one.words[0]}: "
            start = len(context) if one is s else start
            context += f"{one.definition}. "
        answer = {"text": s.definition, "answer_start": start}
        data.append({"title": s.words[0], "paragraphs": [{"context": context.rstrip(), "qas": [
            {"id": s.where, "question": f"what is {s.words[0]}", "answers": [answer]}]}]})
    path.write_text(json.dumps({"version": "1.1", "data": data}, ensure_ascii=False) + "\n", encoding="utf-8")


def short_definitions(path, synsets, part, rows, draw):
    """Where to look for a word is learned from these soon, from contexts of four late."""
    definitions(path, [s for s in synsets if len(s.definition.split()) <= 6], part, rows, draw, shown=2)


def words(path, synsets, part, rows, draw):
    pool = [s for s in synsets if s.part == part]
    with path.open("w", encoding="utf-8") as file:
        for s in take(synsets, part, rows, draw):
            choices = [one.words[0] for one in [s, *others(pool, s, 3, draw)]]
            draw.shuffle(choices)
            row = {"prompt": s.definition, "choices": choices, "label": choices.index(s.words[0])}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def fits(path, synsets, part, rows, draw):
    pool = [s for s in synsets if s.part == part]
    with path.open("w", encoding="utf-8") as file:
        for s in take(synsets, part, rows, draw):
            shown = [s, *others(pool, s, 3, draw)]
            draw.shuffle(shown)
            row = {"query": s.words[0], "passages": [one.definition for one in shown], "labels": [int(one is s) for one in shown]}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


SETS = {"category": (categories, "csv"), "words": (marked_words, "conll"), "definition": (definitions, "json"),
        "short": (short_definitions, "json"), "word": (words, "jsonl"), "fits": (fits, "jsonl")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=20000)
    parser.add_argument("--wordnet", type=pathlib.Path, default=pathlib.Path("/usr/share/wordnet"))
    given = parser.parse_args()
    if not (given.wordnet / "data.noun").exists():
        parser.error(f"{given.wordnet}/data.noun is not there: apt-get install wordnet-base")
    synsets = read_wordnet(given.wordnet)
    given.out.mkdir(parents=True, exist_ok=True)
    for name, (write, ending) in SETS.items():
        for part in dict.fromkeys(PARTS):
            rows = given.rows if part == "train" else max(1, given.rows // 10)
            write(given.out / f"{name}-{part}.{ending}", synsets, part, rows, random.Random(f"{given.seed} {name} {part}"))


if __name__ == "__main__":
    main()
