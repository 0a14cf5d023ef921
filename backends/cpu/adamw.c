/* SPDX-License-Identifier: Apache-2.0
 *
 * adamw: one step of the optimiser; gradients become 0. A norm that is no number leaves everything else as it is.
 */
#include <math.h>
#include <string.h>

#include "backends/cpu/kernel.h"
#include "backends/cpu/vec.h"

/* What is the same for all elements: the step is m * first / (sqrt(v) * second + eps). */
struct step {
    float new1, new2, eps, clip; /* 1 - beta1, 1 - beta2; clip is what gradients are multiplied with */
    float first, second;         /* corrections of the moments, as factors */
    float learning_rate, weight_decay;
};

static struct step read_settings(const float *settings, float norm)
{
    const float clip = settings[PLN_ADAMW_SETTING_CLIP];
    return (struct step){.new1 = settings[PLN_ADAMW_SETTING_NEW1],
                         .new2 = settings[PLN_ADAMW_SETTING_NEW2],
                         .eps = settings[PLN_ADAMW_SETTING_EPS],
                         .clip = clip != 0 ? fminf(1, clip / (norm + 1e-6f)) : 1,
                         .first = 1 / settings[PLN_ADAMW_SETTING_CORRECTION1],
                         .second = 1 / sqrtf(settings[PLN_ADAMW_SETTING_CORRECTION2]),
                         .learning_rate = settings[PLN_ADAMW_SETTING_LEARNING_RATE],
                         .weight_decay = settings[PLN_ADAMW_SETTING_WEIGHT_DECAY]};
}

static void update_row(const struct cpu_call *call, const struct step *s, uint32_t r)
{
    const float *factors = cpu_vector(&call->in[PLN_ADAMW_INPUT_FACTORS], r);
    const float rate = s->learning_rate * factors[PLN_ADAMW_FACTOR_LEARNING_RATE];
    const float decay = s->weight_decay * factors[PLN_ADAMW_FACTOR_WEIGHT_DECAY];
    float *parameter = cpu_vector(&call->out[PLN_ADAMW_OUTPUT_PARAMETER], r);
    float *first = cpu_vector(&call->out[PLN_ADAMW_OUTPUT_FIRST_MOMENT], r);
    float *second = cpu_vector(&call->out[PLN_ADAMW_OUTPUT_SECOND_MOMENT], r);
    const float *gradient = cpu_vector(&call->out[PLN_ADAMW_OUTPUT_GRADIENT], r);
    const uint32_t width = call->out[PLN_ADAMW_OUTPUT_PARAMETER].width;
    for (uint32_t c = 0; c < width; c += VEC_LANES) {
        const uint32_t n = width - c;
        const vec p = vec_load_some(parameter + c, n), g = vec_load_some(gradient + c, n) * s->clip;
        const vec m0 = vec_load_some(first + c, n), m = m0 + s->new1 * (g - m0);
        const vec v0 = vec_load_some(second + c, n), v = v0 + (s->new2 * g * g - s->new2 * v0);
        const vec step = m * s->first / (vec_root(v) * s->second + s->eps);
        vec_store_some(first + c, m, n);
        vec_store_some(second + c, v, n);
        vec_store_some(parameter + c, p - rate * (step + decay * p), n);
    }
}

void CPU_NAME(adamw)(const struct cpu_call *call)
{
    const struct cpu_operand *gradient = &call->out[PLN_ADAMW_OUTPUT_GRADIENT];
    const float norm = *cpu_vector(&call->in[PLN_ADAMW_INPUT_NORM], 0);
    const struct step step = read_settings(call->in[PLN_ADAMW_INPUT_SETTINGS].data, norm);
    const struct cpu_share share = cpu_share(gradient->rows, call->member, call->members);
    for (uint32_t r = share.first; r < share.last; r++) {
        if (isfinite(norm))
            update_row(call, &step, r);
        memset(cpu_vector(gradient, r), 0, gradient->width * sizeof(float));
    }
}
