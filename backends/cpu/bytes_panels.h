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
    return vec_load_some(row + k, depth - k);
}

/* ---- packing x */

struct bytes_range {
    float low, high, size; /* 0 lies between the first two; sum of the sizes */
    uint32_t beyond;       /* elements that do not count */
};

/* Of the elements of a row whose size is `most` or less. */
static inline struct bytes_range bytes_find_range(const float *x, uint32_t depth, float most)
{
    vec low = {0}, high = {0}, size = {0};
    vec_int within = {0};
    for (uint32_t k = 0; k < depth; k += VEC_LANES) {
        vec v = bytes_elements(x, k, depth);
        const vec_int counts = vec_absolute(v) <= most;
        v = (vec)(vec_bits(v) & counts);
        low = vec_smaller(low, v);
        high = vec_larger(high, v);
        size += vec_absolute(v);
        within -= counts;
    }
    return (struct bytes_range){-vec_top(-low), vec_top(high), vec_sum(size),
                                round_up32(depth, VEC_LANES) - (uint32_t)bytes_total(within)};
}

static const float bytes_largest = 0x1.fffffep127f;

/* The same of all elements, twice as fast. What is not finite makes no finite size. */
static inline struct bytes_range bytes_find_all(const float *x, uint32_t depth)
{
    enum { CHAINS = 2 }; /* hide the latency of sums */
    vec low[CHAINS] = {{0}}, high[CHAINS] = {{0}}, size[CHAINS] = {{0}};
    for (uint32_t k = 0; k < depth; k += CHAINS * VEC_LANES)
        for (uint32_t j = 0; j < CHAINS; j++) {
            const uint32_t at = k + j * VEC_LANES;
            const vec v = at < depth ? bytes_elements(x, at, depth) : (vec){0};
            low[j] = vec_smaller(v, low[j]);
            high[j] = vec_larger(v, high[j]);
            size[j] += vec_absolute(v);
        }
    return (struct bytes_range){-vec_top(-vec_smaller(low[0], low[1])), vec_top(vec_larger(high[0], high[1])),
                                vec_sum(size[0] + size[1]), 0};
}

/* Notes the outliers of a row and gives the range of the others. False: too many are not finite. */
static inline bool bytes_take_outliers(const float *x, uint32_t depth, struct bytes_row *row, struct bytes_range *range)
{
    float most = bytes_find_range(x, depth, bytes_largest).size * BYTES_BEYOND / (float)depth;
    do {
        most = most < bytes_largest ? most : bytes_largest;
        *range = bytes_find_range(x, depth, most);
        most *= range->beyond > BYTES_OUTLIERS ? 1.5f : 1;
    } while (range->beyond > BYTES_OUTLIERS && most > 0 && most < INFINITY);
    if (range->beyond > BYTES_OUTLIERS) {
        *range = (struct bytes_range){0};
        return false;
    }
    for (uint32_t k = 0; k < depth && row->n_outliers < range->beyond; k++) {
        const float value = x[k];
        if (!(fabsf(value) <= most)) {
            row->outliers[row->n_outliers].at = k;
            row->outliers[row->n_outliers++].value = value;
        }
    }
    return true;
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
    row->zero = bytes_round(vec_all(-range.low * steps))[0];
    return steps;
}

/* Row i of a panel [chunks][rows][BYTES_CHUNK] of bytes. */
static inline void bytes_pack_row(const float *x, uint32_t i, uint32_t rows, uint32_t depth, uint8_t *panel,
                                  struct bytes_row *row)
{
    struct bytes_range range = bytes_find_all(x, depth);
    const float most = range.high > -range.low ? range.high : -range.low;
    bool tame = true;
    row->n_outliers = 0;
    if (!(most * (float)depth <= BYTES_BEYOND * range.size && range.size <= bytes_largest))
        tame = bytes_take_outliers(x, depth, row, &range);
    const float steps = bytes_scale_row(row, range);
    const vec_int zero = (vec_int){0} + row->zero;
    uint8_t *to = panel + (size_t)i * BYTES_CHUNK;
    for (uint32_t first = 0; first < depth; first += BYTES_CHUNK, to += (size_t)rows * BYTES_CHUNK)
        for (uint32_t k = 0; k < BYTES_CHUNK && first + k < round_up32(depth, BYTES_TILE); k += VEC_LANES) {
            const vec v = first + k < depth ? bytes_elements(x, first + k, depth) : (vec){0};
            bytes_store(to + k, bytes_round(v * steps) + zero);
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
