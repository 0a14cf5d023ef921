/* SPDX-License-Identifier: Apache-2.0
 *
 * linear: y = dropout(activation(x weight^T + bias)) + residual.
 */
#include "backends/reference/dropout.h"

static double dot(const real *a, const real *b, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

void REF_NAME(linear)(const struct ref_call *call)
{
    const pln_linear_params *params = call->params;
    const struct ref_operand *x = &call->in[PLN_LINEAR_INPUT_X], *weight = &call->in[PLN_LINEAR_INPUT_WEIGHT];
    const struct ref_operand *residual = &call->in[PLN_LINEAR_INPUT_RESIDUAL], *y = &call->out[PLN_LINEAR_OUTPUT_Y];
    const struct ref_operand *preactivation = &call->out[PLN_LINEAR_OUTPUT_PREACTIVATION];
    const real *bias = call->in[PLN_LINEAR_INPUT_BIAS].data;
    const struct dropout dropout = {&call->in[PLN_LINEAR_INPUT_ORIGIN], &call->in[PLN_LINEAR_INPUT_RANDOM],
                                    params->site, params->drop_below, (double)params->keep_scale};
    for (uint32_t r = call->member; r < y->rows; r += call->members)
        for (uint32_t n = 0; n < y->width; n++) {
            const double sum = dot(ref_row(x, r), ref_row(weight, n), x->width) + (bias ? (double)bias[n] : 0);
            if (preactivation->data)
                ref_row(preactivation, r)[n] = (real)sum;
            ref_row(y, r)[n] =
                (real)(ref_activate(params->activation, sum) * dropout_of_element(&dropout, r, n, y->width) +
                       (residual->data ? (double)ref_row(residual, r)[n] : 0));
        }
}
