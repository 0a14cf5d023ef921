/* SPDX-License-Identifier: Apache-2.0
 *
 * mean_squared_error and its backward pass.
 */
#include "backends/gpu/ops/passes.h"
#include "backends/gpu/slots.h"

static const char *tile_loss(const struct gpu_view *view, struct gpu_launch *launch)
{
    const char *reason = gpu_tile_reduce(view, launch);
    if (!reason)
        SPECS(launch, WHOLE(view, IN(MEAN_SQUARED_ERROR, X), IN(MEAN_SQUARED_ERROR, LABELS)));
    return reason;
}

static const struct gpu_kernel mean_squared_error = {
    .name = "mean_squared_error",
    .slots = {BIND_INPUT(MEAN_SQUARED_ERROR, MEAN_SQUARED_ERROR, X, GPU_ROWS),
              BIND_INPUT(MEAN_SQUARED_ERROR, MEAN_SQUARED_ERROR, LABELS, GPU_ROWS),
              BIND_SCRATCH(MEAN_SQUARED_ERROR, TERMS, MEAN_SQUARED_ERROR, GPU_ROWS)},
    .rows = IN(MEAN_SQUARED_ERROR, X),
    .count = IN(MEAN_SQUARED_ERROR, X),
    .tile = tile_loss,
};

static void derive_mean(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_derive_loss_mean(node, view,
                         &(struct gpu_mean){.loss = OUTPUT(node, MEAN_SQUARED_ERROR, LOSS),
                                            .total = INPUT(node, MEAN_SQUARED_ERROR, TOTAL),
                                            .count = OUTPUT(node, MEAN_SQUARED_ERROR, COUNT),
                                            .planes = 1,
                                            .factor = INPUT(node, MEAN_SQUARED_ERROR, X)->width});
}

const struct gpu_row gpu_row_mean_squared_error = {
    .scratch_width = gpu_term_and_weight,
    .passes = {{.kernel = &mean_squared_error}, {.kernel = &gpu_kernel_loss_mean, .derive = derive_mean}},
};

static const char *tile_backward(const struct gpu_view *view, struct gpu_launch *launch)
{
    gpu_tile_elements(view, launch, INPUT(view, MEAN_SQUARED_ERROR_BACKWARD, X)->width);
    SPECS(launch, WHOLE(view, IN(MEAN_SQUARED_ERROR_BACKWARD, X), IN(MEAN_SQUARED_ERROR_BACKWARD, LABELS),
                        OUT(MEAN_SQUARED_ERROR_BACKWARD, D_X)));
    return NULL;
}

static const struct gpu_kernel mean_squared_error_backward = {
    .name = "mean_squared_error_backward",
    .slots = {BIND_INPUT(MEAN_SQUARED_ERROR_BACKWARD, MEAN_SQUARED_ERROR_BACKWARD, X, GPU_ROWS),
              BIND_INPUT(MEAN_SQUARED_ERROR_BACKWARD, MEAN_SQUARED_ERROR_BACKWARD, LABELS, GPU_ROWS),
              BIND_INPUT(MEAN_SQUARED_ERROR_BACKWARD, MEAN_SQUARED_ERROR_BACKWARD, COUNT, GPU_ALL),
              BIND_OUTPUT(MEAN_SQUARED_ERROR_BACKWARD, MEAN_SQUARED_ERROR_BACKWARD, D_X, GPU_ROWS)},
    .rows = IN(MEAN_SQUARED_ERROR_BACKWARD, X),
    .count = IN(MEAN_SQUARED_ERROR_BACKWARD, X),
    .tile = tile_backward,
};
const struct gpu_row gpu_row_mean_squared_error_backward = {.passes = {{.kernel = &mean_squared_error_backward}}};
