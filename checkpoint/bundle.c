/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the index of a TensorFlow bundle, gives its variables where they lie in the files of data. The two messages,
 * BundleHeaderProto under the empty key and BundleEntryProto under each name, are read by hand: they have ten fields.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#include "checkpoint/crc.h"
#include "checkpoint/format.h"
#include "checkpoint/slices.h"
#include "checkpoint/sstable.h"
#include "common/fail.h"

enum { MAX_SHARDS = 99999, STRING = 7, BIG_ENDIAN_DATA = 1 };
static const char suffix[] = ".index";

/* Names of TensorFlow's types (types.proto) in pleione's words; others have no data here. */
static const pln_dtype dtypes[] = {
    [1] = PLN_F32, [2] = PLN_F64, [3] = PLN_I32,   [4] = PLN_U8,    [5] = PLN_I16,
    [6] = PLN_I8,  [9] = PLN_I64, [10] = PLN_BOOL, [14] = PLN_BF16, [19] = PLN_F16,
};

/* A file of data; bytes is NULL until a variable lies in it. */
struct shard {
    const unsigned char *bytes;
    size_t size;
};

/* What is being read. */
struct reading {
    struct ckpt_content *content;
    char prefix[PATH_MAX]; /* the path without .index */
    struct shard *shards;
    uint32_t n_shards;    /* 0: the header has not been read */
    uint64_t data_bytes;  /* of the files of data that are open */
    struct slices slices; /* of partitioned variables, which come behind them */
    uint32_t room;        /* for sums: an entry has three bytes or more */
};

struct entry {
    uint64_t dtype, shard, offset, size;
    uint32_t sum;
    bool sliced, unknown_rank;
    pln_tensor tensor;
};

static pln_status damaged(const char *path, const char *name, const char *what, pln_error *error)
{
    return pln_fail(error, PLN_BAD_MODEL, "%s: variable '%.200s': %s", path, name, what);
}

/* ---- messages */

static pln_status read_header(struct reading *r, struct protobuf message, pln_error *error)
{
    struct protobuf_field field;
    uint64_t shards = 0, endianness = 0;
    while (message.left) {
        if (!protobuf_next(&message, &field))
            return pln_fail(error, PLN_BAD_MODEL, "%s: its header is damaged", r->content->path);
        shards = field.number == 1 ? field.value : shards;
        endianness = field.number == 2 ? field.value : endianness;
    }
    if (endianness == BIG_ENDIAN_DATA)
        return pln_fail(error, PLN_BAD_MODEL, "%s: written on a big-endian machine, which is not read",
                        r->content->path);
    if (shards < 1 || shards > MAX_SHARDS || endianness)
        return pln_fail(error, PLN_BAD_MODEL, "%s: its header is damaged", r->content->path);
    r->shards = calloc(shards, sizeof *r->shards);
    if (!r->shards)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for its list of files", r->content->path);
    r->n_shards = (uint32_t)shards;
    return PLN_OK;
}

/* A dimension, or false. */
static bool read_side(struct protobuf message, uint64_t *side)
{
    struct protobuf_field field;
    *side = 0;
    while (message.left) {
        if (!protobuf_next(&message, &field))
            return false;
        *side = field.number == 1 ? field.value : *side;
    }
    return *side <= INT64_MAX;
}

static bool read_shape(struct protobuf message, struct entry *e)
{
    struct protobuf_field field;
    uint64_t side;
    while (message.left) {
        if (!protobuf_next(&message, &field))
            return false;
        e->unknown_rank = e->unknown_rank || (field.number == 3 && field.value);
        if (field.number != 2)
            continue;
        if (!read_side(field.inside, &side) || e->tensor.rank == UINT32_MAX)
            return false;
        if (e->tensor.rank < PLN_MAX_RANK)
            e->tensor.shape[e->tensor.rank] = side;
        e->tensor.rank++;
    }
    return true;
}

static bool read_entry(struct protobuf message, struct entry *e)
{
    struct protobuf_field field;
    while (message.left) {
        if (!protobuf_next(&message, &field))
            return false;
        switch (field.number) {
        case 1:
            e->dtype = field.value;
            break;
        case 2:
            if (!read_shape(field.inside, e))
                return false;
            break;
        case 3:
            e->shard = field.value;
            break;
        case 4:
            e->offset = field.value;
            break;
        case 5:
            e->size = field.value;
            break;
        case 6:
            e->sum = (uint32_t)field.value;
            break;
        case 7:
            e->sliced = true;
            break;
        default:
            break;
        }
    }
    return true;
}

/* ---- data */

static pln_status open_shard(struct reading *r, const char *name, uint64_t shard, pln_error *error)
{
    char path[PATH_MAX];
    if (shard >= r->n_shards)
        return damaged(r->content->path, name, "lies in a file of data beyond those that there are", error);
    struct shard *s = &r->shards[shard];
    if (s->bytes)
        return PLN_OK;
    const int n = snprintf(path, sizeof path, "%s.data-%05u-of-%05u", r->prefix, (unsigned)shard, r->n_shards);
    if (n >= (int)sizeof path)
        return pln_fail(error, PLN_BAD_MODEL, "%s: the path of its data is too long", r->content->path);
    const pln_status status = ckpt_content_map(r->content, path, &s->bytes, &s->size, error);
    r->data_bytes += status == PLN_OK ? s->size : 0;
    return status;
}

