/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes tensors, gives a file as torch.save writes it: a zip archive of stored entries, data.pkl (a pickle of the names,
 * types and shapes) and a file of bytes for each tensor, which begin at multiples of 64. Sizes and sums stand in the
 * directory behind them, as torch's own writer leaves them out of the local headers. Numbers that pass 32 bits have
 * records of Zip64.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/crc.h"
#include "checkpoint/write.h"
#include "common/array.h"
#include "common/fail.h"

enum {
    LOCAL_HEADER = 30,
    DESCRIPTOR_FLAGS = 0x0808, /* sizes and sum follow the data; names are UTF-8 */
    ALIGNMENT = 64,
    VERSION = 45, /* of Zip64 */
    DATE = 33,    /* 1980-01-01: files of equal tensors are equal */
};
#define ROOT "archive/"

/* ---- bytes that grow */

struct bytes {
    unsigned char *at;
    size_t n, room;
    bool failed; /* there was no memory */
};

static void add(struct bytes *b, const void *data, size_t n)
{
    unsigned char *grown = b->failed ? NULL : array_reserve(b->at, &b->room, b->n + n + 1, 1);
    b->failed = !grown;
    if (!grown)
        return;
    b->at = grown;
    memcpy(b->at + b->n, data, n);
    b->n += n;
}

static void add_text(struct bytes *b, const char *text)
{
    add(b, text, strlen(text));
}

static void add_number(struct bytes *b, uint64_t value, size_t n) /* little-endian, as this machine is */
{
    add(b, &value, n);
}

/* ---- the pickle, of protocol 2 */

static void pickle_text(struct bytes *b, const char *text)
{
    add(b, "X", 1); /* BINUNICODE */
    add_number(b, strlen(text), 4);
    add_text(b, text);
}

static void pickle_number(struct bytes *b, uint64_t value)
{
    if (value <= INT32_MAX) {
        add(b, "J", 1); /* BININT */
        add_number(b, value, 4);
        return;
    }
    add(b, "\x8a\x09", 2); /* LONG1 of nine bytes, so that it has no sign */
    add_number(b, value, 8);
    add_number(b, 0, 1);
}

/* Sizes, or strides of row-major elements. */
static void pickle_shape(struct bytes *b, const struct weight *w, bool strides)
{
    add(b, "(", 1); /* MARK */
    for (uint32_t i = 0; i < w->rank; i++) {
        uint64_t value = strides ? 1 : w->shape[i];
        for (uint32_t k = i + 1; strides && k < w->rank; k++)
            value *= w->shape[k];
        pickle_number(b, value);
    }
    add(b, "t", 1); /* TUPLE */
}

static const char *storage_of(pln_dtype dtype)
{
    static const char *const names[] = {
        [PLN_F32] = "FloatStorage",     [PLN_F64] = "DoubleStorage", [PLN_F16] = "HalfStorage",
        [PLN_BF16] = "BFloat16Storage", [PLN_I64] = "LongStorage",   [PLN_I32] = "IntStorage",
        [PLN_I16] = "ShortStorage",     [PLN_I8] = "CharStorage",    [PLN_U8] = "ByteStorage",
        [PLN_BOOL] = "BoolStorage",
    };
    return (size_t)dtype < sizeof names / sizeof *names ? names[dtype] : NULL;
}

/* torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks) */
static void pickle_tensor(struct bytes *b, const struct ckpt_output *output, uint32_t key)
{
    char number[16];
    snprintf(number, sizeof number, "%u", key);
    add_text(b, "ctorch._utils\n_rebuild_tensor_v2\n((");
    pickle_text(b, "storage");
    add_text(b, "ctorch\n");
    add_text(b, storage_of(output->dtype));
    add_text(b, "\n");
    pickle_text(b, number);
    pickle_text(b, "cpu");
    pickle_number(b, weight_elements(&output->weight));
    add_text(b, "tQ"); /* TUPLE BINPERSID */
    pickle_number(b, 0);
    pickle_shape(b, &output->weight, false);
    pickle_shape(b, &output->weight, true);
    add_text(b, "\x89"
                "ccollections\nOrderedDict\n)RtR"); /* NEWFALSE, an empty dictionary; TUPLE REDUCE */
}

