/* SPDX-License-Identifier: Apache-2.0
 *
 * Times in ascending order.
 */
#ifndef CLI_MEASURING_SORT_H
#define CLI_MEASURING_SORT_H

#include <stdint.h>
#include <stdlib.h>

static inline int sort_compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static inline void sort_times(double *times, uint32_t n)
{
    qsort(times, n, sizeof *times, sort_compare);
}
#endif
