#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small files of weights, written by the packages that own their formats, with what is in them.

    make_foreign.py            writes tests/checkpoint/foreign

Needs transformers 4.44.2 with TensorFlow 2.15 and Flax 0.7, h5py and safetensors. NAME.safetensors beside a file holds its
tensors by the names that pleione gives them; foreign.c compares.
"""
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import flax.serialization as flax_serialization
import h5py
import jax.numpy as jnp
import numpy as np
import tensorflow as tf
from safetensors.torch import save_file
import torch

FOLDER = Path(__file__).parent / "foreign"
random = np.random.default_rng(7)


def floats(*shape):
    return random.standard_normal(shape).astype(np.float32)


def expect(name, tensors):
    def convert(array):
        array = np.asarray(array)
        if array.dtype.name == "bfloat16":
            return torch.from_numpy(array.view(np.int16).copy()).view(torch.bfloat16)
        return torch.from_numpy(np.array(array, order="C"))

    save_file({k: convert(v) for k, v in tensors.items()}, FOLDER / f"{name}.safetensors")


# ---------------------------------------------------------------- TensorFlow bundles

v1 = tf.compat.v1
v1.disable_resource_variables()


def part_of(array):
    """The initializer of a partitioned variable: it is asked for one part at a time."""
    def fill(shape, dtype=None, partition_info=None):
        begin = partition_info.var_offset if partition_info else [0] * len(shape)
        return tf.constant(array[tuple(slice(b, b + n) for b, n in zip(begin, shape))])

    return fill


def save_bundle(name, tensors, shards=1, partitions={}):
    """partitions: for a name, into how many parts, and along which axis."""
    with v1.Graph().as_default():
        made, fill = [], []
        for i, (key, array) in enumerate(sorted(tensors.items())):
            with v1.device(f"/cpu:{i % shards}"):
                partitioner = v1.fixed_size_partitioner(*partitions[key]) if key in partitions else None
                made.append(v1.get_variable(key, dtype=tf.as_dtype(np.asarray(array).dtype), shape=np.shape(array),
                                            initializer=part_of(array) if partitioner else v1.constant_initializer(array),
                                            partitioner=partitioner))
        saver = v1.train.Saver(sharded=shards > 1)
        with v1.Session(config=v1.ConfigProto(device_count={"CPU": shards})) as session:
            session.run(v1.global_variables_initializer())
            saver.save(session, str(FOLDER / name), write_meta_graph=False, write_state=False)


def objects():
    """What tf.train.Checkpoint leaves: texts among the variables, so that all behind them lie unaligned."""
    root = tf.train.Checkpoint(odd=tf.Variable([True, False, True]), weight=tf.Variable(floats(3, 5)), step=tf.Variable(7, dtype=tf.int64))
    root.write(str(FOLDER / "objects"))
    end = "/.ATTRIBUTES/VARIABLE_VALUE"
    expect("objects", {"odd" + end: root.odd.numpy(), "weight" + end: root.weight.numpy(), "step" + end: root.step.numpy()})


def bundles():
    kinds = {
        "f32": floats(4, 3), "f64": random.standard_normal(5), "f16": floats(7).astype(np.float16),
        "bf16": floats(2, 3).astype(jnp.bfloat16), "i32": np.arange(3, dtype=np.int32), "i64": np.arange(2), "i16": np.arange(5, dtype=np.int16),
        "i8": np.arange(3, dtype=np.int8), "u8": np.arange(7, dtype=np.uint8), "scalar": np.float32(2.5), "empty": np.zeros((0, 4), np.float32),
        "layer/with/a/long/name/kernel": floats(6, 2), "layer/with/a/long/name/bias": floats(2), "flag": np.array([True, False, True]),
    }
    save_bundle("two", kinds, shards=2)
    expect("two", kinds)
    objects()


def partitioned():
    parts = {"rows": (floats(5, 2), (2, 0)), "columns": (floats(3, 7), (3, 1)), "middle": (floats(2, 70, 3), (3, 1)),
             "long": (np.arange(20000).astype(np.int8), (2, 0)), "one": (floats(3, 3), (1, 0)), "whole": (floats(2), None)}
    save_bundle("sliced", {k: v for k, (v, _) in parts.items()}, partitions={k: p for k, (_, p) in parts.items() if p})
    expect("sliced", {k: v for k, (v, _) in parts.items()})


# ---------------------------------------------------------------- Flax


def flat(tree, prefix=""):
    out = {}
    for key, value in tree.items():
        out.update(flat(value, f"{prefix}{key}/") if isinstance(value, dict) else {prefix + key: np.asarray(value)})
    return out


def flax():
    tree = {
        "f32": floats(4, 3), "deep": {"er": {"kernel": floats(2, 2), "bias": floats(2)}}, "f16": jnp.asarray(floats(3), jnp.float16),
        "bf16": jnp.asarray(floats(3), jnp.bfloat16), "i32": np.arange(4, dtype=np.int32), "u8": np.arange(3, dtype=np.uint8),
        "scalar": np.float32(1.5), "empty": np.zeros((0, 3), np.float32), "f64": random.standard_normal(3), "flag": np.array([True, False]),
    }
    (FOLDER / "tree.msgpack").write_bytes(flax_serialization.to_bytes(tree))
    expect("tree", flat(tree))
    kept, flax_serialization.MAX_CHUNK_SIZE = flax_serialization.MAX_CHUNK_SIZE, 16
    chunked = {"long": floats(3, 15), "short": floats(2)}
    (FOLDER / "chunked.msgpack").write_bytes(flax_serialization.to_bytes(chunked))
    flax_serialization.MAX_CHUNK_SIZE = kept
    expect("chunked", chunked)
    model = {"w": floats(2, 3), "inner": {"b": floats(3)}}
    state = {"step": jnp.array(7), "params": {"params": model}, "opt_state": {"0": {"mu": {"w": floats(2, 3)}}, "1": None}}
    (FOLDER / "training.msgpack").write_bytes(flax_serialization.to_bytes(state))
    del state["opt_state"]["1"]
    expect("training", flat(state))


# ---------------------------------------------------------------- HDF5


def keras(path, layers, fixed=False, split=1, **how):
    """As Keras lays a model's weights out: a group for each layer, lists of names beside them."""
    with h5py.File(path, "w") as file:
        def names(at, key, values):
            values = [v.encode() for v in values] if fixed else values
            parts = [values] if split == 1 else [list(p) for p in np.array_split(values, split)]
            for i, part in enumerate(parts):
                kind = np.float64 if not part and not fixed else None if fixed else h5py.string_dtype()
                at.attrs[key if split == 1 else f"{key}{i}"] = np.asarray(part, dtype=kind) if part else np.zeros(0)

        names(file, "layer_names", list(layers))
        file.attrs["backend"] = "tensorflow"
        for layer, weights in layers.items():
            group = file.create_group(layer)
            names(group, "weight_names", list(weights))
            for name, value in weights.items():
                group.create_dataset(name, data=value, **(how if np.ndim(value) else {}))


