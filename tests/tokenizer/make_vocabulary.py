#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks the tokenizers package (0.23) which vocabularies it trains: writes vocabulary.json beside itself; not run by the
tests.

vocabulary.json: cases of a text, options and the tokens. Continuing characters are given as special tokens, so that no
tie is open (see compare_vocabulary.py); each answer is asked for three times, and must be the same.
"""
import collections
import json
import os
import random
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
DEFAULTS = {"size": 30000, "min_frequency": 2, "limit_alphabet": 1000, "cased": False, "keep_accents": False,
            "join_chinese": False, "special": SPECIALS}


def word(rng, letters, longest):
    return "".join(rng.choice(letters) for _ in range(rng.randint(1, longest)))


def mixed_text():
    """Words of several scripts, the first ones often, with what the normalizer takes away, splits or changes."""
    rng = random.Random(11)
    scripts = ["etaoinshrdlucmfwypvbgk", "ETAOINÉÀüößñ", "аеиноствлрдкмпуя", "한국어는말이나다을가", "的一是不了人我在有他", "アイウエオカキがぎパ",
               "ابتدرسعلمن", "कखगतनपमरािी", "กขคงจฉา็ั", "0123456789"]
    words = [word(rng, rng.choice(scripts), 8) for _ in range(700)]
    words += ["é", "e\u0301", "don't", "[MASK]", "a\u00adb", "x\u200dy", "İstanbul", "\u0301a", "C++", "a\x0bb", "##un", "😀👍🏽"]
    drawn = [words[min(int(rng.paretovariate(0.6)) - 1, len(words) - 1) if rng.random() < 0.8 else rng.randrange(len(words))]
             for _ in range(2000)]
    return "".join(w + rng.choice([" ", " ", " ", "\n", "\r\n", "\t", ", ", ". ", "\u3000"]) for w in drawn)


def few_letters(letters, longest, n, seed):
    """Few letters, so that the same token is made in several ways and pairs overlap with themselves."""
    rng = random.Random(seed)
    return " ".join(word(rng, letters, longest) for _ in range(n))


CASES = [
    ("mixed", {"size": 1500}),
    ("mixed", {"size": 1200, "cased": True, "min_frequency": 3}),
    ("mixed", {"size": 900, "keep_accents": True, "join_chinese": True}),
    ("mixed", {"size": 400, "limit_alphabet": 25}),
    ("mixed", {"size": 40}),
    ("mixed", {"size": 600, "special": ["[UNK]", "q", "##e", "[UNK]", "the", "##no"], "limit_alphabet": 10}),
    ("one", {"min_frequency": 1}),
    ("two", {"size": 500, "min_frequency": 1}),
    ("three", {"size": 2000}),
    ("empty", {}),
]
TEXTS = {"mixed": mixed_text(), "one": few_letters("a", 40, 200, 1), "two": few_letters("ab", 16, 800, 2),
         "three": few_letters("abc", 12, 1500, 3), "empty": " \n\t\u200d "}


def limit_without_tie(text, options):
    normal = normalizer(options).normalize_str(text)
    frequent = sorted((n for c, n in collections.Counter(normal).items() if not c.isspace()), reverse=True) + [0]
    limit = min(options["limit_alphabet"], len(frequent) - 1)
    while limit and frequent[limit - 1] == frequent[limit]:
        limit -= 1
    return limit or 1


def normalizer(options):
    from tokenizers.normalizers import BertNormalizer
    return BertNormalizer(True, not options["join_chinese"], False if options["keep_accents"] else None, not options["cased"])


def answer(text, options):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizer(options)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=options["size"], min_frequency=options["min_frequency"],
                                        limit_alphabet=options["limit_alphabet"], special_tokens=options["special"],
                                        show_progress=False)
    tokenizer.train_from_iterator([text], trainer)
    ids = tokenizer.get_vocab(with_added_tokens=False)
    return sorted(ids, key=ids.get)


def answer_again(text, options):
    request = json.dumps([text, options])
    return json.loads(subprocess.run([sys.executable, __file__, "--answer"], input=request, capture_output=True, text=True,
                                     check=True).stdout)


def make_case(name, changes):
    options = dict(DEFAULTS, **changes)
    options["limit_alphabet"] = limit_without_tie(TEXTS[name], options)
    tokens = answer_again(TEXTS[name], options)
    continuing = sorted((t for t in tokens if len(t) == 3 and t.startswith("##")), key=lambda t: ord(t[2]))
    options["special"] = options["special"] + [t for t in continuing if t not in options["special"]]
    answers = [answer_again(TEXTS[name], options) for _ in range(3)]
    assert all(a == answers[0] for a in answers), (name, changes)
    print(name, changes, len(answers[0]))
    return {"text": name, "options": options, "tokens": answers[0]}


def main():
    cases = [make_case(*case) for case in CASES]
    with open(os.path.join(HERE, "vocabulary.json"), "w", encoding="utf-8", newline="\n") as file:
        rows = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
        file.write('{"texts": ' + json.dumps(TEXTS, ensure_ascii=False) + ',\n"cases": [\n' + rows + "]}\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["--answer"]:
        json.dump(answer(*json.load(sys.stdin)), sys.stdout)
    else:
        main()
