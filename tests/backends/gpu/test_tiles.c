/* SPDX-License-Identifier: Apache-2.0
 *
 * Tiles fit the smallest work-group memory, and are those that are asked for; few ones are cut along K; matrices of a
 * device are taken where they fit.
 */
#include "backends/gpu/table.h"
#include "tests/backends/gpu/segment.h"

/* As the text of `attention` declares its shared arrays. */
static uint64_t attention_shared(const struct gpu_launch *l)
{
    const uint64_t rows = 8 * l->specs[1], quads = (l->specs[2] + 31) / 32 * 8;
    const uint64_t keys = 8 * 33, values = 8 * (rows + 1) + l->specs[3] * quads;
    return 16 * (rows * quads + (keys > values ? keys : values) + 72);
}

static void tiles_fit_16_kib(void **state)
{
    (void)state;
    static const pln_linear_params linear = {0};
    for (uint32_t tiles = 0; tiles < 8; tiles++) {
        make_linear(512, 64, &linear);
        f.limits.tiles = tiles;
        assert_int_equal(lower(), PLN_OK);
        const uint32_t *s = f.launches[0].specs;
        assert_true(s[3] * (s[1] + 4 + s[2] + 4) * 4 <= f.limits.shared_bytes);
        assert_int_equal(s[0], s[1] / s[4] * (s[2] / s[5]));
    }
    for (uint32_t head_size = 1; head_size <= 288; head_size++) {
        const pln_attention_params params = {.heads = 2, .head_size = head_size, .scale = 1};
        make_attention(&params);
        assert_int_equal(lower(), PLN_OK);
        assert_true(attention_shared(&f.launches[0]) <= f.limits.shared_bytes);
    }
}

static void each_word_of_tile_asks_for_that_tile(void **state)
{
    (void)state;
    static const pln_linear_params linear = {0};
    static const uint32_t vendors[] = {GPU_VENDOR_AMD, GPU_VENDOR_INTEL, GPU_VENDOR_NVIDIA, 0};
    static const char *const words[] = {"linear:128x128", "linear:64x64", "linear:32x32"};
    static const uint32_t rows[] = {128, 64, 32};
    for (uint32_t i = 0; i < 12; i++) {
        make_linear(512, 64, &linear);
        f.limits.shared_bytes = 32768;
        f.limits.vendor_id = vendors[i / 3];
        f.limits.tiles = 1u << gpu_find_word(gpu_tile_words, words[i % 3]);
        assert_int_equal(lower(), PLN_OK);
        assert_int_equal(f.launches[0].tile_rows, rows[i % 3]);
        assert_int_equal(f.launches[0].tile_columns, rows[i % 3]);
    }
    assert_int_equal(gpu_find_word(gpu_tile_words, "linear:64"), GPU_NO_WORD);
    assert_int_equal(gpu_find_word(gpu_tile_words, ""), GPU_NO_WORD);
}

static void attention_takes_the_tile_that_is_asked_for(void **state)
{
    (void)state;
    static const pln_attention_params params = {.heads = 2, .head_size = 64, .scale = 1};
    static const char *const words[] = {"attention:32x32", "attention:16x32", "attention:8x32"};
    static const uint32_t rows[] = {32, 16, 8};
    for (uint32_t i = 0; i < 3; i++) {
        make_attention(&params);
        f.limits.shared_bytes = 32768;
        f.limits.tiles = 1u << gpu_find_word(gpu_tile_words, words[i]);
        assert_int_equal(lower(), PLN_OK);
        assert_int_equal(f.launches[0].tile_rows, rows[i]);
        assert_int_equal(f.launches[0].rows_per_group, rows[i]);
    }
}

static void few_tiles_are_cut_along_k(void **state)
{
    (void)state;
    static const pln_linear_params linear = {.activation = PLN_ACTIVATION_GELU};
    make_linear(90, 1024, &linear);
    f.capacity[TOKENS] = 40;
    assert_int_equal(lower(), PLN_OK);
    assert_int_equal(f.n_launches, 2);
    const struct gpu_launch *parts = &f.launches[0], *sum = &f.launches[1];
    const uint32_t slices = parts->specs[8];
    assert_int_equal(slices, 4); /* 32 groups are wanted, there are 2 x 3 tiles */
    assert_int_equal(parts->columns, 3 * slices);
    assert_int_equal(parts->specs[6], PLN_ACTIVATION_NONE);
    assert_true(parts->bindings[6].written);
    assert_string_equal(sum->kernel, "linear_sum");
    assert_int_equal(sum->specs[3], slices);
    assert_int_equal(sum->specs[4], PLN_ACTIVATION_GELU);
    assert_int_equal(sum->scratch_bytes, 40 * slices * 92 * sizeof(float));
    assert_int_equal(sum->bindings[4].value, GPU_BIND_SCRATCH);
    assert_false(sum->bindings[4].written);
    f.limits.compute_units = 1;
    assert_int_equal(lower(), PLN_OK);
    assert_int_equal(f.n_launches, 1);
    assert_int_equal(f.launches[0].scratch_bytes, 0);
}

