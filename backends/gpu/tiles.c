/* SPDX-License-Identifier: Apache-2.0
 *
 * The tiles that several kernels share: all of them move memory, and are cut by the width of a row alone.
 */
#include "backends/gpu/tiles.h"

uint32_t gpu_whole(const struct gpu_view *view, size_t n, const uint8_t *slots)
{
    bool whole = true;
    for (size_t i = 0; i < n; i++)
        whole &= gpu_slot_whole(&view->slots[slots[i]]);
    return flag(whole, GPU_WHOLE);
}

void gpu_add_specs(struct gpu_launch *launch, size_t n, const uint32_t *values)
{
    for (size_t i = 0; i < n; i++)
        launch->specs[launch->n_specs++] = values[i];
    launch->workgroup = launch->specs[0];
}

const char *gpu_check_activation(uint32_t activation)
{
    return activation < PLN_ACTIVATIONS ? NULL : "unknown activation";
}

/* Threads for a row that is held in registers, then the groups of four of a thread: few groups to wait for little where
 * waves run side by side, few threads on a processor, where they wait for each other. */
const char *gpu_tile_row(const struct gpu_view *view, struct gpu_launch *launch, uint32_t width, uint32_t flags)
{
    enum { MAX_VALUES = 32, USUAL_VALUES = 4, PROCESSOR_VALUES = 16 }; /* groups of four: the most, and those wanted */
    enum { THREADS = 64, PROCESSOR_THREADS = 8, MAX_THREADS = 256 };
    const struct gpu_limits *limits = view->limits;
    const uint32_t wanted = limits->cpu_variant ? PROCESSOR_VALUES : USUAL_VALUES;
    uint32_t threads = limits->cpu_variant ? PROCESSOR_THREADS : THREADS;
    while (threads * wanted < quads_of(width) && threads < MAX_THREADS && threads * 2 <= limits->max_workgroup)
        threads *= 2;
    const uint32_t values = ceil_div32(quads_of(width), threads);
    if (values > MAX_VALUES)
        return "rows are too wide for one work-group";
    if (threads > limits->max_workgroup || threads * sizeof(float) > limits->shared_bytes)
        return "the device has too small work-groups";
    launch->rows_per_group = launch->columns = 1;
    SPECS(launch, threads, values, flags);
    return NULL;
}

enum { ELEMENT_THREADS = 128, ELEMENT_QUADS = 4 * ELEMENT_THREADS };

uint32_t gpu_element_rows(uint32_t width)
{
    const uint32_t quads = quads_of(width);
    return quads < ELEMENT_QUADS ? ELEMENT_QUADS / quads : 1;
}

void gpu_tile_elements(const struct gpu_view *view, struct gpu_launch *launch, uint32_t width)
{
    const uint32_t most = view->limits->max_workgroup;
    launch->rows_per_group = gpu_element_rows(width);
    launch->columns = 1;
    SPECS(launch, ELEMENT_THREADS < most ? ELEMENT_THREADS : most, launch->rows_per_group, quads_of(width));
}

const char *gpu_tile_reduce(const struct gpu_view *view, struct gpu_launch *launch)
{
    enum { THREADS = 128 };
    if (THREADS > view->limits->max_workgroup)
        return "the device has too small work-groups";
    launch->rows_per_group = launch->columns = 1;
    SPECS(launch, THREADS);
    return NULL;
}

const char *gpu_tile_threads(const struct gpu_view *view, struct gpu_launch *launch)
{
    enum { THREADS = 64 };
    (void)view;
    launch->rows_per_group = THREADS;
    launch->columns = 1;
    SPECS(launch, THREADS);
    return NULL;
}
