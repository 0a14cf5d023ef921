/* SPDX-License-Identifier: Apache-2.0
 *
 * Model directories and safetensors files: what is there reads back bit-equal, every lie is refused with the file and
 * the tensor named, a full disk leaves nothing behind.
 */
#define _DEFAULT_SOURCE /* mmap of nothing */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include <cmocka.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/find.h"
#include "common/half.h"
#include "common/jsonfile.h"
#include "common/mapped.h"

static char folder[] = "checkpoint-XXXXXX";
static pln_error error;

static const char *in_folder(const char *name)
{
    static char paths[4][300];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int remove_files(void **state)
{
    (void)state;
    DIR *list = opendir(folder);
    for (struct dirent *entry; (entry = readdir(list));)
        if (entry->d_name[0] != '.')
            remove(in_folder(entry->d_name));
    closedir(list);
    return 0;
}

static int files_in_folder(void)
{
    int n = 0;
    DIR *list = opendir(folder);
    for (struct dirent *entry; (entry = readdir(list));)
        n += entry->d_name[0] != '.';
    closedir(list);
    return n;
}

static void put(const char *name, const void *bytes, size_t n)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void put_text(const char *name, const char *text)
{
    put(name, text, strlen(text));
}

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

static void put_shard(const char *name, const char *tensor)
{
    const float x = 7;
    const pln_tensor tensors[] = {{tensor, PLN_F32, 1, {1}, &x}, {"unlisted", PLN_F32, 1, {1}, &x}};
    assert_int_equal(pln_tensor_file_write(in_folder(name), tensors, 2, &error), PLN_OK);
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

/* Every f16 pattern survives a round trip, and narrowing picks the nearest of the two neighbours. */
static void halves_round_to_nearest(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        const float wide = half_to_float((uint16_t)h), wide_b = bfloat_to_float((uint16_t)h);
        if (wide == wide)
            assert_int_equal(float_to_half(wide), h);
        else
            assert_true((float_to_half(wide) & 0x7fff) > 0x7c00);
        if (wide_b == wide_b)
            assert_int_equal(float_to_bfloat(wide_b), h);
        else
            assert_true((float_to_bfloat(wide_b) & 0x7fff) > 0x7f80);
    }
    for (uint16_t h = 0; h < 0x7bff; h++) {
        const float low = half_to_float(h), high = half_to_float((uint16_t)(h + 1)), middle = (low + high) / 2;
        assert_int_equal(float_to_half(middle), h & 1 ? h + 1 : h);
        assert_int_equal(float_to_half(half_float_of_bits(half_bits_of_float(middle) - 1)), h);
        assert_int_equal(float_to_half(half_float_of_bits(half_bits_of_float(middle) + 1)), h + 1);
    }
    assert_int_equal(float_to_half(65519.99f), 0x7bff);
    assert_int_equal(float_to_half(65520.0f), 0x7c00);
    assert_int_equal(float_to_half(0x1p-25f), 0);
    assert_int_equal(float_to_bfloat(3.4028235e38f), 0x7f80);
    assert_int_equal(float_to_bfloat(half_float_of_bits(0x3f808000)), 0x3f80);
    assert_int_equal(float_to_bfloat(half_float_of_bits(0x3f818000)), 0x3f82);
}

static void put_model(void)
{
    put_text("config.json", "{\"model_type\":\"electra\",\"max_length\":1000000000000000019884624838656}");
}

static void a_single_file_opens(void **state)
{
    (void)state;
    struct ckpt *c = NULL;
    put_model();
    put_shard("model.safetensors", "zz");
    assert_int_equal(ckpt_open(folder, NULL, 0, &c, &error), PLN_OK);
    assert_string_equal(ckpt_directory(c), folder);
    assert_string_equal(json_string_value(json_object_get(ckpt_config(c), "model_type")), "electra");
    assert_float_equal(json_number_value(json_object_get(ckpt_config(c), "max_length")), 1e30, 1e15);
    assert_int_equal(ckpt_count(c), 2);
    assert_string_equal(ckpt_tensor(c, 0)->name, "unlisted");
    assert_string_equal(ckpt_tensor(c, 1)->name, "zz");
    assert_ptr_equal(ckpt_find(c, "zz"), ckpt_tensor(c, 1));
    assert_null(ckpt_find(c, "z"));
    ckpt_release_pages(c);
    ckpt_close(&c);
}

static void shards_open(void **state)
{
    (void)state;
    struct ckpt *c = NULL;
    put_model();
    put_shard("real-2", "b");
    assert_int_equal(symlink("real-2", in_folder("2.safetensors")), 0);
    put_shard("1.safetensors", "a");
    put_text("model.safetensors.index.json",
             "{\"weight_map\":{\"b\":\"2.safetensors\",\"a\":\"1.safetensors\",\"unlisted\":\"1.safetensors\"}}");
    assert_int_equal(ckpt_open(folder, NULL, 0, &c, &error), PLN_OK);
    assert_int_equal(ckpt_count(c), 3);
    assert_true(*(const float *)ckpt_find(c, "b")->data == 7);
    assert_non_null(ckpt_find(c, "a"));
    ckpt_close(&c);
}

/* Old, swapped and short indexes: what a shard holds is found by its name, and the first sentence says so. */
static void indexes_may_be_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *map;
        uint32_t count;
        bool noted;
    } rows[] = {
        {"{\"a\":\"1\",\"b\":\"2\",\"unlisted\":\"2\"}", 3, false},
        {"{\"a\":\"2\",\"b\":\"1\",\"unlisted\":\"1\"}", 3, true},             /* swapped */
        {"{\"a\":\"1\",\"b\":\"2\"}", 3, true},                                /* short */
        {"{\"a\":\"1\",\"b\":\"2\",\"unlisted\":\"1\",\"c\":\"1\"}", 3, true}, /* old */
        {"{\"c\":\"1\"}", 2, true},
    };
    put_model();
    put_shard("1", "a");
    put_shard("2", "b");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ckpt *c = NULL;
        char text[300];
        snprintf(text, sizeof text, "{\"metadata\":null,\"weight_map\":%s}", rows[i].map);
        put_text("model.safetensors.index.json", text);
        assert_int_equal(ckpt_open(folder, NULL, 0, &c, &error), PLN_OK);
        assert_int_equal(ckpt_count(c), rows[i].count);
        assert_non_null(ckpt_find(c, "a"));
        assert_non_null(ckpt_find(c, "unlisted"));
        assert_null(ckpt_find(c, "c"));
        assert_int_equal(ckpt_note(c) != NULL, rows[i].noted);
        ckpt_close(&c);
    }
}

