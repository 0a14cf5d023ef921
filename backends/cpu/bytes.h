/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of bytes: x as numbers from 0 to 255, the weight as numbers from -127 to 127, four of either in a step of
 * depth, sums in i32. A panel has steps, then what makes floats of their sums.
 *
 * A row of x (a token) has a scale and a zero of its own, found as it is packed: x = scale (byte - zero), where zero is
 * a whole number, so that 0 stays 0. Outliers are exact: an element whose size is more than BYTES_BEYOND times the mean
 * size of its row counts as 0 among the bytes, and is multiplied in f32 with the weight's bytes. Of a row that has more
 * than BYTES_OUTLIERS of them, those count that are the farthest out. What is not finite is an outlier.
 *
 * A row of the weight (an output) has a scale: weight = scale byte. Beside it stands the sum of its bytes, which takes
 * the zero of x off again. Depth is BYTES_DEPTH at most, so that no sum of bytes leaves i32.
 */
#ifndef BACKENDS_CPU_BYTES_H
#define BACKENDS_CPU_BYTES_H

#include "backends/cpu/halves.h"
#include "backends/cpu/micro_kernel.h"
#include "backends/cpu/vec.h"
#include "common/round.h"

enum {
    BYTES_STEP = 4,
    BYTES_TILE = 64, /* elements of depth in a tile */
    BYTES_CHUNK = CPU_CHUNK * BYTES_STEP,
    BYTES_DEPTH = 1 << 16,
    BYTES_BEYOND = 10,
    BYTES_OUTLIERS = 14,
};

struct bytes {
    uint8_t four[BYTES_STEP];
};

/* Of a row of x. */
struct bytes_row {
    float scale;
    float zero;                              /* a whole number */
    uint32_t n_outliers, panel_has_outliers; /* the latter of row 0 */
    struct {
        uint32_t at;
        float value;
    } outliers[BYTES_OUTLIERS];
};

/* Of a row of the weight, [columns] of each. */
enum { BYTES_COLUMN = sizeof(float) + sizeof(int32_t) };

static inline struct bytes_row *bytes_rows(const void *panel, uint32_t rows, uint32_t depth)
{
    return (struct bytes_row *)(uintptr_t)((const char *)panel + (size_t)round_up32(depth, BYTES_CHUNK) * rows);
}

struct bytes_columns {
    float *scales;
    int32_t *sums;
};

static inline struct bytes_columns bytes_columns(const void *panel, uint32_t columns, uint32_t depth)
{
    float *scales = (float *)(uintptr_t)((const char *)panel + (size_t)round_up32(depth, BYTES_TILE) * columns);
    return (struct bytes_columns){scales, (int32_t *)(void *)(scales + columns)};
}

/* ---- vectors */

static inline vec_int bytes_load(const void *p)
{
    vec_int v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* ---- products */

#if defined(__AVX2__) && !defined(__AVX512VNNI__)

/* Bytes of even number and of odd number, as i16: there their products in pairs have room, as bytes they would not. */
struct bytes_pairs {
    vec_int even, odd;
};

#if defined(__AVX512F__)
#define BYTES_X86(name) _mm512_##name
typedef __m512i bytes_lanes;
#else
#define BYTES_X86(name) _mm256_##name
typedef __m256i bytes_lanes;
#endif

static inline struct bytes_pairs bytes_of_x(vec_int steps)
{
    return (struct bytes_pairs){steps & 0x00ff00ff, (vec_int)BYTES_X86(srli_epi16)((bytes_lanes)steps, 8)};
}

static inline struct bytes_pairs bytes_of_weight(vec_int steps)
{
    const bytes_lanes even = BYTES_X86(slli_epi16)((bytes_lanes)steps, 8);
    return (struct bytes_pairs){(vec_int)BYTES_X86(srai_epi16)(even, 8),
                                (vec_int)BYTES_X86(srai_epi16)((bytes_lanes)steps, 8)};
}

static inline vec_int bytes_multiply_add(struct bytes_pairs x, struct bytes_pairs weight, vec_int sum)
{
    sum += (vec_int)BYTES_X86(madd_epi16)((bytes_lanes)x.even, (bytes_lanes)weight.even);
    return sum + (vec_int)BYTES_X86(madd_epi16)((bytes_lanes)x.odd, (bytes_lanes)weight.odd);
}

#else

struct bytes_pairs {
    vec_int steps;
};

static inline struct bytes_pairs bytes_of_x(vec_int steps)
{
    return (struct bytes_pairs){steps};
}

static inline struct bytes_pairs bytes_of_weight(vec_int steps)
{
    return (struct bytes_pairs){steps};
}

static inline vec_int bytes_multiply_add(struct bytes_pairs x, struct bytes_pairs weight, vec_int sum)
{
#if defined(__AVX512VNNI__)
    return (vec_int)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)x.steps, (__m512i)weight.steps);
