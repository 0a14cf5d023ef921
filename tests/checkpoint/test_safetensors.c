/* SPDX-License-Identifier: Apache-2.0
 *
 * Safetensors files: what is written reads back bit-equal, every lie is refused with the file and the tensor named, a full
 * disk leaves nothing behind.
 */
#define _DEFAULT_SOURCE /* mmap of nothing */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "common/half.h"
#include "common/jsonfile.h"
#include "common/mapped.h"
#include "tests/checkpoint/folder.h"

static pln_error error;

/* A safetensors file of this header and data_bytes of data (0, 1, 2, ...). */
static void put_safetensors(const char *name, uint64_t header_bytes, const char *header, size_t data_bytes)
{
    char file[4096];
    size_t n = strlen(header);
    memcpy(file, &header_bytes, 8);
    memcpy(file + 8, header, n);
    for (size_t i = 0; i < data_bytes; i++)
        file[8 + n + i] = (char)i;
    put(name, file, 8 + n + data_bytes);
}

static void expect_lie(uint64_t header_bytes, const char *header, size_t data_bytes, const char *tensor,
                       const char *sentence)
{
    pln_tensor_file *file = NULL;
    put_safetensors("lie.safetensors", header_bytes ? header_bytes : strlen(header), header, data_bytes);
    memset(&error, 0, sizeof error);
    assert_int_equal(ckpt_tensors_open(in_folder("lie.safetensors"), CKPT_ALIGNED, &file, &error), PLN_BAD_MODEL);
    assert_null(file);
    assert_int_equal(error.status, PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, "lie.safetensors"));
    if (!strstr(error.message, tensor) || !strstr(error.message, sentence))
        fail_msg("'%s' lacks '%s' or '%s'", error.message, tensor, sentence);
}

#define ONE(dtype, shape, offsets) "{\"w\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define TWO(a, b)                                                                                                      \
    "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" a "},"                                                  \
    "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" b "}}"

