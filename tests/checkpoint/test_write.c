/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights are written as they are, turned or rounded, in every format, in one file or several, and read back bit for
 * bit; what a type cannot hold is refused, and a file that cannot be written leaves nothing.
 */
#define _XOPEN_SOURCE 700 /* realpath */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/write.h"
#include "common/half.h"

static char folder[] = "write-XXXXXX";
static bool has_program; /* for HDF5 */
static pln_error error;

static const char *in_folder(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* ---- what is written: [2, 3] as it lies, [3, 2] of the same numbers turned, one number, nothing */

enum { N = 4 };
static const float numbers[6] = {1.5f, -2, 3.25f, 0.1f, 65504, -0.0f};

static void fill(struct ckpt_output outputs[N], pln_dtype dtype)
{
    const pln_tensor plain = {"m/top/plain:0", PLN_F32, 2, {2, 3}, numbers};
    const pln_tensor one = {"m/top/deep/one:0", PLN_F32, 0, {0}, numbers};
    const pln_tensor none = {"m/other/none:0", PLN_F32, 2, {0, 3}, numbers};
    outputs[0] = ckpt_output_of(&plain);
    outputs[1] = ckpt_output_of(&plain);
    outputs[1].weight = weight_of(&plain, true);
    outputs[1].name = "m/top/turned:0";
    outputs[2] = ckpt_output_of(&one);
    outputs[3] = ckpt_output_of(&none);
    for (int i = 0; i < N; i++)
        outputs[i].dtype = dtype;
}

static void check_element(const pln_tensor *t, uint64_t i, float expected)
{
    uint16_t half;
    float value;
    switch (t->dtype) {
    case PLN_F32:
        memcpy(&value, (const char *)t->data + 4 * i, 4);
        assert_memory_equal(&value, &expected, 4);
        break;
    default:
        memcpy(&half, (const char *)t->data + 2 * i, 2);
        assert_int_equal(half, t->dtype == PLN_F16 ? float_to_half(expected) : float_to_bfloat(expected));
    }
}

static void check(const struct ckpt_writer *writer, pln_dtype dtype)
{
    struct ckpt_output outputs[N];
    pln_tensor_file *file = NULL;
    char name[64];
    fill(outputs, dtype);
    ckpt_shard_name(writer, 1, 1, name, sizeof name);
    if (writer->write(in_folder(name), outputs, N, false, &error) != PLN_OK)
        fail_msg("%s", error.message);
    if (ckpt_tensors_open(in_folder(name), 0, &file, &error) != PLN_OK)
        fail_msg("%s", error.message);
    const pln_tensor *plain = ckpt_tensors_find(file, "m/top/plain:0"),
                     *turned = ckpt_tensors_find(file, "m/top/turned:0");
    const pln_tensor *one = ckpt_tensors_find(file, "m/top/deep/one:0"),
                     *none = ckpt_tensors_find(file, "m/other/none:0");
    assert_true(plain && turned && one && none);
    assert_true(plain->dtype == dtype && plain->rank == 2 && plain->shape[0] == 2 && plain->shape[1] == 3);
    assert_true(turned->dtype == dtype && turned->rank == 2 && turned->shape[0] == 3 && turned->shape[1] == 2);
    assert_true(one->dtype == dtype && one->rank == 0 && none->rank == 2 && none->shape[0] == 0);
    for (uint64_t i = 0; i < 6; i++) {
        check_element(plain, i, numbers[i]);
        check_element(turned, i, numbers[i % 2 * 3 + i / 2]);
    }
    check_element(one, 0, numbers[0]);
    ckpt_tensors_close(&file);
    unlink(in_folder(name));
}

static const struct ckpt_writer *const writers[] = {&ckpt_write_safetensors, &ckpt_write_msgpack, &ckpt_write_hdf5,
                                                    &ckpt_write_torch};

static void formats(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
        if (writers[i] == &ckpt_write_hdf5 && !has_program)
            continue;
        check(writers[i], PLN_F32);
        check(writers[i], PLN_F16);
        if (writers[i] != &ckpt_write_hdf5)
            check(writers[i], PLN_BF16);
    }
}

static void rounding(void **state)
{
    /* Halfway between two halves and a little more: a float in between would forget the little. */
    static const double wide[] = {1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-11, 1 + 0x1p-11 - 0x1p-40, -1 - 0x1p-11 - 0x1p-40,
                                  1 + 0x1p-8 + 0x1p-40,  1 + 0x1p-8,  0x1p-25 + 0x1p-60,     0x1p-25};
    static const uint16_t f16[] = {0x3c01, 0x3c00, 0x3c00, 0xbc01, 0x3c04, 0x3c04, 0x0001, 0x0000};
    static const uint16_t bf16[] = {0x3f80, 0x3f80, 0x3f80, 0xbf80, 0x3f81, 0x3f80, 0x3300, 0x3300};
    const pln_tensor tensor = {"w", PLN_F64, 1, {8}, wide};
    (void)state;
    for (int half = 0; half < 2; half++) {
        pln_tensor_file *file = NULL;
        struct ckpt_output output = ckpt_output_of(&tensor);
        output.dtype = half ? PLN_BF16 : PLN_F16;
        assert_int_equal(ckpt_write_safetensors.write(in_folder("r"), &output, 1, false, &error), PLN_OK);
        assert_int_equal(ckpt_tensors_open(in_folder("r"), 0, &file, &error), PLN_OK);
        const uint16_t *found = ckpt_tensors_find(file, "w")->data;
        for (int i = 0; i < 8; i++)
            assert_int_equal(found[i], half ? bf16[i] : f16[i]);
        ckpt_tensors_close(&file);
    }
    unlink(in_folder("r"));
}

