/* SPDX-License-Identifier: Apache-2.0
 *
 * segment_mean and its backward pass.
 */
#include "backends/gpu/derive.h"
#include "backends/gpu/slots.h"

/* A thread has a group of four columns of a sequence; S1 = flags. */
static const char *tile_mean(const struct gpu_view *view, struct gpu_launch *launch)
{
    enum { THREADS = 64 };
    SPECS(launch, THREADS, WHOLE(view, IN(SEGMENT_MEAN, X), OUT(SEGMENT_MEAN, Y)));
    launch->rows_per_group = 1;
    launch->columns = ceil_div32(quads_of(INPUT(view, SEGMENT_MEAN, X)->width), THREADS);
    return NULL;
}

static const struct gpu_kernel segment_mean = {
    .name = "segment_mean",
    .slots = {BIND_INPUT(SEGMENT_MEAN, SEGMENT_MEAN, X, GPU_ALL),
              BIND_INPUT(SEGMENT_MEAN, SEGMENT_MEAN, STARTS, GPU_ALL),
              BIND_OUTPUT(SEGMENT_MEAN, SEGMENT_MEAN, Y, GPU_ROWS)},
    .rows = OUT(SEGMENT_MEAN, Y),
    .count = OUT(SEGMENT_MEAN, Y),
    .tile = tile_mean,
};
const struct gpu_row gpu_row_segment_mean = {.passes = {{.kernel = &segment_mean}}};

/* The kernel asks for no x. */
static void derive_backward(const struct gpu_view *node, struct gpu_view *view)
{
    const struct gpu_slot *starts = INPUT(node, SEGMENT_MEAN_BACKWARD, STARTS);
    SET_SLOTS(view, SLOTS_OF(SEGMENT_MEAN_BACKWARD),
              [SLOT(SEGMENT_MEAN_BACKWARD, D_Y)] = *INPUT(node, SEGMENT_MEAN_BACKWARD, D_Y),
              [SLOT(SEGMENT_MEAN_BACKWARD, STARTS)] = *starts,
              [SLOT(SEGMENT_MEAN_BACKWARD, D_X)] = *OUTPUT(node, SEGMENT_MEAN_BACKWARD, D_X));
    gpu_set_other_count(view, starts->dim);
}

static const char *tile_backward(const struct gpu_view *view, struct gpu_launch *launch)
{
    gpu_tile_elements(view, launch, view->slots[SLOT(SEGMENT_MEAN_BACKWARD, D_X)].width);
    SPECS(launch, WHOLE(view, SLOT(SEGMENT_MEAN_BACKWARD, D_Y), SLOT(SEGMENT_MEAN_BACKWARD, D_X)));
    return NULL;
}

static const struct gpu_kernel segment_mean_backward = {
    .name = "segment_mean_backward",
    .slots = {BIND(SEGMENT_MEAN_BACKWARD, D_Y, GPU_ALL), BIND(SEGMENT_MEAN_BACKWARD, STARTS, GPU_ALL),
              BIND(SEGMENT_MEAN_BACKWARD, D_X, GPU_ROWS)},
    .rows = SLOT(SEGMENT_MEAN_BACKWARD, D_X),
    .count = SLOT(SEGMENT_MEAN_BACKWARD, D_X),
    .tile = tile_backward,
};
const struct gpu_row gpu_row_segment_mean_backward = {
    .passes = {{.kernel = &segment_mean_backward, .derive = derive_backward}},
};
