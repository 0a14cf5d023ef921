#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the golden cases of the heads that only Google's code has, and their gradients: make_google.py CASES GRADIENTS

The encoder is that of transformers in float64; the heads are written down here as the formulas of google-research/electra say
(finetune/qa/qa_tasks.py, finetune/classification/classification_tasks.py), with losses as means over sequences. With S start
positions of each sequence and no end positions, end_logits are [batch, S, length].
"""
import json
import pathlib
import shutil
import sys

import torch
import transformers
from safetensors.torch import save_file

from make_golden import BASE

WIDTH = 512
gelu = torch.nn.functional.gelu


def dense(weights, name, x):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def joint(w, hidden, mask, types, start_positions=None, end_positions=None, is_impossible=None):
    batch, length, _ = hidden.shape
    allowed = (mask * (types == 1)).double()
    allowed[:, 0] = 1
    barred = 1000.0 * (allowed - 1)
    start = dense(w, "joint_qa.start", hidden)[..., 0] + barred
    out = {"start_logits": start, "last_hidden_state": hidden}
    rows = torch.arange(batch)
    if start_positions is not None:
        labelled = end_positions is not None
        at = start_positions.clamp(0, length - 1).view(batch, -1)
        begin = hidden[rows[:, None], at]  # [batch, starts, hidden]
        pairs = torch.cat([begin[:, :, None].expand(-1, -1, length, -1), hidden[:, None].expand(-1, at.shape[1], -1, -1)], -1)
        if "joint_qa.end_hidden.weight" in w:
            end = dense(w, "joint_qa.end", gelu(dense(w, "joint_qa.end_hidden", pairs)))[..., 0] + barred[:, None]
        else:  # joint_prediction=False
            end = (dense(w, "joint_qa.end", hidden)[..., 0] + barred)[:, None].expand(-1, at.shape[1], -1)
        out["end_logits"] = end[:, 0] if labelled else end
    none = None
    if "joint_qa.answerable.weight" in w:
        seen = hidden[:, 0]
        if "joint_qa.answerable_hidden.weight" in w:
            mean = (torch.softmax(start, -1)[..., None] * hidden).sum(1)
            seen = gelu(dense(w, "joint_qa.answerable_hidden", torch.cat([seen, mean], -1)))
        none = out["answerable_logits"] = dense(w, "joint_qa.answerable", seen)[..., 0]
    if end_positions is not None:
        ce = lambda x, y: torch.nn.functional.cross_entropy(x, y.clamp(0, length), ignore_index=length)
        loss = (ce(start, start_positions) + ce(out["end_logits"], end_positions)) / 2
        if none is not None:
            target = torch.zeros(batch) if is_impossible is None else is_impossible
            loss = loss + 0.5 * torch.nn.functional.binary_cross_entropy_with_logits(none, target.double())
        out["loss"] = loss
    return out


def classifier(w, hidden, mask, types, labels=None):
    logits = dense(w, "task_specific.dense", hidden[:, 0])
    out = {"logits": logits}
    if labels is not None:
        out["loss"] = torch.nn.functional.cross_entropy(logits, labels)
    return out


HEADS = {"joint-question-answering": (joint, "ElectraForJointQuestionAnswering"),
         "sequence-classification": (classifier, "ElectraForSequenceClassification")}


def head_shapes(head, hidden, labels, without):
    if head == "sequence-classification":
        return {"task_specific.dense": (labels, hidden)}
    shapes = {"joint_qa.start": (1, hidden), "joint_qa.end_hidden": (WIDTH, 2 * hidden), "joint_qa.end": (1, WIDTH),
              "joint_qa.answerable_hidden": (WIDTH, 2 * hidden), "joint_qa.answerable": (1, WIDTH)}
    if "joint_qa.answerable_hidden" in without:
        shapes["joint_qa.answerable"] = (1, hidden)
    if "joint_qa.end_hidden" in without:
        shapes["joint_qa.end"] = (1, hidden)
    return {name: shape for name, shape in shapes.items() if name not in without}


class Maker:
    def __init__(self, cases, gradients):
        self.cases, self.gradients, self.seed = pathlib.Path(cases), pathlib.Path(gradients), 700

    def case(self, name, head, inputs, labels=2, without=()):
        self.seed += 1
        torch.manual_seed(self.seed)
        formula, architecture = HEADS[head]
        config = transformers.ElectraConfig(**{**BASE, "num_labels": labels, "hidden_size": 8, "num_attention_heads": 2})
        encoder = transformers.ElectraModel._from_config(config, attn_implementation="eager")
        weights = {f"electra.{k}": torch.randn_like(p) * 0.3 + k.endswith("LayerNorm.weight") for k, p in encoder.named_parameters()}
        for layer, (rows, width) in head_shapes(head, config.hidden_size, labels, without).items():
            weights[f"{layer}.weight"] = torch.randn(rows, width) * (0.04 if rows == 1 and width == WIDTH else 0.4)
            weights[f"{layer}.bias"] = torch.randn(rows) * 0.3
        half = {k: v.to(torch.float16).contiguous() for k, v in weights.items()}  # files of half the size
        w = {k: v.double().requires_grad_() for k, v in half.items()}
        out = self.cases / name
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        settings = {**config.to_diff_dict(), **BASE, "hidden_size": 8, "num_attention_heads": 2, "architectures": [architecture], "model_type": "electra"}
        (out / "config.json").write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
        save_file(half, out / "model.safetensors")
        given = inputs()
        tensors = {k: v.double() if v.is_floating_point() else v for k, v in given.items()}
        ids, hidden = tensors.pop("input_ids", None), tensors.pop("last_hidden_state", None)
        mask, types = tensors.pop("attention_mask"), tensors.pop("token_type_ids")
        if hidden is None:
            encoder = encoder.double().eval()
            state = {k.removeprefix("electra."): v for k, v in w.items() if k.startswith("electra.")}
            hidden = torch.func.functional_call(encoder, state, (), dict(input_ids=ids, attention_mask=mask, token_type_ids=types, return_dict=True)).last_hidden_state
        result = formula(w, hidden, mask, types, **tensors)
        save_file({k: v.contiguous() for k, v in given.items()}, out / "inputs.safetensors")
        save_file({k: v.detach().float().contiguous().clone() for k, v in result.items()}, out / "expected.safetensors")
        (out / "case.json").write_text(json.dumps({"head": head, "more": False}) + "\n")
        print(name)
        if "loss" in result:
            result["loss"].backward()
            found = {k: v.grad.float().contiguous() for k, v in w.items() if v.grad is not None}
            save_file({"loss": result["loss"].detach().float(), **found}, self.gradients / f"{name}.safetensors")


def main():
    m = Maker(sys.argv[1], sys.argv[2])
    ids = lambda *s: torch.randint(0, 50, s)
    mask = torch.tensor([[1] * 9, [1] * 6 + [0] * 3, [1] * 7 + [0] * 2])
    types = torch.tensor([[0, 0, 0, 1, 1, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1, 0, 0, 0], [0] * 5 + [1, 1, 0, 0]])
    text = lambda: dict(input_ids=ids(3, 9), attention_mask=mask, token_type_ids=types)
    labels = lambda: dict(start_positions=torch.tensor([4, 2, 0]), end_positions=torch.tensor([6, 5, 0]))
    head = "joint-question-answering"
    m.case("answer-joint", head, lambda: dict(**text(), **labels(), is_impossible=torch.tensor([0, 0, 1])))
    m.case("answer-joint-said", head, lambda: dict(**text(), **labels()))
    m.case("answer-joint-plain", head, text)
    m.case("answer-joint-starts", head, lambda: dict(**text(), start_positions=torch.tensor([[4, 0, 8, 4], [2, 3, 0, 5], [6, 5, 0, 0]])))
    m.case("answer-joint-start", head, lambda: dict(**text(), start_positions=torch.tensor([7, 1, 8])))
    m.case("answer-joint-hidden", head, lambda: dict(last_hidden_state=torch.randn(3, 9, 8), attention_mask=mask, token_type_ids=types,
                                                     start_positions=torch.tensor([[4, 0], [2, 3], [6, 5]])))
    m.case("answer-joint-first", head, lambda: dict(**text(), **labels()), without=("joint_qa.answerable_hidden",))
    m.case("answer-joint-always", head, lambda: dict(**text(), **labels()), without=("joint_qa.answerable_hidden", "joint_qa.answerable"))
    m.case("sequence-google", "sequence-classification", lambda: dict(**text(), labels=torch.tensor([2, 0, 1])), labels=3)
    apart = ("joint_qa.end_hidden",)
    m.case("answer-apart", head, lambda: dict(**text(), **labels(), is_impossible=torch.tensor([0, 1, 0])), without=apart)
    m.case("answer-apart-starts", head, lambda: dict(**text(), start_positions=torch.tensor([[4, 0, 8], [2, 3, 0], [6, 5, 0]])),
           without=apart + ("joint_qa.answerable_hidden", "joint_qa.answerable"))


if __name__ == "__main__":
    main()
