/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of weights that other packages wrote (make_foreign.py) read bit for bit, and files that lie are refused in a
 * sentence: what they claim, how deep they nest, what comes twice, what lies behind the end, sums that are wrong.
 */
#define _XOPEN_SOURCE 700 /* realpath */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "checkpoint/content.h"
#include "checkpoint/crc.h"
#include "checkpoint/hdf5_process.h"
#include "checkpoint/hdf5_table.h"
#include "checkpoint/hdf5_wire.h"
#include "checkpoint/tensors.h"

static char folder[] = "foreign-XXXXXX";
static const char *given; /* tests/checkpoint/foreign */
static pln_error error;

/* ---- files of other packages */

static void compare(const pln_tensor *found, const pln_tensor *expected)
{
    uint64_t bytes;
    if (!found || found->dtype != expected->dtype || found->rank != expected->rank ||
        memcmp(found->shape, expected->shape, expected->rank * sizeof *expected->shape) != 0)
        fail_msg("%s: another type or shape, or not there", expected->name);
    assert_true(ckpt_tensor_bytes(expected, &bytes));
    if (bytes && memcmp(found->data, expected->data, (size_t)bytes) != 0)
        fail_msg("%s: other bytes", expected->name);
}

/* Every tensor of NAME.safetensors is in the file; `others` more are, without data. note: what the warning says. */
static void reads(const char *name, const char *file, uint32_t others, const char *note)
{
    char path[2][512];
    pln_tensor_file *found = NULL, *expected = NULL;
    uint32_t n, m;
    snprintf(path[0], sizeof path[0], "%s/%s", given, file);
    snprintf(path[1], sizeof path[1], "%s/%s.safetensors", given, name);
    if (ckpt_tensors_open(path[0], 0, &found, &error) != PLN_OK)
        fail_msg("%s", error.message);
    assert_int_equal(ckpt_tensors_open(path[1], 0, &expected, &error), PLN_OK);
    const pln_tensor *have = ckpt_tensors(found, &n), *want = ckpt_tensors(expected, &m);
    for (uint32_t i = 0; i < m; i++)
        compare(ckpt_tensors_find(found, want[i].name), &want[i]);
    assert_int_equal(n, m + others);
    for (uint32_t i = 0; i < n; i++) {
        assert_true(have[i].dtype || (!have[i].data && !have[i].rank));
        if (ckpt_tensors_verify(found, &have[i], &error) != PLN_OK)
            fail_msg("%s", error.message);
    }
    const char *said = ckpt_tensors_note(found);
    if (note ? !said || !strstr(said, note) : said != NULL)
        fail_msg("%s: '%s' is said", file, said ? said : "nothing");
    ckpt_tensors_close(&found);
    ckpt_tensors_close(&expected);
}

static void bundles(void **state)
{
    (void)state;
    reads("two", "two.index", 0, NULL);
    reads("objects", "objects.index", 1, NULL);
}

/* ---- files that lie */

static const char *put(const char *name, const void *bytes, size_t n)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void refused(const char *path, const char *sentence)
{
    pln_tensor_file *file = NULL;
    memset(&error, 0, sizeof error);
    const pln_status status = ckpt_tensors_open(path, 0, &file, &error);
    if (status == PLN_OK) /* what is wrong may be said when the numbers are wanted */
        fail_msg("opens, and should say '%s'", sentence);
    assert_int_equal(status, PLN_BAD_MODEL);
    assert_int_equal(error.status, PLN_BAD_MODEL);
    assert_null(file);
    if (!strstr(error.message, sentence) || !strstr(error.message, path))
        fail_msg("'%s' lacks '%s' or the path", error.message, sentence);
}

/* Bytes that a test puts together. */
struct bytes {
    unsigned char at[1 << 16];
    size_t n;
};

static void append(struct bytes *b, const void *data, size_t n)
{
    assert_true(n <= sizeof b->at - b->n);
    memcpy(b->at + b->n, data, n);
    b->n += n;
}

static void append_varint(struct bytes *b, uint64_t value)
{
    do {
        const unsigned char byte = (unsigned char)((value & 0x7fu) | (value > 0x7fu ? 0x80u : 0));
        append(b, &byte, 1);
    } while (value >>= 7);
}

static void append_u32(struct bytes *b, uint32_t value)
{
    append(b, &value, sizeof value);
}

/* ---- bundles */

/* A block of the table: entries without shared parts, one restart, kind, sum. Returns where it begins. */
struct place {
    size_t offset, size;
};

