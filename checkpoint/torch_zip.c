/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that torch.save writes since 1.6: a zip archive of ROOT/data.pkl and an entry ROOT/data/KEY for each storage.
 * Entries that are stored are used where they lie; those of a file that somebody packed again are inflated.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/torch.h"
#include "checkpoint/zip.h"
#include "common/fail.h"

enum { MAX_PICKLE = 256 << 20 }; /* bytes */

static bool sniff(const unsigned char *bytes, size_t size)
{
    return size > 4 && memcmp(bytes, "PK\003\004", 4) == 0;
}

/* The bytes of an entry, in the archive or inflated to memory of the content. */
static pln_status entry_bytes(struct ckpt_content *content, struct zip *zip, const struct zip_entry *entry,
                              const unsigned char **bytes, pln_error *error)
{
    *bytes = entry->data;
    if (entry->data)
        return PLN_OK;
    void *memory = ckpt_content_own(content, entry->bytes, error);
    *bytes = memory;
    return memory ? zip_read(zip, entry, memory, error) : PLN_NO_MEMORY;
}

/* The one entry that is called data.pkl; *root is the length of what stands before it, slash included. */
static pln_status find_pickle(const struct ckpt_content *content, const struct zip *zip,
                              const struct zip_entry **pickle, size_t *root, pln_error *error)
{
    static const char name[] = "/data.pkl";
    uint32_t n, found = 0;
    const struct zip_entry *all = zip_entries(zip, &n);
    for (uint32_t i = 0; i < n; i++) {
        const size_t length = strlen(all[i].name), tail = sizeof name - 1;
        if (length <= tail || strcmp(all[i].name + length - tail, name) != 0)
            continue;
        found++;
        *pickle = &all[i];
        *root = length - tail + 1;
    }
    return found == 1 ? PLN_OK
                      : pln_fail(error, PLN_BAD_MODEL, "%s: a zip archive, but none of PyTorch's: it holds %u data.pkl",
                                 content->path, found);
}

static pln_status check_order(struct ckpt_content *content, struct zip *zip, const char *root, pln_error *error)
{
    char name[CKPT_MAX_NAME + 20];
    const unsigned char *bytes;
    snprintf(name, sizeof name, "%sbyteorder", root);
    const struct zip_entry *order = zip_find(zip, name);
    if (!order || order->bytes > 16)
        return PLN_OK;
    const pln_status status = entry_bytes(content, zip, order, &bytes, error);
    if (status == PLN_OK && order->bytes >= 3 && memcmp(bytes, "big", 3) == 0)
        return pln_fail(error, PLN_BAD_MODEL, "%s: written on a big-endian machine, which is not read", content->path);
    return status;
}

static pln_status find_storage(struct ckpt_content *content, struct zip *zip, const char *root,
                               struct pickle_storage *storage, pln_error *error)
{
    char name[2 * CKPT_MAX_NAME];
    const bool text = storage->key_bytes < CKPT_MAX_NAME && !memchr(storage->key, '\0', storage->key_bytes);
    snprintf(name, sizeof name, "%sdata/%.*s", root, text ? (int)storage->key_bytes : 0, storage->key);
    const struct zip_entry *entry = text ? zip_find(zip, name) : NULL;
    if (!entry)
        return pln_fail(error, PLN_BAD_MODEL, "%s: the archive lacks '%.200s', where the pickle has a storage",
                        content->path, name);
    storage->data_bytes = entry->bytes;
    const pln_status status = torch_check_storage(content, storage, error);
    return status == PLN_OK ? entry_bytes(content, zip, entry, &storage->data, error) : status;
}

static int by_key(const void *a, const void *b)
{
    const struct pickle_storage *x = *(const struct pickle_storage *const *)a,
                                *y = *(const struct pickle_storage *const *)b;
    const size_t n = x->key_bytes < y->key_bytes ? x->key_bytes : y->key_bytes;
    const int order = memcmp(x->key, y->key, n);
    return order ? order : (x->key_bytes > y->key_bytes) - (x->key_bytes < y->key_bytes);
}

/* Several tensors may name one storage, each with an id of its own: it is inflated once. */
static pln_status find_storages(struct ckpt_content *content, struct zip *zip, const char *root,
                                const struct pickle *pickle, pln_error *error)
{
    pln_status status = PLN_OK;
    uint32_t n = 0;
    struct pickle_storage **all = arena_allocate(pickle->memory, (pickle->n_storages + 1ul) * sizeof(void *));
    if (!all)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for its storages", content->path);
    for (struct pickle_storage *s = pickle->storages; s; s = s->next)
        all[n++] = s;
    qsort(all, n, sizeof *all, by_key);
    for (uint32_t i = 0; status == PLN_OK && i < n; i++) {
        if (i && by_key(&all[i - 1], &all[i]) == 0) {
            all[i]->data = all[i - 1]->data;
            all[i]->data_bytes = all[i - 1]->data_bytes;
            status = torch_check_storage(content, all[i], error);
        } else {
            status = find_storage(content, zip, root, all[i], error);
        }
    }
    return status;
}

static pln_status read_archive(struct ckpt_content *content, struct zip *zip, struct pickle *pickle, pln_error *error)
{
    const struct zip_entry *entry = NULL;
    struct pickle_object *object;
    size_t length = 0, used;
    char root[CKPT_MAX_NAME + 1];
    pln_status status = find_pickle(content, zip, &entry, &length, error);
    if (status != PLN_OK)
        return status;
    if (entry->bytes > MAX_PICKLE)
        return pln_fail(error, PLN_BAD_MODEL, "%s: its pickle has %" PRIu64 " bytes, at most %d are read",
                        content->path, entry->bytes, MAX_PICKLE);
    snprintf(root, sizeof root, "%.*s", (int)length, entry->name);
    status = check_order(content, zip, root, error);
    unsigned char *bytes = status == PLN_OK ? arena_allocate(pickle->memory, (size_t)entry->bytes + 1) : NULL;
    if (status == PLN_OK && !bytes)
        status = pln_fail(error, PLN_NO_MEMORY, "%s: no memory for its pickle", content->path);
    if (status == PLN_OK)
        status = zip_read(zip, entry, bytes, error);
    if (status == PLN_OK)
        status = pickle_run(pickle, bytes, (size_t)entry->bytes, &used, &object, error);
    if (status == PLN_OK)
        status = find_storages(content, zip, root, pickle, error);
    return status == PLN_OK ? torch_add_tensors(content, object, error) : status;
}

static pln_status open_zip(struct ckpt_content *content, pln_error *error)
{
    struct zip *zip = NULL;
    struct arena memory = {0};
    struct pickle pickle = {.path = content->path, .memory = &memory};
    pln_status status = zip_open(content->path, content->bytes, content->size, &zip, error);
    if (status == PLN_OK)
        status = read_archive(content, zip, &pickle, error);
    zip_close(&zip);
    arena_finish(&memory);
    return status;
}

const struct ckpt_format ckpt_format_torch_zip = {.name = "PyTorch zip", .sniff = sniff, .open = open_zip};
