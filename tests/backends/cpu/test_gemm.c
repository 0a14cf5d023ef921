/* SPDX-License-Identifier: Apache-2.0
 *
 * Products by our micro-kernels, by tiles (in plain C), by the micro-kernel of BLIS and by its sgemm against sums in
 * double: odd sizes, more depth than a block has, strides, both orientations of both matrices, what is added before and
 * after, any number of members. Where halves are multiplied, numbers are such as halves hold; where bytes are, such as
 * bytes hold too, and sums are theirs to the last bit.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/cpu/bytes.h"
#include "backends/cpu/gemm.h"
#include "backends/cpu/tiles.h"
#include "common/half.h"
#include "tests/backends/cpu/trapped_tiles.h"

extern const struct cpu_micro_kernel cpu_c_micro_kernel, cpu_c_widened_kernel, cpu_halves_micro_kernel;
extern const struct cpu_micro_kernel cpu_c_byte_kernel;
extern const struct cpu_tiles cpu_twin_tiles;
#if defined(CPU_HAS_AMX)
extern const struct cpu_tiles cpu_amx_tiles;
#endif
#if defined(__x86_64__)
extern const struct cpu_micro_kernel cpu_avx2_micro_kernel, cpu_avx512_micro_kernel;
extern const struct cpu_micro_kernel cpu_avx2_widened_kernel, cpu_avx512_widened_kernel;
extern const struct cpu_micro_kernel cpu_avx2_byte_kernel, cpu_avx512_byte_kernel;
#endif
#if defined(CPU_HAS_BF16)
extern const struct cpu_micro_kernel cpu_bf16_micro_kernel;
#endif
#if defined(CPU_HAS_VNNI)
extern const struct cpu_micro_kernel cpu_vnni_byte_kernel;
#if defined(CPU_HAS_BF16)
extern const struct cpu_micro_kernel cpu_vnni_bf16_byte_kernel;
#endif
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

static bool in_halves;   /* numbers of matrices */
static double tolerance; /* of a sum beside the sizes of its terms */

