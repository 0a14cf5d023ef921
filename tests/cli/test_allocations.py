#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_allocations.py PLEIONE LIBRARY CPU_PLUGIN FAILING SOURCE [--all | --every] [--on] [NAME...]: each command, with a request for
memory failing (--on: and all after it), once for a share of the places that ask (--all: for all places, --every: for each request).
Either all is as if nothing had failed, what was printed and what was written, or the exit code is 6 with a sentence and files are as
they were before."""
import concurrent.futures
import gzip
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

NO_MEMORY = 6
# What the dynamic loader and the OpenMP that BLIS brings say when they have no memory: they tell it in their own ways.
NOT_OURS = re.compile(r"backend cpu cannot be loaded: |cannot (open|create) shared object|cannot allocate |^libgomp: ")
CPU = ["--device", "cpu", "--device-option", "cpu.gemm=own", "--threads", "1"]
SHARES = {"run": 9, "run on reference": 9, "run of lines": 9, "run of a file": 9, "run into a file": 9, "forward": 6, "tokenize": 3, "tokenize, saved": 4, "tokenize, slow": 9,
          "vocab": 2, "explain": 9, "explain, graph": 12, "explain, dot": 24, "estimate": 6, "estimate of training": 9, "train": 15,
          "train, resumed": 40, "compare": 60, "bench": 30, "bench, overhead": 18, "bench, profile": 30, "verify": 40,
          "verify of training": 200} # of so many places one
SIDE_BY_SIDE = ["--devices", "cpu,reference", "--device-option", "cpu.gemm=own", "--threads", "1"]
TEXT = "And the king said [MASK] Thérèse"


def pack(path, tensors):
    """A safetensors file of 64-bit integers."""
    header, data = {}, b""
    for name, rows in tensors.items():
        piece = struct.pack(f"<{sum(map(len, rows))}q", *[v for row in rows for v in row])
        header[name] = {"dtype": "I64", "shape": [len(rows), len(rows[0])], "data_offsets": [len(data), len(data) + len(piece)]}
        data += piece
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def write_saved_tokenizer(model, folder):
    """The files of a tokenizer as transformers 4 writes them, with a bit of everything."""
    words = (model / "vocab.txt").read_text().split("\n")[:-1]
    vocabulary = {word: i for i, word in enumerate(words)}
    token = {"lstrip": False, "rstrip": False, "normalized": False, "single_word": False, "special": True}
    named = {key: f"[{key[:-6].upper()}]" for key in ("unk_token", "sep_token", "pad_token", "cls_token", "mask_token")}
    added = [{"id": vocabulary[content], "content": content, **token} for content in named.values()]
    further = {"id": len(words), "content": "<new>", **token, "special": False, "normalized": True}
    folder.mkdir()
    (folder / "tokenizer.json").write_text(json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [*added, further],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                                                            "strip_accents": None, "lowercase": True}]},
        "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": None, "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                  "vocab": vocabulary}}))
    (folder / "tokenizer_config.json").write_text(json.dumps({**named, "do_lower_case": True, "never_split": ["word"],
                                                              "extra_special_tokens": {"image_token": "<image>"}}))
    (folder / "special_tokens_map.json").write_text(json.dumps({**named, "additional_special_tokens": ["<one>", "<two>"]}))
    (folder / "added_tokens.json").write_text(json.dumps({"<new>": len(words)}))


def prepare(folder, source):
    """Inputs of the commands, and a folder of files that were there before."""
    model, draw = source / "models/electra-tiny-discriminator", random.Random(0)
    rows = {"input_ids": [[2, *[draw.randint(5, 1000) for _ in range(6)], 3] for _ in range(4)],
            "attention_mask": [[1] * 8] * 4, "labels": [[draw.randint(0, 1) for _ in range(8)] for _ in range(4)]}
    pack(folder / "rows.safetensors", rows)
    write_saved_tokenizer(model, folder / "saved")
    (folder / "rows.csv").write_text('id,a text\n1,"the [MASK], ""said"""\n2,unto [MASK]\n')
    with gzip.open(folder / "rows.jsonl.gz", "wb") as file:
        file.write(b'{"id": 1.50, "text": "the king", "more": {"list": [1, "x"]}}\n{"text": "said", "id": null}\n')
    (folder / "text.txt").write_text("the king said\nunto Thérèse <new> 中\n" * 8)
    before = folder / "before"
    before.mkdir(exist_ok=True)
    for name in ("out.safetensors", "vocab.txt", "table.json", "table.md", "plot.svg", "log.jsonl"):
        (before / name).write_text("what was there before\n")
    return model, before


