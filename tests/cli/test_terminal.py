#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a person sees: nothing is wider than the terminal, colour only where it is wanted, hints for mistyped words, words
that a shell completes: test_terminal.py PLEIONE SOURCE"""
import fcntl
import os
import pathlib
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
import unittest

pleione, source = sys.argv[1], pathlib.Path(sys.argv[2])
model = str(source / "models/electra-tiny-discriminator")
CSI = re.compile(r"\x1b\[[0-9;]*[mK]")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(columns, *arguments, **environment):
    """Exit code and what the command writes to a terminal of so many columns."""
    known = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "TERM")}
    try:
        child, end = pty.fork()
    except OSError as reason:
        raise unittest.SkipTest(f"no terminal: {reason}")
    if child == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execvpe(pleione, [pleione, *arguments], known | {"TERM": "xterm"} | environment)
    seen = b""
    while True:
        try:
            part = os.read(end, 1 << 16)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(end)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), seen.decode()


def in_pipe(*arguments, **environment):
    known = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")}
    done = subprocess.run([pleione, *arguments], capture_output=True, text=True, env=known | environment)
    return done.returncode, done.stdout, done.stderr


def lines_of(seen):
    """Every line that stood on the screen, those drawn over too."""
    return [part for line in seen.split("\r\n") for part in CSI.sub("", line).split("\r")]


COMMANDS = re.findall(r"^  ([a-z]+) ", subprocess.run([pleione, "--help"], capture_output=True, text=True).stdout, flags=re.M)
TABLES = [
    ("compare", model, "--devices", "reference"),
    ("bench", model, "--devices", "reference", "--shapes", "1x4", "--seconds", "0.02"),
    ("bench", model, "--devices", "reference", "--shapes", "1x4", "--overhead"),
    ("bench", model, "--devices", "reference", "--shapes", "1x4", "--memory"),
    ("bench", model, "--devices", "reference", "--shapes", "1x4", "--profile"),
    ("explain", model, "--device", "reference"),
    ("estimate", model, "-b", "2", "-s", "16", "--device", "reference", "--train"),
    ("devices", "--device", "reference"),
    ("devices", "--device", "reference", "--kernels"),
    ("verify", "--device", "reference"),
]


class Widths(unittest.TestCase):
    def test_tables(self):
        for columns, commands in ((80, TABLES), (48, TABLES[5:8])):
            for command in commands:
                with self.subTest(columns=columns, command=command[0]):
                    code, seen = on_terminal(columns, *command)
                    self.assertEqual(code, 0, seen)
                    wide = [line for line in lines_of(seen) if len(line) > columns]
                    words = [line for line in wide if " " in line.strip()]  # a word that is longer than a line stays whole
                    self.assertEqual(words, [])

    def test_wide(self):
        command = TABLES[0]
        _, narrow = on_terminal(80, *command)
        _, wide = on_terminal(80, *command, "--wide")
        _, piped, _ = in_pipe(*command)
        self.assertIn("--wide shows ", narrow)
        self.assertNotIn("p90 ms", narrow)
        for text in (wide, piped):
            self.assertNotIn("--wide shows ", text)
            self.assertIn("first node that diverges", text)

    def test_columns_overrule(self):
        _, seen = on_terminal(80, *TABLES[0], COLUMNS="200")
        self.assertIn("first node that diverges", seen)
        for wrong in ("0", "x", "-5", "99999999999"):
            _, seen = on_terminal(80, *TABLES[0], COLUMNS=wrong)
            self.assertIn("--wide shows ", seen)

    def test_help(self):
        for columns in (80, 60):
            for words in [("help",), ("--help",)] + [("help", c) for c in COMMANDS] + [(c, "--help") for c in COMMANDS]:
                with self.subTest(columns=columns, words=words):
                    code, seen = on_terminal(columns, *words)
                    self.assertEqual(code, 0)
                    wide = [line for line in lines_of(seen) if len(line) > columns and not line.startswith("usage:")]
                    # what is quoted in an example is not cut
                    self.assertEqual([line for line in wide if '"' not in line and len(line.split()) > 1], [])

    def test_names_are_whole(self):
        code, out, _ = in_pipe("bench", "--help", COLUMNS="2000")
        self.assertEqual(code, 0)
        self.assertIn("  --wide ", out)


class Colour(unittest.TestCase):
    def test_only_where_wanted(self):
        command = TABLES[0]
        self.assertRegex(on_terminal(80, *command)[1], COLOUR)
        self.assertNotRegex(on_terminal(80, *command, NO_COLOR="1")[1], COLOUR)
        self.assertRegex(on_terminal(80, *command, NO_COLOR="")[1], COLOUR)
        self.assertNotRegex(on_terminal(80, *command, TERM="dumb")[1], COLOUR)
        self.assertNotIn("\x1b", "".join(map(str, in_pipe(*command))))
        self.assertNotIn("\x1b", "".join(map(str, in_pipe("walk"))))

    def test_errors(self):
        self.assertIn("\x1b[31mpleione:", on_terminal(80, "walk")[1])


class Words(unittest.TestCase):
    def test_help_and_version(self):
        self.assertEqual(in_pipe("help")[1], in_pipe("--help")[1])
        for command in COMMANDS:
            self.assertEqual(in_pipe("help", command), in_pipe(command, "--help"))
        self.assertEqual(in_pipe("-V"), in_pipe("--version"))
        self.assertRegex(in_pipe("-V")[1], r"^pleione \d+\.\d+\.\d+\n$")
        self.assertEqual(in_pipe("help", "a", "b")[0], 2)

    def test_hints(self):
        for words, hint in [(("benhc",), "did you mean bench?"), (("toknize", "x"), "did you mean tokenize?"),
                            (("hlep",), "did you mean help?"), (("help", "trian"), "did you mean train?"),
                            (("dev",), "did you mean devices?"), (("run", "--devise", "cpu"), "did you mean --device?"),
                            (("run", "--jsn"), "did you mean --json?"), (("bench", "--sahpes=1x2"), "did you mean --shapes?"),
                            (("run", "--hlep"), "did you mean --help?")]:
            code, out, problem = in_pipe(*words)
            self.assertEqual((code, out), (2, ""), words)
            self.assertIn(hint, problem)
        for words in [("walk",), ("zzzzzzzz",), ("",), ("x" * 5000,), ("run", "--zzz"), ("run", "--" + "x" * 5000)]:
            code, _, problem = in_pipe(*words)
            self.assertEqual(code, 2)
            self.assertNotIn("did you mean", problem)


class Progress(unittest.TestCase):
    def test_whoever_waits_is_told(self):
        _, seen = on_terminal(80, "bench", model, "--devices", "reference", "--shapes", "1x4", "--seconds", "1.6")
        self.assertRegex(seen, r"\rtiming 1x4 on 1 device  1 s\x1b\[K")
        self.assertNotIn("timing", in_pipe("bench", model, "--devices", "reference", "--shapes", "1x4", "--seconds", "1.2")[2])


def completed(line):
    """The words that bash offers at the end of the line."""
    words = line.split(" ")
    script = subprocess.run([pleione, "completions", "bash"], capture_output=True, text=True, check=True).stdout
    script += f"\nCOMP_WORDS=({' '.join(repr(w) for w in words)}); COMP_CWORD={len(words) - 1}; _pleione; echo \"${{COMPREPLY[*]}}\""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    if done.returncode or done.stderr:
        raise AssertionError(done.stderr)
    return done.stdout.split()


class Completions(unittest.TestCase):
    def test_bash(self):
        if not shutil.which("bash"):
            self.skipTest("no bash")
        self.assertEqual(set(completed("pleione ")), set(COMMANDS) | {"help"})
        self.assertEqual(completed("pleione ben"), ["bench"])
        self.assertEqual(completed("pleione help tok"), ["tokenize"])
        self.assertEqual(completed("pleione bench --sha"), ["--shapes"])
        self.assertEqual(completed("pleione run m --math "), ["f32", "bf16", "int8"])
        self.assertIn("masked-lm", completed("pleione forward m --head "))
        self.assertEqual(completed("pleione run m --device vul"), ["vulkan"])
        self.assertEqual(completed("pleione train m --data "), [])  # files
        self.assertEqual(completed("pleione run m te"), [])
        self.assertEqual(completed("pleione completions "), ["bash", "zsh", "fish"])
        self.assertEqual(completed("pleione completions bash "), [])

    def test_each_has_all_options(self):
        for shell in ("bash", "zsh", "fish"):
            code, script, _ = in_pipe("completions", shell)
            self.assertEqual(code, 0)
            for command in COMMANDS:
                _, text, _ = in_pipe(command, "--help", COLUMNS="2000")
                for option in re.findall(r"^  (--?[a-z][a-z0-9-]*)", text, flags=re.M):
                    name = f" -l {option[2:]} " if shell == "fish" and option.startswith("--") else \
                           f" -s {option[1:]} " if shell == "fish" else option
                    self.assertIn(name, script, (shell, command))

    def test_other_shells_read_theirs(self):
        for shell, check in (("zsh", ["-n"]), ("fish", ["--no-execute"]), ("bash", ["-n"])):
            if shutil.which(shell):
                done = subprocess.run([shell, *check], input=in_pipe("completions", shell)[1], capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_wrong_shell(self):
        self.assertEqual(in_pipe("completions", "csh")[0], 2)
        self.assertEqual(in_pipe("completions")[0], 2)


unittest.main(argv=sys.argv[:1])
