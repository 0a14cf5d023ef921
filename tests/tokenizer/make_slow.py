#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks the tokenizers in Python for ids: writes slow.json beside itself.

make_slow.py TOKENIZATION.PY    with transformers 4.44; the argument is model/tokenization.py of google-research/electra

slow.json: [{"mode": "slow" or "google", "config": {...}, "cases": [[text, ids without special tokens], ...],
"pairs": [[first, second, max_length, ids], ...]}]; the vocabulary is vocab.txt.
"""
import importlib.util
import json
import os
import sys
import tempfile
import types

from transformers import ElectraTokenizer

import samples
import texts

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIGS = [
    {"do_lower_case": True}, {"do_lower_case": False}, {"do_lower_case": True, "strip_accents": False},
    {"do_lower_case": True, "never_split": ["CAF\u00c9,", "a.b", "[MASK]x"], "tokenize_chinese_chars": False},
    {"do_lower_case": True, "do_basic_tokenize": False},
]
KINDS = [kind for kind in texts.kinds() if kind not in ("random", "english")]
PAIRS = [(a, b, n) for a in (3, 10, 11) for b in (0, 3, 10) for n in (4, 7, 8, 12)]


def google(path, lower):
    for name in ("tensorflow", "tensorflow.compat", "tensorflow.compat.v1"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["tensorflow.compat.v1"].io = types.SimpleNamespace(gfile=types.SimpleNamespace(
        GFile=lambda name, mode: open(name, encoding="utf-8", newline="\n")))
    sys.modules["tensorflow.compat"].v1 = sys.modules["tensorflow.compat.v1"]
    sys.modules["six"] = types.SimpleNamespace(PY3=True, PY2=False)
    spec = importlib.util.spec_from_file_location("google_tokenization", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FullTokenizer(os.path.join(HERE, "vocab.txt"), do_lower_case=lower)


def main():
    lines = ["never a.b CAF\u00c9, x [MASK]x", "[MASK] [mask]", "\u039f\u0394\u039f\u03a3 \u03a3\u03a3. \u03a3a", "e\u0301 \u1112\u1161\u11ab", "\U0002b830x"]
    lines += samples.TEXTS + [line for kind in KINDS for line in texts.lines(kind, "slow", 1500)]
    out = []
    for config in CONFIGS:
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(HERE, "vocab.txt"), encoding="utf-8", newline="") as file, \
                    open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8", newline="") as copy:
                copy.write(file.read())
            with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
                json.dump(config, file)
            slow = ElectraTokenizer.from_pretrained(folder)
        cases = [[text, slow(text, add_special_tokens=False)["input_ids"]] for text in lines]
        pairs = []
        for a, b, n in PAIRS if config == CONFIGS[0] else []:
            first, second = " ".join("a" * a), " ".join("b" * b)
            pairs.append([first, second, n, slow(first, second, truncation="longest_first", max_length=n)["input_ids"]])
        out.append({"mode": "slow", "config": config, "cases": cases, "pairs": pairs})
    for lower in (True, False):
        tokenizer = google(sys.argv[1], lower)
        cases = [[text, tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text))] for text in lines]
        out.append({"mode": "google", "config": {"do_lower_case": lower}, "cases": cases, "pairs": []})
    with open(os.path.join(HERE, "slow.json"), "w", encoding="ascii") as file:
        file.write("[\n" + ",\n".join(json.dumps(one, separators=(",", ":")) for one in out) + "]\n")
    print(sum(len(one["cases"]) for one in out), "cases")


if __name__ == "__main__":
    main()
