#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Follows the steps of `pleione pretrain --dump-steps` in PyTorch float64: make_pretraining.py START STEPS [OUT.json] [options]

START has discriminator/ and generator/ as they were before the first step (a run with --stop-after 1 and a warm-up: its only update
has rate 0). STEPS has step-000001.safetensors, .... Masks and samples are those of the files; losses, gradients and AdamW are PyTorch's.
Prints the largest relative difference of both losses, and of the weights of --after DIR. OUT.json gets losses of PyTorch for the test.
Needs torch, transformers 5 and safetensors.
"""
import argparse
import json
import math
import pathlib

import torch
import transformers
from safetensors.torch import load_file


def load(start, sharing):
    g = transformers.ElectraForMaskedLM.from_pretrained(start / "generator", attn_implementation="eager").double().train()
    d = transformers.ElectraForPreTraining.from_pretrained(start / "discriminator", attn_implementation="eager").double().train()
    if sharing == "embeddings":
        for name in ("word_embeddings", "position_embeddings", "token_type_embeddings", "LayerNorm"):
            setattr(g.electra.embeddings, name, getattr(d.electra.embeddings, name))
        g.generator_lm_head.weight = d.electra.embeddings.word_embeddings.weight
    if sharing == "all":
        g.electra = d.electra
        g.generator_lm_head.weight = d.electra.embeddings.word_embeddings.weight
    for model in (g, d):
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
    return g, d


def losses(g, d, step, pad):
    ids, mask, types = step["input_ids"], step["attention_mask"], step["token_type_ids"]
    rows, slots = (step["positions"] >= 0).nonzero(as_tuple=True)
    at = step["positions"][rows, slots]
    logits = g(input_ids=step["masked_ids"], attention_mask=mask, token_type_ids=types).logits
    mlm = torch.nn.functional.cross_entropy(logits[rows, at], ids[rows, at])
    fakes = ids.clone()
    fakes[rows, at] = step["sampled_ids"][rows, slots]
    assert torch.equal(fakes, step["discriminator_ids"]), "discriminator_ids"
    labels = (fakes != ids).long() * mask
    assert torch.equal(labels, step["labels"]), "labels"
    out = d(input_ids=fakes, attention_mask=mask, token_type_ids=types).logits
    kept = mask.bool()
    disc = torch.nn.functional.binary_cross_entropy_with_logits(out[kept], labels[kept].double())
    return mlm, disc


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("start", type=pathlib.Path)
    p.add_argument("steps", type=pathlib.Path)
    p.add_argument("out", nargs="?")
    p.add_argument("--after", type=pathlib.Path)
    p.add_argument("--sharing", default="embeddings")
    p.add_argument("--lr", type=float, default=5e-4)
    p.add_argument("--warmup", type=int, default=10000)
    p.add_argument("--total", type=int, default=1000000)
    a = p.parse_args()
    torch.manual_seed(0)
    g, d = load(a.start, a.sharing)
    parameters, seen = [], set()
    for model, half in ((d, "discriminator"), (g, "generator")):
        for name, tensor in model.named_parameters():
            if id(tensor) not in seen:
                seen.add(id(tensor))
                parameters.append((f"{half}/{name}", tensor))
    moments = [(torch.zeros_like(t), torch.zeros_like(t)) for _, t in parameters]
    worst, recorded = 0.0, []
    for t, file in enumerate(sorted(a.steps.glob("step-*.safetensors"))):
        step = load_file(file)
        mlm, disc = losses(g, d, step, 0)
        for got, right in ((step["masked_lm_loss"], mlm), (step["disc_loss"], disc)):
            worst = max(worst, abs(float(got[0]) - float(right)) / abs(float(right)))
        recorded.append([float(mlm), float(disc)])
        for _, tensor in parameters:
            tensor.grad = None
        (mlm + 50 * disc).backward()
        norm = math.sqrt(sum(float((x.grad**2).sum()) for _, x in parameters if x.grad is not None))
        scale = min(1.0, 1.0 / (norm + 1e-6))
        rate = a.lr * (1 - min(t, a.total) / a.total) * min(1.0, t / a.warmup if a.warmup else 1.0)
        with torch.no_grad():
            for (name, tensor), (m, v) in zip(parameters, moments):
                if tensor.grad is None:
                    continue
                grad = tensor.grad * scale
                m += 0.1 * (grad - m)
                v += 0.001 * (grad * grad - v)
                decay = 0.0 if "LayerNorm" in name or "bias" in name else 0.01
                tensor -= rate * (m / (v.sqrt() + 1e-6) + decay * tensor)
    print(f"{len(recorded)} steps, losses differ by {worst:.2e} at most")
    if a.after:
        off, where = 0.0, ""
        for half, model in (("discriminator", d), ("generator", g)):
            files = load_file(a.after / half / "model.safetensors")
            for name, tensor in model.state_dict().items():
                if name in files:
                    x = float(((files[name].double() - tensor).abs() / (1 + tensor.abs())).max())
                    if x > off:
                        off, where = x, f"{half}/{name}"
        print(f"weights differ by {off:.2e} (1+|b|) at most, in {where}")
    if a.out:
        pathlib.Path(a.out).write_text(json.dumps(recorded) + "\n")


if __name__ == "__main__":
    main()