/* Whatever the rows, K is not cut, and its order is the same: as it is where the depth of the tile divides it, else that
 * of one tile. */
static void steady_sums_hang_on_no_rows(void **state)
{
    (void)state;
    static const pln_linear_params linear = {0};
    static const uint32_t rows[] = {1, 40, 70, 200, 1000, 5000}, widths[] = {60, 72, 256, 1024};
    for (uint32_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        uint32_t depth = 0;
        for (uint32_t j = 0; j < sizeof rows / sizeof *rows; j++) {
            make_linear(768, widths[i], &linear);
            f.limits.shared_bytes = 32768;
            f.segment.flags = PLN_SEGMENT_STEADY;
            f.capacity[TOKENS] = rows[j];
            assert_int_equal(lower(), PLN_OK);
            assert_int_equal(f.n_launches, 1);
            assert_int_equal(f.launches[0].specs[8], 1);
            const uint32_t of_tile = f.launches[0].specs[3];
            assert_true(widths[i] % of_tile == 0 || !depth || depth == of_tile);
            depth = widths[i] % of_tile ? of_tile : depth;
        }
    }
}

/* As the text of `linear_matrix` declares its shared arrays. */
static uint32_t matrix_shared(const uint32_t *s)
{
    const uint32_t subgroups = s[1] / s[4] * (s[2] / s[5]);
    return 8 * (s[3] / 4 + 2) * (s[1] + s[2]) + 4 * subgroups * s[9] * s[10];
}

static void f16_weights_are_multiplied_as_matrices(void **state)
{
    (void)state;
    static const pln_linear_params linear = {0};
    static const char *const words[] = {"linear:128x128", "linear:64x64", "linear:32x32"};
    static const struct gpu_matrix matrices[] = {{16, 16, 16, 64}, {16, 16, 16, 32}, {8, 16, 16, 16}, {8, 8, 8, 8}};
    for (uint32_t i = 0; i < 12; i++) {
        const struct gpu_matrix *matrix = &matrices[i / 3];
        assert_true(gpu_matrix_fits(matrix));
        make_linear(512, 64, &linear);
        f.limits.shared_bytes = 32768;
        f.limits.half = true;
        f.limits.matrix = *matrix;
        f.limits.tiles = 1u << gpu_find_word(gpu_tile_words, words[i % 3]);
        assert_int_equal(lower(), PLN_OK);
        const struct gpu_launch *l = &f.launches[0];
        const uint32_t *s = l->specs;
        assert_string_equal(l->kernel, "linear_matrix");
        assert_int_equal(l->tile_rows, 128 >> i % 3);
        assert_int_equal(s[0], s[1] / s[4] * (s[2] / s[5]) * matrix->lanes);
        assert_int_equal(s[1] * s[3] / 4 % s[0], 0); /* each thread loads as many groups of four */
        assert_true(s[4] % s[9] == 0 && s[5] % s[10] == 0 && s[3] % s[11] == 0);
        assert_true(matrix_shared(s) <= f.limits.shared_bytes);
        f.limits.shared_bytes = matrix_shared(s) - 1;
        assert_true(lower() != PLN_OK || f.launches[0].tile_rows < 128u >> i % 3);
    }
    f.limits.half = false; /* a weight in f32 */
    f.limits.shared_bytes = 32768;
    assert_int_equal(lower(), PLN_OK);
    assert_string_equal(f.launches[0].kernel, "linear");
}

static void matrices_that_do_not_fit_are_not_taken(void **state)
{
    (void)state;
    static const struct gpu_matrix matrices[] = {{0, 16, 16, 64},   {16, 16, 16, 0},  {32, 32, 16, 64},
                                                 {16, 16, 16, 128}, {12, 16, 16, 32}, {16, 16, 64, 32}};
    for (uint32_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
        assert_false(gpu_matrix_fits(&matrices[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_fit_16_kib),
        cmocka_unit_test(each_word_of_tile_asks_for_that_tile),
        cmocka_unit_test(attention_takes_the_tile_that_is_asked_for),
        cmocka_unit_test(few_tiles_are_cut_along_k),
        cmocka_unit_test(steady_sums_hang_on_no_rows),
        cmocka_unit_test(f16_weights_are_multiplied_as_matrices),
        cmocka_unit_test(matrices_that_do_not_fit_are_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
