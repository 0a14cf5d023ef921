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

/* What the sum of column c is divided with: of a loss that is made in parts, the total; else what was counted. */
static inline double divisor(const struct ref_operand *total, uint32_t c, double counted)
{
    return total->data ? (double)ref_row(total, 0)[c] : counted;
}

/* Element (0, c) of an output that may be absent. */
static inline void write_scalar(const struct ref_operand *out, uint32_t c, double x)
{
    if (out->data)
        ref_row(out, 0)[c] = (real)x;
}
#endif
