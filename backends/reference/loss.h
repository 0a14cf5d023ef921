/* SPDX-License-Identifier: Apache-2.0
 *
 * Pieces that the losses share. Losses are scalars: member 0 alone computes them.
 */
#ifndef BACKENDS_REFERENCE_LOSS_H
#define BACKENDS_REFERENCE_LOSS_H

#include <math.h>

#include "backends/reference/kernel.h"

/* log(sum(exp(x))) over n elements that lie `stride` apart. */
static inline double log_sum_exp(const real *x, uint32_t n, size_t stride)
{
    double top = -INFINITY, sum = 0;
    for (uint32_t i = 0; i < n; i++)
        top = (double)x[i * stride] > top ? (double)x[i * stride] : top;
    for (uint32_t i = 0; i < n; i++)
        sum += exp((double)x[i * stride] - top);
    return top + log(sum);
}
#endif
