/* SPDX-License-Identifier: Apache-2.0
 *
 * gather, and its backward pass, which looks through the indices first.
 */
#include "backends/gpu/derive.h"
#include "backends/gpu/slots.h"

static const char *tile_gather(const struct gpu_view *view, struct gpu_launch *launch)
{
    gpu_tile_elements(view, launch, OUTPUT(view, GATHER, Y)->width);
    SPECS(launch, WHOLE(view, IN(GATHER, X), OUT(GATHER, Y)));
    return INPUT(view, GATHER, X)->panel ? "the table lies in panels" : NULL;
}

static const struct gpu_kernel gather = {
    .name = "gather",
    .slots = {BIND_INPUT(GATHER, GATHER, X, GPU_TABLE), BIND_INPUT(GATHER, GATHER, INDEX, GPU_ROWS),
              BIND_OUTPUT(GATHER, GATHER, Y, GPU_ROWS)},
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

static void derive_first_uses(const struct gpu_view *node, struct gpu_view *view)
{
    const struct gpu_slot *index = INPUT(node, GATHER_BACKWARD, INDEX);
    SET_SLOTS(view, SLOTS_OF(FIRST_USES), [SLOT(FIRST_USES, INDEX)] = *index,
              [SLOT(FIRST_USES, FIRSTS)] = gpu_written(firsts_of(node)));
    gpu_set_other_count(view, index->dim);
}

static const struct gpu_kernel first_uses = {
    .name = "first_uses",
    .slots = {BIND(FIRST_USES, INDEX, GPU_ALL), BIND(FIRST_USES, FIRSTS, GPU_ROWS)},
    .rows = SLOT(FIRST_USES, FIRSTS),
    .count = SLOT(FIRST_USES, FIRSTS),
    .tile = gpu_tile_threads,
};

static void derive_spread(const struct gpu_view *node, struct gpu_view *view)
{
    const struct gpu_slot *index = INPUT(node, GATHER_BACKWARD, INDEX);
    SET_SLOTS(view, SLOTS_OF(GATHER_BACKWARD), [SLOT(GATHER_BACKWARD, D_Y)] = *INPUT(node, GATHER_BACKWARD, D_Y),
              [SLOT(GATHER_BACKWARD, INDEX)] = *index,
              [SLOT(GATHER_BACKWARD, D_X)] = *OUTPUT(node, GATHER_BACKWARD, D_X),
              [SLOT(GATHER_BACKWARD, FIRSTS)] = firsts_of(node));
    gpu_set_other_count(view, index->dim);
}

static const char *tile_spread(const struct gpu_view *view, struct gpu_launch *launch)
{
    gpu_tile_elements(view, launch, view->slots[SLOT(GATHER_BACKWARD, D_X)].width);
    SPECS(launch, WHOLE(view, SLOT(GATHER_BACKWARD, D_Y), SLOT(GATHER_BACKWARD, D_X)));
    return NULL;
}

static const struct gpu_kernel gather_backward = {
    .name = "gather_backward",
    .slots = {BIND(GATHER_BACKWARD, D_Y, GPU_ALL), BIND(GATHER_BACKWARD, INDEX, GPU_ALL),
              BIND(GATHER_BACKWARD, D_X, GPU_ROWS), BIND(GATHER_BACKWARD, FIRSTS, GPU_ROWS)},
    .rows = SLOT(GATHER_BACKWARD, D_X),
    .count = SLOT(GATHER_BACKWARD, D_X),
    .tile = tile_spread,
};

const struct gpu_row gpu_row_gather_backward = {
    .scratch_bytes = scratch_bytes,
    .passes = {{.kernel = &first_uses, .derive = derive_first_uses},
               {.kernel = &gather_backward, .derive = derive_spread}},
};