static void pickle(struct bytes *b, const struct ckpt_output *outputs, uint32_t count)
{
    add_text(b, "\x80\x02"
                "ccollections\nOrderedDict\n)R(");
    for (uint32_t i = 0; i < count; i++) {
        pickle_text(b, outputs[i].name);
        pickle_tensor(b, &outputs[i], i);
    }
    add_text(b, "u."); /* SETITEMS STOP */
}

/* ---- the archive */

struct archive {
    struct ckpt_file *file;
    struct bytes directory;
    uint64_t entries;
    uint32_t sum; /* of the entry under way */
    uint64_t begin, data_begin;
    char name[64];
};

static void put(struct archive *a, const void *data, size_t n)
{
    a->sum = crc32_zip_extend(a->sum, data, n);
    ckpt_file_put(a->file, data, n);
}

static bool put_piece(void *context, const void *data, size_t n)
{
    struct archive *a = context;
    put(a, data, n);
    return !a->file->problem;
}

/* A header, with as much in its extra field as takes the data to the next multiple. */
static void begin_entry(struct archive *a, const char *name)
{
    struct bytes b = {0};
    snprintf(a->name, sizeof a->name, ROOT "%s", name);
    a->begin = a->file->at;
    a->sum = 0;
    const uint64_t bare = a->begin + LOCAL_HEADER + strlen(a->name) + 4;
    const uint64_t padding = (ALIGNMENT - bare % ALIGNMENT) % ALIGNMENT;
    add_text(&b, "PK\3\4");
    add_number(&b, VERSION, 2);
    add_number(&b, DESCRIPTOR_FLAGS, 2);
    add_number(&b, 0, 4); /* stored; time */
    add_number(&b, DATE, 2);
    add_number(&b, 0, 8);
    add_number(&b, 0, 4); /* sum and sizes */
    add_number(&b, strlen(a->name), 2);
    add_number(&b, 4 + padding, 2);
    add_text(&b, a->name);
    add_text(&b, "FB");
    add_number(&b, padding, 2);
    for (uint64_t i = 0; i < padding; i++)
        add_text(&b, "Z");
    a->directory.failed = a->directory.failed || b.failed;
    ckpt_file_put(a->file, b.at, b.failed ? 0 : b.n);
    free(b.at);
    a->data_begin = a->file->at;
}

static uint64_t or_more(uint64_t value) /* what stands where a number of Zip64 is elsewhere */
{
    return value < UINT32_MAX ? value : UINT32_MAX;
}

static void add_to_directory(struct archive *a, uint64_t size)
{
    struct bytes *b = &a->directory;
    const bool large = size >= UINT32_MAX, far = a->begin >= UINT32_MAX;
    const size_t wide = 16 * (size_t)large + 8 * (size_t)far;
    add_text(b, "PK\1\2");
    add_number(b, VERSION, 2);
    add_number(b, VERSION, 2);
    add_number(b, DESCRIPTOR_FLAGS, 2);
    add_number(b, 0, 4);
    add_number(b, DATE, 2);
    add_number(b, a->sum, 4);
    add_number(b, or_more(size), 4);
    add_number(b, or_more(size), 4);
    add_number(b, strlen(a->name), 2);
    add_number(b, wide ? wide + 4 : 0, 2);
    add_number(b, 0, 8); /* comment, disk, attributes */
    add_number(b, 0, 2);
    add_number(b, or_more(a->begin), 4);
    add_text(b, a->name);
    if (!wide)
        return;
    add_number(b, 1, 2);
    add_number(b, wide, 2);
    if (large) {
        add_number(b, size, 8);
        add_number(b, size, 8);
    }
    if (far)
        add_number(b, a->begin, 8);
}

