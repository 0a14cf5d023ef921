/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums over rows, a vector of columns at a time, and how columns are shared.
 */
#ifndef BACKENDS_CPU_COLUMNS_H
#define BACKENDS_CPU_COLUMNS_H

#include "backends/cpu/kernel.h"
#include "backends/cpu/vec.h"

enum { ROWS_TOGETHER = 32 }; /* summed by themselves first: long sums in f32 lose digits */

/* Sum of n columns, at most a vector, over rows begin .. end-1. */
static inline vec sum_rows(const struct cpu_operand *x, uint32_t begin, uint32_t end, uint32_t column, uint32_t n)
{
    vec total = {0};
    for (uint32_t first = begin; first < end; first += ROWS_TOGETHER) {
        const uint32_t last = end - first < ROWS_TOGETHER ? end : first + ROWS_TOGETHER;
        vec sum = {0};
        for (uint32_t r = first; r < last; r++)
            sum += vec_load_some(cpu_vector(x, r) + column, n);
        total += sum;
    }
    return total;
}

/* Adds the sums of those columns over all rows to a vector. Several vectors of a row are read together, so that memory
 * is read in pieces that the processor foresees. */
static inline void add_column_sums(const struct cpu_operand *x, struct cpu_share columns, float *to)
{
    enum { VECTORS = 8 };
    uint32_t c = columns.first;
    for (; c + VECTORS * VEC_LANES <= columns.last; c += VECTORS * VEC_LANES) {
        vec total[VECTORS] = {{0}};
        for (uint32_t first = 0; first < x->rows; first += ROWS_TOGETHER) {
            const uint32_t last = x->rows - first < ROWS_TOGETHER ? x->rows : first + ROWS_TOGETHER;
            vec sum[VECTORS] = {{0}};
            for (uint32_t r = first; r < last; r++)
                for (uint32_t i = 0; i < VECTORS; i++)
                    sum[i] += vec_load(cpu_vector(x, r) + c + i * VEC_LANES);
            for (uint32_t i = 0; i < VECTORS; i++)
                total[i] += sum[i];
        }
        for (uint32_t i = 0; i < VECTORS; i++)
            vec_store(to + c + i * VEC_LANES, vec_load(to + c + i * VEC_LANES) + total[i]);
    }
    for (; c < columns.last; c += VEC_LANES) {
        const uint32_t n = columns.last - c;
        vec_store_some(to + c, vec_load_some(to + c, n) + sum_rows(x, 0, x->rows, c, n), n);
    }
}

/* Neighbouring columns that fall to a member: whole lines of the cache, so that no two members write one. */
static inline struct cpu_share cpu_share_vectors(uint32_t width, uint32_t member, uint32_t members)
{
    enum { LINE = 16 };
    const struct cpu_share lines = cpu_share(ceil_div32(width, LINE), member, members);
    struct cpu_share share = {lines.first * LINE, lines.last * LINE};
    if (share.first > width)
        share.first = width;
    if (share.last > width)
        share.last = width;
    return share;
}
#endif