static struct place end_block(struct bytes *file, size_t begin, unsigned char kind)
{
    append_u32(file, 0);
    append_u32(file, 1);
    const struct place place = {begin, file->n - begin};
    append(file, &kind, 1);
    append_u32(file, crc32c_mask(crc32c_extend(0, file->at + begin, file->n - begin)));
    return place;
}

static void append_keyed(struct bytes *file, const void *key, size_t bytes, size_t shared, const void *value, size_t n)
{
    append_varint(file, shared);
    append_varint(file, bytes);
    append_varint(file, n);
    append(file, key, bytes);
    append(file, value, n);
}

static void append_entry(struct bytes *file, const char *key, size_t shared, const void *value, size_t n)
{
    append_keyed(file, key, strlen(key), shared, value, n);
}

static void append_handle(struct bytes *to, uint64_t offset, uint64_t size)
{
    append_varint(to, offset);
    append_varint(to, size);
}

static void append_footer(struct bytes *file, uint64_t offset, uint64_t size)
{
    static const unsigned char magic[] = {0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb}, zero = 0;
    const size_t begin = file->n;
    append_handle(file, 0, 4);
    append_handle(file, offset, size);
    while (file->n < begin + 40)
        append(file, &zero, 1);
    append(file, magic, sizeof magic);
}

/* What a bundle that a test makes is like. */
struct lie {
    const char *header;  /* bytes of the header's message; NULL: one shard */
    size_t header_bytes; /* SIZE_MAX: there is no header */
    const char *entry;   /* of the variable "w", in hexadecimal */
    const char *key;     /* NULL: "w" */
    unsigned char kind;  /* of blocks */
    size_t shared;       /* of the second key */
    bool twice;          /* the index names its block twice */
    bool wrong_sum;
    uint64_t block_size;   /* that the index claims; 0: the truth */
    uint64_t index_offset; /* that the footer claims; 0: the truth */
    const char *sentence;
};

static size_t of_hex(const char *text, unsigned char *out)
{
    size_t n = 0;
    for (unsigned byte; *text && sscanf(text, "%2x", &byte) == 1; text += 2)
        out[n++] = (unsigned char)byte;
    return n;
}

static const char *put_bundle(const struct lie *lie)
{
    static struct bytes file, handle;
    unsigned char entry[200];
    const float data[6] = {1, 2, 3, 4, 5, 6};
    file.n = handle.n = 0;
    if (lie->header_bytes != SIZE_MAX)
        append_entry(&file, "", 0, lie->header ? lie->header : "\x08\x01", lie->header ? lie->header_bytes : 2);
    append_entry(&file, lie->key ? lie->key : "w", lie->shared, entry, of_hex(lie->entry, entry));
    struct place block = end_block(&file, 0, lie->kind);
    if (lie->wrong_sum)
        file.at[1] ^= 1;
    append_handle(&handle, block.offset, lie->block_size ? lie->block_size : block.size);
    const size_t begin = file.n;
    append_entry(&file, "x", 0, handle.at, handle.n);
    if (lie->twice)
        append_entry(&file, "y", 0, handle.at, handle.n);
    block = end_block(&file, begin, 0);
    append_footer(&file, lie->index_offset ? lie->index_offset : block.offset, block.size);
    put("b.data-00000-of-00001", data, sizeof data);
    return put("b.index", file.at, file.n);
}

