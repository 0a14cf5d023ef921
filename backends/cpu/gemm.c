/* SPDX-License-Identifier: Apache-2.0
 *
 * The loops around a micro-kernel: a block of x is packed for the second level of cache, panels of the weight pass it
 * one after the other, and each tile is finished as soon as it is complete.
 */
#include <stdio.h>
#include <string.h>

#include "backends/cpu/gemm.h"
#include "common/round.h"

enum {
    SGEMM_ROWS = 8, /* products by sgemm are parted in these units */
    SGEMM_COLUMNS = 16,
    SGEMM_BLOCK = 64,
    MOST_TILE_COLUMNS = 64,
    MOST_TILE_FLOATS = 31 * MOST_TILE_COLUMNS,
    BLOCK_BYTES = 448 << 10, /* of packed x: beside a panel of the weight it fits the second level of cache */
    FEW_PANELS = 3,          /* of x: less arithmetic than it takes to bring the weight */
    FEW_ROWS = 4,            /* of x: memory never rests as it is, and what is fetched twice only costs */
    LARGE_PANEL = 48 << 10   /* bytes of the weight that take longer to bring than a tile */
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

/* Of the steps. */
static uint64_t weight_part_bytes(const struct cpu_micro_kernel *kernel, uint32_t depth)
{
    return 4 * round_up(depth, kernel->weight_multiple) / kernel->weight_depth * kernel->weight_step;
}

static uint64_t weight_panel_bytes(const struct cpu_micro_kernel *kernel, uint32_t depth)
{
    return weight_part_bytes(kernel, depth) + (uint64_t)kernel->weight_column_bytes * kernel->weight_step;
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

/* ---- blocks of x */

struct range {
    uint32_t first, last;
};

/* Part i of n in units of `unit`. */
static struct range part(uint32_t n, uint32_t unit, uint32_t i, uint32_t parts)
{
    const uint64_t units = ceil_div32(n, unit);
    uint64_t first = units * i / parts * unit, last = units * (i + 1) / parts * unit;
    first = first < n ? first : n;
    last = last < n ? last : n;
    return (struct range){(uint32_t)first, (uint32_t)last};
}

/* Depth of a block of x: all of it, or even parts. */
static uint32_t block_depth(const struct cpu_micro_kernel *kernel, uint32_t depth)
{
    const uint32_t parts = ceil_div32(depth, kernel->most_depth);
    return parts < 2 ? depth : round_up32(ceil_div32(depth, parts), kernel->depth_multiple);
}

static uint64_t x_panel_bytes(const struct cpu_micro_kernel *kernel, uint32_t depth)
{
    return (4 * round_up(depth, kernel->depth_multiple) / kernel->x_depth + kernel->x_row_bytes) * kernel->x_step;
}

/* Panels of x in a block, one at least. */
static uint32_t block_panels(const struct cpu_micro_kernel *kernel, uint32_t depth)
{
    const uint64_t panels = BLOCK_BYTES / x_panel_bytes(kernel, block_depth(kernel, depth));
    return panels ? (uint32_t)panels : 1;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* A block of x in scratch. */
static uint64_t packed_bytes(uint64_t panel)
{
    return round_up((panel > BLOCK_BYTES ? panel : BLOCK_BYTES) + CPU_PACKED_AHEAD * sizeof(float), 64);
}

/* What is prepared of a panel of x or of the weight, as deep as a block: a multiple of 64. */
static uint64_t prepared_bytes(const struct cpu_micro_kernel *kernel, uint32_t rows, uint32_t depth)
{
    if (!kernel->prepare_x)
        return 0;
    const uint32_t padded = round_up32(block_depth(kernel, depth), CPU_PREPARED_DEPTH);
    return CPU_PREPARED_HEAD + (uint64_t)padded * rows * kernel->prepared_bytes;
}

/* A panel of the weight for the wide kernel, as deep as a block. */
static uint64_t wide_bytes(const struct cpu_micro_kernel *kernel, uint32_t depth)
{
    const uint32_t padded = round_up32(block_depth(kernel, depth), kernel->weight_multiple);
    return kernel->wide ? weight_part_bytes(kernel->wide, padded) + CPU_PACKED_AHEAD * sizeof(float) : 0;
}

uint64_t cpu_gemm_scratch_bytes(const struct cpu_gemm *gemm, uint32_t depth)
{
    const struct cpu_micro_kernel *kernel = &gemm->kernel;
    if (!gemm->panels || !depth)
        return 0;
    const uint64_t panel = x_panel_bytes(kernel, smaller(depth, kernel->most_depth));
    return packed_bytes(panel) + block_panels(kernel, depth) * prepared_bytes(kernel, kernel->rows, depth) +
           prepared_bytes(kernel, kernel->columns, depth) + wide_bytes(kernel, depth);
}

static uint32_t panels_of(const struct cpu_micro_kernel *kernel, uint32_t rows)
{
    return (rows + kernel->rows - 1) / kernel->rows;
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

/* Rows of a product that are packed together, in panels as even as the kernel likes them, and the depth of them. */
struct block {
    struct range rows, depth;
    uint32_t panels, panel_rows, larger; /* the first `larger` panels have a row more than panel_rows */
    char *packed;                        /* panels of x, of that depth or passed whole */
    size_t panel_bytes;
    char *prepared, *prepared_weight; /* panels of x of that depth, and room for one of the weight, or NULL */
    size_t prepared_bytes;            /* of a panel of x */
    char *wide;                       /* room for a panel of the weight, or NULL: a single tile meets it */
    bool few;
    uint32_t *shape;
};

static void part_block(const struct cpu_micro_kernel *kernel, struct block *block)
{
    const uint32_t n = block->rows.last - block->rows.first;
    block->panels = panels_of(kernel, n);
    block->panel_rows = kernel->any_rows ? n / block->panels : kernel->rows;
    block->larger = kernel->any_rows ? n % block->panels : 0;
}

static struct range panel_rows(const struct block *block, uint32_t i)
{
    const uint32_t larger = i < block->larger ? i : block->larger, n = block->panel_rows + (i < block->larger);
    const uint32_t first = block->rows.first + i * block->panel_rows + larger;
    return (struct range){first, block->rows.last - first < n ? block->rows.last : first + n};
}

/* Where step k of a row of a panel of x would lie if it were the only one: k is a multiple of depth_multiple. */
static size_t x_row_bytes(const struct cpu_micro_kernel *kernel, uint32_t k)
{
    return 4 * (size_t)k / kernel->x_depth;
}

/* Rows that take room in a panel of x. */
static uint32_t rows_in_panel(const struct cpu_micro_kernel *kernel, uint32_t rows)
{
    return kernel->any_rows ? rows : kernel->x_step;
}

/* Where step k of a panel of x lies. */
static size_t x_part_bytes(const struct cpu_micro_kernel *kernel, uint32_t rows, uint32_t k)
{
    return x_row_bytes(kernel, k) * rows_in_panel(kernel, rows);
}

/* Steps first .. last-1 of upright rows: they lie far apart, where the processor does not foresee them. */
static void fetch_upright(const struct cpu_matrix *x, struct range rows, uint32_t first, uint32_t last)
{
    enum { LINE = 16 };
    for (uint32_t k = first; k < last; k++)
        for (uint32_t i = rows.first; i < rows.last; i += LINE)
            __builtin_prefetch(x->data + k * x->column_step + i);
}

/* Panel i of a block, n steps from step k of the block on. */
static void pack_part(const struct cpu_micro_kernel *kernel, const struct cpu_product *p, const struct block *block,
                      uint32_t i, uint32_t k, uint32_t n)
{
    const struct range rows = panel_rows(block, i);
    const struct cpu_matrix x = {p->x.data + rows.first * p->x.row_step + (block->depth.first + k) * p->x.column_step,
                                 p->x.row_step, p->x.column_step};
    kernel->pack_x(kernel, &x, rows.last - rows.first, n,
                   block->packed + i * block->panel_bytes + x_part_bytes(kernel, rows.last - rows.first, k));
}

/* Rows are read from end to end. Of upright ones a line of cache belongs to several panels: all of them take their part
 * of a few steps, while the next steps are fetched. */
static void pack_block(const struct cpu_micro_kernel *kernel, const struct cpu_product *p, const struct block *block)
{
    const uint32_t depth = block->depth.last - block->depth.first;
    const uint32_t few = (uint32_t)round_up(CPU_CHUNK, kernel->depth_multiple);
    const uint32_t together = p->x.column_step == 1 || kernel->x_row_bytes ? depth : few;
    for (uint32_t k = 0; k < depth; k += together) {
        const uint32_t n = smaller(together, depth - k), next = block->depth.first + k + n;
        const uint32_t ahead = smaller(together, depth - k - n);
        for (uint32_t i = 0; i < block->panels; i++) {
            const struct range of = part(ahead, 1, i, block->panels);
            fetch_upright(&p->x, block->rows, next + of.first, next + of.last);
            pack_part(kernel, p, block, i, k, n);
        }
    }
}

/* ---- tiles */

static void copy_tile(const struct cpu_tile *tile, struct cpu_rows from, float *to, size_t to_stride)
{
    for (uint32_t r = 0; r < tile->rows; r++)
        memcpy(to + r * to_stride, from.data + r * from.stride, tile->columns * sizeof(float));
}

/* The tile's part of rows [rows, n]; data may be NULL. */
static struct cpu_rows rows_of_tile(struct cpu_rows rows, const struct cpu_tile *tile)
{
    return rows.data ? (struct cpu_rows){rows.data + tile->row * rows.stride + tile->column, rows.stride} : rows;
}

/* One panel of x against one of the weight. Sums pass by `out` where they are parts, and never past the columns that
 * are real; a tile to be finished is complete before it leaves the first level of cache. Both structs are completed
 * where they lie: a copy would be read in other pieces than it was written in, which processors wait for. */
static void multiply_tile(const struct cpu_micro_kernel *kernel, const struct cpu_product *p, const struct block *block,
                          struct cpu_tile *tile, struct cpu_tile_product *product)
{
    float sums[MOST_TILE_FLOATS] __attribute__((aligned(64))), bias[MOST_TILE_COLUMNS];
    float *out = p->out + tile->row * p->out_stride + tile->column;
    const bool first = !block->depth.first, finish = p->finish && block->depth.last == p->depth;
    const bool whole = tile->columns == kernel->columns;
    const struct cpu_rows none = {0}, before = {out, p->out_stride}, residual = rows_of_tile(p->residual, tile);
    product->met[0] = tile->passed ? (struct cpu_rows){tile->passed, CPU_CHUNK} : before;
    product->met[1] = residual;
    product->bias = first && p->bias ? p->bias + tile->column : NULL;
    product->addend = !first ? before : p->finish ? none : residual;
    tile->sums = whole && !finish ? out : sums;
    tile->stride = whole && !finish ? p->out_stride : kernel->columns;
    if (!whole && product->addend.data) {
        copy_tile(tile, product->addend, sums, tile->stride);
        product->addend = (struct cpu_rows){sums, tile->stride};
    }
    if (!whole && product->bias) {
        memset(bias, 0, sizeof bias);
        product->bias = memcpy(bias, product->bias, tile->columns * sizeof *bias);
    }
    product->out = tile->sums;
    product->out_stride = tile->stride;
    kernel->multiply(kernel, product);
    if (finish)
        p->finish(p->argument, tile);
    else if (!whole)
        copy_tile(tile, (struct cpu_rows){sums, tile->stride}, out, p->out_stride);
}

static const void *prepared_panel(const struct block *block, uint32_t i)
{
    return block->prepared ? block->prepared + i * block->prepared_bytes : NULL;
}

/* Where a result is left packed from a column on. Divisions are made once for all panels of x. */
struct passed {
    char *to;                             /* NULL: nowhere */
    size_t panel_bytes, row_bytes, bytes; /* bytes: in the chunk of a row */
};

static struct passed passed_column(const struct cpu_micro_kernel *kernel, const struct cpu_product *p, uint32_t column)
{
    const uint32_t chunk = CPU_CHUNK * kernel->x_depth, in_chunk = column % chunk;
    if (!p->passed_out)
        return (struct passed){0};
    return (struct passed){.to = p->passed_out,
                           .panel_bytes = x_panel_bytes(kernel, p->n),
                           .row_bytes = x_row_bytes(kernel, column - in_chunk),
                           .bytes = x_row_bytes(kernel, in_chunk)};
}

/* All panels of x of a block against one of the weight. `product` has what is the same for all of them. */
static void multiply_column(const struct cpu_micro_kernel *kernel, const struct cpu_product *p,
                            const struct block *block, struct range columns, struct cpu_tile_product *product)
{
    const size_t x_before = x_row_bytes(kernel, p->passed_x ? block->depth.first : 0);
    const struct passed passed = passed_column(kernel, p, columns.first);
    const char *weight = product->weight, *next_weight = product->next_weight, *later = product->later;
    const size_t later_bytes = weight_panel_bytes(kernel, product->depth) / block->panels;
    const uint32_t later_step = product->later_step, wide_step = ceil_div32(later_step, kernel->weight_depth);
    for (uint32_t i = 0; i < block->panels; i++) {
        const struct range rows = panel_rows(block, i);
        const uint32_t n = rows.last - rows.first, in_panel = rows_in_panel(kernel, n);
        const bool wide = i && block->wide;
        struct cpu_tile tile = {.row = rows.first, .rows = n, .column = columns.first, .columns = product->columns};
        if (passed.to)
            tile.passed = passed.to + i * passed.panel_bytes + passed.row_bytes * in_panel + passed.bytes;
        product->x = block->packed + i * block->panel_bytes + x_before * in_panel;
        product->weight = wide ? block->wide : weight;
        product->next_weight = i + 1 == block->panels ? next_weight : block->wide ? block->wide : weight;
        product->later = later + i * later_bytes;
        product->later_step = wide ? wide_step : later_step;
        product->wide_weight = wide ? NULL : block->wide;
        product->rows = n;
        product->panel_rows = n;
        product->prepared_x = prepared_panel(block, i);
        multiply_tile(wide ? kernel->wide : kernel, p, block, &tile, product);
    }
}

/* Where a panel of the weight would be waited for, each tile fetches its part of the next one, so that memory never
 * rests. */
static void multiply_block(const struct cpu_micro_kernel *kernel, const struct cpu_product *p,
                           const struct block *block, struct range columns)
{
    const uint32_t depth = block->depth.last - block->depth.first;
    const size_t weight_panel = weight_panel_bytes(kernel, p->depth), depth_bytes = weight_panel_bytes(kernel, depth);
    const size_t met_bytes = depth_bytes * kernel->weight_depth / kernel->x_depth; /* with as many steps as x has */
    const bool waits =
        block->rows.last - block->rows.first > FEW_ROWS && (block->panels <= FEW_PANELS || met_bytes >= LARGE_PANEL);
    const uint32_t later_step = waits ? (4 * kernel->weight_step + block->panels - 1) / block->panels : 0;
    const char *weight = (const char *)p->packed + weight_part_bytes(kernel, block->depth.first) +
                         columns.first / kernel->columns * weight_panel;
    struct cpu_tile_product product = {
        .depth = depth, .prepared_weight = block->prepared_weight, .few = block->few, .shape = block->shape};
    for (; columns.first < columns.last; columns.first += kernel->columns, weight += weight_panel) {
        const uint32_t left = columns.last - columns.first;
        const bool last = left <= kernel->columns;
        if (block->prepared_weight)
            kernel->prepare_weight(kernel, weight, depth, block->prepared_weight);
        product.weight = weight;
        product.next_weight = weight + weight_panel;
        product.later = last ? weight : weight + weight_panel;
        product.later_step = last ? 0 : later_step;
        product.columns = smaller(left, kernel->columns);
        multiply_column(kernel, p, block, columns, &product);
    }
}

/* What the kernel makes of the panels of x before it multiplies them, behind the packed ones in scratch. */
static void prepare_block(const struct cpu_micro_kernel *kernel, const struct cpu_product *p, struct block *block,
                          char *scratch)
{
    if (!kernel->prepare_x || block->few)
        return;
    const uint32_t depth = block->depth.last - block->depth.first, before = p->passed_x ? block->depth.first : 0;
    block->prepared = scratch + packed_bytes(x_panel_bytes(kernel, smaller(p->depth, kernel->most_depth)));
    block->prepared_bytes = prepared_bytes(kernel, kernel->rows, p->depth);
    block->prepared_weight = block->prepared + block->panels * block->prepared_bytes;
    for (uint32_t i = 0; i < block->panels; i++) {
        const struct range rows = panel_rows(block, i);
        const uint32_t n = rows.last - rows.first;
        kernel->prepare_x(kernel, block->packed + i * block->panel_bytes + x_part_bytes(kernel, n, before), n, depth,
                          block->prepared + i * block->prepared_bytes);
    }
}

static void run_panels(const struct cpu_micro_kernel *kernel, const struct cpu_product *p, struct range rows,
                       struct range columns, void *scratch)
{
    uint32_t shape = 0;
    const uint32_t step = block_depth(kernel, p->depth), n = rows.last - rows.first;
    const uint32_t panels = panels_of(kernel, n), most = block_panels(kernel, p->depth);
    const uint32_t blocks = p->passed_x ? 1 : ceil_div32(panels, most);
    for (uint32_t b = 0; b < blocks && columns.first < columns.last; b++) {
        const struct range of = part(n, kernel->rows, b, blocks);
        struct block block = {.rows = {rows.first + of.first, rows.first + of.last},
                              .packed = p->passed_x ? (char *)(uintptr_t)p->passed_x : scratch,
                              .few = (p->all_rows ? p->all_rows : p->rows) < kernel->least_rows,
                              .shape = &shape};
        part_block(kernel, &block);
        for (uint32_t k = 0; k < p->depth; k += step) {
            block.depth = (struct range){k, p->depth - k < step ? p->depth : k + step};
            block.panel_bytes = x_panel_bytes(kernel, p->passed_x ? p->depth : block.depth.last - k);
            if (!p->passed_x)
                pack_block(kernel, p, &block);
            prepare_block(kernel, p, &block, scratch);
            if (kernel->wide && block.panels > 1)
                block.wide =
                    (char *)scratch + packed_bytes(x_panel_bytes(kernel, smaller(p->depth, kernel->most_depth)));
            multiply_block(kernel, p, &block, columns);
        }
    }
    if (shape)
        kernel->release();
}

static void run_sgemm(const struct cpu_gemm *gemm, const struct cpu_product *p, struct range rows, struct range columns)
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

/* ---- members */

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
    const struct range rows = part(product->rows, kernel->any_rows ? 1 : kernel->rows, member / across, groups);
    const struct range columns = part(product->n, kernel->columns, member % across, across);
    if (gemm->panels && product->depth)
        run_panels(kernel, product, rows, columns, scratch);
    else if (!gemm->panels)
        run_sgemm(gemm, product, rows, columns);
}
