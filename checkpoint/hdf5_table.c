/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the records of pleione-hdf5, gives the tensors of the file.
 */
#include "checkpoint/hdf5_table.h"

#include <stdlib.h>
#include <string.h>

#include "checkpoint/hdf5_wire.h"
#include "common/array.h"
#include "common/fail.h"
#include "common/jsontext.h"

enum { MAX_TEXT = CKPT_MAX_NAME, MAX_GROWTH = 1100 }; /* deflate makes a byte of 1032 at most */

struct dataset {
    pln_tensor tensor; /* its name is memory of the content */
    const char *type;  /* of an element type that pleione lacks */
    uint64_t bytes;
    uint32_t number; /* in the file's order */
    bool copied, again;
};

struct table {
    struct ckpt_content *content;
    const struct hdf5_source *source;
    pln_error *error;
    struct dataset *list;
    uint32_t count;
    size_t room;
    uint64_t copied_bytes;
};

static pln_status damaged(const struct table *t, const char *what)
{
    return pln_fail(t->error, PLN_BAD_MODEL, "%s: the file is damaged: %s", t->content->path, what);
}

static pln_status read_text(const struct table *t, uint32_t bytes, char text[MAX_TEXT + 1])
{
    if (bytes > MAX_TEXT)
        return damaged(t, "the name of a dataset is too long");
    if (!t->source->read(t->source->context, text, bytes))
        return damaged(t, "HDF5 cannot read it");
    text[bytes] = '\0';
    return strlen(text) == bytes && jsontext_is_utf8(text) ? PLN_OK : damaged(t, "the name of a dataset is no text");
}

/* Whether a dataset is as large as it should be and lies in the file. */
static pln_status place(struct table *t, const struct hdf5_record *record, struct dataset *d)
{
    uint64_t bytes;
    const struct ckpt_content *c = t->content;
    d->tensor.dtype = (pln_dtype)record->dtype;
    d->tensor.rank = record->rank;
    memcpy(d->tensor.shape, record->shape, sizeof d->tensor.shape);
    if (!ckpt_tensor_bytes(&d->tensor, &bytes) || bytes != record->bytes)
        return damaged(t, "a dataset is not as large as its shape says");
    d->bytes = bytes;
    d->copied = record->kind == HDF5_COPY;
    if (d->copied && __builtin_add_overflow(t->copied_bytes, bytes, &t->copied_bytes))
        return damaged(t, "its datasets are larger than 64 bits can count");
    if (d->copied)
        return t->copied_bytes / MAX_GROWTH <= c->size ? PLN_OK
                                                       : damaged(t, "its datasets claim more than it can hold");
    if (record->place > c->size || bytes > c->size - record->place)
        return damaged(t, "a dataset lies behind its end");
    d->tensor.data = c->bytes + record->place;
    return PLN_OK;
}

static pln_status add(struct table *t, const struct hdf5_record *record)
{
    char name[MAX_TEXT + 1], type[MAX_TEXT + 1];
    if (t->count >= CKPT_MAX_TENSORS)
        return damaged(t, "it has too many datasets");
    struct dataset *list = array_reserve(t->list, &t->room, (size_t)t->count + 1, sizeof *list);
    if (!list)
        return pln_fail(t->error, PLN_NO_MEMORY, "%s: no memory for %u datasets", t->content->path, t->count + 1);
    t->list = list;
    struct dataset *d = &list[t->count];
    *d = (struct dataset){.number = t->count};
    pln_status status = read_text(t, record->name_bytes, name);
    if (status == PLN_OK)
        status = read_text(t, record->type_bytes, type);
    if (status == PLN_OK && record->kind != HDF5_OTHER)
        status = place(t, record, d);
    if (status != PLN_OK)
        return status;
    d->tensor.name = arena_copy(&t->content->memory, name);
    d->type = record->kind == HDF5_OTHER ? arena_copy(&t->content->memory, type) : NULL;
    if (!d->tensor.name || (record->kind == HDF5_OTHER && !d->type))
        return pln_fail(t->error, PLN_NO_MEMORY, "%s: no memory for its names", t->content->path);
    t->count++;
    return PLN_OK;
}

