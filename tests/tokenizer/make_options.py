#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks the reference (tokenizers 0.23) for rows under random options: writes options.json beside itself.

Each case: {"examples": [[text, pair or null, words?]], options by their names in pleione.h, "rows": [[example, ids,
types, words, sequences, attention, special, begins, ends], ...], "look": [[row, sequence, character, token or -1], ...]},
or "error": true. words?: 1, text and pair are lists of words.
"""
import json
import os
import random

from tokenizers import BertWordPieceTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
WORDS = ["a", "b", "king", "Café", "中文", "[MASK]", "한국", "x,y", "", "don't", "e", "f", "g", "🇰🇷", "straße", "[SEP]", "h"]
STRATEGIES = ["longest_first", "only_first", "only_second"]


def text(rng, split):
    words = [rng.choice(WORDS) for _ in range(rng.choice([0, 1, 3, 6, 12]))]
    return words if split else " ".join(words)


def draw(rng):
    options = {}
    if rng.random() < 0.85:
        options["max_length"] = rng.choice([1, 2, 3, 4, 5, 7, 8, 10, 12, 16])
        options["truncation"] = rng.choice([0, 0, 0, 1, 2])
        options["truncate_left"] = rng.random() < 0.3
        options["overflow"] = rng.random() < 0.6
        options["stride"] = rng.choice([0, 0, 0, 1, 1, 2])
    if rng.random() < 0.5 and (options.get("max_length", 9) > 3 or not options["overflow"]):
        options["padding"] = rng.choice([1, 1, 2])
        options["pad_left"] = rng.random() < 0.3
        options["pad_multiple"] = rng.choice([0, 0, 4, 8])
        if options["padding"] == 2:
            options["pad_length"] = rng.choice([6, 16, 24])
        if options["pad_multiple"] and options.get("max_length", 0) % options["pad_multiple"]:
            options["pad_multiple"] = 0
    options["no_special"] = rng.random() < 0.2
    options["split_special"] = rng.random() < 0.2
    return {key: value for key, value in options.items() if value}


def rows_of(tokenizer, examples, options):
    backend = tokenizer._tokenizer
    backend.encode_special_tokens = "split_special" in options
    backend.no_truncation()
    backend.no_padding()
    if "max_length" in options:
        backend.enable_truncation(options["max_length"], stride=options.get("stride", 0), strategy=STRATEGIES[options.get("truncation", 0)],
                                  direction="left" if "truncate_left" in options else "right")
    if "padding" in options:
        backend.enable_padding(direction="left" if "pad_left" in options else "right", pad_id=0, pad_type_id=0, pad_token="[PAD]",
                               length=options.get("pad_length"), pad_to_multiple_of=options.get("pad_multiple"))
    inputs = [one if pair is None else (one, pair) for one, pair, _ in examples]
    encodings = backend.encode_batch(inputs, is_pretokenized=bool(examples[0][2]), add_special_tokens="no_special" not in options)
    rows, look = [], []
    for i, encoding in enumerate(encodings):
        for e in [encoding] + (encoding.overflowing if "overflow" in options else []):
            none = lambda values: [-1 if v is None else v for v in values]
            rows.append([i, e.ids, e.type_ids, none(e.word_ids), none(e.sequence_ids), e.attention_mask, e.special_tokens_mask,
                         [b for b, _ in e.offsets], [end for _, end in e.offsets]])
        if "max_length" not in options:  # truncation makes the reference forget where its sequences lie
            for sequence in range(1 if examples[i][1] is None else 2):
                for character in (0, 1, 4, 9):
                    token = encoding.char_to_token(character, sequence)
                    look.append([len(rows) - 1, sequence, character, -1 if token is None else token])
    return rows, look


def main():
    rng = random.Random(11)
    tokenizer = BertWordPieceTokenizer(os.path.join(HERE, "vocab.txt"), lowercase=True)
    cases = []
    for _ in range(260):
        split = rng.random() < 0.25
        pairs = rng.random() < 0.6
        examples = [[text(rng, split), text(rng, split) if pairs else None, int(split)] for _ in range(rng.choice([1, 1, 2, 3]))]
        case = {"examples": examples, **draw(rng)}
        try:
            case["rows"], look = rows_of(tokenizer, examples, case)
            if look:
                case["look"] = look
        except BaseException as problem:  # a panic of the reference is no Exception
            if isinstance(problem, (KeyboardInterrupt, AttributeError, TypeError)):
                raise
            case["error"] = True
        if len(case.get("rows", [])) < 12:
            cases.append(case)
    with open(os.path.join(HERE, "options.json"), "w", encoding="ascii") as file:
        file.write("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "]\n")
    print(len(cases), "cases,", sum("error" in case for case in cases), "errors")


if __name__ == "__main__":
    main()
