/* SPDX-License-Identifier: Apache-2.0
 *
 * gather, and its backward pass, which looks through the indices first.
 */
#include "backends/gpu/derive.h"

static const char *tile_gather(const struct gpu_view *view, struct gpu_launch *launch)
{
    gpu_tile_elements(view, launch, OUTPUT(view, GATHER, Y)->width);
    SPECS(launch, WHOLE(view, IN(GATHER, X), OUT(GATHER, Y)));
    return INPUT(view, GATHER, X)->panel ? "the table lies in panels" : NULL;
}

static const struct gpu_kernel gather = {
    .name = "gather",
    .access = {[IN(GATHER, X)] = GPU_TABLE, [IN(GATHER, INDEX)] = GPU_ROWS, [OUT(GATHER, Y)] = GPU_ROWS},
    .rows = IN(GATHER, INDEX),
    .count = IN(GATHER, INDEX),
    .tile = tile_gather,
};
const struct gpu_row gpu_row_gather = {.passes = {{.kernel = &gather}}};

/* ---- backward: for each row of d_x the first element of index that names it, then the rows from there on */

static struct gpu_slot firsts_of(const struct gpu_view *node)
{
    const struct gpu_slot *d_x = OUTPUT(node, GATHER_BACKWARD, D_X);
    return gpu_scratch(0, d_x->rows, 1, d_x);
}

static uint64_t scratch_bytes(const struct gpu_view *node)
{
    return gpu_area(OUTPUT(node, GATHER_BACKWARD, D_X)->rows, 1);
}

enum { USES_INDEX, USES_FIRSTS, USES_OPERANDS };

static void derive_first_uses(const struct gpu_view *node, struct gpu_view *view)
{
    const struct gpu_slot *index = INPUT(node, GATHER_BACKWARD, INDEX);
    SET_SLOTS(view, USES_OPERANDS, [USES_INDEX] = *index, [USES_FIRSTS] = gpu_written(firsts_of(node)));
    gpu_set_other_count(view, index->dim);
}

static const struct gpu_kernel first_uses = {
    .name = "first_uses",
    .access = {[USES_INDEX] = GPU_ALL, [USES_FIRSTS] = GPU_ROWS},
    .rows = USES_FIRSTS,
    .count = USES_FIRSTS,
    .tile = gpu_tile_threads,
};

enum { SPREAD_D_Y, SPREAD_INDEX, SPREAD_D_X, SPREAD_FIRSTS, SPREAD_OPERANDS };

static void derive_spread(const struct gpu_view *node, struct gpu_view *view)
{
    const struct gpu_slot *index = INPUT(node, GATHER_BACKWARD, INDEX);
    SET_SLOTS(view, SPREAD_OPERANDS, [SPREAD_D_Y] = *INPUT(node, GATHER_BACKWARD, D_Y), [SPREAD_INDEX] = *index,
              [SPREAD_D_X] = *OUTPUT(node, GATHER_BACKWARD, D_X), [SPREAD_FIRSTS] = firsts_of(node));
    gpu_set_other_count(view, index->dim);
}

static const char *tile_spread(const struct gpu_view *view, struct gpu_launch *launch)
{
    gpu_tile_elements(view, launch, view->slots[SPREAD_D_X].width);
    SPECS(launch, WHOLE(view, SPREAD_D_Y, SPREAD_D_X));
    return NULL;
}

static const struct gpu_kernel gather_backward = {
    .name = "gather_backward",
    .access = {[SPREAD_D_Y] = GPU_ALL, [SPREAD_INDEX] = GPU_ALL, [SPREAD_D_X] = GPU_ROWS, [SPREAD_FIRSTS] = GPU_ROWS},
    .rows = SPREAD_D_X,
    .count = SPREAD_D_X,
    .tile = tile_spread,
};

const struct gpu_row gpu_row_gather_backward = {
    .scratch_bytes = scratch_bytes,
    .passes = {{.kernel = &first_uses, .derive = derive_first_uses},
               {.kernel = &gather_backward, .derive = derive_spread}},
};