static float value(uint32_t i)
{
    const float number = (float)((i * 2654435761u >> 8) % 2001) / 1000 - 1;
    return in_halves ? bfloat_to_float(float_to_bfloat(number)) : number;
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
            assert_true(fabs((double)p->out[r * p->out_stride + c] - sum) <= tolerance * (1 + size));
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
    in_halves = own->weight_depth > 1;
    tolerance = own->prepared_bytes == 4 ? 1e-4 : 4e-6; /* of two parts: 2^-16 of each product */
    static const struct setting sizes[] = {
        {.rows = 1, .n = 1, .depth = 1},      {.rows = 1, .n = 70, .depth = 33},
        {.rows = 6, .n = 16, .depth = 256},   {.rows = 7, .n = 17, .depth = 257},
        {.rows = 13, .n = 5, .depth = 40},    {.rows = 150, .n = 49, .depth = 300},
        {.rows = 33, .n = 31, .depth = 1},    {.rows = 300, .n = 20, .depth = 520},
        {.rows = 40, .n = 40, .depth = 600},  {.rows = 64, .n = 256, .depth = 1030},
        {.rows = 90, .n = 40, .depth = 2500},
    };
    enum { LARGE = 2 }; /* the last ones, which tiles in plain C take too long for */
    const size_t n = sizeof sizes / sizeof *sizes - (own->release ? LARGE : 0);
    struct cpu_gemm gemm;
    cpu_gemm_init(&gemm, way, level, own, own);
    for (size_t i = 0; i < n; i++)
        for (uint32_t members = 1; members <= 6; members += own->release ? 3 : 1)
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

/* ---- halves and tiles */

/* Where the processor has what a kernel is compiled for. */
static bool runs(const struct cpu_micro_kernel *kernel)
{
#if defined(__x86_64__)
    if (kernel == &cpu_avx2_micro_kernel || kernel == &cpu_avx2_widened_kernel || kernel == &cpu_avx2_byte_kernel)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (kernel == &cpu_avx512_micro_kernel || kernel == &cpu_avx512_widened_kernel || kernel == &cpu_avx512_byte_kernel)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
#endif
#if defined(CPU_HAS_BF16)
    if (kernel == &cpu_bf16_micro_kernel)
        return __builtin_cpu_supports("avx512bf16");
#endif
#if defined(CPU_HAS_VNNI)
    if (kernel == &cpu_vnni_byte_kernel)
        return __builtin_cpu_supports("avx512vnni");
#if defined(CPU_HAS_BF16)
    if (kernel == &cpu_vnni_bf16_byte_kernel)
        return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16");
#endif
#endif
    return kernel != NULL;
}

/* The twin, and the instructions, by traps if need be. */
static const struct cpu_tiles *of_tiles[] = {&cpu_twin_tiles, NULL};

/* In each test anew: cmocka takes the signal before it. */
static void begin_tiles(void)
{
#if defined(CPU_HAS_AMX)
    if (__builtin_cpu_supports("avx512bf16") && trapped_tiles_begin())
        of_tiles[1] = &cpu_amx_tiles;
#endif
}

/* The build of the instructions has the vectors of AVX-512 beside them. */
static bool stand_on(const struct cpu_tiles *tiles, const struct cpu_micro_kernel *base)
{
    enum { AVX512_LANES = 16 };
    return tiles && runs(base) && (tiles == &cpu_twin_tiles || base->lanes == AVX512_LANES);
}

static const struct cpu_micro_kernel *const of_f32[] = {
    &cpu_c_micro_kernel,
#if defined(__x86_64__)
    &cpu_avx2_micro_kernel,
    &cpu_avx512_micro_kernel,
#endif
};
static const struct cpu_micro_kernel *const of_halves[] = {
    &cpu_halves_micro_kernel,
#if defined(CPU_HAS_BF16)
    &cpu_bf16_micro_kernel,
#endif
};
static const struct cpu_micro_kernel *const of_widened[] = {
    &cpu_c_widened_kernel,
#if defined(__x86_64__)
    &cpu_avx2_widened_kernel,
    &cpu_avx512_widened_kernel,
#endif
};

static const struct cpu_micro_kernel *const of_bytes[] = {
    &cpu_c_byte_kernel,
#if defined(__x86_64__)
    &cpu_avx2_byte_kernel,      &cpu_avx512_byte_kernel,
#endif
#if defined(CPU_HAS_VNNI)
    &cpu_vnni_byte_kernel,
#if defined(CPU_HAS_BF16)
    &cpu_vnni_bf16_byte_kernel,
#endif
#endif
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void halves(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(of_halves); i++)
        if (runs(of_halves[i]))
            all_settings(CPU_GEMM_OWN, "c", of_halves[i]);
}

static void weights_of_halves(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(of_widened); i++)
        if (runs(of_widened[i]))
            all_settings(CPU_GEMM_OWN, "c", of_widened[i]);
}

static void tiles_of_halves(void **state)
{
    (void)state;
    begin_tiles();
    for (size_t i = 0; i < 2 * COUNT(of_halves); i++) {
        const struct cpu_micro_kernel *base = of_halves[i / 2];
        if (!stand_on(of_tiles[i % 2], base))
            continue;
        const struct cpu_micro_kernel kernel = cpu_tiles_halves(of_tiles[i % 2], base);
        all_settings(CPU_GEMM_OWN, "c", &kernel);
    }
}

static void tiles_of_parts(void **state)
{
    (void)state;
    begin_tiles();
    for (size_t i = 0; i < 2 * COUNT(of_f32); i++) {
        const struct cpu_micro_kernel *base = of_f32[i / 2];
        const struct cpu_tiles *tiles = of_tiles[i % 2];
        if (!stand_on(tiles, base))
            continue;
        const struct cpu_micro_kernel six = cpu_tiles_parts(tiles, base, 3, true);
        all_settings(CPU_GEMM_OWN, "c", &six);
        const struct cpu_micro_kernel some = cpu_tiles_parts(tiles, base, 3, false);
        all_settings(CPU_GEMM_OWN, "c", &some);
        const struct cpu_micro_kernel three = cpu_tiles_parts(tiles, base, 2, true);
        all_settings(CPU_GEMM_OWN, "c", &three);
    }
}

