/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands behind a wall that random bytes do not pass: entries of a bundle's index, whose blocks carry sums, and what
 * the program that reads HDF5 tells.
 */
#include <stdlib.h>
#include <string.h>

#include "checkpoint/content.h"
#include "checkpoint/crc.h"
#include "checkpoint/hdf5_table.h"
#include "tests/fuzz/target.h"

/* ---- bundles: a first byte of zero is a whole index, else the rest are the entries of its block */

enum { FOOTER = 48, MOST_INDEX = 1 << 16 };

static size_t end_block(uint8_t *index, size_t begin, size_t end)
{
    static const uint32_t restarts[] = {0, 1};
    memcpy(index + end, restarts, sizeof restarts);
    end += sizeof restarts;
    index[end++] = 0;
    const uint32_t sum = crc32c_mask(crc32c_extend(0, index + begin, end - begin));
    memcpy(index + end, &sum, sizeof sum);
    return end + sizeof sum;
}

static size_t put_varint(uint8_t *to, uint64_t value)
{
    size_t n = 0;
    for (; value > 0x7fu; value >>= 7)
        to[n++] = (uint8_t)(value | 0x80u);
    to[n++] = (uint8_t)value;
    return n;
}

static size_t put_handle(uint8_t *to, uint64_t offset, uint64_t size)
{
    const size_t n = put_varint(to, offset);
    return n + put_varint(to + n, size);
}

/* An index with one block of these entries. */
static size_t wrap(uint8_t *index, const uint8_t *entries, size_t bytes)
{
    static const uint8_t magic[] = {0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb};
    memcpy(index, entries, bytes);
    size_t n = end_block(index, 0, bytes);
    const size_t begin = n, value = put_handle(index + n + 4, 0, begin - 5);
    memcpy(index + n, (const uint8_t[]){0, 1, (uint8_t)value, 'x'}, 4);
    n = end_block(index, begin, n + 4 + value);
    memset(index + n, 0, FOOTER);
    const size_t first = put_handle(index + n, 0, 8);
    put_handle(index + n + first, begin, n - begin - 5);
    memcpy(index + n + FOOTER - sizeof magic, magic, sizeof magic);
    return n + FOOTER;
}

void fuzz_bundle(const struct fuzz_target *target, const uint8_t *data, size_t bytes)
{
    static uint8_t index[MOST_INDEX];
    static bool made;
    uint8_t numbers[4096];
    const struct fuzz_target whole = {"bundle.index", NULL};
    (void)target;
    if (!bytes || bytes > MOST_INDEX - 200)
        return;
    for (size_t i = 0; i < sizeof numbers; i++)
        numbers[i] = (uint8_t)(i * 7);
    if (!made)
        fuzz_write("bundle.data-00000-of-00001", numbers, sizeof numbers);
    made = true;
    if (!data[0]) {
        fuzz_checkpoint(&whole, data + 1, bytes - 1);
        return;
    }
    const size_t n = wrap(index, data + 1, bytes - 1);
    fuzz_checkpoint(&whole, index, n);
}

/* ---- the table of an HDF5 file */

struct told {
    const uint8_t *next;
    size_t left;
};

static bool read_told(void *context, void *to, size_t bytes)
{
    struct told *told = context;
    if (bytes > told->left)
        return false;
    if (bytes)
        memcpy(to, told->next, bytes);
    told->next += bytes;
    told->left -= bytes;
    return true;
}

void fuzz_table(const struct fuzz_target *target, const uint8_t *data, size_t bytes)
{
    static const unsigned char file[4096] = {1, 2, 3};
    struct ckpt_content content = {.path = target->name, .bytes = file, .size = sizeof file};
    struct told told = {data, bytes};
    const struct hdf5_source source = {read_told, &told};
    pln_error error = {.message = ""};
    bool ready;
    const pln_status status = hdf5_take_table(&content, &source, &ready, &error);
    fuzz_check(status == PLN_OK || (status == PLN_BAD_MODEL && strstr(error.message, target->name)),
               "a table is taken, or refused in a sentence that names the file");
    for (uint32_t i = 0; status == PLN_OK && i < content.count; i++) {
        const pln_tensor *t = &content.tensors[i];
        uint64_t size, sum = 0;
        fuzz_check(t->dtype ? ckpt_tensor_bytes(t, &size) : !t->data && content.types[i], "a tensor is whole");
        for (uint64_t k = 0; t->dtype && k < size; k++)
            sum += ((const unsigned char *)t->data)[k];
        fuzz_check(sum < UINT64_MAX, "its bytes can be read");
    }
    ckpt_content_finish(&content);
}
