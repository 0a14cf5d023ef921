/* SPDX-License-Identifier: Apache-2.0
 *
 * cross_entropy and its backward pass.
 */
#include "backends/gpu/ops/passes.h"
#include "backends/gpu/slots.h"

static uint32_t weighing(const struct gpu_slot *weights, float smoothing)
{
    return flag(gpu_slot_here(weights), GPU_CROSS_ENTROPY_WEIGHTS) | flag(smoothing > 0, GPU_CROSS_ENTROPY_SMOOTHING);
}

static const char *tile_loss(const struct gpu_view *view, struct gpu_launch *launch)
{
    const pln_cross_entropy_params *params = (const void *)view->params;
    const char *reason = gpu_tile_reduce(view, launch);
    if (!reason)
        SPECS(launch, WHOLE(view, IN(CROSS_ENTROPY, LOGITS), IN(CROSS_ENTROPY, WEIGHTS)) |
                          flag(gpu_slot_here(OUTPUT(view, CROSS_ENTROPY, LSE)), GPU_CROSS_ENTROPY_LSE) |
                          weighing(INPUT(view, CROSS_ENTROPY, WEIGHTS), params->smoothing));
    return reason;
}

static const struct gpu_kernel cross_entropy = {
    .name = "cross_entropy",
    .slots = {BIND_INPUT(CROSS_ENTROPY, CROSS_ENTROPY, LOGITS, GPU_ROWS),
              BIND_INPUT(CROSS_ENTROPY, CROSS_ENTROPY, LABELS, GPU_ROWS),
              BIND_INPUT(CROSS_ENTROPY, CROSS_ENTROPY, WEIGHTS, GPU_ALL),
              BIND_OUTPUT(CROSS_ENTROPY, CROSS_ENTROPY, LSE, GPU_ROWS),
              BIND_SCRATCH(CROSS_ENTROPY, TERMS, CROSS_ENTROPY, GPU_ROWS)},
    .rows = IN(CROSS_ENTROPY, LOGITS),
    .count = IN(CROSS_ENTROPY, LOGITS),
    .tile = tile_loss,
};

static void derive_mean(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_derive_loss_mean(node, view,
                         &(struct gpu_mean){.loss = OUTPUT(node, CROSS_ENTROPY, LOSS),
                                            .total = INPUT(node, CROSS_ENTROPY, TOTAL),
                                            .count = OUTPUT(node, CROSS_ENTROPY, COUNT),
                                            .planes = 1,
                                            .factor = 1});
}

const struct gpu_row gpu_row_cross_entropy = {
    .scratch_width = gpu_term_and_weight,
    .passes = {{.kernel = &cross_entropy}, {.kernel = &gpu_kernel_loss_mean, .derive = derive_mean}},
};

static const char *tile_backward(const struct gpu_view *view, struct gpu_launch *launch)
{
    const pln_cross_entropy_backward_params *params = (const void *)view->params;
    gpu_tile_elements(view, launch, INPUT(view, CROSS_ENTROPY_BACKWARD, LOGITS)->width);
    SPECS(launch, WHOLE(view, IN(CROSS_ENTROPY_BACKWARD, LOGITS), IN(CROSS_ENTROPY_BACKWARD, WEIGHTS),
                        OUT(CROSS_ENTROPY_BACKWARD, D_LOGITS)) |
                      weighing(INPUT(view, CROSS_ENTROPY_BACKWARD, WEIGHTS), params->smoothing));
    return NULL;
}

static const struct gpu_kernel cross_entropy_backward = {
    .name = "cross_entropy_backward",
    .slots = {BIND_INPUT(CROSS_ENTROPY_BACKWARD, CROSS_ENTROPY_BACKWARD, LOGITS, GPU_ROWS),
              BIND_INPUT(CROSS_ENTROPY_BACKWARD, CROSS_ENTROPY_BACKWARD, LABELS, GPU_ROWS),
              BIND_INPUT(CROSS_ENTROPY_BACKWARD, CROSS_ENTROPY_BACKWARD, LSE, GPU_ROWS),
              BIND_INPUT(CROSS_ENTROPY_BACKWARD, CROSS_ENTROPY_BACKWARD, COUNT, GPU_ALL),
              BIND_INPUT(CROSS_ENTROPY_BACKWARD, CROSS_ENTROPY_BACKWARD, WEIGHTS, GPU_ALL),
              BIND_OUTPUT(CROSS_ENTROPY_BACKWARD, CROSS_ENTROPY_BACKWARD, D_LOGITS, GPU_ROWS)},
    .rows = IN(CROSS_ENTROPY_BACKWARD, LOGITS),
    .count = IN(CROSS_ENTROPY_BACKWARD, LOGITS),
    .tile = tile_backward,
};
const struct gpu_row gpu_row_cross_entropy_backward = {.passes = {{.kernel = &cross_entropy_backward}}};
