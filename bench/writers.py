# SPDX-License-Identifier: Apache-2.0
"""Other engines that write on with a decoder (ForCausalLM), greedily and with a cache, each behind one function:

    open_writer(NAME, model directory, cache directory, threads) -> prepare
    prepare(ids [batch, length], new tokens) -> run      a call writes and returns (seconds to the first token, seconds a token after it)

ONNX Runtime has a model whose inputs and outputs are the keys and values of the past, made once and kept in the cache directory.
"""
import os
import pathlib
import time

from engines import Unavailable


def load_decoder(directory):
    from transformers import ElectraForCausalLM

    return ElectraForCausalLM.from_pretrained(directory, attn_implementation="sdpa").eval()


class Watch:
    """The times of tokens; `generate` gives it the prompt first."""

    def __init__(self):
        self.times = []

    def put(self, ids):
        self.times.append(time.perf_counter())

    def end(self):
        pass

    def rates(self, begin):
        first, last = self.times[0], self.times[-1]
        return first - begin, (last - first) / max(len(self.times) - 1, 1)


def pytorch(directory, cache, threads):
    import torch

    torch.set_num_threads(threads)
    model = load_decoder(directory)

    def prepare(ids, new_tokens):
        tensor = torch.tensor(ids)
        mask = torch.ones_like(tensor)

        def run():
            watch, begin = Watch(), time.perf_counter()
            with torch.inference_mode():
                model.generate(tensor, attention_mask=mask, do_sample=False, pad_token_id=0, max_new_tokens=new_tokens,
                               min_new_tokens=new_tokens, streamer=watch)
            watch.times = watch.times[1:]
            return watch.rates(begin)

        return run

    return prepare


def cached_step(model):
    """ids [batch, n] and the past of each layer -> logits of the last one [batch, vocabulary] and the longer past."""
    import torch

    heads = model.config.num_attention_heads

    class Step(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def attend(self, layer, x, key, value):
            own = layer.attention.self

            def split(y):
                return y.view(y.shape[0], y.shape[1], heads, -1).transpose(1, 2)

            key = torch.cat([key, split(own.key(x))], 2)
            value = torch.cat([value, split(own.value(x))], 2)
            query, n, all_keys = split(own.query(x)), x.shape[1], key.shape[2]
            later = torch.arange(all_keys)[None, :] > (all_keys - n + torch.arange(n))[:, None]
            scores = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5
            mixed = scores.masked_fill(later, torch.finfo(torch.float32).min).softmax(-1) @ value
            return layer.attention.output(mixed.transpose(1, 2).reshape(x.shape), x), key, value

        def forward(self, input_ids, *past):
            embeddings, encoder = self.model.electra.embeddings, self.model.electra.encoder
            places = past[0].shape[2] + torch.arange(input_ids.shape[1])
            x = embeddings.word_embeddings(input_ids) + embeddings.position_embeddings(places)[None]
            x = embeddings.LayerNorm(x + embeddings.token_type_embeddings(torch.zeros_like(input_ids)))
            if hasattr(self.model.electra, "embeddings_project"):
                x = self.model.electra.embeddings_project(x)
            longer = []
            for i, layer in enumerate(encoder.layer):
                x, key, value = self.attend(layer, x, past[2 * i], past[2 * i + 1])
                x = layer.output(layer.intermediate(x), x)
                longer += [key, value]
            return (self.model.generator_lm_head(self.model.generator_predictions(x[:, -1])), *longer)

    return Step().eval()


def past_names(config, prefix):
    return [f"{prefix}_{kind}_{i}" for i in range(config.num_hidden_layers) for kind in ("key", "value")]


def empty_past(config, batch, zeros):
    shape = (batch, config.num_attention_heads, 0, config.hidden_size // config.num_attention_heads)
    return [zeros(shape) for _ in range(2 * config.num_hidden_layers)]


def check_step(model, step, ids):
    """What is exported is what the model computes."""
    import torch

    with torch.inference_mode():
        whole = model(ids).logits[:, -1]
        past = step(ids[:, :-1], *empty_past(model.config, len(ids), torch.zeros))[1:]
        difference = (step(ids[:, -1:], *past)[0] - whole).abs().max().item()
    if not difference <= 1e-3 * (1 + whole.abs().max().item()):
        raise Unavailable(f"the exported step differs from the model by {difference}")


def onnx_step(directory, cache):
    import torch

    path = pathlib.Path(cache) / "step.onnx"
    if path.exists():
        return str(path)
    model = load_decoder(directory)
    ids, step = torch.ones(1, 4, dtype=torch.long), cached_step(model)
    check_step(model, step, torch.randint(5, model.config.vocab_size, (2, 7)))
    with torch.inference_mode():
        past = step(ids, *empty_past(model.config, 1, torch.zeros))[1:]
    before, after = past_names(model.config, "past"), past_names(model.config, "now")
    axes = {"input_ids": {0: "batch", 1: "new"}, "logits": {0: "batch"}}
    axes |= {name: {0: "batch", 2: "length"} for name in before} | {name: {0: "batch", 2: "longer"} for name in after}
    part = path.with_suffix(f".part{os.getpid()}")
    torch.onnx.export(step, (ids, *past), str(part), input_names=["input_ids", *before], output_names=["logits", *after],
                      dynamic_axes=axes, opset_version=17, dynamo=False)
    part.rename(path)
    return str(path)


def onnxruntime(directory, cache, threads):
    import numpy as np
    import onnxruntime as ort
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(directory)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(onnx_step(directory, cache), options, providers=["CPUExecutionProvider"])
    before, after = past_names(config, "past"), past_names(config, "now")

    def prepare(ids, new_tokens):
        def run():
            watch, begin, token = Watch(), time.perf_counter(), ids
            past = [ort.OrtValue.ortvalue_from_numpy(x)
                    for x in empty_past(config, len(ids), lambda shape: np.zeros(shape, np.float32))]
            for _ in range(new_tokens):
                feed = dict(zip(before, past)) | {"input_ids": ort.OrtValue.ortvalue_from_numpy(token)}
                logits, *past = session.run_with_ort_values(["logits", *after], feed)
                token = logits.numpy().argmax(-1)[:, None]
                watch.put(token)
            return watch.rates(begin)

        return run

    return prepare


WRITERS = {"onnxruntime": onnxruntime, "pytorch": pytorch}


def open_writer(name, directory, cache, threads):
    return WRITERS[name](directory, cache, threads)
