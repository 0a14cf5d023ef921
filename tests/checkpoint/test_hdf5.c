/* SPDX-License-Identifier: Apache-2.0
 *
 * Keras's HDF5, which a program of ours reads apart: files that it wrote read bit for bit, damaged ones and damaged programs
 * end in a sentence. The program is in a folder that the test is given.
 */
#define _XOPEN_SOURCE 700 /* realpath */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/content.h"
#include "checkpoint/hdf5_process.h"
#include "checkpoint/hdf5_table.h"
#include "checkpoint/hdf5_wire.h"
#include "tests/checkpoint/foreign.h"

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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(keras, remove_files),
        cmocka_unit_test_teardown(damaged_keras, remove_files),
        cmocka_unit_test_teardown(programs, remove_files),
        cmocka_unit_test_teardown(a_program_that_hangs, remove_files),
        cmocka_unit_test_teardown(tables_that_lie, remove_files),
    };
    if (argc < 2)
        return 1;
    given = argv[1];
    program_folder = argv[2];
    return run_in_folder(tests);
}
