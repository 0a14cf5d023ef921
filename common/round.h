/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole numbers, rounded up. Header-only.
 */
#ifndef COMMON_ROUND_H
#define COMMON_ROUND_H

#include <stdint.h>

/* How many of `size` hold n; size is not 0. */
static inline uint64_t ceil_div(uint64_t n, uint64_t size)
{
    return (n + size - 1) / size;
}

/* The next multiple that is not below n. */
static inline uint64_t round_up(uint64_t n, uint64_t multiple)
{
    return ceil_div(n, multiple) * multiple;
}

/* The same of rows, columns and their parts. */
static inline uint32_t ceil_div32(uint32_t n, uint32_t size)
{
    return (n + size - 1) / size;
}
static inline uint32_t round_up32(uint32_t n, uint32_t multiple)
{
    return ceil_div32(n, multiple) * multiple;
}
#endif
