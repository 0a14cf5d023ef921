#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `pleione inspect` says of files and heads: test_inspect.py PLEIONE MODELS FOREIGN."""
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def main():
    command, models, foreign = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])

    def inspect(*arguments):
        done = subprocess.run([command, "inspect", *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def read(folder, *more):
        return {f["name"]: f["read"] for f in json.loads(inspect(folder, "--json", *more))["files"]}

    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        shutil.copytree(models / "electra-tiny-discriminator", model)
        for name in ("README.md", "optimizer.pt", "checkpoint", "tf_model.h5"):
            (model / name).write_text("{}")
        (model / "special_tokens_map.json").write_text("{}")
        ours = {"config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json"}
        found = read(model)
        assert {n for n, r in found.items() if r} == ours, found
        assert len(found) == len(ours) + 4
        (model / "vocab.txt").write_bytes(b"\xff\xff\n")  # no tokenizer
        assert not read(model)["vocab.txt"]

        bundle = Path(folder) / "bundle"
        bundle.mkdir()
        for file in foreign.glob("sliced.*"):
            shutil.copy(file, bundle)
        assert not read(bundle, "--weights", "sliced").get("checkpoint")
        (bundle / "checkpoint").write_text('model_checkpoint_path: "/home/trainer/sliced"\n')
        assert {n for n, r in read(bundle).items() if r} == {"checkpoint", "sliced.index", "sliced.data-00000-of-00001"}
        assert not read(bundle, "--weights", "sliced")["checkpoint"]

    text = inspect(models / "electra-tiny-discriminator")
    line = next(row for row in text.splitlines() if "joint_qa.end.bias" in row)
    whole = json.loads(inspect(models / "electra-tiny-discriminator", "--json"))
    missing = next(h["missing"] for h in whole["heads"] if h["head"] == "joint-question-answering")
    assert len(missing) == 10 and line.split()[1:7] == missing[:6] and line.endswith(" and 4 more"), line
    return 0


if __name__ == "__main__":
    sys.exit(main())