static void lies_are_refused(void **state)
{
    (void)state;
    const struct {
        uint64_t header_bytes; /* 0: what it is */
        const char *header;
        size_t data_bytes;
        const char *tensor, *sentence;
    } lies[] = {
        {1000, "{}", 0, "", "header of 1000 bytes in a file of 10"},
        {100000001, "{}", 0, "", "header of 100000001 bytes is larger"},
        {(uint64_t)1 << 63, "{}", 0, "", "larger than"},
        {UINT64_MAX, "{}", 0, "", "larger than"},
        {0, "{\"w\":", 0, "", "header: "},
        {0, "{\"w\xff\":1}", 0, "", "header: unable to decode byte 0xff"},
        {0, "[]", 0, "", "not a JSON object"},
        {0, "{} x", 0, "", "end of file expected"},
        {0, "{\"w\":1}", 0, "'w'", "has no dtype"},
        {0, "{\"w\":{\"dtype\":8,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "'w'", "has no dtype"},
        {0, ONE("F8_E4M3", "[4]", "[0,5]"), 4, "'w'", "ends at byte 5"},
        {0, ONE("F8_E4M3", "[-4]", "[0,4]"), 4, "'w'", "no whole number"},
        {0, ONE("F32", "1", "[0,4]"), 4, "'w'", "has no shape"},
        {0, ONE("F32", "[1.0]", "[0,4]"), 4, "'w'", "no whole number"},
        {0, ONE("F32", "[-1]", "[0,4]"), 4, "'w'", "no whole number"},
        {0, ONE("F32", "[1,1,1,1,1,1,1,1,2]", "[0,4]"), 4, "'w'", "its shape needs 8 bytes"},
        {0, ONE("F32", "[1]", "[0]"), 4, "'w'", "not two whole numbers"},
        {0, ONE("F32", "[1]", "[0,\"4\"]"), 4, "'w'", "not two whole numbers"},
        {0, ONE("F32", "[1]", "[-4,0]"), 4, "'w'", "not two whole numbers"},
        {0, ONE("F32", "[1]", "[4,0]"), 4, "'w'", "reversed"},
        {0, ONE("F32", "[2]", "[0,8]"), 4, "'w'", "ends at byte 8, but the file holds 4"},
        {0, ONE("F32", "[1]", "[0,9223372036854775807]"), 4, "'w'", "ends at byte 9223372036854775807"},
        {0, ONE("F32", "[1]", "[0,9223372036854775808]"), 4, "", "too big integer"},
        {0, ONE("F32", "[2]", "[0,4]"), 4, "'w'", "its shape needs 8 bytes, its data_offsets give 4"},
        {0, ONE("F32", "[4611686018427387904]", "[0,0]"), 0, "'w'", "larger than 64 bits"},
        {0, ONE("F32", "[4294967296,4294967297]", "[0,4]"), 4, "'w'", "larger than 64 bits"},
        {0, ONE("F32", "[1]", "[0,4]"), 5, "", "1 bytes follow the last tensor"},
        {0, ONE("F32", "[1]", "[1,5]"), 5, "'w'", "gap before its data"},
        {0, TWO("[0,4]", "[3,7]"), 7, "'b'", "overlaps"},
        {0, TWO("[0,4]", "[0,4]"), 4, "'", "overlaps"},
        {0, TWO("[5,9]", "[0,4]"), 9, "'a'", "gap"},
        {0, "{\"w\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},\"w\":1}", 0, "\"w\"", "duplicate"},
        {0, "{\"__metadata__\":{\"format\":1}}", 0, "'format'", "not a string"},
        {0, "{\"__metadata__\":[]}", 0, "__metadata__", "not an object"},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        expect_lie(lies[i].header_bytes, lies[i].header, lies[i].data_bytes, lies[i].tensor, lies[i].sentence);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    pln_tensor_file *file = NULL;
    put("short", "1234567", 7);
    assert_int_equal(ckpt_tensors_open(in_folder("short"), CKPT_ALIGNED, &file, &error), PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, "too short"));
    put("empty", "", 0);
    assert_int_equal(ckpt_tensors_open(in_folder("empty"), CKPT_ALIGNED, &file, &error), PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, "empty: the file is empty"));
    assert_int_equal(ckpt_tensors_open(folder, CKPT_ALIGNED, &file, &error), PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, "not a regular file"));
    assert_int_equal(pln_tensor_file_open(in_folder("absent"), &file, &error), PLN_INVALID);
    assert_int_equal(error.status, PLN_INVALID);
    assert_non_null(strstr(error.message, "absent"));
}

