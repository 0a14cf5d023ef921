/* SPDX-License-Identifier: Apache-2.0
 *
 * adamw: one step of the optimiser; gradients become 0. A norm that is no number leaves everything else as it is.
 */
#include <math.h>

#include "backends/reference/kernel.h"

struct settings { /* as in the input: new1 is 1 - beta1, the weight of a new gradient */
    double learning_rate, new1, new2, eps, weight_decay, clip, correction1, correction2;
};

static struct settings read_settings(const real *s)
{
    return (struct settings){.learning_rate = (double)s[PLN_ADAMW_SETTING_LEARNING_RATE],
                             .new1 = (double)s[PLN_ADAMW_SETTING_NEW1],
                             .new2 = (double)s[PLN_ADAMW_SETTING_NEW2],
                             .eps = (double)s[PLN_ADAMW_SETTING_EPS],
                             .weight_decay = (double)s[PLN_ADAMW_SETTING_WEIGHT_DECAY],
                             .clip = (double)s[PLN_ADAMW_SETTING_CLIP],
                             .correction1 = (double)s[PLN_ADAMW_SETTING_CORRECTION1],
                             .correction2 = (double)s[PLN_ADAMW_SETTING_CORRECTION2]};
}

static void update_row(const struct ref_call *call, const struct settings *s, double clip, uint32_t r)
{
    const struct ref_operand *out = call->out;
    const real *factors = ref_row(&call->in[PLN_ADAMW_INPUT_FACTORS], r);
    real *parameter = ref_row(&out[PLN_ADAMW_OUTPUT_PARAMETER], r);
    real *first = ref_row(&out[PLN_ADAMW_OUTPUT_FIRST_MOMENT], r);
    real *second = ref_row(&out[PLN_ADAMW_OUTPUT_SECOND_MOMENT], r);
    const real *gradient = ref_row(&out[PLN_ADAMW_OUTPUT_GRADIENT], r);
    const double rate = s->learning_rate * (double)factors[PLN_ADAMW_FACTOR_LEARNING_RATE];
    const double decay = s->weight_decay * (double)factors[PLN_ADAMW_FACTOR_WEIGHT_DECAY];
    for (uint32_t c = 0; c < out->width; c++) {
        const double g = (double)gradient[c] * clip;
        const double m = (double)first[c] + s->new1 * (g - (double)first[c]);
        const double v = (double)second[c] + s->new2 * (g * g - (double)second[c]);
        const double step = m / s->correction1 / (sqrt(v / s->correction2) + s->eps);
        first[c] = (real)m;
        second[c] = (real)v;
        parameter[c] = (real)((double)parameter[c] - rate * (step + decay * (double)parameter[c]));
    }
}

void REF_NAME(adamw)(const struct ref_call *call)
{
    const struct ref_operand *gradient = &call->out[PLN_ADAMW_OUTPUT_GRADIENT];
    const struct settings s = read_settings(call->in[PLN_ADAMW_INPUT_SETTINGS].data);
    const double norm = (double)*ref_row(&call->in[PLN_ADAMW_INPUT_NORM], 0);
    const double clip = s.clip != 0 ? fmin(1, s.clip / (norm + 1e-6)) : 1;
    for (uint32_t r = call->member; r < gradient->rows; r += call->members) {
        if (isfinite(norm))
            update_row(call, &s, clip, r);
        for (uint32_t c = 0; c < gradient->width; c++)
            ref_row(gradient, r)[c] = 0;
    }
}
