# SPDX-License-Identifier: Apache-2.0
"""The rows that make_cases.py asks about, the models they are asked of, and a small cased vocabulary of Korean and Chinese."""

ENGLISH = ["And the king said unto Moses, Go up to Jerusalem.", "In the beginning God created the heaven and the earth.",
           "Mr. O'Neil's son don't come , won't ! He is 12.5% taller; I do not know."]
ODD = ["", "  \t\n ", "antidisestablishmentarianism Zerubbabel incomprehensibilities", "naïve Café ÉCOLE cafe\u0301",
       "안녕하세요 세계, 日本語 and 你好世界", "I ❤️ 🐍 emoji 👨‍👩‍👧", b"caf\xc3\xa9 \xff\xfe broken \xe2\x82 end\xf0\x9f", b"a\x00b the\x7f king",
       "a literal [SEP] and [UNK] and [CLS]", "x" * 101 + " the " + "y" * 100]
KOREAN = ["서울에서 한국어 모델을 공유합니다.", "나는 Seoul에 산다. 김철수는 부산에서 왔다!"]
CHINESE = ["我住在北京,他在上海工作。", "中国的首都是北京 and Tokyo is 東京"]
MIXED = KOREAN + CHINESE + ["", "❤ 한국 🐍🐍 韓國", b"\xed\x95\x9c\xea\xb5 broken \xff \xeb\xb6\x80\xec\x82\xb0", "뷁쀍 unknown 龘 Seoul",
                            "ABC abc Seoulabc123 3.14", "한국\u200b어 서울\u3000부산\u00a0中国"]
LONG_ENGLISH = ("# And the king of Israel said unto Moses, Go up to Jerusalem, and see the house of the Lord. "
                "Zerubbabel and Solomon went down to Egypt with the sons of Jacob; they do not return.\n")  # of rows that are repeated, # is the number of the time
SHALLOW = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=1, intermediate_size=16)  # for long texts
LONG_KOREAN = "김철수는 서울에서 한국어 모델을 공유합니다. 中国的首都是北京, Tokyo is 東京! "


