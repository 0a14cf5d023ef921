#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records what `generate` of transformers 5 gives: make_cases.py DIR

Two small random decoders, one of which looks at a source, go into folders of their own; cases.json has prompts, options, and the
new tokens of each; draws.json has the same of drawn sequences, with the draws of generation/filter.c in the place of torch's;
stops.json has what the tokens of stop are by a model's files; filters.json has rows of logits and the distribution that processors
and warpers leave of them. A case is kept only if its tokens stay under noise of 1e-3 on all scores, so that rounding decides
nothing. The tests replay them without Python.
"""
import json
import pathlib
import shutil
import sys
import tempfile

import torch
import transformers
from safetensors.torch import save_file
from transformers.generation.logits_process import (LogitsProcessor, LogitsProcessorList, MinNewTokensLengthLogitsProcessor,
                                                    NoRepeatNGramLogitsProcessor, RepetitionPenaltyLogitsProcessor,
                                                    TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper,
                                                    TypicalLogitsWarper)

BASE = dict(vocab_size=50, embedding_size=8, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20,
            max_position_embeddings=40, type_vocab_size=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
            is_decoder=True)
SOURCE = 5
LOOKING = ("greedy", "greedy, stop", "beams, n best", "beams, stop")


class Noise(LogitsProcessor):
    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, input_ids, scores):
        return scores + 1e-3 * (torch.rand(scores.shape, generator=self.generator, dtype=scores.dtype) - 0.5)


def make_model(folder, name, seed, **more):
    torch.manual_seed(seed)
    model = transformers.ElectraForCausalLM(transformers.ElectraConfig(**BASE, **more)).eval()
    with torch.no_grad():
        for key, p in model.named_parameters():
            p.copy_(torch.randn_like(p) * 0.5 + (1.0 if key.endswith("LayerNorm.weight") else 0.0))
    model.tie_weights()
    model.save_pretrained(folder / name)
    (folder / name / "generation_config.json").unlink(missing_ok=True)
    return model


def generate(model, prompts, options, sources, noise=None):
    """Of each prompt alone: [[ids of a sequence], ...], [scores]"""
    all_ids, all_scores = [], []
    for i, prompt in enumerate(prompts):
        more = {}
        if sources is not None:  # with its cache the reference fails here
            more = {"use_cache": False, "encoder_hidden_states": sources[i:i + 1], "encoder_attention_mask": torch.ones(1, SOURCE, dtype=torch.long)}
        ids = torch.tensor([prompt])
        out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, pad_token_id=0,
                             return_dict_in_generate=True, output_scores=True,
                             logits_processor=LogitsProcessorList([Noise(noise)] if noise else []), **options, **more)
        new = out.sequences[:, len(prompt):].tolist()
        stop = set(options.get("eos_token_id") or [])
        for n, row in enumerate(new):  # what follows the end is padding
            end = next((j + 1 for j, t in enumerate(row) if t in stop), len(row))
            new[n] = row[:end]
        all_ids.append(new)
        all_scores.append(out.sequences_scores.tolist() if options.get("num_beams", 1) > 1 else [0.0] * len(new))
    return all_ids, all_scores


def philox(key, counter):
    a, b, c, d = counter
    k0, k1 = key
    for _ in range(10):
        p, q = 0xd2511f53 * a, 0xcd9e8d57 * c
        a, b, c, d = (q >> 32) ^ b ^ k0, q & 0xffffffff, (p >> 32) ^ d ^ k1, p & 0xffffffff
        k0, k1 = (k0 + 0x9e3779b9) & 0xffffffff, (k1 + 0xbb67ae85) & 0xffffffff
    return a, b, c, d


class Draws:
    """torch.multinomial with the draws of a seed: rank by rank of a step; none twice. It notes draws near a seam. When only those
    of probability 0 are left, where torch takes any, the best one is taken."""
    def __init__(self, seed, number):
        self.seed, self.number, self.step, self.unsure, self.scores = seed, number, 0, False, None

    def watch(self, model):
        continue_beams = type(model)._get_top_k_continuations

        def note(accumulated_log_probs, **more):
            self.scores = accumulated_log_probs
            return continue_beams(model, accumulated_log_probs=accumulated_log_probs, **more)
        model._get_top_k_continuations = note
        torch.multinomial = self

    def __call__(self, p, num_samples):
        out = torch.zeros(p.shape[0], num_samples, dtype=torch.long)
        for row in range(p.shape[0]):
            left = p[row].double().clone()
            for i in range(num_samples):
                a, b, _, _ = philox((self.seed, 0), (self.step, row if p.shape[0] > 1 else i, self.number, 0))
                u = ((a << 32 | b) >> 11) * 2.0 ** -53 * left.sum().item()
                sums = left.cumsum(0)
                if left.sum().item() == 0:
                    scores = self.scores[row].clone()
                    scores[(p[row] > 0).nonzero().flatten()] = -float("inf")
                    scores[out[row, :i]] = -float("inf")
                    out[row, i] = int(scores.argmax())
                    continue
                self.unsure |= left.sum().item() < 1e-12 or (sums - u).abs().min().item() < 1e-4 * left.sum().item()
                out[row, i] = int((sums <= u).sum())
                left[out[row, i]] = 0
        self.step += 1
        return out


def make_draws(folder, model):
    cases = []
    for form, options in [
        ("plain", dict(max_new_tokens=10)),
        ("three", dict(max_new_tokens=10, num_return_sequences=3, temperature=0.7, top_k=12)),
        ("top p, stop", dict(max_new_tokens=16, top_p=0.8, top_k=0, eos_token_id=[7, 12, 31], min_new_tokens=3)),
        ("typical, no repeats", dict(max_new_tokens=12, typical_p=0.7, repetition_penalty=1.2, no_repeat_ngram_size=2)),
        ("beams", dict(max_new_tokens=8, num_beams=4, num_return_sequences=4, temperature=2.0)),
        ("beams, stop", dict(max_new_tokens=12, num_beams=3, num_return_sequences=2, eos_token_id=[7, 12], top_k=20, temperature=1.5)),
        ("beams, narrow", dict(max_new_tokens=8, num_beams=2, num_return_sequences=2, eos_token_id=[7, 12, 31], top_k=1, top_p=0.1)),
        ("beams, typical", dict(max_new_tokens=8, num_beams=3, num_return_sequences=3, typical_p=0.3, temperature=2.0,
                                repetition_penalty=1.3, eos_token_id=[5], length_penalty=2.0)),
    ]:
        for seed in range(500):
            torch.manual_seed(seed)
            prompts = [torch.randint(0, 50, (n,)).tolist() for n in (1, 4, 9)]
            kept, unsure, ids, scores = torch.multinomial, False, [], []
            for number, prompt in enumerate(prompts):
                draws = Draws(seed, number)
                draws.watch(model)
                out = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                                     do_sample=True, pad_token_id=0, return_dict_in_generate=True, output_scores=True,
                                     **{"top_k": 50, **options})
                torch.multinomial = kept
                unsure |= draws.unsure
                stop = set(options.get("eos_token_id") or [])
                new = out.sequences[:, len(prompt):].tolist()
                ids.append([row[:next((j + 1 for j, t in enumerate(row) if t in stop), len(row))] for row in new])
                scores.append(out.sequences_scores.tolist() if options.get("num_beams", 1) > 1 else [0.0] * len(new))
                if unsure:
                    break
            if not unsure:
                break
        else:
            sys.exit(f"{form}: no draws that rounding does not change")
        cases.append({"model": "writer", "name": form, "options": {"do_sample": True, "seed": seed, **options}, "prompts": prompts,
                      "ids": ids, "scores": scores})
        print("draws", form, "seed", seed)
    (folder / "draws.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")


def make_stops(folder):
    """A key that is missing is not the same as null."""
    rows = []
    missing = "missing"
    config = json.loads((folder / "writer" / "config.json").read_text())
    prompt = torch.tensor([[3, 14, 15]])
    for of_config, of_generation in [(missing, None), (None, None), (25, None), ([7, 12, 25], None), (25, {"eos_token_id": 29}),
                                     (25, {}), (25, {"eos_token_id": None}), (None, {"eos_token_id": [12, 25]}),
                                     (missing, {"eos_token_id": 25, "max_length": 20})]:
        with tempfile.TemporaryDirectory() as copy:
            copy = pathlib.Path(copy)
            shutil.copy(folder / "writer" / "model.safetensors", copy)
            own = {k: v for k, v in config.items() if k != "eos_token_id"} | ({} if of_config == missing else {"eos_token_id": of_config})
            (copy / "config.json").write_text(json.dumps(own))
            if of_generation is not None:
                (copy / "generation_config.json").write_text(json.dumps(of_generation))
            model = transformers.ElectraForCausalLM.from_pretrained(copy).eval()
            ids = model.generate(prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=25, pad_token_id=0)
            rows.append({"config": {} if of_config == missing else {"eos_token_id": of_config}, "generation_config": of_generation,
                         "prompt": prompt[0].tolist(), "ids": ids[0, 3:].tolist()})
            print("stops", of_config, of_generation, len(rows[-1]["ids"]))
    (folder / "stops.json").write_text("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")


def make_searches(folder):
    cases = []
    models = {"writer": make_model(folder, "writer", 5), "looker": make_model(folder, "looker", 6, add_cross_attention=True)}
    torch.manual_seed(11)
    source = 2 * torch.randn(3, SOURCE, BASE["hidden_size"])
    save_file({"source": source}, folder / "source.safetensors")
    forms = [
        ("greedy", dict(max_new_tokens=12)),
        ("greedy, stop", dict(max_new_tokens=20, eos_token_id=[7, 12, 31])),
        ("greedy, stop, least", dict(max_new_tokens=20, min_new_tokens=6, eos_token_id=[7, 12, 31, 3, 22, 40])),
        ("greedy, repetition", dict(max_new_tokens=16, repetition_penalty=1.7)),
        ("greedy, no repeats of 2", dict(max_new_tokens=20, no_repeat_ngram_size=2)),
        ("greedy, no repeats of 1", dict(max_new_tokens=20, no_repeat_ngram_size=1)),
        ("beams", dict(max_new_tokens=10, num_beams=4)),
        ("beams, n best", dict(max_new_tokens=8, num_beams=5, num_return_sequences=3)),
        ("beams, stop", dict(max_new_tokens=14, num_beams=4, num_return_sequences=4, eos_token_id=[7, 12])),
        ("beams, stop, long", dict(max_new_tokens=14, num_beams=3, num_return_sequences=2, eos_token_id=[7], length_penalty=2.0)),
        ("beams, stop, short", dict(max_new_tokens=14, num_beams=3, num_return_sequences=3, eos_token_id=[5, 9],
                                    length_penalty=-1.0)),
        ("beams, stop, early", dict(max_new_tokens=14, num_beams=3, num_return_sequences=3, eos_token_id=[7, 12],
                                    early_stopping=True)),
        ("beams, least, repetition, no repeats", dict(max_new_tokens=12, min_new_tokens=5, num_beams=4, eos_token_id=[7, 12, 31],
                                                      repetition_penalty=1.3, no_repeat_ngram_size=2)),
        ("beams, no penalty of length", dict(max_new_tokens=10, num_beams=2, num_return_sequences=2, eos_token_id=[7, 12],
                                             length_penalty=0.0)),
    ]
    for name, model in models.items():
        sources = source if name == "looker" else None
        for form, options in forms:
            if sources is not None and form not in LOOKING:
                continue
            for seed in range(100):
                torch.manual_seed(seed)
                prompts = [torch.randint(0, 50, (n,)).tolist() for n in (1, 4, 9)]
                ids, scores = generate(model, prompts, options, sources)
                if all(generate(model, prompts, options, sources, noise)[0] == ids for noise in (1, 2)):
                    break
            else:
                sys.exit(f"{form}: no prompts whose tokens rounding does not change")
            if sources is None and form == "greedy":  # padded on the left they are the same
                width = max(map(len, prompts))
                batch = torch.tensor([[0] * (width - len(p)) + p for p in prompts])
                mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
                out = model.generate(batch, attention_mask=mask, do_sample=False, pad_token_id=0, **options)
                assert out[:, width:].tolist() == [row[0] for row in ids], "left padding changes tokens"
            cases.append({"model": name, "name": form, "options": options, "prompts": prompts, "ids": ids, "scores": scores})
            print(name, form, "seed", seed)
    (folder / "cases.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
    make_draws(folder, models["writer"])
    make_stops(folder)


def make_texts(folder):
    """What the pipeline text-generation writes with `writer` and a vocabulary of letters."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", ".", ","]
    words += [chr(ord("a") + i) for i in range(20)] + ["##" + chr(ord("a") + i) for i in range(20)]
    (folder / "writer" / "vocab.txt").write_text("\n".join(words) + "\n")
    (folder / "writer" / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True, "tokenizer_class": "ElectraTokenizer"}))
    model = transformers.ElectraForCausalLM.from_pretrained(folder / "writer").eval()
    tokenizer = transformers.ElectraTokenizer.from_pretrained(folder / "writer")
    pipe = transformers.pipeline("text-generation", model=model, tokenizer=tokenizer, device="cpu")
    rows = []
    for options, named in [
        (dict(max_new_tokens=8), {"max-new-tokens": "8"}),
        (dict(max_new_tokens=8, add_special_tokens=False), {"max-new-tokens": "8", "no-special": "yes"}),
        (dict(max_new_tokens=12, eos_token_id=[9, 13]), {"max-new-tokens": "12", "stop": "##f,t"}),
        (dict(max_new_tokens=6, num_beams=3, num_return_sequences=2), {"max-new-tokens": "6", "beams": "3", "n-best": "2"}),
        (dict(max_new_tokens=9, repetition_penalty=1.4, no_repeat_ngram_size=2),
         {"max-new-tokens": "9", "repetition-penalty": "1.4", "no-repeat-ngram": "2"}),
    ]:
        if "stop" in named:  # tokens by their texts
            options["eos_token_id"] = [words.index(w) for w in named["stop"].split(",")]
        special = options.pop("add_special_tokens", True)
        for text in ("The cat sat", "the CAT, the dog", "a", "Wow! \u00e9 ."):
            ids = tokenizer(text, add_special_tokens=special)["input_ids"]
            out = pipe(text, do_sample=False, pad_token_id=0, add_special_tokens=special, **options)
            tensors = pipe(text, do_sample=False, pad_token_id=0, add_special_tokens=special, return_tensors=True, **options)
            stop = set(options.get("eos_token_id") or [])
            new = [t["generated_token_ids"][len(ids):] for t in tensors]
            new = [row[:next((j + 1 for j, t in enumerate(row) if t in stop), len(row))] for row in new]
            rows.append({"options": named, "text": text, "ids": new, "texts": [o["generated_text"] for o in out]})
    (folder / "texts.json").write_text("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")


