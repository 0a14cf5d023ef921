/* SPDX-License-Identifier: Apache-2.0
 *
 * span_cross_entropy, two columns of a sequence at a time, and its backward pass.
 */
#include "backends/gpu/ops/passes.h"
#include "backends/gpu/slots.h"

enum { PLANES = 2 }; /* first and last */

static uint32_t terms_and_weights(const struct gpu_view *view)
{
    (void)view;
    return 2 * PLANES;
}

static const char *tile_loss(const struct gpu_view *view, struct gpu_launch *launch)
{
    const char *reason = gpu_tile_reduce(view, launch);
    if (!reason)
        SPECS(launch, flag(gpu_slot_here(OUTPUT(view, SPAN_CROSS_ENTROPY, LSE)), GPU_SPAN_CROSS_ENTROPY_LSE));
    launch->columns = PLANES;
    return reason;
}

static const struct gpu_kernel span_cross_entropy = {
    .name = "span_cross_entropy",
    .slots = {BIND_INPUT(SPAN_CROSS_ENTROPY, SPAN_CROSS_ENTROPY, LOGITS, GPU_ALL),
              BIND_INPUT(SPAN_CROSS_ENTROPY, SPAN_CROSS_ENTROPY, STARTS, GPU_ALL),
              BIND_INPUT(SPAN_CROSS_ENTROPY, SPAN_CROSS_ENTROPY, FIRST, GPU_ROWS),
              BIND_INPUT(SPAN_CROSS_ENTROPY, SPAN_CROSS_ENTROPY, LAST, GPU_ROWS),
              BIND_OUTPUT(SPAN_CROSS_ENTROPY, SPAN_CROSS_ENTROPY, LSE, GPU_ROWS),
              BIND_SCRATCH(SPAN_CROSS_ENTROPY, TERMS, SPAN_CROSS_ENTROPY, GPU_ROWS)},
    .rows = IN(SPAN_CROSS_ENTROPY, FIRST),
    .count = IN(SPAN_CROSS_ENTROPY, FIRST),
    .tile = tile_loss,
};

static void derive_mean(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_derive_loss_mean(node, view,
                         &(struct gpu_mean){.loss = OUTPUT(node, SPAN_CROSS_ENTROPY, LOSS),
                                            .total = INPUT(node, SPAN_CROSS_ENTROPY, TOTAL),
                                            .count = OUTPUT(node, SPAN_CROSS_ENTROPY, COUNT),
                                            .planes = PLANES,
                                            .factor = 1});
}

const struct gpu_row gpu_row_span_cross_entropy = {
    .scratch_width = terms_and_weights,
    .passes = {{.kernel = &span_cross_entropy}, {.kernel = &gpu_kernel_loss_mean, .derive = derive_mean}},
};

static void derive_backward(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_set_other_count(view, INPUT(node, SPAN_CROSS_ENTROPY_BACKWARD, STARTS)->dim);
}

static const struct gpu_kernel span_cross_entropy_backward = {
    .name = "span_cross_entropy_backward",
    .slots = {BIND_INPUT(SPAN_CROSS_ENTROPY_BACKWARD, SPAN_CROSS_ENTROPY_BACKWARD, LOGITS, GPU_ROWS),
              BIND_INPUT(SPAN_CROSS_ENTROPY_BACKWARD, SPAN_CROSS_ENTROPY_BACKWARD, STARTS, GPU_ALL),
              BIND_INPUT(SPAN_CROSS_ENTROPY_BACKWARD, SPAN_CROSS_ENTROPY_BACKWARD, FIRST, GPU_ALL),
              BIND_INPUT(SPAN_CROSS_ENTROPY_BACKWARD, SPAN_CROSS_ENTROPY_BACKWARD, LAST, GPU_ALL),
              BIND_INPUT(SPAN_CROSS_ENTROPY_BACKWARD, SPAN_CROSS_ENTROPY_BACKWARD, LSE, GPU_ALL),
              BIND_INPUT(SPAN_CROSS_ENTROPY_BACKWARD, SPAN_CROSS_ENTROPY_BACKWARD, COUNT, GPU_ALL),
              BIND_OUTPUT(SPAN_CROSS_ENTROPY_BACKWARD, SPAN_CROSS_ENTROPY_BACKWARD, D_LOGITS, GPU_ROWS)},
    .rows = IN(SPAN_CROSS_ENTROPY_BACKWARD, LOGITS),
    .count = IN(SPAN_CROSS_ENTROPY_BACKWARD, LOGITS),
    .tile = gpu_tile_threads,
};
const struct gpu_row gpu_row_span_cross_entropy_backward = {
    .passes = {{.kernel = &span_cross_entropy_backward, .derive = derive_backward}},
};
