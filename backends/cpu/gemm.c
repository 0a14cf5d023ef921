/* SPDX-License-Identifier: Apache-2.0
 *
 * Products on panels or by sgemm: what they need of memory, and what a member makes of one.
 */
#include <stdio.h>

#include "backends/cpu/gemm_blocks.h"

enum {
    SGEMM_ROWS = 8, /* products by sgemm are parted in these units */
    SGEMM_COLUMNS = 16,
    SGEMM_BLOCK = 64
};

void cpu_gemm_init(struct cpu_gemm *gemm, enum cpu_gemm_way way, const char *level, const struct cpu_micro_kernel *own,
                   const struct cpu_micro_kernel *attention)
{
    char blis[32];
    *gemm = (struct cpu_gemm){.panels = way == CPU_GEMM_OWN, .kernel = *own, .attention = *attention};
    if (way == CPU_GEMM_BLIS)
        gemm->panels = cpu_blis_micro_kernel(level, &gemm->kernel);
    if (!gemm->panels) {
        gemm->kernel = (struct cpu_micro_kernel){
            .rows = SGEMM_ROWS, .columns = SGEMM_COLUMNS, .block_rows = SGEMM_BLOCK, .speed = 1, .any_rows = true};
        gemm->blis = cpu_blis_context(level);
    }
    if (way == CPU_GEMM_OWN)
        snprintf(blis, sizeof blis, "own");
    else
        cpu_blis_name(level, blis, sizeof blis);
    if (gemm->panels)
        snprintf(gemm->name, sizeof gemm->name, "%s micro-kernel %ux%u", blis, gemm->kernel.rows, gemm->kernel.columns);
    else
        snprintf(gemm->name, sizeof gemm->name, "%s sgemm", blis);
}

/* ---- weights */

uint32_t cpu_gemm_weight_panels(const struct cpu_gemm *gemm, uint32_t n)
{
    return gemm->panels ? (n + gemm->kernel.columns - 1) / gemm->kernel.columns : 0;
}

uint64_t cpu_gemm_weight_bytes(const struct cpu_gemm *gemm, uint32_t n, uint32_t depth)
{
    return gemm->panels ? cpu_gemm_weight_panels(gemm, n) * weight_panel_bytes(&gemm->kernel, depth) : 0;
}

void cpu_gemm_pack_weight(const struct cpu_gemm *gemm, const struct cpu_matrix *weight, uint32_t n, uint32_t depth,
                          uint32_t first, uint32_t last, void *packed)
{
    const struct cpu_micro_kernel *kernel = &gemm->kernel;
    for (uint32_t i = first; i < last; i++) {
        const uint32_t row = i * kernel->columns, left = n - row;
        const struct cpu_matrix rows = {weight->data + row * weight->row_step, weight->row_step, weight->column_step};
        kernel->pack_weight(kernel, &rows, left < kernel->columns ? left : kernel->columns, depth,
                            (char *)packed + i * weight_panel_bytes(kernel, depth));
    }
}

/* ---- scratch */

uint64_t cpu_gemm_scratch_bytes(const struct cpu_gemm *gemm, uint32_t depth)
{
    const struct cpu_micro_kernel *kernel = &gemm->kernel;
    if (!gemm->panels || !depth)
        return 0;
    const uint64_t panel = x_panel_bytes(kernel, smaller(depth, kernel->most_depth));
    return packed_bytes(panel) + block_panels(kernel, depth) * prepared_bytes(kernel, kernel->rows, depth) +
           prepared_bytes(kernel, kernel->columns, depth) + wide_bytes(kernel, depth);
}

uint64_t cpu_gemm_passed_bytes(const struct cpu_gemm *gemm, uint32_t rows, uint32_t made_of, uint32_t depth)
{
    const struct cpu_micro_kernel *kernel = &gemm->kernel;
    const uint32_t panels = panels_of(kernel, rows);
    if (cpu_gemm_passes_rows(gemm))
        return round_up((uint64_t)rows * depth * sizeof(float), 64);
    if (!gemm->panels || !kernel->any_rows || depth % kernel->depth_multiple || panels > block_panels(kernel, made_of))
        return 0;
    return round_up(panels * x_panel_bytes(kernel, depth), 64);
}

/* ---- members */

static void run_sgemm(const struct cpu_gemm *gemm, const struct cpu_product *p, struct cpu_range rows,
                      struct cpu_range columns)
{
    const struct cpu_tile tile = {.row = rows.first,
                                  .rows = rows.last - rows.first,
                                  .column = columns.first,
                                  .columns = columns.last - columns.first,
                                  .sums = p->out + rows.first * p->out_stride + columns.first,
                                  .stride = p->out_stride};
    if (!tile.rows || !tile.columns)
        return;
    cpu_blis_sgemm(gemm->blis, p, &tile);
    if (p->finish)
        p->finish(p->argument, &tile);
}

/* Into how many groups the rows are parted; the columns are parted among the members of a group. Costs are counted in
 * hundredths of a row of a tile: packing it takes about twenty, of an upright one many more. A panel of the weight
 * comes while the one before is multiplied, but not faster than so many rows are. Of a faster kernel a row of a tile
 * costs less, all else the same. */
static uint32_t row_groups(const struct cpu_micro_kernel *kernel, const struct cpu_product *p, uint32_t members)
{
    enum { ROW = 100, PACK = 20, PACK_UPRIGHT = 150, FETCH_ROWS = 15 };
    const uint64_t pack = kernel->speed * (uint64_t)(p->x.column_step == 1 ? PACK : PACK_UPRIGHT);
    const uint64_t fetch = kernel->speed * (uint64_t)FETCH_ROWS;
    const uint64_t column_panels = (p->n + kernel->columns - 1) / kernel->columns;
    const uint32_t unit = kernel->any_rows ? 1 : kernel->rows;
    uint64_t least = UINT64_MAX;
    uint32_t best = 1;
    for (uint32_t groups = 1; groups <= members; groups++) {
        if (members % groups)
            continue;
        const uint64_t across = members / groups, columns = ceil_div(column_panels, across);
        const uint64_t rows = round_up(ceil_div32(p->rows, groups), unit);
        const uint64_t cost = columns * (rows > fetch ? rows : fetch) * ROW + rows * pack;
        if (cost < least) {
            least = cost;
            best = groups;
        }
    }
    return best;
}

void cpu_gemm_run(const struct cpu_gemm *gemm, const struct cpu_product *product, uint32_t member, uint32_t members,
                  void *scratch)
{
    const struct cpu_micro_kernel *kernel = &gemm->kernel;
    const uint32_t groups = row_groups(kernel, product, members), across = members / groups;
    const struct cpu_range rows = part(product->rows, kernel->any_rows ? 1 : kernel->rows, member / across, groups);
    const struct cpu_range columns = part(product->n, kernel->columns, member % across, across);
    if (gemm->panels && product->depth)
        cpu_gemm_run_blocks(kernel, product, rows, columns, scratch);
    else if (!gemm->panels)
        run_sgemm(gemm, product, rows, columns);
}
