#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files of weights that somebody made to hurt: check_hostile.py PLEIONE.

Each is refused by `pleione inspect` with exit code 4 and its sentence, in 2 GB of address space and a few seconds; the ones
that only look so are read.
"""
import io
import resource
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# ---------------------------------------------------------------- pickles, opcode by opcode


def text(s):
    b = s.encode() if isinstance(s, str) else s
    return b"X" + struct.pack("<I", len(b)) + b


def number(n):
    return b"K" + bytes([n]) if 0 <= n < 256 else b"\x8a\x08" + struct.pack("<q", n)


def tuple_of(*items):
    return b"(" + b"".join(items) + b"t"


def name(module, function):
    return b"c" + module.encode() + b"\n" + function.encode() + b"\n"


ORDERED = name("collections", "OrderedDict") + b")R"


def storage(key="0", count=4, kind="FloatStorage", *more):
    return tuple_of(text("storage"), name("torch", kind), text(key), text("cpu"), number(count), *more) + b"Q"


def tensor(of=None, offset=0, size=(2, 2), stride=(2, 1), function="_rebuild_tensor_v2"):
    of = storage() if of is None else of
    sides = [tuple_of(*map(number, x)) for x in (size, stride)]
    return name("torch._utils", function) + tuple_of(of, number(offset), *sides, b"\x89", ORDERED) + b"R"


def dictionary(**items):
    return b"}(" + b"".join(text(k) + v for k, v in items.items()) + b"u"


def pickle(body):
    return b"\x80\x02" + body + b"."


MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
FLOATS = struct.pack("<4f", 1, 2, 3, 4)


def legacy(body, keys=("0",), data=struct.pack("<q", 4) + FLOATS, little=b"\x88"):
    return (MAGIC + pickle(b"M\xe9\x03") + pickle(dictionary(little_endian=little)) + pickle(body)
            + pickle(b"](" + b"".join(map(text, keys)) + b"e") + data)


def archive(body=None, entries=(("data/0", FLOATS),), method=zipfile.ZIP_STORED, root="archive"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        z.writestr(f"{root}/data.pkl", pickle(dictionary(w=tensor()) if body is None else body))
        for entry, data in entries:
            z.writestr(f"{root}/{entry}", data)
    return out.getvalue()


def changed(data, old, new, last=False):
    at = data.rfind(old) if last else data.find(old)
    assert at >= 0
    return data[:at] + new + data[at + len(old):]


# ---------------------------------------------------------------- cases: name, bytes, sentence (None: it is read)


def nested(depth):
    return b"}" if depth == 0 else b"}" + text("d") + nested(depth - 1) + b"s"


def doubled(levels):
    """Dictionaries of which each holds the next one twice."""
    out = b"}q\x00"
    for i in range(levels):
        out = b"}(" + text("a") + out + text("b") + b"h" + bytes([i]) + b"uq" + bytes([i + 1])
    return out


def pickles():
    good = dictionary(w=tensor())
    yield "good", good, None
    yield "parameter", dictionary(w=name("torch._utils", "_rebuild_parameter") + tuple_of(tensor(), b"\x88", ORDERED) + b"R"), None
    yield "view of a storage", dictionary(w=tensor(storage("0", 4, "FloatStorage", tuple_of(text("v"), number(1), number(3))), 0, (2,), (2,))), None
    yield "repeated element", dictionary(w=tensor(None, 0, (1, 512), (0, 0))), None
    yield "no element", dictionary(w=tensor(None, 0, (0, 5), (5, 1))), None
    yield "memo and metadata", b"}q\x00(" + text("w") + tensor() + b"u}" + text("_metadata") + b"h\x00sb", None
    yield "a call", dictionary(w=name("posix", "system") + tuple_of(text("id")) + b"R"), "'posix system'"
    yield "a call before all else", name("os", "system") + b"0" + good, "'os system'"
    yield "a call by texts", text("builtins") + text("eval") + b"\x93" + tuple_of(text("1")) + b"R", "'builtins eval'"
    yield "a name that begins well", name("collections", "OrderedDictionary") + b")R", "'collections OrderedDictionary'"
    for code, op in ((b"i", "INST"), (b"o", "OBJ"), (b"\x81", "NEWOBJ"), (b"\x92", "NEWOBJ_EX"), (b"\x82", "EXT1"),
                     (b"P", "PERSID"), (b"\x97", "NEXT_BUFFER"), (b"g", "GET"), (b"\x90", "ADDITEMS")):
        yield f"opcode {op}", b"}" + code + b"a\nb\n", f"opcode {op},"
    yield "no opcode", b"}\xff", "0xff, which is no opcode"
    yield "a call of a kind", name("torch", "FloatStorage") + b")R", "calls what is no function"
    yield "a text of 4 GiB", b"X\xff\xff\xff\xff", "ends in the middle"
    yield "a text of 2^63", b"\x8d" + b"\xff" * 8, "ends in the middle"
    yield "a number of 4 GiB", b"\x8b\xff\xff\xff\x7f", "more than 255 bytes"
    yield "an empty stack", b"R", "more from its stack"
    yield "no mark", b"t", "more from its stack"
    yield "a key alone", b"}(" + text("a") + b"u", "without a value"
    yield "a memo of 2^31", b"}r\xff\xff\xff\x7f", "memo beyond its steps"
    yield "a memo that is empty", b"h\x05", "memo for what is not there"
    yield "two objects", b"}}", "not one object"
    yield "no dictionary", tensor(), "no dictionary of tensors"
    yield "no tensor", dictionary(a=number(1)), "holds no tensor"
    yield "a circle", b"}q\x00" + text("a") + b"h\x00s", "in a circle"
    yield "a deep nest", nested(40), "more than 32 deep"
    yield "a nest of 2^30 entries", doubled(30), "more than 400000 entries"
    yield "two of one name", b"}(" + (text("w") + tensor()) * 2 + b"u", "two tensors have the name 'w'"
    yield "a long name", dictionary(**{"n" * 1001: tensor()}), "more than 1000 bytes"
    yield "a name that is no text", b"}(" + b"N" + tensor() + b"u", "whose name is no text"
    yield "a name that is no UTF-8", b"}(" + text(b"\xff\xfe") + tensor() + b"u", "not UTF-8"
    yield "a module", dictionary(w=tuple_of(text("module"), text("x")) + b"Q"), "a whole module"
    yield "an id that is none", dictionary(w=tuple_of(text("storage")) + b"Q"), "persistent id"
    yield "a storage of 2^62", dictionary(w=tensor(storage("0", 1 << 62))), "no number of elements"
    yield "a negative storage", dictionary(w=tensor(storage("0", -4))), "no number of elements"
    yield "an offset past the end", dictionary(w=tensor(None, 1)), "beyond its storage of 4"
    yield "an offset of 2^62", dictionary(w=tensor(None, 1 << 62)), "beyond its storage"
    yield "a stride past the end", dictionary(w=tensor(None, 0, (2, 2), (3, 1))), "beyond its storage"
    yield "a stride of 2^62", dictionary(w=tensor(None, 0, (3, 2), (1 << 62, 1))), "beyond its storage"
    yield "a negative stride", dictionary(w=tensor(None, 3, (2, 2), (-2, -1))), "no whole number"
    yield "nine dimensions", dictionary(w=tensor(None, 0, (1,) * 9, (1,) * 9)), "more than 8 dimensions"
    yield "an element 2^40 times", dictionary(w=tensor(None, 0, (1 << 20, 1 << 20), (0, 0))), "more than the file has"
    yield "an element 2^80 times", dictionary(w=tensor(None, 0, (1 << 40, 1 << 40), (0, 0))), "64 bits can count"
    yield "size without stride", dictionary(w=tensor(None, 0, (2, 2), (1,))), "do not fit"
    yield "a view past the end", dictionary(w=tensor(storage("0", 4, "FloatStorage", tuple_of(text("v"), number(3), number(3))))), "no number of elements"


def cases():
    for what, body, sentence in pickles():
        keys, data = (("0",), struct.pack("<q", 4) + FLOATS) if b"FloatStorage" in body else ((), b"")
        yield f"legacy, {what}", legacy(body, keys, data), sentence
        if "storage of 2^62" not in what and what != "view of a storage":
            yield f"zip, {what}", archive(body), sentence
    good = dictionary(w=tensor())
    yield "protocol 3", b"\x80\x03" + legacy(good)[2:], None
    yield "protocol 4", b"\x80\x04\x95" + struct.pack("<Q", 13) + legacy(good)[2:], None
    yield "big-endian", legacy(good, little=b"\x89"), "big-endian"
    yield "two types of one storage", legacy(dictionary(a=tensor(), b=tensor(storage("0", 2, "DoubleStorage"), 0, (2,), (1,)))), "two types"
    yield "2^61 elements", legacy(good, data=struct.pack("<q", 1 << 61) + FLOATS), "bytes are left of the file"
    yield "fewer elements than said", legacy(good, data=struct.pack("<q", 3) + FLOATS), "the pickle says 16"
    yield "no data", legacy(good, data=b""), "ends before its last storage"
    yield "a storage that nobody names", legacy(good, keys=("0", "1")), "no tensor names"
    yield "a storage twice", legacy(good, keys=("0", "0")), "one twice"
    yield "a storage that is not listed", legacy(good, keys=(), data=b""), "lacks one that a tensor names"
    yield "another version", changed(legacy(good), b"M\xe9\x03", b"M\xea\x03"), "not 1001"
    yield "a pickle of anything", pickle(b"]q\x00(K\x01K\x02K\x03K\x04e") + b" " * 8, "a Python pickle"
    yield "a tar", b"storages/" + bytes(600), "not a file of weights"

    yield "zip, deflated", archive(method=zipfile.ZIP_DEFLATED), None
    yield "zip, cut", archive()[:-30], "without its end"
    yield "zip, no data.pkl", changed(changed(archive(), b"data.pkl", b"data.pxl"), b"data.pkl", b"data.pxl", True), "holds 0 data.pkl"
    yield "zip, two data.pkl", archive(entries=(("data/0", FLOATS), ("x/data.pkl", b"."))), "holds 2 data.pkl"
    yield "zip, no storage", archive(entries=()), "lacks 'archive/data/0'"
    yield "zip, short storage", archive(entries=(("data/0", FLOATS[:12]),)), "has 12 bytes, and the pickle says 16"
    yield "zip, big-endian", archive(entries=(("data/0", FLOATS), ("byteorder", b"big"))), "big-endian"
    yield "zip, one entry twice", changed(changed(archive(entries=(("data/0", FLOATS), ("data/1", FLOATS))), b"data/1", b"data/0"), b"data/1", b"data/0", True), "is there twice"
    yield "zip, damaged pickle", changed(archive(), text("w"), text("v")), "checksum (CRC-32)"
    packed = archive(entries=(("data/0", struct.pack("<4f", 1, 2, 3, 4) + bytes(4000)),), method=zipfile.ZIP_DEFLATED)
    at = packed.find(b"data/0") + 6
    yield "zip, damaged storage", packed[:at + 6] + bytes([packed[at + 6] ^ 4]) + packed[at + 7:], "is damaged"
    central = packed.rfind(b"PK\1\2")
    yield "zip, claims 4 GiB", packed[:central + 24] + b"\xf0\xff\xff\xff" + packed[central + 28:], "more bytes than can be packed"
    stored = archive()
    central = stored.rfind(b"PK\1\2")
    yield "zip, stored and two sizes", stored[:central + 24] + b"\xf0\xff\xff\x0f" + stored[central + 28:], "two sizes"
    yield "zip, past the end", stored[:central + 20] + b"\xf0\xff\xff\x0f" * 2 + stored[central + 28:], "beyond the file"
    yield "zip, encrypted", stored[:central + 8] + b"\1" + stored[central + 9:], "is encrypted"
    yield "zip, method 99", stored[:central + 10] + b"\x63\0" + stored[central + 12:], "neither stored nor deflated"
    yield "zip, a place past the end", stored[:central + 42] + b"\xf0\xff\xff\x0f" + stored[central + 46:], "not where its directory says"
    yield "a pointer of LFS", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "a Git LFS pointer"
    yield "a page", b"<!doctype html><html></html>", "an HTML page"
    yield "nothing", b"", "the file is empty"


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))


def main():
    command, wrong, n = sys.argv[1], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text("{}")
        file = Path(folder) / "pytorch_model.bin"
        for what, data, sentence in cases():
            n += 1
            file.write_bytes(data)
            done = subprocess.run([command, "inspect", folder, "--json"], capture_output=True, timeout=20, preexec_fn=limit)
            said = done.stderr.decode(errors="replace").strip()
            if b"built without minizip" in done.stderr:
                continue
            if sentence is None and done.returncode == 0 and b'"w' in done.stdout:
                continue
            if sentence is not None and done.returncode == 4 and sentence in said and str(file) in said and "\n" not in said:
                continue
            wrong += 1
            print(f"{what}: exit code {done.returncode}, said '{said}', expected '{sentence}'")
    print(f"{n} files, {wrong} wrong")
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
