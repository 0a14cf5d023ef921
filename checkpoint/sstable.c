/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the bytes of a LevelDB table, gives its entries. Footer: handles of the metaindex and of the index block, zeros,
 * magic. Index block: handles of the data blocks. A handle is varint offset, varint size; behind a block come its type
 * and the masked CRC-32C of both.
 */
#include "checkpoint/sstable.h"

#include "checkpoint/crc.h"
#include "checkpoint/format.h"
#include "common/fail.h"

enum { FOOTER = 48, TRAILER = 5, PLAIN = 0, SNAPPY = 1 };
static const unsigned char magic[8] = {0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb};

struct table {
    const char *path;
    const unsigned char *bytes;
    size_t size;  /* without the footer */
    uint64_t end; /* of the data block that was read last */
    sstable_take *take;
    void *context;
    pln_error *error;
};

/* Entries of a block, each with the part of its key that the one before lacks. */
struct block {
    struct protobuf left;
    size_t key_bytes;
    char key[CKPT_MAX_NAME + 1];
    struct protobuf value;
};

bool sstable_is(const unsigned char *bytes, size_t size)
{
    return size >= FOOTER && memcmp(bytes + size - sizeof magic, magic, sizeof magic) == 0;
}

static pln_status damaged(const struct table *t, const char *what)
{
    return pln_fail(t->error, PLN_BAD_MODEL, "%s: the index is damaged: %s", t->path, what);
}

/* Where a block lies, from the bytes of its handle; its trailer is there too. */
static pln_status read_handle(const struct table *t, struct protobuf *from, uint64_t *offset, uint64_t *size)
{
    if (!protobuf_varint(from, offset) || !protobuf_varint(from, size))
        return damaged(t, "the place of a block is cut off");
    if (*offset > t->size || t->size - *offset < TRAILER || *size > t->size - *offset - TRAILER)
        return damaged(t, "a block lies outside the file");
    return PLN_OK;
}

static pln_status open_block(const struct table *t, uint64_t offset, uint64_t size, struct block *block)
{
    const unsigned char *bytes = t->bytes + offset, type = bytes[size];
    uint32_t sum, restarts;
    memcpy(&sum, bytes + size + 1, sizeof sum);
    if (sum != crc32c_mask(crc32c_extend(0, bytes, (size_t)size + 1)))
        return damaged(t, "the sum over a block (CRC-32C) is wrong");
    if (type == SNAPPY)
        return pln_fail(t->error, PLN_BAD_MODEL,
                        "%s: its blocks are compressed by snappy, as TensorFlow before 1.2 wrote them: save the model "
                        "again with a later one",
                        t->path);
    if (type != PLAIN)
        return damaged(t, "a block is of an unknown kind");
    if (size < sizeof restarts)
        return damaged(t, "a block is too short");
    memcpy(&restarts, bytes + size - sizeof restarts, sizeof restarts);
    if (restarts > size / sizeof restarts - 1)
        return damaged(t, "a block has more restarts than bytes");
    block->left = (struct protobuf){bytes, (size_t)size - ((size_t)restarts + 1) * sizeof restarts};
    block->key_bytes = 0;
    return PLN_OK;
}

static pln_status next_entry(const struct table *t, struct block *b)
{
    uint64_t shared, own, value;
    struct protobuf suffix;
    if (!protobuf_varint(&b->left, &shared) || !protobuf_varint(&b->left, &own) || !protobuf_varint(&b->left, &value) ||
        !protobuf_take(&b->left, own, &suffix) || !protobuf_take(&b->left, value, &b->value))
        return damaged(t, "an entry is cut off");
    if (shared > b->key_bytes)
        return damaged(t, "a key shares more than the one before has");
    if (own >= sizeof b->key - shared)
        return damaged(t, "a key is too long");
    memcpy(b->key + shared, suffix.next, suffix.left);
    b->key_bytes = (size_t)shared + suffix.left;
    b->key[b->key_bytes] = '\0';
    return PLN_OK;
}

/* The last key of the whole table, to compare the next one with. */
struct last_key {
    bool any;
    size_t bytes;
    char key[CKPT_MAX_NAME + 1];
};

static bool ascends(struct last_key *last, const struct block *b)
{
    const size_t common = b->key_bytes < last->bytes ? b->key_bytes : last->bytes;
    const int order = memcmp(last->key, b->key, common);
    const bool good = !last->any || order < 0 || (order == 0 && last->bytes < b->key_bytes);
    memcpy(last->key, b->key, b->key_bytes);
    last->bytes = b->key_bytes;
    last->any = true;
    return good;
}

static pln_status read_data_block(struct table *t, struct protobuf handle, struct last_key *last)
{
    struct block b;
    uint64_t offset, size;
    pln_status status = read_handle(t, &handle, &offset, &size);
    if (status == PLN_OK && offset < t->end)
        status = damaged(t, "blocks overlap");
    if (status == PLN_OK)
        status = open_block(t, offset, size, &b);
    if (status != PLN_OK)
        return status;
    t->end = offset + size + TRAILER;
    while (status == PLN_OK && b.left.left) {
        status = next_entry(t, &b);
        if (status == PLN_OK && !ascends(last, &b))
            status = damaged(t, "its keys are not in order, or one comes twice");
        if (status == PLN_OK)
            status = t->take(t->context, b.key, b.key_bytes, b.value, t->error);
    }
    return status;
}

pln_status sstable_read(const char *path, const unsigned char *bytes, size_t size, sstable_take *take, void *context,
                        pln_error *error)
{
    struct block index;
    struct last_key last = {.any = false};
    uint64_t offset, length;
    struct table t = {.path = path, .bytes = bytes, .take = take, .context = context, .error = error};
    if (!sstable_is(bytes, size))
        return damaged(&t, "it does not end as an index does");
    t.size = size - FOOTER;
    struct protobuf footer = {bytes + t.size, FOOTER - sizeof magic};
    pln_status status = read_handle(&t, &footer, &offset, &length); /* the metaindex, which holds nothing */
    if (status == PLN_OK)
        status = read_handle(&t, &footer, &offset, &length);
    if (status == PLN_OK)
        status = open_block(&t, offset, length, &index);
    while (status == PLN_OK && index.left.left) {
        status = next_entry(&t, &index);
        if (status == PLN_OK)
            status = read_data_block(&t, index.value, &last);
    }
    return status;
}
