# SPDX-License-Identifier: Apache-2.0
"""What the scripts for the first minutes on a machine share: parts with a time limit each, none of which stops the others, and a
report as JSON and as Markdown."""
import json
import os
import pathlib
import platform
import signal
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent


class Over(Exception):
    """A part has used its time."""


def run(command, limit, **options):
    """(exit code, stdout, stderr) of a command; one that takes longer than `limit` seconds is ended, with all that it started, and
    its code is None: what it had said until then is there."""
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, errors="replace", start_new_session=True, **options)
    try:
        out, err = process.communicate(timeout=max(limit, 0.1))
        return process.returncode, out, err
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        return None, out, err


def json_lines(text):
    """Objects of the lines that are whole."""
    found = []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            pass
    return found


def last_words(err):
    lines = [line for line in err.strip().splitlines() if line.strip()]
    return lines[-1][:300] if lines else "nothing was said"


def processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


def machine(pleione):
    code, out, err = run([pleione, "--version"], 20)
    commit = run(["git", "-C", ROOT, "describe", "--always", "--dirty"], 20)[1].strip()
    return {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "pleione": out.strip() or last_words(err), "commit": commit,
            "system": f"{platform.system()} {platform.release()} {platform.machine()}", "processor": processor(),
            "processors": len(os.sched_getaffinity(0)), "python": platform.python_version()}


class Report:
    """Parts in their order; the whole ends when its seconds are over."""

    def __init__(self, title, seconds, about):
        self.title, self.about, self.parts = title, about, []
        self.begin, self.end = time.monotonic(), time.monotonic() + seconds
        self.limit = self.end

    def left(self):
        """Seconds of the present part."""
        left = min(self.limit, self.end) - time.monotonic()
        if left <= 0:
            raise Over()
        return left

    def part(self, name, seconds, do):
        """do(rows) appends dictionaries and asks left() before it runs anything; what it raises is the part's failure, and the rows until
        then stay."""
        begin = time.monotonic()
        self.limit = begin + seconds
        part = {"name": name, "limit_s": round(seconds, 1), "rows": []}
        print(f"{name} ...", flush=True)
        try:
            part["verdict"] = do(part["rows"]) or "done"
        except Over:
            part["verdict"] = "its time is over" if part["rows"] else "no time was left"
        except Exception as reason:  # whatever it is, the other parts are worth having
            part["verdict"] = f"failed: {type(reason).__name__}: {reason}"[:400]
        part["seconds"] = round(time.monotonic() - begin, 1)
        print(f"    {part['verdict']}, {part['seconds']:.0f} s", flush=True)
        self.parts.append(part)

    def write(self, stem):
        whole = {"title": self.title, "machine": self.about, "seconds": round(time.monotonic() - self.begin, 1), "parts": self.parts}
        pathlib.Path(f"{stem}.json").write_text(json.dumps(whole, indent=1) + "\n")
        pathlib.Path(f"{stem}.md").write_text(self.markdown(whole["seconds"]))
        print(f"{stem}.json and {stem}.md are written")

    def markdown(self, seconds):
        text = f"# {self.title}\n\n" + table([{"what": key, "": value} for key, value in self.about.items()])
        for part in self.parts:
            text += f"\n## {part['name']}\n\n{part['verdict']}, {part['seconds']} of {part['limit_s']} s\n\n{table(part['rows'])}"
        return text + f"\n{seconds:.0f} s in all.\n"


def cell(value):
    text = f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
    return text.replace("|", "/").replace("\n", " ")


def table(rows):
    if not rows:
        return ""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    lines = [keys, ["---"] * len(keys)] + [[cell(row.get(key)) for key in keys] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
