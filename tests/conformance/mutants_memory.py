# SPDX-License-Identifier: Apache-2.0
"""mini.c with memory of its own, as accelerators have it, and faults of such: see mutants.py. GOOD are variants of mini.c
that are right."""
from mutants import SYSTEM, TABLE, at

ENTRIES = """
static pln_status buffer_create(pln_device *device, uint64_t bytes, pln_buffer **buffer, pln_failure *failure)
{
    const pln_host *host = device->host;
    pln_buffer *b = host->allocate(host->context, sizeof *b + 64 + bytes);
    if (!b)
        return pln_failed(failure, PLN_NO_MEMORY, -1, "mini: no memory for a buffer of %llu bytes", (unsigned long long)bytes);
    b->bytes = bytes;
    *buffer = b;
    return PLN_OK;
}

static void buffer_destroy(pln_device *device, pln_buffer **buffer)
{
    device->host->release(device->host->context, *buffer);
    *buffer = NULL;
}

static pln_status buffer_write(pln_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t count,
                               const void *data, pln_failure *failure)
{
    (void)device, (void)dtype, (void)failure;
    memcpy(buffer->data + offset, data, count * 4);
    return PLN_OK;
}

static pln_status buffer_read(pln_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t count,
                              void *data, pln_failure *failure)
{
    (void)device, (void)dtype, (void)failure;
    memcpy(data, buffer->data + offset, count * 4);
    return PLN_OK;
}

"""
LAST = "                                    .plan_destroy = plan_destroy}"
OWN_MEMORY = [
    SYSTEM,
    ("struct pln_device {\n", "struct pln_buffer {\n    uint64_t bytes;\n    _Alignas(64) char data[];\n};\nstruct pln_device {\n"),
    (".flags = PLN_DEVICE_FLAG_HOST_MEMORY,", ".flags = 0,"),
    ("    return (struct matrix){v->data, v->rows,", "    return (struct matrix){v->buffer->data + v->offset, v->rows,"),
    (TABLE, ENTRIES + TABLE),
    (LAST, LAST[:-1] + "".join(f",\n                                    .buffer_{e} = buffer_{e}" for e in ("create", "destroy", "write", "read")) + "}"),
]
GOOD = [("memory of its own", OWN_MEMORY)]
COPY = "    memcpy(buffer->data + offset, data, count * 4);\n"
READ = "    memcpy(data, buffer->data + offset, count * 4);\n"
MUTANTS = [(name, wanted, OWN_MEMORY + edits) for name, wanted, edits in [
    ("three of four buffer entries", "of the four buffer entries", [(",\n                                    .buffer_read = buffer_read", "")]),
    ("a buffer that is none", "no buffer", [("    *buffer = b;\n", "    *buffer = NULL;\n")]),
    ("a buffer is not released", "left", [("    device->host->release(device->host->context, *buffer);\n", "    (void)device;\n")]),
    ("a buffer without memory crashes", "in buffer_create: it ended its process by signal 11", [("    if (!b)\n        return pln_failed(failure, PLN_NO_MEMORY, -1, \"mini: no memory for a buffer of %llu bytes\", (unsigned long long)bytes);\n", "")]),
    ("a buffer that is too small", "buffers", [("sizeof *b + 64 + bytes", "sizeof *b + bytes / 2")]),
    ("writes at the begin of a buffer", "buffers", [(COPY, COPY.replace(" + offset", ""))]),
    ("reads at the begin of a buffer", "buffers", [(READ, READ.replace(" + offset", ""))]),
    ("offsets in elements", "buffers", [(COPY, COPY.replace("offset", "offset * 4 % 1200")), (READ, READ.replace("offset", "offset * 4 % 1200"))]),
    ("writes bytes, not elements", "buffers", [(COPY, COPY.replace("count * 4", "count"))]),
    ("reads an element too many", "buffer_read wrote beside", [(READ, READ.replace("count * 4", "count * 4 + 4"))]),
    ("writes an element too many", "buffers", [(COPY, COPY.replace("count * 4", "count * 4 + 4"))]),
    ("one buffer for all", "buffers", [("    pln_buffer *b = host->allocate(host->context, sizeof *b + 64 + bytes);\n", "    static pln_buffer *last;\n    pln_buffer *b = bytes == 1200 && last ? last : host->allocate(host->context, sizeof *b + 64 + bytes);\n    last = b;\n")]),
    ("writes when it runs", "buffers", [("    uint64_t bytes;\n    _Alignas", "    const void *later;\n    uint64_t at, n, bytes;\n    _Alignas"), (COPY, "    buffer->later = data;\n    buffer->at = offset;\n    buffer->n = count;\n"), (READ, "    if (buffer->later)\n        memcpy(buffer->data + buffer->at, buffer->later, buffer->n * 4);\n    buffer->later = NULL;\n" + READ)]),
    ("writes into what it is given to write", "which are only lent", [(COPY, COPY + "    ((float *)(uintptr_t)data)[0] = 0;\n")]),
    ("wants what it writes at 16 bytes", "signal 11", [(COPY, "    for (uint64_t i = 0; i + 4 <= count; i += 4)\n        _mm_storeu_si128((__m128i *)(buffer->data + offset + i * 4), *(const volatile __m128i *)((const char *)data + i * 4));\n" + COPY)]),
    ("integers become floats", "linear", [(COPY, "    (void)dtype;\n    for (uint64_t i = 0; dtype == PLN_I32 && i < count; i++)\n        ((float *)(void *)(buffer->data + offset))[i] = (float)((const int32_t *)data)[i];\n    if (dtype != PLN_I32)\n    " + COPY)]),
    ("windows begin where their base does", "linear", [("v->buffer->data + v->offset", "v->buffer->data + v->offset / 256 * 256")]),
    ("writes of no element fail", "buffers", [(COPY, '    if (!count)\n        return pln_failed(failure, PLN_INVALID, -1, "mini: nothing to write");\n' + COPY), (READ, '    if (!count)\n        return pln_failed(failure, PLN_INVALID, -1, "mini: nothing to read");\n' + READ)]),
]]