/* out [rows, n] = out + x weight^T. */
static void multiply_plainly(const struct cpu_micro_kernel *kernel, const struct cpu_matrix *x,
                             const struct cpu_matrix *weight, uint32_t rows, uint32_t n, uint32_t depth, float *out)
{
    struct cpu_gemm gemm;
    const struct setting s = {.rows = rows, .n = n, .depth = depth, .members = 1};
    cpu_gemm_init(&gemm, CPU_GEMM_OWN, "c", kernel, kernel);
    void *packed = pack(&gemm, weight, &s), *scratch = aligned_alloc(64, cpu_gemm_scratch_bytes(&gemm, depth) + 64);
    cpu_gemm_run(&gemm,
                 &(struct cpu_product){.x = *x,
                                       .weight = *weight,
                                       .packed = packed,
                                       .out = out,
                                       .out_stride = n,
                                       .rows = rows,
                                       .n = n,
                                       .depth = depth,
                                       .residual = {out, n}},
                 0, 1, scratch);
    free(scratch);
    free(packed);
}

/* ---- bytes */

/* x has a scale of 1 and a zero of 90, the weight a scale of 1 in each row, but for what is set beyond. */
struct bytes_case {
    uint32_t rows, n, depth;
    struct cpu_matrix x, weight;
    float *out; /* [rows, n], first the residual */
};

static int32_t whole(uint32_t i, int32_t low, int32_t high)
{
    return low + (int32_t)((i * 2654435761u >> 8) % (uint32_t)(high - low + 1));
}

static struct bytes_case bytes_case(uint32_t rows, uint32_t n, uint32_t depth)
{
    struct bytes_case c = {
        rows, n, depth, matrix(rows, depth, false, 1), matrix(n, depth, false, 7), fill((size_t)rows * n, 3)};
    float *x = (float *)(uintptr_t)c.x.data, *weight = (float *)(uintptr_t)c.weight.data;
    for (uint32_t k = 0; k < depth; k++) {
        for (uint32_t r = 0; r < rows; r++)
            x[r * c.x.row_step + k] = (float)(k < 2 ? k ? -90 : 164 : whole(r * 977 + k, -90, 164));
        for (uint32_t i = 0; i < n; i++)
            weight[i * c.weight.row_step + k] = (float)(k ? whole(i * 1013 + k, -127, 127) : 127);
    }
    for (uint32_t i = 0; i < rows * n; i++)
        c.out[i] = (float)whole(i, -100, 100);
    return c;
}

static void bytes_case_finish(struct bytes_case *c)
{
    free((void *)(uintptr_t)c->x.data);
    free((void *)(uintptr_t)c->weight.data);
    free(c->out);
}

static double exact_sum(const struct bytes_case *c, uint32_t r, uint32_t i)
{
    double sum = (double)c->out[r * c->n + i];
    for (uint32_t k = 0; k < c->depth; k++)
        sum += (double)c->x.data[r * c->x.row_step + k] * (double)c->weight.data[i * c->weight.row_step + k];
    return sum;
}

/* Sums of whole numbers that f32 holds: by every kernel, on vectors and on tiles, the same as in double. */
static void sums_of_bytes_are_exact(void **state)
{
    (void)state;
    begin_tiles();
    static const uint32_t sizes[][3] = {{1, 1, 2},     {3, 70, 33},   {4, 16, 64},   {15, 17, 255},
                                        {16, 33, 256}, {33, 40, 257}, {70, 49, 300}, {90, 40, 700}};
    for (size_t i = 0; i < COUNT(of_bytes); i++)
        for (size_t j = 0; j < 3 * COUNT(sizes) && runs(of_bytes[i]); j++) {
            const uint32_t *size = sizes[j / 3];
            const struct cpu_tiles *tiles = j % 3 ? of_tiles[j % 3 - 1] : NULL;
            if (j % 3 && !stand_on(tiles, of_bytes[i]))
                continue;
            const struct cpu_micro_kernel kernel = tiles ? cpu_tiles_bytes(tiles, of_bytes[i]) : *of_bytes[i];
            struct bytes_case c = bytes_case(size[0], size[1], size[2]);
            double *wanted = malloc((size_t)c.rows * c.n * sizeof *wanted);
            for (uint32_t e = 0; e < c.rows * c.n; e++)
                wanted[e] = exact_sum(&c, e / c.n, e % c.n);
            multiply_plainly(&kernel, &c.x, &c.weight, c.rows, c.n, c.depth, c.out);
            for (uint32_t e = 0; e < c.rows * c.n; e++)
                assert_true((double)c.out[e] == wanted[e]);
            free(wanted);
            bytes_case_finish(&c);
        }
}

