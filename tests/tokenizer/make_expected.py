#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks the reference (transformers 5.23, tokenizers 0.23) what the tokenizer should answer.

make_expected.py    writes vocab.txt and expected.json beside itself; not run by the tests

expected.json: "sets" of a vocabulary ("lower", which is tests/tasks/lower.txt, or "own") and a tokenizer_config, each with cases [text, pair or null,
max_length or 0, ids, types, words (-1: none), begins, ends, special]; "decoded": [ids, text, text without specials] of
the set before; "sweeps": [space_chinese, strip_accents, lower_case, FNV-1a hash over all code points c of the
normalized "a" + c + "b", each followed by 0].
"""
import json
import os
import random
import shutil
import tempfile

from tokenizers import normalizers, pre_tokenizers
from transformers import ElectraTokenizer

from samples import TEXTS

HERE = os.path.dirname(os.path.abspath(__file__))
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CONFIGS = [
    {"do_lower_case": True},
    {"do_lower_case": False},
    {"do_lower_case": True, "strip_accents": False},
    {"do_lower_case": False, "strip_accents": True},
    {"do_lower_case": False, "tokenize_chinese_chars": False},
]


def varied_texts():
    """Random strings over an alphabet in which every rule of the normalizer has a member."""
    rng = random.Random(7)
    alphabet = list("abcABC xyz.,'-#019") + list("éÉñçßİıΣσςЁйÅÿŉ") + list("가각한글") + list("中文\uf900") + list("がパー")
    alphabet += list("\u0301\u0323\u0308\u200d\u00ad\u0000\u000b\u0085\u00a0\u3000\u2028\u0378\ufffd\ufe0f")
    alphabet += list("😀🏽\U0002b830\U0002b920\U0001d15e\U0001d16d\U0001d165कोீ،؟„“…—") + ["[MASK]", "[SEP]", "[mask]", " ", " "]
    return ["".join(rng.choices(alphabet, k=rng.randint(1, 24))) for _ in range(150)]


def write_vocabulary(path, texts):
    """Characters as the normalizer leaves them, most of them also as continuations, some pairs; a duplicate, a CRLF."""
    rng = random.Random(3)
    words = set()
    for config in CONFIGS:
        lower = config["do_lower_case"]
        normalizer = normalizers.BertNormalizer(True, config.get("tokenize_chinese_chars", True),
                                                config.get("strip_accents"), lower)
        for text in texts:
            words.update(w for w, _ in pre_tokenizers.BertPreTokenizer().pre_tokenize_str(normalizer.normalize_str(text)))
    pieces = set()
    for word in sorted(words):
        for i, char in enumerate(word):
            pieces.add(("##" if i else "") + char)
            if rng.random() < 0.3:
                length = rng.randint(2, 4)
                pieces.add(("##" if i else "") + word[i:i + length])
    kept = [p for p in sorted(pieces) if p.strip() and rng.random() < 0.93]
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write("\n".join(SPECIALS + ["twice"] + kept) + "\n##crlf\r\n\ntwice\nblank \u3000\n")


def case(tokenizer, text, pair=None, max_length=0):
    cut = {"truncation": "longest_first", "max_length": max_length} if max_length else {}
    if pair is None:
        answer = tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True, **cut)
        words = answer.word_ids()
    else:  # a batch of one: there an empty second text is a text
        batch = tokenizer([text], [pair], return_offsets_mapping=True, return_special_tokens_mask=True, **cut)
        words = batch.word_ids(0)
        answer = {key: value[0] for key, value in batch.items()}
    offsets = answer["offset_mapping"]
    return [text, pair, max_length, answer["input_ids"], answer["token_type_ids"], [-1 if w is None else w for w in words],
            [b for b, _ in offsets], [e for _, e in offsets], answer["special_tokens_mask"]]


def open_tokenizer(vocabulary, config):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(vocabulary, os.path.join(folder, "vocab.txt"))
        with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
            json.dump(config, file)
        return ElectraTokenizer.from_pretrained(folder)


def pair_cases(tokenizer):
    ten, eleven = "a b c d e f g h i j", "a b c d e f g h i j k"
    cases = [case(tokenizer, ten, second, n) for second in (ten, eleven, "a", "") for n in (0, 3, 4, 7, 8, 12, 13, 22, 23)]
    cases += [case(tokenizer, eleven, ten, n) for n in (4, 5, 8, 9, 22, 23)]
    cases += [case(tokenizer, "a b", ten, n) for n in (3, 4, 5, 6, 7, 8, 9, 14)]
    cases += [case(tokenizer, ten, None, n) for n in (2, 3, 7, 11, 12, 13)]
    return cases + [case(tokenizer, "한국 [MASK] é", "中文 É[SEP]x"), case(tokenizer, "", ""), case(tokenizer, "", "a")]


def decoded_cases(tokenizer):
    rng = random.Random(5)
    ids = [tokenizer(text)["input_ids"] for text in TEXTS[4:30]]
    ids += [[rng.randrange(len(tokenizer) + 3) for _ in range(12)] for _ in range(30)]
    return [[i, tokenizer.decode(i), tokenizer.decode(i, skip_special_tokens=True)] for i in ids]


def sweep(chinese, strip, lower):
    normalizer = normalizers.BertNormalizer(True, chinese, strip, lower)
    value = 0xCBF29CE484222325
    for code in range(0x110000):
        if not 0xD800 <= code < 0xE000:
            for char in normalizer.normalize_str(f"a{chr(code)}b") + "\0":
                value = (value ^ ord(char)) * 0x100000001B3 % (1 << 64)
    return [chinese, strip, lower, f"{value:016x}"]


def main():
    texts = TEXTS + varied_texts()
    own = os.path.join(HERE, "vocab.txt")
    write_vocabulary(own, texts)
    lower = os.path.join(HERE, "../tasks/lower.txt")
    sets = []
    for name, path, config in [("lower", lower, CONFIGS[0]), ("lower", lower, CONFIGS[1])] + [("own", own, c) for c in CONFIGS]:
        tokenizer = open_tokenizer(path, config)
        cases = [case(tokenizer, text) for text in (texts if name == "own" else TEXTS)] + pair_cases(tokenizer)
        sets.append({"vocabulary": name, "config": config, "cases": cases, "decoded": decoded_cases(tokenizer)})
    sweeps = [sweep(*flags) for flags in ((True, True, True), (True, False, False), (False, True, False), (True, False, True))]
    with open(os.path.join(HERE, "expected.json"), "w", encoding="ascii") as file:
        rows = []
        for one in sets:
            head = json.dumps({"vocabulary": one["vocabulary"], "config": one["config"]})[:-1]
            lists = (f'"{key}": [\n' + ",\n".join(json.dumps(c, separators=(",", ":")) for c in one[key]) + "]"
                     for key in ("cases", "decoded"))
            rows.append(head + ", " + ",\n".join(lists) + "}")
        file.write('{"sets": [\n' + ",\n".join(rows) + '],\n"sweeps": ' + json.dumps(sweeps) + "}\n")
    print(sum(len(one["cases"]) for one in sets), "cases")


if __name__ == "__main__":
    main()
