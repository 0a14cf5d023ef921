/* SPDX-License-Identifier: Apache-2.0
 *
 * LayerNorm of one row, for embed and layer_norm: mean, then variance about it, then the result, while the row is in
 * cache. All of it is taken from the row's first element: what is left of equal numbers is zero, and of near ones
 * exact, where a mean would be a rounding away from them, which rstd, up to 1e6, multiplies.
 */
#ifndef BACKENDS_CPU_NORMALIZE_H
#define BACKENDS_CPU_NORMALIZE_H

#include <math.h>

#include "backends/cpu/kernel.h"
#include "backends/cpu/vec.h"

/* Sum of (x - pivot) - centre, or of its square, over a row. */
static inline float row_sum(const float *x, uint32_t width, float pivot, float centre, bool squared)
{
    enum { SUMS = 4 }; /* that do not wait for each other */
    vec sum[SUMS] = {{0}};
    uint32_t c = 0;
    for (; c + SUMS * VEC_LANES <= width; c += SUMS * VEC_LANES)
        for (uint32_t i = 0; i < SUMS; i++) {
            const vec d = vec_load(x + c + i * VEC_LANES) - pivot - centre;
            sum[i] += squared ? d * d : d;
        }
    for (; c + VEC_LANES <= width; c += VEC_LANES) {
        const vec d = vec_load(x + c) - pivot - centre;
        sum[0] += squared ? d * d : d;
    }
    float total = vec_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
    for (; c < width; c++) {
        const float d = x[c] - pivot - centre;
        total += squared ? d * d : d;
    }
    return total;
}

/* y of a row. That squares leave f32 is rare, and told from infinity by doubles. */
static inline void normalize_large(const float *x, uint32_t width, float eps, const float *gamma, const float *beta,
                                   float *y, float *mean, float *rstd)
{
    double sum = 0, squares = 0;
    for (uint32_t c = 0; c < width; c++)
        sum += (double)x[c];
    sum /= width;
    for (uint32_t c = 0; c < width; c++)
        squares += ((double)x[c] - sum) * ((double)x[c] - sum);
    const double scale = 1 / sqrt(squares / width + (double)eps);
    for (uint32_t c = 0; c < width; c++)
        y[c] = (float)(((double)x[c] - sum) * scale * (double)gamma[c] + (double)beta[c]);
    *mean = (float)sum;
    *rstd = (float)scale;
}

/* x [width] into row `row` of out[0]; out[1] and out[2], when there, take mean and rstd. x may be that row. Biased
 * variance, eps inside the root. */
static inline void normalize_row(const float *x, uint32_t width, float eps, const float *gamma, const float *beta,
                                 const struct cpu_operand *out, uint32_t row)
{
    float *y = cpu_vector(&out[0], row);
    const float pivot = x[0], centre = row_sum(x, width, pivot, 0, false) / (float)width;
    const float squares = row_sum(x, width, pivot, centre, true);
    float mean = pivot + centre, rstd = 1 / sqrtf(squares / (float)width + eps);
    uint32_t c = 0;
    if (!isfinite(squares)) {
        normalize_large(x, width, eps, gamma, beta, y, &mean, &rstd);
        c = width;
    }
    const float shift = centre * rstd;
    for (; c + VEC_LANES <= width; c += VEC_LANES)
        vec_store(y + c, ((vec_load(x + c) - pivot) * rstd - shift) * vec_load(gamma + c) + vec_load(beta + c));
    for (; c < width; c++)
        y[c] = ((x[c] - pivot) * rstd - shift) * gamma[c] + beta[c];
    if (out[1].data)
        *cpu_vector(&out[1], row) = mean;
    if (out[2].data)
        *cpu_vector(&out[2], row) = rstd;
}
#endif
