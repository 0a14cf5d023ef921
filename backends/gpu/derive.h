/* SPDX-License-Identifier: Apache-2.0
 *
 * What rows that derive their passes share: operands in scratch, and views put together slot by slot.
 */
#ifndef BACKENDS_GPU_DERIVE_H
#define BACKENDS_GPU_DERIVE_H

#include <string.h>

#include "backends/gpu/tiles.h"

enum { GPU_AREA = 256 };

/* Bytes of a matrix in scratch, up to where the next one may begin. */
static inline uint64_t gpu_area(uint64_t rows, uint64_t stride)
{
    return round_up(rows * stride * sizeof(float), GPU_AREA);
}

/* A matrix in scratch from that byte on. Its rows are `rows` whatever the run, or those of `like` if that is not NULL.
 */
static inline struct gpu_slot gpu_scratch(uint64_t offset, uint32_t rows, uint32_t width, const struct gpu_slot *like)
{
    return (struct gpu_slot){.value = GPU_BIND_SCRATCH,
                             .offset = offset,
                             .rows = rows,
                             .width = width,
                             .stride = width,
                             .element = sizeof(float),
                             .dim = like ? like->dim : (pln_dim){0, 0, rows},
                             .name = "scratch"};
}

static inline struct gpu_slot gpu_written(struct gpu_slot slot)
{
    slot.output = true;
    return slot;
}

static inline struct gpu_slot gpu_read(struct gpu_slot slot)
{
    slot.output = false;
    return slot;
}

static inline struct gpu_slot gpu_absent(void)
{
    return (struct gpu_slot){.value = GPU_BIND_NONE};
}

/* The view has these operands, by place, and no scratch of its own. Places left out are absent inputs. */
static inline void gpu_set_slots(struct gpu_view *view, uint32_t n, const struct gpu_slot *slots)
{
    for (uint32_t i = 0; i < n; i++) {
        view->slots[i] = slots[i];
        if (!slots[i].element)
            view->slots[i].value = GPU_BIND_NONE;
    }
    view->slots[n] = gpu_absent();
    view->n_slots = n;
}
#define SET_SLOTS(view, n, ...) gpu_set_slots(view, n, (const struct gpu_slot[n]){__VA_ARGS__})

static inline void gpu_set_params(struct gpu_view *view, const void *params, size_t bytes)
{
    memset(view->params, 0, sizeof view->params);
    memcpy(view->params, params, bytes);
}

/* Kernels with two row counts find the second one here. */
static inline void gpu_set_other_count(struct gpu_view *view, pln_dim rows)
{
    view->params[GPU_RECORD_OTHER_SYMBOL] = rows.symbol;
    view->params[GPU_RECORD_OTHER_SCALE] = rows.scale;
    view->params[GPU_RECORD_OTHER_OFFSET] = rows.offset;
}
#endif