def commands(model, source, folder):
    """Name: words, what is taken out of all text because it is time; then words of commands that leave what this one may leave, too,
    when it fails midway."""
    generator, rows, text = source / "models/electra-tiny-generator", folder / "rows.safetensors", folder / "text.txt"
    written = ["run", model, "--input", folder / "rows.jsonl.gz", "--keep", "--output", "answers.jsonl", *CPU]
    numbers = r"(?<![\w.])-?\d+(\.\d+)?([eE][-+]?\d+)?|\bnull\b|\bFMA\b|\bmemory\b"
    speeds = numbers + r"|\b(fastest|slower|within|beyond|above)\b"
    train = ["train", model, "--data", rows, "--batch", "2", "--out", "tuned", "--log", "log.jsonl", *CPU]
    spent = r'"(tokens_per_s|page_faults)":[^,}]*'
    return {
        "run": (["run", model, TEXT, *CPU], None),
        "run on reference": (["run", generator, TEXT, "--json", "--device", "reference", "--threads", "1"], None),
        "run of lines": (["run", model, "--json", *CPU], None),
        "run of a file": (["run", generator, "--input", folder / "rows.csv", "--column", "text=a text", "--json", "--keep", *CPU], None),
        "run into a file": (written, None),
        "forward": (["forward", model, "--inputs", rows, "--outputs", "out.safetensors", "--hidden-states", "--attentions", *CPU], None),
        "tokenize": (["tokenize", model, text, "--json", "--threads", "1"], None),
        "tokenize, saved": (["tokenize", folder / "saved", "--threads", "2", text], None),
        "tokenize, slow": (["tokenize", folder / "saved", "--tokenizer-mode", "slow", "--threads", "1", text], None),
        "vocab": (["vocab", text, "--size", "60", "-o", "vocab.txt", "--threads", "1"], None),
        "explain": (["explain", model, TEXT, "--json", *CPU], r'"measured_ns":\d+'),
        "explain, graph": (["explain", model, "--graph", *CPU], None),
        "explain, dot": (["explain", model, "--dot", *CPU], None),
        "estimate": (["estimate", model, "-b", "2", "-s", "8", *CPU, "--json"], None),
        "estimate of training": (["estimate", model, "-b", "2", "-s", "8", "--train", *CPU], None),
        "train": ([*train, "--steps", "2"], spent, [*train, "--steps", "1"]),
        "train, resumed": ([*train, "--steps", "4", "--resume", "tuned"], spent, [*train, "--steps", "3", "--resume", "tuned"]),
        "devices": (["devices", "--json"], r'"(memory|free)_bytes":\d+'),
        "compare": (["compare", model, TEXT, "--json", "-o", "table.json", "-o", "table.md", *SIDE_BY_SIDE], numbers),
        "bench": (["bench", model, "--shapes", "1x8", "--seconds", "0.001", "-o", "table.json", *SIDE_BY_SIDE], speeds),
        "bench, overhead": (["bench", model, "--shapes", "1x8", "--seconds", "0.001", "--overhead", "--json", *SIDE_BY_SIDE], speeds),
        "bench, memory": (["bench", model, "--shapes", "1x8", "--seconds", "0.001", "--memory", "--plot", "plot.svg", *SIDE_BY_SIDE], speeds),
        "bench, profile": (["bench", model, "--shapes", "1x8", "--seconds", "0.001", "--profile", "--json", *SIDE_BY_SIDE], speeds),
        "verify": (["verify", model, *CPU], None),
        "verify of training": (["verify", model, "--train", *CPU], None),
    }


def top(path):
    return path.split(os.sep)[0]


def part(files, name):
    return {path: digest for path, digest in files.items() if top(path) == name}


def differences(found, right):
    return ", ".join(sorted(name for name in found.keys() | right.keys() if found.get(name) != right.get(name)))