/* Pieces are of whole rows: a matrix of several, turned. */
static void large(void **state)
{
    enum { ROWS = 900, WIDTH = 700 };
    float *all = malloc(sizeof *all * ROWS * WIDTH);
    pln_tensor_file *file = NULL;
    (void)state;
    for (int i = 0; i < ROWS * WIDTH; i++)
        all[i] = (float)i;
    const pln_tensor tensor = {"w", PLN_F32, 2, {ROWS, WIDTH}, all};
    struct ckpt_output outputs[2] = {ckpt_output_of(&tensor), ckpt_output_of(&tensor)};
    outputs[0].weight = outputs[1].weight = weight_of(&tensor, true);
    outputs[1].name = "half";
    outputs[1].dtype = PLN_BF16;
    assert_int_equal(ckpt_write_safetensors.write(in_folder("l"), outputs, 2, false, &error), PLN_OK);
    assert_int_equal(ckpt_tensors_open(in_folder("l"), 0, &file, &error), PLN_OK);
    const float *w = ckpt_tensors_find(file, "w")->data;
    const uint16_t *half = ckpt_tensors_find(file, "half")->data;
    for (int c = 0; c < WIDTH; c++)
        for (int r = 0; r < ROWS; r++)
            if (w[c * ROWS + r] != all[r * WIDTH + c] || half[c * ROWS + r] != float_to_bfloat(all[r * WIDTH + c]))
                fail_msg("element %d, %d", c, r);
    ckpt_tensors_close(&file);
    unlink(in_folder("l"));
    free(all);
}

static void refusals(void **state)
{
    static const float big[] = {1, 70000};
    const pln_tensor tensor = {"m/top/big:0", PLN_F32, 1, {2}, big};
    struct ckpt_output output = ckpt_output_of(&tensor);
    (void)state;
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
        if (writers[i] == &ckpt_write_hdf5 && !has_program)
            continue;
        output.dtype = PLN_F16;
        assert_int_equal(writers[i]->write(in_folder("big"), &output, 1, false, &error), PLN_INVALID);
        assert_non_null(strstr(error.message, "'m/top/big:0' holds a number that is too large"));
        assert_int_equal(access(in_folder("big"), F_OK), -1);
        output.dtype = PLN_F32;
        assert_int_equal(writers[i]->write(in_folder("no/such"), &output, 1, false, &error), PLN_FAILED);
        assert_non_null(strstr(error.message, "no/such"));
        if (writers[i] == &ckpt_write_hdf5)
            continue;
        assert_int_equal(writers[i]->write("/dev/full", &output, 1, false, &error), PLN_FAILED);
        assert_non_null(strstr(error.message, "/dev/full: cannot be written"));
    }
}

/* ---- several files */

static const char *const names[] = {"config.json", NULL};

static void shards(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
        struct ckpt_output outputs[N];
        struct ckpt_save save;
        struct ckpt *c = NULL;
        if (writers[i] != &ckpt_write_safetensors)
            continue;
        fill(outputs, PLN_F32);
        assert_int_equal(ckpt_shard_count(outputs, N, 0), 1);
        assert_int_equal(ckpt_shard_count(outputs, N, 24), 3); /* 24 bytes, 24, 4 and 0 */
        assert_int_equal(ckpt_shard_count(outputs, N, 1), 4);
        assert_int_equal(ckpt_shard_count(outputs, N, 48), 2);
        assert_int_equal(ckpt_save_begin(&save, in_folder("dir"), names, NULL, &error), PLN_OK);
        pln_status status = ckpt_save_shards(&save, writers[i], outputs, N, NULL, 24, &error);
        json_t *config = json_object();
        if (status == PLN_OK)
            status = ckpt_save_json(&save, "config.json", config, &error);
        json_decref(config);
        assert_int_equal(ckpt_save_end(&save, status, &error), PLN_OK);
        if (ckpt_open(in_folder("dir"), NULL, 0, &c, &error) != PLN_OK)
            fail_msg("%s", error.message);
        assert_int_equal(ckpt_count(c), N);
        check_element(ckpt_find(c, "m/top/turned:0"), 1, numbers[3]);
        ckpt_close(&c);
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
        cmocka_unit_test(formats),  cmocka_unit_test(rounding), cmocka_unit_test(large),
        cmocka_unit_test(refusals), cmocka_unit_test(shards),
    };
    has_program = argc > 1;
    if ((has_program && setenv("PLEIONE_BACKEND_PATH", argv[1], 1) != 0) || !mkdtemp(folder))
        return 1;
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
