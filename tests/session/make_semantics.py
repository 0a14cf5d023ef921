#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What TF and Flax make of small ELECTRAs: make_semantics.py FOLDER writes FOLDER/HEAD/config.json, model.safetensors and
cases.safetensors, whose tensors are FRAMEWORK/VARIANT/in/NAME and FRAMEWORK/VARIANT/out/NAME. With transformers 4.44,
torch, tensorflow 2.15 (float32, as it is used) and jax (float64)."""
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
import jax
import jax.numpy as jnp
import numpy as np
import tensorflow as tf
import torch
import transformers
from safetensors.numpy import save_file

HEADS = {
    "masked-lm": ("ForMaskedLM", {}),
    "untied": ("ForMaskedLM", {"tie_word_embeddings": False, "type_vocab_size": 1, "is_decoder": True}),
    "multiple-choice": ("ForMultipleChoice", {"summary_type": "mean"}),
    "sequence-classification": ("ForSequenceClassification", {"num_labels": 3}),
    "token-classification": ("ForTokenClassification", {"num_labels": 3}),
    "question-answering": ("ForQuestionAnswering", {}),
}
B, T, V = 3, 6, 24


def config(more):
    return transformers.ElectraConfig(**{
        "vocab_size": V, "embedding_size": 8, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 12, "max_position_embeddings": 8, "type_vocab_size": 2, "hidden_act": "relu", **more})


def labels_of(head, draw):
    if head == "question-answering":
        return {"start_positions": np.array([1, 0, 3]), "end_positions": np.array([2, 5, 3])}
    if head == "multiple-choice":
        return {"labels": np.array([2])}
    if head == "sequence-classification":
        return {"labels": np.array([0, 2, 1])}
    labels = draw.integers(0, 3, (B, T))
    labels[0, 1:3] = -100
    labels[1, 2] = -1  # a class of language models, none of tokens
    return {"labels": labels}


def variants(head, types, draw):
    ids = draw.integers(0, V, (B, T))
    full = {"input_ids": ids, "attention_mask": np.array([[1] * 6, [1] * 4 + [0] * 2, [0, 1, 1, 0, 1, 1]]),
            "token_type_ids": draw.integers(0, types, (B, T))}
    dark = full["attention_mask"].copy()
    dark[1] = 0
    faint = full["attention_mask"].copy()
    faint[0, 2] = 2
    found = {"full": full, "bare": {"input_ids": ids}, "dark": {**full, "attention_mask": dark},
             "faint": {**full, "attention_mask": faint}}
    if head == "multiple-choice":  # three choices of one example
        found = {variant: {name: x[None] for name, x in given.items()} for variant, given in found.items()}
    found["labels"] = {**found["full"], **labels_of(head, draw)}
    return found


def keep(cases, framework, variant, given, outputs):
    for name, x in given.items():
        cases[f"{framework}/{variant}/in/{name}"] = x.astype(np.int32)
    for name in ("loss", "logits", "start_logits", "end_logits"):
        if outputs.get(name) is not None:
            cases[f"{framework}/{variant}/out/{name}"] = np.asarray(outputs[name]).astype(np.float32)


def run(head, name, more, folder):
    draw = np.random.default_rng(len(head))
    torch.manual_seed(len(head))
    settings = config(more)
    model = getattr(transformers, "Electra" + name)(settings).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0, 0.4)
    cases = {}
    with tempfile.TemporaryDirectory() as saved:
        model.save_pretrained(saved, safe_serialization=False)
        in_tf = getattr(transformers, "TFElectra" + name).from_pretrained(saved, from_pt=True)
        with jax.experimental.enable_x64(True):
            in_flax = getattr(transformers, "FlaxElectra" + name).from_pretrained(saved, from_pt=True, dtype=jnp.float64)
            in_flax.params = jax.tree_util.tree_map(lambda x: jnp.asarray(x, jnp.float64), in_flax.params)
            given = variants(head, settings.type_vocab_size, draw)
            for variant, inputs in given.items():
                tensors = {k: tf.constant(v) for k, v in inputs.items()}
                keep(cases, "tf", variant, inputs, in_tf(tensors, training=False))
                unknown = variant == "faint" and settings.is_decoder  # rows that see no key spread over later ones
                unknown |= variant == "bare" and settings.type_vocab_size == 1  # NaN: type 1 has no row
                if variant in ("full", "bare", "faint") and not unknown:
                    keep(cases, "flax", variant, inputs, in_flax(**inputs))
    folder.mkdir(parents=True, exist_ok=True)
    kept = {"model_type": "electra", "architectures": ["Electra" + name]}
    kept.update({k: getattr(settings, k) for k in ("vocab_size", "embedding_size", "hidden_size", "num_hidden_layers",
                 "num_attention_heads", "intermediate_size", "max_position_embeddings", "type_vocab_size", "hidden_act",
                 "summary_type", "tie_word_embeddings", "is_decoder", "num_labels")})
    (folder / "config.json").write_text(json.dumps(kept, indent=2) + "\n")
    state = {k: v.numpy().copy() for k, v in model.state_dict().items() if k != "electra.embeddings.position_ids"}
    if settings.tie_word_embeddings:
        state.pop("generator_lm_head.weight", None)
    save_file(state, folder / "model.safetensors")
    save_file(cases, folder / "cases.safetensors")


def run_cross(folder):
    """A decoder that looks at an encoder's states through a mask, in TF."""
    draw = np.random.default_rng(5)
    torch.manual_seed(5)
    settings = config({"is_decoder": True, "add_cross_attention": True})
    model = transformers.ElectraModel(settings).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0, 0.4)
    cases = {}
    with tempfile.TemporaryDirectory() as saved:
        model.save_pretrained(saved, safe_serialization=False)
        in_tf = transformers.TFElectraModel.from_pretrained(saved, from_pt=True)
    for variant, mask in (("full", [[1, 1, 0, 1], [1, 0, 0, 1], [1] * 4]), ("dark", [[1, 1, 0, 1], [0] * 4, [1] * 4]),
                          ("faint", [[1, 1, 0.5, 1], [-1, 0, 0, 1], [1, 2, 1, 1]])):
        given = {"input_ids": draw.integers(0, V, (B, T)).astype(np.int32), "encoder_attention_mask": np.array(mask, np.float32),
                 "encoder_hidden_states": draw.normal(size=(B, 4, settings.hidden_size)).astype(np.float32)}
        out = in_tf(**{k: tf.constant(v) for k, v in given.items()}, training=False).last_hidden_state.numpy()
        cases.update({f"tf/{variant}/in/{k}": v for k, v in given.items()}, **{f"tf/{variant}/out/last_hidden_state": out})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({**settings.to_diff_dict(), "architectures": ["ElectraModel"]}, indent=2) + "\n")
    save_file({k: v.numpy().copy() for k, v in model.state_dict().items() if "position_ids" not in k}, folder / "model.safetensors")
    save_file(cases, folder / "cases.safetensors")


for head, (name, more) in HEADS.items():
    if len(sys.argv) < 3 or head in sys.argv[2:]:
        run(head, name, more, Path(sys.argv[1]) / head)
if len(sys.argv) < 3 or "cross" in sys.argv[2:]:
    run_cross(Path(sys.argv[1]) / "cross")
