#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks the reference (transformers 5.23) how mixtures of tokenizer files are read: writes files.json beside itself.

Each case: {"files": {name: text}, "cases": [[text, ids], ...]}; expected of strict mode. make_files.py --saved DIRECTORY
LAYOUT asks it (or transformers 4) to load what pln_tokenizer_save wrote and prints ids, for comparison by eye or script.
"""
import json
import os
import sys
import tempfile

from transformers import AutoTokenizer, ElectraTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b", "cafe", "Café", "caf", "##é", "x", "new", "##c", "<e1>", "中", "B", "b"]
TEXTS = ["ab abc Café cafe", "x<new>x", "X <NEW> x", "中a中", "a[MASK] b", "<e1>a <e2>", "new york NEW YORK", "Bb <s>a</s>"]
ADDED = {"content": "<new>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "special": False}
YORK = {"content": "New York", "single_word": True, "lstrip": False, "rstrip": True, "normalized": True, "special": False}


def text_vocabulary(tokens=VOCABULARY):
    return "\n".join(tokens) + "\n"


def tokenizer_json(lower, tokens=VOCABULARY, added=(), limit=100):
    names = {token: i for i, token in enumerate(tokens)}
    return json.dumps({
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": names.get(t, len(tokens)), "content": t, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for t in tokens[:5]] + list(added),
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": lower},
        "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": None, "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": limit, "vocab": names}})


def mixtures():
    yield {"vocab.txt": text_vocabulary()}
    yield {"vocab.txt": text_vocabulary(), "tokenizer_config.json": '{"do_lower_case": false}'}
    yield {"vocab.txt": text_vocabulary(), "tokenizer_config.json": '{"do_lower_case": false, "strip_accents": true}'}
    yield {"tokenizer.json": tokenizer_json(False)}
    yield {"tokenizer.json": tokenizer_json(True), "tokenizer_config.json": '{"do_lower_case": false}'}
    yield {"tokenizer.json": tokenizer_json(False, VOCABULARY[:14]), "vocab.txt": text_vocabulary(),
           "tokenizer_config.json": '{"do_lower_case": false}'}
    yield {"tokenizer.json": tokenizer_json(True, added=[{"id": 18, **ADDED}])}
    yield {"vocab.txt": text_vocabulary(), "added_tokens.json": '{"<new>": 18, "<e2>": 19}'}
    yield {"vocab.txt": text_vocabulary(), "added_tokens.json": '{"<e2>": 19, "<new>": 18}',
           "special_tokens_map.json": '{"mask_token": "<new>", "additional_special_tokens": ["<s>", "</s>"]}'}
    yield {"vocab.txt": text_vocabulary(), "special_tokens_map.json": '{"cls_token": "<s>", "sep_token": "</s>"}',
           "tokenizer_config.json": '{"do_lower_case": false, "cls_token": "[CLS]"}'}
    yield {"vocab.txt": text_vocabulary(),
           "tokenizer_config.json": json.dumps({"added_tokens_decoder": {"18": ADDED, "19": YORK, "4": {**ADDED, "content": "[MASK]",
                                                "special": True, "normalized": False, "lstrip": True}}}),
           "added_tokens.json": '{"<e2>": 18}', "special_tokens_map.json": '{"cls_token": "<s>"}'}
    yield {"vocab.txt": text_vocabulary(), "tokenizer_config.json": json.dumps({"additional_special_tokens": ["<e1>", "<e2>"],
                                                                              "tokenize_chinese_chars": False})}
    yield {"tokenizer.json": tokenizer_json(True, added=[{"id": 18, **ADDED}, {"id": 19, **YORK}]),
           "tokenizer_config.json": json.dumps({"extra_special_tokens": ["</s>"], "pad_token": "<s>"})}


def main():
    if sys.argv[1:2] == ["--saved"]:
        tokenizer = AutoTokenizer.from_pretrained(sys.argv[2])
        print(json.dumps([type(tokenizer).__name__, [tokenizer(text)["input_ids"] for text in TEXTS]]))
        return
    cases = []
    for files in mixtures():
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            tokenizer = ElectraTokenizer.from_pretrained(folder)
            cases.append({"files": files, "cases": [[text, tokenizer(text)["input_ids"]] for text in TEXTS]})
    with open(os.path.join(HERE, "files.json"), "w", encoding="ascii") as file:
        file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "]\n")
    print(len(cases), "mixtures")


if __name__ == "__main__":
    main()
