/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the parts of a partitioned variable, gives it whole. The entry of the variable says from where to where each part
 * goes (TensorSliceProto); the key of a part says the same in TensorFlow's ordered code, so it is made anew and looked up.
 */
#include "checkpoint/slices.h"

#include <stdlib.h>
#include <string.h>

#include "checkpoint/crc.h"
#include "common/array.h"
#include "common/fail.h"

enum {
    SLICES = 7,                                               /* the field of the entry that lists the parts */
    KEY_ROOM = 2 * CKPT_MAX_NAME + 3 + 2 + PLN_MAX_RANK * 16, /* every byte escaped, and two numbers a dimension */
    LONGEST = 8,                                              /* bytes of a number in a key */
};
#define FULL (-1)

/* A part of the variable: `length` of the axis from `begin` on. */
struct part {
    uint64_t begin, length;
    const struct slice *slice;
};

/* What is being joined. */
struct joining {
    const struct slices *slices;
    struct ckpt_content *content;
    pln_tensor *variable;
    struct part *parts;
    size_t n_parts, room;
    uint32_t axis; /* the rank: every part is the whole variable so far */
    pln_error *error;
};

static pln_status damaged(const struct joining *j, const char *what)
{
    return pln_fail(j->error, PLN_BAD_MODEL, "%s: variable '%.200s': %s", j->content->path, j->variable->name, what);
}

/* ---- the list */

static int compare_keys(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    const int order = memcmp(x->key, y->key, x->key_bytes < y->key_bytes ? x->key_bytes : y->key_bytes);
    return order ? order : (x->key_bytes > y->key_bytes) - (x->key_bytes < y->key_bytes);
}

pln_status slices_add(struct slices *slices, struct ckpt_content *content, const struct slice *slice, pln_error *error)
{
    content->name_bytes += slice->key_bytes;
    if (slices->count >= CKPT_MAX_TENSORS || content->name_bytes > CKPT_MAX_NAMES)
        return pln_fail(error, PLN_BAD_MODEL, "%s: holds more than %d parts of variables, or their keys have %d bytes",
                        content->path, CKPT_MAX_TENSORS, CKPT_MAX_NAMES);
    struct slice *list = array_reserve(slices->list, &slices->room, slices->count + 1, sizeof *list);
    slices->list = list ? list : slices->list;
    unsigned char *key = list ? arena_allocate(&content->memory, slice->key_bytes) : NULL;
    if (!key)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for %zu parts of variables", content->path,
                        slices->count + 1);
    memcpy(key, slice->key, slice->key_bytes);
    list[slices->count] = *slice;
    list[slices->count++].key = key;
    return PLN_OK;
}

void slices_finish(struct slices *slices)
{
    free(slices->list);
    *slices = (struct slices){0};
}

/* ---- keys */

struct key {
    unsigned char bytes[KEY_ROOM];
    size_t n;
};

static void put_byte(struct key *key, unsigned char byte)
{
    key->bytes[key->n++] = byte;
}

/* A zero and a byte of ones are followed by the other one; a zero and a one end the text. */
static void put_text(struct key *key, const char *text)
{
    for (const char *at = text; *at; at++) {
        put_byte(key, (unsigned char)*at);
        if ((unsigned char)*at == 0xff)
            put_byte(key, 0);
    }
    put_byte(key, 0);
    put_byte(key, 1);
}

/* As many ones as the number has bytes, a zero, then the number: n bytes hold 7 n - 1 bits. What is negative (FULL) is
 * all of that turned round. False: no shape is so large. */
static bool put_signed(struct key *key, int64_t number)
{
    const uint64_t bits = number < 0 ? ~(uint64_t)number : (uint64_t)number;
    unsigned n = 1;
    while (n <= LONGEST && bits >> (7 * n - 1))
        n++;
    if (n > LONGEST)
        return false;
    for (unsigned i = 0; i < n; i++) {
        const unsigned byte = (unsigned)((uint64_t)number >> 8 * (n - 1 - i)) & 0xffu;
        put_byte(key, (unsigned char)(i ? byte : byte ^ (0xff00u >> n & 0xffu)));
    }
    return true;
}

/* ---- which part an entry names */

/* Without a length it is all of the dimension. */
static bool read_extent(struct protobuf message, uint64_t side, bool *full, uint64_t *begin, uint64_t *length)
{
    struct protobuf_field field;
    *full = true;
    *begin = 0;
    *length = side;
    while (message.left) {
        if (!protobuf_next(&message, &field))
            return false;
        if (field.number == 1)
            *begin = field.value;
        if (field.number == 2) {
            *length = field.value;
            *full = false;
        }
    }
    return *begin <= side && *length <= side - *begin && (!*full || !*begin);
}

/* One dimension of a part. */
static bool take_dimension(struct joining *j, struct protobuf message, uint32_t i, struct part *part, struct key *key)
{
    const uint64_t side = j->variable->shape[i];
    uint64_t begin, length;
    bool full;
    if (!read_extent(message, side, &full, &begin, &length))
        return false;
    if (length != side) { /* one cut along another dimension too will not fit */
        j->axis = i;
        part->begin = begin;
        part->length = length;
    }
    return put_signed(key, (int64_t)begin) && put_signed(key, full ? FULL : (int64_t)length);
}

static bool fits(const struct joining *j, const struct part *part, const pln_tensor *slice)
{
    if (slice->dtype != j->variable->dtype || slice->rank != j->variable->rank)
        return false;
    for (uint32_t i = 0; i < slice->rank; i++)
        if (slice->shape[i] != (i == j->axis ? part->length : j->variable->shape[i]))
            return false;
    return true;
}

