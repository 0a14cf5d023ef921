#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares ids, offsets, word numbers and types with the `tokenizers` package, text by text; not run by the tests.

compare.py [--library build/libpleione.so] [--megabytes 100] [--kind KIND] [--seed N]

For each kind of text (texts.py) a vocabulary is trained, cased and uncased, and both tokenizers read the same texts.
Half of each kind is read cased, half uncased. A difference is printed with its text, and the exit code is 1.
--write-sample writes sample.json, a small run that the tests replay: vocabularies, texts and a hash of each answer.
"""
import argparse
import itertools
import json
import os
import sys
import tempfile
import time

import numpy
from tokenizers import BertWordPieceTokenizer

import library as pleione
import texts

HERE = os.path.dirname(os.path.abspath(__file__))
CHUNK = 4000  # lines


def train(kind, lower, folder, size, entries):
    trainer = BertWordPieceTokenizer(lowercase=lower)
    trainer.train_from_iterator(texts.lines(kind, "vocabulary", size), vocab_size=entries, min_frequency=1, show_progress=False)
    trainer.save_model(folder)
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump({"do_lower_case": lower}, file)
    return BertWordPieceTokenizer(os.path.join(folder, "vocab.txt"), lowercase=lower)


def column(rows, name):
    return numpy.frombuffer(rows.column(name), numpy.uint8 if "mask" in name else numpy.int32)


def joined(encodings, get):
    return numpy.fromiter(itertools.chain.from_iterable(map(get, encodings)), numpy.int64)


def first_difference(lines, encodings, rows):
    """The text in which the two differ, or None."""
    lengths = numpy.fromiter((len(e.ids) for e in encodings), numpy.int64)
    starts = numpy.concatenate([[0], numpy.cumsum(lengths)])
    ours = numpy.ctypeslib.as_array(rows.starts, (len(lines) + 1,))
    wrong = numpy.nonzero(starts != ours)[0]
    if len(wrong):
        return lines[wrong[0] - 1], "tokens"
    offsets = numpy.array(list(itertools.chain.from_iterable(e.offsets for e in encodings)))
    theirs = {"ids": joined(encodings, lambda e: e.ids), "types": joined(encodings, lambda e: e.type_ids),
              "begins": offsets[:, 0], "ends": offsets[:, 1],
              "words": joined(encodings, lambda e: (-1 if w is None else w for w in e.word_ids))}
    for name, values in theirs.items():
        wrong = numpy.nonzero(values != column(rows, name))[0]
        if len(wrong):
            return lines[int(numpy.searchsorted(starts, wrong[0], "right")) - 1], name
    return None


def compare(library, kind, lower, seed, size):
    with tempfile.TemporaryDirectory() as folder:
        theirs = train(kind, lower, folder, 3_000_000, 20_000)
        ours = pleione.Tokenizer(library, folder, 2)
    lines = texts.lines(kind, seed, size)
    tokens = 0
    for at in range(0, len(lines), CHUNK):
        chunk = lines[at:at + CHUNK]
        batch = pleione.examples(chunk)
        bare = ours.encode(batch, no_places=True).column("ids")
        rows = ours.encode(batch)
        difference = first_difference(chunk, theirs.encode_batch(chunk), rows)
        if not difference and bare != rows.column("ids"):
            difference = f"{len(chunk)} lines from line {at}", "ids without places"
        tokens += rows.tokens
        if difference:
            print(f"{kind} {'uncased' if lower else 'cased'}: {difference[1]} differ in {difference[0]!r}")
            return False, tokens
    ours.close()
    return True, tokens


def fnv(numbers):
    value = 0xCBF29CE484222325
    for number in numbers:
        value = (value ^ (number & 0xFFFFFFFF)) * 0x100000001B3 % (1 << 64)
    return f"{value:016x}"


def write_sample():
    """{"kind", "lower", "vocabulary", "lines", "hashes"}: each hash is of id, word, begin, end of all tokens of a line."""
    rows = []
    for kind, lower in itertools.product(texts.kinds(), (False, True)):
        with tempfile.TemporaryDirectory() as folder:
            theirs = train(kind, lower, folder, 60_000, 700)
            with open(os.path.join(folder, "vocab.txt"), encoding="utf-8", newline="\n") as file:
                vocabulary = file.read().split("\n")[:-1]
        lines = texts.lines(kind, f"sample {lower}", 3500)
        hashes = [fnv(itertools.chain.from_iterable((i, -1 if w is None else w, b, n) for i, w, (b, n) in
                                                    zip(e.ids, e.word_ids, e.offsets))) for e in theirs.encode_batch(lines)]
        rows.append({"kind": kind, "lower": lower, "vocabulary": vocabulary, "lines": lines, "hashes": hashes})
    with open(os.path.join(HERE, "sample.json"), "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows) + "]\n")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--library", default=os.path.join(HERE, "..", "..", "build", "libpleione.so"))
    options.add_argument("--megabytes", type=float, default=100)
    options.add_argument("--kind", choices=texts.kinds(), action="append")
    options.add_argument("--seed", default="compared")
    options.add_argument("--write-sample", action="store_true")
    chosen = options.parse_args()
    if chosen.write_sample:
        return write_sample()
    kinds = chosen.kind or texts.kinds()
    size = int(chosen.megabytes * 1e6 / len(kinds) / 2)
    good = True
    for kind in kinds:
        for lower in (False, True):
            begin = time.time()
            same, tokens = compare(os.path.abspath(chosen.library), kind, lower, f"{chosen.seed} {lower}", size)
            good = good and same
            print(f"{kind:10} {'uncased' if lower else 'cased':7} {size / 1e6:6.2f} MB {tokens:9} tokens "
                  f"{'equal' if same else 'DIFFERENT'} {time.time() - begin:5.0f} s", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
