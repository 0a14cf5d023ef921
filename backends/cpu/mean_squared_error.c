/* SPDX-License-Identifier: Apache-2.0
 *
 * mean_squared_error: over all elements, divided by their number or by total. Rows are shared; member 0 adds their
 * terms in order.
 */
#include "backends/cpu/total.h"

void CPU_NAME(mean_squared_error)(const struct cpu_call *call)
{
    const struct cpu_operand *x = &call->in[PLN_MEAN_SQUARED_ERROR_INPUT_X];
    const struct cpu_operand *labels = &call->in[PLN_MEAN_SQUARED_ERROR_INPUT_LABELS];
    double *terms = call->shared;
    for (uint32_t r = call->member; r < x->rows; r += call->members) {
        const float *a = cpu_vector(x, r), *b = cpu_vector(labels, r);
        terms[r] = 0;
        for (uint32_t c = 0; c < x->width; c++) {
            const double d = (double)a[c] - (double)b[c];
            terms[r] += d * d;
        }
    }
    cpu_barrier(call);
    if (call->member)
        return;
    double sum = 0;
    for (uint32_t r = 0; r < x->rows; r++)
        sum += terms[r];
    const double count = divisor(&call->in[PLN_MEAN_SQUARED_ERROR_INPUT_TOTAL],
                                 &call->out[PLN_MEAN_SQUARED_ERROR_OUTPUT_COUNT], 0, (double)x->rows * x->width);
    *cpu_vector(&call->out[PLN_MEAN_SQUARED_ERROR_OUTPUT_LOSS], 0) = (float)(sum / count);
}
