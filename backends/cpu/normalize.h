/* SPDX-License-Identifier: Apache-2.0
 *
 * LayerNorm of one row, for embed and layer_norm: mean, then variance about it, then the result, while the row is in
 * cache.
 */
#ifndef BACKENDS_CPU_NORMALIZE_H
#define BACKENDS_CPU_NORMALIZE_H

#include <math.h>

#include "backends/cpu/kernel.h"
#include "backends/cpu/vec.h"

/* Sum of x - centre, or of its square, over a row. */
static inline float row_sum(const float *x, uint32_t width, float centre, bool squared)
{
    vec sum = {0}, sum2 = {0};
    uint32_t c = 0;
    for (; c + 2 * VEC_LANES <= width; c += 2 * VEC_LANES) {
        const vec d = vec_load(x + c) - centre, d2 = vec_load(x + c + VEC_LANES) - centre;
        sum += squared ? d * d : d;
        sum2 += squared ? d2 * d2 : d2;
    }
    float total = vec_sum(sum + sum2);
    for (; c < width; c++) {
        const float d = x[c] - centre;
        total += squared ? d * d : d;
    }
    return total;
}

/* x [width] into row `row` of out[0]; out[1] and out[2], when there, take mean and rstd. x may be that row. Biased
 * variance, eps inside the root. */
static inline void normalize_row(const float *x, uint32_t width, float eps, const float *gamma, const float *beta,
                                 const struct cpu_operand *out, uint32_t row)
{
    float *y = cpu_vector(&out[0], row);
    const float mean = row_sum(x, width, 0, false) / (float)width;
    const float rstd = 1 / sqrtf(row_sum(x, width, mean, true) / (float)width + eps);
    uint32_t c = 0;
    for (; c + VEC_LANES <= width; c += VEC_LANES)
        vec_store(y + c, (vec_load(x + c) - mean) * rstd * vec_load(gamma + c) + vec_load(beta + c));
    for (; c < width; c++)
        y[c] = (x[c] - mean) * rstd * gamma[c] + beta[c];
    if (out[1].data)
        *cpu_vector(&out[1], row) = mean;
    if (out[2].data)
        *cpu_vector(&out[2], row) = rstd;
}
#endif