#else
    for (int32_t i = 0; i < 32; i += 8)
        sum += (x.steps >> i & 255) * (weight.steps << (24 - i) >> 24);
    return sum;
#endif
}

#endif

/* ---- what becomes of sums */

/* Outliers of a row with VEC_LANES columns from number c on, in units of the weight's scales. */
static inline vec bytes_multiply_outliers(const struct bytes_row *row, const struct bytes *weight, uint32_t columns,
                                          uint32_t c)
{
    vec sum = {0};
    for (uint32_t j = 0; j < row->n_outliers; j++) {
        const uint32_t k = row->outliers[j].at;
        const vec_int steps = bytes_load(weight + (size_t)k / BYTES_STEP * columns + c);
        const vec_int bytes = steps << (int32_t)(24 - 8 * (k % BYTES_STEP)) >> 24;
        sum += row->outliers[j].value * __builtin_convertvector(bytes, vec);
    }
    return sum;
}

/* What columns c .. c + VEC_LANES - 1 of a panel of the weight make of sums, kept in registers for all rows. */
struct bytes_lane {
    vec scale, bias, sum;
};

static inline struct bytes_lane bytes_lane(const struct cpu_tile_product *t, const struct bytes_columns *columns,
                                           uint32_t c)
{
    return (struct bytes_lane){vec_load(columns->scales + c), t->bias ? vec_load(t->bias + c) : (vec){0},
                               __builtin_convertvector(bytes_load(columns->sums + c), vec)};
}

/* A sum of a row, in units of the weight's scales. The zero of x is taken off in f32, exactly up to 2^24: beyond, sums are
 * rounded as any float is. */
static inline vec bytes_scaled(const struct bytes_row *row, const struct bytes_lane *lane, vec_int sum)
{
    return row->scale * (__builtin_convertvector(sum, vec) - row->zero * lane->sum);
}

static inline vec bytes_finish(const struct bytes_lane *lane, vec scaled)
{
    return scaled * lane->scale + lane->bias;
}

/* Adds to out what the outliers of its rows make of the first `n` columns of a panel of the weight. */
static inline void bytes_add_outliers(const struct cpu_tile_product *t, uint32_t all_columns, uint32_t n)
{
    const struct bytes_row *row = bytes_rows(t->x, t->panel_rows, t->depth);
    const struct bytes_columns columns = bytes_columns(t->weight, all_columns, t->depth);
    for (uint32_t r = 0; r < t->rows; r++)
        for (uint32_t c = 0; row[r].n_outliers && c < n; c += VEC_LANES) {
            float *out = t->out + r * t->out_stride + c;
            const vec exact = bytes_multiply_outliers(&row[r], t->weight, all_columns, c);
            vec_store(out, exact * vec_load(columns.scales + c) + vec_load(out));
        }
}

/* out = bias + x weight^T + addend from sums of products of bytes, [rows, all_columns]; the first `n` columns of them,
 * of a panel of the weight all_columns wide. */
static inline void bytes_leave(const struct cpu_tile_product *t, const int32_t *sums, uint32_t all_columns, uint32_t n)
{
    const struct bytes_row *row = bytes_rows(t->x, t->panel_rows, t->depth);
    const struct bytes_columns columns = bytes_columns(t->weight, all_columns, t->depth);
    for (uint32_t c = 0; c < n; c += VEC_LANES) {
        const struct bytes_lane lane = bytes_lane(t, &columns, c);
        for (uint32_t r = 0; r < t->rows; r++) {
            vec v = bytes_finish(&lane, bytes_scaled(&row[r], &lane, bytes_load(sums + (size_t)r * all_columns + c)));
            if (t->addend.data)
                v += vec_load(t->addend.data + r * t->addend.stride + c);
            if (t->halves && row[r].n_outliers)
                v = bytes_multiply_outliers(&row[r], t->weight, all_columns, c) * lane.scale + v;
            if (t->halves)
                halves_store(halves_of_row(t->halves, t->out_stride, r), c, v);
            else
                vec_store(t->out + r * t->out_stride + c, v);
        }
    }
    if (!t->halves)
        bytes_add_outliers(t, all_columns, n);
}
#endif
