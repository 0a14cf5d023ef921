/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes dictionaries of tensors, gives them a name each and row-major data.
 */
#include "checkpoint/torch.h"

#include <inttypes.h>
#include <string.h>

#include "common/fail.h"

enum {
    MOST_COPIED = 1 << 20, /* bytes beyond those of the file: tensors that repeat an element are small buffers */
    MOST_ENTRIES = 4 * CKPT_MAX_TENSORS, /* of all dictionaries: those that hold one another twice never end */
};

struct walk {
    struct ckpt_content *content;
    uint32_t visits;
    uint64_t copied; /* bytes */
    char name[CKPT_MAX_NAME + 1];
    pln_error *error;
};

pln_status torch_check_storage(const struct ckpt_content *content, const struct pickle_storage *s, pln_error *error)
{
    const uint64_t bytes = s->elements * s->type->width;
    return bytes <= s->data_bytes
               ? PLN_OK
               : pln_fail(error, PLN_BAD_MODEL,
                          "%s: storage '%.*s' has %" PRIu64 " bytes, and the pickle says %" PRIu64, content->path,
                          s->key_bytes < 40 ? (int)s->key_bytes : 40, s->key, s->data_bytes, bytes);
}

static bool is_contiguous(const struct pickle_tensor *t)
{
    uint64_t step = 1;
    for (uint32_t i = t->rank; i--;) {
        if (t->shape[i] != 1 && t->stride[i] != step)
            return false;
        step *= t->shape[i]; /* the product fits, as the caller knows */
    }
    return true;
}

/* Element by element, the last index first. */
static void copy_strided(const struct pickle_tensor *t, const unsigned char *from, unsigned char *to, uint64_t elements)
{
    uint64_t index[PLN_MAX_RANK] = {0}, at = 0;
    for (uint64_t n = 0; n < elements; n++) {
        memcpy(to + n * t->width, from + at * t->width, t->width);
        for (uint32_t i = t->rank; i--;) {
            at += t->stride[i];
            if (++index[i] < t->shape[i])
                break;
            at -= t->stride[i] * t->shape[i];
            index[i] = 0;
        }
    }
}

static pln_status place_data(struct walk *w, const struct pickle_tensor *t, pln_tensor *tensor)
{
    const struct pickle_storage *s = t->storage;
    uint64_t bytes;
    if (!ckpt_tensor_bytes(tensor, &bytes))
        return pln_fail(w->error, PLN_BAD_MODEL, "%s: tensor '%s': its shape is larger than 64 bits can count",
                        w->content->path, w->name);
    const unsigned char *from = s->data + s->first * s->type->width + (bytes ? t->first * t->width : 0);
    tensor->data = from;
    if (!bytes || is_contiguous(t))
        return PLN_OK;
    w->copied += bytes;
    if (w->copied < bytes || w->copied > w->content->size + (uint64_t)MOST_COPIED)
        return pln_fail(w->error, PLN_BAD_MODEL, "%s: tensor '%s': it repeats elements to more than the file has",
                        w->content->path, w->name);
    unsigned char *to = ckpt_content_own(w->content, bytes, w->error);
    if (!to)
        return PLN_NO_MEMORY;
    copy_strided(t, from, to, bytes / t->width);
    tensor->data = to;
    return PLN_OK;
}

static pln_status add_tensor(struct walk *w, const struct pickle_tensor *t)
{
    pln_tensor tensor = {.name = w->name, .dtype = t->dtype};
    if (!t->dtype) {
        char type[80];
        snprintf(type, sizeof type, "%.40s of %u dimensions", t->type, t->rank);
        return ckpt_content_add(w->content, &tensor, type, w->error);
    }
    tensor.rank = t->rank;
    memcpy(tensor.shape, t->shape, t->rank * sizeof *t->shape);
    const pln_status status = place_data(w, t, &tensor);
    return status == PLN_OK ? ckpt_content_add(w->content, &tensor, NULL, w->error) : status;
}

/* The name with a key behind it; false: the key is none that a tensor can have. *fits: it is not too long. */
static bool add_key(struct walk *w, size_t length, const struct pickle_object *key, bool *fits)
{
    const size_t room = sizeof w->name - length;
    int n = -1;
    if (key->kind == PICKLE_TEXT && !memchr(key->is.text.bytes, '\0', key->is.text.n))
        n = key->is.text.n > CKPT_MAX_NAME ? CKPT_MAX_NAME + 1
                                           : snprintf(w->name + length, room, "%s%.*s", length ? "/" : "",
                                                      (int)key->is.text.n, key->is.text.bytes);
    else if (key->kind == PICKLE_INTEGER)
        n = snprintf(w->name + length, room, "%s%" PRId64, length ? "/" : "", key->is.integer);
    *fits = n >= 0 && (size_t)n < room;
    return n >= 0;
}

static pln_status walk_dictionary(struct walk *w, const struct pickle_object *dictionary, unsigned depth)
{
    const size_t length = strlen(w->name);
    pln_status status = PLN_OK;
    if (depth > CKPT_MAX_DEPTH)
        return pln_fail(w->error, PLN_BAD_MODEL, "%s: the pickle nests dictionaries more than %d deep, or in a circle",
                        w->content->path, CKPT_MAX_DEPTH);
    for (size_t i = 0; status == PLN_OK && i < dictionary->is.list.n; i += 2) {
        const struct pickle_object *value = dictionary->is.list.items[i + 1];
        bool fits;
        if (w->visits++ == MOST_ENTRIES)
            return pln_fail(w->error, PLN_BAD_MODEL, "%s: the dictionaries of the pickle have more than %d entries",
                            w->content->path, MOST_ENTRIES);
        if (value->kind != PICKLE_TENSOR && value->kind != PICKLE_DICTIONARY)
            continue;
        if (!add_key(w, length, dictionary->is.list.items[i], &fits)) {
            if (value->kind == PICKLE_TENSOR)
                return pln_fail(w->error, PLN_BAD_MODEL, "%s: the pickle has a tensor whose name is no text",
                                w->content->path);
            continue;
        }
        if (!fits)
            return pln_fail(w->error, PLN_BAD_MODEL, "%s: the name of tensor '%.40s...' has more than %d bytes",
                            w->content->path, w->name, CKPT_MAX_NAME);
        status = value->kind == PICKLE_TENSOR ? add_tensor(w, value->is.tensor) : walk_dictionary(w, value, depth + 1);
        w->name[length] = '\0';
    }
    return status;
}

pln_status torch_add_tensors(struct ckpt_content *content, const struct pickle_object *root, pln_error *error)
{
    struct walk w = {.content = content, .error = error};
    if (root->kind != PICKLE_DICTIONARY)
        return pln_fail(error, PLN_BAD_MODEL, "%s: its object is no dictionary of tensors", content->path);
    const pln_status status = walk_dictionary(&w, root, 0);
    if (status == PLN_OK && !content->count)
        return pln_fail(error, PLN_BAD_MODEL, "%s: its dictionary holds no tensor", content->path);
    return status;
}