static const char *found_weights(const char *chosen)
{
    static char path[PATH_MAX];
    enum ckpt_found_by by;
    if (ckpt_find_weights(folder, chosen, path, &by, &error) != PLN_OK)
        return error.message;
    return strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
}

/* The order of files, and each way to name one. */
static void weights_are_found(void **state)
{
    (void)state;
    static const char *const order[] = {
        "flax_model.msgpack", "tf_model.h5.index.json",       "tf_model.h5",      "pytorch_model.bin.index.json",
        "pytorch_model.bin",  "model.safetensors.index.json", "model.safetensors"};
    put_text("optimizer.pt", "");
    put_text("training_args.bin", "");
    assert_string_equal(found_weights(NULL), "");
    put_text("old.index", "");
    assert_string_equal(found_weights(NULL), "old.index");
    put_text("model.ckpt-900.index", "");
    put_text("model.ckpt-1000.index", "");
    put_text("model.ckpt-x.index", "");
    assert_string_equal(found_weights(NULL), "model.ckpt-1000.index"); /* the highest step */
    put_text("checkpoint", "model_checkpoint_path: \"/of/another/machine/model.ckpt-900\"\n");
    assert_string_equal(found_weights(NULL), "model.ckpt-900.index");
    put_text("checkpoint", "model_checkpoint_path: \"/of/another/machine/model.ckpt-5\"\n");
    assert_string_equal(found_weights(NULL), "model.ckpt-1000.index");
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        put_text(order[i], "");
        assert_string_equal(found_weights(NULL), order[i]);
    }
    assert_string_equal(found_weights("pytorch_model.bin"), "pytorch_model.bin");
    assert_string_equal(found_weights(in_folder("tf_model.h5")), "tf_model.h5");
    assert_string_equal(found_weights("model.ckpt-900"), "model.ckpt-900.index");
    put_text("model.ckpt-900.data-00000-of-00001", "");
    assert_string_equal(found_weights("model.ckpt-900.data-00000-of-00001"), "model.ckpt-900.index");
    assert_non_null(strstr(found_weights("absent.bin"), "absent.bin: the weights that were chosen"));
}