static void end_entry(struct archive *a)
{
    const uint64_t size = a->file->at - a->data_begin;
    struct bytes b = {0};
    const size_t width = size >= UINT32_MAX ? 8 : 4;
    add_text(&b, "PK\7\10"); /* the descriptor */
    add_number(&b, a->sum, 4);
    add_number(&b, size, width);
    add_number(&b, size, width);
    add_to_directory(a, size);
    a->directory.failed = a->directory.failed || b.failed;
    ckpt_file_put(a->file, b.at, b.failed ? 0 : b.n);
    free(b.at);
    a->entries++;
}

static void put_entry(struct archive *a, const char *name, const void *data, size_t n)
{
    begin_entry(a, name);
    put(a, data, n);
    end_entry(a);
}

static void put_tensors(struct archive *a, const struct ckpt_output *outputs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char name[32];
        bool fits;
        snprintf(name, sizeof name, "data/%u", i);
        begin_entry(a, name);
        if (!ckpt_output_each(&outputs[i], put_piece, a, &fits) && !a->file->problem)
            a->directory.failed = true;
        if (!fits && !a->file->name)
            a->file->name = outputs[i].name;
        end_entry(a);
    }
}

/* Directory, and where it is: once in 64 bits, once as far as it goes. */
static void put_directory(struct archive *a)
{
    struct bytes *b = &a->directory;
    const uint64_t begin = a->file->at, size = b->n, end = begin + size;
    add_text(b, "PK\6\6");
    add_number(b, 44, 8);
    add_number(b, VERSION, 2);
    add_number(b, VERSION, 2);
    add_number(b, 0, 8); /* disks */
    add_number(b, a->entries, 8);
    add_number(b, a->entries, 8);
    add_number(b, size, 8);
    add_number(b, begin, 8);
    add_text(b, "PK\6\7");
    add_number(b, 0, 4);
    add_number(b, end, 8);
    add_number(b, 1, 4);
    add_text(b, "PK\5\6");
    add_number(b, 0, 4);
    add_number(b, a->entries < UINT16_MAX ? a->entries : UINT16_MAX, 2);
    add_number(b, a->entries < UINT16_MAX ? a->entries : UINT16_MAX, 2);
    add_number(b, or_more(size), 4);
    add_number(b, or_more(begin), 4);
    add_number(b, 0, 2);
    ckpt_file_put(a->file, b->at, b->failed ? 0 : b->n);
}

static pln_status write_torch(const char *path, const struct ckpt_output *tensors, uint32_t count, bool shard,
                              pln_error *error)
{
    struct ckpt_file file;
    struct bytes pickled = {0};
    (void)shard;
    for (uint32_t i = 0; i < count; i++)
        if (!storage_of(tensors[i].dtype))
            return pln_fail(error, PLN_INVALID, "tensor '%s': element type %d cannot be stored", tensors[i].name,
                            (int)tensors[i].dtype);
    pickle(&pickled, tensors, count);
    pln_status status = pickled.failed ? pln_fail(error, PLN_NO_MEMORY, "%s: no memory for %u tensors", path, count)
                                       : ckpt_file_begin(&file, path, error);
    if (status == PLN_OK) {
        struct archive a = {.file = &file};
        put_entry(&a, "data.pkl", pickled.at, pickled.n);
        put_entry(&a, "byteorder", "little", 6);
        put_tensors(&a, tensors, count);
        put_entry(&a, "version", "3\n", 2);
        put_directory(&a);
        if (a.directory.failed)
            pln_fail(error, PLN_NO_MEMORY, "%s: no memory for its directory", path);
        status = ckpt_file_end(&file, path, !a.directory.failed, error);
        status = a.directory.failed ? PLN_NO_MEMORY : status;
        free(a.directory.at);
    }
    free(pickled.at);
    return status;
}

const struct ckpt_writer ckpt_write_torch = {.stem = "pytorch_model", .extension = ".bin", .write = write_torch};
