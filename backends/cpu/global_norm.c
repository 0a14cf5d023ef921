/* SPDX-License-Identifier: Apache-2.0
 *
 * global_norm: the root of the sum of all squares. Members sum pieces of rows; member 0 adds those in order.
 */
#include <math.h>

#include "backends/cpu/pieces.h"
#include "backends/cpu/vec.h"

/* Squares of a row of gradients hardly ever leave f32; where they do, doubles tell a large number from infinity. */
static double squares(const float *x, uint32_t width)
{
    vec sum[2] = {{0}};
    uint32_t c = 0;
    for (; c + 2 * VEC_LANES <= width; c += 2 * VEC_LANES) {
        const vec a = vec_load(x + c), b = vec_load(x + c + VEC_LANES);
        sum[0] += a * a;
        sum[1] += b * b;
    }
    double total = (double)vec_sum(sum[0] + sum[1]);
    if (!isfinite(total))
        total = c = 0;
    for (; c < width; c++)
        total += (double)x[c] * (double)x[c];
    return total;
}

void CPU_NAME(global_norm)(const struct cpu_call *call)
{
    const struct cpu_operand *x = &call->in[PLN_GLOBAL_NORM_INPUT_X];
    const uint32_t pieces = cpu_pieces(x->rows);
    const struct cpu_share share = cpu_share(pieces, call->member, call->members);
    double *sums = call->shared, total = 0;
    for (uint32_t i = share.first; i < share.last; i++) {
        sums[i] = 0;
        for (uint32_t r = i * CPU_PIECE; r < x->rows && r < (i + 1) * CPU_PIECE; r++)
            sums[i] += squares(cpu_vector(x, r), x->width);
    }
    cpu_barrier(call);
    for (uint32_t i = 0; !call->member && i < pieces; i++)
        total += sums[i];
    if (!call->member)
        *cpu_vector(&call->out[PLN_GLOBAL_NORM_OUTPUT_NORM], 0) = (float)sqrt(total);
}