def cased_vocabulary():
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = ["한국", "##어", "##에서", "##에", "##는", "모델", "##을", "공유", "##합니다", "서울", "부산", "김", "##철수", "나는", "산다", "왔다",
             "Seoul", "##Seoul", "Tokyo", "is", "and", "the", "##ing", "##ken", "bro", "##abc", "abc", "AB", "##123", "un", "##known"]
    punctuation = list(".,!?;:'\"()-%&/，。！")
    seen = set("".join(KOREAN + CHINESE + [LONG_KOREAN, "❤🐍韓國"]) + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    letters = sorted(c for c in seen if not c.isspace() and c not in punctuation)
    return special + punctuation + letters + ["##" + c for c in letters] + [w for w in words if w not in letters]


def each(texts, *options, name="text"):
    return [({name: text}, o) for text in texts for o in options or ({},)]


def small(vocabulary, seed, **more):
    return {"vocabulary": vocabulary, "seed": seed, **more}


CUT = {"too-long": "cut"}
LONG = (LONG_ENGLISH, 600)


DEFINITIONS = ["a small furry animal that eats nuts", "a person who plays the piano", "the state of being very tired"]
USES = ["walk slowly : The old man ambled along the street", "a small animal : The squirrels hid their nuts, and 🐍 slept",
        "utter in an angry voice : She snarled at naïve dictaphones"]
DEFINED = ("oak: a tree whose fruit is the acorn. squirrel: a small animal with a bushy tail that eats nuts. "
           "amble: to walk slowly. naïve: showing a lack of experience.")


def detect():
    yield "detect-shipped", "detect", {"folder": "electra-tiny-discriminator"}, each(ENGLISH + ODD)
    yield "detect-cased", "detect", small("cased", 3), each(MIXED) + each([(LONG_KOREAN, 1000)], CUT)


def fill_mask():
    english = ["And the [MASK] said unto [MASK], Go up.", "the [MASK] of God", "[MASK]", "The sons of [MASK] : naïve 你好 [SEP] x"]
    options = ({}, {"top": "3"}, {"targets": "king,prophet,Zerubbabel,##ing", "top": "10"})
    yield "fill-mask-shipped", "fill-mask", {"folder": "electra-tiny-generator"}, each(english, *options) + each(["[MASK] " + LONG_ENGLISH * 13], {**CUT, "top": "1"})
    cased = ["서울에서 [MASK] 모델을 공유합니다.", "나는[MASK]에 산다. [MASK]", "中国的首[MASK]是北京", b"[MASK] \xff Seoul \xe2\x82 \xf0\x9f\x90\x8d"]
    options = ({}, {"top": "1"}, {"targets": "서울,北,한국어,Seoul", "top": "3"})
    yield "fill-mask-cased", "fill-mask", small("cased", 5, scales={"generator_predictions.dense": 0.6}), each(cased, *options)


def classify():
    functions = ({}, {"function": "sigmoid"}, {"function": "softmax"}, {"function": "none"}, {"top": "2"})
    pair = [({"text": "the king said", "text_pair": "he went up"}, {}), ({"text": "왕이 said", "text_pair": ""}, {})]
    yield "classify-shipped", "classify", {"folder": "electra-tiny-category"}, each(DEFINITIONS, {}, {"top": "3"}) + each(ODD)
    labels = ["negative", "neutral", "positive", "mixed"]
    short = each(ENGLISH[:1], *functions) + each(ENGLISH + ODD) + pair
    long = each([LONG], CUT) + [({"text": (LONG_ENGLISH, 9), "text_pair": t}, CUT) for t in (ENGLISH[0], LONG)]
    yield "classify-lower", "classify", small("lower", 7, labels=labels), short + long
    korean = each(MIXED) + [({"text": KOREAN[0], "text_pair": CHINESE[1]}, {"top": "1"})]
    yield "classify-cased", "classify", small("cased", 8, labels=["부정", "긍정", "중립"]), korean
    for kind, count, problem in (("multi-label", 3, "multi_label_classification"), ("regression", 1, "regression"),
                                 ("regression-wide", 3, "regression"), ("one-label", 1, None),
                                 ("single", 3, "single_label_classification")):
        config = {"problem_type": problem} if problem else {}
        model = small("lower", 9, labels=[f"L{i}" for i in range(count)], config=config)
        yield f"classify-{kind}", "classify", model, each(ENGLISH[:2], *functions[:1], *functions[3:]) + pair[:1]


def rank():
    passages = ["The king of Egypt died.", "Jerusalem is a city.", "", "안녕 emoji 🐍", "He went unto Moses and said, I am the Lord thy God.",
                b"broken \xff bytes", "the the the the"]
    rows = [({"query": "Who is the king?", "passages": passages}, o) for o in ({}, {"top": "2"})]
    rows += [({"query": "", "passages": passages[:2]}, {}), ({"query": "one", "passages": passages[:1]}, {})]
    identity = "torch.nn.modules.linear.Identity"
    for kind, config in (("plain", {}), ("new", {"sentence_transformers": {"activation_fn": identity, "version": "4.0.1"}}),
                         ("old", {"sbert_ce_default_activation_function": identity}),
                         ("sigmoid", {"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"}})):
        yield f"rank-{kind}", "rank", small("lower", 11, labels=["LABEL_0"], config=config), rows
    rows = [({"query": "Who is the king?", "passages": passages}, o) for o in ({"label": "good"}, {"label": "bad", "top": "3"})]
    yield "rank-labels", "rank", small("lower", 11, labels=["bad", "good", "none"]), rows
    rows = [({"query": q, "passages": [LONG, ENGLISH[0], (LONG_ENGLISH, 2)]}, {}) for q in ("Who?", (LONG_ENGLISH, 10))]
    yield "rank-long", "rank", small("lower", 15, labels=["LABEL_0"]), rows
    korean = [({"query": "한국의 수도는?", "passages": MIXED}, {})]
    yield "rank-cased", "rank", small("cased", 12, labels=["LABEL_0"]), korean