static void what_it_is_instead_is_said(void **state)
{
    (void)state;
    static const char zeros[600];
    static const struct {
        const char *bytes;
        size_t n;
        const char *sentence;
    } files[] = {
        {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", 60, "a Git LFS pointer"},
        {"\n<!DOCTYPE html><html><title>Not found</title>", 45, "an HTML page"},
        {"<HTML>", 6, "an HTML page"},
        {zeros, sizeof zeros, "zeros: a download"},
        {"PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\22\0archive/data.pkl", 34, "archive"},
        {"\x80\2]q\0.__________", 15, "a Python pickle"},
        {"\x80\4\x95\1\0\0\0\0\0\0\0", 11, "a Python pickle"},
        {"\x89HDF\r\n\x1a\n\0\0\0\0\0\10\10", 15, "an HDF5 file"},
        {"\x81\xa7"
         "electra\x82\xaa"
         "embeddings",
         20, "claims more than the file holds"},
        {"GGUF\3\0\0\0\0\0\0\0", 12, "a GGUF file"},
        {"\x1f\x8b\10\0\0\0\0\0\0\3", 10, "compressed by gzip"},
        {"{\"error\": \"Entry not found\"}", 28, "a JSON text"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        pln_tensor_file *file = NULL;
        put("model.safetensors", files[i].bytes, files[i].n);
        assert_int_equal(ckpt_tensors_open(in_folder("model.safetensors"), CKPT_ALIGNED, &file, &error), PLN_BAD_MODEL);
        if (!strstr(error.message, files[i].sentence) || !strstr(error.message, "model.safetensors"))
            fail_msg("'%s' lacks '%s'", error.message, files[i].sentence);
    }
    json_t *object;
    put("config.json", files[0].bytes, files[0].n);
    assert_int_equal(jsonfile_load(in_folder("config.json"), 4096, &object, &error), PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, "a Git LFS pointer"));
}

/* A pipe that nobody writes to, and a device, are refused at once and not waited for. */
static void what_is_not_regular_is_refused(void **state)
{
    (void)state;
    struct ckpt *c = NULL;
    static const char *const names[] = {"config.json", "model.safetensors", "model.safetensors.index.json", "shard"};
    put_text("config.json", "{}");
    put_text("model.safetensors.index.json", "{\"weight_map\":{\"a\":\"shard\"}}");
    for (int device = 0; device < 2; device++)
        for (int i = 0; i < 4; i++) {
            char aside[400];
            snprintf(aside, sizeof aside, "%s.aside", in_folder(names[i]));
            rename(in_folder(names[i]), aside);
            assert_int_equal(device ? symlink("/dev/zero", in_folder(names[i])) : mkfifo(in_folder(names[i]), 0600), 0);
            assert_int_equal(ckpt_open(folder, NULL, 0, &c, &error), PLN_BAD_MODEL);
            if (!strstr(error.message, "not a regular file") || !strstr(error.message, names[i]))
                fail_msg("%s: '%s'", names[i], error.message);
            unlink(in_folder(names[i]));
            rename(aside, in_folder(names[i]));
        }
}

/* Of a type or rank that nobody here knows; metadata that is null. */
static void other_tensors_do_not_stop_a_file(void **state)
{
    (void)state;
    static const char header[] =
        "{\"__metadata__\":null,\"a\":{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8]},"
        "\"b\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[8,12]},"
        "\"c\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[12,13]}}";
    pln_tensor_file *file = NULL;
    char text[64];
    uint32_t count;
    put_safetensors("odd", strlen(header), header, 13);
    assert_int_equal(ckpt_tensors_open(in_folder("odd"), CKPT_ALIGNED, &file, &error), PLN_OK);
    ckpt_tensors(file, &count);
    assert_int_equal(count, 3);
    assert_null(ckpt_tensors_metadata(file));
    const pln_tensor *a = ckpt_tensors_find(file, "a"), *b = ckpt_tensors_find(file, "b");
    assert_true(!a->dtype && !a->rank && !a->data && !b->dtype && !b->rank && !b->data);
    assert_int_equal(*(const char *)ckpt_tensors_find(file, "c")->data, 12);
    assert_true(ckpt_tensors_type(file, b, text, sizeof text));
    assert_string_equal(text, "F32 of 9 dimensions");
    assert_true(ckpt_tensors_type(file, a, text, sizeof text));
    assert_string_equal(text, "U64 of 1 dimensions");
    ckpt_tensors_close(&file);
}

/* What is gone reads as zero, and the file says that it was cut: also where a page goes on and no signal comes. */
static void a_file_that_shrinks_is_noticed(void **state)
{
    (void)state;
    static float data[20000];
    const pln_tensor tensor = {"w", PLN_F32, 1, {20000}, data};
    for (int pages = 0; pages < 2; pages++) {
        pln_tensor_file *file = NULL, *other = NULL;
        struct stat about;
        const char *path = in_folder("w.safetensors");
        data[19999] = 3;
        assert_int_equal(ckpt_tensors_write(path, &tensor, 1, NULL, 0, &error), PLN_OK);
        assert_int_equal(ckpt_tensors_write(in_folder("other"), &tensor, 1, NULL, 0, &error), PLN_OK);
        assert_int_equal(ckpt_tensors_open(path, CKPT_ALIGNED, &file, &error), PLN_OK);
        assert_int_equal(ckpt_tensors_open(in_folder("other"), CKPT_ALIGNED, &other, &error), PLN_OK);
        const float *read = ckpt_tensors_find(file, "w")->data;
        assert_true(read[19999] == 3 && mapped_is_whole(read) && mapped_is_whole(data));
        assert_int_equal(ckpt_tensors_check(file, &error), PLN_OK);
        assert_int_equal(stat(path, &about), 0);
        assert_int_equal(truncate(path, pages ? 100 : about.st_size - 4), 0);
        assert_true(((const volatile float *)read)[19999] == 0);
        assert_true(!mapped_is_whole(read + 5) && mapped_is_whole(ckpt_tensors_find(other, "w")->data));
        assert_int_equal(ckpt_tensors_check(file, &error), PLN_BAD_MODEL);
        assert_non_null(strstr(error.message, "w.safetensors: became shorter"));
        assert_int_equal(ckpt_tensors_check(other, &error), PLN_OK);
        ckpt_tensors_close(&file);
        ckpt_tensors_close(&other);
    }
}

static sigjmp_buf elsewhere;

static void note_bus(int number)
{
    siglongjmp(elsewhere, number);
}

/* A handler that stood before gets what is not ours, and stands again when the last file is closed. */
static void other_bus_errors_are_passed_on(void **state)
{
    (void)state;
    struct sigaction theirs = {.sa_handler = note_bus}, before, now;
    pln_tensor_file *file = NULL;
    FILE *empty = tmpfile();
    put_shard("w", "a");
    assert_int_equal(sigaction(SIGBUS, &theirs, &before), 0);
    assert_int_equal(ckpt_tensors_open(in_folder("w"), CKPT_ALIGNED, &file, &error), PLN_OK);
    volatile char *nothing = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fileno(empty), 0);
    assert_true(nothing != MAP_FAILED);
    if (sigsetjmp(elsewhere, 1) == 0) {
        (void)*nothing;
        fail_msg("there was no signal");
    }
    ckpt_tensors_close(&file);
    assert_int_equal(sigaction(SIGBUS, &before, &now), 0);
    assert_true(now.sa_handler == note_bus);
    munmap((void *)(uintptr_t)nothing, 4096);
    fclose(empty);
}