/* MODEL may be a file in a directory, or the prefix of a bundle. */
static void a_model_may_be_a_file(void **state)
{
    (void)state;
    struct ckpt *c = NULL;
    put_model();
    put_shard("model.safetensors", "a");
    put_shard("other", "b");
    assert_int_equal(ckpt_open(in_folder("other"), NULL, 0, &c, &error), PLN_OK);
    assert_non_null(ckpt_find(c, "b"));
    assert_string_equal(ckpt_directory(c), folder);
    ckpt_close(&c);
    assert_int_equal(ckpt_open(folder, "other", 0, &c, &error), PLN_OK);
    assert_non_null(ckpt_find(c, "b"));
    assert_true(ckpt_has_config(c));
    ckpt_close(&c);
    unlink(in_folder("config.json"));
    assert_int_equal(ckpt_open(folder, NULL, 0, &c, &error), PLN_OK);
    assert_false(ckpt_has_config(c));
    assert_int_equal(json_object_size(ckpt_config(c)), 0);
    ckpt_close(&c);
    char directory[PATH_MAX], file[PATH_MAX];
    put_text("model.ckpt-7.index", "");
    assert_int_equal(ckpt_find_model(in_folder("model.ckpt-7"), directory, file, &error), PLN_OK);
    assert_string_equal(directory, folder);
    assert_string_equal(file, in_folder("model.ckpt-7"));
}

static void bad_directories_are_refused(void **state)
{
    (void)state;
    struct ckpt *c = NULL;
    const struct {
        const char *name, *text; /* one more file */
        const char *sentence;
    } steps[] = {
        {"nothing", "", "config.json: cannot be opened"},
        {"config.json", "{\n\n\"a\": tru}", "config.json: line 3: "},
        {"config.json", "[]", "not a JSON object"},
        {"config.json", "{\"a\": \"\xff\"}", "config.json: line 1: unable to decode"},
        {"config.json", "{\"a\": 1}", "holds no weights"},
        {"flax_model.msgpack", "", "flax_model.msgpack: the file is empty"},
        {"tf_model.h5", "", "tf_model.h5: the file is empty"},
        {"pytorch_model.bin", "", "pytorch_model.bin: the file is empty"},
        {"model.safetensors.index.json", "{}", "has no weight_map"},
        {"model.safetensors.index.json", "{\"weight_map\":{\"a\":3}}", "tensor 'a': its shard is not a string"},
        {"model.safetensors.index.json", "{\"weight_map\":{\"a\":\"../x\"}}", "'../x' is not inside"},
        {"model.safetensors.index.json", "{\"weight_map\":{\"a\":\"b/..\"}}", "'b/..' is not inside"},
        {"model.safetensors.index.json", "{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "is not inside"},
        {"model.safetensors.index.json", "{\"weight_map\":{\"a\":\"\"}}", "is not inside"},
        {"model.safetensors.index.json", "{\"weight_map\":{\"a\":\"..x\"}}", "..x: cannot be opened"},
        {"model.safetensors.index.json", "{\"weight_map\":{\"a\":null}}", "tensor 'a': its shard is not a string"},
        {"model.safetensors.index.json", "{\"weight_map\":{}}", "names no shard"},
        {"model.safetensors.index.json", "{\"weight_map\":[\"s\"]}", "has no weight_map"},
    };
    put_shard("s", "b");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        put_text(steps[i].name, steps[i].text);
        assert_int_equal(ckpt_open(folder, NULL, 0, &c, &error), PLN_BAD_MODEL);
        assert_null(c);
        if (!strstr(error.message, steps[i].sentence))
            fail_msg("'%s' lacks '%s'", error.message, steps[i].sentence);
    }
    assert_int_equal(ckpt_open(in_folder("absent"), NULL, 0, &c, &error), PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, "absent"));
    assert_int_equal(ckpt_open(in_folder("config.json"), NULL, 0, &c, &error), PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, "config.json: not a file of weights, but a JSON text"));
}