def zero_shot():
    words = ["war", "law", "the sea", "kings and queens"]
    rows = [({"text": ENGLISH[0], "candidate_labels": words}, o)
            for o in ({}, {"multi-label": "yes"}, {"template": "It speaks of {}, they say."},
                      {"template": "{}", "multi-label": "yes"})]
    rows += [({"text": ENGLISH[1], "candidate_labels": words[:1]}, {}), ({"text": ENGLISH[1], "candidate_labels": words[:2]}, {})]
    rows += [({"text": t, "candidate_labels": ["a king", "🐍", "日本"]}, {}) for t in ODD if t]
    rows += [({"text": (LONG_ENGLISH, 13), "candidate_labels": words[:2]}, {})]
    yield "zero-shot-lower", "zero-shot", small("lower", 13, labels=["contradiction", "neutral", "entailment"]), rows
    rows = [({"text": t, "candidate_labels": ["도시", "일", "中国"]}, o) for t in KOREAN + CHINESE
            for o in ({"template": "이 글은 {} 이다."}, {"template": "{}", "multi-label": "yes"})]
    yield "zero-shot-first", "zero-shot", small("cased", 14, labels=["ENTAILMENT", "not_entailment"]), rows


def tag():
    kinds = [{"aggregation": a} for a in ("simple", "first", "average", "max")]
    yield "tag-shipped", "tag", {"folder": "electra-tiny-words"}, each(USES, {}, *kinds)
    labels = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC", "I-ORG"]
    scales = {"classifier.weight": 1.2}
    rows = each(ENGLISH + ODD, {}) + each(ENGLISH[::2] + ODD[2:], *kinds)
    words = [["And", "Zerubbabel", "said", ",", "Go!"], ["naïve", "", "Café", "안녕"], ["two words", " x "], ["the"] * 5,
             [b"bro\xff", "ken", b"\xe2\x82"]]
    rows += each(words, {}, *kinds, name="tokens")
    yield "tag-lower", "tag", small("lower", 21, labels=labels, scales=scales), rows
    yield "tag-cased", "tag", small("cased", 22, labels=labels, scales=scales), each(MIXED, {}) + each(MIXED, *kinds)
    short = {"model_max_length": 16}
    windows = [{**k, "stride": s} for k in kinds for s in ("0", "5")]
    rows = each([LONG_ENGLISH], {**CUT, **kinds[0]}, CUT, {"too-long": "window", **kinds[1]})
    rows += each([LONG_ENGLISH, ENGLISH[2] + " " + ODD[2] + " " + ENGLISH[0]], *windows) + each(["", ENGLISH[1][:20]], windows[1])
    yield "tag-windows", "tag", small("lower", 23, labels=labels, scales=scales, tokenizer=short), rows
    rows = each([LONG_KOREAN * 2], *windows)
    yield "tag-windows-cased", "tag", small("cased", 24, labels=labels, scales=scales, tokenizer=short), rows
    calm = {"position_embeddings": 0.002, "attention.output.dense": 0.005, **scales}
    rows = each([LONG], {"aggregation": "simple", "stride": "32"}, {"aggregation": "average", "stride": "32"})
    yield "tag-long", "tag", small("lower", 25, labels=labels, scales=calm, config=SHALLOW, tokenizer={"model_max_length": 128}), rows


def choose():
    prompts = ENGLISH[:2] + ["", "안녕 🐍", b"bro\xffken"]
    choices = [["He went up.", "He did not go.", "Moses was a prophet of the Lord."], ["yes", "no"]]
    rows = [({"prompt": p, "choices": c}, {}) for p in prompts for c in choices]
    yield "choose-first", "choose", small("lower", 31), rows + [({"prompt": LONG, "choices": choices[0]}, CUT)]
    for kind in ("last", "mean"):
        yield f"choose-{kind}", "choose", small("lower", 32, config={"summary_type": kind, "summary_activation": "tanh"}), rows[:2]