static void written_tensors_read_back(void **state)
{
    (void)state;
    static const unsigned char bytes[48] = {1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0x7f, 0x80};
    const pln_dtype dtypes[] = {PLN_U8,  PLN_F32,  PLN_BOOL, PLN_F16, PLN_I64,
                                PLN_I32, PLN_BF16, PLN_I16,  PLN_I8,  PLN_F64};
    enum { N = sizeof dtypes / sizeof *dtypes };
    static const char *const names[N] = {"u8", "f32", "bool", "f16", "i64", "i32", "bf16", "i16", "i8", "f64"};
    pln_tensor tensors[N + 2];
    for (int i = 0; i < N; i++)
        tensors[i] = (pln_tensor){names[i], dtypes[i], 2, {1, 3}, bytes};
    tensors[N] = (pln_tensor){"skalar \xc3\xa9 \"", PLN_F32, 0, {0}, bytes};
    tensors[N + 1] = (pln_tensor){"none", PLN_F64, 3, {2, 0, 5}, NULL};
    const pln_option metadata[] = {{"format", "pt"}, {"note", "a \"b\""}};
    const char *path = in_folder("all.safetensors");
    assert_int_equal(ckpt_tensors_write(path, tensors, N + 2, metadata, 2, &error), PLN_OK);
    assert_int_equal(files_in_folder(), 1);

    pln_tensor_file *file;
    uint32_t count;
    assert_int_equal(ckpt_tensors_open(path, CKPT_ALIGNED, &file, &error), PLN_OK);
    assert_string_equal(ckpt_tensors(file, &count)[0].name, "i64"); /* the widest, in the order given */
    assert_int_equal(count, N + 2);
    for (int i = 0; i < N + 2; i++) {
        const pln_tensor *found = ckpt_tensors_find(file, tensors[i].name);
        assert_non_null(found);
        assert_int_equal(found->dtype, tensors[i].dtype);
        assert_int_equal(found->rank, tensors[i].rank);
        assert_memory_equal(found->shape, tensors[i].shape, sizeof found->shape[0] * found->rank);
        assert_memory_equal(found->data, bytes, pln_tensor_elements(found) * pln_dtype_bytes(found->dtype));
        assert_int_equal((uintptr_t)found->data % pln_dtype_bytes(found->dtype), 0);
    }
    assert_null(ckpt_tensors_find(file, "f3"));
    assert_string_equal(json_string_value(json_object_get(ckpt_tensors_metadata(file), "note")), "a \"b\"");
    ckpt_tensors_release_pages(file);
    assert_memory_equal(ckpt_tensors_find(file, "f32")->data, bytes, 12);
    ckpt_tensors_close(&file);
    assert_null(file);
}

