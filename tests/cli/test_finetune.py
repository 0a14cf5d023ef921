#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`pleione finetune`: each task learns an easy rule; files, log, resume, refusals: test_finetune.py PLEIONE SOURCE"""
import csv
import json
import pathlib
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tasks"))
import drawn

pleione, source = sys.argv[1], pathlib.Path(sys.argv[2])
to = pathlib.Path(tempfile.mkdtemp(prefix="pleione-finetune-"))
WORDS = ["king", "day", "land", "house", "man", "people", "city", "son", "hand", "god"]
CONFIG = {"model_type": "electra", "architectures": ["ElectraForPreTraining"], "vocab_size": 0, "embedding_size": 16,
          "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
          "max_position_embeddings": 64, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
FAST = ["--device", "reference", "--threads", "1", "--layer-decay", "1"]


def model(name, **more):
    """A model drawn by rule, with a vocabulary of a few words."""
    folder = to / name
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, "good", "bad", "red", "blue", "##s", "what", "which"]
    config = CONFIG | {"vocab_size": len(vocab)} | more
    e, h, i, n = 16, 32, 64, len(vocab)
    shapes = {"embeddings.word_embeddings.weight": [n, e], "embeddings.position_embeddings.weight": [64, e],
              "embeddings.token_type_embeddings.weight": [2, e], "embeddings_project.weight": [h, e], "embeddings_project.bias": [h]}
    norms = {"embeddings.LayerNorm": e}
    for layer in range(2):
        at = f"encoder.layer.{layer}."
        for part in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            shapes |= {f"{at}{part}.weight": [h, h], f"{at}{part}.bias": [h]}
        shapes |= {f"{at}intermediate.dense.weight": [i, h], f"{at}intermediate.dense.bias": [i],
                   f"{at}output.dense.weight": [h, i], f"{at}output.dense.bias": [h]}
        norms |= {f"{at}attention.output.LayerNorm": h, f"{at}output.LayerNorm": h}
    tensors = [(f"electra.{k}", s, 0, 0.3 if "weight" in k else 0) for k, s in shapes.items()]
    for norm, width in norms.items():
        tensors += [(f"electra.{norm}.weight", [width], 1, 0), (f"electra.{norm}.bias", [width], 0, 0)]
    header, data = {}, b""
    for name, shape, center, scale in tensors:
        values = drawn.draw(name, drawn.count(shape), 7, center, scale).tobytes()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("\n".join(vocab) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
    return str(folder)


def rows_of(name, make, n=96):
    paths = []
    for part, seed in (("train", 1), ("dev", 2)):
        draw = random.Random(seed)
        path = to / f"{name}-{part}.jsonl"
        path.write_text("".join(json.dumps(make(draw)) + "\n" for _ in range(n if part == "train" else n // 2)))
        paths.append(str(path))
    return paths


def sentence(draw, *words):
    some = [draw.choice(WORDS) for _ in range(draw.randint(2, 6))]
    for word in words:
        some.insert(draw.randint(0, len(some)), word)
    return " ".join(some)


def command_of(task, files, out, *more, base=None, batch=True):
    return [pleione, "finetune", base or BASE, "--task", task, "--train", files[0], "--validation", files[1], "--out", str(to / out),
            *FAST, *(["--batch", "16"] if batch else []), *([] if "--lr" in more else ["--lr", "0.002"]), *more]


def finetune(task, files, out, *more, base=None, batch=True):
    return subprocess.run(command_of(task, files, out, *more, base=base, batch=batch), capture_output=True, text=True)


def log_of(out):
    lines = [json.loads(line) for line in (to / out / "log.jsonl").read_text().splitlines()]
    return [x for x in lines if "loss" in x], [x for x in lines if "eval_loss" in x]


def results_of(out):
    return json.loads((to / out / "results.json").read_text())


def single(draw):
    label = draw.choice(["good", "bad"])
    return {"text": sentence(draw, label), "label": "plus" if label == "good" else "minus"}


def multi(draw):
    found = [w for w in ("good", "red") if draw.random() < 0.5]
    return {"text": sentence(draw, *found), "label": found}


def number(draw):
    good = draw.random() < 0.5
    return {"text": sentence(draw, "good" if good else "bad"), "label": 0.75 if good else -0.25}


def pair(draw):
    good = draw.random() < 0.5
    return {"text": sentence(draw), "text_pair": sentence(draw, "good" if good else "bad"), "label": int(good)}


def tag(draw):
    words = sentence(draw, "red", "good").split()
    return {"tokens": words, "tags": ["B-C" if w == "red" else "B-Q" if w == "good" else "O" for w in words]}


def choose(draw):
    choices, label = [sentence(draw) for _ in range(3)], draw.randrange(3)
    choices[label] = sentence(draw, "good")
    return {"prompt": "what", "choices": choices, "label": label}


def rank(draw):
    passages, label = [sentence(draw) for _ in range(3)], draw.randrange(3)
    passages[label] = sentence(draw, "good")
    return {"query": "which", "passages": passages, "labels": [int(i == label) for i in range(3)]}


def answer(draw):
    context = sentence(draw, "red")
    return {"id": "1", "question": "what", "context": context, "answers": {"text": ["red"], "answer_start": [context.index("red")]}}


def again(draw):
    return {"text": " ".join([draw.choice(WORDS)] * 6)}


class Learns(unittest.TestCase):
    def learn(self, name, task, make, metric, least, *more, base=None, less=False):
        done = finetune(task, rows_of(name, make), name, *more, base=base)
        self.assertEqual(done.returncode, 0, done.stderr)
        steps, evaluations = log_of(name)
        results = results_of(name)
        self.assertLess(steps[-1]["loss"], steps[0]["loss"])
        self.assertEqual(results["metric"], metric)
        value = results[metric]
        self.assertTrue(value < least if less else value >= least, (value, evaluations))
        return results, steps, evaluations, json.loads((to / name / "config.json").read_text())

    def test_single(self):
        results, steps, evaluations, config = self.learn("single", "classify", single, "accuracy", 0.9, "--epochs", "10")
        self.assertEqual(set(steps[0]), {"step", "epoch", "loss", "learning_rate", "gradient_norm", "rows", "tokens", "tokens_per_s",
                                         "data_wait"})
        self.assertEqual([x["step"] for x in steps], list(range(1, 61)))
        self.assertEqual([x["step"] for x in evaluations], list(range(6, 61, 6)))
        self.assertEqual(config["id2label"], {"0": "minus", "1": "plus"})
        self.assertEqual(config["label2id"], {"minus": 0, "plus": 1})
        self.assertEqual((config["num_labels"], config["problem_type"], config["architectures"]),
                         (2, "single_label_classification", ["ElectraForSequenceClassification"]))
        self.assertIsNone(results["constant_prediction"])
        self.assertFalse(results["stopped_early"])
        judged = subprocess.run([pleione, "evaluate", str(to / "single"), "--task", "classify", "--input", str(to / "single-dev.jsonl"),
                                 "--json", "--device", "reference"], capture_output=True, text=True)
        found = json.loads(judged.stdout)
        self.assertEqual(found["accuracy"], results["accuracy"])
        self.assertAlmostEqual(found["loss"], results["loss"], places=6)

    def test_multi(self):
        config = self.learn("multi", "classify", multi, "f1_micro", 0.9, "--epochs", "16")[3]
        self.assertEqual((config["problem_type"], config["id2label"]), ("multi_label_classification", {"0": "good", "1": "red"}))

    def test_regression(self):
        config = self.learn("number", "classify", number, "pearson", 0.9, "--epochs", "16")[3]
        self.assertEqual((config["problem_type"], config["num_labels"]), ("regression", 1))

    def test_pairs(self):
        config = self.learn("pair", "classify", pair, "accuracy", 0.9, "--epochs", "20", "--recipe", "huggingface")[3]
        self.assertEqual(config["id2label"], {"0": "0", "1": "1"})

    def test_tag(self):
        config = self.learn("tag", "tag", tag, "f1", 0.9, "--epochs", "12")[3]
        self.assertEqual(config["id2label"], {"0": "B-C", "1": "B-Q", "2": "O"})
        self.assertEqual(config["architectures"], ["ElectraForTokenClassification"])

    def test_choose(self):
        self.learn("choose", "choose", choose, "accuracy", 0.9, "--epochs", "12")

    def test_rank(self):
        self.learn("rank", "rank", rank, "ndcg", 0.9, "--epochs", "12")

    def test_answer(self):
        self.learn("answer", "answer", answer, "f1", 90, "--epochs", "12")

    def test_fill_mask(self):
        self.learn("fill", "fill-mask", again, "perplexity", 8, "--epochs", "40", less=True)

    def test_generate(self):
        base = model("decoder", is_decoder=True)
        self.learn("write", "generate", again, "perplexity", 8, "--epochs", "12", base=base, less=True)


class Runs(unittest.TestCase):
    def test_resume(self):
        files = rows_of("resume", single)
        more = ["--epochs", "3", "--dropout", "0.1", "--validate-every", "5"]
        self.assertEqual(finetune("classify", files, "whole", *more).returncode, 0)
        self.assertEqual(finetune("classify", files, "parts", *more, "--stop-after", "7").returncode, 0)
        with (to / "parts/log.jsonl").open("a") as log:
            log.write('{"step":8,"loss":0}\n')
        other = finetune("classify", files, "parts", *more, "--resume", "--clip", "2")
        self.assertEqual((other.returncode, "--clip" in other.stderr), (2, True))
        self.assertEqual(finetune("classify", files, "parts", *more).returncode, 2)
        self.assertEqual(finetune("classify", files, "parts", *more, "--resume").returncode, 0)
        for name in ("model.safetensors", "config.json", "results.json", "checkpoint-18/model.safetensors",
                     "checkpoint-18/second_moment.safetensors"):
            self.assertEqual((to / "whole" / name).read_bytes(), (to / "parts" / name).read_bytes(), name)
        drop = {"tokens_per_s", "data_wait"}
        self.assertEqual(*([[{k: v for k, v in x.items() if k not in drop} for x in part] for part in log_of(out)]
                           for out in ("whole", "parts")))
        self.untouched("parts", lambda: finetune("classify", files, "parts", *more, "--resume"))

    def untouched(self, out, again):
        """A finished run that is gone on with has the same files, and nobody wrote them anew."""
        before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in (to / out).rglob("*") if p.is_file()}
        done = again()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(before, {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in (to / out).rglob("*") if p.is_file()})

    def test_rows_that_do_not_fit(self):
        """File, line, and the name that the person gave."""
        files = rows_of("unfit", single)
        lines = pathlib.Path(files[1]).read_text().splitlines()
        lines[6] = '{"text": "a", "label": "other"}'
        pathlib.Path(files[1]).write_text("\n".join(lines))
        for more, said in (((), f'{files[1]}:7: the label "other" is none of those that are trained'),
                           (("--label-column", "nope"), f'{files[0]}:1: the row has no column "nope", which is to be `label`')):
            done = finetune("classify", files, "unfit", *more)
            self.assertEqual(done.returncode, 2)
            self.assertIn(said, done.stderr)
            self.assertFalse((to / "unfit").exists())

    def test_seeds(self):
        files, more = rows_of("seeds", single), ["--epochs", "1", "--seeds", "3,1"]
        done = finetune("classify", files, "folders/above/seeds", *more)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.untouched("folders/above/seeds", lambda: finetune("classify", files, "folders/above/seeds", *more, "--resume"))
        results = results_of("folders/above/seeds")
        values = [results_of(f"folders/above/seeds/seed-{s}")["accuracy"] for s in (3, 1)]
        self.assertEqual([results["seeds"][s]["accuracy"] for s in ("3", "1")], values)
        self.assertAlmostEqual(results["mean"]["accuracy"], sum(values) / 2)
        self.assertAlmostEqual(results["std"]["accuracy"], abs(values[0] - values[1]) / 2**0.5)
        best = 3 if values[0] >= values[1] else 1
        self.assertEqual(*((to / f / "model.safetensors").read_bytes() for f in ("folders/above/seeds", f"folders/above/seeds/seed-{best}")))

    def test_early_stopping(self):
        done = finetune("classify", rows_of("early", single), "early", "--epochs", "50", "--early-stopping", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        results = results_of("early")
        self.assertTrue(results["stopped_early"])
        self.assertEqual(results["steps"], results["best_step"] + 12)

    def test_constant(self):
        done = finetune("classify", rows_of("constant", single), "constant", "--steps", "20", "--lr", "0.3", "--validate-every", "20")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(results_of("constant")["constant_prediction"], ("plus", "minus"))
        self.assertIn("warning: every row", done.stderr)
        self.assertEqual(log_of("constant")[0][0]["learning_rate"], 0)


    def test_not_finite(self):
        done = finetune("classify", rows_of("nan", single), "nan", "--epochs", "3", "--lr", "1e30", "--clip", "0")
        self.assertEqual((done.returncode, "the loss is" in done.stderr), (1, True), done.stderr)
        last = log_of("nan")[0][-1]["step"]
        self.assertTrue((to / f"nan/checkpoint-{last}/model.safetensors").exists())

    def test_weights(self):
        """Smoothed labels and weights of classes: the first loss is what it should be, and a rare label is learned."""
        files = rows_of("rare", lambda draw: {"text": sentence(draw, "good" if (rare := draw.random() < 0.1) else "bad"),
                                             "label": "plus" if rare else "minus"})
        more = ["--recipe", "huggingface", "--shuffle", "no", "--steps", "1", "--batch", "96"]
        losses = {}
        for name, given in (("plain", []), ("smooth", ["--label-smoothing", "0.2"]), ("balance", ["--class-weights", "balanced"])):
            done = finetune("classify", files, f"rare-{name}", *more, *given, batch=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            losses[name] = log_of(f"rare-{name}")[0][0]["loss"]
        self.assertEqual(len(set(losses.values())), 3)
        done = finetune("classify", files, "rare-learned", "--epochs", "12", "--class-weights", "balanced", "--label-smoothing", "0.05")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(results_of("rare-learned")["f1_macro"], 0.9)

    def test_batch_tokens(self):
        """Rows of so many tokens, each once an epoch."""
        files = rows_of("tokens", single)
        more = ["--batch-tokens", "64", "--dropout", "0.1", "--epochs", "2.5"]
        self.assertEqual(finetune("classify", files, "tokens", *more, batch=False).returncode, 0)
        steps, evaluations = log_of("tokens")
        self.assertTrue(all(x["tokens"] <= 64 for x in steps))
        self.assertGreater(len({x["rows"] for x in steps}), 1)
        ends = [i for i, x in enumerate(steps) if x["epoch"] == int(x["epoch"])]
        self.assertEqual([sum(x["rows"] for x in steps[:i + 1]) for i in ends], [96, 192])
        self.assertEqual([x["step"] for x in evaluations], [steps[i]["step"] for i in ends] + [steps[-1]["step"]])
        stop = ends[0] + 2
        self.assertEqual(finetune("classify", files, "tokens2", *more, "--stop-after", str(stop), batch=False).returncode, 0)
        self.assertEqual(finetune("classify", files, "tokens2", *more, "--resume", batch=False).returncode, 0)
        self.assertEqual(*((to / out / "model.safetensors").read_bytes() for out in ("tokens", "tokens2")))

    def test_stride(self):
        """Pieces of a long text that share tokens are more, in training alone."""
        base = model("decoder-stride", is_decoder=True)
        long = rows_of("long", lambda draw: {"text": " ".join(draw.choice(WORDS) for _ in range(30))}, n=8)
        rows = {}
        for stride in (0, 6):
            out = f"stride-{stride}"
            done = finetune("generate", long, out, "--steps", "1", "--max-length", "14", "--stride", str(stride), "--batch", "1000",
                            base=base, batch=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            rows[stride] = log_of(out)[0][0]["rows"]
        self.assertEqual(rows, {0: 8 * 3, 6: 8 * 4})
        done = finetune("generate", long, "stride-refused", "--max-length", "14", "--stride", "12", base=base)
        self.assertEqual((done.returncode, "stride" in done.stderr), (2, True))

    def test_joint(self):
        files = rows_of("joint", answer)
        done = finetune("answer", files, "joint", "--answer-head", "joint", "--epochs", "12")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(results_of("joint")["f1"], 80)
        judged = subprocess.run([pleione, "evaluate", str(to / "joint"), "--task", "answer", "--input", files[1], "--json", "--device",
                                 "reference", "--max-length", "64"], capture_output=True, text=True)
        self.assertAlmostEqual(json.loads(judged.stdout)["f1"], results_of("joint")["f1"], places=5)

    def test_killed(self):
        """SIGKILL at moments drawn by a seed, in a row: the run goes on to the bits of the one that nobody disturbed."""
        files = rows_of("killed", single)
        more = ["--epochs", "20", "--dropout", "0.1", "--validate-every", "7", "--save-every", "3"]
        began = time.monotonic()
        self.assertEqual(finetune("classify", files, "calm", *more).returncode, 0)
        whole = time.monotonic() - began
        command = command_of("classify", files, "killed", *more, "--resume")
        draw, kills = random.Random(16), 0
        for _ in range(12):
            run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                run.wait(timeout=draw.uniform(0.02, max(0.2, whole / 2)))
            except subprocess.TimeoutExpired:
                run.kill()
                kills += 1
            self.assertIn(run.wait(), (0, -signal.SIGKILL))
        self.assertGreater(kills, 0)
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("model.safetensors", "config.json", "results.json"):
            self.assertEqual((to / "calm" / name).read_bytes(), (to / "killed" / name).read_bytes(), name)
        drop = {"tokens_per_s", "data_wait"}
        self.assertEqual(*([[{k: v for k, v in x.items() if k not in drop} for x in part] for part in log_of(out)]
                           for out in ("calm", "killed")))

    def test_full_disk(self):
        """A write that fails is exit 1 with the file's name; what was whole stays, and the run goes on."""
        files = rows_of("full", single)
        more = ["--epochs", "4", "--save-every", "2"]
        self.assertEqual(finetune("classify", files, "full", *more, "--stop-after", "4").returncode, 0)
        kept = (to / "full/checkpoint-4/model.safetensors").read_bytes()
        command = command_of("classify", files, "full", *more, "--resume")
        small = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        done = subprocess.run(command, capture_output=True, text=True, preexec_fn=small, restore_signals=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(str(to / "full"), done.stderr)
        self.assertEqual((to / "full/checkpoint-4/model.safetensors").read_bytes(), kept)
        self.assertEqual(subprocess.run(command, stdout=subprocess.DEVNULL).returncode, 0)
        self.assertEqual(finetune("classify", files, "room", *more).returncode, 0)
        self.assertEqual(*((to / out / "model.safetensors").read_bytes() for out in ("full", "room")))

    def test_dropout_of_the_config(self):
        """Where none is given it is the model's, in each recipe."""
        files = rows_of("dropped", single, n=16)
        base = model("dropping", hidden_dropout_prob=0.25, attention_probs_dropout_prob=0.25, classifier_dropout=0.25)
        for recipe in ("electra", "huggingface"):
            losses = []
            for i, given in enumerate(([], ["--dropout", "0.25"], ["--dropout", "0"])):
                out = f"dropped-{recipe}-{i}"
                done = finetune("classify", files, out, "--steps", "2", "--recipe", recipe, *given, base=base)
                self.assertEqual(done.returncode, 0, done.stderr)
                losses.append([x["loss"] for x in log_of(out)[0]])
            self.assertEqual(losses[0], losses[1])
            self.assertNotEqual(losses[0], losses[2])

    def test_another_head(self):
        """A model that has a head of as many labels keeps it, of others it is drawn; either way the run ends, and so does the next."""
        files = rows_of("heads", single, n=16)
        three = rows_of("heads3", lambda draw: {"text": sentence(draw, "good"), "label": draw.choice("xyz")}, n=48)
        more = ["--steps", "3", "--save-every", "1", "--validate-every", "2"]
        self.assertEqual(finetune("classify", files, "heads-2", *more).returncode, 0)
        for task, rows, base in (("classify", three, "heads-2"), ("classify", files, "heads-2-classify"),
                                 ("tag", rows_of("heads-tag", tag), "heads-2-classify"), ("rank", rows_of("heads-rank", rank), "heads-2")):
            out = f"{base}-{task}"
            done = finetune(task, rows, out, *more, base=str(to / base))
            self.assertEqual(done.returncode, 0, done.stderr)
            config, data = json.loads((to / out / "config.json").read_text()), (to / out / "model.safetensors").read_bytes()
            tensors = json.loads(data[8:8 + int.from_bytes(data[:8], "little")])
            shapes = [about["shape"] for name, about in tensors.items() if name in ("classifier.out_proj.weight", "classifier.weight")]
            self.assertEqual(shapes, [[config["num_labels"], 32]])

    def test_one_at_a_time(self):
        """Two processes would mix what they write."""
        files = rows_of("twice", single)
        command = command_of("classify", files, "twice", "--epochs", "100000")
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while run.poll() is None and not (to / "twice/run.json").exists():
            time.sleep(0.01)
        done = subprocess.run([*command, "--resume"], capture_output=True, text=True)
        run.terminate()
        self.assertEqual((run.wait(), done.returncode), (143, 2), done.stderr)
        self.assertIn("another process is training there", done.stderr)

    def test_interrupt(self):
        files = rows_of("stop", single)
        more = ["--epochs", "30", "--validate-every", "1000"]
        self.assertEqual(finetune("classify", files, "whole-stop", *more).returncode, 0)
        command = command_of("classify", files, "stop", *more)
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            run = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            command += [] if "--resume" in command else ["--resume"]
            log = to / "stop/log.jsonl"
            seen = log.stat().st_size if log.exists() else 0
            while run.poll() is None and not (log.exists() and log.stat().st_size > seen):
                time.sleep(0.01)
            run.send_signal(number)
            self.assertEqual(run.wait(), code)
        self.assertEqual(subprocess.run(command, stdout=subprocess.DEVNULL).returncode, 0)
        self.assertEqual(*((to / out / "model.safetensors").read_bytes() for out in ("whole-stop", "stop")))

    def test_formats(self):
        """CSV with a list as JSON, CoNLL, SQuAD; what run makes of the model."""
        for part, seed in (("train", 1), ("dev", 2)):
            draw = random.Random(seed)
            tagged = [tag(draw) for _ in range(32)]
            (to / f"f-{part}.conll").write_text(
                "-DOCSTART- O\n\n" + "\n".join("".join(f"{w} {t}\n" for w, t in zip(r["tokens"], r["tags"])) for r in tagged))
            lines = [multi(draw) for _ in range(32)]
            with (to / f"f-{part}.csv").open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["words", "topics"])
                writer.writerows([x["text"], json.dumps(x["label"])] for x in lines)
            asked = [answer(draw) for _ in range(32)]
            paragraphs = [{"context": x["context"], "qas": [{"id": x["id"], "question": x["question"], "answers": [
                {"text": x["answers"]["text"][0], "answer_start": x["answers"]["answer_start"][0]}]}]} for x in asked]
            (to / f"f-{part}.json").write_text(json.dumps({"version": "1.1", "data": [{"title": "", "paragraphs": paragraphs}]}))
        for task, ending, more in (("tag", "conll", []), ("answer", "json", ["--stride", "4", "--max-length", "12"]),
                                   ("classify", "csv", ["--column", "text=words", "--label-column", "topics"])):
            done = finetune(task, [str(to / f"f-{part}.{ending}") for part in ("train", "dev")], f"f-{ending}", "--epochs", "1", *more)
            self.assertEqual(done.returncode, 0, done.stderr)
        done = subprocess.run([pleione, "run", str(to / "f-csv"), "good king", "--json", "--device", "reference"], capture_output=True,
                              text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("good", done.stdout)


class Refusals(unittest.TestCase):
    def refuse(self, words, task, files, *more, code=2):
        done = finetune(task, files, "refused", *more)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(words, done.stderr)
        self.assertFalse((to / "refused").exists())

    def test_rows(self):
        files = rows_of("bad", single)
        pathlib.Path(files[1]).write_text('{"text":"king","label":"plus"}\n{"text":"king","label":"other"}\n')
        self.refuse('the label "other"', "classify", files)
        pathlib.Path(files[1]).write_text('{"text":"king","label":"plus"}\n{"text":"king"}\n')
        self.refuse("bad-dev.jsonl:2:", "classify", files)
        self.refuse("the label", "classify", rows_of("known", single), "--labels", "plus")
        pathlib.Path(files[0]).write_text("")
        self.refuse("there is no row", "classify", files)

    def test_options(self):
        files = rows_of("options", single)
        for option, value in (("--label-smoothing", "1.1"), ("--class-weights", "heavy"), ("answer-head", "joint"),
                              ("--answer-head", "third"), ("--batch-tokens", "100")):
            self.refuse(option, "classify", files, option if option.startswith("--") else f"--{option}", value)
        sets = rows_of("options-sets", multi)
        self.refuse("one label each", "classify", sets, "--class-weights", "balanced")
        self.refuse("label smoothing", "classify", sets, "--label-smoothing", "0.1")
        self.refuse("label smoothing", "answer", rows_of("options-answer", answer), "--label-smoothing", "0.1")
        self.refuse("--class-weights", "choose", rows_of("options-choose", choose), "--class-weights", "balanced")
        self.refuse("exclude each other", "classify", files, "--steps", "3", "--epochs", "2")
        self.refuse("--metric", "classify", files, "--metric", "f1")
        self.refuse("the task embed learns nothing", "embed", files)
        self.refuse("stride:", "classify", files, "--stride", "3")
        self.refuse("--accumulate", "classify", files, "--accumulate", "3")


BASE = model("base")
if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
