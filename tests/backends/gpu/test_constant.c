/* SPDX-License-Identifier: Apache-2.0
 *
 * Constants as kernels want them: padded, in panels, as f16.
 */
#include <math.h>
#include <string.h>

#include "backends/gpu/gpu.h"
#include "tests/backends/gpu/segment.h"

static void read_rows(void *context, const pln_constant_info *constant, uint32_t first, uint32_t rows, float *out)
{
    (void)context;
    memcpy(out, (const float *)constant->source + first * constant->width, rows * constant->width * sizeof *out);
}

static void constants_are_padded_or_in_panels(void **state)
{
    (void)state;
    const pln_host host = {.size = sizeof host, .allocate = allocate, .release = release, .constant_read = read_rows};
    const pln_constant_use uses[] = {{sizeof *uses, PLN_OP_EMBED, PLN_EMBED_INPUT_WORD, 0},
                                     {sizeof *uses, PLN_OP_LINEAR, PLN_LINEAR_INPUT_WEIGHT, 0}};
    float source[35 * 6], out[64 * 8];
    for (uint32_t i = 0; i < 35 * 6; i++)
        source[i] = (float)(i + 1);
    for (uint32_t variant = 0; variant < 4; variant++) {
        const struct gpu_limits limits = {.cpu_variant = variant & 1};
        const pln_constant_info info = {.size = sizeof info,
                                        .rows = 35,
                                        .width = 6,
                                        .n_uses = 2,
                                        .use_stride = sizeof *uses,
                                        .uses = uses,
                                        .plain = variant & 2 ? source : NULL,
                                        .source = source};
        cpu_texts = true;
        const struct gpu_constant_layout layout = gpu_constant_layout(&limits, &info);
        assert_int_equal(layout.panel, variant & 1 ? 32 : 0);
        assert_int_equal(gpu_constant_bytes(&layout), (variant & 1 ? 64u : 35u) * 8 * sizeof(float));
        assert_int_equal(gpu_constant_pack(&host, &info, &layout, out, NULL), PLN_OK);
        cpu_texts = false;
        for (uint32_t r = 0; r < layout.rows; r++)
            for (uint32_t c = 0; c < layout.width; c++) {
                const uint32_t at = layout.panel ? r / 32 * 32 * 8 + c * 32 + r % 32 : r * 8 + c;
                assert_true(out[at] == (r < 35 && c < 6 ? source[r * 6 + c] : 0));
            }
    }
}

static void weights_of_linear_alone_are_halved(void **state)
{
    (void)state;
    const pln_constant_use uses[] = {{sizeof *uses, PLN_OP_LINEAR, PLN_LINEAR_INPUT_WEIGHT, 0},
                                     {sizeof *uses, PLN_OP_EMBED, PLN_EMBED_INPUT_WORD, 0}};
    const pln_host host = {.size = sizeof host, .allocate = allocate, .release = release, .constant_read = read_rows};
    const float source[2 * 5] = {1, -2, 0.5f, 65504, 0, 0x1p-24f, 1 + 0x1p-11f, 3, 4, 5};
    const uint16_t expected[2 * 8] = {0x3c00, 0xc000, 0x3800, 0x7bff, 0, 0, 0, 0, 1, 0x3c00, 0x4200, 0x4400, 0x4500};
    uint16_t out[2 * 8];
    static const pln_linear_params linear = {0};
    pln_constant_info info = {.size = sizeof info,
                              .rows = 2,
                              .width = 5,
                              .n_uses = 1,
                              .use_stride = sizeof *uses,
                              .uses = uses,
                              .plain = source};
    const struct gpu_limits limits = {.half = true};
    struct gpu_constant_layout layout = gpu_constant_layout(&limits, &info);
    assert_true(layout.half);
    assert_int_equal(gpu_constant_bytes(&layout), sizeof out);
    assert_int_equal(gpu_constant_pack(&host, &info, &layout, out, NULL), PLN_OK);
    assert_memory_equal(out, expected, sizeof out);
    info.n_uses = 2;
    assert_false(gpu_constant_layout(&limits, &info).half);
    make_linear(100, 36, &linear);
    f.limits.half = true;
    f.limits.max_range = 8000;
    assert_int_equal(lower(), PLN_OK);
    for (uint32_t i = 0; i < f.n_launches; i++) {
        const struct gpu_launch *l = &f.launches[i];
        assert_int_equal(l->bindings[1].element, 2);
        assert_int_equal(l->bindings[1].offset + 2 * (uint64_t)(l->record[GPU_RECORD_FIRST + GPU_SLOT_WORDS] +
                                                                l->record[GPU_RECORD_TABLE_FIRST] * 36),
                         l->record[GPU_RECORD_TABLE_FIRST] * 36 * 2);
        assert_true(l->specs[7] & GPU_LINEAR_HALF);
    }
}

static void what_f16_cannot_hold_is_refused(void **state)
{
    (void)state;
    const pln_constant_use use = {sizeof use, PLN_OP_LINEAR, PLN_LINEAR_INPUT_WEIGHT, 0};
    const pln_host host = {.size = sizeof host, .allocate = allocate, .release = release, .constant_read = read_rows};
    const float within[4] = {65519, -65504, -INFINITY, NAN}, beyond[4] = {0, 0, 65520, 0};
    const struct gpu_limits limits = {.half = true};
    pln_constant_info info = {.size = sizeof info,
                              .name = "dense",
                              .rows = 1,
                              .width = 4,
                              .n_uses = 1,
                              .use_stride = sizeof use,
                              .uses = &use,
                              .plain = within};
    const struct gpu_constant_layout layout = gpu_constant_layout(&limits, &info);
    uint16_t out[4];
    pln_failure error = {.size = sizeof error};
    assert_int_equal(gpu_constant_pack(&host, &info, &layout, out, &error), PLN_OK);
    assert_int_equal(out[2], 0xfc00);
    info.plain = beyond;
    assert_int_equal(gpu_constant_pack(&host, &info, &layout, out, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "storage=f16: dense has 65520"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants_are_padded_or_in_panels),
        cmocka_unit_test(weights_of_linear_alone_are_halved),
        cmocka_unit_test(what_f16_cannot_hold_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
