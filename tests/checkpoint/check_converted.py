#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Loads what `pleione convert` writes with the packages that it is written for, and compares their answers with those of the
model that was put in. Run by hand; converted.md holds the last result.

    check_converted.py PLEIONE SET [--only CASE ...]

SET is what make_checkpoints.py writes (manifest.json, cases, models). With transformers 4.44 and TensorFlow and Flax beside it
all classes are tried, with transformers 5 those of PyTorch. Prints a line for each directory that was written; exit status 1 if
one differs.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import numpy as np
import torch
import transformers
from safetensors.numpy import load_file

CLASSES = {
    "model": "ElectraModel", "pretraining": "ElectraForPreTraining", "masked-lm": "ElectraForMaskedLM", "causal-lm": "ElectraForCausalLM",
    "sequence-classification": "ElectraForSequenceClassification", "token-classification": "ElectraForTokenClassification",
    "question-answering": "ElectraForQuestionAnswering", "multiple-choice": "ElectraForMultipleChoice",
}
OUTPUTS = ("logits", "start_logits", "end_logits", "last_hidden_state")
FORMATS = ("safetensors", "pytorch", "tf", "flax")
ROUNDING = {None: 2e-5, "f16": 2e-2, "f32": 2e-2, "bf16": 2e-1}  # f32: of a file in half precision
OLD = transformers.__version__.startswith("4.")


def inputs_of(folder, head):
    given = load_file(folder / "inputs.safetensors")
    given = {k: given[k] for k in ("input_ids", "attention_mask", "token_type_ids")}
    return {k: v[None] for k, v in given.items()} if head == "multiple-choice" else given


def torch_answers(directory, head, given):
    found, report = getattr(transformers, CLASSES[head]).from_pretrained(directory, output_loading_info=True, attn_implementation="eager")
    missing = report["missing_keys"] or report["unexpected_keys"] or report["mismatched_keys"]
    with torch.no_grad():
        return found.eval().double()(**{k: torch.from_numpy(v) for k, v in given.items()}), missing


def tf_answers(directory, head, given):
    import tensorflow as tf

    found, report = getattr(transformers, "TF" + CLASSES[head]).from_pretrained(directory, output_loading_info=True)
    missing = report["missing_keys"] or report["unexpected_keys"] or report["mismatched_keys"]
    return found({k: tf.constant(v) for k, v in given.items()}, training=False), missing


def flax_answers(directory, head, given):
    found = getattr(transformers, "Flax" + CLASSES[head]).from_pretrained(directory)
    return found(**given), []


READERS = {"safetensors": torch_answers, "pytorch": torch_answers, "tf": tf_answers, "flax": flax_answers}


def compare(answers, folder, head):
    expected = load_file(folder / f"{head}.outputs.safetensors")
    largest = 0
    for name in OUTPUTS:
        value = answers.get(name) if hasattr(answers, "get") else getattr(answers, name, None)
        key = f"pt64/full/{name}"
        if value is None or key not in expected:
            continue
        value = np.asarray(value.float() if torch.is_tensor(value) and value.dtype == torch.bfloat16 else value, np.float64)
        largest = max(largest, float(np.max(np.abs(value - expected[key]) / (1 + np.abs(expected[key])))))
    return largest


def convert(pleione, source, out, how):
    command = [pleione, "convert", str(source), str(out)] + how
    done = subprocess.run(command, capture_output=True, text=True)
    return None if done.returncode == 0 else done.stderr.strip()


def check(a, case, model, head, source, how, to, dtype, shards):
    folder = a.set / "models" / model
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out"
        options = how + ["--to", to] + (["--dtype", dtype] if dtype else []) + (["--shard-size", shards] if shards else [])
        label = f"{case['name']:28} {head:24} {to:11} {dtype or 'as it is':8} {shards or 'one file':9}"
        refused = convert(a.pleione, source, out, options)
        if refused:
            print(f"{label} refused: {refused.split(': ')[-1]}")
            return refused.split(": ")[-1] in a.allowed
        answers, missing = READERS[to](out, head, inputs_of(folder, head))
        difference = compare(answers, folder, head)
        good = difference < ROUNDING[dtype] and not missing
        print(f"{label} {difference:.1e}{'' if good else '  DIFFERS'}{'  ' + str(missing) if missing else ''}", flush=True)
        return good


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("pleione")
    p.add_argument("set", type=Path)
    p.add_argument("--only", nargs="*")
    a = p.parse_args()
    a.allowed = {"TensorFlow has no class for this head",
                 "its output matrix is another one than the word table, and in TensorFlow they are always one"}
    manifest = json.loads((a.set / "manifest.json").read_text())
    default = [f"zip-{h}" for h in CLASSES if h != "pretraining"] + ["zip", "h5", "msgpack", "tf1", "tf2-objects", "legacy-2020", "zip-untied", "half"]
    good = True
    for case in manifest["cases"]:
        if case["name"] not in (a.only or default):
            continue
        source = a.set / "cases" / case["name"]
        parts = case.get("parts", {"": (case["model"], case["head"])})
        for part, (model, head) in parts.items():
            how = ["--part", part, "--heads", str(manifest["models"][model]["num_attention_heads"])] if part else []
            for to in FORMATS if OLD else FORMATS[:2]:
                # relu in the head of masked words, the mean as a summary: Flax has its own there
                if to == "flax" and model == "equal" and head in ("masked-lm", "causal-lm", "multiple-choice"):
                    continue
                good &= check(a, case, model, head, source, how, to, "f32" if case["name"] == "half" else None, None)
            if case["name"] in ("zip", "tf1"):
                for to in FORMATS if OLD else FORMATS[:2]:
                    good &= check(a, case, model, head, source, how, to, None, "12KB")
                    good &= check(a, case, model, head, source, how, to, "f16", None)
                for to in ("safetensors", "pytorch", "flax") if OLD else FORMATS[:2]:
                    good &= check(a, case, model, head, source, how, to, "bf16", None)
    sys.exit(not good)


if __name__ == "__main__":
    main()
