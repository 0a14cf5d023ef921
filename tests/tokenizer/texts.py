# SPDX-License-Identifier: Apache-2.0
"""Texts of many scripts, drawn from word lists that this machine has; the same for the same seed and lists.

Word lists are those of Debian's hunspell, fortune and skkdic packages; what is not installed is drawn from the script's
code points instead. kinds() names the kinds, lines(kind, seed, size) gives lines of about `size` bytes in all.
"""
import functools
import glob
import os
import random
import re
import unicodedata

HUNSPELL = "/usr/share/hunspell"
LATIN = ["en_US", "de_DE", "fr", "vi_VN", "tr_TR", "tr"]
BLOCKS = {
    "korean": [(0xAC00, 0xD7A3)], "chinese": [(0x4E00, 0x9FA5)], "japanese": [(0x3041, 0x3096), (0x30A1, 0x30FA), (0x4E00, 0x9FA5)],
    "arabic": [(0x621, 0x64A)], "devanagari": [(0x904, 0x939), (0x93E, 0x94D)], "thai": [(0xE01, 0xE3A), (0xE40, 0xE4E)],
    "cyrillic": [(0x410, 0x44F)], "hebrew": [(0x5D0, 0x5EA)],
}
DICTIONARIES = {
    "latin": LATIN, "korean": ["ko"], "arabic": ["ar"], "devanagari": ["hi_IN", "ne_NP"], "thai": ["th_TH"],
    "cyrillic": ["ru_RU"], "greek": ["el_GR"], "hebrew": ["he_IL"], "indic": ["bn_BD", "te_IN", "gu_IN", "si_LK"], "lao": ["lo_LA"],
}
EMOJI = [0x1F600, 0x1F64F], [0x1F300, 0x1F5FF], [0x1F900, 0x1F9FF], [0x2600, 0x26FF], [0x1F1E6, 0x1F1FF], [0x1F3FB, 0x1F3FF]


def read_dictionary(name):
    path = os.path.join(HUNSPELL, name + ".dic")
    if not os.path.exists(path):
        return []
    with open(os.path.join(HUNSPELL, name + ".aff"), "rb") as file:
        found = re.search(rb"^SET\s+(\S+)", file.read(), re.M)
    with open(path, encoding=found.group(1).decode() if found else "latin-1", errors="replace") as file:
        words = [line.split("/")[0].split("\t")[0].strip() for line in file][1:]
    return [unicodedata.normalize("NFC", word) for word in words if word]


def from_blocks(kind, rng, n=20000):
    codes = [code for first, last in BLOCKS[kind] for code in range(first, last + 1)]
    return ["".join(chr(rng.choice(codes)) for _ in range(rng.randint(1, 5))) for _ in range(n)]


@functools.lru_cache(None)
def words(kind):
    rng = random.Random(kind)
    found = [word for name in DICTIONARIES.get(kind, []) for word in read_dictionary(name)]
    if kind == "japanese":
        for path in sorted(glob.glob("/usr/share/skk/SKK-JISYO*")):
            with open(path, encoding="euc-jp", errors="ignore") as file:
                for line in file:
                    if line[0] not in ";>" and " /" in line:
                        reading, rest = line.split(" /", 1)
                        found += [reading] + [part.split(";")[0] for part in rest.strip().split("/") if part]
    if not found:
        found = from_blocks(kind, rng)
    rng.shuffle(found)
    return found[:60000]


def zipf(rng, items):
    """Early ones often, late ones seldom."""
    return items[int(len(items) ** rng.random()) - 1]


@functools.lru_cache(None)
def files(pattern, encoding="utf-8"):
    out = []
    for path in sorted(glob.glob(pattern, recursive=True)):
        with open(path, encoding=encoding, errors="replace") as file:
            out += [line for line in file.read().split("\n") if line.strip()]
    return out


@functools.lru_cache(None)
def english():
    return [line for line in files("/usr/share/games/fortunes/*.u8") if sum(c.isascii() for c in line) > 0.9 * len(line)]


def sentence(kind, rng):
    joint = "" if kind in ("chinese", "japanese", "thai", "lao") else " "
    parts = [zipf(rng, words(kind)) for _ in range(rng.randint(3, 24))]
    if rng.random() < 0.3:
        parts[0] = parts[0].capitalize()
    if rng.random() < 0.2:
        parts.insert(rng.randrange(len(parts)), rng.choice(["2024", "3.14", "(x)", "“", "”", "[MASK]", "A/B", "…", "%", "café", "ABC"]))
    if rng.random() < 0.1:
        parts[-1] = parts[-1].upper()
    return joint.join(parts) + rng.choice([".", "?", "!", ",", "。", "؟", "।", "", " "])


def emoji(rng):
    out = []
    for _ in range(rng.randint(1, 20)):
        first, last = rng.choice(EMOJI)
        out.append(chr(rng.randint(first, last)) + rng.choice(["", "", "\u200d", "\ufe0f", " ", "\U0001f3fd"]))
    return "".join(out) + " " + zipf(rng, words("latin"))


def any_code(rng):
    plane = rng.choice([(0, 0x7F), (0, 0x7FF), (0x300, 0x36F), (0, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x1FFFF), (0x20000, 0x3FFFF), (0, 0x10FFFF)])
    code = rng.randint(*plane)
    return chr(code) if not 0xD800 <= code < 0xE000 else "x"


def combining(rng):
    """Bases and marks in any order: what canonical ordering has to sort."""
    marks = [0x301, 0x323, 0x327, 0x334, 0x345, 0x5B0, 0x64B, 0x93C, 0x94D, 0xF71, 0xF72, 0x302E, 0x3099, 0x1D165, 0x1D16D, 0x16FF0, 0x1133C]
    bases = "aéấ\u0344각がक\u0f73\u1d15e\U0001d15e한\ufa0e"
    return "".join(rng.choice(bases) + "".join(chr(rng.choice(marks)) for _ in range(rng.randint(0, 5))) for _ in range(rng.randint(1, 12)))


MAKERS = {
    "english": lambda rng: rng.choice(english() or [sentence("latin", rng)]),
    "latin": lambda rng: sentence("latin", rng),
    "korean": lambda rng: sentence("korean", rng),
    "chinese": lambda rng: rng.choice(files("/usr/share/games/fortunes/*chinese*.u8") or [""]) + sentence("chinese", rng),
    "japanese": lambda rng: sentence("japanese", rng),
    "arabic": lambda rng: sentence("arabic", rng),
    "devanagari": lambda rng: sentence("devanagari", rng),
    "thai": lambda rng: sentence("thai", rng),
    "others": lambda rng: sentence(rng.choice(["cyrillic", "greek", "hebrew", "indic", "lao"]), rng),
    "emoji": emoji,
    "code": lambda rng: rng.choice(files("/usr/include/**/*.h", "latin-1")),
    "random": lambda rng: "".join(any_code(rng) for _ in range(rng.randint(0, 80))),
    "combining": combining,
}
BLOCKS["latin"] = [(0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x17F)]
BLOCKS["greek"] = [(0x391, 0x3A1), (0x3A3, 0x3C9)]
BLOCKS["indic"] = [(0x985, 0x9B9), (0xC05, 0xC39)]
BLOCKS["lao"] = [(0xE81, 0xEAE)]


def kinds():
    return list(MAKERS)


def lines(kind, seed, size):
    rng = random.Random(f"{kind} {seed}")
    out = []
    while size > 0:
        out.append(MAKERS[kind](rng))
        size -= len(out[-1].encode()) + 1
    return out