class Sweep:
    def __init__(self, pleione, command, failing, folder, before):
        self.pleione, (self.words, self.time, *self.midway) = pleione, command
        self.failing, self.folder, self.before = failing, folder, before

    def plain(self, data):
        """Without what is time; the width of a column hangs on it, too."""
        if self.time:
            data = re.sub(rb"[\s|:-]+", b" ", re.sub(self.time.encode(), b"#", data))
        return data

    def run(self, words, **environment):
        """Exit code, stdout, stderr, {path: digest} of what is in the directory afterwards."""
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            place = pathlib.Path(place)
            shutil.copytree(self.before, place / "in")
            done = subprocess.run([self.pleione, *words], cwd=place / "in", capture_output=True, timeout=300, input=f"{TEXT * 2}\n{TEXT}".encode(),
                                  env={**os.environ, "LD_PRELOAD": str(self.failing), **environment})
            found = {str(path.relative_to(place / "in")): self.digest(path) for path in (place / "in").rglob("*") if path.is_file()}
        return done.returncode, self.plain(done.stdout), done.stderr.decode(errors="replace"), found

    def digest(self, path):
        data = path.read_bytes()
        if path.suffix == ".svg" and self.time: # lines of a grid come and go with the numbers
            return data.endswith(b"</svg>\n")
        return hashlib.sha256(self.plain(data)).hexdigest()

    def fault(self, k, keeps, whole):
        """What is wrong when request k fails, or None."""
        environment = {"FAILING_AT": str(k), **({"FAILING_ON": "1"} if keeps else {})}
        code, out, error, found = self.run(self.words, **environment)
        said = error.strip().split("\n")[-1]
        if NOT_OURS.search(said) or NOT_OURS.search(out.decode(errors="replace")):
            return None
        if code == 0 and out != whole[1]:
            return f"exit 0, but another stdout: {out[-300:]!r}"
        if code == 0 and found != whole[3]:
            return "exit 0, but other files: " + differences(found, whole[3])
        if code and (code != NO_MEMORY or not said.startswith("pleione: ")):
            return f"exit {code}: {said[-300:]}"
        if code and not all(self.may_be(name, found) for name in {top(path) for path in found.keys() | self.kept[0].keys()}):
            return f"exit {code}, but what is there is neither old nor whole: {differences(found, self.kept[0])}: {said[-200:]}"
        return None

    def may_be(self, name, found):
        """A file or a directory that a failed command leaves; a log and answers grow until then."""
        return name in ("log.jsonl", "answers.jsonl") or any(part(found, name) == part(kept, name) for kept in self.kept)

    def all(self, every, share, keeps, pool):
        report = self.folder / "report"
        whole = self.run(self.words, FAILING_REPORT=str(report))
        if whole[0] != 0:
            return 0, [f"undisturbed: exit {whole[0]}: {whole[2]}"]
        count, *places = map(int, report.read_text().split())
        old = {str(path.relative_to(self.before)): self.digest(path) for path in self.before.rglob("*") if path.is_file()}
        self.kept = [old, whole[3], *(self.run(words)[3] for words in self.midway)]
        asked = range(1, count + 1) if every else sorted(places)[::share]
        found = pool.map(lambda k: self.fault(k, keeps, whole), asked)
        return len(asked), [f"request {k}: {fault}" for k, fault in zip(asked, found) if fault]


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    pleione, library, plugin, failing, source = map(pathlib.Path, words[:5])
    every, keeps = "--every" in sys.argv, "--on" in sys.argv
    bad = 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        folder = pathlib.Path(folder)
        alone = folder / "build" # no plugin but cpu: what drivers do without memory is not ours
        for path, place in ((pleione, "cli/pleione"), (library, "libpleione.so.0"), (plugin, "backends/cpu/pleione-cpu.so")):
            (alone / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, alone / place)
        model, before = prepare(folder, source)
        command = alone / "cli/pleione"
        subprocess.run([command, *commands(model, source, folder)["train"][0]], cwd=before, check=True, capture_output=True)
        for name, row in commands(model, source, folder).items():
            if words[5:] and name not in words[5:]:
                continue
            sweep = Sweep(command, row, failing.resolve(), folder, before)
            n, faults = sweep.all(every, 1 if "--all" in sys.argv else SHARES.get(name, 1), keeps, pool)
            print(f"{name}: {n} requests failed, {len(faults)} of them wrongly", flush=True)
            for fault in faults:
                print(f"  {fault}")
            bad += len(faults)
    sys.exit(bad > 0)


main()
