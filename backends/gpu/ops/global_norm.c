/* SPDX-License-Identifier: Apache-2.0
 *
 * global_norm: a norm for each group of rows, then one of them.
 */
#include "backends/gpu/derive.h"
#include "backends/gpu/slots.h"

static struct gpu_slot norms_of(const struct gpu_view *node)
{
    return gpu_scratch(0, INPUT(node, GLOBAL_NORM, X)->rows, 1, NULL);
}

static uint64_t scratch_bytes(const struct gpu_view *node)
{
    return gpu_area(INPUT(node, GLOBAL_NORM, X)->rows, 1);
}

static void derive_squares(const struct gpu_view *node, struct gpu_view *view)
{
    SET_SLOTS(view, SLOTS_OF(SQUARE_SUMS), [SLOT(SQUARE_SUMS, X)] = *INPUT(node, GLOBAL_NORM, X),
              [SLOT(SQUARE_SUMS, SUMS)] = gpu_written(norms_of(node)));
}

static const char *tile_squares(const struct gpu_view *view, struct gpu_launch *launch)
{
    gpu_tile_elements(view, launch, view->slots[SLOT(SQUARE_SUMS, X)].width);
    SPECS(launch, WHOLE(view, SLOT(SQUARE_SUMS, X)));
    return NULL;
}

static const struct gpu_kernel square_sums = {
    .name = "square_sums",
    .slots = {BIND(SQUARE_SUMS, X, GPU_ROWS), BIND(SQUARE_SUMS, SUMS, GPU_ALL)},
    .rows = SLOT(SQUARE_SUMS, X),
    .count = SLOT(SQUARE_SUMS, X),
    .tile = tile_squares,
};

enum { ROOT_X = SLOTS_OF(ROOT_OF_SUMS), ROOT_OPERANDS }; /* behind what the kernel has: what the norms are of */

static void derive_root(const struct gpu_view *node, struct gpu_view *view)
{
    SET_SLOTS(view, ROOT_OPERANDS, [SLOT(ROOT_OF_SUMS, NORM)] = *OUTPUT(node, GLOBAL_NORM, NORM),
              [SLOT(ROOT_OF_SUMS, SUMS)] = norms_of(node), [ROOT_X] = *INPUT(node, GLOBAL_NORM, X));
}

/* S1 = rows that a norm of the first pass is of. */
static const char *tile_root(const struct gpu_view *view, struct gpu_launch *launch)
{
    const char *reason = gpu_tile_reduce(view, launch);
    if (!reason)
        SPECS(launch, gpu_element_rows(view->slots[ROOT_X].width));
    return reason;
}

static const struct gpu_kernel root_of_sums = {
    .name = "root_of_sums",
    .slots = {BIND(ROOT_OF_SUMS, NORM, GPU_ALL), BIND(ROOT_OF_SUMS, SUMS, GPU_ALL)},
    .rows = SLOT(ROOT_OF_SUMS, NORM),
    .count = ROOT_X,
    .single = true,
    .tile = tile_root,
};

const struct gpu_row gpu_row_global_norm = {
    .trains = true,
    .scratch_bytes = scratch_bytes,
    .passes = {{.kernel = &square_sums, .derive = derive_squares}, {.kernel = &root_of_sums, .derive = derive_root}},
};
