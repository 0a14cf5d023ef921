/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors of pairs of bfloat16, by the instructions for them or in plain C. A vector holds VEC_LANES pairs.
 */
#ifndef BACKENDS_CPU_HALVES_H
#define BACKENDS_CPU_HALVES_H

#include "backends/cpu/vec.h"
#include "common/half.h"

/* Two neighbours in depth, the first one in the low half. */
struct halves {
    uint16_t pair[2];
};

enum { HALVES_TILE = 32 }; /* elements of depth in a tile */

/* Row r of rows that are as many bytes apart as `stride` floats. */
static inline struct halves *halves_of_row(uint16_t *rows, size_t stride, uint32_t r)
{
    return (struct halves *)(void *)(rows + 2 * stride * r);
}

static inline void halves_set(struct halves *to, uint32_t i, float value)
{
    to->pair[i] = float_to_bfloat(value);
}

static inline vec halves_load(const struct halves *p)
{
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Both elements of pairs in f32. */
static inline vec halves_first(vec pairs)
{
    return (vec)(vec_bits(pairs) << 16);
}

static inline vec halves_second(vec pairs)
{
    return (vec)(vec_bits(pairs) & (int32_t)0xffff0000u);
}

#if defined(__AVX512BF16__)

/* 2 VEC_LANES elements in their order. */
static inline vec halves_convert(vec low, vec high)
{
    return (vec)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
}

/* Pairs from their first elements and their second. */
static inline vec halves_join(vec first, vec second)
{
    static const uint16_t order[2 * VEC_LANES] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                  8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    const __m512i both = (__m512i)halves_convert(first, second);
    return (vec)_mm512_permutexvar_epi16(_mm512_loadu_si512(order), both);
}

/* What halves_convert was given, as it was rounded. */
static inline void halves_widen(vec converted, vec *low, vec *high)
{
    const __m512i both = (__m512i)converted;
    *low = (vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(both)), 16);
    *high = (vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(both, 1)), 16);
}

/* Pairs from the elements of two rows of 2 VEC_LANES: the first VEC_LANES of them, and the others. */
static inline void halves_zip(vec first, vec second, vec pairs[2])
{
    static const uint16_t order[2 * VEC_LANES] = {0, 32, 1, 33, 2,  34, 3,  35, 4,  36, 5,  37, 6,  38, 7,  39,
                                                  8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47};
    const __m512i low = _mm512_loadu_si512(order), high = _mm512_add_epi16(low, _mm512_set1_epi16(VEC_LANES));
    pairs[0] = (vec)_mm512_permutex2var_epi16((__m512i)first, low, (__m512i)second);
    pairs[1] = (vec)_mm512_permutex2var_epi16((__m512i)first, high, (__m512i)second);
}

/* VEC_LANES elements from element `at` of a row of pairs, a multiple of VEC_LANES. */
static inline void halves_store(struct halves *to, uint32_t at, vec v)
{
    const __m256bh halves = _mm512_cvtneps_pbh((__m512)v);
    memcpy(&to->pair[0] + at, &halves, sizeof halves);
}

static inline vec halves_all(const struct halves *p)
{
    int32_t both;
    memcpy(&both, p, sizeof both);
    return (vec)_mm512_set1_epi32(both);
}

static inline vec halves_multiply_add(vec a, vec b, vec sum)
{
    return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}

#else

/* Rounded to the nearest, ties to even; NaN stays NaN. The low half of each lane is zero. */
static inline vec_int halves_round(vec v)
{
    const vec_int bits = vec_bits(v);
    const vec_int rounded = bits + 0x7fff + (bits >> 16 & 1);
    const vec_int is_number = v == v;
    return ((rounded & is_number) | ((bits | 0x400000) & ~is_number)) & (int32_t)0xffff0000u;
}

static inline vec halves_join(vec first, vec second)
{
    return (vec)((halves_round(first) >> 16 & 0xffff) | halves_round(second));
}

static inline vec halves_convert(vec low, vec high)
{
    struct halves pairs[VEC_LANES];
    const vec_int rounded[2] = {halves_round(low), halves_round(high)};
    for (uint32_t i = 0; i < 2 * VEC_LANES; i++)
        pairs[i / 2].pair[i % 2] = (uint16_t)((uint32_t)rounded[i / VEC_LANES][i % VEC_LANES] >> 16);
    return halves_load(pairs);
}

static inline void halves_widen(vec converted, vec *low, vec *high)
{
    struct halves pairs[VEC_LANES];
    memcpy(pairs, &converted, sizeof pairs);
    for (uint32_t i = 0; i < VEC_LANES; i++) {
        (*low)[i] = bfloat_to_float(pairs[i / 2].pair[i % 2]);
        (*high)[i] = bfloat_to_float(pairs[(VEC_LANES + i) / 2].pair[i % 2]);
    }
}

static inline void halves_zip(vec first, vec second, vec pairs[2])
{
    struct halves a[VEC_LANES], b[VEC_LANES], both[2 * VEC_LANES];
    memcpy(a, &first, sizeof a);
    memcpy(b, &second, sizeof b);
    for (uint32_t i = 0; i < 2 * VEC_LANES; i++)
        both[i] = (struct halves){{a[i / 2].pair[i % 2], b[i / 2].pair[i % 2]}};
    memcpy(pairs, both, sizeof both);
}

static inline void halves_store(struct halves *to, uint32_t at, vec v)
{
    const vec_int rounded = halves_round(v);
    for (uint32_t i = 0; i < VEC_LANES; i++)
        to[(at + i) / 2].pair[(at + i) % 2] = (uint16_t)((uint32_t)rounded[i] >> 16);
}

static inline vec halves_all(const struct halves *p)
{
    float both;
    memcpy(&both, p, sizeof both);
    return (vec)(vec_bits((vec){0}) | (int32_t)half_bits_of_float(both));
}

static inline vec halves_multiply_add(vec a, vec b, vec sum)
{
    return halves_first(a) * halves_first(b) + (halves_second(a) * halves_second(b) + sum);
}

#endif
#endif
