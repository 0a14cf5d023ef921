/* SPDX-License-Identifier: Apache-2.0
 *
 * scatter_add: the first of equal indices adds the rows of all of them, in their order, so indices are looked through
 * first.
 */
#include "backends/gpu/derive.h"

/* For each index whether an earlier one is equal, and the last that is. */
static struct gpu_slot spans_of(const struct gpu_view *node)
{
    const struct gpu_slot *index = INPUT(node, SCATTER_ADD, INDEX);
    return gpu_scratch(0, index->rows, 2, index);
}

static uint64_t scratch_bytes(const struct gpu_view *node)
{
    return gpu_area(INPUT(node, SCATTER_ADD, INDEX)->rows, 2);
}

enum { EQUAL_INDEX, EQUAL_SPANS, EQUAL_OPERANDS };

static void derive_equal_rows(const struct gpu_view *node, struct gpu_view *view)
{
    SET_SLOTS(
        view,
        EQUAL_OPERANDS, [EQUAL_INDEX] = *INPUT(node, SCATTER_ADD, INDEX), [EQUAL_SPANS] = gpu_written(spans_of(node)));
}

static const struct gpu_kernel equal_rows = {
    .name = "equal_rows",
    .access = {[EQUAL_INDEX] = GPU_ALL, [EQUAL_SPANS] = GPU_ROWS},
    .rows = EQUAL_SPANS,
    .count = EQUAL_INDEX,
    .tile = gpu_tile_threads,
};

enum { ADD_INDEX, ADD_X, ADD_STATE, ADD_SPANS, ADD_OPERANDS };

static void derive_add(const struct gpu_view *node, struct gpu_view *view)
{
    SET_SLOTS(view,
              ADD_OPERANDS, [ADD_INDEX] = *INPUT(node, SCATTER_ADD, INDEX), [ADD_X] = *INPUT(node, SCATTER_ADD, X),
              [ADD_STATE] = *OUTPUT(node, SCATTER_ADD, Y), [ADD_SPANS] = spans_of(node));
}

/* A work-group an index; S1 = flags. */
static const char *tile_add(const struct gpu_view *view, struct gpu_launch *launch)
{
    enum { THREADS = 64 };
    SPECS(launch, THREADS, WHOLE(view, ADD_X, ADD_STATE));
    launch->rows_per_group = launch->columns = 1;
    return NULL;
}

static const struct gpu_kernel scatter_add = {
    .name = "scatter_add",
    .access = {[ADD_INDEX] = GPU_ALL, [ADD_X] = GPU_ALL, [ADD_STATE] = GPU_ALL, [ADD_SPANS] = GPU_ALL},
    .rows = ADD_X,
    .count = ADD_INDEX,
    .tile = tile_add,
};

const struct gpu_row gpu_row_scatter_add = {
    .trains = true,
    .scratch_bytes = scratch_bytes,
    .passes = {{.kernel = &equal_rows, .derive = derive_equal_rows}, {.kernel = &scatter_add, .derive = derive_add}},
};
