/* SPDX-License-Identifier: Apache-2.0
 *
 * cross_entropy: over the rows that have a label, divided by what they count for or by total. Rows are shared; member 0 adds
 * their terms in order, so that the loss does not depend on the size of the team.
 */
#include <math.h>

#include "backends/cpu/elementary.h"
#include "backends/cpu/total.h"

enum { TOGETHER = 64 * VEC_LANES }; /* elements summed in f32 before they go into a double */

static float largest(const float *x, uint32_t n)
{
    vec top = vec_all(-INFINITY);
    uint32_t i = 0;
    for (; i + VEC_LANES <= n; i += VEC_LANES)
        top = vec_larger(vec_load(x + i), top);
    float most = vec_top(top);
    for (; i < n; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

static double log_sum_exp(const float *x, uint32_t n)
{
    const float top = largest(x, n);
    double total = 0;
    for (uint32_t first = 0; first < n; first += TOGETHER) {
        const uint32_t last = n - first < TOGETHER ? n : first + TOGETHER;
        vec sum = {0};
        uint32_t i = first;
        for (; i + VEC_LANES <= last; i += VEC_LANES)
            sum += vec_exp(vec_load(x + i) - top);
        total += (double)vec_sum(sum);
        for (; i < last; i++)
            total += exp((double)x[i] - (double)top);
    }
    return (double)top + log(total);
}

/* What all classes of a row have alike: the mean of their terms. weights NULL: all 1. */
static double mean_term(const float *x, uint32_t n, float log_sum, const float *weights)
{
    double total = 0;
    for (uint32_t first = 0; first < n; first += TOGETHER) {
        const uint32_t last = n - first < TOGETHER ? n : first + TOGETHER;
        vec sum = {0};
        uint32_t i = first;
        for (; i + VEC_LANES <= last; i += VEC_LANES)
            sum += (log_sum - vec_load(x + i)) * (weights ? vec_load(weights + i) : vec_all(1));
        total += (double)vec_sum(sum);
        for (; i < last; i++)
            total += ((double)log_sum - (double)x[i]) * (weights ? (double)weights[i] : 1);
    }
    return total / n;
}

static double term_of(const pln_cross_entropy_params *params, const float *x, uint32_t n, int32_t label, double log_sum,
                      const float *weights)
{
    const double weight = weights ? (double)weights[label] : 1, smoothing = (double)params->smoothing;
    const double term = (1 - smoothing) * weight * (log_sum - (double)x[label]);
    return params->smoothing > 0 ? term + smoothing * mean_term(x, n, (float)log_sum, weights) : term;
}

/* Of the operand of that name, which may be absent. */
static const float *weights_of(const struct cpu_call *call)
{
    const struct cpu_operand *weights = &call->in[PLN_CROSS_ENTROPY_INPUT_WEIGHTS];
    return weights->data ? cpu_vector(weights, 0) : NULL;
}

static void write_loss(const struct cpu_call *call, const double *terms)
{
    const pln_cross_entropy_params *params = call->params;
    const struct cpu_operand *labels = &call->in[PLN_CROSS_ENTROPY_INPUT_LABELS];
    const float *weights = weights_of(call);
    double sum = 0, count = 0;
    for (uint32_t r = 0; r < call->in[PLN_CROSS_ENTROPY_INPUT_LOGITS].rows; r++) {
        const int32_t label = cpu_index(labels, r);
        if (label == params->ignore_index)
            continue;
        sum += terms[r];
        count += weights ? (double)weights[label] : 1;
    }
    count = divisor(&call->in[PLN_CROSS_ENTROPY_INPUT_TOTAL], &call->out[PLN_CROSS_ENTROPY_OUTPUT_COUNT], 0, count);
    *cpu_vector(&call->out[PLN_CROSS_ENTROPY_OUTPUT_LOSS], 0) = (float)(count != 0 ? sum / count : (double)NAN);
}

void CPU_NAME(cross_entropy)(const struct cpu_call *call)
{
    const pln_cross_entropy_params *params = call->params;
    const struct cpu_operand *logits = &call->in[PLN_CROSS_ENTROPY_INPUT_LOGITS];
    const struct cpu_operand *lse = &call->out[PLN_CROSS_ENTROPY_OUTPUT_LSE];
    const float *weights = weights_of(call);
    double *terms = call->shared;
    for (uint32_t r = call->member; r < logits->rows; r += call->members) {
        const int32_t label = cpu_index(&call->in[PLN_CROSS_ENTROPY_INPUT_LABELS], r);
        const bool counts = label != params->ignore_index;
        if (!counts && !lse->data)
            continue;
        const double log_sum = log_sum_exp(cpu_vector(logits, r), logits->width);
        if (lse->data)
            *cpu_vector(lse, r) = (float)log_sum;
        if (counts)
            terms[r] = term_of(params, cpu_vector(logits, r), logits->width, label, log_sum, weights);
    }
    cpu_barrier(call);
    if (!call->member)
        write_loss(call, terms);
}
