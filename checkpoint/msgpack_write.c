/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes tensors whose names have '/' between their parts, gives a MessagePack file as Flax reads it: a map for each part,
 * a leaf of type 1 for each array: [shape, name of the type, bytes].
 */
#include <stdlib.h>
#include <string.h>

#include <mpack.h>

#include "checkpoint/write.h"
#include "common/fail.h"

enum { EXT_ARRAY = 1, MAX_ARRAY = 1 << 30 }; /* of one piece; Flax splits larger ones */

static const char *type_of(pln_dtype dtype)
{
    static const char *const names[] = {
        [PLN_F32] = "float32", [PLN_F64] = "float64", [PLN_F16] = "float16", [PLN_BF16] = "bfloat16",
        [PLN_I64] = "int64",   [PLN_I32] = "int32",   [PLN_I16] = "int16",   [PLN_I8] = "int8",
        [PLN_U8] = "uint8",    [PLN_BOOL] = "bool",
    };
    return (size_t)dtype < sizeof names / sizeof *names ? names[dtype] : NULL;
}

/* ---- tokens into memory */

struct tokens {
    char at[128];
    size_t n;
};

static void add(struct tokens *t, mpack_token_t token)
{
    mpack_tokbuf_t state = MPACK_TOKBUF_INITIAL_VALUE;
    char *next = t->at + t->n;
    size_t room = sizeof t->at - t->n;
    mpack_write(&state, &next, &room, &token);
    t->n = (size_t)(next - t->at);
}

static void put(struct ckpt_file *file, mpack_token_t token)
{
    struct tokens t = {.n = 0};
    add(&t, token);
    ckpt_file_put(file, t.at, t.n);
}

static void put_leaf(struct ckpt_file *file, const struct ckpt_output *output)
{
    struct tokens head = {.n = 0};
    const struct weight *w = &output->weight;
    const char *type = type_of(output->dtype);
    const uint32_t bytes = (uint32_t)ckpt_output_bytes(output);
    add(&head, mpack_pack_array(3));
    add(&head, mpack_pack_array(w->rank));
    for (uint32_t i = 0; i < w->rank; i++)
        add(&head, mpack_pack_uint(w->shape[i]));
    add(&head, mpack_pack_str((mpack_uint32_t)strlen(type)));
    memcpy(head.at + head.n, type, strlen(type));
    head.n += strlen(type);
    add(&head, mpack_pack_bin(bytes));
    put(file, mpack_pack_ext(EXT_ARRAY, (mpack_uint32_t)head.n + bytes));
    ckpt_file_put(file, head.at, head.n);
    ckpt_file_put_tensor(file, output);
}

/* ---- the tree */

static int by_name(const void *a, const void *b)
{
    const struct ckpt_output *x = *(const struct ckpt_output *const *)a, *y = *(const struct ckpt_output *const *)b;
    const char *p = x->name, *q = y->name;
    while (*p && *p == *q)
        p++, q++;
    const int c = *p == '/' ? 1 : (unsigned char)*p, d = *q == '/' ? 1 : (unsigned char)*q; /* a part ends first */
    return (c > d) - (c < d);
}

static size_t part_length(const char *name)
{
    return strcspn(name, "/");
}

/* Behind the last of the outputs from `first` on whose names have the same next part. */
static uint32_t end_of_part(const struct ckpt_output *const *order, uint32_t first, uint32_t count, size_t skip)
{
    const char *name = order[first]->name + skip;
    const size_t length = part_length(name);
    uint32_t end = first + 1;
    while (end < count && part_length(order[end]->name + skip) == length &&
           memcmp(order[end]->name + skip, name, length) == 0)
        end++;
    return end;
}

/* The map of what is below the first `skip` bytes that all of these names share. */
static void put_map(struct ckpt_file *file, const struct ckpt_output *const *order, uint32_t count, size_t skip)
{
    uint32_t pairs = 0;
    for (uint32_t i = 0; i < count; i = end_of_part(order, i, count, skip))
        pairs++;
    put(file, mpack_pack_map(pairs));
    for (uint32_t i = 0, end; i < count; i = end) {
        const char *name = order[i]->name + skip;
        const size_t length = part_length(name);
        end = end_of_part(order, i, count, skip);
        put(file, mpack_pack_str((mpack_uint32_t)length));
        ckpt_file_put(file, name, length);
        if (name[length])
            put_map(file, order + i, end - i, skip + length + 1);
        else
            put_leaf(file, order[i]);
    }
}

static pln_status write_msgpack(const char *path, const struct ckpt_output *tensors, uint32_t count, bool shard,
                                pln_error *error)
{
    struct ckpt_file file;
    (void)shard;
    const struct ckpt_output **order = calloc((size_t)count + 1, sizeof *order);
    if (!order)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for %u tensors", path, count);
    pln_status status = PLN_OK;
    for (uint32_t i = 0; i < count && status == PLN_OK; i++) {
        order[i] = &tensors[i];
        if (!type_of(tensors[i].dtype))
            status = pln_fail(error, PLN_INVALID, "tensor '%s': element type %d cannot be stored", tensors[i].name,
                              (int)tensors[i].dtype);
        else if (ckpt_output_bytes(&tensors[i]) > MAX_ARRAY)
            status = pln_fail(error, PLN_INVALID, "tensor '%s': larger than %d bytes, which Flax keeps in one piece",
                              tensors[i].name, MAX_ARRAY);
    }
    if (status == PLN_OK)
        status = ckpt_file_begin(&file, path, error);
    if (status == PLN_OK) {
        qsort(order, count, sizeof *order, by_name);
        put_map(&file, order, count, 0);
        status = ckpt_file_end(&file, path, true, error);
    }
    free(order);
    return status;
}

const struct ckpt_writer ckpt_write_msgpack = {.stem = "flax_model", .extension = ".msgpack", .write = write_msgpack};
