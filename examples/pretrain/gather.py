#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Plain English out of Debian packages, which are fetched and unpacked into a folder, not installed: documents with a
# sentence or paragraph a line, an empty line between documents. Which part of the text a document belongs to is said
# by a hash of it: train.txt, validation.txt, held-out.txt. What one package holds is kept apart as a whole
# (elsewhere.txt): text of another hand than any that was trained on. Only what a standard Python has is needed.
import glob
import gzip
import hashlib
import html.parser
import os
import re
import subprocess
import sys

PACKAGES = [
    "wordnet-base", "dict-gcide", "bible-kjv", "bible-kjv-text", "anarchism", "dict-foldoc", "jargon-text", "fortunes",
    "perl-doc", "debian-reference-en", "debian-faq", "debian-policy", "developers-reference", "harden-doc",
    "maint-guide", "git-doc", "dict-devil",
]
DOCUMENT_WORDS = 100  # short entries of one source lie together up to so many
PARTS = ((1, "held-out.txt"), (2, "validation.txt"), (100, "train.txt"))  # of 100 documents, up to which one


def fetch(folder):
    os.makedirs(folder, exist_ok=True)
    for package in PACKAGES:
        if not os.path.isdir(f"{folder}/{package}"):
            subprocess.run(["apt-get", "download", "-q", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            archive = glob.glob(f"{folder}/{package}_*.deb")[0]
            subprocess.run(["dpkg-deb", "-x", archive, f"{folder}/{package}"], check=True)
            os.remove(archive)


def read(path):
    opened = gzip.open(path, "rb") if path.endswith((".gz", ".dz")) else open(path, "rb")
    with opened as file:
        return file.read().decode("utf-8", "replace")


def files(folder, package, pattern):
    return sorted(filter(os.path.isfile, glob.glob(f"{folder}/{package}/{pattern}", recursive=True)))


# ---- from markup to prose


class Blocks(html.parser.HTMLParser):
    """Paragraphs of a page, without code, tables and what leads elsewhere."""

    BREAKS = {"p", "div", "li", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6", "br", "tr", "blockquote", "ul", "ol"}
    SKIPPED = {"pre", "script", "style", "table", "head", "nav"}

    def __init__(self):
        super().__init__()
        self.blocks, self.text, self.skipped = [], [], 0

    def close_block(self):
        self.blocks.append("".join(self.text))
        self.text = []

    def handle_starttag(self, tag, attributes):
        if tag in self.BREAKS:
            self.close_block()
        self.skipped += tag in self.SKIPPED

    def handle_endtag(self, tag):
        if tag in self.BREAKS:
            self.close_block()
        self.skipped -= tag in self.SKIPPED and self.skipped > 0

    def handle_data(self, data):
        if not self.skipped:
            self.text.append(data)


def page(text):
    blocks = Blocks()
    blocks.feed(text)
    blocks.close_block()
    return blocks.blocks


def plain(text):
    """Paragraphs of a text that stand at its margin: what is indented is code."""
    return [p for p in re.split(r"\n\s*\n", text) if not re.search(r"^(\s|[=.@])", p, re.M)]


def pod(text):
    text = re.sub(r"[A-Z]<<+ (.*?) >>+", r"\1", text)
    for _ in range(3):
        text = re.sub(r"[A-Z]<([^<>]*)>", lambda m: m[1].split("|")[0], text)
    return plain(text)


def prose(paragraph):
    """The paragraph in one line, or nothing if it is no English sentence."""
    text = re.sub(r"[`*|]|\{\{|\}\}", "", re.sub(r"\s+", " ", paragraph)).strip()
    text = text.replace("“", '"').replace("”", '"').replace("’", "'").replace("‘", "'")
    words = text.split()
    letters = sum(c.isalpha() or c in " ,.'" for c in text)
    good = len(words) >= 6 and text[-1] in ".!?\"')" and letters >= 0.93 * len(text) and "http" not in text
    return text if good and sum(w.isascii() and w.strip(".,;:!?\"'()-").isalpha() for w in words) >= 0.8 * len(words) else ""


def documents(paragraphs):
    return [line for line in map(prose, paragraphs) if line]


# ---- the packages: each gives lists of lines


def wordnet(folder):
    for path in files(folder, "wordnet-base", "usr/share/wordnet/data.*"):
        for line in read(path).splitlines():
            if line[:1].isdigit() and " | " in line:
                fields, gloss = line.split(" | ", 1)
                fields = fields.split()
                word = re.sub(r"\(.*\)$", "", fields[4]).replace("_", " ")
                examples = re.findall(r'"([^"]+)"', gloss)
                meaning = gloss.split('; "')[0].strip()
                yield [f"{word}: {meaning}."] + [e[:1].upper() + e[1:] + "." * (e[-1] not in ".!?") for e in examples]


def webster(folder):
    """The entries of a dictionary of 1913: meanings, and what they were quoted from."""
    for path in files(folder, "dict-gcide", "usr/share/dictd/*.dict.dz"):
        for entry in re.split(r"\n(?=\S)", read(path))[20:]:
            text = re.sub(r"^.*?\\.*?\\[^\n]*", "", entry, flags=re.S) if "\\" in entry else entry
            text = re.sub(r"\[[^\]]*\]", "", text)
            text = re.sub(r"--\s*[A-Z][^\n]*", "", text)
            text = re.sub(r"^\s*(\d+\.|\([a-z]\))\s*", "", re.sub(r"[{}]", "", text), flags=re.M)
            lines = documents(re.split(r"\n\s*\n", text))
            if lines:
                yield lines


def bible(folder):
    command = [f"{folder}/bible-kjv/usr/bin/bible", "-p", f"{folder}/bible-kjv-text/usr/lib", "-f", "Gen1:1-Rev22:21"]
    text = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout.decode("latin-1")
    chapter, lines = None, []
    for line in text.splitlines():
        verse = re.match(r"(\w+):\d+ (.*)", line)
        if verse:
            if verse[1] != chapter and lines:
                yield lines
                lines = []
            chapter = verse[1]
            lines.append(re.sub(r"[<>\[\]]", "", verse[2]).strip())
    yield lines


def pages(package):
    def read_pages(folder):
        for path in files(folder, package, "usr/share/doc/**/*.html") + files(folder, package, "usr/share/doc/**/*.html.gz"):
            if "changelog" not in path and not re.search(r"\.(?!en)[a-z]{2}(-[a-z]+)?\.html", path):
                yield documents(page(read(path)))

    read_pages.__name__ = package
    return read_pages


def texts(package, pattern, paragraphs):
    def read_texts(folder):
        for path in files(folder, package, pattern):
            yield documents(paragraphs(read(path)))

    read_texts.__name__ = package
    return read_texts


def entries(package):
    """Of a dictionary whose head words stand at the margin and what is said of them behind it."""

    def read_entries(folder):
        for path in files(folder, package, "usr/share/dictd/*.dict.dz"):
            for entry in re.split(r"\n\s*\n(?=\S)", read(path)):
                text = re.sub(r"\([\d-]+\)|<[^>]*>|[{}]", "", entry)
                yield documents(re.split(r"\n\s*\n", text))

    read_entries.__name__ = package
    return read_entries


def fortunes(folder):
    for path in files(folder, "fortunes", "usr/share/games/fortunes/*"):
        if not path.endswith((".dat", ".u8")):
            for fortune in read(path).split("\n%\n"):
                yield documents([fortune.split("\t\t--")[0]])


def jargon(folder):
    for path in files(folder, "jargon-text", "usr/share/doc/jargon-text/*.txt.gz"):
        yield documents(re.split(r"\n\s*\n", read(path)))


SOURCES = [
    wordnet, webster, bible, pages("anarchism"), entries("dict-foldoc"), jargon, fortunes,
    texts("perl-doc", "usr/share/perl/**/*.pod", pod),
    pages("debian-reference-en"), pages("debian-faq"), pages("debian-policy"), pages("developers-reference"),
    pages("harden-doc"), pages("maint-guide"),
    texts("git-doc", "usr/share/doc/git/**/*.txt*", plain),
]  # fmt: skip
ELSEWHERE = [entries("dict-devil")]


def words_of(lines):
    return sum(len(line.split()) for line in lines)


def gather(sources, folder):
    """Documents without a line that was there before, long enough each."""
    seen = set()
    for source in sources:
        document, count = [], 0
        for lines in source(folder):
            lines = [line for line in lines if line not in seen]
            seen.update(lines)
            document += lines
            count += words_of(lines)
            if words_of(document) >= DOCUMENT_WORDS:
                yield from cut(document)
                document = []
        yield from cut(document)
        print(f"{count} words of {source.__name__}", file=sys.stderr)


def cut(document):
    """A page is cut into documents of several paragraphs, so that parts of it can be held out."""
    lines, words = [], 0
    for line in document:
        lines.append(line)
        words += len(line.split())
        if words >= 4 * DOCUMENT_WORDS:
            yield lines
            lines, words = [], 0
    if lines:
        yield lines


def part_of(document):
    number = int.from_bytes(hashlib.sha256("\n".join(document).encode()).digest()[:8], "big") % 100
    return next(name for below, name in PARTS if number < below)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: gather.py FOLDER")
    folder = sys.argv[1]
    fetch(f"{folder}/packages")
    outputs = {name: open(f"{folder}/{name}", "w") for _, name in PARTS}
    outputs["elsewhere.txt"] = open(f"{folder}/elsewhere.txt", "w")
    shuffled = sorted(gather(SOURCES, f"{folder}/packages"), key=lambda d: hashlib.sha256("\n".join(d).encode()).digest())
    for document in shuffled:
        outputs[part_of(document)].write("\n".join(document) + "\n\n")
    for document in gather(ELSEWHERE, f"{folder}/packages"):
        outputs["elsewhere.txt"].write("\n".join(document) + "\n\n")


main()
