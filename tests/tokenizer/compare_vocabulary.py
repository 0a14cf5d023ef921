#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains vocabularies with `pleione vocab` and with the tokenizers package (0.23) and compares them.

compare_vocabulary.py PLEIONE [--size N] [--min-frequency M] [--limit-alphabet N] [--cased] [--pinned-only] FILE...

The package numbers the continuing characters ("##a") in the order of a hash table that is seeded anew in each process,
and these numbers decide between pairs of equal count; the same table decides between characters of equal count where the
alphabet is cut. So its own vocabulary differs from run to run. Two comparisons:

pinned  every continuing character is given as a special token, and the alphabet is cut at the next lower limit where
        counts differ, which leaves no tie open: the files must be equal
plain   as a user would do it: how many entries differ, and how many between two runs of the package

Exit code 1 if the pinned vocabularies differ.
"""
import argparse
import collections
import json
import subprocess
import sys
import tempfile
import time

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def package_vocabulary(arguments, special):
    """In this process. Tokens by id, seconds of counting and joining."""
    from tokenizers.implementations import BertWordPieceTokenizer
    tokenizer = BertWordPieceTokenizer(lowercase=not arguments.cased, strip_accents=None)
    began = time.monotonic()
    tokenizer.train(arguments.files, vocab_size=arguments.size, min_frequency=arguments.min_frequency,
                    limit_alphabet=arguments.limit_alphabet, special_tokens=special, show_progress=False)
    seconds = time.monotonic() - began
    ids = tokenizer.get_vocab(with_added_tokens=False)
    return sorted(ids, key=ids.get), seconds


def package_again(arguments, special):
    """In a process of its own, so with another seed."""
    request = json.dumps([vars(arguments), special])
    answer = subprocess.run([sys.executable, __file__, "--answer"], input=request, capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


def own_vocabulary(arguments, special):
    with tempfile.NamedTemporaryFile() as out:
        command = [arguments.pleione, "vocab", *arguments.files, "-o", out.name, f"--size={arguments.size}",
                   f"--min-frequency={arguments.min_frequency}", f"--limit-alphabet={arguments.limit_alphabet}"]
        command += [f"--special={token}" for token in special] + ["--cased"] * arguments.cased
        began = time.monotonic()
        subprocess.run(command, check=True)
        seconds = time.monotonic() - began
        with open(out.name, encoding="utf-8", newline="\n") as file:
            return file.read().split("\n")[:-1], seconds


def limit_without_tie(arguments):
    """The largest limit of the alphabet up to the one asked for at which no character is as frequent as the next."""
    from tokenizers.normalizers import BertNormalizer
    normalizer = BertNormalizer(True, True, None, not arguments.cased)
    counts = collections.Counter()
    for path in arguments.files:
        with open(path, encoding="utf-8", newline="\n") as file:
            for line in file:
                counts.update(normalizer.normalize_str(line))
    frequent = sorted((n for char, n in counts.items() if not char.isspace()), reverse=True) + [0]
    limit = min(arguments.limit_alphabet, len(frequent) - 1)
    while limit and frequent[limit - 1] == frequent[limit]:
        limit -= 1
    return limit


def continuing(tokens):
    """Continuing characters in the order of code points."""
    return sorted((t for t in tokens if len(t) == 3 and t.startswith("##")), key=lambda t: ord(t[2]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pleione")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--size", type=int, default=30000)
    parser.add_argument("--min-frequency", type=int, default=2)
    parser.add_argument("--limit-alphabet", type=int, default=1000)
    parser.add_argument("--cased", action="store_true")
    parser.add_argument("--pinned-only", action="store_true")
    arguments = parser.parse_args()

    own, own_seconds = own_vocabulary(arguments, SPECIALS)
    asked, arguments.limit_alphabet = arguments.limit_alphabet, limit_without_tie(arguments)
    special = SPECIALS + continuing(own_vocabulary(arguments, SPECIALS)[0])
    own_pinned, _ = own_vocabulary(arguments, special)
    pinned, _ = package_again(arguments, special)
    first = next((i for i, (a, b) in enumerate(zip(own_pinned, pinned)) if a != b), min(len(own_pinned), len(pinned)))
    same = own_pinned == pinned
    print(f"pinned, alphabet of {arguments.limit_alphabet}: {len(own_pinned)} entries, " + ("equal" if same else f"differ from line {first + 1} on: "
          f"{own_pinned[first:first + 3]} here, {pinned[first:first + 3]} there"))
    arguments.limit_alphabet = asked
    if not arguments.pinned_only:
        once, seconds = package_again(arguments, SPECIALS)
        again, seconds_again = package_again(arguments, SPECIALS)
        print(f"plain: {len(set(own) - set(once))} of {len(own)} entries are not in the package's, "
              f"{len(set(again) - set(once))} between two runs of the package")
        print(f"seconds: {own_seconds:.2f} here, {min(seconds, seconds_again):.2f} there")
    return 0 if same else 1


if __name__ == "__main__":
    if sys.argv[1:] == ["--answer"]:
        options, special_tokens = json.load(sys.stdin)
        json.dump(package_vocabulary(argparse.Namespace(**options), special_tokens), sys.stdout)
    else:
        sys.exit(main())
