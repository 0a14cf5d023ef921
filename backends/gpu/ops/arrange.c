/* SPDX-License-Identifier: Apache-2.0
 *
 * Operands that do not lie as `linear` wants them: weights that are trained where it wants panels, and the transposed
 * ones of its backward pass. A pass brings each into scratch, and the kernels of `linear` do the rest.
 */
#include "backends/gpu/ops/passes.h"
#include "backends/gpu/slots.h"

struct gpu_slot gpu_arranged_weight(const struct gpu_view *view, uint64_t offset, uint32_t rows, uint32_t depth)
{
    struct gpu_slot slot = gpu_scratch(offset, rows, round_up32(depth, 4), NULL);
    slot.panel = gpu_panels(view->limits) ? GPU_PANEL_ROWS : 0;
    return slot;
}

uint64_t gpu_arranged_bytes(const struct gpu_slot *weight)
{
    return gpu_area(weight->panel ? round_up32(weight->rows, weight->panel) : weight->rows, weight->stride);
}

/* The kernel has no params: the first tells tile_arrange whether to transpose. */
void gpu_derive_arrange(struct gpu_view *view, struct gpu_slot source, struct gpu_slot result, bool transpose)
{
    const uint32_t params[] = {transpose};
    if (result.panel) {
        result.rows = round_up32(result.rows, result.panel);
        result.dim = (pln_dim){0, 0, result.rows};
    }
    SET_SLOTS(view, SLOTS_OF(ARRANGE), [SLOT(ARRANGE, SOURCE)] = gpu_read(source),
              [SLOT(ARRANGE, RESULT)] = gpu_written(result));
    gpu_set_params(view, params, sizeof params);
}

/* S1 = rows of a panel of the result, S2 = flags. */
static const char *tile_arrange(const struct gpu_view *view, struct gpu_launch *launch)
{
    enum { THREADS = 64, TILE_ROWS = 64, TILE_COLUMNS = 256 };
    const struct gpu_slot *source = &view->slots[SLOT(ARRANGE, SOURCE)], *result = &view->slots[SLOT(ARRANGE, RESULT)];
    if (source->panel || source->element != sizeof(float))
        return "the operand lies in panels, or in f16";
    if (THREADS > view->limits->max_workgroup)
        return "the device has too small work-groups";
    SPECS(launch, THREADS, result->panel,
          WHOLE(view, SLOT(ARRANGE, SOURCE)) | flag(view->params[0], GPU_ARRANGE_TRANSPOSE));
    launch->rows_per_group = TILE_ROWS;
    launch->columns = ceil_div32(result->width, TILE_COLUMNS);
    return NULL;
}

const struct gpu_kernel gpu_kernel_arrange = {
    .name = "arrange",
    .slots = {BIND(ARRANGE, SOURCE, GPU_ALL), BIND(ARRANGE, RESULT, GPU_ROWS)},
    .rows = SLOT(ARRANGE, RESULT),
    .count = SLOT(ARRANGE, SOURCE),
    .tile = tile_arrange,
};
