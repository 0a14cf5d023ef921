/* SPDX-License-Identifier: Apache-2.0
 *
 * Products by micro-kernel and by sgemm against sums in double: odd sizes, more columns than a block is deep, strides,
 * any number of members.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/cpu/gemm.h"

enum { GAP = 3 }; /* between rows of x and of out */

struct sizes {
    uint32_t rows, n, depth;
};

static float value(uint32_t i)
{
    return (float)((i * 2654435761u >> 8) % 2001) / 1000 - 1;
}

static float *fill(size_t n, uint32_t seed)
{
    float *x = aligned_alloc(64, (n * sizeof *x + 127) / 64 * 64);
    for (size_t i = 0; i < n; i++)
        x[i] = value((uint32_t)i + seed);
    return x;
}

/* Counts how often each element was finished. */
struct seen {
    uint32_t n;
    unsigned char *times;
};

static void count(const void *argument, struct cpu_tile tile)
{
    const struct seen *seen = argument;
    for (uint32_t r = tile.row; r < tile.row + tile.rows; r++)
        for (uint32_t c = tile.column; c < tile.column + tile.columns; c++)
            seen->times[(size_t)r * seen->n + c]++;
}

static float *pack(const struct cpu_gemm *gemm, const float *weight, struct sizes s)
{
    const uint64_t panel = cpu_gemm_weight_floats(gemm, gemm->weight_panel, s.depth);
    float *packed = fill(cpu_gemm_weight_floats(gemm, s.n, s.depth), 0);
    for (uint32_t r = 0; r < s.n && gemm->panels; r += gemm->weight_panel) {
        const uint32_t rows = s.n - r < gemm->weight_panel ? s.n - r : gemm->weight_panel;
        cpu_gemm_pack_weight(gemm, weight + (size_t)r * s.depth, rows, s.depth,
                             packed + r / gemm->weight_panel * panel);
    }
    return packed;
}

static void compare(const float *x, const float *weight, const float *out, struct sizes s)
{
    for (uint32_t r = 0; r < s.rows; r++) {
        for (uint32_t c = 0; c < s.n; c++) {
            double sum = 0, size = 0;
            for (uint32_t k = 0; k < s.depth; k++) {
                const double term =
                    (double)x[(size_t)r * (s.depth + GAP) + k] * (double)weight[(size_t)c * s.depth + k];
                sum += term;
                size += fabs(term);
            }
            assert_true(fabs((double)out[(size_t)r * (s.n + GAP) + c] - sum) <= 1e-6 * (1 + size));
        }
        for (uint32_t c = s.n; c < s.n + GAP; c++)
            assert_true(isnan(out[(size_t)r * (s.n + GAP) + c]));
    }
}

static void multiply(const struct cpu_gemm *gemm, struct sizes s, uint32_t members)
{
    float *x = fill((size_t)s.rows * (s.depth + GAP), 1), *weight = fill((size_t)s.n * s.depth, 7);
    float *out = fill((size_t)s.rows * (s.n + GAP), 0), *packed = pack(gemm, weight, s);
    for (size_t i = 0; i < (size_t)s.rows * (s.n + GAP); i++)
        out[i] = NAN;
    const struct seen seen = {s.n, calloc(s.rows, s.n)};
    const struct cpu_product product = {.x = x,
                                        .weight = gemm->panels ? packed : weight,
                                        .out = out,
                                        .x_stride = s.depth + GAP,
                                        .out_stride = s.n + GAP,
                                        .rows = s.rows,
                                        .n = s.n,
                                        .depth = s.depth,
                                        .finish = count,
                                        .argument = &seen};
    void *scratch = aligned_alloc(64, cpu_gemm_scratch_bytes(gemm, s.depth) + 64);
    for (uint32_t member = 0; member < members; member++)
        cpu_gemm_run(gemm, &product, member, members, scratch);
    compare(x, weight, out, s);
    for (size_t i = 0; i < (size_t)s.rows * s.n; i++)
        assert_int_equal(seen.times[i], 1);
    free(scratch);
    free(seen.times);
    free(packed);
    free(out);
    free(weight);
    free(x);
}

static void all_sizes(const char *level, bool sgemm)
{
    static const struct sizes sizes[] = {{1, 1, 1},      {1, 70, 33}, {6, 16, 256},   {7, 17, 257},   {13, 5, 40},
                                         {150, 49, 300}, {33, 31, 1}, {300, 20, 520}, {64, 256, 1030}};
    struct cpu_gemm gemm;
    cpu_gemm_init(&gemm, level, sgemm);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (uint32_t members = 1; members <= 6; members++)
            multiply(&gemm, sizes[i], members);
}

/* The level of BLIS itself is the processor's business: c runs everywhere. */
static void by_micro_kernel(void **state)
{
    (void)state;
    all_sizes("c", false);
}

static void by_sgemm(void **state)
{
    (void)state;
    all_sizes("c", true);
}

#if defined(__x86_64__)
static void by_micro_kernel_avx2(void **state)
{
    (void)state;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        skip();
    all_sizes("avx2", false);
}

static void by_micro_kernel_avx512(void **state)
{
    (void)state;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512vl"))
        skip();
    all_sizes("avx512", false);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_micro_kernel),
        cmocka_unit_test(by_sgemm),
#if defined(__x86_64__)
        cmocka_unit_test(by_micro_kernel_avx2),
        cmocka_unit_test(by_micro_kernel_avx512),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
