#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the cases answer-joint*.json: make_joint.py, with transformers 5 and torch.

No package of Python has Google's joint head, so it is written down here, with the rules by which google-research/electra makes
answers of its scores (finetune/qa/qa_metrics.py): 20 starts, 20 ends of each, starts only where a window has most context around
them, no text twice. A score is the probability of the start times that of the end; with no-answer the empty text is the first
answer if its logit is above the threshold, else the last.
"""
import sys
import warnings

import torch
import transformers
from transformers import ElectraModel, ElectraPreTrainedModel

import make_cases
import rows_of_cases as rows

BEAM, WIDTH = 20, 512
gelu = torch.nn.functional.gelu


class JointHead(torch.nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.start = torch.nn.Linear(hidden, 1)
        self.end_hidden, self.end = torch.nn.Linear(2 * hidden, WIDTH), torch.nn.Linear(WIDTH, 1)
        self.answerable_hidden, self.answerable = torch.nn.Linear(2 * hidden, WIDTH), torch.nn.Linear(WIDTH, 1)


class ElectraForJointQuestionAnswering(ElectraPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.electra, self.joint_qa = ElectraModel(config), JointHead(config.hidden_size)
        self.post_init()


def scores(model, encoded):
    """Logs of probabilities of starts [n], of ends [starts, n] for the likeliest starts, those starts, and the other logit."""
    ids, types = (torch.tensor([encoded[k]]) for k in ("input_ids", "token_type_ids"))
    with torch.no_grad():
        hidden = model.electra(input_ids=ids, token_type_ids=types).last_hidden_state[0]
        head, n = model.joint_qa, hidden.shape[0]
        allowed = types[0].double()
        allowed[0] = 1
        barred = 1000 * (allowed - 1)
        start = head.start(hidden)[:, 0] + barred
        top = torch.sort(start, descending=True, stable=True).indices[:BEAM]
        pairs = torch.cat([hidden[top][:, None].expand(-1, n, -1), hidden[None].expand(len(top), -1, -1)], -1)
        end = head.end(gelu(head.end_hidden(pairs)))[..., 0] + barred
        mean = torch.softmax(start, 0) @ hidden
        none = head.answerable(gelu(head.answerable_hidden(torch.cat([hidden[0], mean]))))[0]
    return torch.log_softmax(start, 0), torch.log_softmax(end, -1), top.tolist(), float(none)


def most_context(windows, token):
    """The window with most context around a token of the context."""
    def room(w):
        begin, n = w
        return min(token - begin, begin + n - 1 - token) + 0.01 * n if begin <= token < begin + n else float("-inf")
    return max(range(len(windows)), key=lambda i: (room(windows[i]), -i))


def answer(opened, row, options):
    model = opened.model.double()
    length = int(options.get("max-length", min(384, opened.tokenizer.model_max_length)))
    stride = int(options.get("stride", min(128, length // 2)))
    most, top = int(options.get("max-answer", 30)), int(options.get("top", 1))
    encoded = opened.tokenizer(row["question"], row["context"], truncation="only_second", max_length=length, stride=stride,
                               return_overflowing_tokens=True, return_offsets_mapping=True)
    inside, windows, begin = [], [], 0
    for i in range(len(encoded["input_ids"])):
        places = [j for j, s in enumerate(encoded.sequence_ids(i)) if s == 1]
        windows.append((begin, len(places)))
        inside.append(places)
        begin += len(places) - stride
    spans, nones = [], []
    for i, places in enumerate(inside):
        one = {k: encoded[k][i] for k in ("input_ids", "token_type_ids")}
        starts, ends, best, none = scores(model, one)
        nones.append(none)
        for j, s in enumerate(best):
            if s not in places or most_context(windows, windows[i][0] + places.index(s)) != i:
                continue
            for e in torch.sort(ends[j], descending=True, stable=True).indices[:BEAM].tolist():
                if e in places and s <= e < s + most:
                    span = encoded["offset_mapping"][i][s][0], encoded["offset_mapping"][i][e][1]
                    spans.append({"score": float(torch.exp(starts[s] + ends[j, e])), "start": span[0], "end": span[1],
                                  "answer": row["context"][span[0]:span[1]]})
    found = []
    for span in sorted(spans, key=lambda x: -x["score"]):
        if all(span["answer"] != f["answer"] for f in found):
            found.append(span)
    found = found[:top]
    empty = {"score": 0.0, "start": 0, "end": 0, "answer": ""}
    if "no-answer" in options:
        empty["score"] = float(torch.sigmoid(torch.tensor(min(nones))))
        found = [empty] + found if min(nones) > float(options.get("null-threshold", -2.75)) else found + [empty]
    found = found[:top] or [empty]
    return found[0] if top == 1 else found


def files():
    peaked = {"joint_qa.start.weight": 1.5, "joint_qa.end.weight": 0.3, "joint_qa.answerable.weight": 0.05, "_hidden.weight": 0.2}
    context = " ".join(rows.ENGLISH)
    cases = [({"question": "Who said it?", "context": context}, o)
             for o in ({}, {"top": "4"}, {"max-answer": "1"}, {"max-answer": "3", "top": "12"}, {"no-answer": "yes"},
                       {"no-answer": "yes", "null-threshold": "100", "top": "30"}, {"no-answer": "yes", "null-threshold": "-100", "top": "2"})]
    cases += [({"question": "Where?", "context": t}, {"no-answer": "yes", "top": "2"}) for t in rows.ODD if t]
    cases += [({"question": "Where?", "context": "   "}, {}), ({"question": "Where?", "context": "   "}, {"no-answer": "yes"}),
              ({"question": "Where?", "context": "the the the king the king"}, {"top": "20"})]
    yield "answer-joint", "answer", rows.small("lower", 45, scales=peaked), cases
    cases = [({"question": "누가 왔나?", "context": t}, {"top": "3"}) for t in rows.KOREAN + rows.CHINESE]
    yield "answer-joint-cased", "answer", rows.small("cased", 46, scales=peaked), cases
    cases = [({"question": "Who said it?", "context": rows.LONG_ENGLISH}, o)
             for o in ({}, {"stride": "0"}, {"stride": "3", "top": "3"}, {"stride": "5", "top": "9", "no-answer": "yes"},
                       {"no-answer": "yes"}, {"max-length": "20", "stride": "4"}, {"stride": "12", "top": "5"})]
    cases += [({"question": "Who said it?", "context": (rows.LONG_ENGLISH, 3)}, {"top": "4"})]
    yield "answer-joint-windows", "answer", rows.small("lower", 47, scales=peaked, tokenizer={"model_max_length": 30}), cases


def main():
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    make_cases.transformers.ElectraForJointQuestionAnswering = ElectraForJointQuestionAnswering
    make_cases.HEADS["answer"] = "ElectraForJointQuestionAnswering"
    make_cases.ASK["answer"] = answer
    for name, task, model, cases in files():
        if len(sys.argv) < 2 or name in sys.argv[1:]:
            make_cases.write(name, task, model, cases)


if __name__ == "__main__":
    main()
