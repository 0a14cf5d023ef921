/* SPDX-License-Identifier: Apache-2.0
 *
 * Packs panels of bytes (bytes.h): a row of x finds its range, its outliers and its scale as it is packed, a row of the
 * weight its scale and the sum of its bytes. Both lie along their rows: there are no gradients in bytes.
 */
#ifndef BACKENDS_CPU_BYTES_PANELS_H
#define BACKENDS_CPU_BYTES_PANELS_H

#include <math.h>

#include "backends/cpu/bytes.h"

/* ---- vectors */

/* To the nearest, ties to even, of what is below 2^22: at every level the same. */
static inline vec_int bytes_round(vec v)
{
#if defined(VEC_X86)
    return (vec_int)VEC_X86(_mm512_cvtps_epi32((__m512)v), _mm256_cvtps_epi32((__m256)v), _mm_cvtps_epi32((__m128)v));
#else
    const vec shift = vec_all(0x1.8p23f);
    return vec_bits(v + shift) - vec_bits(shift);
#endif
}

/* The low byte of each lane. */
static inline void bytes_store(uint8_t *to, vec_int v)
{
#if defined(__AVX512F__)
    _mm_storeu_si128((__m128i *)(void *)to, _mm512_cvtepi32_epi8((__m512i)v));
#elif defined(__AVX2__)
    const __m256i low = _mm256_and_si256((__m256i)v, _mm256_set1_epi32(255));
    const __m128i both = _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
    _mm_storel_epi64((__m128i *)(void *)to, _mm_packus_epi16(both, both));
#else
    for (uint32_t i = 0; i < VEC_LANES; i++)
        to[i] = (uint8_t)v[i];
#endif
}

/* The low bytes of four vectors whose lanes are numbers from 0 to 255. */
static inline void bytes_store_four(uint8_t *to, const vec_int v[4])
{
#if defined(__AVX512F__)
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i low = _mm512_packs_epi32((__m512i)v[0], (__m512i)v[1]);
    const __m512i high = _mm512_packs_epi32((__m512i)v[2], (__m512i)v[3]);
    _mm512_storeu_si512(to, _mm512_permutexvar_epi32(order, _mm512_packus_epi16(low, high)));
#elif defined(__AVX2__)
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i low = _mm256_packs_epi32((__m256i)v[0], (__m256i)v[1]);
    const __m256i high = _mm256_packs_epi32((__m256i)v[2], (__m256i)v[3]);
    _mm256_storeu_si256((__m256i *)(void *)to, _mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order));
#else
    for (uint32_t i = 0; i < 4; i++)
        bytes_store(to + i * VEC_LANES, v[i]);
#endif
}

static inline int32_t bytes_total(vec_int v)
{
    int32_t sum = 0;
    for (uint32_t i = 0; i < VEC_LANES; i++)
        sum += v[i];
    return sum;
}

/* VEC_LANES elements from number k on of a row, zeros behind the last. */
static inline vec bytes_elements(const float *row, uint32_t k, uint32_t depth)
{
    return k < depth ? vec_load_some(row + k, depth - k) : (vec){0};
}

/* ---- packing x */

struct bytes_range {
    float low, high, size; /* 0 lies between the first two; sum of the sizes */
};

static const float bytes_largest = 0x1.fffffep127f;

/* Of all elements of a row. What is not finite makes no finite size. */
static inline struct bytes_range bytes_find_range(const float *x, uint32_t depth)
{
    enum { CHAINS = 2 }; /* hide the latency of sums */
    vec low[CHAINS] = {{0}}, high[CHAINS] = {{0}}, size[CHAINS] = {{0}};
    for (uint32_t k = 0; k < depth; k += CHAINS * VEC_LANES) {
        const bool whole = depth - k >= CHAINS * VEC_LANES;
        for (uint32_t j = 0; j < CHAINS; j++) {
            const uint32_t at = k + j * VEC_LANES;
            const vec v = whole ? vec_load(x + at) : bytes_elements(x, at, depth);
            low[j] = vec_smaller(v, low[j]);
            high[j] = vec_larger(v, high[j]);
            size[j] += vec_absolute(v);
        }
    }
    return (struct bytes_range){-vec_top(-vec_smaller(low[0], low[1])), vec_top(vec_larger(high[0], high[1])),
                                vec_sum(size[0] + size[1])};
}

/* Of the elements whose size is `most` or less; gives how many are beyond, and notes them as outliers while there is
 * room. */
static inline uint32_t bytes_part(const float *x, uint32_t depth, float most, struct bytes_row *row,
                                  struct bytes_range *range)
{
    vec low = {0}, high = {0}, size = {0};
    uint32_t beyond = 0;
    for (uint32_t k = 0; k < depth; k += VEC_LANES) {
        const vec v = bytes_elements(x, k, depth);
        const vec_int counts = vec_absolute(v) <= most;
        const vec within = (vec)(vec_bits(v) & counts);
        low = vec_smaller(low, within);
        high = vec_larger(high, within);
        size += vec_absolute(within);
        for (uint32_t i = 0; vec_any(~counts) && i < VEC_LANES; i++)
            if (!counts[i] && beyond++ < BYTES_OUTLIERS) {
                row->outliers[beyond - 1].at = k + i;
                row->outliers[beyond - 1].value = v[i];
            }
    }
    *range = (struct bytes_range){-vec_top(-low), vec_top(high), vec_sum(size)};
    return beyond;
}

