#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/tasks/cases: rows of text and what the pipelines of Hugging Face answer, for every task.

    make_cases.py            with transformers 5, torch and sentence-transformers: every task but answer
    make_cases.py --old      with transformers 4.44, which still has the pipeline of question answering: answer

A file is one model with its rows. The model is a folder of models/, or small and drawn by a rule that the test follows too
(drawn.py), so no file has weights. A row is kept only if labels, spans and order stay the same when the weights are moved by parts
in 100,000, and scores nearly so when by parts in a million: what is left out is printed. Texts are strings, {"hex": bytes} or {"repeat": text, "times": n}, in
which each # becomes the number of the time, from 0.
With "every", of a long list only each such item is kept, with the number of all.
"""
import copy
import json
import pathlib
import sys
import tempfile
import warnings

import numpy as np
import torch
import transformers

import rows_of_cases as rows
from drawn import HERE, MODELS, VOCABULARIES, draw

SMALL = dict(model_type="electra", embedding_size=16, hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
             max_position_embeddings=512, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, summary_last_dropout=0.0)
MOST_ITEMS = 60  # of a list that is kept whole
MOVES = ((0.0, 0.0), (1e-6, 5e-5), (2e-5, 2e-2))  # by how much weights are moved, and then scores may be


def spread(name, scales):
    """Center and scale of a tensor; of `scales` the first whose key the name holds."""
    for key, scale in scales.items():
        if key in name:
            return 0.0, scale
    if name.endswith("LayerNorm.weight"):
        return 1.0, 0.2
    return 0.0, 1.0 if "word_embeddings" in name else 0.1 if name.endswith("bias") else 0.45


class Opened:
    """A model with its tokenizer, in a folder of its own."""

    def __init__(self, given, folder, moved):
        self.folder = folder
        source = MODELS / given["folder"] if "folder" in given else None
        config = json.loads((source / "config.json").read_text()) if source else given["config"]
        words = (source / "vocab.txt" if source else VOCABULARIES[given["vocabulary"]]).read_text()
        settings = json.loads((source / "tokenizer_config.json").read_text()) if source else given["tokenizer"]
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "vocab.txt").write_text(words)
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        kind = getattr(transformers, config["architectures"][0])
        if source:
            self.model = kind.from_pretrained(source).float()
        else:
            self.model = kind(transformers.ElectraConfig.from_pretrained(folder))
        self.fill(given, moved)
        self.model.eval().save_pretrained(folder)
        (folder / "config.json").write_text(json.dumps(config))

    def fill(self, given, moved):
        noise = torch.Generator().manual_seed(1)
        tensors = []
        with torch.no_grad():
            for name, p in self.model.named_parameters():
                if "folder" not in given:
                    center, scale = spread(name, given.get("scales", {}))
                    tensors.append([name, list(p.shape), center, scale])
                    values = draw(name, p.numel(), given["seed"], center, scale)
                    p.copy_(torch.frombuffer(values, dtype=torch.float32).reshape(p.shape))
                if moved:
                    p.mul_(1 + moved * torch.randn(p.shape, generator=noise))
        if not moved and tensors:
            given["tensors"] = tensors


# ---- texts

def text_of(value):
    """As the reference reads it: what is no UTF-8 is U+FFFD."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, tuple):
        return "".join(value[0].replace("#", str(i)) for i in range(value[1]))
    return [text_of(v) for v in value] if isinstance(value, list) else value


def told(value):
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, tuple):
        return {"repeat": value[0], "times": value[1]}
    return [told(v) for v in value] if isinstance(value, list) else value


