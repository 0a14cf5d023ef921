#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`pleione run` on whatever it is given: an answer or an error for each text, in order; interrupts, outputs that cannot
be written, names that are not UTF-8. test_run.py PLEIONE SOURCE"""
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

PLEIONE, SOURCE = sys.argv[1:3]
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


class Texts(unittest.TestCase):
    def test_invalid_utf8(self):
        lines = [b"good", b"bad \xff\xfe\xe4\xb8 bytes", b"\xf0\x9f\x98 \xed\xa0\x80 \xc0\xaf \xf4\x90", "é中😀".encode(), b"last"]
        found = objects(DISC, text=b"\n".join(lines))
        self.assertEqual([o["text"] for o in found], [line.decode(errors="replace") for line in lines])
        self.assertEqual([w["word"] for w in found[1]["words"]], ["bad", "bytes"])
        self.assertEqual(objects(GEN, b"\xff[MASK]", "--top", "2")[0]["text"], "\ufffd[MASK]")

    def test_errors_in_place(self):
        found = objects(GEN, "--top", "1", text=b"a [MASK]\nnothing\nb\0 [MASK]\nc [MASK]\n", code=2)
        self.assertEqual([o["text"] for o in found], ["a [MASK]", "nothing", "b\0 [MASK]", "c [MASK]"])
        self.assertEqual(["fills" in o for o in found], [True, False, False, True])
        self.assertEqual([o.get("error") for o in found[1:3]], ["the text has no [MASK]", "the text holds a NUL byte"])
        done = run("run", GEN, *ON, "--top", "1", "a [MASK]", "nothing", "c [MASK]", code=2)
        first, second, third = done.stdout.decode().split("\n\n")
        self.assertEqual(second, "error: the text has no [MASK]")
        self.assertTrue(first.startswith("0  0.") and third.startswith("0  0."))
        self.assertEqual(done.stderr, b"pleione: text 2: the text has no [MASK]\n")

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
            self.assertEqual([o["text"] for o in found], ["the king", "said"])
            self.assertTrue(all("NaN" in o["error"] for o in found))
            done = run("run", model, *ON, "the king", code=1)
            self.assertNotIn(b"nan", done.stdout)
            done = run("verify", model, *ON, code=4)
            self.assertIn(b"layer.1.output.LayerNorm.weight", done.stderr)
            self.assertNotIn(b"agrees", done.stdout)
            done = run("compare", model, "--devices", "reference", "the king", code=1)
            self.assertIn(b"holds NaN", done.stderr)
            self.assertNotIn(b"agrees", done.stdout)

    def test_all_candidates(self):
        found = objects(GEN, "--top", "200000", "And the LORD said [MASK] Moses.")[0]["fills"]
        self.assertEqual(sorted(f["id"] for f in found), list(range(4096)))
        self.assertEqual(found, sorted(found, key=lambda f: (-f["probability"], f["id"])))

    def test_answers_without_waiting(self):
        with subprocess.Popen([PLEIONE, "run", DISC, *ON, "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            for text in ("the", "king"):
                child.stdin.write(text.encode() + b"\n")
                child.stdin.flush()
                self.assertEqual(json.loads(child.stdout.readline())["text"], text)
            child.stdin.close()
            self.assertEqual(child.wait(), 0)


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
