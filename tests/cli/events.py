#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A file of TensorBoard's events read by what stands in its format, sums included: read(path) gives (step, {tag: number}) of each
event that has numbers."""
import struct

TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    TABLE.append(byte)


def masked_sum(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def number(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def fields(data):
    at = 0
    while at < len(data):
        key, at = number(data, at)
        kind = key & 7
        if kind == 0:
            value, at = number(data, at)
        elif kind == 2:
            n, at = number(data, at)
            value, at = data[at : at + n], at + n
        else:
            n = {1: 8, 5: 4}[kind]
            value, at = data[at : at + n], at + n
        yield key >> 3, value


def records(raw):
    at = 0
    while at < len(raw):
        (n, crc) = struct.unpack_from("<QI", raw, at)
        data = raw[at + 12 : at + 12 + n]
        assert crc == masked_sum(raw[at : at + 8]) and struct.unpack_from("<I", raw, at + 12 + n)[0] == masked_sum(data)
        yield data
        at += 16 + n


def read(path):
    out = []
    for i, data in enumerate(records(path.read_bytes())):
        event = dict(fields(data))
        assert len(event[1]) == 8  # wall_time
        if i == 0:
            assert event[3] == b"brain.Event:2"
            continue
        values = [dict(fields(v)) for k, v in fields(event[5]) if k == 1]
        out.append((event[2], {v[1].decode(): struct.unpack("<f", v[2])[0] for v in values}))
    return out