static pln_status take_part(struct joining *j, struct protobuf message)
{
    static const char broken[] = "the places of its parts are damaged";
    struct protobuf_field field;
    struct part part = {0, 0, NULL};
    struct key key = {.n = 0};
    const uint32_t rank = j->variable->rank;
    uint32_t n = 0;
    put_byte(&key, 0);
    put_text(&key, j->variable->name);
    if (rank) /* a count of bytes, which for 0 is all */
        put_byte(&key, 1);
    put_byte(&key, (unsigned char)rank);
    while (message.left) {
        if (!protobuf_next(&message, &field))
            return damaged(j, broken);
        if (field.number == 1 && (n == rank || !take_dimension(j, field.inside, n++, &part, &key)))
            return damaged(j, "a part lies outside of it");
    }
    if (n != rank)
        return damaged(j, broken);
    const struct slice wanted = {.key = key.bytes, .key_bytes = key.n};
    part.slice =
        j->slices->count ? bsearch(&wanted, j->slices->list, j->slices->count, sizeof wanted, compare_keys) : NULL;
    if (!part.slice)
        return damaged(j, "one of its parts is not there");
    struct part *parts = array_reserve(j->parts, &j->room, j->n_parts + 1, sizeof *parts);
    if (!parts)
        return pln_fail(j->error, PLN_NO_MEMORY, "%s: no memory for the parts of a variable", j->content->path);
    j->parts = parts;
    parts[j->n_parts++] = part;
    return PLN_OK;
}

static pln_status take_parts(struct joining *j, struct protobuf entry)
{
    struct protobuf_field field;
    pln_status status = PLN_OK;
    while (status == PLN_OK && entry.left) {
        if (!protobuf_next(&entry, &field))
            return damaged(j, "its entry is damaged");
        if (field.number == SLICES)
            status = take_part(j, field.inside);
    }
    return status;
}

/* ---- one behind another */

static int by_begin(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    return x->begin != y->begin ? (x->begin > y->begin ? 1 : -1) : (x->length > y->length) - (x->length < y->length);
}

/* Every part is there once, as large as it says, and its numbers have their sum. */
static pln_status check_parts(const struct joining *j, uint32_t *sum)
{
    const uint64_t side = j->axis < j->variable->rank ? j->variable->shape[j->axis] : 0;
    uint64_t end = 0;
    *sum = 0;
    qsort(j->parts, j->n_parts, sizeof *j->parts, by_begin);
    for (size_t i = 0; i < j->n_parts; i++) {
        const struct part *part = &j->parts[i];
        if (part->begin != end || !fits(j, part, &part->slice->tensor))
            return damaged(j, "its parts do not make it up");
        end += part->length;
        if (part->slice->sum != crc32c_mask(crc32c_extend(0, part->slice->tensor.data, (size_t)part->slice->size)))
            return damaged(j, "the sum over the bytes of a part (CRC-32C) is wrong: it is damaged");
    }
    return end == side && (j->axis < j->variable->rank || j->n_parts == 1) ? PLN_OK
                                                                           : damaged(j, "its parts do not make it up");
}

static uint64_t product(const uint64_t *shape, uint32_t n)
{
    uint64_t all = 1;
    for (uint32_t i = 0; i < n; i++)
        all *= shape[i];
    return all;
}

static bool lie_in_one_piece(const struct joining *j)
{
    if (j->axis < j->variable->rank && product(j->variable->shape, j->axis) != 1)
        return false;
    for (size_t i = 1; i < j->n_parts; i++)
        if ((const unsigned char *)j->parts[i - 1].slice->tensor.data + j->parts[i - 1].slice->size !=
            j->parts[i].slice->tensor.data)
            return false;
    return true;
}

/* Rows of the dimensions before the axis; each has some of every part. */
static void copy_parts(const struct joining *j, uint64_t bytes, unsigned char *to)
{
    const uint64_t rows = product(j->variable->shape, j->axis), row = bytes / rows;
    uint64_t at = 0;
    for (size_t i = 0; i < j->n_parts; i++) {
        const unsigned char *from = j->parts[i].slice->tensor.data;
        const uint64_t width = j->parts[i].slice->size / rows;
        for (uint64_t r = 0; r < rows && width; r++)
            memcpy(to + r * row + at, from + r * width, (size_t)width);
        at += width;
    }
}

static pln_status place(struct joining *j, uint64_t bytes, uint64_t most, uint64_t *copied)
{
    if (lie_in_one_piece(j) || !bytes) {
        j->variable->data = j->parts[0].slice->tensor.data;
        return PLN_OK;
    }
    if (bytes > most - *copied)
        return damaged(j, "its parts are more than the files of data have");
    unsigned char *all = ckpt_content_own(j->content, bytes, j->error);
    if (!all)
        return PLN_NO_MEMORY;
    *copied += bytes;
    copy_parts(j, bytes, all);
    j->variable->data = all;
    return PLN_OK;
}

pln_status slices_join(struct slices *slices, struct ckpt_content *content, struct protobuf entry, uint64_t bytes,
                       uint64_t most, pln_tensor *variable, uint32_t *sum, pln_error *error)
{
    struct joining j = {
        .slices = slices, .content = content, .variable = variable, .axis = variable->rank, .error = error};
    pln_status status = take_parts(&j, entry);
    if (status == PLN_OK)
        status = check_parts(&j, sum);
    if (status == PLN_OK)
        status = place(&j, bytes, most, &slices->copied);
    if (status == PLN_OK)
        *sum = crc32c_mask(crc32c_extend(0, variable->data, (size_t)bytes));
    free(j.parts);
    return status;
}