/* The ends of what bytes hold, as deep as sums have room for: every product is the largest one. */
static void largest_sums_of_bytes_have_room(void **state)
{
    (void)state;
    enum { DEPTH = BYTES_DEPTH };
    float *x = fill(DEPTH, 0), *weight = fill(DEPTH, 0), out[1];
    for (uint32_t k = 0; k < DEPTH; k++) {
        x[k] = 254;
        weight[k] = -127;
    }
    const struct cpu_matrix row = {x, DEPTH, 1}, column = {weight, DEPTH, 1};
    for (size_t i = 0; i < COUNT(of_bytes); i++) {
        if (!runs(of_bytes[i]))
            continue;
        out[0] = 0;
        multiply_plainly(of_bytes[i], &row, &column, 1, 1, DEPTH, out);
        assert_true((double)out[0] == -254.0 * 127 * DEPTH);
    }
    free(x);
    free(weight);
}

/* What is far from its neighbours costs them no bits, up to as many as a row may have; the others' sums stay exact. What
 * is not finite makes nothing else of the row than it does in f32, or is not a number. */
static void outliers_stay_exact(void **state)
{
    (void)state;
    enum { ROWS = 20, N = 40, DEPTH = 300, AT = 7 };
    for (size_t i = 0; i < COUNT(of_bytes); i++)
        for (uint32_t outliers = 0; outliers <= BYTES_OUTLIERS && runs(of_bytes[i]); outliers += BYTES_OUTLIERS / 2) {
            struct bytes_case c = bytes_case(ROWS, N, DEPTH);
            float *row = (float *)(uintptr_t)(c.x.data + AT * c.x.row_step);
            for (uint32_t k = 0; k < outliers; k++)
                row[DEPTH - 1 - 3 * k] = k % 2 ? 5e4f : -3e4f;
            double wanted[ROWS * N];
            for (uint32_t e = 0; e < ROWS * N; e++)
                wanted[e] = exact_sum(&c, e / N, e % N);
            multiply_plainly(of_bytes[i], &c.x, &c.weight, ROWS, N, DEPTH, c.out);
            for (uint32_t e = 0; e < ROWS * N; e++)
                assert_true(fabs((double)c.out[e] - wanted[e]) <=
                            (e / N == AT ? 1e-6 * (1 + fabs(wanted[e])) * 64 : 0));
            bytes_case_finish(&c);
        }
}

static void numbers_that_are_not_finite(void **state)
{
    (void)state;
    enum { ROWS = 20, N = 40, DEPTH = 300, AT = 7 };
    static const float numbers[] = {INFINITY, -INFINITY, NAN};
    for (size_t i = 0; i < COUNT(of_bytes); i++)
        for (uint32_t many = 1; many <= BYTES_OUTLIERS + 2 && runs(of_bytes[i]); many += BYTES_OUTLIERS + 1)
            for (size_t j = 0; j < COUNT(numbers); j++) {
                struct bytes_case c = bytes_case(ROWS, N, DEPTH);
                for (uint32_t k = 0; k < many; k++)
                    ((float *)(uintptr_t)c.x.data)[AT * c.x.row_step + DEPTH / 2 + k] = numbers[j];
                double wanted[ROWS * N];
                for (uint32_t e = 0; e < ROWS * N; e++)
                    wanted[e] = exact_sum(&c, e / N, e % N);
                multiply_plainly(of_bytes[i], &c.x, &c.weight, ROWS, N, DEPTH, c.out);
                for (uint32_t e = 0; e < ROWS * N; e++)
                    assert_true((double)c.out[e] == wanted[e] || (e / N == AT && isnan(c.out[e])));
                bytes_case_finish(&c);
            }
}

/* What tiles would make something else of is multiplied as in f32: the same bits in a row of x that has such a number,
 * and in all rows where the weight has one. Other rows keep the bits that they have in other company. */
