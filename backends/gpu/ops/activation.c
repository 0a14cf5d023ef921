/* SPDX-License-Identifier: Apache-2.0
 *
 * activation and activation_backward, element by element; and the first as the pass that drops what linear and embed
 * made.
 */
#include "backends/gpu/ops/passes.h"
#include "backends/gpu/slots.h"

static const char *tile_activation(const struct gpu_view *view, struct gpu_launch *launch)
{
    const pln_activation_params *p = (const void *)view->params;
    const bool drops = gpu_drops(p->drop_below, INPUT(view, ACTIVATION, ORIGIN), INPUT(view, ACTIVATION, RANDOM));
    gpu_tile_elements(view, launch, INPUT(view, ACTIVATION, X)->width);
    SPECS(launch, p->activation,
          WHOLE(view, IN(ACTIVATION, X), IN(ACTIVATION, RESIDUAL), OUT(ACTIVATION, Y)) |
              flag(gpu_slot_here(INPUT(view, ACTIVATION, RESIDUAL)), GPU_ACTIVATION_RESIDUAL) |
              flag(drops, GPU_ACTIVATION_DROPOUT));
    return gpu_check_activation(p->activation);
}

const struct gpu_kernel gpu_kernel_activation = {
    .name = "activation",
    .slots = {BIND_INPUT(ACTIVATION, ACTIVATION, X, GPU_ROWS), BIND_INPUT(ACTIVATION, ACTIVATION, RESIDUAL, GPU_ROWS),
              BIND_INPUT(ACTIVATION, ACTIVATION, ORIGIN, GPU_ROWS), BIND_INPUT(ACTIVATION, ACTIVATION, RANDOM, GPU_ALL),
              BIND_OUTPUT(ACTIVATION, ACTIVATION, Y, GPU_ROWS)},
    .rows = IN(ACTIVATION, X),
    .count = IN(ACTIVATION, X),
    .tile = tile_activation,
};
const struct gpu_row gpu_row_activation = {.passes = {{.kernel = &gpu_kernel_activation}}};

void gpu_derive_dropout(struct gpu_view *view, const struct gpu_dropout *dropout)
{
    const pln_activation_params params = {
        .site = dropout->site, .drop_below = dropout->drop_below, .keep_scale = dropout->keep_scale};
    SET_SLOTS(view, SCRATCH(ACTIVATION), [IN(ACTIVATION, X)] = gpu_read(*dropout->y),
              [IN(ACTIVATION, RESIDUAL)] = dropout->residual ? *dropout->residual : gpu_absent(),
              [IN(ACTIVATION, ORIGIN)] = *dropout->origin, [IN(ACTIVATION, RANDOM)] = *dropout->random,
              [OUT(ACTIVATION, Y)] = *dropout->y);
    gpu_set_params(view, &params, sizeof params);
}

static const char *tile_backward(const struct gpu_view *view, struct gpu_launch *launch)
{
    const pln_activation_backward_params *p = (const void *)view->params;
    const struct gpu_slot *x = INPUT(view, ACTIVATION_BACKWARD, X);
    const bool drops =
        gpu_drops(p->drop_below, INPUT(view, ACTIVATION_BACKWARD, ORIGIN), INPUT(view, ACTIVATION_BACKWARD, RANDOM));
    gpu_tile_elements(view, launch, INPUT(view, ACTIVATION_BACKWARD, D_Y)->width);
    SPECS(launch, gpu_slot_here(x) ? p->activation : PLN_ACTIVATION_NONE,
          WHOLE(view, IN(ACTIVATION_BACKWARD, D_Y), IN(ACTIVATION_BACKWARD, X), OUT(ACTIVATION_BACKWARD, D_X)) |
              flag(drops, GPU_ACTIVATION_DROPOUT));
    return gpu_check_activation(p->activation);
}

const struct gpu_kernel gpu_kernel_activation_backward = {
    .name = "activation_backward",
    .slots = {BIND_INPUT(ACTIVATION_BACKWARD, ACTIVATION_BACKWARD, D_Y, GPU_ROWS),
              BIND_INPUT(ACTIVATION_BACKWARD, ACTIVATION_BACKWARD, X, GPU_ROWS),
              BIND_INPUT(ACTIVATION_BACKWARD, ACTIVATION_BACKWARD, ORIGIN, GPU_ROWS),
              BIND_INPUT(ACTIVATION_BACKWARD, ACTIVATION_BACKWARD, RANDOM, GPU_ALL),
              BIND_OUTPUT(ACTIVATION_BACKWARD, ACTIVATION_BACKWARD, D_X, GPU_ROWS)},
    .rows = IN(ACTIVATION_BACKWARD, D_Y),
    .count = IN(ACTIVATION_BACKWARD, D_Y),
    .tile = tile_backward,
};
const struct gpu_row gpu_row_activation_backward = {.passes = {{.kernel = &gpu_kernel_activation_backward}}};
