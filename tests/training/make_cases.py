#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/training/cases: small models trained by PyTorch in float64, fifty steps of AdamW each, dropout 0.

    make_cases.py [OUT [CASE...]]        needs torch, transformers 5, safetensors

A case is a folder: config.json and model.safetensors (the weights at first), data.safetensors (the rows, in order, wrapping
round), case.json (the options of the trainer, the losses, the norms of the gradients before clipping), and
trained.safetensors (the weights after the last step).
"""
import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file

SMALL = dict(vocab_size=60, embedding_size=12, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
             max_position_embeddings=16, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, summary_last_dropout=0.0,
             classifier_dropout=0.0)
ROWS, LENGTH, STEPS = 10, 12, 50
DEFAULTS = dict(batch=4, steps=STEPS, learning_rate=1e-4, beta1=0.9, beta2=0.999, eps=1e-6, weight_decay=0.01, clip=1.0,
                bias_correction=True, schedule="constant", warmup=0, layer_decay=1.0, accumulate=1)


def ids(*shape):
    return torch.randint(5, SMALL["vocab_size"], shape)


def ragged():
    lengths = torch.randint(3, LENGTH + 1, (ROWS,))
    return (torch.arange(LENGTH)[None] < lengths[:, None]).long()


def plain():
    mask = ragged()
    return {"input_ids": ids(ROWS, LENGTH) * mask, "attention_mask": mask}


def with_labels(make):
    def rows():
        data = plain()
        data["labels"] = make(data["attention_mask"])
        return data
    return rows


def some(mask, classes, share):
    labels = torch.randint(0, classes, mask.shape)
    return torch.where((torch.rand(mask.shape) < share) & (mask != 0), labels, torch.full_like(labels, -100))


def answers():
    data = plain()
    lengths = data["attention_mask"].sum(1)
    data["start_positions"] = (torch.rand(ROWS) * lengths).long()
    data["end_positions"] = (torch.rand(ROWS) * lengths).long()
    data["start_positions"][0], data["end_positions"][1] = -3, LENGTH + 4
    return data


def choices():
    mask = torch.stack([ragged(), ragged(), ragged()], 1)
    return {"input_ids": ids(ROWS, 3, LENGTH) * mask, "attention_mask": mask, "labels": torch.randint(0, 3, (ROWS,))}


def crossed():
    data = plain()
    data["labels"] = torch.where(data["attention_mask"] != 0, data["input_ids"], torch.full_like(data["input_ids"], -100))
    data["encoder_hidden_states"] = torch.randn(ROWS, 5, SMALL["hidden_size"])
    data["encoder_attention_mask"] = torch.ones(ROWS, 5, dtype=torch.long)
    data["encoder_attention_mask"][:, 4] = torch.arange(ROWS) % 2
    return data


CASES = {  # name: class, config, rows, options
    "pretraining": ("ElectraForPreTraining", {}, with_labels(lambda m: torch.randint(0, 2, m.shape)), {}),
    "pretraining-wide": ("ElectraForPreTraining", dict(embedding_size=24, hidden_act="relu"),
                         with_labels(lambda m: torch.randint(0, 2, m.shape)), dict(clip=0.0, accumulate=2)),
    "masked-lm": ("ElectraForMaskedLM", {}, with_labels(lambda m: some(m, 60, 0.3)), dict(accumulate=4)),
    "causal-lm": ("ElectraForCausalLM", dict(is_decoder=True), with_labels(lambda m: some(m, 60, 0.9)), {}),
    "causal-lm-cross": ("ElectraForCausalLM", dict(is_decoder=True, add_cross_attention=True), crossed, {}),
    "sequence-single": ("ElectraForSequenceClassification", dict(num_labels=5),
                        with_labels(lambda m: torch.randint(0, 5, (ROWS,))), dict(layer_decay=0.8, schedule="linear", warmup=5)),
    "sequence-multi": ("ElectraForSequenceClassification", dict(num_labels=4, problem_type="multi_label_classification"),
                       with_labels(lambda m: torch.randint(0, 2, (ROWS, 4)).float()), {}),
    "sequence-regression": ("ElectraForSequenceClassification", dict(num_labels=1),
                            with_labels(lambda m: torch.randn(ROWS)), dict(bias_correction=False)),
    "token": ("ElectraForTokenClassification", dict(num_labels=7), with_labels(lambda m: some(m, 7, 0.7)), dict(accumulate=2)),
    "sequence-weighted": ("ElectraForSequenceClassification", dict(num_labels=5), with_labels(lambda m: torch.randint(0, 5, (ROWS,))),
                          dict(label_smoothing=0.1, class_weights=[0.5, 2.0, 1.0, 0.25, 3.0], accumulate=2)),
    "token-weighted": ("ElectraForTokenClassification", dict(num_labels=7), with_labels(lambda m: some(m, 7, 0.7)),
                       dict(class_weights=[1.5, 0.0, 1.0, 0.25, 3.0, 0.75, 1.25])),
    "masked-lm-smoothed": ("ElectraForMaskedLM", {}, with_labels(lambda m: some(m, 60, 0.3)), dict(label_smoothing=0.2)),
    "answers": ("ElectraForQuestionAnswering", {}, answers, {}),
    "choice-first": ("ElectraForMultipleChoice", {}, choices, {}),
    "choice-mean": ("ElectraForMultipleChoice", dict(summary_type="mean", summary_activation="tanh"), choices, dict(accumulate=2)),
}


SEEDS = {name: i for i, name in enumerate(  # of those whose folders are older than this list
    ["pretraining", "pretraining-wide", "masked-lm", "causal-lm", "causal-lm-cross", "sequence-single", "sequence-multi",
     "sequence-regression", "token", "answers", "choice-first", "choice-mean"])}


def depth(name, layers):
    if "encoder.layer." in name:
        return int(name.split("encoder.layer.")[1].split(".")[0]) + 1
    return 0 if "embeddings" in name else layers + 2


def rate(o, step):
    x = o["learning_rate"]
    if o["schedule"] == "linear":
        x *= 1 - min(step, o["steps"]) / o["steps"]
    return x * min(1, step / o["warmup"]) if o["warmup"] else x


def train(model, data, o):
    parameters = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    moments = {n: (torch.zeros_like(p), torch.zeros_like(p)) for n, p in parameters}
    losses, norms = [], []
    shared = {"head_mask"}
    for step in range(o["steps"]):
        at = (torch.arange(o["batch"]) + step * o["batch"]) % ROWS
        out = model(**{k: v if k in shared else v[at] for k, v in data.items()}, return_dict=True)
        loss = out.loss
        if model.config.is_decoder:  # transformers makes this one in float32
            labels = data["labels"][at]
            loss = torch.nn.functional.cross_entropy(out.logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        if "class_weights" in o or "label_smoothing" in o:
            weights = torch.tensor(o["class_weights"], dtype=torch.float64) if "class_weights" in o else None
            loss = torch.nn.functional.cross_entropy(out.logits.flatten(0, -2), data["labels"][at].flatten(), weights,
                                                     label_smoothing=o.get("label_smoothing", 0.0))
        model.zero_grad()
        loss.backward()
        parts = [p for _, p in parameters if p.grad is not None]
        norm = torch.sqrt(sum((p.grad ** 2).sum() for p in parts))
        losses.append(loss.item())
        norms.append(norm.item())
        with torch.no_grad():
            for n, p in parameters:
                if p.grad is None:
                    continue
                g = p.grad * min(1, o["clip"] / (norm + 1e-6)) if o["clip"] else p.grad
                m, v = moments[n]
                m.mul_(o["beta1"]).add_(g, alpha=1 - o["beta1"])
                v.mul_(o["beta2"]).addcmul_(g, g, value=1 - o["beta2"])
                t = step + 1
                c1, c2 = (1 - o["beta1"] ** t, 1 - o["beta2"] ** t) if o["bias_correction"] else (1, 1)
                x = rate(o, step) * o["layer_decay"] ** (model.config.num_hidden_layers + 2 - depth(n, model.config.num_hidden_layers))
                decay = 0 if "LayerNorm" in n or "bias" in n else o["weight_decay"]
                p.sub_(x * (m / c1 / ((v / c2).sqrt() + o["eps"]) + decay * p))
    return losses, norms


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "cases")
    for name, (cls, config, rows, options) in CASES.items():
        if sys.argv[2:] and name not in sys.argv[2:]:
            continue
        number = SEEDS.get(name, len(name))
        torch.manual_seed(number)
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        settings = transformers.ElectraConfig(**{**SMALL, **config})
        settings.architectures = [cls]
        model = getattr(transformers, cls)._from_config(settings, attn_implementation="eager")
        with torch.no_grad():  # larger than at initialisation: every part of the model matters
            for n, p in model.named_parameters():
                p.copy_(torch.randn_like(p) * (0.15 if "weight" in n and p.dim() > 1 else 0.05) + (1 if "LayerNorm.weight" in n else 0))
        model.tie_weights()
        model.save_pretrained(folder)
        for extra in folder.glob("generation_config.json"):
            extra.unlink()
        model = model.double().train()
        data = rows()
        save_file({k: v.contiguous() for k, v in data.items()}, folder / "data.safetensors")
        o = {**DEFAULTS, **options}
        losses, norms = train(model, {k: v.double() if v.is_floating_point() else v for k, v in data.items()}, o)
        tied = "electra.embeddings.word_embeddings.weight" if cls in ("ElectraForMaskedLM", "ElectraForCausalLM") else None
        state = {k: v.detach().float().contiguous() for k, v in model.state_dict().items()
                 if not (tied and k == "generator_lm_head.weight") and "position_ids" not in k and "token_type_ids" not in k}
        save_file(state, folder / "trained.safetensors")
        (folder / "case.json").write_text(json.dumps({"head": name, "class": cls, "options": o, "losses": losses, "norms": norms}, indent=1) + "\n")
        print(f"{name:24} loss {losses[0]:.4f} -> {losses[-1]:.4f}  norm {norms[0]:.3f}")


if __name__ == "__main__":
    main()