static void unaligned_data_is_copied(void **state)
{
    (void)state;
    pln_tensor_file *file;
    put_safetensors("odd", strlen(ONE("F32", "[1]", "[0,4]")), ONE("F32", "[1]", "[0,4]"), 4);
    assert_int_not_equal(strlen(ONE("F32", "[1]", "[0,4]")) % 4, 0);
    assert_int_equal(ckpt_tensors_open(in_folder("odd"), CKPT_ALIGNED, &file, &error), PLN_OK);
    const pln_tensor *w = ckpt_tensors_find(file, "w");
    assert_int_equal((uintptr_t)w->data % 4, 0);
    assert_memory_equal(w->data, "\0\1\2\3", 4);
    ckpt_tensors_close(&file);
}

static void bad_tensors_are_not_written(void **state)
{
    (void)state;
    const float x = 1;
    const pln_tensor good = {"w", PLN_F32, 0, {0}, &x};
    pln_tensor pairs[][2] = {{good, good}, {good, good}, {good, good}, {good, good}, {good, good}, {good, good}};
    pairs[1][1].name = "__metadata__";
    pairs[2][1].name = "\xff";
    pairs[3][1] = (pln_tensor){"v", (pln_dtype)77, 0, {0}, &x};
    pairs[4][1] = (pln_tensor){"v", PLN_F32, 2, {UINT64_MAX, 2}, &x};
    pairs[5][1] = (pln_tensor){"v", PLN_F32, 9, {0}, &x};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_int_equal(ckpt_tensors_write(in_folder("bad"), pairs[i], 2, NULL, 0, &error), PLN_INVALID);
    assert_int_equal(files_in_folder(), 0);
}

static void failed_writes_leave_nothing(void **state)
{
    (void)state;
    static const float data[65536];
    const pln_tensor tensor = {"w", PLN_F32, 1, {65536}, data};
    assert_int_equal(ckpt_tensors_write("/dev/full", &tensor, 1, NULL, 0, &error), PLN_FAILED);
    assert_non_null(strstr(error.message, "/dev/full"));
    assert_non_null(strstr(error.message, "No space left"));
    struct stat about;
    assert_int_equal(stat("/dev/full", &about), 0);
    assert_true(S_ISCHR(about.st_mode));

    assert_int_equal(ckpt_tensors_write(in_folder("no/w"), &tensor, 1, NULL, 0, &error), PLN_FAILED);
    assert_non_null(strstr(error.message, "no/w"));

    /* A limit on file size stands for a small disk: the write ends half-way. */
    put_text("w.safetensors", "the old one");
    struct rlimit old, small;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){100000, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const pln_status status = ckpt_tensors_write(in_folder("w.safetensors"), &tensor, 1, NULL, 0, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, PLN_FAILED);
    assert_non_null(strstr(error.message, "w.safetensors"));
    assert_int_equal(files_in_folder(), 1);
    char text[32] = "";
    FILE *file = fopen(in_folder("w.safetensors"), "r");
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_string_equal(text, "the old one");
}

static void write_follows_links(void **state)
{
    (void)state;
    const float x = 1;
    const pln_tensor tensor = {"w", PLN_F32, 0, {0}, &x};
    struct stat about;
    put_text("real", "");
    assert_int_equal(symlink("real", in_folder("link")), 0);
    assert_int_equal(ckpt_tensors_write(in_folder("link"), &tensor, 1, NULL, 0, &error), PLN_OK);
    assert_int_equal(lstat(in_folder("link"), &about), 0);
    assert_true(S_ISLNK(about.st_mode));
    assert_int_equal(stat(in_folder("real"), &about), 0);
    assert_true(about.st_size > 8);
}

