/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a MessagePack file as Flax writes it, maps in maps whose leaves are arrays, gives its arrays: a name is the keys on
 * the way. Whatever else is a leaf is passed over.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "checkpoint/msgpack.h"
#include "checkpoint/msgpack_tokens.h"
#include "common/fail.h"

/* Types of Flax's extensions to MessagePack. */
enum { EXT_ARRAY = 1, EXT_COMPLEX = 2, EXT_SCALAR = 3 };
static const char chunk_mark[] = "__msgpack_chunked_array__";

/* An array before its numbers are believed. */
struct leaf {
    uint32_t rank;
    uint64_t shape[PLN_MAX_RANK];
    struct msgpack_text type, data;
};

/* ---- arrays */

static pln_dtype dtype_of(struct msgpack_text name)
{
    static const struct {
        const char *name;
        pln_dtype dtype;
    } known[] = {
        {"float32", PLN_F32}, {"float16", PLN_F16}, {"bfloat16", PLN_BF16}, {"float64", PLN_F64}, {"int32", PLN_I32},
        {"int64", PLN_I64},   {"int16", PLN_I16},   {"int8", PLN_I8},       {"uint8", PLN_U8},    {"bool", PLN_BOOL},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (msgpack_is(name, known[i].name))
            return known[i].dtype;
    return (pln_dtype)0;
}

static void add_side(struct leaf *leaf, uint64_t side)
{
    if (leaf->rank < PLN_MAX_RANK)
        leaf->shape[leaf->rank] = side;
    leaf->rank++;
}

/* The payload of an extension: [shape, name of the type, bytes]. */
static pln_status read_payload(const struct msgpack_reader *r, struct msgpack_text payload, struct leaf *leaf)
{
    struct msgpack_reader inside = {payload.at, payload.bytes, r->file};
    mpack_token_t token = {.length = 0};
    uint32_t three = 0, rank = 0;
    uint64_t side = 0;
    pln_status status = msgpack_count(&inside, MPACK_TOKEN_ARRAY, &three);
    if (status == PLN_OK)
        status =
            three == 3 ? msgpack_count(&inside, MPACK_TOKEN_ARRAY, &rank) : msgpack_damaged(r, "is no array of Flax");
    for (uint32_t i = 0; i < rank && status == PLN_OK; i++) {
        status = msgpack_natural(&inside, &side);
        add_side(leaf, side);
    }
    if (status == PLN_OK)
        status = msgpack_key(&inside, &leaf->type);
    if (status == PLN_OK)
        status = msgpack_token(&inside, &token);
    if (status != PLN_OK)
        return status;
    if (token.type != MPACK_TOKEN_BIN || token.length != inside.left)
        return msgpack_damaged(r, "its numbers are not where they should be");
    leaf->data = msgpack_bytes(&inside, token.length);
    return PLN_OK;
}

/* The leaf whose head `token` is. */
static pln_status read_leaf(struct msgpack_reader *r, const mpack_token_t *token, struct leaf *leaf)
{
    const int type = token->data.ext_type;
    *leaf = (struct leaf){.rank = 0};
    if (type == EXT_COMPLEX)
        return msgpack_damaged(r, "is a complex number, which is not read");
    if (type != EXT_ARRAY && type != EXT_SCALAR)
        return msgpack_damaged(r, "is of a kind that Flax does not write");
    return read_payload(r, msgpack_bytes(r, token->length), leaf);
}

/* Adds the array with these bytes; one of a type or a rank that pleione lacks without. */
static pln_status add(const struct msgpack_reader *r, const struct leaf *leaf, const void *data, uint64_t there)
{
    const struct msgpack_file *f = r->file;
    char type[64];
    uint64_t bytes;
    pln_tensor tensor = {.name = f->name};
    tensor.dtype = leaf->rank <= PLN_MAX_RANK ? dtype_of(leaf->type) : (pln_dtype)0;
    if (!tensor.dtype) {
        snprintf(type, sizeof type, "%.*s of %u dimensions", (int)(leaf->type.bytes < 40 ? leaf->type.bytes : 40),
                 leaf->type.at, leaf->rank);
        return ckpt_content_add(f->content, &tensor, type, f->error);
    }
    tensor.rank = leaf->rank;
    memcpy(tensor.shape, leaf->shape, sizeof tensor.shape);
    tensor.data = data;
    if (!ckpt_tensor_bytes(&tensor, &bytes))
        return msgpack_damaged(r, "its shape is larger than 64 bits can count");
    if (bytes != there)
        return pln_fail(f->error, PLN_BAD_MODEL, "%s: '%.200s': its shape needs %" PRIu64 " bytes, it has %" PRIu64,
                        f->content->path, f->name, bytes, there);
    return ckpt_content_add(f->content, &tensor, NULL, f->error);
}

static pln_status read_array(struct msgpack_reader *r, const mpack_token_t *token)
{
    struct leaf leaf;
    const pln_status status = read_leaf(r, token, &leaf);
    return status == PLN_OK ? add(r, &leaf, leaf.data.at, leaf.data.bytes) : status;
}

/* ---- arrays in chunks: {mark: true, "shape": {"0": n, ...}, "chunks": {"0": array, ...}} */

struct chunks {
    uint32_t count;
    uint64_t bytes;            /* of all */
    struct msgpack_text type;  /* of each */
    struct msgpack_text *data; /* [count]; at is NULL before a chunk has come */
};

/* A key of decimal digits below count. */
static pln_status read_place(struct msgpack_reader *r, uint32_t count, uint32_t *place)
{
    struct msgpack_text key = {NULL, 0};
    const pln_status status = msgpack_key(r, &key);
    uint64_t number = 0;
    bool good = key.bytes > 0;
    for (size_t i = 0; i < key.bytes && good; i++) {
        good = key.at[i] >= '0' && key.at[i] <= '9';
        number = number * 10 + (uint64_t)(key.at[i] - '0');
        good = good && number < count;
    }
    *place = (uint32_t)number;
    return status != PLN_OK || good ? status : msgpack_damaged(r, "a number in it is none of its dimensions or chunks");
}

static pln_status read_shape(struct msgpack_reader *r, struct leaf *leaf)
{
    uint32_t place = 0, seen = 0;
    pln_status status = msgpack_count(r, MPACK_TOKEN_MAP, &leaf->rank);
    if (status == PLN_OK && leaf->rank > PLN_MAX_RANK)
        return msgpack_damaged(r, "has too many dimensions");
    for (uint32_t i = 0; i < leaf->rank && status == PLN_OK; i++) {
        status = read_place(r, leaf->rank, &place);
        if (status == PLN_OK && seen >> place & 1u)
            return msgpack_damaged(r, "a dimension comes twice");
        if (status == PLN_OK)
            status = msgpack_natural(r, &leaf->shape[place]);
        seen |= status == PLN_OK ? 1u << place : 0;
    }
    return status;
}

static pln_status read_chunk(struct msgpack_reader *r, struct chunks *chunks)
{
    struct leaf piece;
    mpack_token_t token = {.length = 0};
    uint32_t place = 0;
    pln_status status = read_place(r, chunks->count, &place);
    if (status == PLN_OK && chunks->data[place].at)
        return msgpack_damaged(r, "a chunk comes twice");
    if (status == PLN_OK)
        status = msgpack_token(r, &token);
    if (status == PLN_OK && token.type != MPACK_TOKEN_EXT)
        return msgpack_damaged(r, "a chunk is no array");
    if (status == PLN_OK)
        status = read_leaf(r, &token, &piece);
    if (status != PLN_OK)
        return status;
    if (chunks->type.at &&
        (chunks->type.bytes != piece.type.bytes || memcmp(chunks->type.at, piece.type.at, piece.type.bytes) != 0))
        return msgpack_damaged(r, "its chunks are of different types");
    chunks->type = piece.type;
    chunks->data[place] = piece.data;
    chunks->bytes += piece.data.bytes;
    return PLN_OK;
}

static pln_status read_chunks(struct msgpack_reader *r, struct chunks *chunks)
{
    pln_status status = msgpack_count(r, MPACK_TOKEN_MAP, &chunks->count);
    if (status != PLN_OK)
        return status;
    chunks->data = ckpt_content_own(r->file->content, (uint64_t)chunks->count * sizeof *chunks->data, r->file->error);
    if (!chunks->data)
        return PLN_NO_MEMORY;
    for (uint32_t i = 0; i < chunks->count && status == PLN_OK; i++)
        status = read_chunk(r, chunks);
    return status;
}

/* The chunks end to end; they come from the file, so they are no more than it holds. */
static pln_status join_chunks(const struct msgpack_reader *r, struct leaf *leaf, const struct chunks *chunks)
{
    char *joined = ckpt_content_own(r->file->content, chunks->bytes, r->file->error), *next = joined;
    if (!joined)
        return PLN_NO_MEMORY;
    for (uint32_t i = 0; i < chunks->count; i++) {
        memcpy(next, chunks->data[i].at, chunks->data[i].bytes);
        next += chunks->data[i].bytes;
    }
    leaf->type = chunks->type;
    return add(r, leaf, joined, chunks->bytes);
}

static pln_status read_chunked(struct msgpack_reader *r, uint32_t pairs, int depth)
{
    struct leaf leaf = {.rank = 0};
    struct chunks chunks = {.count = 0};
    struct msgpack_text key = {NULL, 0};
    bool shaped = false;
    pln_status status = PLN_OK;
    for (; pairs && status == PLN_OK; pairs--) {
        status = msgpack_key(r, &key);
        if (status != PLN_OK)
            return status;
        if (msgpack_is(key, "shape") && !shaped) {
            status = read_shape(r, &leaf);
            shaped = true;
        } else if (msgpack_is(key, "chunks") && !chunks.data) {
            status = read_chunks(r, &chunks);
        } else {
            status = msgpack_skip(r, depth);
        }
    }
    if (status == PLN_OK && (!shaped || !chunks.count))
        status = msgpack_damaged(r, "is an array in chunks without a shape or without chunks");
    return status == PLN_OK ? join_chunks(r, &leaf, &chunks) : status;
}

/* ---- the tree */

/* Whether a map that begins here, of `pairs` pairs, has this key; *there is then where its value begins. */
static pln_status find_key(const struct msgpack_reader *r, uint32_t pairs, const char *word, int depth,
                           struct msgpack_reader *there)
{
    struct msgpack_reader look = *r;
    struct msgpack_text key = {NULL, 0};
    pln_status status = PLN_OK;
    there->next = NULL;
    for (; pairs && status == PLN_OK; pairs--) {
        status = msgpack_key(&look, &key);
        if (status == PLN_OK && msgpack_is(key, word))
            *there = look;
        if (status == PLN_OK)
            status = msgpack_skip(&look, depth);
    }
    return status;
}

static pln_status add_key(struct msgpack_reader *r, struct msgpack_text key)
{
    struct msgpack_file *f = r->file;
    if (memchr(key.at, '\0', key.bytes))
        return msgpack_damaged(r, "a key of it holds a zero");
    if (key.bytes + 2 > sizeof f->name - f->name_bytes)
        return msgpack_damaged(r, "the name of an array in it is too long");
    if (f->name_bytes)
        f->name[f->name_bytes++] = '/';
    memcpy(f->name + f->name_bytes, key.at, key.bytes);
    f->name_bytes += key.bytes;
    f->name[f->name_bytes] = '\0';
    return PLN_OK;
}

static pln_status read_map(struct msgpack_reader *r, uint32_t pairs, int depth);

static pln_status read_value(struct msgpack_reader *r, int depth)
{
    struct msgpack_reader mark;
    mpack_token_t token;
    pln_status status = msgpack_token(r, &token);
    if (status != PLN_OK)
        return status;
    if (token.type == MPACK_TOKEN_EXT)
        return read_array(r, &token);
    if (token.type != MPACK_TOKEN_MAP)
        return msgpack_skip_rest(r, token, depth);
    if (depth == CKPT_MAX_DEPTH)
        return msgpack_damaged(r, "nests deeper than 32");
    status = find_key(r, token.length, chunk_mark, depth + 1, &mark);
    if (status != PLN_OK)
        return status;
    return mark.next ? read_chunked(r, token.length, depth + 1) : read_map(r, token.length, depth + 1);
}

static pln_status read_map(struct msgpack_reader *r, uint32_t pairs, int depth)
{
    struct msgpack_text key = {NULL, 0};
    pln_status status = PLN_OK;
    for (; pairs && status == PLN_OK; pairs--) {
        const size_t kept = r->file->name_bytes;
        status = msgpack_key(r, &key);
        if (status == PLN_OK)
            status = add_key(r, key);
        if (status == PLN_OK)
            status = read_value(r, depth);
        r->file->name_bytes = kept;
        r->file->name[kept] = '\0';
    }
    return status;
}

/* ---- the format */

static pln_status open_msgpack(struct ckpt_content *content, pln_error *error)
{
    struct msgpack_file file = {.content = content, .error = error};
    struct msgpack_reader r = {(const char *)content->bytes, content->size, &file};
    uint32_t pairs = 0;
    pln_status status = msgpack_count(&r, MPACK_TOKEN_MAP, &pairs);
    if (status == PLN_OK)
        status = read_map(&r, pairs, 1);
    return status == PLN_OK && r.left ? msgpack_damaged(&r, "bytes follow behind its end") : status;
}

const struct ckpt_format ckpt_format_msgpack = {.name = "Flax", .sniff = msgpack_sniff, .open = open_msgpack};
