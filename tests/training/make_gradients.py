#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the golden gradients: what PyTorch says in float64 of the golden cases that have labels.

    make_gradients.py ../golden/cases DIR

DIR/CASE.safetensors holds the loss, and the gradient of the loss by each tensor of the model under its Hugging Face name.
Cases whose loss is not a number have none. A case that has no labels of its own gets those of OTHER, which the file holds too.
The mask of `answer` is another one: where a row sees no key at all, PyTorch adds the least float to its scores and hands on a
gradient by them, although its value hangs on none.
"""
import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "golden"))
from make_golden import HEADS

OTHER = {
    "answer": {"attention_mask": torch.tensor([[1] * 5 + [0] * 2, [1] * 3 + [0] * 4, [1] * 2 + [0] * 5])},
    "causal-lm-cross": {"labels": torch.tensor([[3, 1, 4, 1, 5], [9, 2, -100, 5, 3]])},
    "choice-tanh": {"labels": torch.tensor([1, 0])},
    "choice-no-activation": {"labels": torch.tensor([0, 1])},
    "choice-no-projection": {"labels": torch.tensor([0, 1])},
    "choice-embeds": {"labels": torch.tensor([1, 1])},
    "masked-lm-untied": {"labels": torch.tensor([[1, 2, -100, 3, 4, 5], [6, -100, 7, 8, 9, 0]])},
}


def gradients(case, extra):
    head = json.loads((case / "case.json").read_text())["head"]
    model = getattr(transformers, HEADS[head]).from_pretrained(case, attn_implementation="eager", dtype=torch.float32)
    model = model.to(torch.float64).eval()
    inputs = {**load_file(case / "inputs.safetensors"), **extra}
    wide = {k: v.to(torch.float64) if v.is_floating_point() else v for k, v in inputs.items()}
    loss = model(**wide, return_dict=True).loss
    if loss is None or not torch.isfinite(loss):
        return None
    loss.backward()
    out = {k: p.grad.to(torch.float32).contiguous() for k, p in model.named_parameters() if p.grad is not None}
    return {"loss": loss.detach().to(torch.float32), **out, **{f"input:{k}": v for k, v in extra.items()}}


def main():
    cases, out = map(pathlib.Path, sys.argv[1:3])
    for case in sorted(cases.iterdir()):
        inputs = load_file(case / "inputs.safetensors")
        extra = OTHER.get(case.name, {})
        if not extra and "labels" not in inputs and "start_positions" not in inputs:
            continue
        found = gradients(case, extra)
        if found:
            save_file(found, out / f"{case.name}.safetensors")
            print(case.name, float(found["loss"]))


if __name__ == "__main__":
    main()
