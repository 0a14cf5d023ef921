#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`pleione run` on whatever it is given: an answer or an error for each row, in order; files of every format, ended at
any moment and gone on with; interrupts, outputs that cannot be written, names that are not UTF-8.
test_run.py PLEIONE SOURCE DEVICE..."""
import csv
import gzip
import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import xml.dom.minidom

PLEIONE, SOURCE, *DEVICES = sys.argv[1:]
DISC = os.path.join(SOURCE, "models", "electra-tiny-discriminator")
GEN = os.path.join(SOURCE, "models", "electra-tiny-generator")
ON = ("--device", "reference")
LINE = os.path.join(SOURCE, "tests", "cli", "line.txt")


def run(*arguments, text=b"", code=0, **more):
    more.setdefault("stdout", subprocess.PIPE)
    done = subprocess.run([PLEIONE, *arguments], input=text, stderr=subprocess.PIPE, timeout=120, **more)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit code {done.returncode}, expected {code}: {done.stderr.decode()}")
    return done


def objects(*arguments, **more):
    return [json.loads(line) for line in run("run", *arguments, *ON, "--json", **more).stdout.splitlines()]


def copy_model(folder, source=DISC):
    os.mkdir(folder)
    for name in os.listdir(source):
        with open(os.path.join(source, name), "rb") as file:
            data = file.read()
        with open(os.path.join(os.fsencode(folder), os.fsencode(name)), "wb") as file:
            file.write(data)


def of_head(folder, architecture, labels=0):
    """A copy of the discriminator with another head, whose weights are drawn."""
    model = os.path.join(folder, architecture)
    copy_model(model)
    path = os.path.join(model, "config.json")
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    config["architectures"] = [architecture]
    if labels:
        config["id2label"] = {str(i): f"L{i}" for i in range(labels)}
        config["label2id"] = {f"L{i}": i for i in range(labels)}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
    return model


class Texts(unittest.TestCase):
    def test_invalid_utf8(self):
        lines = [b"good", b"bad \xff\xfe\xe4\xb8 bytes", b"\xf0\x9f\x98 \xed\xa0\x80 \xc0\xaf \xf4\x90", "é中😀".encode(), b"last"]
        found = objects(DISC, text=b"\n".join(lines))
        self.assertEqual([o["row"] for o in found], list(range(5)))
        self.assertEqual([w["word"] for w in found[1]["answer"]], ["bad", "bytes"])
        self.assertEqual([w["word"] for w in found[4]["answer"]], ["last"])
        self.assertEqual(len(objects(GEN, b"\xff[MASK]", "--top", "2")[0]["answer"]), 2)

    def test_errors_in_place(self):
        found = objects(GEN, "--top", "1", text=b"a [MASK]\nnothing\nb\0 [MASK]\n\nc [MASK]", code=1)
        self.assertEqual([o["row"] for o in found], list(range(5)))
        self.assertEqual(["answer" in o for o in found], [True, False, True, False, True])
        self.assertEqual([o.get("error") for o in found if "error" in o], ["the text has no [MASK]"] * 2)
        done = run("run", GEN, *ON, "--top", "1", "a [MASK]", "nothing", "c [MASK]", code=1)
        head, first, second, third = done.stdout.decode().splitlines()
        self.assertEqual(head.split(), ["row", "score", "token", "token_str", "sequence"])
        self.assertEqual(second.split(None, 1), ["1", "error: the text has no [MASK]"])
        self.assertEqual([first.split()[0], third.split()[0]], ["0", "2"])
        self.assertEqual(done.stderr, b"pleione: 1 of 3 rows have no answer, the first is row 1: the text has no [MASK]\n")
        done = run("run", GEN, *ON, "nothing", code=1)
        self.assertEqual((done.stdout, done.stderr), (b"error: the text has no [MASK]\n", b"pleione: the text has no [MASK]\n"))
        done = run("run", GEN, *ON, "--json", "--on-error", "stop", "a [MASK]", "nothing", "c [MASK]", code=1)
        self.assertEqual([json.loads(line)["row"] for line in done.stdout.splitlines()], [0])
        self.assertEqual(done.stderr, b"pleione: row 1: the text has no [MASK]\n")

    def test_weights_that_are_not_finite(self):
        with tempfile.TemporaryDirectory() as folder:
            model = os.path.join(folder, "model")
            copy_model(model)
            path = os.path.join(model, "model.safetensors")
            with open(path, "rb") as file:
                data = bytearray(file.read())
            size = struct.unpack("<Q", data[:8])[0]
            header = json.loads(data[8:8 + size])
            at = 8 + size + header["electra.encoder.layer.1.output.LayerNorm.weight"]["data_offsets"][0]
            data[at:at + 4] = struct.pack("<f", float("nan"))
            with open(path, "wb") as file:
                file.write(data)
            found = objects(model, "the king", "said", code=1)
            self.assertTrue(len(found) == 2 and all("NaN" in o["error"] for o in found))
            done = run("run", model, *ON, "the king", code=1)
            self.assertNotIn(b"nan", done.stdout)
            done = run("verify", model, *ON, code=4)
            self.assertIn(b"layer.1.output.LayerNorm.weight", done.stderr)
            self.assertNotIn(b"agrees", done.stdout)
            done = run("compare", model, "--devices", "reference", "the king", code=1)
            self.assertIn(b"holds NaN", done.stderr)
            self.assertNotIn(b"agrees", done.stdout)

    def test_all_candidates(self):
        found = objects(GEN, "--top", "200000", "And the LORD said [MASK] Moses.")[0]["answer"]
        self.assertEqual(sorted(f["token"] for f in found), list(range(8192)))
        self.assertEqual(found, sorted(found, key=lambda f: (-f["score"], f["token"])))

    def test_answers_without_waiting(self):
        with subprocess.Popen([PLEIONE, "run", DISC, *ON, "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            for row, text in enumerate(("the", "king")):
                child.stdin.write(text.encode() + b"\n")
                child.stdin.flush()
                found = json.loads(child.stdout.readline())
                self.assertEqual((found["row"], found["answer"][0]["word"]), (row, text))
            child.stdin.close()
            self.assertEqual(child.wait(), 0)

    def test_columns_of_a_row(self):
        with tempfile.TemporaryDirectory() as folder:
            asked = of_head(folder, "ElectraForQuestionAnswering")
            found = objects(asked, "Who?", "The king.", "What?", "A crown.")
            self.assertEqual(len(found), 2)
            self.assertTrue(found[1]["answer"]["answer"] in "A crown.")
            self.assertIn(b"the task answer takes texts as rows of question, context; 3 are given",
                          run("run", asked, *ON, "a", "b", "c", code=2).stderr)
            ranked = of_head(folder, "ElectraForSequenceClassification", 1)
            found = objects(ranked, "--task", "rank", "query", "one", "two", "three")
            self.assertEqual(sorted(p["corpus_id"] for p in found[0]["answer"]), [0, 1, 2])
            with open(os.path.join(folder, "rows.jsonl"), "w", encoding="ascii") as file:
                file.write('{"query": "q", "passages": ["a", "b"]}\n')
            self.assertEqual(len(objects(ranked, "--input", file.name)[0]["answer"]), 2)  # chosen by its columns


def rows_of(n):
    """Texts of any length, with all that a format has to quote, and an error now and then."""
    words = "And the king said unto him, \"Go\" ; where is thy brother's house?".split()
    return [" ".join(words[i % 3:3 + i * 7 % 11]) + (" [MASK]" if i % 9 != 4 else "") for i in range(n)]


def write_csv(path, rows, delimiter=","):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["id", "text", "answer"])
        writer.writerows([i, row, f"x{i}"] for i, row in enumerate(rows))


class Files(unittest.TestCase):
    rows = rows_of(40)

    def setUp(self):
        self.kept = tempfile.TemporaryDirectory()
        self.addCleanup(self.kept.cleanup)
        self.folder = self.kept.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def make_input(self, name="in.csv", rows=None):
        write_csv(self.path(name), rows or self.rows)
        return self.path(name)

    def expected(self):
        return objects(GEN, "--top", "2", *self.rows, code=1)

    def test_formats(self):
        expected = self.expected()
        self.assertEqual([o["row"] for o in expected], list(range(40)))
        self.assertEqual(sum("error" in o for o in expected), 4)
        write_csv(self.path("a.csv"), self.rows)
        write_csv(self.path("a.tsv"), self.rows, "\t")
        with open(self.path("a.txt"), "w", encoding="utf-8") as file:
            file.write("\n".join(self.rows))
        with open(self.path("a.jsonl"), "w", encoding="utf-8") as file:
            file.writelines(json.dumps({"text": row}) + "\n" for row in self.rows)
        for name in ("a.csv", "a.tsv", "a.txt", "a.jsonl"):
            self.assertEqual(objects(GEN, "--top", "2", "--input", self.path(name), code=1), expected)
            with gzip.open(self.path(name + ".gz"), "wb") as file:
                file.write(self.read(name))
            self.assertEqual(objects(GEN, "--top", "2", "--input", self.path(name + ".gz"), code=1), expected)
            how = name.rsplit(".", maxsplit=1)[-1].replace("txt", "text")
            self.assertEqual(objects(GEN, "--top", "2", "--input", "-", "--input-format", how, text=self.read(name), code=1),
                             expected)

    def test_outputs(self):
        expected, source = self.expected(), self.make_input()
        for name in ("out.jsonl", "out.csv", "out.tsv", "out.jsonl.gz", "out.csv.zst"):
            run("run", GEN, *ON, "--top", "2", "--input", source, "--keep", "--output", self.path(name), code=1)
        found = [json.loads(line) for line in self.read("out.jsonl").splitlines()]
        self.assertEqual([o.pop("id") for o in found], [str(i) for i in range(40)])
        self.assertEqual([o.pop("input.answer") for o in found], [f"x{i}" for i in range(40)])
        self.assertEqual(found, expected)
        self.assertEqual(gzip.decompress(self.read("out.jsonl.gz")), self.read("out.jsonl"))
        for name, delimiter in (("out.csv", ","), ("out.tsv", "\t")):
            table = list(csv.DictReader(io.StringIO(self.read(name).decode(), newline=""), delimiter=delimiter))
            self.assertEqual(list(table[0]), ["row", "answer", "error", "id", "input.answer"])
            for row, o in zip(table, expected):
                self.assertEqual((int(row["row"]), row["error"]), (o["row"], o.get("error", "")))
                self.assertEqual(json.loads(row["answer"]) if row["answer"] else None, o.get("answer"))
        self.assertEqual(len(objects(GEN, "--input", self.path("out.csv.zst"), "--column", "text=id", code=1)), 40)

    def test_what_cannot_be_cut(self):
        """The sentence is about the row, not about what went to the encoder with it."""
        model = of_head(self.folder, "ElectraForQuestionAnswering")
        with open(self.path("a.jsonl"), "w", encoding="utf-8") as file:
            file.write('{"question": "who", "context": "a king"}\n' + json.dumps({"question": "who " * 600, "context": "a king"}))
        done = run("run", model, *ON, "--json", "--input", self.path("a.jsonl"), code=1)
        self.assertEqual(json.loads(done.stdout.splitlines()[1])["error"],
                         "the row's second text of 2 tokens cannot be cut so far that all have 384 together")

    def test_names_of_columns_in_json_lines(self):
        """Only a row can lack one: it says the name that the option gave. Of one that may lack, the end says so."""
        with open(self.path("a.jsonl"), "w", encoding="utf-8") as file:
            file.write('{"t": "a [MASK]", "id": 7}\n{"text": "b [MASK]", "id": 8}\n')
        done = run("run", GEN, *ON, "--json", "--keep", "--input", self.path("a.jsonl"), "--column", "text=t", code=1)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertIn("answer", rows[0])
        self.assertEqual(rows[1], {"row": 1, "error": f'{self.folder}/a.jsonl:2: the row has no column "t", which is to be `text`',
                                   "text": "b [MASK]", "id": 8})
        model = of_head(self.folder, "ElectraForSequenceClassification", 2)
        for column, said in (("nope", b'pleione: warning: no row has the column "nope" (--column text_pair=nope)\n'), ("id", b"")):
            done = run("run", model, *ON, "--json", "--input", self.path("a.jsonl"), "--column", f"text_pair={column}", code=1)
            self.assertIn(said, done.stderr)
            self.assertEqual(b"no row has" in done.stderr, bool(said))

    def test_keep_of_json_lines_in_a_table(self):
        """The columns are those of the first row, nested values JSON; a row with another one has an error in its place."""
        lines = ['{"text": "a [MASK]", "id": 1, "o": {"p": [1e3, 2.50]}, "l": ["x", "y"], "row": null}', '{"text": null, "id": 2}',
                 '{"text": "b [MASK]", "new": 1}', '{"text": ', '{"text": "c [MASK]", "l": "z"}']
        with open(self.path("a.jsonl"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        more = ("--top", "1", "--input", self.path("a.jsonl"), "--keep", "--output", self.path("out.csv"))
        done = run("run", GEN, *ON, *more, code=1)
        self.assertIn(b"3 of 5 rows have no answer, the first is row 1: %s/a.jsonl:2: the row has no column `text`" %
                      self.folder.encode(), done.stderr)
        whole = self.read("out.csv")
        table = list(csv.DictReader(io.StringIO(whole.decode(), newline="")))
        self.assertEqual(list(table[0]), ["row", "answer", "error", "id", "o", "l", "input.row"])
        self.assertEqual([json.loads(table[0][name]) for name in ("id", "o", "l")], [1, {"p": [1e3, 2.5]}, ["x", "y"]])
        self.assertIn("2.50", table[0]["o"])
        self.assertEqual([bool(row["answer"]) for row in table], [True, False, False, False, True])
        self.assertIn('"new" is none of them', table[2]["error"])
        self.assertEqual([row["l"] for row in table], ['["x", "y"]', "", "", "", "z"])
        with open(self.path("out.csv"), "wb") as file:
            file.write(whole[:len(whole) // 2])
        self.assertIn(b"3 of 5 rows", run("run", GEN, *ON, *more, "--resume", code=1).stderr)
        self.assertEqual(self.read("out.csv"), whole)
        with open(self.path("a.jsonl"), "w", encoding="utf-8") as file:
            file.write("{\n" + lines[0])
        self.assertIn(b"a.jsonl:1: ", run("run", GEN, *ON, *more, code=2).stderr)

    def test_numbers_stay_as_they_are(self):
        lines = b'{"text": "a [MASK]", "n": 1.50, "o": {"p": [1e3, null]}, "q": null, "r": true}\n'
        done = run("run", GEN, *ON, "--top", "1", "--json", "--keep", "--input", "-", "--input-format", "jsonl", text=lines)
        self.assertTrue(done.stdout.endswith(b', "n": 1.50, "o": {"p": [1e3, null]}, "q": null, "r": true}\n'))

    def test_bad_rows(self):
        with open(self.path("a.jsonl"), "wb") as file:
            file.write(b'{"text": "a [MASK]"}\n{"text": 1\n{"txt": "x"}\n{"text": ["x"]}\n{"text": "b [MASK]"}\n')
        found = objects(GEN, "--top", "1", "--input", self.path("a.jsonl"), code=1)
        self.assertEqual([("answer" in o) for o in found], [True, False, False, False, True])
        self.assertIn("a.jsonl:2: the JSON is broken", found[1]["error"])
        self.assertIn("no column `text`", found[2]["error"])
        done = run("run", GEN, *ON, "--top", "1", "--json", "--input", self.path("a.jsonl"), "--on-error", "stop", code=1)
        self.assertEqual(len(done.stdout.splitlines()), 1)
        self.assertIn(b"a.jsonl:2: the JSON is broken", done.stderr)
        data = gzip.compress(b'{"text": "a [MASK]"}\n' * 5000)
        with open(self.path("cut.jsonl.gz"), "wb") as file:
            file.write(data[:-5])
        done = run("run", GEN, *ON, "--top", "1", "--json", "--input", self.path("cut.jsonl.gz"), code=1)
        self.assertEqual(len(done.stdout.splitlines()), 5000)
        self.assertIn(b"cut.jsonl.gz: its gzip data is cut off", done.stderr)

    def test_nothing_is_obeyed(self):
        """What a file holds reaches no terminal as a command to it."""
        with open(self.path("a.csv"), "wb") as file:
            file.write(b"a\x1b[31m,b\n1,2\n")
        done = run("run", DISC, *ON, "--input", self.path("a.csv"), code=2)
        self.assertIn(b"there are: a [31m, b", done.stderr)
        with open(self.path("a.jsonl"), "wb") as file:
            file.write(b'{"text": "a", "text_pair": ["\\u001b"]}\n{"\x1b[2J": 1}\n')
        done = run("run", DISC, *ON, "--input", self.path("a.jsonl"), code=1)
        self.assertNotIn(b"\x1b", done.stderr + done.stdout)

    def test_refused_before_it_begins(self):
        source, out = self.make_input(), self.path("out.jsonl")
        for words, options in ((b'no column "zzz"; there are: id, text, answer', ("--column", "text=zzz")),
                               (b'no column "text", which the task fill-mask needs; there are: row, x', ("--input", self.path("b.csv"))),
                               (b'fill-mask has no column "txt"; it has text', ("--column", "txt=text")),
                               (b"is not NAME=COLUMN", ("--column", "text")), (b"is not row|stop", ("--on-error", "go")),
                               (b'"walk" is not detect|fill-mask', ("--task", "walk")),
                               (b"has no option \"stride\"", ("--stride", "3")),
                               (b"exclude each other", ("a text",)), (b"its ending says no format", ("--output", self.path("o.doc")))):
            with open(self.path("b.csv"), "w", encoding="ascii") as file:
                file.write("row,x\n1,2\n")
            inputs = () if "--input" in options else ("--input", source)
            outputs = () if "--output" in options else ("--output", out)
            self.assertIn(words, run("run", GEN, *ON, *inputs, *outputs, *options, code=2).stderr)
            self.assertFalse(os.path.exists(out))
        other, whole = self.path("link.csv"), self.read("in.csv")
        os.link(source, other)
        for out, more in ((source, ()), (other, ()), (other, ("--resume",))):
            done = run("run", GEN, *ON, "--input", source, "--output", out, *more, code=2)
            self.assertIn(b"is read too, and would be lost", done.stderr)
            with open(source, "rb") as file:
                done = subprocess.run([PLEIONE, "run", GEN, *ON, "--output", out], stdin=file, capture_output=True, timeout=20)
            self.assertIn(b"is read too, and would be lost", done.stderr)
            self.assertEqual(self.read("in.csv"), whole)
        self.assertIn(b"needs an --output", run("run", GEN, *ON, "--input", source, "--resume", code=2).stderr)
        self.assertIn(b"needs --json or an --output", run("run", GEN, *ON, "--input", source, "--keep", code=2).stderr)

    def test_nothing_hangs_on_neighbours(self):
        source = self.make_input()
        for device in DEVICES:
            found = set()
            for tokens in ("1", "40", "100000"):
                out = self.path("out.jsonl")
                run("run", GEN, "--device", device, "--top", "3", "--input", source, "--batch-tokens", tokens, "--output", out, code=1)
                found.add(self.read("out.jsonl"))
            self.assertEqual(len(found), 1, device)

    def test_vectors(self):
        with open(self.path("in.csv"), "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["text"], ["the king"], ["x", "y"], ["his brother"]])
        expected = [o.get("answer") for o in objects(DISC, "--task", "embed", "--input", self.path("in.csv"), code=1)]
        self.assertEqual([e is None for e in expected], [False, True, False])
        width = len(expected[0])
        for name, head in (("out.npy", 128), ("out.safetensors", 256)):
            run("run", DISC, *ON, "--task", "embed", "--input", self.path("in.csv"), "--output", self.path(name), code=1)
            whole = self.read(name)
            found = struct.unpack(f"<{3 * width}f", whole[head:])
            for i in (0, 2):
                for a, b in zip(found[i * width:], expected[i]):
                    self.assertAlmostEqual(a, b, delta=1e-6 * (1 + abs(b)))
            self.assertTrue(all(x != x for x in found[width:2 * width]))
            for cut in (0, head - 1, head, head + 4 * width + 3, len(whole)):
                with open(self.path(name), "wb") as file:
                    file.write(whole[:cut])
                run("run", DISC, *ON, "--task", "embed", "--input", self.path("in.csv"), "--output", self.path(name), "--resume", code=1)
                self.assertEqual(self.read(name), whole)
        self.assertIn(b"'shape': (3, %d)" % width, self.read("out.npy")[:128])
        self.assertEqual(json.loads(self.read("out.safetensors")[8:256]),
                         {"embeddings": {"dtype": "F32", "shape": [3, width], "data_offsets": [0, 12 * width]}})
        self.assertIn(b"takes one vector a row", run("run", DISC, *ON, "a", "--output", self.path("o.npy"), code=2).stderr)

    def test_ids_are_a_cell(self):
        model = of_head(self.folder, "ElectraForCausalLM")
        path = os.path.join(model, "config.json")
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        with open(path, "w", encoding="utf-8") as file:
            json.dump({**config, "is_decoder": True}, file)
        lines = run("run", model, *ON, "--max-new-tokens", "7", "the king", "the prophet").stdout.decode().splitlines()
        self.assertEqual(lines[0].split(), ["row", "ids", "generated_text"])
        self.assertEqual(len(lines), 3)
        for number, line in enumerate(lines[1:]):
            self.assertRegex(line, rf"^ *{number}  \[(\d+, ){{6}}\.\.\.\] of 7 +the ")

    def test_choices_have_numbers(self):
        model = of_head(self.folder, "ElectraForMultipleChoice")
        lines = run("run", model, *ON, "And the king", "said", "went").stdout.decode().splitlines()
        self.assertEqual(lines[0].split(), ["row", "number", "scores", "choice"])
        self.assertEqual([line.split()[:2] for line in lines[1:]], [["0", "0"], ["0", "1"]])

    def seen(self, start):
        """What a terminal gets from what is started with it."""
        ours, theirs = pty.openpty()
        self.assertEqual(start(theirs), 0)
        os.close(theirs)
        seen = b""
        try:
            while True:
                seen += os.read(ours, 1 << 16)
        except OSError:
            pass
        os.close(ours)
        return seen

    def test_typed_rows(self):
        """Nothing is drawn into the line of who types."""
        ours, theirs = pty.openpty()
        with subprocess.Popen([PLEIONE, "run", GEN, *ON, "--top", "1", "--json"], stdin=theirs, stdout=theirs, stderr=theirs) as child:
            os.close(theirs)
            time.sleep(1.5)
            os.write(ours, b"a [MASK]\n\x04")
            seen = b""
            while seen.count(b"\n") < 2:
                seen += os.read(ours, 1 << 16)
            os.write(ours, b"\x04")
            self.assertEqual(child.wait(60), 0)
        os.close(ours)
        self.assertNotIn(b"row ", seen.replace(b'{"row": 0', b""))
        self.assertNotIn(b"rows", seen)

    def test_time_left(self):
        """Of a file that is read at once, too: what is worked out counts, not what is read, nor what is given out."""
        source = self.path("small.txt")
        with open(source, "w", encoding="utf-8") as file:
            file.writelines(f"{'the king ' * (i * 37 % 90)} [MASK] {i}\n" for i in range(300))
        with open(self.path("answers"), "wb") as answers:
            seen = self.seen(lambda theirs: subprocess.run([PLEIONE, "run", GEN, *ON, "--input", source, "--json"], stdout=answers,
                                                           stderr=theirs, timeout=120, check=False).returncode)
        left = [float(x) for x in re.findall(rb"run \d+ rows, \d+ rows/s, (\d+) s left", seen)]
        self.assertTrue(left, seen)
        rows = [int(x) for x in re.findall(rb"run (\d+) rows", seen)]
        self.assertEqual(rows, sorted(rows))
        self.assertLessEqual(rows[-1], 300)

    def test_progress(self):
        """Rows, their rate and what is left, on a terminal; nothing elsewhere, or where the answers themselves are seen."""
        def slowly(stderr, stdout):
            with subprocess.Popen([PLEIONE, "run", GEN, *ON, "--top", "1", "--json"], stdin=subprocess.PIPE, stdout=stdout,
                                  stderr=stderr) as child:
                for _ in range(3):  # the line comes with the first answer that is half a second old
                    child.stdin.write(b"a [MASK]\n")
                    child.stdin.flush()
                    time.sleep(0.6)
                child.stdin.close()
                return child.wait()

        self.assertRegex(self.seen(lambda theirs: slowly(theirs, subprocess.DEVNULL)), rb"run [23] rows, \d+ rows/s")
        with open(self.path("said"), "wb") as said:
            self.assertEqual(slowly(said, subprocess.DEVNULL), 0)
        self.assertEqual(self.read("said"), b"")

    def test_a_person_reads(self):
        ours, theirs = pty.openpty()
        source = self.make_input()
        subprocess.run([PLEIONE, "run", GEN, *ON, "--top", "1", "--input", source], stdout=theirs, stderr=subprocess.DEVNULL,
                       env=dict(os.environ, COLUMNS="50", TERM="dumb"), timeout=120, check=False)
        os.close(theirs)
        lines = os.read(ours, 1 << 16).decode().splitlines()
        os.close(ours)
        self.assertEqual(len(lines), 41)
        self.assertTrue(all(len(line) <= 50 for line in lines if "error" not in line))


class Resumed(unittest.TestCase):
    """Whatever a run that was ended leaves, `--resume` makes it what it would have been."""

    def setUp(self):
        self.kept = tempfile.TemporaryDirectory()
        self.addCleanup(self.kept.cleanup)
        self.source = os.path.join(self.kept.name, "in.csv")

    def command(self, device, out, *more):
        return [PLEIONE, "run", GEN, "--device", device, "--top", "2", "--input", self.source, "--keep", "--output", out, *more]

    def check(self, device, name, whole, code):
        out = os.path.join(self.kept.name, name)
        done = subprocess.run(self.command(device, out, "--resume"), stderr=subprocess.PIPE, timeout=120, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        with open(out, "rb") as file:
            self.assertEqual(file.read(), whole)
        return done.stderr

    def whole(self, device, name):
        out = os.path.join(self.kept.name, name)
        done = subprocess.run(self.command(device, out), stderr=subprocess.PIPE, timeout=120, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        with open(out, "rb") as file:
            return file.read(), done.stderr

    def resume(self, text, options, others, cut):
        """A run that is cut and gone on with is the whole; with other options it is refused, and left as it is."""
        source, out = (os.path.join(self.kept.name, name) for name in ("rows.txt", "out.jsonl"))
        with open(source, "w", encoding="ascii") as file:
            file.write(text)
        command = [*options, "--input", source, "--output", out]
        run("run", *command)
        with open(out, "rb") as file:
            whole = file.read()
        half = b"".join(whole.splitlines(keepends=True)[:cut])
        for more, code, expected in (((), 0, whole), (others, 2, half)):
            with open(out, "wb") as file:
                file.write(half)
            done = run("run", *command, *more, "--resume", code=code)
            with open(out, "rb") as file:
                self.assertEqual(file.read(), expected)
        self.assertIn(b"row %d of %s has another answer" % (cut - 1, out.encode()), done.stderr)

    def test_other_options(self):
        texts = "".join(f"{i} the king [MASK]\n" for i in range(9))
        self.resume(texts, [GEN, *ON], ("--top", "2"), 5)

    def test_draws_go_on(self):
        """What is drawn hangs on the number of the row."""
        model = os.path.join(SOURCE, "tests", "generation", "cases", "writer")
        self.resume("the cat\n" * 6, [model, *ON, "--sample", "--max-new-tokens", "6"], ("--sample-seed", "1"), 3)

    def test_cut_anywhere(self):
        write_csv(self.source, rows_of(30))
        for device in DEVICES:
            for name in ("out.jsonl", "out.csv", "out.jsonl.gz") if device == "reference" else ("out.jsonl",):
                whole, said = self.whole(device, name)
                cuts = (0, 1, len(whole) // 3, len(whole) * 2 // 3, len(whole) - 1, len(whole))
                for cut in cuts if device == "reference" else cuts[2:3]:
                    with open(os.path.join(self.kept.name, name), "wb") as file:
                        file.write(whole[:cut])
                    self.assertEqual(self.check(device, name, whole, 1), said)

    def test_killed(self):
        device = DEVICES[:2][-1]
        write_csv(self.source, rows_of(9000 if len(DEVICES) > 1 else 1000))
        for name in ("out.jsonl", "out.csv.zst"):
            began = time.monotonic()
            whole, _ = self.whole(device, name)
            spent = time.monotonic() - began
            out = os.path.join(self.kept.name, name)
            os.unlink(out)
            for part in range(1, 9):
                with subprocess.Popen(self.command(device, out, "--resume"), stderr=subprocess.DEVNULL) as child:
                    time.sleep(spent * part / 16)
                    child.send_signal((signal.SIGKILL, signal.SIGINT)[part % 2])
                if part % 2 and child.returncode == 130 and name.endswith("jsonl"):
                    with open(out, "rb") as file:
                        left = file.read()
                    self.assertTrue(whole.startswith(left) and (not left or left.endswith(b"\n")))
            self.check(device, name, whole, 1)

    def test_another_input(self):
        write_csv(self.source, rows_of(20))
        self.whole("reference", "out.jsonl")
        write_csv(self.source, rows_of(5))
        done = subprocess.run(self.command("reference", os.path.join(self.kept.name, "out.jsonl"), "--resume"),
                              stderr=subprocess.PIPE, timeout=120, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"more rows than the input", done.stderr)


def catches(pid, number):
    with open(f"/proc/{pid}/status") as file:
        caught = [line for line in file if line.startswith("SigCgt:")][0].split()[1]
    return int(caught, 16) >> (number - 1) & 1


class Interrupts(unittest.TestCase):
    def end(self, child, number):
        child.send_signal(number)
        code = child.wait(60)
        self.assertEqual(child.stderr.read(), b"")
        return code

    def test_while_stdin_is_waited_for(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            for command in (("run", DISC, *ON, "--json"), ("tokenize", DISC)):
                with subprocess.Popen([PLEIONE, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE) as child:
                    child.stdin.write(b"the\n")
                    child.stdin.flush()
                    child.stdout.readline()
                    self.assertEqual(self.end(child, number), code)
            with tempfile.TemporaryDirectory() as folder:
                pipe = os.path.join(folder, "pipe")
                os.mkfifo(pipe)
                with subprocess.Popen([PLEIONE, "vocab", pipe], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
                    with open(pipe, "wb"):  # it is open at both ends: the command waits for text
                        self.assertEqual(self.end(child, number), code)

    def test_of_a_command_that_keeps_nothing(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with subprocess.Popen([PLEIONE, "explain", DISC, *ON, *["the king said"] * 2000], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE) as child:  # a minute's work
                while not catches(child.pid, signal.SIGINT):
                    pass
                self.assertEqual(self.end(child, number), code)


COMMANDS = (("run", DISC, *ON, "hi"), ("run", DISC, *ON, "--json", "hi"), ("tokenize", DISC, LINE), ("vocab", LINE),
            ("estimate", DISC, "-b", "1", "-s", "8", *ON), ("explain", DISC, *ON), ("explain", DISC, *ON, "--dot"),
            ("verify", DISC, *ON), ("devices",), ("--help",), ("--version",), ("run", "--help"))


class Outputs(unittest.TestCase):
    def test_full(self):
        with open("/dev/full", "wb") as full:
            for command in COMMANDS:
                self.assertIn(b"stdout cannot be written", run(*command, stdout=full, code=1).stderr)

    def test_closed_pipe(self):
        for command in COMMANDS:
            ours, theirs = os.pipe()
            os.close(ours)
            self.assertIn(b"stdout cannot be written: Broken pipe", run(*command, stdout=theirs, code=1).stderr)
            os.close(theirs)

    def test_closed(self):
        for command in COMMANDS:
            done = run(*command, code=1, preexec_fn=lambda: os.close(1))
            self.assertIn(b"stdout cannot be written", done.stderr)


class Names(unittest.TestCase):
    def test_not_utf8(self):
        with tempfile.TemporaryDirectory() as folder:
            model = os.path.join(os.fsencode(folder), b"m\xff\xc3")
            copy_model(model)
            self.assertEqual(len(run("run", model, *ON, "--json", "hi").stdout.splitlines()), 1)
            self.assertIn(model + b"/none", run("run", model + b"/none", *ON, "hi", code=4).stderr)
            table, picture = model + b".json", model + b".svg"
            run("bench", model, "--devices", "reference", "--shapes", "1x4", "--seconds", "0.01", "-o", table, "--plot",
                picture)
            with open(table, "rb") as file:
                self.assertTrue(json.loads(file.read().decode())["title"].startswith("m\ufffd\ufffd: "))
            with open(picture, "rb") as file:
                self.assertIn("m\ufffd\ufffd", xml.dom.minidom.parseString(file.read()).toxml())


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
