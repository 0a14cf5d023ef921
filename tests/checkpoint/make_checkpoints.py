#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small ELECTRA checkpoints in every format that users have, written by the packages that write them, with what to expect.

    make_checkpoints.py FOLDER [--spec SPEC.json] [--seed N] [--only CASE ...]

Needs transformers 4.44.2 with PyTorch 2.4.1, TensorFlow 2.15.1, Flax 0.7.0 and h5py beside each other. Without --spec the set
of checkpoints.json is written; `set.py pack FOLDER set.tar.xz` stores it for the tests, which need none of
these packages. The weights depend on the seed and on tensor names alone.

    FOLDER/manifest.json             what each case is and what is expected of it
    FOLDER/models/M/config.json      the configuration, complete
    FOLDER/models/M/inputs.safetensors
    FOLDER/models/M/tensors.safetensors          the body: names as PyTorch has them, bit for bit
    FOLDER/models/M/HEAD.tensors.safetensors     the head's own tensors
    FOLDER/models/M/HEAD.outputs.safetensors     FRAMEWORK/VARIANT/NAME, see VARIANTS below
    FOLDER/cases/C/...               a directory as a user has it
"""
import argparse
import collections
import json
import os
import pickle
import shutil
import sys
import zipfile
import zlib
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import numpy as np
import torch
import transformers
from safetensors.numpy import load_file, save_file

HEADS = {
    "model": "ElectraModel",
    "pretraining": "ElectraForPreTraining",
    "masked-lm": "ElectraForMaskedLM",
    "causal-lm": "ElectraForCausalLM",
    "sequence-classification": "ElectraForSequenceClassification",
    "token-classification": "ElectraForTokenClassification",
    "question-answering": "ElectraForQuestionAnswering",
    "multiple-choice": "ElectraForMultipleChoice",
}
TF_HEADS = [h for h in HEADS if h != "causal-lm"]

# Which inputs a forward pass is given. bare: nothing but ids, so that each framework's defaults show. dark: the last row
# has every key masked. faint: a mask of 1, 0.5, 0 and -1, to be read as each framework reads it.
VARIANTS = {
    "full": ("input_ids", "attention_mask", "token_type_ids"),
    "bare": ("input_ids",),
    "dark": ("input_ids", "attention_mask_dark", "token_type_ids"),
    "faint": ("input_ids", "attention_mask_faint", "token_type_ids"),
    "labels": ("input_ids", "attention_mask", "token_type_ids", "labels"),
}

# ---------------------------------------------------------------- weights and inputs


def numbers(name, shape, seed, scale):
    state = np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))
    return (scale * state.standard_normal(shape)).astype(np.float32)


def weight(name, shape, seed):
    if "LayerNorm" in name and name.endswith("weight"):
        return 1 + numbers(name, shape, seed, 0.2)
    if name.endswith("bias"):
        return numbers(name, shape, seed, 0.1)
    return numbers(name, shape, seed, 0.6 if "embeddings" in name else 0.35)


def config_of(spec, head):
    fields = {k: v for k, v in spec.items() if not k.startswith("_")}
    if head == "causal-lm":
        fields["is_decoder"] = True
    if head == "question-answering":
        fields.pop("num_labels", None)  # start and end: any other number fails in all three frameworks
    return transformers.ElectraConfig(architectures=[HEADS[head]], **fields)


def torch_model(spec, head, seed):
    """The PyTorch model in float32, with the weights that belong to its tensor names."""
    model = getattr(transformers, HEADS[head])._from_config(config_of(spec, head), attn_implementation="eager").eval()
    prefix = "electra." if head == "model" else ""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(weight(prefix + name, tuple(parameter.shape), seed)))
    return model


def named_tensors(model, head):
    """Every parameter under the name that a headed PyTorch model gives it; a tied matrix once, as word_embeddings."""
    prefix = "electra." if head == "model" else ""
    return {prefix + n: p.detach().numpy() for n, p in model.named_parameters()}


def inputs_of(spec, seed):
    state = np.random.Generator(np.random.PCG64([seed, 7]))
    config = transformers.ElectraConfig(**{k: v for k, v in spec.items() if not k.startswith("_")})
    B, T, V, n = 3, min(9, config.max_position_embeddings), config.vocab_size, config.num_labels
    mask = np.ones((B, T), np.int64)
    mask[1, T - 3:] = 0
    mask[2, T - 1:] = 0
    dark, faint = mask.copy(), mask.astype(np.float32)
    dark[2] = 0
    faint[0, 1], faint[0, 2], faint[2, 0] = 0.5, 0.0, -1.0
    types = np.zeros((B, T), np.int64)
    if config.type_vocab_size > 1:
        types[:, T // 2:] = 1
        types *= mask
    ids = state.integers(1, V, (B, T)) * mask
    words = np.where(state.random((B, T)) < 0.4, ids, -100)
    words[0, 1] = ids[0, 1]
    tags = np.where(mask == 1, state.integers(0, n, (B, T)), -100)
    tags[:, 0] = -100
    return {
        "input_ids": ids, "attention_mask": mask, "attention_mask_dark": dark, "attention_mask_faint": faint,
        "token_type_ids": types,
        "labels.pretraining": state.integers(0, 2, (B, T)) * mask,
        "labels.masked-lm": words, "labels.causal-lm": np.where(mask == 1, ids, -100),
        "labels.sequence-classification": state.integers(0, n, (B,)) if n > 1 else state.standard_normal(B).astype(np.float32),
        "labels.token-classification": tags,
        "labels.start": np.array([0, 2, 1]), "labels.end": np.array([3, 2, 4]), "labels.multiple-choice": np.array([1]),
    }


def chosen(inputs, head, variant):
    """The keyword arguments of one forward pass, as numpy arrays; None if the variant does not fit the head."""
    names = VARIANTS[variant]
    given = {n.replace("_dark", "").replace("_faint", ""): inputs[n] for n in names if n != "labels"}
    if head == "multiple-choice":  # one example of three choices
        given = {k: v[None] for k, v in given.items()}
    if "labels" in names:
        if head == "model":
            return None
        if head == "question-answering":
            given.update(start_positions=inputs["labels.start"], end_positions=inputs["labels.end"])
        else:
            given["labels"] = inputs["labels." + head]
    return given


# ---------------------------------------------------------------- the three frameworks

OUTPUTS = ("loss", "logits", "start_logits", "end_logits", "last_hidden_state")


def record(found, framework, variant, outputs):
    for name in OUTPUTS:
        value = outputs.get(name) if hasattr(outputs, "get") else getattr(outputs, name, None)
        if value is not None:
            value = value.detach() if torch.is_tensor(value) else value
            found[f"{framework}/{variant}/{name}"] = np.ascontiguousarray(np.asarray(value))


def run_torch(model, head, inputs, found):
    model = model.double()
    for variant in VARIANTS:
        given = chosen(inputs, head, variant)
        if given is None:
            continue
        given = {k: torch.from_numpy(v) for k, v in given.items()}
        with torch.no_grad():
            record(found, "pt64", variant, model(**given))
    model.float()


def tf_class(head):
    return getattr(transformers, "TF" + HEADS[head])


def flax_class(head):
    return getattr(transformers, "Flax" + HEADS[head])


def tf_model(directory, head, width="float32"):
    from transformers.modeling_tf_utils import keras

    keras.backend.clear_session()
    keras.backend.set_floatx(width)
    try:
        return tf_class(head).from_pretrained(directory, from_pt=True)
    finally:
        keras.backend.set_floatx("float32")


def run_tf(directory, head, inputs, found):
    import tensorflow as tf
    from transformers.modeling_tf_utils import keras

    for width in ("float32", "float64"):
        model = tf_model(directory, head, width)
        keras.backend.set_floatx(width)
        for variant in VARIANTS:
            given = chosen(inputs, head, variant)
            if given is None or (variant == "labels" and head == "pretraining"):
                continue
            given = {k: tf.constant(v.astype(width) if v.dtype.kind == "f" else v) for k, v in given.items()}
            record(found, "tf" + width[-2:], variant, model(given, training=False))
        keras.backend.set_floatx("float32")


def run_flax(directory, head, inputs, found):
    import jax
    import jax.numpy as jnp

    for width, dtype in (("32", jnp.float32), ("64", jnp.float64)):
        with jax.experimental.enable_x64(width == "64"):
            model = flax_class(head).from_pretrained(directory, from_pt=True, dtype=dtype)
            model.params = jax.tree_util.tree_map(lambda x: jnp.asarray(x, dtype), model.params)
            for variant in VARIANTS:
                if variant == "labels":
                    continue
                record(found, "flax" + width, variant, model(**chosen(inputs, head, variant)))


# ---------------------------------------------------------------- writers: format -> files of a case directory


def write_torch(model, out, options):
    """pytorch_model.bin, with the oddities that options name."""
    state = model.state_dict()
    if options.get("ordered", False) is False:
        state = dict(state)
    state = oddities(state, options)
    target = out / options.get("file", "pytorch_model.bin")
    how = {"_use_new_zipfile_serialization": not options.get("legacy", False), "pickle_protocol": options.get("protocol", 2)}
    if options.get("stream"):  # a file object has no name, so the folder inside the archive is called "archive"
        with open(target, "wb") as stream:
            torch.save(state, stream, **how)
    else:
        torch.save(state, target, **how)
    if options.get("deflate"):  # unpacked and zipped again by hand
        with zipfile.ZipFile(target) as old:
            parts = [(i.filename, old.read(i)) for i in old.infolist()]
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
            for name, data in parts:
                new.writestr(name, data)


def oddities(state, options):
    kind = type(state)
    meta = getattr(state, "_metadata", None)
    items = list(state.items())
    if options.get("gamma_beta"):
        items = [(n.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"), t) for n, t in items]
    if options.get("drop_prefix"):
        items = [(n.removeprefix("electra."), t) for n, t in items]
    if "dtype" in options:
        items = [(n, t.to(getattr(torch, options["dtype"])) if t.is_floating_point() else t) for n, t in items]
    if options.get("buffers"):
        P = next(t for n, t in items if n.endswith("position_embeddings.weight")).shape[0]
        at = "electra." if any(n.startswith("electra.") for n, _ in items) else ""
        items.insert(0, (at + "embeddings.position_ids", torch.arange(P).expand(1, -1)))
        if options["buffers"] == "both":
            items.insert(1, (at + "embeddings.token_type_ids", torch.zeros(1, P, dtype=torch.long)))
    if options.get("stray_project"):
        items.append(("electra.embeddings_project.weight", torch.full((5, 3), 2.0)))
        items.append(("electra.embeddings_project.bias", torch.full((5,), 2.0)))
    if options.get("untied_copy"):  # the tied matrix twice, in two storages, as old files have it
        items = [(n, t.clone()) for n, t in items]
    if options.get("drop"):
        items = [(n, t) for n, t in items if n not in options["drop"]]
    if options.get("views"):
        items = views(items)
    if options.get("transposed"):  # not contiguous: stride (1, rows)
        items = [(n, t.t().contiguous().t() if t.dim() == 2 else t) for n, t in items]
    if options.get("parameters"):
        items = [(n, torch.nn.Parameter(t, requires_grad=t.is_floating_point()) if t.is_floating_point() else t) for n, t in items]
    if options.get("prefix"):
        items = [(options["prefix"] + n, t) for n, t in items]
    state = kind(items)
    if meta is not None:
        state._metadata = meta
    for key in reversed(options.get("inside", [])):
        state = {key: state, "epoch": 3, "global_step": 12345678901, "best": 0.5, "name": "tiny", "args": None, "flags": [True, (1, 2.5, "x")]}
    return state


def views(items):
    """Every tensor a slice of one storage, with gaps, as a model trained with flattened parameters saves it."""
    gap, total = 3, sum(t.numel() + 3 for _, t in items)
    flat = torch.full((total,), 9.0, dtype=items[-1][1].dtype)
    at, out = 0, []
    for name, tensor in items:
        at += gap
        flat[at:at + tensor.numel()] = tensor.reshape(-1)
        out.append((name, flat[at:at + tensor.numel()].view(tensor.shape)))
        at += tensor.numel()
    return out


def write_torch_sharded(model, out, options):
    model.save_pretrained(out, safe_serialization=False, max_shard_size=options["shard"])


def write_safetensors(model, out, options):
    if "shard" in options:
        model.save_pretrained(out, safe_serialization=True, max_shard_size=options["shard"])
        return
    state = oddities(dict(model.state_dict()), options)
    if "generator_lm_head.weight" in state and model.config.tie_word_embeddings and not options.get("untied_copy"):
        del state["generator_lm_head.weight"]
    from safetensors.torch import save_file as save_torch

    save_torch({n: t.contiguous() for n, t in state.items()}, out / "model.safetensors",
               metadata=None if options.get("no_metadata") else {"format": "pt"})


def through_torch(model, out):
    """A PyTorch directory for the other frameworks to load from."""
    folder = out.parent / (out.name + ".tmp")
    model.save_pretrained(folder, safe_serialization=False)
    return folder


def write_tf(model, out, options):
    folder = through_torch(model, out)
    written = tf_model(folder, options["head"])
    if options.get("rename"):
        written._name = options["rename"]
    written.save_pretrained(out, safe_serialization=options.get("safe", False),
                            **({"max_shard_size": options["shard"]} if "shard" in options else {}))
    if options.get("fixed_strings"):
        fix_strings(out / "tf_model.h5", options.get("split", 1))
    shutil.rmtree(folder)


def fix_strings(path, split):
    """The lists of names as Keras wrote them until 2022: fixed-length strings; in `split` numbered parts if more than 1,
    as it does when a list passes the 64,512 bytes of an object header."""
    import h5py

    with h5py.File(path, "r+") as file:
        for at in [file] + [file[name] for name in file]:
            for key in ("layer_names", "weight_names"):
                if key not in at.attrs:
                    continue
                names = [n.encode() if isinstance(n, str) else n for n in at.attrs[key]]
                del at.attrs[key]
                if split == 1 or key == "layer_names":
                    at.attrs[key] = np.asarray(names)
                    continue
                for i, part in enumerate(np.array_split(np.asarray(names), split)):
                    at.attrs[f"{key}{i}"] = part


def write_tf_objects(model, out, options):
    """A TF2 object-based checkpoint of the Keras model: what tf.train.Checkpoint or save_weights leaves behind."""
    import tensorflow as tf

    folder = through_torch(model, out)
    written = tf_model(folder, options["head"])
    if options.get("save_weights"):
        written.save_weights(str(out / "weights"), save_format="tf")
    else:
        tf.train.Checkpoint(model=written, step=tf.Variable(7, dtype=tf.int64)).save(str(out / "ckpt"))
    shutil.rmtree(folder)


def write_flax(model, out, options):
    import jax.numpy as jnp
    from flax.serialization import to_bytes

    folder = through_torch(model, out)
    written = flax_class(options["head"]).from_pretrained(folder, from_pt=True)
    if options.get("dtype") == "bfloat16":
        written.params = written.to_bf16(written.params)
    if options.get("dtype") == "float16":
        written.params = written.to_fp16(written.params)
    if "chunk" in options:  # arrays over so many bytes are split, as those over 1 GiB are
        import flax.serialization as serialization

        kept, serialization.MAX_CHUNK_SIZE = serialization.MAX_CHUNK_SIZE, options["chunk"]
        written.save_pretrained(out)
        serialization.MAX_CHUNK_SIZE = kept
    elif options.get("train_state"):  # {"params": ..., "step": ...}: a file of a training loop, which HF does not read
        (out / "flax_model.msgpack").write_bytes(to_bytes({"params": written.params, "step": jnp.array(7)}))
    else:
        written.save_pretrained(out, safe_serialization=options.get("safe", False),
                                **({"max_shard_size": options["shard"]} if "shard" in options else {}))
    shutil.rmtree(folder)


# ---------------------------------------------------------------- Google's TF1 checkpoint


def google_names(tensors, scope, skip=()):
    """PyTorch names and arrays to the names and arrays of google-research/electra, the body under `scope`."""
    out = {}
    for name, array in tensors.items():
        if name in skip:
            continue
        parts = name.split(".")
        if parts[0] == "electra":
            parts[0] = scope
        joined = "/".join(parts).replace("encoder/layer/", "encoder/layer_").replace("dense_prediction", "dense_1")
        joined = joined.replace("generator_lm_head/bias", "generator_predictions/output_bias")
        stem, _, last = joined.rpartition("/")
        if last == "weight" and stem.endswith("_embeddings"):
            joined = stem
        elif "LayerNorm" in stem:
            joined = f"{stem}/{'gamma' if last == 'weight' else 'beta'}"
        elif last == "weight":
            joined, array = f"{stem}/kernel", array.T
        out[joined] = np.ascontiguousarray(array)
    return out


def google_variables(models, seed, options):
    """The variables of one training run: discriminator and generator, their Adam slots, the step."""
    variables = {}
    if "discriminator" in models:
        variables.update(google_names(models["discriminator"], "electra"))
    if "generator" in models:
        own = {"none": (), "body": ("electra.",), "default": ("electra.embeddings.",)}[options.get("shared", "default")]
        body = {n: a for n, a in models["generator"].items() if not n.startswith(own)}
        variables.update(google_names(body, "generator", skip=("generator_lm_head.weight",)))
    for name, shape in options.get("extra", {}).items():
        variables[name] = numbers(name, shape, seed, 0.3)
    slots = {}
    if options.get("adam", True):
        for name, array in variables.items():
            slots[name + "/adam_m"] = numbers(name + "/adam_m", array.shape, seed, 1e-3)
            slots[name + "/adam_v"] = numbers(name + "/adam_v", array.shape, seed, 1e-3) ** 2
    variables.update(slots)
    return variables


def write_tf1(variables, out, options):
    import tensorflow as tf

    v1 = tf.compat.v1
    shards = options.get("shards", 1)
    graph = v1.Graph()
    with graph.as_default():
        v1.disable_resource_variables()
        made, fill = [], []
        for i, (name, array) in enumerate(sorted(variables.items())):
            with v1.device(f"/cpu:{i % shards}"):
                made.append(v1.get_variable(name, shape=array.shape, dtype=array.dtype, initializer=v1.zeros_initializer(), use_resource=False))
                value = v1.placeholder(array.dtype, array.shape)
                fill.append((v1.assign(made[-1], value), value, array))
        with v1.device("/cpu:0"):
            step = v1.train.get_or_create_global_step()
        saver = v1.train.Saver(sharded=shards > 1)
        with v1.Session(config=v1.ConfigProto(device_count={"CPU": max(1, shards)})) as session:
            session.run(v1.global_variables_initializer())
            for assign, value, array in fill:
                session.run(assign, {value: array})
            session.run(v1.assign(step, options.get("step", 1000)))
            saver.save(session, str(out / "model.ckpt"), global_step=options.get("step", 1000),
                       write_meta_graph=options.get("meta", False))


# ---------------------------------------------------------------- directories


def write_vocabulary(out, size, options):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"w{i}" for i in range(size - 5)]
    ending = "\r\n" if options.get("crlf") else "\n"
    text = ending.join(words) + ("" if options.get("no_last_newline") else ending)
    (out / "vocab.txt").write_bytes((b"\xef\xbb\xbf" if options.get("bom") else b"") + text.encode())
    if options.get("tokenizer_config") is not None:
        (out / "tokenizer_config.json").write_text(json.dumps(options["tokenizer_config"], indent=2))
    if options.get("added_tokens"):
        (out / "added_tokens.json").write_text(json.dumps(options["added_tokens"]))


def write_config(config, out, options):
    """config.json, changed as options ask: set, drop, or raw text round it (a byte order mark)."""
    fields = json.loads(config.to_json_string(use_diff=options.get("diff", True)))
    fields.update(options.get("set", {}))
    for key in options.get("drop", []):
        fields.pop(key, None)
    text = json.dumps(fields, indent=2, sort_keys=True) + "\n"
    if options.get("absent"):
        (out / "config.json").unlink(missing_ok=True)
    else:
        (out / "config.json").write_text(text)


class Harmless:
    """What a hostile pickle does, without harm: asks for a function that no reader may call."""

    def __reduce__(self):
        return (os.path.exists, ("nowhere",))


def write_hostile(out, options):
    if options["kind"] == "call":
        state = {"electra.embeddings.word_embeddings.weight": Harmless()}
        torch.save(state, out / "pytorch_model.bin", _use_new_zipfile_serialization=not options.get("legacy", False))
    elif options["kind"] == "plain":
        (out / "pytorch_model.bin").write_bytes(pickle.dumps({"a": 1}, protocol=2))
    elif options["kind"] == "truncated":
        path = out / options["file"]
        path.write_bytes(path.read_bytes()[:options["keep"]])
    elif options["kind"] == "patched":  # bytes at an offset, counted from the end if negative
        path = out / options["file"]
        data = bytearray(path.read_bytes())
        at = options["at"] if options["at"] >= 0 else len(data) + options["at"]
        new = bytes.fromhex(options["hex"])
        data[at:at + len(new)] = new
        path.write_bytes(bytes(data))


WRITERS = {
    "torch": write_torch, "torch-sharded": write_torch_sharded, "safetensors": write_safetensors,
    "tf": write_tf, "tf-objects": write_tf_objects, "flax": write_flax,
}


def write_case(case, spec, root, seed):
    out = root / "cases" / case["name"]
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    options = dict(case.get("options", {}))
    head = case.get("head", "model")
    fields = spec["models"][case["model"]]
    if case["format"] == "tf1":
        models = {}
        for part, (model_name, part_head) in case["parts"].items():
            models[part] = named_tensors(torch_model(spec["models"][model_name], part_head, seed), part_head)
        write_tf1(google_variables(models, seed, options), out, options)
        if case.get("config", {}).get("google", False):
            write_config(config_of(fields, head), out, {"diff": False, **case["config"]})
    else:
        model = torch_model(fields, head, seed)
        options["head"] = head
        WRITERS[case["format"]](model, out, options)
        for stray in ("generation_config.json",):
            (out / stray).unlink(missing_ok=True)
        write_config(config_of(fields, head), out, case.get("config", {}))
    if "vocabulary" in case:
        write_vocabulary(out, fields["vocab_size"], case["vocabulary"])
    if case.get("trainer_files"):
        args = {"learning_rate": 5e-5, "output_dir": "out"}
        torch.save(args, out / "training_args.bin")
        torch.save({"state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.zeros(2, 2)}}, "param_groups": [{"lr": 5e-5, "params": [0]}]}, out / "optimizer.pt")
        torch.save({"last_epoch": 3, "_last_lr": [5e-5]}, out / "scheduler.pt")
        (out / "trainer_state.json").write_text('{"epoch": 3.0, "best_metric": NaN, "log_history": []}\n')
    if "hostile" in case:
        write_hostile(out, case["hostile"])


def write_model(name, spec, root, seed, heads):
    """models/NAME: configuration, inputs, tensors, and what each framework makes of them."""
    fields = spec["models"][name]
    out = root / "models" / name
    out.mkdir(parents=True, exist_ok=True)
    inputs = inputs_of(fields, seed)
    save_file(inputs, out / "inputs.safetensors")
    for head in heads:
        model = torch_model(fields, head, seed)
        tensors = named_tensors(model, head)
        body = {n: a for n, a in tensors.items() if n.startswith("electra.")}
        own = {n: np.ascontiguousarray(a) for n, a in tensors.items() if not n.startswith("electra.")}
        save_file({n: np.ascontiguousarray(a) for n, a in body.items()}, out / "tensors.safetensors")
        if own:
            save_file(own, out / f"{head}.tensors.safetensors")
        write_config(model.config, out, {"diff": False})
        (out / "config.json").rename(out / f"{head}.config.json")
        folder = out / "tmp"
        model.save_pretrained(folder, safe_serialization=False)
        found = {}
        run_torch(model, head, inputs, found)
        if head in TF_HEADS and "tf" not in fields.get("_without", []):
            run_tf(folder, head, inputs, found)
        if "flax" not in fields.get("_without", []):
            run_flax(folder, head, inputs, found)
        save_file(found, out / f"{head}.outputs.safetensors")
        shutil.rmtree(folder)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=Path)
    p.add_argument("--spec", type=Path, default=Path(__file__).with_name("checkpoints.json"))
    p.add_argument("--seed", type=int)
    p.add_argument("--only", nargs="*", help="these cases and no models")
    a = p.parse_args()
    spec = json.loads(a.spec.read_text())
    seed = spec["seed"] if a.seed is None else a.seed
    wanted = collections.defaultdict(set)
    for case in spec["cases"]:
        for model, head in case.get("parts", {"": (case["model"], case.get("head", "model"))}).values():
            wanted[model].add(head)
    for name, heads in spec.get("also", {}).items():
        wanted[name].update(heads)
    if a.only is None:
        for name in spec["models"]:
            print(f"model {name}", file=sys.stderr)
            write_model(name, spec, a.folder, seed, sorted(wanted[name]))
    for case in spec["cases"]:
        if a.only is None or case["name"] in a.only:
            print(f"case {case['name']}", file=sys.stderr)
            write_case(case, spec, a.folder, seed)
    keep = [{k: v for k, v in c.items() if k not in ("hostile",)} for c in spec["cases"]]
    (a.folder / "manifest.json").write_text(json.dumps({"seed": seed, "models": spec["models"], "cases": keep}, indent=1) + "\n")


if __name__ == "__main__":
    main()
