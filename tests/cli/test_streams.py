#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`pleione tokenize` and `pleione vocab` on streams: order, ends of lines, long lines, pipes, terminals, what cannot be
read. test_streams.py PLEIONE SOURCE"""
import json
import os
import pty
import random
import resource
import signal
import subprocess
import sys
import tempfile
import unittest

PLEIONE, SOURCE = sys.argv[1:3]
MODEL = os.path.join(SOURCE, "models", "electra-tiny-discriminator")
CLS, SEP = "2", "3"


def run(*arguments, text=b"", code=0):
    done = subprocess.run([PLEIONE, *arguments], input=text, capture_output=True, timeout=120)
    if done.returncode != code:
        raise AssertionError(f"exit code {done.returncode}, expected {code}: {done.stderr.decode()}")
    return done


def ids(text, *arguments):
    """Ids of each line that comes out, without [CLS] and the last [SEP]."""
    rows = [row.split(" ") for row in run("tokenize", MODEL, *arguments, text=text).stdout.decode().splitlines()]
    assert all(row[0] == CLS and row[-1] == SEP for row in rows)
    return [" ".join(row[1:-1]) for row in rows]


class Tokenize(unittest.TestCase):
    def test_ends_of_lines(self):
        a, b = ids(b"a\nb\n")
        self.assertEqual(ids(b"a\r\nb\r\n"), [a, b])
        self.assertEqual(ids(b"a\nb"), [a, b])
        self.assertEqual(ids(b"\n\na"), ["", "", a])
        self.assertEqual(ids(b""), [])
        self.assertEqual(ids(b"a\0\nb\n\0"), [a, b, ""])
        self.assertEqual(ids(b"\xffa\n\xe4\xb8b"), [a, b])

    def test_order_on_threads(self):
        rng = random.Random(1)
        words = [b"the", b"king", b"said", b"unto", b"prophet", "é中文".encode(), b"\xf0\x9f", b"[MASK]"]
        lines = [b" ".join(rng.choices(words, k=rng.randrange(60))) for _ in range(20000)]
        text = b"\n".join(lines)
        whole = run("tokenize", MODEL, "--threads", "1", text=text).stdout
        self.assertEqual(whole.count(b"\n"), len(lines))
        one = ids(lines[7]), ids(lines[19999])
        rows = whole.decode().splitlines()
        self.assertEqual([rows[7], rows[19999]], [" ".join([CLS, *filter(None, i), SEP]) for i in one])
        for threads in ("2", "7"):
            self.assertEqual(run("tokenize", MODEL, "--threads", threads, text=text).stdout, whole)
        objects = run("tokenize", MODEL, "--threads", "3", "--json", text=text).stdout.decode().splitlines()
        self.assertEqual([" ".join(map(str, json.loads(o)["ids"])) for o in objects], rows)

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, name) for name in "ab"]
            for path, text in zip(paths, (b"the", b"king\n")):
                with open(path, "wb") as file:
                    file.write(text)
            self.assertEqual(ids(b"", *paths), ids(b"the\nking"))
            self.assertEqual(ids(b"said", paths[0], "-", paths[1]), ids(b"the\nsaid\nking"))
            done = run("tokenize", MODEL, paths[0], os.path.join(folder, "c"), code=2)
            self.assertEqual(done.stdout, b"")
            self.assertIn(b"c cannot be opened: No such file", done.stderr)
            done = run("tokenize", MODEL, paths[0], folder, code=1)
            self.assertIn(b"cannot be read: Is a directory", done.stderr)

    def test_pairs(self):
        rows = [json.loads(o) for o in run("tokenize", MODEL, "--json", "--pair-separator", "\\t",
                                           text=b"a\tb\na\n\tb\na\tb\tc").stdout.splitlines()]
        self.assertEqual([r["type_ids"] for r in rows], [[0, 0, 0, 1, 1], [0, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1, 1, 1]])
        self.assertEqual(rows[0]["offsets"], [[0, 0], [0, 1], [0, 0], [0, 1], [0, 0]])
        rows = ids(b"a ||| b\na || b ||| c|||", "--pair-separator", "|||")
        self.assertEqual(rows[0], f"{ids(b'a')[0]} {SEP} {ids(b'b')[0]}")
        self.assertEqual(rows[1], f"{ids(b'a || b')[0]} {SEP} {ids(b'c|||')[0]}")
        run("tokenize", MODEL, "--pair-separator", "", code=2)

    def test_length_and_windows(self):
        text = b"the king said unto the prophet\nking\n"
        the, king, said, unto = ids(b"the king said unto")[0].split(" ")
        self.assertEqual(ids(text, "--max-length", "4"), [f"{the} {king}", king])
        rows = ids(text, "--max-length", "5", "--stride", "1")
        self.assertEqual(rows[:2], [f"{the} {king} {said}", " ".join([said, unto, the])])
        self.assertEqual(rows[-1], king)
        bare = run("tokenize", MODEL, "--no-special-tokens", text=text).stdout.decode().splitlines()
        self.assertEqual(bare[1], king)
        objects = [json.loads(o) for o in run("tokenize", MODEL, "--json", "--max-length", "6", "--windows", "--pad",
                                              text=b"king\n" * 40000 + text).stdout.splitlines()]
        self.assertEqual([o["line"] for o in objects], [*range(1, 40001), 40001, 40001, 40002])
        self.assertEqual(objects[-1]["attention_mask"], [1, 1, 1, 0, 0, 0])
        self.assertTrue(all(len(o["ids"]) == 6 for o in objects))
        self.assertEqual(ids(b"[MASK]", "--split-special-tokens"), ids(b"[ mask ]"))
        run("tokenize", MODEL, "--stride", "2", code=2)
        run("tokenize", MODEL, "--max-length", "4", "--stride", "2", text=b"the king said", code=2)

    def test_names_in_json(self):
        with tempfile.TemporaryDirectory() as folder:
            run("vocab", "-o", os.path.join(folder, "vocab.txt"), text=b'"\\')
            row = json.loads(run("tokenize", folder, "--json", text=b'"\\').stdout)
        self.assertEqual(row["tokens"][1:-1], ['"', "\\"])
        self.assertEqual(row["word_ids"], [None, 0, 1, None])

    def test_long_line(self):
        line = b"the king said " * 500000
        row, last = ids(line + b"\nthe")
        self.assertEqual(row, " ".join([ids(b"the king said")[0]] * 500000))
        self.assertEqual(last, ids(b"the")[0])
        self.assertEqual(len(ids(b"a" * 5000000)[0].split(" ")), 1)

    def test_constant_memory(self):
        text = b"And the king said unto the prophet, Where is thy brother?\n" * 1000
        peaks = []
        for times in (20, 400):
            pid = os.fork()
            if pid == 0:
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                child = subprocess.Popen([PLEIONE, "tokenize", MODEL, "--threads", "2"], stdin=subprocess.PIPE,
                                         stdout=subprocess.DEVNULL)
                for _ in range(times):
                    child.stdin.write(text)
                child.stdin.close()
                os._exit(child.wait())
            _, status, usage = os.wait4(pid, 0)
            self.assertEqual(status, 0)
            peaks.append(usage.ru_maxrss)
        self.assertLess(peaks[1], peaks[0] * 1.5)

    def test_answers_without_waiting(self):
        """A program at the other end of two pipes gets the answer to a line before it sends the next."""
        with subprocess.Popen([PLEIONE, "tokenize", MODEL], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            for line in (b"the\n", b"king\n", b"said\n"):
                child.stdin.write(line)
                child.stdin.flush()
                self.assertEqual(child.stdout.readline().decode().split()[1:-1], ids(line)[0].split())
            child.stdin.close()
            self.assertEqual(child.wait(), 0)

    def test_interrupt(self):
        with subprocess.Popen([PLEIONE, "tokenize", MODEL], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            child.stdin.write(b"the\n")
            child.stdin.flush()
            child.stdout.readline()
            child.send_signal(signal.SIGINT)
            self.assertEqual(child.wait(), 130)


def on_terminal(*arguments):
    """What the command writes to stderr when that is a terminal."""
    try:
        ours, theirs = pty.openpty()
    except OSError as reason:  # a root without /dev/pts
        raise unittest.SkipTest(f"no terminal: {reason}")
    child = subprocess.Popen([PLEIONE, *arguments], stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    seen = b""
    try:
        while True:
            seen += os.read(ours, 65536)
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    return child.wait(), seen


class Progress(unittest.TestCase):
    def test_only_on_a_terminal(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "text")
            with open(path, "wb") as file:
                file.write(b"And the king said unto the prophet, Where is thy brother?\n" * 5000)
            for command in (("tokenize", MODEL, path), ("vocab", path, "-o", os.path.join(folder, "vocab.txt"))):
                code, seen = on_terminal(*command)
                self.assertEqual(code, 0)
                self.assertIn(b"[##", seen)
                self.assertNotIn(b"[##", run(*command).stderr)


class Vocab(unittest.TestCase):
    def test_same_by_any_way(self):
        rng = random.Random(2)
        text = b" ".join(bytes(rng.choices(b"abcdefgh", k=rng.randrange(1, 9))) for _ in range(20000))
        whole = run("vocab", "--size", "400", text=text).stdout
        self.assertEqual(whole.count(b"\n"), 400)
        with tempfile.TemporaryDirectory() as folder:
            path, half, out = (os.path.join(folder, name) for name in ("text", "half", "vocab.txt"))
            cut = text.index(b" ", len(text) // 2)
            for name, part in ((path, text[:cut]), (half, text[cut:])):
                with open(name, "wb") as file:
                    file.write(part)
            run("vocab", path, half, "--size", "400", "--threads", "3", "-o", out)
            with open(out, "rb") as file:
                self.assertEqual(file.read(), whole)
            self.assertEqual(sorted(os.listdir(folder)), ["half", "text", "vocab.txt"])
            done = run("vocab", path, folder, "-o", out, code=1)
            self.assertIn(b"Is a directory", done.stderr)
            self.assertEqual(sorted(os.listdir(folder)), ["half", "text", "vocab.txt"])
            with open(out, "rb") as file:
                self.assertEqual(file.read(), whole)

    def test_opens_as_a_tokenizer(self):
        with tempfile.TemporaryDirectory() as folder:
            run("vocab", "-o", os.path.join(folder, "vocab.txt"), text=b"the king the king then\n" * 3)
            self.assertEqual(run("tokenize", folder, "--json", text=b"then").stdout.count(b'"then"'), 1)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
