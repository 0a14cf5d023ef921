#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A sentence through the library without a C compiler and without its macros: foreign.py LIBRARY MODEL"""
import ctypes
import sys

lib = ctypes.CDLL(sys.argv[1])
lib.pln_version.restype = ctypes.c_char_p
lib.pln_free.argtypes = [ctypes.c_void_p]
lib.pln_free.restype = None


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("node", ctypes.c_int32), ("message", ctypes.c_char * 500)]


class RuntimeOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint32), ("threads", ctypes.c_uint32), ("log", ctypes.c_void_p),
                ("log_context", ctypes.c_void_p), ("backend_path", ctypes.c_char_p)]


class Word(ctypes.Structure):
    _fields_ = [("begin", ctypes.c_uint32), ("end", ctypes.c_uint32), ("probability", ctypes.c_float)]


error = Error()
P = ctypes.c_void_p


def call(name, *arguments):
    if getattr(lib, name)(*arguments, ctypes.byref(error)):
        sys.exit(f"{name}: {error.message.decode()}")


text = b"This program reads a text prophet and prints the number of lines."
runtime, devices, model, session, words, n = P(), P(), P(), P(), ctypes.POINTER(Word)(), ctypes.c_uint32()
options = RuntimeOptions(size=ctypes.sizeof(RuntimeOptions), threads=1)
if lib.pln_runtime_create(ctypes.byref(RuntimeOptions()), ctypes.byref(runtime), ctypes.byref(error)) != 2:
    sys.exit("options whose size is 0 were taken")
call("pln_runtime_create", ctypes.byref(options), ctypes.byref(runtime))
call("pln_devices_open", runtime, b"reference", None, ctypes.c_uint32(0), ctypes.byref(devices))
call("pln_model_open", runtime, sys.argv[2].encode(), None, ctypes.byref(model))
call("pln_session_create", model, devices, None, ctypes.byref(session))
call("pln_detect", session, text, ctypes.byref(words), ctypes.byref(n))
worst = max((words[i] for i in range(n.value)), key=lambda w: w.probability)
answer = f"{text[worst.begin:worst.end].decode()} {worst.probability:.2f}"
lib.pln_free(ctypes.cast(words, P))
for end, what in ("session_destroy", session), ("model_close", model), ("devices_close", devices), ("runtime_destroy", runtime):
    getattr(lib, "pln_" + end)(ctypes.byref(what))
if answer != "prophet 0.45":
    sys.exit(f"the library says {answer}")