static void rows_become_f32(void **state)
{
    (void)state;
    const float f32[6] = {0, 1, -2.5f, 65504, 1e-7f, 3};
    const double f64[6] = {0, 1, -2.5, 65504, 1e-300, 3};
    uint16_t f16[6], bf16[6];
    float out[4];
    for (int i = 0; i < 6; i++) {
        f16[i] = float_to_half(f32[i]);
        bf16[i] = float_to_bfloat(f32[i]);
    }
    const pln_tensor tensors[] = {{"a", PLN_F32, 2, {3, 2}, f32},
                                  {"b", PLN_F64, 2, {3, 2}, f64},
                                  {"c", PLN_F16, 2, {3, 2}, f16},
                                  {"d", PLN_BF16, 2, {3, 2}, bf16}};
    const float expected[][4] = {{-2.5f, 65504, 1e-7f, 3},
                                 {-2.5f, 65504, 0, 3},
                                 {-2.5f, 65504, 0x1p-23f, 3},
                                 {-2.5f, 65536, bfloat_to_float(bf16[4]), 3}};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ckpt_read_rows(&tensors[i], 1, 2, out), PLN_OK);
        assert_memory_equal(out, expected[i], sizeof out);
    }
    const pln_tensor vector = {"v", PLN_F32, 1, {6}, f32}, integers = {"i", PLN_I32, 1, {6}, f32};
    assert_int_equal(ckpt_rows(&vector), 1);
    assert_int_equal(ckpt_width(&vector), 6);
    assert_int_equal(ckpt_read_rows(&integers, 0, 1, out), PLN_UNSUPPORTED);
}

/* Any change of one byte either reads or is refused; memory errors are for the sanitizers to see. */
static void changed_bytes_do_no_harm(void **state)
{
    (void)state;
    uint32_t random = 1;
    unsigned char original[512], changed[512];
    put_shard("whole", "a");
    FILE *file = fopen(in_folder("whole"), "rb");
    const size_t n = fread(original, 1, sizeof original, file);
    fclose(file);
    for (int i = 0; i < 2000; i++) {
        pln_tensor_file *open = NULL;
        memcpy(changed, original, n);
        for (int k = 0; k < 2; k++) {
            random = random * 1664525u + 1013904223u;
            changed[(random >> 8) % n] = (unsigned char)(random >> 24);
        }
        put("changed", changed, n - (i % 7 == 0 ? (random >> 16) % n : 0));
        if (ckpt_tensors_open(in_folder("changed"), CKPT_ALIGNED, &open, &error) == PLN_OK)
            ckpt_tensors_close(&open);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(lies_are_refused, remove_files),
        cmocka_unit_test_teardown(what_is_no_file_is_refused, remove_files),
        cmocka_unit_test_teardown(what_it_is_instead_is_said, remove_files),
        cmocka_unit_test_teardown(what_is_not_regular_is_refused, remove_files),
        cmocka_unit_test_teardown(other_tensors_do_not_stop_a_file, remove_files),
        cmocka_unit_test_teardown(a_file_that_shrinks_is_noticed, remove_files),
        cmocka_unit_test_teardown(other_bus_errors_are_passed_on, remove_files),
        cmocka_unit_test_teardown(written_tensors_read_back, remove_files),
        cmocka_unit_test_teardown(unaligned_data_is_copied, remove_files),
        cmocka_unit_test_teardown(bad_tensors_are_not_written, remove_files),
        cmocka_unit_test_teardown(failed_writes_leave_nothing, remove_files),
        cmocka_unit_test_teardown(write_follows_links, remove_files),
        cmocka_unit_test_teardown(rows_become_f32, remove_files),
        cmocka_unit_test_teardown(changed_bytes_do_no_harm, remove_files),
    };
    return run_in_folder(tests);
}