/* What a sentence names where no model is found. */
static void lost_models_are_named(void **state)
{
    (void)state;
    struct ckpt *c = NULL;
    static const struct {
        const char *name; /* one more file */
        const char *with, *without;
    } steps[] = {
        {"config.json", "one of their indexes, or a bundle)", "but"},
        {"optimizer.pt", "or a bundle)", "optimizer.pt"},
        {"last.ckpt", ", but last.ckpt: a file of another name is read if it is chosen", NULL},
        {"b.pth", ", but b.pth, last.ckpt: ", NULL},
        {"c.bin", ", but b.pth, c.bin, last.ckpt: ", NULL},
        {"d.h5", ", but b.pth, c.bin, d.h5, ...: ", NULL},
        {"model-00001-of-00002.safetensors", "holds shards of weights (model-00001-of-00002.safetensors), and not",
         "b.pth"},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        put_text(steps[i].name, "{}");
        assert_int_equal(ckpt_open(folder, NULL, 0, &c, &error), PLN_BAD_MODEL);
        if (!strstr(error.message, steps[i].with) || (steps[i].without && strstr(error.message, steps[i].without)))
            fail_msg("'%s' at %s", error.message, steps[i].name);
    }
    remove_files(state);
    static const char *const folders[] = {"snapshots", "snapshots/abc", "step-10", "step-9"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(mkdir(in_folder(folders[i]), 0700), 0);
        char config[64];
        snprintf(config, sizeof config, "%s/config.json", folders[i]);
        if (i)
            put_text(config, "{}");
        const char *sentence[] = {"config.json: cannot be opened", "models are in its folder snapshots: abc",
                                  "holds no model, but its folders do: step-10", "folders do: step-9, step-10"};
        assert_int_equal(ckpt_open(folder, NULL, 0, &c, &error), PLN_BAD_MODEL);
        if (!strstr(error.message, sentence[i]))
            fail_msg("'%s' lacks '%s'", error.message, sentence[i]);
    }
    for (size_t i = 4; i-- > 0;) {
        char config[64];
        snprintf(config, sizeof config, "%s/config.json", folders[i]);
        remove(in_folder(config));
        assert_int_equal(rmdir(in_folder(folders[i])), 0);
    }
}

static void weights_may_be_absent(void **state)
{
    (void)state;
    struct ckpt *c = NULL;
    put_model();
    assert_int_equal(ckpt_open(folder, NULL, CKPT_MAY_LACK_WEIGHTS, &c, &error), PLN_OK);
    assert_false(ckpt_has_weights(c));
    assert_int_equal(ckpt_count(c), 0);
    assert_null(ckpt_find(c, "a"));
    ckpt_close(&c);
}