/* A sentence of the program's: about the file, so that the file is wrong. */
static pln_status say_problem(const struct table *t, const struct hdf5_record *record)
{
    char text[MAX_TEXT + 1];
    const pln_status status = read_text(t, record->name_bytes, text);
    return status == PLN_OK ? pln_fail(t->error, PLN_BAD_MODEL, "%s: %s", t->content->path, text) : status;
}

static pln_status read_records(struct table *t, bool *ready)
{
    struct hdf5_record record;
    pln_status status = PLN_OK;
    while (status == PLN_OK) {
        if (!t->source->read(t->source->context, &record, sizeof record))
            return damaged(t, "HDF5 cannot read it");
        if (!*ready && record.kind != HDF5_READY)
            return damaged(t, "HDF5 cannot read it");
        *ready = true;
        switch (record.kind) {
        case HDF5_READY:
            break;
        case HDF5_TENSOR:
        case HDF5_COPY:
        case HDF5_OTHER:
            status = add(t, &record);
            break;
        case HDF5_END:
            return PLN_OK;
        case HDF5_PROBLEM:
            return say_problem(t, &record);
        default:
            return damaged(t, "HDF5 cannot read it");
        }
    }
    return status;
}

static pln_status read_copies(const struct table *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        struct dataset *d = &t->list[i];
        if (!d->copied)
            continue;
        void *data = ckpt_content_own(t->content, d->bytes, t->error);
        if (!data)
            return PLN_NO_MEMORY;
        if (!t->source->read(t->source->context, data, (size_t)d->bytes))
            return pln_fail(t->error, PLN_BAD_MODEL, "%s: the file is damaged: HDF5 cannot read tensor '%.200s'",
                            t->content->path, d->tensor.name);
        d->tensor.data = data;
    }
    return PLN_OK;
}

/* ---- names that come more than once */

static int by_name(const void *a, const void *b)
{
    const struct dataset *x = *(struct dataset *const *)a, *y = *(struct dataset *const *)b;
    const int order = strcmp(x->tensor.name, y->tensor.name);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

static bool same(const struct dataset *a, const struct dataset *b)
{
    return a->tensor.dtype == b->tensor.dtype && a->tensor.rank == b->tensor.rank &&
           memcmp(a->tensor.shape, b->tensor.shape, sizeof a->tensor.shape) == 0 && a->bytes == b->bytes &&
           (!a->bytes || memcmp(a->tensor.data, b->tensor.data, (size_t)a->bytes) == 0);
}

/* Keras lists a layer that two others share in both. Of weights that differ one is wrong, and nobody knows which. */
static pln_status drop_repeated(const struct table *t)
{
    struct dataset **order = calloc((size_t)t->count + 1, sizeof *order);
    bool noted = true;
    if (!order)
        return pln_fail(t->error, PLN_NO_MEMORY, "%s: no memory for its names", t->content->path);
    for (uint32_t i = 0; i < t->count; i++)
        order[i] = &t->list[i];
    qsort(order, t->count, sizeof *order, by_name);
    for (uint32_t i = 1, first = 0; i < t->count; i++) {
        if (strcmp(order[first]->tensor.name, order[i]->tensor.name) != 0) {
            first = i;
            continue;
        }
        order[i]->again = true;
        if (!t->content->note && !same(order[first], order[i]))
            noted = ckpt_content_note(t->content,
                                      "%s: tensor '%.200s' comes twice with different values: the first is used",
                                      t->content->path, order[i]->tensor.name);
    }
    free(order);
    return noted ? PLN_OK : pln_fail(t->error, PLN_NO_MEMORY, "%s: no memory for a warning", t->content->path);
}

pln_status hdf5_take_table(struct ckpt_content *content, const struct hdf5_source *source, bool *ready,
                           pln_error *error)
{
    struct table t = {.content = content, .source = source, .error = error};
    *ready = false;
    pln_status status = read_records(&t, ready);
    if (status == PLN_OK)
        status = read_copies(&t);
    if (status == PLN_OK)
        status = drop_repeated(&t);
    for (uint32_t i = 0; i < t.count && status == PLN_OK; i++)
        if (!t.list[i].again)
            status = ckpt_content_add(content, &t.list[i].tensor, t.list[i].type, error);
    free(t.list);
    return status;
}
