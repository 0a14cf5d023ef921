#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The layout of the public structs and the values of the public enums against what is checked in, and what every
enum and function must say: check_layout.py CC SOURCE [backend]. A struct that begins with `size` may get members behind its end;
everything else that changes breaks programs that are there. With `backend` it is the header of backends, in which every
struct must begin so, and every member keeps its declaration too. With --write the file is made anew."""
import pathlib
import re
import subprocess
import sys
import tempfile

CALLERS = ["pleione.h", "pleione_types.h"]
# Begin with their size as plugins see them, or have a stride where they are handed out.
GROWS = {"pln_device_info", "pln_kernel_info", "pln_program"}
# The library hands out pointers to them.
GIVEN = {"pln_device_entry", "pln_option_value_info", "pln_parameter", "pln_encodings", "pln_task_info", "pln_item", "pln_answer"}
# Of the header of backends: passed as it is, for ever.
FROZEN = {"pln_dim"}
SHORT = {"pln_status", "pln_dtype"}  # in every line, so without the name of their enum


def preprocess(cc, source, headers):
    return subprocess.run([cc, "-E", "-P", "-I", str(source / "api"), "-x", "c", "-"], check=True, capture_output=True,
                          text=True, input="".join(f'#include "{h}"\n' for h in headers)).stdout


def spell(declaration):
    """One way to write it."""
    return re.sub(r"\s*([*(),\[\]])\s*", r"\1", " ".join(declaration.split())).replace(" ", "_")


def declarations(cc, source, headers):
    text = preprocess(cc, source, headers)
    structs, enums, spelled = {}, [], {}
    for name, body in re.findall(r"struct (pln_\w+)\s*\{([^{}]*)\}", text):
        fields = []
        for declaration in body.split(";"):
            pointer = re.search(r"\(\*(\w+)\)", declaration)
            names = [pointer] if pointer else [re.search(r"(\w+)\s*(\[[^\]]*\])*\s*$", d) for d in declaration.split(",")]
            found = [n.group(1) for n in names if n and declaration.strip()]
            fields += found
            spelled.update({f"{name}.{f}": spell(declaration) for f in found})
        structs[name] = fields
    for name, body in re.findall(r"enum\s*(\w*)\s*\{([^{}]*)\}", text):
        if "PLN_" in body:
            enums.append((name, [v.split("=")[0].strip() for v in body.split(",") if v.strip()]))
    return structs, enums, spelled


def layout(cc, source, headers, backend):
    structs, enums, spelled = declarations(cc, source, headers)
    lines = []
    for name, fields in sorted(structs.items()):
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        for f in fields:
            how = " " + spelled[f"{name}.{f}"].replace("%", "%%") if backend else ""
            lines.append(f'printf("{name}.{f} %zu %zu{how}\\n", offsetof({name}, {f}), sizeof((({name} *)0)->{f}));')
    for _, values in enums:
        lines += [f'printf("{v} %lld\\n", (long long){v});' for v in values]
    program = "#include <stdio.h>\n" + "".join(f'#include "{h}"\n' for h in headers)
    program += "int main(void)\n{\n" + "\n".join(lines) + "\nreturn 0;\n}\n"
    with tempfile.TemporaryDirectory() as folder:
        c, out = pathlib.Path(folder) / "layout.c", pathlib.Path(folder) / "layout"
        c.write_text(program)
        subprocess.run([cc, "-std=c11", "-I", str(source / "api"), str(c), "-o", str(out)], check=True)
        return structs, enums, subprocess.run([str(out)], check=True, capture_output=True, text=True).stdout


def unmarked(source):
    """Functions of which nobody says which thread may call them: in the comment behind them, or in the one before."""
    for header in sorted((source / "api").glob("pleione_*.h")):
        text = header.read_text()
        for m in re.finditer(r"^PLN_API [^;]*?(pln_\w+)\s*\([^;]*;([^\n]*)", text, re.M):
            before = text[: m.start()]
            before = before[before.rindex("/*"):] if before.endswith("*/\n") else ""
            said = re.sub(r"\s+(\* )?", " ", before + m.group(2)).lower()
            if not re.search(r"\b(any thread|one thread|alone)\b", said):
                yield m.group(1)


def table(text):
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line and not line.startswith("#")}


def compare(old, new, structs):
    """Sentences of what breaks, and whether something was added."""
    wrong, more = [], False
    for name, value in old.items():
        struct = name.split(".")[0]
        if name not in new:
            wrong.append(f"{name} is gone")
        elif new[name] == value:
            continue
        elif "." not in name and name in structs:
            if name in GROWS | GIVEN or structs[name][0] == "size":
                more = int(new[name][0]) > int(value[0])
            if not more:
                wrong.append(f"{name} had {value[0]} bytes and has {new[name][0]}, but programs have arrays of it")
        elif struct in GIVEN and name == f"{struct}.{structs[struct][-1]}" and new[name][0] == value[0]:
            more = True  # the last member has grown itself
        elif "." in name:
            wrong.append(f"{name} was at offset, size {value} of {struct} and is at {new[name]}: only its end may grow")
        else:
            wrong.append(f"{name} was {value[0]} and is {new[name][0]}")
    for name in new.keys() - old.keys():
        struct = name.split(".")[0]
        if "." in name and struct in old and int(new[name][0]) < int(old[struct][0]):
            wrong.append(f"{name} is new, and lies within the {old[struct][0]} bytes that {struct} had")
        more = True
    return wrong, more


def without_size(structs, source):
    """Structs that cross, and must be able to grow."""
    crossing = set(re.findall(r"^CROSSES\((\w+)\)", (source / "tests/api/crossing.def").read_text(), re.M))
    shared = set(re.findall(r"struct (pln_\w+)", (source / "api/pleione_types.h").read_text()))
    for s, f in structs.items():
        if s in FROZEN or (s in shared and s not in crossing):
            continue
        if f[0] != "size":
            yield f"{s} crosses between library and backends, but does not begin with its size"
        if s not in crossing:
            yield f"{s} crosses between library and backends, but tests/api/crossing.def lacks it"


def main():
    write = "--write" in sys.argv
    backend = "backend" in sys.argv
    cc, source = [a for a in sys.argv[1:] if a not in ("--write", "backend")]
    source = pathlib.Path(source)
    path = source / ("tests/api/backend_layout.txt" if backend else "tests/api/layout.txt")
    structs, enums, text = layout(cc, source, ["pleione_backend.h"] if backend else CALLERS, backend)
    wrong = list(without_size(structs, source)) if backend else []
    for enum, values in enums:
        wrong += [f"{v} does not begin with the name of its enum {enum}" for v in values
                  if enum and not backend and enum not in SHORT and not v.startswith(enum.upper() + "_")]
    wrong += [f"nothing says which thread may call {name}" for name in unmarked(source)]
    sized = set() if backend else set(re.findall(r"^SIZED\((\w+),", (source / "common/sized.def").read_text(), re.M))
    wrong += [f"{s} begins with its size, but common/sized.def lacks it" for s, f in structs.items()
              if not backend and f[0] == "size" and s not in sized | GROWS | GIVEN]
    if write:
        path.write_text("# name, size in bytes | name.field, offset, size | value. tests/api/check_layout.py --write CC ."
                        + (" backend" if backend else "") + "\n" + text)
    broken, more = compare(table(path.read_text()) if path.exists() else {}, table(text), structs)
    for sentence in wrong + broken:
        print(sentence)
    if more and not broken:
        print(f"the headers have more than {path.relative_to(source)}: run tests/api/check_layout.py --write CC ."
              + (" backend" if backend else ""))
    sys.exit(bool(wrong or broken or (more and not backend)))  # of backends, growing is what is allowed


if __name__ == "__main__":
    main()
