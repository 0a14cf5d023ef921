#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`pleione evaluate` beside the scores of the reference libraries, from each format; intervals, confusions, what is refused:
test_evaluate.py PLEIONE SOURCE"""
import csv
import io
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tasks"))
import drawn

pleione, source = sys.argv[1], pathlib.Path(sys.argv[2])
to = pathlib.Path(tempfile.mkdtemp(prefix="pleione-evaluate-"))
CASES = {f.stem: json.loads(f.read_text()) for f in sorted((source / "tests/tasks/scored").glob("*.json"))}


def model_of(name):
    folder = to / name
    if not folder.exists():
        drawn.write_model(name, folder, "scored")
    return str(folder)


def evaluate(name, path, *more, task=None, stdin=None):
    case = CASES[name]
    options = [word for key, value in case["options"].items() for word in (f"--{key}", value)]
    command = [pleione, "evaluate", model_of(name), "--task", task or case["task"], "--input", str(path), "--device", "reference",
               *options, *more]
    return subprocess.run(command, capture_output=True, text=True, input=stdin)


def json_of(row):
    """Rows as a person has them: answers are an object."""
    nested = {}
    for key, value in row.items():
        at, *path = key.split(".")
        if path:
            nested.setdefault(at, {})[path[0]] = value
        else:
            nested[at] = value
    return json.dumps(nested, ensure_ascii=False)


def write_jsonl(name, rename=None, rows=None):
    path = to / f"{name}{'-' + rename if rename else ''}.jsonl"
    label = {"rank": "labels", "rank-pairs": "label", "tag": "tags", "answer": "answers"}.get(name, "label")
    lines = []
    for row in rows or CASES[name]["rows"]:
        row = {(rename + k[len(label):] if rename and k.split(".")[0] == label else k): v for k, v in row.items()}
        lines.append(json_of(row))
    path.write_text("\n".join(lines) + "\n")
    return path


class Scores(unittest.TestCase):
    def compare(self, name, done):
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        found = json.loads(done.stdout)
        wanted = CASES[name]["scores"] | {"rows": len(CASES[name]["rows"])}
        self.assertEqual(set(found), set(wanted))
        for key, value in wanted.items():
            pairs = value.items() if isinstance(value, dict) else [(None, value)]
            for label, right in pairs:
                mine = found[key][label] if label else found[key]
                self.assertTrue(math.isclose(mine, right, rel_tol=1e-4, abs_tol=1e-4), (name, key, label, mine, right))
        return found

    def test_json_lines(self):
        for name in CASES:
            with self.subTest(name):
                self.compare(name, evaluate(name, write_jsonl(name), "--json"))

    def test_label_column(self):
        for name in CASES:
            if name not in ("fill-mask", "generate"):  # their rows are their own labels
                with self.subTest(name):
                    self.compare(name, evaluate(name, write_jsonl(name, "gold"), "--json", "--label-column", "gold"))

    def test_csv(self):
        for name in ("classify", "classify-many", "rank", "tag", "choose"):
            rows = CASES[name]["rows"]
            columns = sorted({key for row in rows for key in row})
            text = io.StringIO()
            table = csv.writer(text)
            table.writerow(columns)
            for row in rows:
                table.writerow([json.dumps(row[c]) if isinstance(row.get(c), list) else row.get(c, "") for c in columns])
            (to / f"{name}.csv").write_text(text.getvalue())
            with self.subTest(name):
                self.compare(name, evaluate(name, to / f"{name}.csv", "--json"))

    def test_conll_and_squad(self):
        sentences = ["\n".join(f"{word}\t{tag}" for word, tag in zip(row["tokens"], row["tags"])) for row in CASES["tag"]["rows"]
                     if "\u200b" not in row["tokens"]]
        (to / "tag.conll").write_text("\n\n".join(sentences) + "\n")
        rows = [row for row in CASES["tag"]["rows"] if "\u200b" not in row["tokens"]]
        as_lines = evaluate("tag", write_jsonl("tag", "few", rows), "--json", "--label-column", "few")
        self.assertEqual(evaluate("tag", to / "tag.conll", "--json").stdout, as_lines.stdout)
        self.assertEqual(as_lines.returncode, 0)
        paragraphs = [{"context": row["context"], "qas": [{"id": str(i), "question": row["question"], "answers": [
            {"text": t, "answer_start": int(s)} for t, s in zip(row["answers.text"], row["answers.answer_start"])]}]}
            for i, row in enumerate(CASES["answer"]["rows"])]
        (to / "dev.json").write_text(json.dumps({"version": "v2.0", "data": [{"title": "t", "paragraphs": paragraphs}]}))
        self.compare("answer", evaluate("answer", to / "dev.json", "--json"))

    def test_stdin_and_batches(self):
        text = write_jsonl("classify").read_text()
        done = evaluate("classify", "-", "--input-format", "jsonl", "--json", stdin=text)
        self.compare("classify", done)
        small = evaluate("classify", "-", "--input-format", "jsonl", "--json", "--batch-tokens", "20", stdin=text)
        self.assertEqual(small.stdout, done.stdout)

    def test_name_of_a_picture(self):
        done = evaluate("classify", write_jsonl("classify", None, CASES["classify"]["rows"][:3]), "--confusion", "picture.png")
        self.assertEqual((done.returncode, done.stderr), (2, 'pleione: --confusion "picture.png" does not end in .svg\n'))

    def test_label_column_that_rows_lack(self):
        done = evaluate("classify", write_jsonl("classify", None, CASES["classify"]["rows"][:3]), "--label-column", "nope")
        self.assertEqual(done.returncode, 1)
        self.assertIn('jsonl:1: the row has no column "nope", which is to be `label`\n', done.stderr)

    def test_rows_without_an_answer(self):
        """They count in no score, wherever they stand; the others' scores are what they are alone."""
        rows = CASES["classify"]["rows"]
        good = evaluate("classify", write_jsonl("classify", None, rows[:20]), "--json", "--bootstrap", "50", "--confusion")
        lines = [json_of(row) for row in rows[:20]]
        for at, bad in ((20, '{"text": "a", "label": "worst"}'), (11, '{"text": '), (7, '{"text": null, "label": "bad"}'),
                        (7, '{"text": "' + "word " * 600 + '", "label": "bad"}'), (0, '{"text": "a"}')):
            lines.insert(at, bad)
        (to / "some.jsonl").write_text("\n".join(lines) + "\n")
        done = evaluate("classify", to / "some.jsonl", "--json", "--bootstrap", "50", "--confusion")
        self.assertEqual((done.returncode, json.loads(done.stdout)), (1, json.loads(good.stdout) | {"errors": 5}))
        self.assertEqual(done.stderr, f"pleione: 5 of 25 rows count in no score, the first: {to}/some.jsonl:1: "
                                      "the row has no column `label`\n")
        self.assertRegex(evaluate("classify", to / "some.jsonl").stdout, r"^20 rows, 5 without an answer\n")
        cut = evaluate("classify", to / "some.jsonl", "--json", "--too-long", "cut")
        self.assertEqual((cut.returncode, json.loads(cut.stdout)["errors"], json.loads(cut.stdout)["rows"]), (1, 4, 21))
        (to / "bad.csv").write_text("text,label\na,worst\nb\n")
        done = evaluate("classify", to / "bad.csv", "--json")
        self.assertEqual((done.returncode, json.loads(done.stdout)), (1, {
            "rows": 0, "errors": 2, "loss": None, "accuracy": None, "f1_micro": None, "f1_macro": None, "matthews": None}))
        # A list of passages, then pairs: the first row says of which kind the scores are.
        mixed = [CASES["rank"]["rows"][0], {"query": "a", "passage": "b", "label": "1"}, CASES["rank"]["rows"][1]]
        done = evaluate("rank", write_jsonl("rank", None, mixed), "--json")
        self.assertEqual((done.returncode, json.loads(done.stdout)["rows"], json.loads(done.stdout)["errors"]), (1, 2, 1))
        self.assertIn("rank.jsonl:2: rows of two kinds", done.stderr)

    def test_no_rows(self):
        (to / "none.jsonl").write_text("")
        done = evaluate("classify", to / "none.jsonl", "--json", "--bootstrap", "5")
        self.assertEqual(json.loads(done.stdout), {"rows": 0, "loss": None, "accuracy": None, "f1_micro": None, "f1_macro": None,
                                                   "matthews": None})

    def test_intervals(self):
        path = write_jsonl("classify")
        first = evaluate("classify", path, "--json", "--bootstrap", "300").stdout
        self.assertEqual(evaluate("classify", path, "--json", "--bootstrap", "300").stdout, first)
        other = json.loads(evaluate("classify", path, "--json", "--bootstrap", "300", "--seed", "1").stdout)
        found = json.loads(first)
        self.assertNotEqual(found["intervals"], other["intervals"])
        for name in ("loss", "accuracy", "f1_micro", "f1_macro", "matthews"):
            low, high = found["intervals"][name]
            self.assertTrue(low < found[name] < high)
        self.assertIn("best", found["intervals"]["f1_by_class"])

    def test_confusion(self):
        path = write_jsonl("classify")
        found = json.loads(evaluate("classify", path, "--json", "--confusion").stdout)
        counts = found["confusion"]["counts"]
        self.assertEqual(found["confusion"]["labels"], ["bad", "fair", "good", "best"])
        self.assertEqual(sum(map(sum, counts)), 40)
        self.assertAlmostEqual(sum(counts[i][i] for i in range(4)) / 40, found["accuracy"])
        done = evaluate("classify", path, "--confusion", str(to / "confusion.svg"))
        self.assertIn("gold \\ given", done.stdout)
        self.assertRegex(done.stdout, r"accuracy +0\.6250")
        picture = xml.dom.minidom.parse(str(to / "confusion.svg"))
        self.assertEqual(len(picture.getElementsByTagName("rect")), 1 + sum(c > 0 for row in counts for c in row))