def hdf5():
    table = floats(5, 4)
    layers = {
        "electra": {"tf_model/electra/embeddings/weight:0": table, "tf_model/electra/dense/kernel:0": floats(4, 3), "tf_model/electra/dense/bias:0": floats(3)},
        "head": {"tf_model/head/bias:0": floats(5), "tf_model/electra/embeddings/weight:0": table, "tf_model/head/half:0": floats(3).astype(np.float16)},
        "dropout_4": {},
    }
    expected = {w: v for weights in layers.values() for w, v in weights.items()}
    for name, how in {"plain": {}, "fixed": {"fixed": True}, "split": {"split": 2}, "packed": {"chunks": True, "compression": "gzip"}}.items():
        keras(FOLDER / f"{name}.h5", layers, **how)
        expect(name, expected)
    different = {"electra": {"m/electra/w:0": floats(3)}, "head": {"m/electra/w:0": floats(3)}}
    keras(FOLDER / "different.h5", different)
    expect("different", {"m/electra/w:0": different["electra"]["m/electra/w:0"]})
    with h5py.File(FOLDER / "shard.h5", "w") as file:
        weights = {"electra/dense/kernel:0": floats(3, 2), "head/bias:0": floats(2)}
        file.attrs["layer_names"] = [n.encode() for n in weights]
        for name, value in weights.items():
            file.create_dataset(name, data=value)
    expect("shard", {n: v for n, v in weights.items()})
    with h5py.File(FOLDER / "wide.h5", "w") as file:
        file.create_dataset("group/be", data=np.arange(3, dtype=">f4"))
        file.create_dataset("group/i64", data=np.arange(3))
        file.create_dataset("group/scalar", data=np.float32(4))
        file.create_dataset("group/empty", data=np.zeros((0, 2), np.float32))
        file.create_dataset("group/text", data=np.array([b"a", b"b"]))
        file["group/again"] = h5py.SoftLink("/group/i64")
        file["group/out"] = h5py.ExternalLink("other.h5", "/x")
        file["group/loop"] = file["/"]
    expect("wide", {"group/be": np.arange(3, dtype=np.float32), "group/i64": np.arange(3), "group/scalar": np.float32(4), "group/empty": np.zeros((0, 2), np.float32)})


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    flax()
    hdf5()
    bundles()
    partitioned()
