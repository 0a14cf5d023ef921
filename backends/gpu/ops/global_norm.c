/* SPDX-License-Identifier: Apache-2.0
 *
 * global_norm: a norm for each group of rows, then one of them.
 */
#include "backends/gpu/derive.h"

static struct gpu_slot norms_of(const struct gpu_view *node)
{
    return gpu_scratch(0, INPUT(node, GLOBAL_NORM, X)->rows, 1, NULL);
}

static uint64_t scratch_bytes(const struct gpu_view *node)
{
    return gpu_area(INPUT(node, GLOBAL_NORM, X)->rows, 1);
}

enum { SQUARES_X, SQUARES_NORMS, SQUARES_OPERANDS };

static void derive_squares(const struct gpu_view *node, struct gpu_view *view)
{
    SET_SLOTS(
        view,
        SQUARES_OPERANDS, [SQUARES_X] = *INPUT(node, GLOBAL_NORM, X), [SQUARES_NORMS] = gpu_written(norms_of(node)));
}

static const char *tile_squares(const struct gpu_view *view, struct gpu_launch *launch)
{
    gpu_tile_elements(view, launch, view->slots[SQUARES_X].width);
    SPECS(launch, WHOLE(view, SQUARES_X));
    return NULL;
}

static const struct gpu_kernel square_sums = {
    .name = "square_sums",
    .access = {[SQUARES_X] = GPU_ROWS, [SQUARES_NORMS] = GPU_ALL},
    .rows = SQUARES_X,
    .count = SQUARES_X,
    .tile = tile_squares,
};

enum { ROOT_NORM, ROOT_NORMS, ROOT_X, ROOT_OPERANDS };

static void derive_root(const struct gpu_view *node, struct gpu_view *view)
{
    SET_SLOTS(view, ROOT_OPERANDS, [ROOT_NORM] = *OUTPUT(node, GLOBAL_NORM, NORM), [ROOT_NORMS] = norms_of(node),
              [ROOT_X] = *INPUT(node, GLOBAL_NORM, X));
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
    .access = {[ROOT_NORM] = GPU_ALL, [ROOT_NORMS] = GPU_ALL},
    .rows = ROOT_NORM,
    .count = ROOT_X,
    .single = true,
    .tile = tile_root,
};

const struct gpu_row gpu_row_global_norm = {
    .trains = true,
    .scratch_bytes = scratch_bytes,
    .passes = {{.kernel = &square_sums, .derive = derive_squares}, {.kernel = &root_of_sums, .derive = derive_root}},
};
