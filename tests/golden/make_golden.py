#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the golden cases: small random ELECTRA models, inputs, and what the Hugging Face implementation answers in float64.

    make_golden.py DIR          cases of transformers 5.x (eager attention)
    make_golden.py DIR --old    cases of transformers 4.x: relative positions, head_mask, 3-D masks

Each case is a folder with config.json, model.safetensors, inputs.safetensors, expected.safetensors and case.json (head, and
whether hidden states and attentions were asked for). The tests replay them; nothing of Python is needed then.
"""
import argparse
import json
import pathlib
import shutil

import torch
import transformers
from safetensors.torch import save_file

HEADS = {
    "model": "ElectraModel",
    "pretraining": "ElectraForPreTraining",
    "causal-lm": "ElectraForCausalLM",
    "masked-lm": "ElectraForMaskedLM",
    "sequence-classification": "ElectraForSequenceClassification",
    "multiple-choice": "ElectraForMultipleChoice",
    "token-classification": "ElectraForTokenClassification",
    "question-answering": "ElectraForQuestionAnswering",
}
BASE = dict(vocab_size=50, embedding_size=8, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20,
            max_position_embeddings=16, type_vocab_size=2, initializer_range=0.3, hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0, summary_last_dropout=0.0)


def flatten(outputs):
    flat = {}
    for name, value in outputs.items():
        if torch.is_tensor(value):
            flat[name] = value
        elif name in ("hidden_states", "attentions", "cross_attentions") and value is not None:
            flat.update({f"{name}.{i}": t for i, t in enumerate(value)})
    return {k: v.detach().to(torch.float32).contiguous().clone() for k, v in flat.items()}


class Maker:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.seed = 0

    def rand_ids(self, *shape, low=0, high=50):
        return torch.randint(low, high, shape)

    def case(self, name, head, inputs, more=False, dtype=torch.float32, deviation=0.3, **config):
        self.seed += 1
        torch.manual_seed(self.seed)
        config = transformers.ElectraConfig(**{**BASE, **config})
        kind = getattr(transformers, HEADS[head])
        model = kind._from_config(config, attn_implementation="eager") if hasattr(kind, "_from_config") else kind(config)
        with torch.no_grad():
            for key, p in model.named_parameters():  # biases and LayerNorms are drawn too
                p.copy_(torch.randn_like(p) * deviation + (1.0 if key.endswith("LayerNorm.weight") else 0.0))
        if callable(inputs):
            inputs = inputs()
        out = self.folder / name
        shutil.rmtree(out, ignore_errors=True)
        model.to(dtype).eval().save_pretrained(out, safe_serialization=True)
        (out / "generation_config.json").unlink(missing_ok=True)
        wide = {k: v.to(torch.float64) if v.is_floating_point() else v for k, v in inputs.items()}
        with torch.no_grad():
            result = model.to(torch.float64)(**wide, output_hidden_states=more, output_attentions=more, return_dict=True)
        save_file({k: v.contiguous() for k, v in inputs.items()}, out / "inputs.safetensors")
        save_file(flatten(result), out / "expected.safetensors")
        (out / "case.json").write_text(json.dumps({"head": head, "more": more}) + "\n")
        print(name)


def mask_of(*rows):
    return torch.tensor(rows)


def new_cases(m):
    ids = lambda *s: m.rand_ids(*s)
    holes = mask_of([1, 0, 1, 1, 0, 1, 0], [1, 1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 1, 1, 1])
    hidden_row = mask_of([1, 1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0, 0])
    types = lambda b, t: torch.randint(0, 2, (b, t))
    # the bare model
    m.case("model-plain", "model", lambda: dict(input_ids=ids(3, 7)), more=True)
    m.case("model-holes", "model", lambda: dict(input_ids=ids(3, 7), attention_mask=holes, token_type_ids=types(3, 7)), more=True)
    m.case("model-hidden-row", "model", lambda: dict(input_ids=ids(3, 7), attention_mask=hidden_row), more=True)
    m.case("model-equal-widths", "model", lambda: dict(input_ids=ids(2, 9)), embedding_size=12)
    m.case("model-odd", "model", lambda: dict(input_ids=ids(5, 13) % 37, attention_mask=(torch.arange(13)[None] < torch.tensor([13, 1, 7, 12, 3])[:, None]).long()),
           vocab_size=37, embedding_size=7, hidden_size=15, num_attention_heads=5, intermediate_size=33, num_hidden_layers=3)
    m.case("model-one-head", "model", lambda: dict(input_ids=ids(2, 6)), num_attention_heads=1, hidden_size=10, embedding_size=9)
    m.case("model-length-1", "model", lambda: dict(input_ids=ids(4, 1)), more=True)
    m.case("model-batch-1", "model", lambda: dict(input_ids=ids(1, 1)))
    m.case("model-length-512", "model", lambda: dict(input_ids=ids(2, 512), attention_mask=(torch.arange(512)[None] < torch.tensor([512, 300])[:, None]).long()),
           max_position_embeddings=512, hidden_size=8, embedding_size=4, num_attention_heads=2, intermediate_size=12, num_hidden_layers=1)
    m.case("model-embeds", "model", lambda: dict(inputs_embeds=torch.randn(2, 5, 8), attention_mask=mask_of([1, 1, 1, 1, 0], [1] * 5)))
    m.case("model-positions", "model", lambda: dict(input_ids=ids(2, 5), position_ids=torch.randint(0, 16, (2, 5))))
    m.case("model-shared-positions", "model", lambda: dict(input_ids=ids(2, 5), position_ids=torch.randint(0, 16, (1, 5))))
    m.case("model-mask-values", "model", lambda: dict(input_ids=ids(2, 5), attention_mask=mask_of([2, -1, 0, 1, 0], [5, 0, 0, 0, 0])))
    m.case("model-4d-float", "model", lambda: dict(input_ids=ids(2, 5), attention_mask=torch.randn(2, 1, 5, 5)), more=True)
    m.case("model-4d-heads", "model", lambda: dict(input_ids=ids(2, 5), attention_mask=torch.randn(2, 3, 5, 5)), more=True)
    nowhere = torch.randn(2, 1, 5, 5)
    nowhere[0, 0, 2] = float("-inf")
    nowhere[1, 0, :, 1] = float("-inf")
    m.case("model-4d-infinite", "model", lambda: dict(input_ids=ids(2, 5), attention_mask=nowhere), num_hidden_layers=1, more=True)
    m.case("model-decoder", "model", lambda: dict(input_ids=ids(3, 7), attention_mask=holes), is_decoder=True, more=True)
    m.case("model-cross", "model", lambda: dict(input_ids=ids(2, 5), attention_mask=mask_of([1] * 5, [1, 1, 1, 0, 0]), encoder_hidden_states=torch.randn(2, 4, 12),
                                                encoder_attention_mask=mask_of([1, 0, 1, 1], [1, 1, 0, 0])), is_decoder=True, add_cross_attention=True, more=True)
    m.case("model-half", "model", lambda: dict(input_ids=ids(2, 5)), dtype=torch.float16)
    m.case("model-bfloat", "model", lambda: dict(input_ids=ids(2, 5)), dtype=torch.bfloat16)
    for act in ("gelu_new", "gelu_fast", "gelu_10", "gelu_pytorch_tanh", "quick_gelu", "relu", "relu2", "relu6", "silu", "mish", "sigmoid", "tanh", "linear",
                "hardswish", "leaky_relu", "laplace", "sqrtsoftplus"):
        if act in transformers.activations.ACT2FN:
            m.case(f"act-{act}", "pretraining", lambda: dict(input_ids=ids(1, 4)), hidden_act=act, num_hidden_layers=1)
    # heads
    m.case("pretraining-loss", "pretraining", lambda: dict(input_ids=ids(3, 7), attention_mask=hidden_row, labels=torch.randint(0, 2, (3, 7))))
    m.case("pretraining-no-mask", "pretraining", lambda: dict(input_ids=ids(3, 7), labels=torch.randint(0, 2, (3, 7))))
    m.case("pretraining-none", "pretraining", lambda: dict(input_ids=ids(1, 4), attention_mask=mask_of([0] * 4), labels=torch.randint(0, 2, (1, 4))))
    m.case("masked-lm", "masked-lm", lambda: dict(input_ids=ids(3, 7), attention_mask=holes, labels=torch.where(torch.rand(3, 7) < .4, ids(3, 7), torch.tensor(-100))), hidden_act="relu")
    m.case("masked-lm-padded", "masked-lm", lambda: dict(input_ids=ids(2, 6), attention_mask=mask_of([1] * 6, [1, 1, 1, 0, 0, 0]), labels=torch.cat([ids(2, 3), torch.full((2, 3), -100)], 1)))
    m.case("masked-lm-label-behind", "masked-lm", lambda: dict(input_ids=ids(2, 6), attention_mask=mask_of([1] * 6, [1, 1, 1, 0, 0, 0]), labels=ids(2, 6)))
    m.case("masked-lm-none", "masked-lm", lambda: dict(input_ids=ids(2, 6), labels=torch.full((2, 6), -100)))
    m.case("masked-lm-untied", "masked-lm", lambda: dict(input_ids=ids(2, 6)), tie_word_embeddings=False)
    m.case("masked-lm-equal-widths", "masked-lm", lambda: dict(input_ids=ids(2, 6), labels=ids(2, 6)), embedding_size=12)
    m.case("causal-lm", "causal-lm", lambda: dict(input_ids=ids(3, 7), attention_mask=mask_of([1] * 7, [1] * 4 + [0] * 3, [1] * 5 + [0] * 2), labels=torch.where(torch.rand(3, 7) < .7, ids(3, 7), torch.tensor(-100))), is_decoder=True)
    m.case("causal-lm-both-ways", "causal-lm", lambda: dict(input_ids=ids(2, 5), labels=ids(2, 5)))
    m.case("causal-lm-cross", "causal-lm", lambda: dict(input_ids=ids(2, 5), encoder_hidden_states=torch.randn(2, 4, 12)), is_decoder=True, add_cross_attention=True)
    for n, labels in (("single", lambda: torch.tensor([2, 0, -100])), ("multi", lambda: torch.randint(0, 2, (3, 3)).float()), ("none", None)):
        m.case(f"sequence-{n}", "sequence-classification", lambda: dict(input_ids=ids(3, 7), attention_mask=holes, **({"labels": labels()} if labels else {})), num_labels=3)
    m.case("sequence-regression", "sequence-classification", lambda: dict(input_ids=ids(3, 7), labels=torch.randn(3)), num_labels=1)
    m.case("sequence-regression-column", "sequence-classification", lambda: dict(input_ids=ids(3, 7), labels=torch.randn(3, 1)), num_labels=1)
    m.case("sequence-regression-wide", "sequence-classification", lambda: dict(input_ids=ids(3, 7), labels=torch.randn(3, 4)), num_labels=4, problem_type="regression")
    m.case("token", "token-classification", lambda: dict(input_ids=ids(3, 7), attention_mask=holes, labels=torch.randint(0, 4, (3, 7))), num_labels=4)
    m.case("token-none", "token-classification", lambda: dict(input_ids=ids(3, 7), labels=torch.full((3, 7), -100)), num_labels=4)
    m.case("answer", "question-answering", lambda: dict(input_ids=ids(3, 7), attention_mask=hidden_row, start_positions=torch.tensor([1, -3, 6]), end_positions=torch.tensor([4, 9, 7])))
    m.case("answer-column", "question-answering", lambda: dict(input_ids=ids(3, 7), start_positions=torch.tensor([[1], [2], [3]]), end_positions=torch.tensor([[4], [5], [6]])))
    m.case("answer-none", "question-answering", lambda: dict(input_ids=ids(2, 5), start_positions=torch.tensor([7, 8]), end_positions=torch.tensor([1, 2])))
    m.case("answer-no-labels", "question-answering", lambda: dict(input_ids=ids(2, 5), attention_mask=mask_of([1] * 5, [1, 1, 0, 0, 0])))
    for kind in ("first", "last", "mean", "cls_index"):
        m.case(f"choice-{kind}", "multiple-choice", lambda: dict(input_ids=ids(2, 3, 5), attention_mask=torch.tensor([[[1] * 5, [1, 1, 1, 0, 0], [1] * 5], [[1, 0, 1, 1, 0], [1] * 5, [1, 1, 0, 0, 0]]]),
                                                                 token_type_ids=torch.randint(0, 2, (2, 3, 5)), labels=torch.tensor([2, 0])), summary_type=kind, more=kind == "mean")
    m.case("choice-tanh", "multiple-choice", lambda: dict(input_ids=ids(2, 2, 4)), summary_activation="tanh")
    m.case("choice-no-activation", "multiple-choice", lambda: dict(input_ids=ids(2, 2, 4)), summary_activation="")
    m.case("choice-no-projection", "multiple-choice", lambda: dict(input_ids=ids(2, 2, 4)), summary_use_proj=False)
    m.case("choice-embeds", "multiple-choice", lambda: dict(inputs_embeds=torch.randn(2, 2, 4, 8)))
    # as wide and with weights as large as those of trained models: what math=bf16 rounds
    deep = dict(embedding_size=128, hidden_size=128, num_attention_heads=2, intermediate_size=256, deviation=0.05, dtype=torch.float16)
    m.case("deep-pretraining", "pretraining", lambda: dict(input_ids=ids(3, 16), attention_mask=mask_of([1] * 16, [1] * 9 + [0] * 7, [1] * 13 + [0] * 3), labels=torch.randint(0, 2, (3, 16))), **deep)
    m.case("deep-masked-lm", "masked-lm", lambda: dict(input_ids=ids(2, 12), labels=ids(2, 12)), **deep)
    m.case("deep-sequence", "sequence-classification", lambda: dict(input_ids=ids(4, 14), labels=torch.tensor([0, 2, 1, 2])), num_labels=3, **deep)


def old_cases(m):
    ids = lambda *s: m.rand_ids(*s)
    holes = mask_of([1, 0, 1, 1, 0, 1, 0], [1, 1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 1, 1, 1])
    for kind in ("relative_key", "relative_key_query"):
        m.case(f"old-{kind}", "model", lambda: dict(input_ids=ids(3, 7), attention_mask=holes), position_embedding_type=kind, more=True)
        m.case(f"old-{kind}-cross", "model", lambda: dict(input_ids=ids(2, 5), encoder_hidden_states=torch.randn(2, 4, 12)), position_embedding_type=kind,
               is_decoder=True, add_cross_attention=True)
    m.case("old-head-mask", "model", lambda: dict(input_ids=ids(2, 5), head_mask=torch.tensor([1, 0, .5])), more=True)
    m.case("old-head-mask-layers", "model", lambda: dict(input_ids=ids(2, 5), head_mask=torch.tensor([[1, 0, 1.], [0, .3, 1]])), more=True)
    m.case("old-head-mask-choice", "multiple-choice", lambda: dict(input_ids=ids(2, 2, 4), head_mask=torch.tensor([1, .2, .5])))
    three = (torch.rand(3, 7, 7) < .6).long()
    three[1, 2] = 0
    m.case("old-3d-mask", "model", lambda: dict(input_ids=ids(3, 7), attention_mask=three), more=True)
    m.case("old-3d-mask-decoder", "model", lambda: dict(input_ids=ids(3, 7), attention_mask=three), is_decoder=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder")
    p.add_argument("--old", action="store_true")
    a = p.parse_args()
    (old_cases if a.old else new_cases)(Maker(a.folder))


if __name__ == "__main__":
    main()