def plain(value):
    """As JSON holds it: floats of seven digits."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{float(value):.7g}")
    return int(value) if isinstance(value, np.integer) else value


def same(a, b, most):
    """Equal but for floats, which differ by `most`."""
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= most * max(1, abs(b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k], most) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y, most) for x, y in zip(a, b))
    return a == b


# ---- what the reference answers: (opened, row, options) to the answer

def pipe(task):
    def make(opened):
        made = opened.__dict__.setdefault("pipes", {})
        if task not in made:
            made[task] = transformers.pipeline(task, model=opened.model, tokenizer=opened.tokenizer, device="cpu")
        return made[task]
    return make


def cut(options):
    return {"truncation": True} if options.get("too-long") == "cut" else {}


def detect(opened, row, options):
    """No pipeline has it: a word has the highest score of its pieces."""
    text = row["text"]
    encoded = opened.tokenizer(text, return_offsets_mapping=True, return_tensors="pt", **cut(options))
    offsets = encoded.pop("offset_mapping")[0].tolist()
    with torch.no_grad():
        p = torch.sigmoid(opened.model(**encoded).logits[0]).tolist()
    words = []
    for i, word in enumerate(encoded.word_ids(0)):
        if word is None:
            continue
        if i and word == encoded.word_ids(0)[i - 1]:
            words[-1]["end"] = offsets[i][1]
            words[-1]["score"] = max(words[-1]["score"], p[i])
        else:
            words.append({"word": "", "score": p[i], "start": offsets[i][0], "end": offsets[i][1]})
    for word in words:
        word["word"] = text[word["start"]:word["end"]]
    return words


def fill_mask(opened, row, options):
    more = {"targets": options["targets"].split(",")} if "targets" in options else {}
    return pipe("fill-mask")(opened)(row["text"], top_k=int(options.get("top", 5)), tokenizer_kwargs=cut(options), **more)


def classify(opened, row, options):
    more = {"function_to_apply": options["function"]} if "function" in options else {}
    row = row if "text_pair" in row else row["text"]
    top = int(options["top"]) if "top" in options else None
    return pipe("text-classification")(opened)(row, top_k=top, **more, **cut(options))


def rank(opened, row, options):
    from sentence_transformers import CrossEncoder
    if "ranker" not in opened.__dict__:
        opened.ranker = CrossEncoder(str(opened.folder), device="cpu")
    top = int(options["top"]) if "top" in options else None
    if "label" in options:  # `rank` refuses several labels and says that `predict` has their scores
        scores = opened.ranker.predict([(row["query"], p) for p in row["passages"]])
        scores = scores[:, opened.model.config.label2id[options["label"]]].tolist()
        found = [{"corpus_id": i, "score": score} for i, score in enumerate(scores)]
        return sorted(found, key=lambda x: x["score"], reverse=True)[:top]
    return opened.ranker.rank(row["query"], row["passages"], top_k=top, show_progress_bar=False)


def zero_shot(opened, row, options):
    more = {"hypothesis_template": options["template"]} if "template" in options else {}
    return pipe("zero-shot-classification")(opened)(row["text"], candidate_labels=row["candidate_labels"],
                                                    multi_label="multi-label" in options, **more)


def tag(opened, row, options):
    more = {"aggregation_strategy": options.get("aggregation", "none")}
    if "stride" in options or options.get("too-long") == "window":
        more["stride"] = int(options.get("stride", 0))
    if "tokens" in row:
        more["is_split_into_words"] = True
    answer = pipe("token-classification")(opened)(row.get("tokens", row.get("text")), **more)
    return answer[0] if "tokens" in row and answer and isinstance(answer[0], list) else answer


def choose(opened, row, options):
    n = len(row["choices"])
    encoded = opened.tokenizer([row["prompt"]] * n, row["choices"], padding=True, return_tensors="pt", **cut(options))
    with torch.no_grad():
        scores = torch.softmax(opened.model(**{k: v[None] for k, v in encoded.items()}).logits[0], -1)
    return {"choice": int(scores.argmax()), "scores": scores.tolist()}


def embed(opened, row, options):
    encoded = opened.tokenizer(row["text"], return_tensors="pt", **cut(options))
    with torch.no_grad():
        x = opened.model(**encoded, output_hidden_states=True).hidden_states[int(options.get("layer", -1))][0]
    pooling = options.get("pooling", "mean")
    if pooling != "none":
        x = {"mean": x.mean(0), "cls": x[0], "max": x.max(0).values}[pooling]
    elif "layer" not in options and "normalize" not in options and opened.model.config.architectures == ["ElectraModel"]:
        assert np.abs(np.array(pipe("feature-extraction")(opened)(row["text"])[0]) - x.numpy()).max() < 1e-5
    return (torch.nn.functional.normalize(x, dim=-1) if "normalize" in options else x).tolist()


def answer(opened, row, options):
    more = {"top_k": int(options.get("top", 1)), "handle_impossible_answer": "no-answer" in options,
            "align_to_words": "inside-words" not in options}
    for ours, theirs in (("stride", "doc_stride"), ("max-answer", "max_answer_len"), ("max-length", "max_seq_len")):
        if ours in options:
            more[theirs] = int(options[ours])
    return pipe("question-answering")(opened)(question=row["question"], context=row["context"], **more)


ASK = {"detect": detect, "fill-mask": fill_mask, "classify": classify, "rank": rank, "zero-shot": zero_shot, "tag": tag,
       "choose": choose, "embed": embed, "answer": answer}
HEADS = {"detect": "ElectraForPreTraining", "fill-mask": "ElectraForMaskedLM", "classify": "ElectraForSequenceClassification",
         "rank": "ElectraForSequenceClassification", "zero-shot": "ElectraForSequenceClassification",
         "tag": "ElectraForTokenClassification", "choose": "ElectraForMultipleChoice", "embed": "ElectraModel",
         "answer": "ElectraForQuestionAnswering"}


# ---- files

def complete(task, model):
    """The model as the test reads it."""
    if "folder" in model:
        return model
    model = copy.deepcopy(model)
    lower = model["vocabulary"] == "lower"
    labels = model.pop("labels", None)
    config = {"architectures": [HEADS[task]], **SMALL, **model.get("config", {})}
    config["vocab_size"] = len(VOCABULARIES[model["vocabulary"]].read_text().splitlines())
    if labels:
        config["id2label"] = {str(i): name for i, name in enumerate(labels)}
        config["label2id"] = {name: i for i, name in enumerate(labels)}
    model["config"] = config
    model["tokenizer"] = {"do_lower_case": lower, "model_max_length": 512, "tokenizer_class": "ElectraTokenizer",
                          **model.get("tokenizer", {})}
    return model


def record(task, models, row, options):
    given = {k: text_of(v) for k, v in row.items()}
    answers = [plain(ASK[task](model, dict(given), options)) for model in models]
    kept = all(same(a, answers[0], most) for a, (_, most) in zip(answers, MOVES))
    case = {"row": {k: told(v) for k, v in row.items()}, **({"options": options} if options else {})}
    if len(answers[0]) > MOST_ITEMS and task in ("detect", "tag"):
        case["count"] = len(answers[0])
        case["every"] = len(answers[0]) // 40 | 1
        answers[0] = answers[0][::case["every"]]
    return kept, {**case, "answer": answers[0]}


def write(name, task, model, cases):
    model = complete(task, model)
    with tempfile.TemporaryDirectory() as folder:
        models = [Opened(model, pathlib.Path(folder) / str(i), move) for i, (move, _) in enumerate(MOVES)]
        made = [(row, options, *record(task, models, row, options)) for row, options in cases]
    for row, options, kept, _ in made:
        if not kept:
            print(f"{name}: left out, too close: {str(row)[:150]} {options}")
    model.pop("scales", None)
    lines = [json.dumps(case, ensure_ascii=False) for _, _, kept, case in made if kept]
    head = {"task": task, "model": {k: v for k, v in model.items() if k != "tensors"}}
    text = json.dumps(head, ensure_ascii=False)[:-1]
    if "tensors" in model:
        text += ',\n"tensors": [\n' + ",\n".join(json.dumps(t) for t in model["tensors"]) + "]"
    text += ',\n"cases": [\n' + ",\n".join(lines) + "]}\n"
    (HERE / "cases" / f"{name}.json").write_text(text)
    print(f"{name}: {len(lines)} of {len(made)} cases, {len(text.encode())} bytes")


def main():
    old = "--old" in sys.argv
    wanted = [a for a in sys.argv[1:] if not a.startswith("--")]
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    (HERE / "cased.txt").write_text("\n".join(rows.cased_vocabulary()) + "\n")
    (HERE / "cases").mkdir(exist_ok=True)
    for name, task, model, cases in rows.files():
        if (task == "answer") == old and (not wanted or name in wanted):
            write(name, task, model, cases)


if __name__ == "__main__":
    main()
