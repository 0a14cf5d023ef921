#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""50 joint steps on a device beside those of PyTorch in float64: check_pretraining.py PLEIONE FOLDER DEVICE

FOLDER has corpus.txt, vocab.txt, config.json and losses.json, which make_pretraining.py wrote: the masked-LM loss and the
discriminator's of each step, on the masks and samples of the run that it followed. Both must be within 1e-4 of it. In the tensors of
the steps, what is masked must be what section 6.2 of ELECTRA's specification says.
"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

LENGTH = 32
OPTIONS = ["--steps", "60", "--stop-after", "50", "--batch", "8", "--max-length", str(LENGTH), "--warmup", "10", "--lr", "1e-3",
           "--seed", "3", "--shuffle-buffer", "64", "--dropout", "0", "--no-fallback"]


def read(path):
    """The i64 matrices of a .safetensors file, as lists of rows."""
    raw = path.read_bytes()
    (n,) = struct.unpack("<Q", raw[:8])
    out = {}
    for name, t in json.loads(raw[8 : 8 + n]).items():
        if name == "__metadata__" or t["dtype"] != "I64":
            continue
        a, b = t["data_offsets"]
        flat = struct.unpack(f"<{(b - a) // 8}q", raw[8 + n + a : 8 + n + b])
        width = t["shape"][1]
        out[name] = [flat[i : i + width] for i in range(0, len(flat), width)]
    return out


def check_row(step, r, pad, cls, sep, mask):
    """Counts, places and what became of them; returns how many tokens were chosen and how many of them are [MASK]."""
    ids, n = step["input_ids"][r], sum(step["attention_mask"][r])
    at = [p for p in step["positions"][r] if p >= 0]
    candidates = sum(i not in (cls, sep, mask) for i in ids[:n])
    wanted = min(max(1, min(int(0.155 * LENGTH), round(n * 0.15))), candidates)
    assert len(at) == wanted and at == sorted(set(at)), f"row {r}: {at} are chosen of {n} tokens, expected {wanted}"
    for p, (old, new, fake) in enumerate(zip(ids, step["masked_ids"][r], step["discriminator_ids"][r])):
        assert p < n or (old == pad and step["labels"][r][p] == 0), f"row {r}, token {p} is padding"
        assert p in at or old == new == fake, f"row {r}, token {p} was not chosen"
        assert p not in at or (old not in (cls, sep, pad) and new in (old, mask)), f"row {r}, token {p}: {old}, {new}"
        assert step["labels"][r][p] == (fake != old), f"row {r}, token {p}: label"
    return len(at), sum(step["masked_ids"][r][p] == mask for p in at)


def main():
    exe, folder, device = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]), sys.argv[3]
    vocab = (folder / "vocab.txt").read_text().splitlines()
    specials = [vocab.index(t) for t in ("[PAD]", "[CLS]", "[SEP]", "[MASK]")]
    with tempfile.TemporaryDirectory() as tmp:
        out, dump = pathlib.Path(tmp, "run"), pathlib.Path(tmp, "dump")
        words = [exe, "pretrain", "corpus.txt", "--vocab", "vocab.txt", "--config", "config.json", "--out", out, "--device", device]
        subprocess.run(words + OPTIONS + ["--dump-steps", dump], cwd=folder, check=True, timeout=1500)
        log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
        steps = [read(f) for f in sorted(dump.iterdir())]
    counts = [check_row(s, r, *specials) for s in steps for r in range(len(s["input_ids"]))]
    chosen, masked = (sum(c[i] for c in counts) for i in (0, 1))
    assert abs(masked / chosen - 0.85) < 4 * (0.85 * 0.15 / chosen) ** 0.5, f"{masked} of {chosen} are [MASK]"
    expected = json.loads((folder / "losses.json").read_text())
    assert len(log) == len(expected) == 50
    off = max(abs(line[name] - right) / right for line, pair in zip(log, expected)
              for name, right in zip(("masked_lm_loss", "disc_loss"), pair))
    print(f"{device}: losses of 50 steps differ by {off:.1e} at most; {masked} of {chosen} chosen tokens are [MASK]")
    return off > 1e-4


if __name__ == "__main__":
    sys.exit(main())
