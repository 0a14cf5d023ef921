/* SPDX-License-Identifier: Apache-2.0
 *
 * LayerNorm of one row, for embed and layer_norm.
 */
#ifndef BACKENDS_REFERENCE_NORMALIZE_H
#define BACKENDS_REFERENCE_NORMALIZE_H

#include <math.h>

#include "backends/reference/kernel.h"

/* x [width] into row `row` of out[0]; out[1] and out[2], when there, take mean and rstd. Biased variance, eps inside
 * the root. */
static inline void normalize_row(const double *x, uint32_t width, double eps, const struct ref_operand *gamma,
                                 const struct ref_operand *beta, const struct ref_operand *out, uint32_t row)
{
    double mean = 0, variance = 0;
    for (uint32_t c = 0; c < width; c++)
        mean += x[c] - x[0]; /* exactly 0 of equal numbers */
    mean = x[0] + mean / width;
    for (uint32_t c = 0; c < width; c++)
        variance += (x[c] - mean) * (x[c] - mean);
    const double rstd = 1 / sqrt(variance / width + eps);
    const real *g = gamma->data, *b = beta->data;
    real *y = ref_row(&out[0], row);
    for (uint32_t c = 0; c < width; c++)
        y[c] = (real)((x[c] - mean) * rstd * (double)g[c] + (double)b[c]);
    if (out[1].data)
        *ref_row(&out[1], row) = (real)mean;
    if (out[2].data)
        *ref_row(&out[2], row) = (real)rstd;
}
#endif
