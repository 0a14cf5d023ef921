#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How far bf16 alone takes the losses of a case of training from those of float64: by hand, in an environment with torch,
transformers 5 and safetensors.

    check_rounded.py [CASE...]        folders of tests/training/cases; default: sequence-regression

Everything is float64, but operands of products are rounded to bf16 where math=bf16 depth=0 of cpu rounds them: of linear
and of both its gradients, of attention and of its gradients. Sums are exact, so what is seen is rounding of operands and
nothing else. Each case starts sixteen times, from weights that differ by 1e-5 of themselves; printed is the largest
relative difference of a loss in fifty steps, of each start, and the same without rounding.
"""
import json
import pathlib
import sys

import make_cases
import torch
import transformers
from safetensors.torch import load_file
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, eager_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

STARTS, MOVED = 16, 1e-5
rounds = True


def rounded(x):
    return x.float().bfloat16().double() if rounds else x


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(context, x, weight, bias):
        context.save_for_backward(x, weight)
        context.biased = bias is not None
        y = rounded(x) @ rounded(weight).T
        return y if bias is None else y + bias

    @staticmethod
    def backward(context, d_y):
        x, weight = context.saved_tensors
        d_weight = rounded(d_y).flatten(0, -2).T @ rounded(x).flatten(0, -2)
        return rounded(d_y) @ rounded(weight), d_weight, d_y.flatten(0, -2).sum(0) if context.biased else None


class Attention(torch.autograd.Function):
    """Exponentials are rounded before they are divided by their sum, as the backend does."""

    @staticmethod
    def forward(context, q, k, v, mask, scale):
        scores = rounded(q) @ rounded(k).transpose(-1, -2) * scale + mask
        most = scores.amax(-1, keepdim=True)
        shares = torch.exp(scores - most)
        total = shares.sum(-1, keepdim=True)
        y = rounded(shares) @ rounded(v) / total
        context.save_for_backward(q, k, v, mask, y, most + total.log())
        context.scale = scale
        return y

    @staticmethod
    def backward(context, d_y):
        q, k, v, mask, y, lse = context.saved_tensors
        q, k, v, d = (rounded(x) for x in (q, k, v, d_y))
        p = torch.exp(q @ k.transpose(-1, -2) * context.scale + mask - lse)
        d_scores = rounded(p * (d @ v.transpose(-1, -2) - (d_y * y).sum(-1, keepdim=True)) * context.scale)
        return d_scores @ k, d_scores.transpose(-1, -2) @ q, rounded(p).transpose(-1, -2) @ d, None, None


def attend(module, query, key, value, mask, scaling=None, **_):
    mask = torch.zeros(1, dtype=query.dtype) if mask is None else mask
    y = Attention.apply(query, key, value, mask, scaling or query.shape[-1] ** -0.5)
    return y.transpose(1, 2).contiguous(), None


def losses_of(folder, start):
    case = json.loads((folder / "case.json").read_text())
    model = getattr(transformers, case["class"]).from_pretrained(folder, attn_implementation="rounded", dtype=torch.float32).double()
    torch.manual_seed(start)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1 + MOVED * torch.randn_like(p))
    data = {k: v.double() if v.is_floating_point() else v for k, v in load_file(folder / "data.safetensors").items()}
    found, _ = make_cases.train(model.train(), data, case["options"])
    return max(abs(a - b) / abs(b) for a, b in zip(found, case["losses"]))


def main():
    global rounds
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.nn.functional.linear = lambda x, weight, bias=None: Linear.apply(x, weight, bias)
    ALL_ATTENTION_FUNCTIONS.register("rounded", attend)
    ALL_MASK_ATTENTION_FUNCTIONS.register("rounded", eager_mask)
    for name in sys.argv[1:] or ["sequence-regression"]:
        for rounds in (False, True):
            worst = sorted(losses_of(pathlib.Path(__file__).parent / "cases" / name, i) for i in range(STARTS))
            print(name, "rounded" if rounds else "exact", *(f"{x:.1e}" for x in worst), flush=True)


if __name__ == "__main__":
    main()
