/* SPDX-License-Identifier: Apache-2.0
 *
 * cross_entropy_backward: softmax less what was wanted, 0 in a row without a label. d_logits may be logits.
 */
#include <string.h>

#include "backends/cpu/elementary.h"
#include "backends/cpu/kernel.h"

/* What of a row's gradient hangs on no class: scale / count * (s / C) * weights, and the sum of those. */
struct smoothing {
    float each;           /* of a weight */
    const float *weights; /* NULL: all 1 */
    float all;
};

static float sum_of(const float *weights, uint32_t n)
{
    double sum = 0;
    for (uint32_t c = 0; c < n; c++)
        sum += (double)weights[c];
    return (float)sum;
}

static void write_row(float *d, const float *x, uint32_t width, float log_sum, float own, uint32_t label,
                      const struct smoothing *s)
{
    const float top = own + s->each * s->all;
    const float here = top * vec_exp(vec_all(x[label] - log_sum))[0] - s->each * (s->weights ? s->weights[label] : 1);
    for (uint32_t c = 0; c < width; c += VEC_LANES) {
        vec v = top * vec_exp(vec_load_some(x + c, width - c) - log_sum);
        if (s->each != 0)
            v -= s->each * (s->weights ? vec_load_some(s->weights + c, width - c) : vec_all(1));
        vec_store_some(d + c, v, width - c);
    }
    d[label] = here - own;
}

void CPU_NAME(cross_entropy_backward)(const struct cpu_call *call)
{
    const pln_cross_entropy_backward_params *params = call->params;
    const struct cpu_operand *logits = &call->in[PLN_CROSS_ENTROPY_BACKWARD_INPUT_LOGITS];
    const struct cpu_operand *lse = &call->in[PLN_CROSS_ENTROPY_BACKWARD_INPUT_LSE];
    const struct cpu_operand *weights = &call->in[PLN_CROSS_ENTROPY_BACKWARD_INPUT_WEIGHTS];
    const struct cpu_operand *d_logits = &call->out[PLN_CROSS_ENTROPY_BACKWARD_OUTPUT_D_LOGITS];
    const float scale = params->scale / *cpu_vector(&call->in[PLN_CROSS_ENTROPY_BACKWARD_INPUT_COUNT], 0);
    const uint32_t width = logits->width;
    const float *w = weights->data ? cpu_vector(weights, 0) : NULL;
    const struct smoothing s = {scale * params->smoothing / (float)width, w, w ? sum_of(w, width) : (float)width};
    for (uint32_t r = call->member; r < logits->rows; r += call->members) {
        const int32_t label = cpu_index(&call->in[PLN_CROSS_ENTROPY_BACKWARD_INPUT_LABELS], r);
        float *d = cpu_vector(d_logits, r);
        if (label == params->ignore_index)
            memset(d, 0, width * sizeof *d);
        else
            write_row(d, cpu_vector(logits, r), width, *cpu_vector(lse, r),
                      scale * (1 - params->smoothing) * (w ? w[label] : 1), (uint32_t)label, &s);
    }
}
