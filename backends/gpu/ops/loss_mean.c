/* SPDX-License-Identifier: Apache-2.0
 *
 * The last pass of every loss: terms and weights of all rows, `total` of the whole step, what was divided by.
 */
#include "backends/gpu/ops/passes.h"
#include "backends/gpu/slots.h"

enum { PLANES, FACTOR, PARAMS }; /* of the view: they become constants of the kernel */

uint32_t gpu_term_and_weight(const struct gpu_view *view)
{
    (void)view;
    return 2;
}

void gpu_derive_loss_mean(const struct gpu_view *node, struct gpu_view *view, const struct gpu_mean *mean)
{
    const uint32_t params[PARAMS] = {[PLANES] = mean->planes, [FACTOR] = mean->factor};
    const struct gpu_slot terms = node->slots[node->n_slots];
    SET_SLOTS(view, SLOTS_OF(LOSS_MEAN), [SLOT(LOSS_MEAN, LOSS)] = *mean->loss,
              [SLOT(LOSS_MEAN, TERMS)] = gpu_read(terms), [SLOT(LOSS_MEAN, TOTAL)] = *mean->total,
              [SLOT(LOSS_MEAN, COUNT)] = *mean->count);
    gpu_set_params(view, params, sizeof params);
}

/* S1 = planes, S2 = elements of a unit of weight, S3 = flags. */
static const char *tile_mean(const struct gpu_view *view, struct gpu_launch *launch)
{
    const char *reason = gpu_tile_reduce(view, launch);
    if (!reason)
        SPECS(launch, view->params[PLANES], view->params[FACTOR],
              flag(gpu_slot_here(&view->slots[SLOT(LOSS_MEAN, TOTAL)]), GPU_LOSS_MEAN_TOTAL) |
                  flag(gpu_slot_here(&view->slots[SLOT(LOSS_MEAN, COUNT)]), GPU_LOSS_MEAN_COUNT));
    return reason;
}

const struct gpu_kernel gpu_kernel_loss_mean = {
    .name = "loss_mean",
    .slots = {BIND(LOSS_MEAN, LOSS, GPU_ALL), BIND(LOSS_MEAN, TERMS, GPU_ALL), BIND(LOSS_MEAN, TOTAL, GPU_ALL),
              BIND(LOSS_MEAN, COUNT, GPU_ALL)},
    .rows = SLOT(LOSS_MEAN, LOSS),
    .count = SLOT(LOSS_MEAN, TERMS),
    .single = true,
    .tile = tile_mean,
};