def make_filters(folder):
    rows = []
    torch.manual_seed(3)
    forms = [
        dict(), dict(temperature=0.7), dict(temperature=2.5, top_k=5), dict(top_k=1), dict(top_k=200), dict(top_p=0.9),
        dict(top_p=0.01), dict(top_p=0.999), dict(typical_p=0.5), dict(typical_p=0.05), dict(typical_p=0.99),
        dict(repetition_penalty=1.4), dict(repetition_penalty=0.6), dict(no_repeat_ngram=2), dict(no_repeat_ngram=3),
        dict(min_new_tokens=4, stop=[3, 17]),
        dict(temperature=0.8, top_k=20, top_p=0.8, typical_p=0.9, repetition_penalty=1.2, no_repeat_ngram=2, min_new_tokens=4,
             stop=[3, 17]),
    ]
    for n, form in enumerate(forms * 2):
        width = 50 if n < len(forms) else 400
        logits = (3 * torch.randn(1, width)).to(torch.float32)
        ids = torch.randint(0, 6, (1, 14))  # few, so that they repeat
        n_new = 3
        processors = LogitsProcessorList()
        if "repetition_penalty" in form:
            processors.append(RepetitionPenaltyLogitsProcessor(form["repetition_penalty"]))
        if "no_repeat_ngram" in form:
            processors.append(NoRepeatNGramLogitsProcessor(form["no_repeat_ngram"]))
        if "min_new_tokens" in form:
            processors.append(MinNewTokensLengthLogitsProcessor(ids.shape[1] - n_new, form["min_new_tokens"], form["stop"]))
        if "temperature" in form:
            processors.append(TemperatureLogitsWarper(form["temperature"]))
        if "top_k" in form:
            processors.append(TopKLogitsWarper(form["top_k"]))
        if "top_p" in form:
            processors.append(TopPLogitsWarper(form["top_p"]))
        if "typical_p" in form:
            processors.append(TypicalLogitsWarper(form["typical_p"]))
        p = processors(ids, logits.clone()).softmax(-1)
        rows.append({"options": form, "ids": ids[0].tolist(), "n_new": n_new, "logits": [round(x, 6) for x in logits[0].tolist()],
                     "p": [float(f"{x:.9g}") for x in p[0].tolist()]})
    (folder / "filters.json").write_text("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    make_filters(target)
    make_searches(target)
    make_texts(target)
