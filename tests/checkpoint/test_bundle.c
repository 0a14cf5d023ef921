/* SPDX-License-Identifier: Apache-2.0
 *
 * TensorFlow's bundles: those that it wrote read bit for bit, in parts too; those that lie are refused in a sentence: what
 * they claim, what comes twice, what lies behind the end, sums that are wrong.
 */
#include <stdio.h>

#include "checkpoint/crc.h"
#include "tests/checkpoint/foreign.h"

static void bundles(void **state)
{
    (void)state;
    reads("two", "two.index", 0, NULL);
    reads("objects", "objects.index", 1, NULL);
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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(bundles, remove_files),
        cmocka_unit_test_teardown(bundles_that_lie, remove_files),
        cmocka_unit_test_teardown(sums_of_data, remove_files),
        cmocka_unit_test_teardown(sums, remove_files),
        cmocka_unit_test_teardown(bundles_that_are_cut, remove_files),
        cmocka_unit_test_teardown(no_data, remove_files),
        cmocka_unit_test_teardown(partitioned, remove_files),
        cmocka_unit_test_teardown(partitioned_that_lie, remove_files),
    };
    if (argc < 2)
        return 1;
    given = argv[1];
    return run_in_folder(tests);
}