static void bundles_that_lie(void **state)
{
    (void)state;
    static const struct lie lies[] = {
        {.entry = "0801", .header_bytes = SIZE_MAX, .sentence = "no header"},
        {.entry = "0801", .header = "\x08\x01\x10\x01", .header_bytes = 4, .sentence = "big-endian"},
        {.entry = "0801", .header = "", .sentence = "header is damaged"},
        {.entry = "0801", .header = "\x08\xff\xff\xff\xff\x0f", .header_bytes = 6, .sentence = "header is damaged"},
        {.entry = "0801", .header = "\x08", .header_bytes = 1, .sentence = "header is damaged"},
        {.entry = "0801", .kind = 1, .sentence = "snappy"},
        {.entry = "0801", .kind = 2, .sentence = "unknown kind"},
        {.entry = "0801", .wrong_sum = true, .sentence = "CRC-32C"},
        {.entry = "0801", .block_size = 1ull << 40, .sentence = "outside the file"},
        {.entry = "0801", .block_size = UINT64_MAX - 4, .sentence = "outside the file"},
        {.entry = "0801", .index_offset = UINT64_MAX, .sentence = "outside the file"},
        {.entry = "0801", .index_offset = 1ull << 32, .sentence = "outside the file"},
        {.entry = "0801", .shared = 1, .sentence = "shares more"},
        {.entry = "0801"
                  "2804",
         .twice = true,
         .sentence = "blocks overlap"},
        {.entry = "08", .sentence = "'w': its entry is damaged"},
        {.entry = "0801"
                  "3a00",
         .sentence = "'w': one of its parts is not there"},
        {.entry = "0801"
                  "12021801",
         .sentence = "has no shape"},
        {.entry = "0801"
                  "12041202"
                  "0802"
                  "2809",
         .sentence = "needs 8 bytes, it has 9"},
        {.entry = "0801"
                  "12041202"
                  "0802"
                  "1801"
                  "2808",
         .sentence = "beyond those that there are"},
        {.entry = "0801"
                  "12041202"
                  "0802"
                  "2014"
                  "2808",
         .sentence = "behind the end"},
        {.entry = "0801"
                  "12041202"
                  "0802"
                  "20ffffffffffffffffff01"
                  "2808",
         .sentence = "behind the end"},
        {.entry = "0801"
                  "12041202"
                  "0802"
                  "28808080808001",
         .sentence = "behind the end"}, /* 4 GiB and more */
        {.entry = "0801"
                  "120d120b"
                  "08ffffffffffffffffff01"
                  "2808",
         .sentence = "its entry is damaged"},
        {.entry = "0801"
                  "1218"
                  "120a08808080808080808040"
                  "120a08808080808080808040",
         .sentence = "64 bits"},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        refused(put_bundle(&lies[i]), lies[i].sentence);
}

/* Opening reads the index alone; the sum over the numbers is compared when they are wanted. */
static void sums_of_data(void **state)
{
    (void)state;
    const float data[2] = {1, 2};
    for (uint32_t wrong = 0; wrong < 2; wrong++) {
        char entry[100];
        pln_tensor_file *file = NULL;
        const uint32_t sum = crc32c_mask(crc32c_extend(0, data, sizeof data)) ^ wrong;
        snprintf(entry, sizeof entry, "0801120412020802280835%02x%02x%02x%02x", sum & 0xffu, sum >> 8 & 0xffu,
                 sum >> 16 & 0xffu, sum >> 24);
        const struct lie truth = {.entry = entry};
        assert_int_equal(ckpt_tensors_open(put_bundle(&truth), 0, &file, &error), PLN_OK);
        const pln_tensor *w = ckpt_tensors_find(file, "w");
        assert_memory_equal(w->data, data, sizeof data);
        assert_int_equal(ckpt_tensors_verify(file, w, &error), wrong ? PLN_BAD_MODEL : PLN_OK);
        if (wrong)
            assert_non_null(strstr(error.message, "'w': the sum over its bytes"));
        ckpt_tensors_close(&file);
    }
}

/* Of the standards' example; of more than eight bytes, in one go and in two. */
static void sums(void **state)
{
    (void)state;
    assert_int_equal(crc32c_extend(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(crc32c_extend(crc32c_extend(0, "12345", 5), "6789", 4), 0xe3069283u);
    assert_int_equal(crc32c_extend(0, NULL, 0), 0);
    assert_int_equal(crc32_zip_extend(0, "123456789", 9), 0xcbf43926u);
}

/* Cut anywhere, an index is refused; data that are cut lack the bytes of a variable. */
static void bundles_that_are_cut(void **state)
{
    (void)state;
    static const char *const parts[] = {"two.index", "two.data-00000-of-00002", "two.data-00001-of-00002"};
    static unsigned char bytes[3][1 << 12];
    size_t n[3];
    char path[512];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", given, parts[i]);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        n[i] = fread(bytes[i], 1, sizeof bytes[i], file);
        fclose(file);
        put(parts[i], bytes[i], n[i]);
    }
    for (size_t cut = 0; cut < n[0]; cut++) {
        pln_tensor_file *file = NULL;
        assert_int_equal(ckpt_tensors_open(put(parts[0], bytes[0], cut), 0, &file, &error), PLN_BAD_MODEL);
    }
    for (size_t i = 1; i < 3; i++) {
        put(parts[i], bytes[i], n[i] - 1);
        refused(put(parts[0], bytes[0], n[0]), "its bytes lie behind the end of the file of data");
        put(parts[i], bytes[i], n[i]);
    }
}

static void no_data(void **state)
{
    char path[512];
    (void)state;
    pln_tensor_file *file = NULL;
    static const struct lie gone = {.entry = "0801"};
    const char *index = put_bundle(&gone);
    snprintf(path, sizeof path, "%s/b.data-00000-of-00001", folder);
    remove(path);
    assert_int_equal(ckpt_tensors_open(index, 0, &file, &error), PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, "b.data-00000-of-00001: cannot be opened"));
}

/* ---- bundles whose variable "w" of floats is in parts */

enum { MOST_PARTS = 4 };

/* Where the entry of the variable says that a part belongs, and where its numbers lie. */
struct part {
    unsigned char begin, length, first;
};

struct parts {
    unsigned char n, elements; /* of the variable, as its entry says */
    struct part parts[MOST_PARTS];
    const char *places;        /* hexadecimal in the place of what `parts` come to in the entry */
    unsigned char kept, other; /* parts that are there, and the first type of one: 0: all, float */
    bool wrong_sum;
    const char *sentence; /* NULL: it is read, as 1, 2, 3, ... */
};

static const float six[] = {1, 2, 3, 4, 5, 6};

/* The key of a part begins with a zero, its entry has the sum over its numbers. */
static void append_part(struct bytes *file, const struct parts *p, const struct part *part)
{
    const unsigned char key[] = {0, 'w', 0, 1, 1, 1, 0x80 | part->begin, 0x80 | part->length};
    const unsigned char bytes = part->length * 4, type = p->other ? p->other : 1;
    unsigned char entry[] = {8,    type,  0x12, 4, 0x12, 2, 8, part->length, 0x20, part->first * 4,
                             0x28, bytes, 0x35, 0, 0,    0, 0};
    const uint32_t sum = crc32c_mask(crc32c_extend(0, six + part->first, bytes)) ^ p->wrong_sum;
    memcpy(entry + sizeof entry - sizeof sum, &sum, sizeof sum);
    append_keyed(file, key, sizeof key, 0, entry, sizeof entry);
}

static const char *put_parts(const struct parts *p)
{
    static struct bytes file, handle, entry;
    unsigned char places[200];
    file.n = handle.n = entry.n = 0;
    append_entry(&file, "", 0, "\x08\x01", 2);
    for (int i = 0; i < (p->kept ? p->kept : p->n); i++)
        append_part(&file, p, &p->parts[i]);
    const unsigned char shape[] = {8, 1, 0x12, 4, 0x12, 2, 8, p->elements};
    append(&entry, shape, sizeof shape);
    if (p->places)
        append(&entry, places, of_hex(p->places, places));
    for (int i = 0; !p->places && i < p->n; i++) {
        const unsigned char place[] = {0x3a, 6, 0x0a, 4, 8, p->parts[i].begin, 0x10, p->parts[i].length};
        append(&entry, place, sizeof place);
    }
    append_entry(&file, "w", 0, entry.at, entry.n);
    struct place block = end_block(&file, 0, 0);
    append_handle(&handle, block.offset, block.size);
    const size_t begin = file.n;
    append_entry(&file, "x", 0, handle.at, handle.n);
    block = end_block(&file, begin, 0);
    append_footer(&file, block.offset, block.size);
    put("b.data-00000-of-00001", six, sizeof six);
    return put("b.index", file.at, file.n);
}

static void partitioned(void **state)
{
    (void)state;
    reads("sliced", "sliced.index", 0, NULL);
    static const struct parts truths[] = {
        {.n = 2, .elements = 6, .parts = {{0, 2, 0}, {2, 4, 2}}},
        {.n = 3, .elements = 6, .parts = {{0, 2, 0}, {2, 0, 6}, {2, 4, 2}}},
    };
    for (size_t i = 0; i < sizeof truths / sizeof *truths; i++) {
        pln_tensor_file *file = NULL;
        if (ckpt_tensors_open(put_parts(&truths[i]), 0, &file, &error) != PLN_OK)
            fail_msg("%zu: %s", i, error.message);
        assert_memory_equal(ckpt_tensors_find(file, "w")->data, six, sizeof six);
        ckpt_tensors_close(&file);
    }
}

static void partitioned_that_lie(void **state)
{
    (void)state;
    static const struct parts lies[] = {
        {.n = 2, .elements = 6, .parts = {{0, 2, 0}, {2, 4, 2}}, .kept = 1, .sentence = "parts is not there"},
        {.n = 2, .elements = 6, .parts = {{0, 2, 0}, {2, 4, 2}}, .wrong_sum = true, .sentence = "of a part (CRC-32C)"},
        {.n = 2, .elements = 6, .parts = {{0, 2, 0}, {2, 4, 2}}, .other = 3, .sentence = "do not make it up"},
        {.n = 2, .elements = 6, .parts = {{0, 2, 0}, {3, 3, 3}}, .sentence = "do not make it up"}, /* a hole */
        {.n = 2, .elements = 6, .parts = {{0, 2, 0}, {1, 4, 1}}, .sentence = "do not make it up"}, /* they overlap */
        {.n = 2,
         .elements = 6,
         .parts = {{0, 2, 0}, {2, 3, 2}},
         .sentence = "do not make it up"}, /* an end is lacking */
        {.n = 2, .elements = 6, .parts = {{0, 2, 0}, {2, 5, 1}}, .sentence = "a part lies outside"},
        {.n = 1, .elements = 6, .parts = {{0, 6, 0}}, .places = "3a00", .sentence = "places of its parts are damaged"},
        {.n = 1, .elements = 6, .parts = {{0, 6, 0}}, .places = "3a0a0a0408001006", .sentence = "its entry is damaged"},
        {.n = 1, .elements = 6, .parts = {{0, 6, 0}}, .places = "3a040a0208", .sentence = "its entry is damaged"},
        {.n = 1,
         .elements = 6,
         .parts = {{0, 6, 0}},
         .places = "3a0c0a04080010060a0408001006",
         .sentence = "a part lies outside"},
        {.n = 1,
         .elements = 6,
         .parts = {{0, 6, 0}},
         .places = "3a0f0a0d08ffffffffffffffffff011006",
         .sentence = "a part lies outside"},
        {.n = 4,
         .elements = 16,
         .parts = {{0, 4, 0}, {4, 4, 0}, {8, 4, 0}, {12, 4, 0}},
         .sentence = "more than the files of data have"},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        refused(put_parts(&lies[i]), lies[i].sentence);
}

static void flax(void **state)
{
    (void)state;
    reads("tree", "tree.msgpack", 0, NULL);
    reads("chunked", "chunked.msgpack", 0, NULL);
    reads("training", "training.msgpack", 0, NULL);
}

/* The payload of an array: shape, type, bytes. */
#define FLOATS                                                                                                         \
    "9391"                                                                                                             \
    "02"                                                                                                               \
    "a7666c6f61743332"                                                                                                 \
    "c4080000803f00000040" /* [[2], "float32", 1 and 2] */

static void flax_that_lies(void **state)
{
    (void)state;
    static unsigned char bytes[1 << 18];
    static const struct {
        const char *hex, *sentence;
    } lies[] = {
        {"81a177", "'w': the file ends too early"},
        {"dfffffffffa177c0", "claims more than the file holds"},
        {"81a177dfffffffffa0", "'w': claims more than the file holds"},
        {"81a177ddffffffffa0", "'w': claims more than the file holds"},
        {"81a177c9ffffffff01a0", "'w': claims more than the file holds"},
        {"81a177dbffffffff01a0", "'w': claims more than the file holds"},
        {"81a177c6ffffffff01a0", "'w': claims more than the file holds"},
        {"82a177c0a177c1", "'w': a byte that MessagePack has not"},
        {"81a177c0c0", "bytes follow"},
        {"82a177c001c0", "is no text"},
        {"81a177c71502" FLOATS, "'w': is a complex number"},
        {"81a177c71507" FLOATS, "'w': is of a kind that Flax does not write"},
        {"81a177c70101c0", "'w': is no array"},
        {"81a177c7010190", "'w': is no array of Flax"},
        {"81a177c7020191c0", "'w': is no array of Flax"},
        {"81a177c7190193dfffffffff02a7666c6f61743332c40800000000000000", "'w': claims more than the file holds"},
        {"81a177c7190193ddffffffff02a7666c6f61743332c40800000000000000", "'w': claims more than the file holds"},
        {"81a177c715019391"
         "03"
         "a7666c6f61743332"
         "c4080000803f00000040",
         "'w': its shape needs 12 bytes, it has 8"},
        {"81a177c715019391"
         "ff"
         "a7666c6f61743332"
         "c4080000803f00000040",
         "'w': a dimension is no whole number"},
        {"81a177c715019391"
         "02"
         "a7666c6f61743332"
         "c4070000803f00000040",
         "'w': its numbers are not where"},
        {"81a177c715019391"
         "02"
         "a7666c6f61743332"
         "c4ff0000803f00000040",
         "'w': claims more"},
        {"81a177c726019392cf4000000000000000cf4000000000000000a7666c6f61743332c4080000803f00000040", "64 bits"},
        {"82a177c71501" FLOATS "a177c71501" FLOATS, "two tensors have the name 'w'"},
        {"82a3612f62c71501" FLOATS "a16181a162c71501" FLOATS, "two tensors have the name 'a/b'"},
        {"81a2770078c71501" FLOATS, "a key of it holds a zero"},
        {"81a277ffc71501" FLOATS, "a tensor's name is empty or not UTF-8"},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        refused(put("lie.msgpack", bytes, of_hex(lies[i].hex, bytes)), lies[i].sentence);
    bytes[0] = 0x81; /* 100,000 arrays in arrays, then as many maps in maps */
    bytes[1] = 0xa0;
    memset(bytes + 2, 0x91, 100000);
    refused(put("lie.msgpack", bytes, 100000), "nests deeper than 32");
    for (size_t i = 0; i < 100000; i += 2)
        of_hex("81a0", bytes + i);
    refused(put("lie.msgpack", bytes, 100000), "nests deeper than 32");
    of_hex("81daffff", bytes);
    memset(bytes + 4, 'w', 65535);
    bytes[4 + 65535] = 1;
    refused(put("lie.msgpack", bytes, 4 + 65536), "is too long");
}

/* {"w": {mark: true, "shape": ..., "chunks": ...}} */
#define MARK "81a17783b95f5f6d73677061636b5f6368756e6b65645f61727261795f5fc3"
#define SHAPE "a57368617065"
#define CHUNKS "a66368756e6b73"

static void chunks_that_lie(void **state)
{
    (void)state;
    static unsigned char bytes[4096];
    static const struct {
        const char *hex, *sentence;
    } lies[] = {
        {MARK SHAPE "81a13002" CHUNKS "81a130c71501" FLOATS, NULL},
        {MARK SHAPE "81a13003" CHUNKS "81a130c71501" FLOATS, "needs 12 bytes, it has 8"},
        {MARK SHAPE "81a13102" CHUNKS "81a130c71501" FLOATS, "none of its dimensions or chunks"},
        {MARK SHAPE "81a0"
                    "02" CHUNKS "81a130c71501" FLOATS,
         "none of its dimensions or chunks"},
        {MARK SHAPE "81b339393939393939393939393939393939393939"
                    "02" CHUNKS "81a130c71501" FLOATS,
         "none of its dim"},
        {MARK SHAPE "82a13002a13002" CHUNKS "81a130c71501" FLOATS, "a dimension comes twice"},
        {MARK SHAPE "dfffffffffa13002" CHUNKS "81a130c71501" FLOATS, "claims more"},
        {MARK SHAPE "81a13004" CHUNKS "82a130c71501" FLOATS "a130c71501" FLOATS, "a chunk comes twice"},
        {MARK SHAPE "81a13004" CHUNKS "82a130c71501" FLOATS "a132c71501" FLOATS, "none of its dimensions or chunks"},
        {MARK SHAPE "81a13002" CHUNKS "81a130c0", "a chunk is no array"},
        {MARK SHAPE "81a13002" CHUNKS "dfffffffffa130c0", "claims more"},
        {MARK SHAPE "81a13002"
                    "a178c0",
         "without a shape or without chunks"},
        {MARK "a178c0" CHUNKS "81a130c71501" FLOATS, "without a shape or without chunks"},
        {MARK SHAPE "81a13004" CHUNKS "82a130c71501" FLOATS "a131c71301"
                    "9391"
                    "04"
                    "a5696e743136"
                    "c4080000803f00000040",
         "of different types"},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        const char *path = put("lie.msgpack", bytes, of_hex(lies[i].hex, bytes));
        pln_tensor_file *file = NULL;
        if (lies[i].sentence) {
            refused(path, lies[i].sentence);
        } else {
            if (ckpt_tensors_open(path, 0, &file, &error) != PLN_OK)
                fail_msg("%s", error.message);
            ckpt_tensors_close(&file);
        }
    }
}

/* ---- HDF5, whose program is in a folder that the test is given */

static const char *program_folder; /* NULL: it was not built */

static void use_programs_of(const char *there)
{
    char whole[4096];
    assert_non_null(realpath(there, whole));
    assert_int_equal(setenv("PLEIONE_BACKEND_PATH", whole, 1), 0);
}

static void need_program(void)
{
    if (!program_folder)
        skip();
    use_programs_of(program_folder);
}

static void keras(void **state)
{
    (void)state;
    need_program();
    reads("plain", "plain.h5", 0, NULL);
    reads("fixed", "fixed.h5", 0, NULL);
    reads("split", "split.h5", 0, NULL);
    reads("packed", "packed.h5", 0, NULL);
    reads("shard", "shard.h5", 0, NULL);
    reads("wide", "wide.h5", 1, NULL);
    reads("different", "different.h5", 0, "'m/electra/w:0' comes twice with different values: the first is used");
}

static size_t read_given(const char *name, struct bytes *to)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", given, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    to->n = fread(to->at, 1, sizeof to->at, file);
    fclose(file);
    return to->n;
}

/* A change of a few bytes anywhere: whatever HDF5 does with it, the caller gets an answer. */
static void damaged_keras(void **state)
{
    static struct bytes whole, file;
    uint32_t random = 1;
    (void)state;
    need_program();
    const size_t n = read_given("plain.h5", &whole);
    refused(put("cut.h5", whole.at, n / 2), "the file is damaged: HDF5 cannot");
    refused(put("cut.h5", whole.at, 8), "the file is damaged: HDF5 cannot open it");
    for (int i = 0; i < 40; i++) {
        pln_tensor_file *opened = NULL;
        memcpy(&file, &whole, sizeof file);
        for (int k = 0; k < 4; k++) {
            random = random * 1664525u + 1013904223u;
            file.at[(random >> 8) % n] = (unsigned char)random;
        }
        const pln_status status = ckpt_tensors_open(put("changed.h5", file.at, n), 0, &opened, &error);
        if (status != PLN_OK && (status != PLN_BAD_MODEL || !strstr(error.message, "changed.h5: ")))
            fail_msg("%s", error.message);
        ckpt_tensors_close(&opened);
    }
}

/* Programs in the place of ours: one that is not there, that cannot run, that crashes, lies, or stops half way. */
static void programs(void **state)
{
    static struct bytes file;
    static const struct {
        const char *text;
        pln_status status;
        const char *sentence;
    } bad[] = {
        {"#!/bin/sh\nexit 1\n", PLN_FAILED, "does not run: is the library of HDF5 installed?"},
        {"#!/nowhere\n", PLN_FAILED, "cannot be started"},
        {"#!/bin/sh\nprintf '1f5h'; head -c 100 /dev/zero; kill -SEGV $$\n", PLN_BAD_MODEL,
         "is damaged: HDF5 cannot read"},
        {"#!/bin/sh\nprintf '1f5h'; head -c 100 /dev/zero; printf '2f5h'; head -c 100 /dev/zero | tr '\\0' '\\377'\n",
         PLN_BAD_MODEL, "the name of a dataset is too long"},
    };
    (void)state;
    char path[512];
    use_programs_of(folder);
    const size_t n = read_given("plain.h5", &file);
    snprintf(path, sizeof path, "%s/p.h5", folder);
    put("p.h5", file.at, n);
    refused(path, "the program pleione-hdf5, which reads it, is not there");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pln_tensor_file *opened = NULL;
        assert_int_equal(chmod(put("pleione-hdf5", bad[i].text, strlen(bad[i].text)), 0755), 0);
        const pln_status status = ckpt_tensors_open(path, 0, &opened, &error);
        if (status != bad[i].status || !strstr(error.message, bad[i].sentence))
            fail_msg("%d: '%s' lacks '%s'", (int)status, error.message, bad[i].sentence);
    }
    assert_int_equal(chmod(folder, 0777), 0); /* a folder where others may write */
    refused(path, "is not there");
    assert_int_equal(chmod(folder, 0700), 0);
}

/* One that says nothing more, and would wait for ever. */
static void a_program_that_hangs(void **state)
{
    static const char text[] = "#!/bin/sh\nexec sleep 1000\n";
    struct hdf5_process process;
    char byte;
    (void)state;
    assert_int_equal(chmod(put("hangs", text, strlen(text)), 0755), 0);
    assert_true(hdf5_process_begin(&process, put("hangs", text, strlen(text)), STDIN_FILENO));
    process.silence_ms = 50;
    const pid_t it = process.process;
    assert_false(hdf5_process_read(&process, &byte, 1));
    assert_true(process.hangs);
    hdf5_process_end(&process);
    assert_int_equal(kill(it, 0), -1);
}

/* Records as the program writes them, and records that it would write if a file had broken it. */
struct told {
    const unsigned char *next;
    size_t left;
};

static bool read_told(void *context, void *to, size_t bytes)
{
    struct told *told = context;
    if (bytes > told->left)
        return false;
    memcpy(to, told->next, bytes);
    told->next += bytes;
    told->left -= bytes;
    return true;
}

static void tables_that_lie(void **state)
{
    (void)state;
    static unsigned char bytes[100];
    static const struct {
        struct hdf5_record record;
        const char *name, *sentence;
    } lies[] = {
        {{.kind = HDF5_TENSOR, .dtype = PLN_F32, .rank = 1, .shape = {2}, .place = 92, .bytes = 8}, "w", NULL},
        {{.kind = HDF5_TENSOR, .dtype = PLN_F32, .rank = 1, .shape = {2}, .place = 93, .bytes = 8},
         "w",
         "behind its end"},
        {{.kind = HDF5_TENSOR, .dtype = PLN_F32, .rank = 1, .shape = {2}, .place = UINT64_MAX, .bytes = 8},
         "w",
         "behind"},
        {{.kind = HDF5_TENSOR, .dtype = PLN_F32, .rank = 1, .shape = {2}, .bytes = 9}, "w", "not as large"},
        {{.kind = HDF5_TENSOR, .dtype = 99, .rank = 1, .shape = {2}, .bytes = 8}, "w", "not as large"},
        {{.kind = HDF5_TENSOR, .dtype = PLN_F32, .rank = 99, .shape = {2}, .bytes = 8}, "w", "not as large"},
        {{.kind = HDF5_TENSOR, .dtype = PLN_F32, .rank = 2, .shape = {1ull << 62, 1ull << 62}}, "w", "not as large"},
        {{.kind = HDF5_COPY, .dtype = PLN_U8, .rank = 1, .shape = {1ull << 32}, .bytes = 1ull << 32},
         "w",
         "claim more"},
        {{.kind = HDF5_COPY, .dtype = PLN_U8, .rank = 1, .shape = {8}, .bytes = 8}, "w", "cannot read tensor 'w'"},
        {{.kind = HDF5_TENSOR, .dtype = PLN_U8}, "w\xff", "is no text"},
        {{.kind = HDF5_PROBLEM}, "the moon is blue", "x.h5: the moon is blue"},
        {{.kind = 12345}, "w", "HDF5 cannot read it"},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        static struct bytes told;
        struct hdf5_record ready = {.kind = HDF5_READY}, end = {.kind = HDF5_END}, record = lies[i].record;
        struct ckpt_content content = {.path = "x.h5", .bytes = bytes, .size = sizeof bytes};
        bool ran;
        record.name_bytes = (uint32_t)strlen(lies[i].name);
        told.n = 0;
        append(&told, &ready, sizeof ready);
        append(&told, &record, sizeof record);
        append(&told, lies[i].name, record.name_bytes);
        append(&told, &end, sizeof end);
        struct told context = {told.at, told.n};
        const struct hdf5_source source = {read_told, &context};
        error.message[0] = '\0';
        const pln_status status = hdf5_take_table(&content, &source, &ran, &error);
        if (status != (lies[i].sentence ? PLN_BAD_MODEL : PLN_OK) || !ran ||
            (lies[i].sentence && !strstr(error.message, lies[i].sentence)))
            fail_msg("%zu: '%s' lacks '%s'", i, error.message, lies[i].sentence ? lies[i].sentence : "nothing");
        ckpt_content_finish(&content);
    }
}

static int remove_folder(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bundles),
        cmocka_unit_test(bundles_that_lie),
        cmocka_unit_test(sums_of_data),
        cmocka_unit_test(sums),
        cmocka_unit_test(bundles_that_are_cut),
        cmocka_unit_test(no_data),
        cmocka_unit_test(partitioned),
        cmocka_unit_test(partitioned_that_lie),
        cmocka_unit_test(flax),
        cmocka_unit_test(flax_that_lies),
        cmocka_unit_test(chunks_that_lie),
        cmocka_unit_test(keras),
        cmocka_unit_test(damaged_keras),
        cmocka_unit_test(programs),
        cmocka_unit_test(a_program_that_hangs),
        cmocka_unit_test(tables_that_lie),

    };
    if (argc < 2 || !mkdtemp(folder))
        return 1;
    given = argv[1];
    program_folder = argv[2];
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