def embed():
    poolings = [{"pooling": p} for p in ("mean", "cls", "max", "none")]
    options = [{}] + poolings + [{"layer": "0"}, {"layer": "1", "pooling": "max"}, {"normalize": "yes"},
                                 {"normalize": "yes", "pooling": "none"}]
    rows = each(ENGLISH[:1], *options) + each(ENGLISH[1:] + ODD, {"normalize": "yes"}) + each([LONG], CUT)
    yield "embed-lower", "embed", small("lower", 33), rows
    yield "embed-cased", "embed", small("cased", 34), each(MIXED, {"pooling": "cls", "normalize": "yes"})
    yield "embed-shipped", "embed", {"folder": "electra-tiny-discriminator"}, each(["the king"], {}, {"layer": "2", "normalize": "yes"})


def answer():
    rows = [({"question": f"what is {q}", "context": DEFINED}, o) for q in ("squirrel", "an oak", "naïve", "to amble")
            for o in ({}, {"top": "3"})]
    yield "answer-shipped", "answer", {"folder": "electra-tiny-definition"}, rows
    peaked = {"qa_outputs.weight": 2.0}
    context = " ".join(ENGLISH)
    rows = [({"question": "Who said it?", "context": context}, o)
            for o in ({}, {"top": "4"}, {"max-answer": "1"}, {"max-answer": "3", "top": "3"}, {"no-answer": "yes"},
                      {"no-answer": "yes", "top": "3"}, {"max-answer": "40", "top": "2"})]
    rows += [({"question": "Where?", "context": t}, {"no-answer": "yes", "top": "2"}) for t in ODD if t]
    rows += [({"question": "[CLS] who", "context": context}, {"top": "3"}), ({"question": " ", "context": "the king"}, {}),
             ({"question": "Where?", "context": "   "}, {}), ({"question": "Where?", "context": "   "}, {"no-answer": "yes"})]
    yield "answer-lower", "answer", small("lower", 41, scales=peaked), rows
    rows = [({"question": q, "context": c}, o) for q, c in (("누가 왔나?", KOREAN[1]), ("首都?", CHINESE[1]), ("어디?", MIXED[6]),
                                                            ("What?", MIXED[5]), ("어디 🐍", MIXED[9]))
            for o in ({}, {"top": "3"}, {"no-answer": "yes"})]
    rows += [({"question": "어디?", "context": t}, {"inside-words": "yes", "top": "2"}) for t in KOREAN + CHINESE]
    yield "answer-cased", "answer", small("cased", 42, scales=peaked), rows
    rows = [({"question": "Who said it?", "context": LONG_ENGLISH}, o)
            for o in ({}, {"stride": "0"}, {"stride": "3", "top": "3"}, {"stride": "5", "top": "6", "no-answer": "yes"},
                      {"no-answer": "yes"}, {"max-length": "20", "stride": "4"})]
    yield "answer-windows", "answer", small("lower", 43, scales=peaked, tokenizer={"model_max_length": 24}), rows
    rows = [({"question": "누가?", "context": (LONG_KOREAN, 3)}, o) for o in ({}, {"stride": "2", "top": "3"})]
    yield "answer-windows-cased", "answer", small("cased", 44, scales=peaked, tokenizer={"model_max_length": 24}), rows
    rows = [({"question": "Who went down to Egypt?", "context": LONG}, o)
            for o in ({"no-answer": "yes", "top": "3"}, {"stride": "20"})]
    yield "answer-long", "answer", small("lower", 45, scales=peaked, config=SHALLOW), rows


def files():
    for task in (detect, fill_mask, classify, rank, zero_shot, tag, choose, embed, answer):
        yield from task()
