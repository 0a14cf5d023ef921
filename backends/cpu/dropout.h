/* SPDX-License-Identifier: Apache-2.0
 *
 * Dropout as graph/ops.def describes it, a vector at a time: what neighbouring elements are multiplied with, 0 or
 * keep_scale. common/philox.h has the same numbers one by one.
 */
#ifndef BACKENDS_CPU_DROPOUT_H
#define BACKENDS_CPU_DROPOUT_H

#include "backends/cpu/kernel.h"
#include "backends/cpu/vec.h"
#include "common/philox.h"

typedef uint32_t vec_words __attribute__((vector_size(VEC_LANES * 4)));
typedef uint64_t vec_pairs __attribute__((vector_size(VEC_LANES * 4)));

struct dropout {
    const struct cpu_operand *origin; /* NULL: nothing is dropped */
    uint32_t key[2], step, site, drop_below;
    float keep_scale;
};

static inline struct dropout dropout_of(const struct cpu_operand *origin, const struct cpu_operand *random,
                                        uint32_t site, uint32_t drop_below, float keep_scale)
{
    if (!origin->data || !random->data || !drop_below)
        return (struct dropout){0};
    const uint32_t *words = random->data;
    return (struct dropout){.origin = origin,
                            .key = {words[PLN_RANDOM_SEED_LOW], words[PLN_RANDOM_SEED_HIGH]},
                            .step = words[PLN_RANDOM_STEP],
                            .site = site,
                            .drop_below = drop_below,
                            .keep_scale = keep_scale};
}

/* Of op params that have the fields of dropout. */
#define DROPOUT_OF(origin, random, params)                                                                             \
    dropout_of(origin, random, (params)->site, (params)->drop_below, (params)->keep_scale)

/* ---- Philox with a counter in each 64-bit lane. Only the lower half of a lane counts, since only that is multiplied.
 */

#if VEC_LANES == 16
#define LANE_ORDER 0, 4, 1, 5, 2, 6, 3, 7 /* of counters, so that the interleaved words lie in order */
#define LANES_EVEN 0, 8, 2, 10, 4, 12, 6, 14
#define LANES_ODD 1, 9, 3, 11, 5, 13, 7, 15
#elif VEC_LANES == 8
#define LANE_ORDER 0, 2, 1, 3
#define LANES_EVEN 0, 4, 2, 6
#define LANES_ODD 1, 5, 3, 7
#else
#define LANE_ORDER 0, 1
#define LANES_EVEN 0, 2
#define LANES_ODD 1, 3
#endif

/* 64-bit products of the lower halves. */
static inline vec_pairs multiply_lower(vec_pairs a, vec_pairs b)
{
#if defined(__AVX512F__)
    return (vec_pairs)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (vec_pairs)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (vec_pairs)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    return (a & 0xffffffff) * (b & 0xffffffff);
#endif
}

/* 2 * VEC_LANES words from counter `first` on. */
static inline void dropout_words(const struct dropout *d, uint32_t site, uint32_t sequence, uint32_t first,
                                 vec_words words[2])
{
    const vec_pairs none = {0}, m0 = none + PHILOX_MULTIPLIER_0, m1 = none + PHILOX_MULTIPLIER_1;
    vec_pairs a = none + d->step, b = none + site, c = none + sequence, e = (vec_pairs){LANE_ORDER} + first;
    uint32_t k0 = d->key[0], k1 = d->key[1];
#pragma GCC unroll 10
    for (uint32_t i = 0; i < PHILOX_ROUNDS; i++) {
        const vec_pairs p = multiply_lower(a, m0), q = multiply_lower(c, m1);
        a = (q >> 32) ^ b ^ (none + k0);
        b = q;
        c = (p >> 32) ^ e ^ (none + k1);
        e = p;
        k0 += PHILOX_KEY_STEP_0;
        k1 += PHILOX_KEY_STEP_1;
    }
    const vec_pairs x = (a & 0xffffffff) | b << 32, y = (c & 0xffffffff) | e << 32;
    words[0] = (vec_words)__builtin_shufflevector(x, y, LANES_EVEN);
    words[1] = (vec_words)__builtin_shufflevector(x, y, LANES_ODD);
}

/* ---- factors */

/* Floats of room for n factors. */
enum { DROPOUT_SLACK = 2 * VEC_LANES + 4 };

/* Factors of n elements from number `element` on, of those that a sequence has under `site` from counter `first` on.
 * They are in room, which has DROPOUT_SLACK floats more; the first of them is returned. */
static inline const float *dropout_factors(const struct dropout *d, uint32_t site, uint32_t sequence, uint32_t first,
                                           uint32_t element, uint32_t n, float *room)
{
    const vec_int keep = vec_bits(vec_all(d->keep_scale));
    const vec_words below = (vec_words){0} + d->drop_below;
    const uint32_t skip = element % 4;
    for (uint32_t i = 0; i < n + skip; i += 2 * VEC_LANES) {
        vec_words words[2];
        dropout_words(d, site, sequence, first + element / 4 + i / 4, words);
        vec_store(room + i, (vec)((vec_int)(words[0] >= below) & keep));
        vec_store(room + i + VEC_LANES, (vec)((vec_int)(words[1] >= below) & keep));
    }
    return room + skip;
}

/* Factors of n elements of a row of that width; NULL if nothing is dropped. */
static inline const float *dropout_of_row(const struct dropout *d, uint32_t row, uint32_t column, uint32_t n,
                                          uint32_t width, float *room)
{
    if (!d->origin)
        return NULL;
    const int32_t *origin = (const int32_t *)d->origin->data + (size_t)row * d->origin->stride;
    const uint32_t first = (uint32_t)origin[PLN_ORIGIN_POSITION] * width + column;
    return dropout_factors(d, d->site, (uint32_t)origin[PLN_ORIGIN_SEQUENCE], 0, first, n, room);
}

enum { DROPOUT_TOGETHER = 128 }; /* factors that are made at a time where a row may be of any width */

/* Drops elements of a row [width] in place. */
static inline void dropout_row(const struct dropout *d, uint32_t row, uint32_t width, float *x)
{
    for (uint32_t first = 0; d->origin && first < width; first += DROPOUT_TOGETHER) {
        float room[DROPOUT_TOGETHER + DROPOUT_SLACK];
        const uint32_t left = width - first, n = left < DROPOUT_TOGETHER ? left : DROPOUT_TOGETHER;
        const float *factors = dropout_of_row(d, row, first, n, width, room);
        for (uint32_t c = 0; c < n; c += VEC_LANES)
            vec_store_some(x + first + c, vec_load_some(x + first + c, n - c) * vec_load(factors + c), n - c);
    }
}

/* Factors of the probabilities with which query i of its sequence, in `row`, attends to its n keys; NULL if nothing is
 * dropped. */
static inline const float *dropout_of_query(const struct dropout *d, uint32_t row, uint32_t head, uint32_t i,
                                            uint32_t n, float *room)
{
    if (!d->origin)
        return NULL;
    const uint32_t sequence = (uint32_t)cpu_index(d->origin, row);
    return dropout_factors(d, d->site + (head << 16), sequence, i << 16, 0, n, room);
}
#endif
