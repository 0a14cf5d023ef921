/* SPDX-License-Identifier: Apache-2.0
 *
 * scatter_add: the first of equal indices adds the rows of all of them, in their order, so indices are looked through
 * first.
 */
#include "backends/gpu/derive.h"
#include "backends/gpu/slots.h"

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

static void derive_equal_rows(const struct gpu_view *node, struct gpu_view *view)
{
    SET_SLOTS(view, SLOTS_OF(EQUAL_ROWS), [SLOT(EQUAL_ROWS, INDEX)] = *INPUT(node, SCATTER_ADD, INDEX),
              [SLOT(EQUAL_ROWS, SPANS)] = gpu_written(spans_of(node)));
}

static const struct gpu_kernel equal_rows = {
    .name = "equal_rows",
    .slots = {BIND(EQUAL_ROWS, INDEX, GPU_ALL), BIND(EQUAL_ROWS, SPANS, GPU_ROWS)},
    .rows = SLOT(EQUAL_ROWS, SPANS),
    .count = SLOT(EQUAL_ROWS, INDEX),
    .tile = gpu_tile_threads,
};

static void derive_add(const struct gpu_view *node, struct gpu_view *view)
{
    SET_SLOTS(view, SLOTS_OF(SCATTER_ADD), [SLOT(SCATTER_ADD, INDEX)] = *INPUT(node, SCATTER_ADD, INDEX),
              [SLOT(SCATTER_ADD, X)] = *INPUT(node, SCATTER_ADD, X),
              [SLOT(SCATTER_ADD, STATE)] = *OUTPUT(node, SCATTER_ADD, Y), [SLOT(SCATTER_ADD, SPANS)] = spans_of(node));
}

/* A work-group an index; S1 = flags. */
static const char *tile_add(const struct gpu_view *view, struct gpu_launch *launch)
{
    enum { THREADS = 64 };
    SPECS(launch, THREADS, WHOLE(view, SLOT(SCATTER_ADD, X), SLOT(SCATTER_ADD, STATE)));
    launch->rows_per_group = launch->columns = 1;
    return NULL;
}

static const struct gpu_kernel scatter_add = {
    .name = "scatter_add",
    .slots = {BIND(SCATTER_ADD, INDEX, GPU_ALL), BIND(SCATTER_ADD, X, GPU_ALL), BIND(SCATTER_ADD, STATE, GPU_ALL),
              BIND(SCATTER_ADD, SPANS, GPU_ALL)},
    .rows = SLOT(SCATTER_ADD, X),
    .count = SLOT(SCATTER_ADD, INDEX),
    .tile = tile_add,
};

const struct gpu_row gpu_row_scatter_add = {
    .trains = true,
    .scratch_bytes = scratch_bytes,
    .passes = {{.kernel = &equal_rows, .derive = derive_equal_rows}, {.kernel = &scatter_add, .derive = derive_add}},
};
