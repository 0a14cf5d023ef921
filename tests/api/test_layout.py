#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the lock of the backend header lets through: test_layout.py CC SOURCE. Copies of the header are edited; growing at the
end of a struct or an enum passes, all else fails with a sentence."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

EDITS = [  # text, what takes its place, what the sentence holds (None: it passes)
    ("    int (*goes_on)(void *context, const char *what, uint64_t done, uint64_t total);\n} pln_host;",
     "    int (*goes_on)(void *context, const char *what, uint64_t done, uint64_t total);\n    void *more;\n} pln_host;",
     None),
    ("} pln_backend;", "    void (*more)(void);\n} pln_backend;", None),
    ("    PLN_LAYOUT_ROWS = 0, /*", "    PLN_LAYOUT_BLOCKS = 1,\n    PLN_LAYOUT_ROWS = 0, /*", None),
    ("    uint32_t together; /*", "    uint64_t together; /*", "pln_verdict"),
    ("    uint32_t n_dims;\n", "    uint32_t n_dims;\n    const void *early;\n", "pln_run.early is new, and lies within"),
    ("    PLN_VALUE_STATE = 3,", "    PLN_VALUE_STATE = 5,", "PLN_VALUE_STATE was 3 and is 5"),
    ("    const char *(*cache_directory)(void *context);", "    char *(*cache_directory)(void *context);",
     "pln_host.cache_directory"),
    ("typedef struct pln_run {\n    uint32_t size;\n    uint32_t n_dims;",
     "typedef struct pln_run {\n    uint32_t n_dims;\n    uint32_t size;", "does not begin with its size"),
    ("typedef struct pln_run {", "typedef struct pln_new {\n    uint32_t size;\n} pln_new;\n\ntypedef struct pln_run {",
     "crossing.def lacks it"),
    ("    void (*plan_cancel)(pln_plan *plan);\n", "", "pln_backend.plan_cancel is gone"),
]


def main():
    cc, source = sys.argv[1], pathlib.Path(sys.argv[2])
    failed = False
    for old, new, sentence in EDITS:
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder)
            shutil.copytree(source / "api", copy / "api")
            (copy / "tests/api").mkdir(parents=True)
            (copy / "common").mkdir()
            for name in ("tests/api/backend_layout.txt", "tests/api/crossing.def", "common/sized.def"):
                shutil.copy(source / name, copy / name)
            header = copy / "api/pleione_backend.h"
            text = header.read_text()
            if old not in text:
                sys.exit(f"the header has no {old!r}")
            header.write_text(text.replace(old, new, 1))
            done = subprocess.run([sys.executable, source / "tests/api/check_layout.py", cc, copy, "backend"],
                                  capture_output=True, text=True)
            if (done.returncode == 0) != (sentence is None) or (sentence and sentence not in done.stdout):
                print(f"{old!r} -> {new!r}: exit {done.returncode}, {done.stdout}{done.stderr}")
                failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main()