class Refusals(unittest.TestCase):
    def refuse(self, done, code, *sentences):
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for sentence in sentences:
            self.assertIn(sentence, done.stderr)

    def test_rows(self):
        for line, sentence in [('{"text": "a", "label": "worst"}', '"worst" is none of the model\'s 4 labels'),
                               ('{"text": "a", "label": "4"}', '"4" is none of'), ('{"text": "a"}', "no column `label`"),
                               ('{"text": "a", "label": ["bad"]}', "is a list"), ('{"text": ', ""),
                               ('{"text": "' + "word " * 600 + '", "label": "bad"}', "at most 512")]:
            (to / "bad.jsonl").write_text('{"text": "a", "label": "bad"}\n\n' + line + "\n" + '{"text": "b", "label": "bad"}\n')
            self.refuse(evaluate("classify", to / "bad.jsonl", "--json", "--on-error", "stop"), 2,
                        f"{to}/bad.jsonl:3: ", sentence)
        for name, row, sentence in [
                ("choose", {"prompt": "a", "choices": ["b", "c"], "label": "2"}, "no whole number from 0 to 1"),
                ("tag", {"tokens": ["a", "b"], "tags": ["O"]}, "`tags` has 1 items, `tokens` 2"),
                ("tag", {"tokens": ["a"], "tags": ["B-X"]}, '"B-X" is none'),
                ("rank", {"query": "a", "passages": ["b"], "labels": ["1", "0"]}, "`labels` has 2 items"),
                ("rank", {"query": "a", "passages": ["b"], "labels": ["-1"]}, "below 0"),
                ("classify-number", {"text": "a", "label": "much"}, "is no number"),
                ("answer", {"question": "a", "context": "b c", "answers.text": ["c"], "answers.answer_start": ["9"]}, "from 0 to 3"),
                ("answer", {"question": "a", "context": "b c", "answers.text": ["c d"], "answers.answer_start": ["2"]}, "behind the")]:
            with self.subTest(name):
                self.refuse(evaluate(name, write_jsonl(name, None, [row]), "--json", "--on-error", "stop"), 2,
                            f"{name}.jsonl:1: ", sentence)

    def test_before_the_model(self):
        (to / "few.csv").write_text("text,gold\na,bad\n")
        self.refuse(evaluate("classify", to / "few.csv"), 2, "few.csv", "`label`", "--label-column")
        self.refuse(evaluate("classify", to / "few.csv", "--label-column", "silver"), 2, "silver")
        self.refuse(evaluate("classify", to / "few.csv", "--label-column", "gold", "--confusion=x.png"), 2, ".svg")
        self.refuse(evaluate("classify", to / "few.csv", "--label-column", "gold", "--confusion", "/nowhere/x.svg"), 1, "/nowhere")
        self.refuse(evaluate("classify", to / "nothing.csv"), 2, "nothing.csv")
        self.assertFalse((to / "x.svg").exists())

    def test_options(self):
        path = write_jsonl("tag")
        self.refuse(evaluate("tag", path, "--confusion"), 2, "confus")
        self.refuse(evaluate("tag", path, "--on-error", "go"), 2, '--on-error: "go" is not row|stop')
        self.refuse(evaluate("tag", path, "--bootstrap", "1000000"), 2, "1000000")
        self.refuse(evaluate("tag", path, task="detect"), 2, "no scores")
        self.refuse(evaluate("tag", path, task="walk"), 2, "walk")
        done = subprocess.run([pleione, "evaluate", model_of("tag"), "--input", str(path)], capture_output=True, text=True)
        self.refuse(done, 2, "--task")


unittest.main(argv=sys.argv[:1])
