/* SPDX-License-Identifier: Apache-2.0
 *
 * binary_cross_entropy and its backward pass.
 */
#include "backends/gpu/ops/passes.h"
#include "backends/gpu/slots.h"

static const char *tile_loss(const struct gpu_view *view, struct gpu_launch *launch)
{
    const bool weights = gpu_slot_here(INPUT(view, BINARY_CROSS_ENTROPY, WEIGHTS));
    const char *reason = gpu_tile_reduce(view, launch);
    if (!reason)
        SPECS(launch, WHOLE(view, IN(BINARY_CROSS_ENTROPY, LOGITS), IN(BINARY_CROSS_ENTROPY, LABELS)) |
                          flag(weights, GPU_BINARY_CROSS_ENTROPY_WEIGHTS));
    return reason;
}

static const struct gpu_kernel binary_cross_entropy = {
    .name = "binary_cross_entropy",
    .slots = {BIND_INPUT(BINARY_CROSS_ENTROPY, BINARY_CROSS_ENTROPY, LOGITS, GPU_ROWS),
              BIND_INPUT(BINARY_CROSS_ENTROPY, BINARY_CROSS_ENTROPY, LABELS, GPU_ROWS),
              BIND_INPUT(BINARY_CROSS_ENTROPY, BINARY_CROSS_ENTROPY, WEIGHTS, GPU_ROWS),
              BIND_SCRATCH(BINARY_CROSS_ENTROPY, TERMS, BINARY_CROSS_ENTROPY, GPU_ROWS)},
    .rows = IN(BINARY_CROSS_ENTROPY, LOGITS),
    .count = IN(BINARY_CROSS_ENTROPY, LOGITS),
    .tile = tile_loss,
};

static void derive_mean(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_derive_loss_mean(node, view,
                         &(struct gpu_mean){.loss = OUTPUT(node, BINARY_CROSS_ENTROPY, LOSS),
                                            .total = INPUT(node, BINARY_CROSS_ENTROPY, TOTAL),
                                            .count = OUTPUT(node, BINARY_CROSS_ENTROPY, COUNT),
                                            .planes = 1,
                                            .factor = INPUT(node, BINARY_CROSS_ENTROPY, LOGITS)->width});
}

const struct gpu_row gpu_row_binary_cross_entropy = {
    .scratch_width = gpu_term_and_weight,
    .passes = {{.kernel = &binary_cross_entropy}, {.kernel = &gpu_kernel_loss_mean, .derive = derive_mean}},
};

static const char *tile_backward(const struct gpu_view *view, struct gpu_launch *launch)
{
    const bool weights = gpu_slot_here(INPUT(view, BINARY_CROSS_ENTROPY_BACKWARD, WEIGHTS));
    gpu_tile_elements(view, launch, INPUT(view, BINARY_CROSS_ENTROPY_BACKWARD, LOGITS)->width);
    SPECS(launch, WHOLE(view, IN(BINARY_CROSS_ENTROPY_BACKWARD, LOGITS), IN(BINARY_CROSS_ENTROPY_BACKWARD, LABELS),
                        OUT(BINARY_CROSS_ENTROPY_BACKWARD, D_LOGITS)) |
                      flag(weights, GPU_BINARY_CROSS_ENTROPY_WEIGHTS));
    return NULL;
}

static const struct gpu_kernel binary_cross_entropy_backward = {
    .name = "binary_cross_entropy_backward",
    .slots = {BIND_INPUT(BINARY_CROSS_ENTROPY_BACKWARD, BINARY_CROSS_ENTROPY_BACKWARD, LOGITS, GPU_ROWS),
              BIND_INPUT(BINARY_CROSS_ENTROPY_BACKWARD, BINARY_CROSS_ENTROPY_BACKWARD, LABELS, GPU_ROWS),
              BIND_INPUT(BINARY_CROSS_ENTROPY_BACKWARD, BINARY_CROSS_ENTROPY_BACKWARD, WEIGHTS, GPU_ROWS),
              BIND_INPUT(BINARY_CROSS_ENTROPY_BACKWARD, BINARY_CROSS_ENTROPY_BACKWARD, COUNT, GPU_ALL),
              BIND_OUTPUT(BINARY_CROSS_ENTROPY_BACKWARD, BINARY_CROSS_ENTROPY_BACKWARD, D_LOGITS, GPU_ROWS)},
    .rows = IN(BINARY_CROSS_ENTROPY_BACKWARD, LOGITS),
    .count = IN(BINARY_CROSS_ENTROPY_BACKWARD, LOGITS),
    .tile = tile_backward,
};
const struct gpu_row gpu_row_binary_cross_entropy_backward = {
    .passes = {{.kernel = &binary_cross_entropy_backward}},
};
