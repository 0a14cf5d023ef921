/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that torch.save wrote before 1.6: five pickles one after the other (a magic number, a version, what the machine
 * was, the object, the list of storages), then the storages in the order of that list, each with its number of elements.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/torch.h"
#include "common/fail.h"

/* The number that the first pickle is; before it stand the protocol, and from protocol 4 on a frame. */
static const unsigned char magic[] = {0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e};
enum { VERSION = 1001 };

static bool sniff(const unsigned char *bytes, size_t size)
{
    const size_t skip = size > 2 && bytes[2] == 0x95 ? 11 : 2;
    return size >= skip + sizeof magic && bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5 &&
           memcmp(bytes + skip, magic, sizeof magic) == 0;
}

struct reading {
    struct ckpt_content *content;
    struct pickle *pickle;
    size_t at;
    struct pickle_storage **by_key; /* [n] of the object's pickle */
    uint32_t n;
    pln_error *error;
};

static pln_status next_pickle(struct reading *r, struct pickle_object **object)
{
    size_t used = 0;
    const pln_status status =
        pickle_run(r->pickle, r->content->bytes + r->at, r->content->size - r->at, &used, object, r->error);
    r->at += used;
    return status;
}

static pln_status broken(const struct reading *r, const char *what)
{
    return pln_fail(r->error, PLN_BAD_MODEL, "%s: %s", r->content->path, what);
}

static pln_status read_preamble(struct reading *r)
{
    struct pickle_object *number, *version, *machine;
    pln_status status = next_pickle(r, &number);
    if (status == PLN_OK)
        status = next_pickle(r, &version);
    if (status == PLN_OK)
        status = next_pickle(r, &machine);
    if (status != PLN_OK)
        return status;
    if (version->kind != PICKLE_INTEGER || version->is.integer != VERSION)
        return broken(r, "a file of PyTorch of a version that is not 1001");
    const struct pickle_object *little = pickle_get(machine, "little_endian");
    if (little && little->kind == PICKLE_BOOL && !little->is.integer)
        return broken(r, "written on a big-endian machine, which is not read");
    return PLN_OK;
}

/* ---- storages */

static int compare_keys(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    const int order = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);
    return order ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

static int by_key(const void *a, const void *b)
{
    const struct pickle_storage *x = *(const struct pickle_storage *const *)a,
                                *y = *(const struct pickle_storage *const *)b;
    return compare_keys(x->key, x->key_bytes, y->key, y->key_bytes);
}

static pln_status sort_storages(struct reading *r)
{
    const struct pickle *p = r->pickle;
    r->by_key = arena_allocate(p->memory, (p->n_storages + 1ul) * sizeof *r->by_key);
    if (!r->by_key)
        return pln_fail(r->error, PLN_NO_MEMORY, "%s: no memory for its storages", r->content->path);
    for (struct pickle_storage *s = p->storages; s; s = s->next)
        r->by_key[r->n++] = s;
    qsort(r->by_key, r->n, sizeof *r->by_key, by_key);
    for (uint32_t i = 1; i < r->n; i++)
        if (by_key(&r->by_key[i - 1], &r->by_key[i]) == 0 && r->by_key[i - 1]->type->width != r->by_key[i]->type->width)
            return broken(r, "the pickle has one storage of two types");
    return PLN_OK;
}

/* The first that has the key; r->n if none has: then nobody knows how long its elements are. */
static uint32_t find_key(const struct reading *r, const struct pickle_object *key)
{
    uint32_t low = 0, high = r->n;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const struct pickle_storage *s = r->by_key[middle];
        if (compare_keys(s->key, s->key_bytes, key->is.text.bytes, key->is.text.n) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    const struct pickle_storage *s = low < r->n ? r->by_key[low] : NULL;
    return s && compare_keys(s->key, s->key_bytes, key->is.text.bytes, key->is.text.n) == 0 ? low : r->n;
}

/* The storage that comes next in the file is that of `key`, and of all ids with it. */
static pln_status place_storage(struct reading *r, const struct pickle_object *key)
{
    uint64_t elements, bytes;
    const uint32_t first = key->kind == PICKLE_TEXT ? find_key(r, key) : r->n;
    if (first == r->n)
        return broken(r, "its list of storages has one that no tensor names");
    if (r->by_key[first]->data)
        return broken(r, "its list of storages has one twice");
    if (r->content->size - r->at < sizeof elements)
        return broken(r, "cut: it ends before its last storage");
    memcpy(&elements, r->content->bytes + r->at, sizeof elements);
    r->at += sizeof elements;
    if (__builtin_mul_overflow(elements, r->by_key[first]->type->width, &bytes) || bytes > r->content->size - r->at)
        return pln_fail(r->error, PLN_BAD_MODEL,
                        "%s: storage '%.*s' has %" PRIu64 " elements, and %zu bytes are left of the file",
                        r->content->path, key->is.text.n < 40 ? (int)key->is.text.n : 40, key->is.text.bytes, elements,
                        r->content->size - r->at);
    for (uint32_t i = first;
         i < r->n && compare_keys(r->by_key[i]->key, r->by_key[i]->key_bytes, key->is.text.bytes, key->is.text.n) == 0;
         i++) {
        r->by_key[i]->data = r->content->bytes + r->at;
        r->by_key[i]->data_bytes = bytes;
        const pln_status status = torch_check_storage(r->content, r->by_key[i], r->error);
        if (status != PLN_OK)
            return status;
    }
    r->at += (size_t)bytes;
    return PLN_OK;
}

static pln_status place_storages(struct reading *r, const struct pickle_object *keys)
{
    pln_status status = sort_storages(r);
    if (status == PLN_OK && keys->kind != PICKLE_LIST)
        return broken(r, "it has no list of storages");
    for (size_t i = 0; status == PLN_OK && i < keys->is.list.n; i++)
        status = place_storage(r, keys->is.list.items[i]);
    for (uint32_t i = 0; status == PLN_OK && i < r->n; i++)
        if (!r->by_key[i]->data)
            return broken(r, "its list of storages lacks one that a tensor names");
    return status;
}

static pln_status read_file(struct reading *r)
{
    struct pickle_object *object, *keys;
    pln_status status = read_preamble(r);
    if (status == PLN_OK)
        status = next_pickle(r, &object);
    if (status == PLN_OK)
        status = next_pickle(r, &keys);
    if (status == PLN_OK)
        status = place_storages(r, keys);
    return status == PLN_OK ? torch_add_tensors(r->content, object, r->error) : status;
}

static pln_status open_legacy(struct ckpt_content *content, pln_error *error)
{
    struct arena memory = {0};
    struct pickle pickle = {.path = content->path, .memory = &memory};
    struct reading r = {.content = content, .pickle = &pickle, .error = error};
    const pln_status status = read_file(&r);
    arena_finish(&memory);
    return status;
}

const struct ckpt_format ckpt_format_torch_legacy = {.name = "PyTorch legacy", .sniff = sniff, .open = open_legacy};
