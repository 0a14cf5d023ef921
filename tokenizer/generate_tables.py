#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Unicode tables of the BERT normalizer.

generate_tables.py TABLES.json > unicode_tables.c     writes the C tables
generate_tables.py --read-reference TABLES.json       asks the `tokenizers` package about every code point (0.23 was
                                                      used) and writes the JSON

The reference carries Unicode 8 to 13 data of its own. Which code points it touches is in the tables; what they become
is utf8proc's business, except for the few that the two see differently: those are in the tables too.
"""
import ctypes
import ctypes.util
import json
import re
import sys

PAGE = 128
FLAGS = ["removed", "space", "chinese", "punct", "split_ws", "mark", "strip", "lower", "nonstarter"]  # bits, see unicode.h
HANGUL = range(0xAC00, 0xD7A4)


def ranges(codes):
    out = []
    for code in sorted(codes):
        if out and code == out[-1][1] + 1:
            out[-1][1] = code
        else:
            out.append([code, code])
    return out


def read_reference(path):
    from tokenizers import normalizers, pre_tokenizers

    off = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False}
    codes = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]

    def changed(option):
        normalizer = normalizers.BertNormalizer(**{**off, option: True})
        answers = ((c, normalizer.normalize_str(chr(c))) for c in codes)
        return {c: [ord(x) for x in s] for c, s in answers if s != chr(c)}

    clean, strip = changed("clean_text"), changed("strip_accents")
    decompose = normalizers.NFD()

    def nonstarter(code):  # a mark of class 1 goes before it, or it goes before one of class 230
        text = chr(code)
        return (decompose.normalize_str(f"a{text}\u0334") == f"a\u0334{text}" or
                decompose.normalize_str(f"a\u0301{text}") == f"a{text}\u0301" or text == "\u0334")

    nonstarters = [c for c in codes if decompose.normalize_str(chr(c)) == chr(c) and nonstarter(c)]
    splitter = pre_tokenizers.BertPreTokenizer()
    parts = {c: len(splitter.pre_tokenize_str(f"a{chr(c)}b")) for c in codes}
    tables = {
        "removed": ranges(c for c, s in clean.items() if not s),
        "space": ranges(c for c, s in clean.items() if s == [32]),
        "chinese": ranges(changed("handle_chinese_chars")),
        "punct": ranges(c for c, n in parts.items() if n == 3),
        "split_ws": ranges(c for c, n in parts.items() if n == 2),
        "mark": ranges(c for c, s in strip.items() if not s),
        "strip": sorted([c] + s for c, s in strip.items() if s and c not in HANGUL),
        "nonstarter": ranges(nonstarters),
        "lower": sorted([c] + s for c, s in changed("lowercase").items()),
    }
    with open(path, "w", encoding="utf-8") as file:
        lines = (f'"{name}": {json.dumps(rows, separators=(",", ":"))}' for name, rows in tables.items())
        file.write("{" + ",\n".join(lines) + "}\n")


def exceptions(tables):
    """Lower case of the reference that is not utf8proc's: [code, lowered...]. Decompositions must all be the same."""
    library = ctypes.CDLL(ctypes.util.find_library("utf8proc"))
    out = (ctypes.c_int32 * 32)()
    marks = {c for first, last in tables["mark"] for c in range(first, last + 1)}

    def stripped(code):  # UTF8PROC_DECOMPOSE is 1 << 4
        n = library.utf8proc_decompose_char(code, out, 32, 1 << 4, ctypes.byref(ctypes.c_int(0)))
        return [c for c in out[:n] if c not in marks]

    assert all(stripped(row[0]) == row[1:] for row in tables["strip"])
    return [row for row in tables["lower"] if [library.utf8proc_tolower(row[0])] != row[1:]]


def flags_of_all(tables):
    flags = [0] * 0x110000
    for bit, name in enumerate(FLAGS):
        mapped = name in ("strip", "lower")
        spans = [(row[0], row[0]) for row in tables[name]] if mapped else tables[name]
        if name == "strip":
            spans = spans + [(HANGUL[0], HANGUL[-1])]
        for first, last in spans:
            for code in range(first, last + 1):
                flags[code] |= 1 << bit
    return flags


def lines_of(cells, width=112):
    line = ""
    for cell in cells:
        if line and len(line) + len(cell) + 2 > width:
            yield "    " + line
            line = ""
        line += (" " if line else "") + cell + ","
    yield "    " + line


def write_tables(path):
    with open(path, encoding="utf-8") as file:
        tables = json.load(file)
    flags = flags_of_all(tables)
    numbers, pages = {}, []
    for start in range(0, len(flags), PAGE):
        page = tuple(flags[start:start + PAGE])
        pages.append(numbers.setdefault(page, len(numbers)))
    print("""/* SPDX-License-Identifier: Apache-2.0
 *
 * Written by generate_tables.py from bert_unicode_tables.json: do not edit.
 */
/* clang-format off */
#include "tokenizer/unicode.h"
""")
    print(f"const uint8_t tok_page_of[{len(pages)}] = {{")
    print("\n".join(lines_of(str(n) for n in pages)) + "\n};\n")
    print(f"const uint16_t tok_page_flags[{len(numbers)}][TOK_PAGE] = {{")
    for page in numbers:
        print("    {" + re.sub("(,0)+$", "", ",".join(str(x) for x in page)) + "},")
    print("};\n")
    rows = exceptions(tables)
    print("const struct tok_mapping tok_lowered_apart[] = {")
    print("\n".join(lines_of(f"{{{row[0]:#x}, {{{', '.join(hex(c) for c in row[1:])}}}}}" for row in rows)))
    print("};\nconst uint32_t tok_lowered_apart_count = sizeof tok_lowered_apart / sizeof *tok_lowered_apart;")


if __name__ == "__main__":
    if sys.argv[1] == "--read-reference":
        read_reference(sys.argv[2])
    else:
        write_tables(sys.argv[1])
