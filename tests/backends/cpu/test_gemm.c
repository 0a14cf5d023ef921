/* SPDX-License-Identifier: Apache-2.0
 *
 * Products by our micro-kernels, by that of BLIS and by its sgemm against sums in double: odd sizes, more depth than a
 * block has, strides, both orientations of both matrices, what is added before and after, any number of members.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/cpu/gemm.h"

extern const struct cpu_micro_kernel cpu_c_micro_kernel;
#if defined(__x86_64__)
extern const struct cpu_micro_kernel cpu_avx2_micro_kernel, cpu_avx512_micro_kernel;
#endif

enum { GAP = 3 }; /* between rows of x, of the weight and of out */

enum residual { NONE, OUT, APART };

/* What is multiplied, and how. */
struct setting {
    uint32_t rows, n, depth, members;
    bool upright_x, upright_weight; /* columns lie together, not rows */
    bool bias, finish;
    enum residual residual;
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

static struct cpu_matrix matrix(uint32_t rows, uint32_t columns, bool upright, uint32_t seed)
{
    const uint32_t length = (upright ? rows : columns) + GAP;
    return (struct cpu_matrix){.data = fill((size_t)(upright ? columns : rows) * length, seed),
                               .row_step = upright ? 1 : length,
                               .column_step = upright ? length : 1};
}

/* Takes tiles as linear does: to where the product goes. */
struct result {
    float *out;
    size_t stride;
    uint32_t n;
    unsigned char *times; /* each element was finished */
};

static void take(const void *argument, const struct cpu_tile *tile)
{
    const struct result *result = argument;
    for (uint32_t r = 0; r < tile->rows; r++)
        for (uint32_t c = 0; c < tile->columns; c++) {
            const size_t row = tile->row + r, column = tile->column + c;
            result->out[row * result->stride + column] = tile->sums[r * tile->stride + c];
            result->times[row * result->n + column]++;
        }
}

/* What the residual adds, whether it lies in out or apart; a product that is finished leaves that to its finish. */
static float first_sum(const struct setting *s, uint32_t r, uint32_t c)
{
    return s->residual == NONE || s->finish ? 0 : value(r * 31 + c);
}

static void compare(const struct cpu_product *p, const struct setting *s)
{
    for (uint32_t r = 0; r < s->rows; r++) {
        for (uint32_t c = 0; c < s->n; c++) {
            double sum = (double)(first_sum(s, r, c) + (s->bias ? p->bias[c] : 0)), size = fabs(sum);
            for (uint32_t k = 0; k < s->depth; k++) {
                const double term = (double)p->x.data[r * p->x.row_step + k * p->x.column_step] *
                                    (double)p->weight.data[c * p->weight.row_step + k * p->weight.column_step];
                sum += term;
                size += fabs(term);
            }
            assert_true(fabs((double)p->out[r * p->out_stride + c] - sum) <= 4e-6 * (1 + size));
        }
        for (uint32_t c = s->n; c < s->n + GAP; c++)
            assert_true(isnan(p->out[r * p->out_stride + c]));
    }
}

static void *pack(const struct cpu_gemm *gemm, const struct cpu_matrix *weight, const struct setting *s)
{
    void *packed = fill(cpu_gemm_weight_bytes(gemm, s->n, s->depth) / 4 + CPU_PACKED_AHEAD, 0);
    const uint32_t panels = cpu_gemm_weight_panels(gemm, s->n);
    for (uint32_t i = 0; i < s->members; i++)
        cpu_gemm_pack_weight(gemm, weight, s->n, s->depth, panels * i / s->members, panels * (i + 1) / s->members,
                             packed);
    return packed;
}

static void multiply(const struct cpu_gemm *gemm, const struct setting *s)
{
    const size_t stride = s->n + GAP;
    struct result result = {fill(s->rows * stride, 0), stride, s->n, calloc(s->rows, s->n)};
    for (uint32_t r = 0; r < s->rows; r++)
        for (uint32_t c = 0; c < stride; c++)
            result.out[r * stride + c] = s->residual == OUT && !s->finish && c < s->n ? first_sum(s, r, c) : NAN;
    float *bias = fill(s->n, 11), *apart = fill(s->rows * stride, 0);
    for (uint32_t r = 0; r < s->rows; r++)
        for (uint32_t c = 0; c < s->n; c++)
            apart[r * stride + c] = first_sum(s, r, c);
    float *const residuals[] = {[NONE] = NULL, [OUT] = result.out, [APART] = apart};
    struct cpu_product product = {.x = matrix(s->rows, s->depth, s->upright_x, 1),
                                  .weight = matrix(s->n, s->depth, s->upright_weight, 7),
                                  .out = result.out,
                                  .out_stride = stride,
                                  .rows = s->rows,
                                  .n = s->n,
                                  .depth = s->depth,
                                  .bias = s->bias ? bias : NULL,
                                  .residual = {residuals[s->residual], stride},
                                  .finish = s->finish ? take : NULL,
                                  .argument = &result};
    void *packed = pack(gemm, &product.weight, s);
    void *scratch = aligned_alloc(64, cpu_gemm_scratch_bytes(gemm, s->depth) + 64);
    product.packed = packed;
    for (uint32_t member = 0; member < s->members; member++)
        cpu_gemm_run(gemm, &product, member, s->members, scratch);
    compare(&product, s);
    for (size_t i = 0; s->finish && i < (size_t)s->rows * s->n; i++)
        assert_int_equal(result.times[i], 1);
    free(scratch);
    free(packed);
    free(bias);
    free(apart);
    free((void *)(uintptr_t)product.x.data);
    free((void *)(uintptr_t)product.weight.data);
    free(result.out);
    free(result.times);
}

static void all_settings(enum cpu_gemm_way way, const char *level, const struct cpu_micro_kernel *own)
{
    static const struct setting sizes[] = {
        {.rows = 1, .n = 1, .depth = 1},       {.rows = 1, .n = 70, .depth = 33},
        {.rows = 6, .n = 16, .depth = 256},    {.rows = 7, .n = 17, .depth = 257},
        {.rows = 13, .n = 5, .depth = 40},     {.rows = 150, .n = 49, .depth = 300},
        {.rows = 33, .n = 31, .depth = 1},     {.rows = 300, .n = 20, .depth = 520},
        {.rows = 64, .n = 256, .depth = 1030}, {.rows = 90, .n = 40, .depth = 2500},
    };
    struct cpu_gemm gemm;
    cpu_gemm_init(&gemm, way, level, own);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (uint32_t members = 1; members <= 6; members++)
            for (uint32_t how = 0; how < 6; how++) {
                struct setting s = sizes[i];
                const uint32_t mix = how + members; /* each flag meets each size */
                s.members = members;
                s.upright_x = mix & 1;
                s.upright_weight = mix & 2;
                s.bias = mix & 4;
                s.residual = how % 3;
                s.finish = how / 3;
                multiply(&gemm, &s);
            }
}

static void level_c(void **state)
{
    (void)state;
    all_settings(CPU_GEMM_OWN, "c", &cpu_c_micro_kernel);
}

/* The level of BLIS itself is the processor's business: c runs everywhere. */
static void blis_c(void **state)
{
    (void)state;
    all_settings(CPU_GEMM_BLIS, "c", &cpu_c_micro_kernel);
}

static void sgemm(void **state)
{
    (void)state;
    all_settings(CPU_GEMM_SGEMM, "c", &cpu_c_micro_kernel);
}

#if defined(__x86_64__)
static void level_avx2(void **state)
{
    (void)state;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        skip();
    all_settings(CPU_GEMM_OWN, "avx2", &cpu_avx2_micro_kernel);
    all_settings(CPU_GEMM_BLIS, "avx2", &cpu_avx2_micro_kernel);
}

static void level_avx512(void **state)
{
    (void)state;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512vl"))
        skip();
    all_settings(CPU_GEMM_OWN, "avx512", &cpu_avx512_micro_kernel);
    all_settings(CPU_GEMM_BLIS, "avx512", &cpu_avx512_micro_kernel);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(level_c),
        cmocka_unit_test(blis_c),
        cmocka_unit_test(sgemm),
#if defined(__x86_64__)
        cmocka_unit_test(level_avx2),
        cmocka_unit_test(level_avx512),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
