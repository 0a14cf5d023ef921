/* SPDX-License-Identifier: Apache-2.0
 *
 * Turns a square of VEC_LANES vectors in registers; sums and tops of as many rows at once.
 */
#ifndef BACKENDS_CPU_TRANSPOSE_H
#define BACKENDS_CPU_TRANSPOSE_H

#include "backends/cpu/vec.h"

#define LANES_4(X, first, distance)                                                                                    \
    X(first, distance), X(first + 1, distance), X(first + 2, distance), X(first + 3, distance)
#if VEC_LANES == 16
#define EACH_LANE(X, distance)                                                                                         \
    LANES_4(X, 0, distance), LANES_4(X, 4, distance), LANES_4(X, 8, distance), LANES_4(X, 12, distance)
#elif VEC_LANES == 8
#define EACH_LANE(X, distance) LANES_4(X, 0, distance), LANES_4(X, 4, distance)
#else
#define EACH_LANE(X, distance) LANES_4(X, 0, distance)
#endif

/* Where lane j comes from in two rows `distance` apart: blocks of as many lanes change places across the diagonal. */
#define UPPER(j, distance) ((j) & (distance) ? VEC_LANES + (j) - (distance) : (j))
#define LOWER(j, distance) ((j) & (distance) ? VEC_LANES + (j) : (j) + (distance))

#define TRANSPOSE_STAGE(square, distance)                                                                              \
    for (uint32_t i = 0; i < VEC_LANES; i++)                                                                           \
        if (!(i & (distance))) {                                                                                       \
            const vec a = (square)[i], b = (square)[i + (distance)];                                                   \
            (square)[i] = __builtin_shufflevector(a, b, EACH_LANE(UPPER, distance));                                   \
            (square)[i + (distance)] = __builtin_shufflevector(a, b, EACH_LANE(LOWER, distance));                      \
        }

/* Lane j of row i and lane i of row j change places. */
static inline void vec_transpose(vec square[VEC_LANES])
{
    TRANSPOSE_STAGE(square, 1)
    TRANSPOSE_STAGE(square, 2)
#if VEC_LANES > 4
    TRANSPOSE_STAGE(square, 4)
#endif
#if VEC_LANES > 8
    TRANSPOSE_STAGE(square, 8)
#endif
}

/* Lane i: the sum of the lanes of row i. */
static inline vec vec_sums(vec rows[VEC_LANES])
{
    vec_transpose(rows);
    for (uint32_t n = VEC_LANES / 2; n; n /= 2)
        for (uint32_t i = 0; i < n; i++)
            rows[i] += rows[i + n];
    return rows[0];
}

/* Lane i: the largest lane of row i, which are numbers. */
static inline vec vec_tops(vec rows[VEC_LANES])
{
    vec_transpose(rows);
    for (uint32_t n = VEC_LANES / 2; n; n /= 2)
        for (uint32_t i = 0; i < n; i++)
            rows[i] = vec_larger(rows[i], rows[i + n]);
    return rows[0];
}
#endif