static void large_json_is_refused(void **state)
{
    (void)state;
    json_t *object;
    put_text("a.json", "{\"a\":-1, \"b\":[12345678901234567890123, \"12345678901234567890\\\\\", 1.5e3]}");
    assert_int_equal(jsonfile_load(in_folder("a.json"), 5, &object, &error), PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, "larger than 5 bytes"));
    assert_int_equal(jsonfile_load(in_folder("a.json"), 4096, &object, &error), PLN_OK);
    assert_int_equal(json_integer_value(json_object_get(object, "a")), -1);
    const json_t *b = json_object_get(object, "b");
    assert_float_equal(json_real_value(json_array_get(b, 0)), 12345678901234567890123.0, 1e9);
    assert_string_equal(json_string_value(json_array_get(b, 1)), "12345678901234567890\\");
    assert_float_equal(json_real_value(json_array_get(b, 2)), 1500, 0);
    json_decref(object);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* What Python's json writes, and other things that JSON does not have. */
static void json_of_people_is_read(void **state)
{
    (void)state;
    json_t *object;
    put_text("a.json",
             "\xef\xbb\xbf{\"a\": NaN, \"b\": -Infinity,\"c\":[Infinity], \"s\": \"NaN \\\" Infinity -1e999\", "
             "\"big\": 1e999, \"long\": -12345678901234567890, \"n\": 5, \"last\":NaN}");
    assert_int_equal(jsonfile_load(in_folder("a.json"), 4096, &object, &error), PLN_OK);
    assert_string_equal(text_of(object, "a"), "NaN");
    assert_string_equal(text_of(object, "b"), "-Infinity");
    assert_string_equal(json_string_value(json_array_get(json_object_get(object, "c"), 0)), "Infinity");
    assert_string_equal(text_of(object, "s"), "NaN \" Infinity -1e999");
    assert_string_equal(text_of(object, "big"), "1e999");
    assert_string_equal(text_of(object, "last"), "NaN");
    assert_float_equal(json_real_value(json_object_get(object, "long")), -12345678901234567890.0, 1);
    assert_int_equal(json_integer_value(json_object_get(object, "n")), 5);
    json_decref(object);
    static const char *const wrong[] = {
        "{\"a\": nan}",  "{\"a\": NaN", "{\"a\": +Infinity}", "{\"a\": NaN1}", "{\"a\":1,}", "{NaN: 1", "",
        "{\"a\": \"NaN}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        put_text("a.json", wrong[i]);
        assert_int_equal(jsonfile_load(in_folder("a.json"), 4096, &object, &error), PLN_BAD_MODEL);
        assert_non_null(strstr(error.message, "a.json: line 1: "));
    }
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
        cmocka_unit_test_teardown(indexes_may_be_wrong, remove_files),
        cmocka_unit_test_teardown(json_of_people_is_read, remove_files),
        cmocka_unit_test_teardown(written_tensors_read_back, remove_files),
        cmocka_unit_test_teardown(unaligned_data_is_copied, remove_files),
        cmocka_unit_test_teardown(bad_tensors_are_not_written, remove_files),
        cmocka_unit_test_teardown(failed_writes_leave_nothing, remove_files),
        cmocka_unit_test_teardown(write_follows_links, remove_files),
        cmocka_unit_test_teardown(rows_become_f32, remove_files),
        cmocka_unit_test_teardown(halves_round_to_nearest, remove_files),
        cmocka_unit_test_teardown(a_single_file_opens, remove_files),
        cmocka_unit_test_teardown(shards_open, remove_files),
        cmocka_unit_test_teardown(weights_are_found, remove_files),
        cmocka_unit_test_teardown(a_model_may_be_a_file, remove_files),
        cmocka_unit_test_teardown(bad_directories_are_refused, remove_files),
        cmocka_unit_test_teardown(lost_models_are_named, remove_files),
        cmocka_unit_test_teardown(weights_may_be_absent, remove_files),
        cmocka_unit_test_teardown(large_json_is_refused, remove_files),
        cmocka_unit_test_teardown(changed_bytes_do_no_harm, remove_files),
    };
    if (!mkdtemp(folder))
        return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