/* Type and bytes; a type or a rank that pleione lacks leaves the tensor without. */
static pln_status measure(const struct reading *r, struct entry *e, uint64_t *bytes, pln_error *error)
{
    *bytes = 0;
    if (e->unknown_rank)
        return damaged(r->content->path, e->tensor.name, "has no shape", error);
    if (e->dtype < sizeof dtypes / sizeof *dtypes && e->tensor.rank <= PLN_MAX_RANK)
        e->tensor.dtype = dtypes[e->dtype];
    return !e->tensor.dtype || ckpt_tensor_bytes(&e->tensor, bytes)
               ? PLN_OK
               : damaged(r->content->path, e->tensor.name, "its shape is larger than 64 bits can count", error);
}

static pln_status place(struct reading *r, struct entry *e, uint64_t bytes, pln_error *error)
{
    const char *path = r->content->path, *name = e->tensor.name;
    const pln_status status = open_shard(r, name, e->shard, error);
    if (status != PLN_OK)
        return status;
    const struct shard *shard = &r->shards[e->shard];
    if (e->offset > shard->size || e->size > shard->size - e->offset)
        return damaged(path, name, "its bytes lie behind the end of the file of data", error);
    if (!e->tensor.dtype)
        return PLN_OK;
    if (bytes != e->size)
        return pln_fail(error, PLN_BAD_MODEL,
                        "%s: variable '%.200s': its shape needs %" PRIu64 " bytes, it has %" PRIu64, path, name, bytes,
                        e->size);
    e->tensor.data = shard->bytes + e->offset;
    return PLN_OK;
}

/* The sums lie beside the list of tensors; they are compared when somebody asks for the numbers. */
static pln_status add(const struct reading *r, const struct entry *e, pln_error *error)
{
    char type[64];
    uint32_t *sums = r->content->own;
    if (r->content->count < r->room)
        sums[r->content->count] = e->sum;
    if (e->tensor.dtype)
        return ckpt_content_add(r->content, &e->tensor, NULL, error);
    if (e->dtype == STRING)
        snprintf(type, sizeof type, "text");
    else
        snprintf(type, sizeof type, "type %" PRIu64 " of TensorFlow, of %u dimensions", e->dtype, e->tensor.rank);
    const pln_tensor unknown = {.name = e->tensor.name};
    return ckpt_content_add(r->content, &unknown, type, error);
}

/* A part: its key is a zero, the name of the variable, and where it belongs in it. */
static pln_status take_slice(struct reading *r, const char *key, size_t bytes, struct entry *e, pln_error *error)
{
    uint64_t length;
    e->tensor.name = key + 1;
    pln_status status = measure(r, e, &length, error);
    if (status == PLN_OK)
        status = place(r, e, length, error);
    struct slice slice = {(const unsigned char *)key, bytes, e->tensor, e->size, e->sum};
    slice.tensor.name = NULL;
    return status == PLN_OK ? slices_add(&r->slices, r->content, &slice, error) : status;
}

static pln_status take_variable(struct reading *r, struct entry *e, struct protobuf value, pln_error *error)
{
    uint64_t bytes;
    pln_status status = measure(r, e, &bytes, error);
    if (status != PLN_OK)
        return status;
    if (!e->sliced)
        status = place(r, e, bytes, error);
    else if (e->tensor.dtype)
        status = slices_join(&r->slices, r->content, value, bytes, r->data_bytes, &e->tensor, &e->sum, error);
    return status == PLN_OK ? add(r, e, error) : status;
}

static pln_status take(void *context, const char *key, size_t bytes, struct protobuf value, pln_error *error)
{
    struct reading *r = context;
    const char *path = r->content->path;
    struct entry e = {.tensor = {.name = key}};
    if (!bytes)
        return read_header(r, value, error);
    if (!r->n_shards)
        return pln_fail(error, PLN_BAD_MODEL, "%s: it has no header", path);
    if (*key && strlen(key) != bytes)
        return damaged(path, key, "the name goes on behind a zero", error);
    if (!read_entry(value, &e))
        return damaged(path, *key ? key : key + 1, "its entry is damaged", error);
    return *key ? take_variable(r, &e, value, error) : take_slice(r, key, bytes, &e, error);
}

/* ---- the format */

static pln_status open_bundle(struct ckpt_content *content, pln_error *error)
{
    struct reading r = {.content = content};
    const size_t length = strlen(content->path), end = sizeof suffix - 1;
    if (length <= end || length >= sizeof r.prefix || strcmp(content->path + length - end, suffix) != 0)
        return pln_fail(error, PLN_BAD_MODEL, "%s: an index of TensorFlow is called PREFIX.index", content->path);
    memcpy(r.prefix, content->path, length - end);
    r.room = content->size / 3 < CKPT_MAX_TENSORS ? (uint32_t)content->size / 3 : CKPT_MAX_TENSORS;
    content->own = ckpt_content_own(content, (uint64_t)r.room * sizeof(uint32_t), error);
    if (!content->own)
        return PLN_NO_MEMORY;
    pln_status status = sstable_read(content->path, content->bytes, content->size, take, &r, error);
    if (status == PLN_OK && !r.n_shards)
        status = pln_fail(error, PLN_BAD_MODEL, "%s: it has no header", content->path);
    slices_finish(&r.slices);
    free(r.shards);
    return status;
}

static pln_status verify(const struct ckpt_content *content, uint32_t index, pln_error *error)
{
    uint64_t bytes;
    const uint32_t *sums = content->own;
    const pln_tensor *tensor = &content->tensors[index];
    if (!ckpt_tensor_bytes(tensor, &bytes) || sums[index] == crc32c_mask(crc32c_extend(0, tensor->data, (size_t)bytes)))
        return PLN_OK;
    return damaged(content->path, tensor->name, "the sum over its bytes (CRC-32C) is wrong: it is damaged", error);
}

const struct ckpt_format ckpt_format_bundle = {
    .name = "TensorFlow bundle", .sniff = sstable_is, .open = open_bundle, .verify = verify};