static void wild_numbers(const struct cpu_tiles *tiles, const struct cpu_micro_kernel *base, float number,
                         bool in_weight)
{
    enum { ROWS = 40, N = 70, DEPTH = 300, AT = 7 };
    const struct cpu_micro_kernel six = cpu_tiles_parts(tiles, base, 3, true);
    struct cpu_matrix x = matrix(ROWS, DEPTH, false, 1), weight = matrix(N, DEPTH, false, 7);
    float *tame = fill((size_t)ROWS * N, 3), *out = fill((size_t)ROWS * N, 3), *plain = fill((size_t)ROWS * N, 3);
    multiply_plainly(&six, &x, &weight, ROWS, N, DEPTH, tame);
    float *cell = (float *)(uintptr_t)(in_weight ? weight.data + AT * weight.row_step : x.data + AT * x.row_step);
    cell[DEPTH - 1] = number;
    multiply_plainly(&six, &x, &weight, ROWS, N, DEPTH, out);
    multiply_plainly(base, &x, &weight, ROWS, N, DEPTH, plain);
    for (uint32_t r = 0; r < ROWS; r++)
        for (uint32_t c = 0; c < N; c++) {
            const float got = out[r * N + c], wanted = plain[r * N + c];
            const bool here = in_weight ? c == AT : r == AT;
            if (here && !isfinite(wanted))
                assert_true(isnan(wanted) ? isnan(got) : got == wanted);
            else if (here)
                assert_true(fabsf(got - wanted) <= 1e-6f * fabsf(number) + 1e-4f);
            else if (!in_weight)
                assert_true(got == tame[r * N + c]);
        }
    free(tame);
    free(out);
    free(plain);
    free((void *)(uintptr_t)x.data);
    free((void *)(uintptr_t)weight.data);
}

static void what_tiles_would_change(void **state)
{
    (void)state;
    begin_tiles();
    static const float numbers[] = {INFINITY,     -INFINITY, NAN,       0x1.fffffep127f,
                                    -0x1.ffp127f, 0x1p49f,   0x1p-127f, 0x1p-149f};
    in_halves = false;
    for (size_t i = 0; i < 2 * COUNT(of_f32); i++)
        for (size_t j = 0; j < COUNT(numbers) && stand_on(of_tiles[i % 2], of_f32[i / 2]); j++) {
            wild_numbers(of_tiles[i % 2], of_f32[i / 2], numbers[j], false);
            wild_numbers(of_tiles[i % 2], of_f32[i / 2], numbers[j], true);
        }
}

/* A number below the least normal one times a large one counts, as it does in f32: tiles alone would make 0 of it. */
static void numbers_below_the_least_normal_one_count(void **state)
{
    (void)state;
    begin_tiles();
    static const float small[32] = {0x1p-130f}, large[32] = {0x1p40f};
    const struct cpu_matrix x = {small, 32, 1}, weight = {large, 32, 1};
    for (size_t i = 0; i < 2 * COUNT(of_f32); i++) {
        if (!stand_on(of_tiles[i % 2], of_f32[i / 2]))
            continue;
        const struct cpu_micro_kernel six = cpu_tiles_parts(of_tiles[i % 2], of_f32[i / 2], 3, true);
        float out[1] = {0};
        multiply_plainly(&six, &x, &weight, 1, 1, 32, out);
        assert_true(out[0] == 0x1p-90f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(level_c),
        cmocka_unit_test(blis_c),
        cmocka_unit_test(sgemm),
        cmocka_unit_test(halves),
        cmocka_unit_test(weights_of_halves),
        cmocka_unit_test(tiles_of_halves),
        cmocka_unit_test(tiles_of_parts),
        cmocka_unit_test(sums_of_bytes_are_exact),
        cmocka_unit_test(largest_sums_of_bytes_have_room),
        cmocka_unit_test(outliers_stay_exact),
        cmocka_unit_test(numbers_that_are_not_finite),
        cmocka_unit_test(what_tiles_would_change),
        cmocka_unit_test(numbers_below_the_least_normal_one_count),
#if defined(__x86_64__)
        cmocka_unit_test(level_avx2),
        cmocka_unit_test(level_avx512),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