/* Notes the outliers of a row and gives the range of the others. False: too many are not finite. */
static inline bool bytes_take_outliers(const float *x, uint32_t depth, struct bytes_row *row, struct bytes_range *range)
{
    if (!(range->size <= bytes_largest))
        bytes_part(x, depth, bytes_largest, row, range);
    float most = range->size * BYTES_BEYOND / (float)depth;
    uint32_t beyond;
    do {
        most = most < bytes_largest ? most : bytes_largest;
        beyond = bytes_part(x, depth, most, row, range);
        most *= beyond > BYTES_OUTLIERS ? 1.5f : 1;
    } while (beyond > BYTES_OUTLIERS && most > 0 && most < INFINITY);
    row->n_outliers = beyond > BYTES_OUTLIERS ? 0 : beyond;
    if (beyond > BYTES_OUTLIERS)
        *range = (struct bytes_range){0};
    return beyond <= BYTES_OUTLIERS;
}

/* Scale and zero such that bytes reach from 0 to 255 at most, however ends are rounded. Gives the steps of a byte in 1;
 * what is too small to tell counts as 0. */
static inline float bytes_scale_row(struct bytes_row *row, struct bytes_range range)
{
    enum { WIDTH = 254 };
    static const float least = 0x1p-100f;
    const float width = range.high / WIDTH - range.low / WIDTH;
    if (width < least) {
        row->scale = 0;
        row->zero = 0;
        return 0;
    }
    const float steps = 1 / width;
    row->scale = width;
    row->zero = (float)bytes_round(vec_all(-range.low * steps))[0];
    return steps;
}

/* Row i of a panel [chunks][rows][BYTES_CHUNK] of bytes. */
static inline void bytes_pack_row(const float *x, uint32_t i, uint32_t rows, uint32_t depth, uint8_t *panel,
                                  struct bytes_row *row)
{
    struct bytes_range range = bytes_find_range(x, depth);
    const float most = range.high > -range.low ? range.high : -range.low;
    bool tame = true;
    row->n_outliers = 0;
    if (!(most * (float)depth <= BYTES_BEYOND * range.size && range.size <= bytes_largest))
        tame = bytes_take_outliers(x, depth, row, &range);
    const float steps = bytes_scale_row(row, range);
    uint8_t *to = panel + (size_t)i * BYTES_CHUNK;
    for (uint32_t first = 0; first < depth; first += BYTES_CHUNK, to += (size_t)rows * BYTES_CHUNK)
        for (uint32_t k = 0; k < BYTES_CHUNK && first + k < round_up32(depth, BYTES_TILE); k += 4 * VEC_LANES) {
            const bool whole = depth - first >= k + 4 * VEC_LANES;
            vec_int four[4];
            for (uint32_t j = 0; j < 4; j++) {
                const uint32_t at = first + k + j * VEC_LANES;
                four[j] = bytes_round((whole ? vec_load(x + at) : bytes_elements(x, at, depth)) * steps + row->zero);
            }
            bytes_store_four(to + k, four);
        }
    for (uint32_t j = 0; j < row->n_outliers; j++) {
        const uint32_t k = row->outliers[j].at;
        panel[((size_t)(k / BYTES_CHUNK) * rows + i) * BYTES_CHUNK + k % BYTES_CHUNK] = (uint8_t)row->zero;
    }
    if (!tame)
        row->scale = NAN;
}

/* ---- packing a weight */

/* Row i of the weight: a column of a panel [steps][columns]. A row that is not finite has no finite product. */
static inline void bytes_pack_column(const float *weight, uint32_t i, uint32_t depth, uint32_t columns,
                                     struct bytes *panel)
{
    static const float least = 0x1p-100f;
    enum { MOST = 127 };
    vec size = {0}, poison = {0};
    for (uint32_t k = 0; k < depth; k += VEC_LANES) {
        const vec v = bytes_elements(weight, k, depth);
        size = vec_larger(vec_absolute(v), size);
        poison += v * 0;
    }
    const float width = vec_top(size) / MOST, steps = width < least ? 0 : 1 / width;
    vec_int sum = {0};
    for (uint32_t k = 0; k < depth; k += VEC_LANES) {
        uint8_t bytes[VEC_LANES];
        const vec_int rounded = bytes_round(bytes_elements(weight, k, depth) * steps);
        sum += rounded;
        bytes_store(bytes, rounded);
        for (uint32_t j = 0; j < VEC_LANES && k + j < depth; j += BYTES_STEP)
            memcpy(panel + (size_t)(k + j) / BYTES_STEP * columns + i, bytes + j, BYTES_STEP);
    }
    const struct bytes_columns of = bytes_columns(panel, columns, depth);
    of.scales[i] = (width < least ? 0 : width) + vec_sum(poison);
    of.sums[i] = bytes_total(sum);
}
#endif
