/* SPDX-License-Identifier: Apache-2.0
 *
 * The loops around a micro-kernel: a block of x is packed for the second level of cache, panels of the weight pass it
 * one after the other, and each tile is finished as soon as it is complete.
 */
#include <string.h>

#include "backends/cpu/gemm_blocks.h"

enum {
    MOST_TILE_COLUMNS = 64,
    MOST_TILE_FLOATS = 31 * MOST_TILE_COLUMNS,
    FEW_PANELS = 3,        /* of x: less arithmetic than it takes to bring the weight */
    FEW_ROWS = 4,          /* of x: memory never rests as it is, and what is fetched twice only costs */
    LARGE_PANEL = 48 << 10 /* bytes of the weight that take longer to bring than a tile */
};

/* ---- blocks of x */

/* Rows of a product that are packed together, in panels as even as the kernel likes them, and the depth of them. */
struct block {
    struct cpu_range rows, depth;
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

static struct cpu_range panel_rows(const struct block *block, uint32_t i)
{
    const uint32_t larger = i < block->larger ? i : block->larger, n = block->panel_rows + (i < block->larger);
    const uint32_t first = block->rows.first + i * block->panel_rows + larger;
    return (struct cpu_range){first, block->rows.last - first < n ? block->rows.last : first + n};
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
static void fetch_upright(const struct cpu_matrix *x, struct cpu_range rows, uint32_t first, uint32_t last)
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
    const struct cpu_range rows = panel_rows(block, i);
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
            const struct cpu_range of = part(ahead, 1, i, block->panels);
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
    const struct cpu_rows left = {p->halves ? out - tile->column / 2 : out, p->out_stride};
    product->met[0] = tile->passed ? (struct cpu_rows){tile->passed, CPU_CHUNK} : left;
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
    product->halves = p->halves ? (uint16_t *)(void *)left.data : NULL;
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

/* Where a result is left packed from a column on. */
struct passed {
    char *to;                /* NULL: nowhere */
    size_t row_bytes, bytes; /* bytes: in the chunk of a row */
};

static struct passed passed_column(const struct cpu_micro_kernel *kernel, const struct cpu_product *p, uint32_t column)
{
    const uint32_t chunk = CPU_CHUNK * kernel->x_depth, in_chunk = column % chunk;
    if (!p->passed_out)
        return (struct passed){0};
    return (struct passed){.to = p->passed_out,
                           .row_bytes = x_row_bytes(kernel, column - in_chunk),
                           .bytes = x_row_bytes(kernel, in_chunk)};
}

/* Bytes in a block, the same for all panels of the weight. */
struct distances {
    size_t x_before;    /* in a row of a panel of x, before the block */
    size_t passed;      /* a panel of what is left packed */
    size_t later;       /* what a tile fetches of a panel of the weight */
    uint32_t wide_step; /* of what is fetched later, where the weight lies wide */
};

/* All panels of x of a block against one of the weight. `product` has what is the same for all of them. */
static void multiply_column(const struct cpu_micro_kernel *kernel, const struct cpu_product *p,
                            const struct block *block, const struct distances *distances, struct cpu_range columns,
                            struct cpu_tile_product *product)
{
    const struct passed passed = passed_column(kernel, p, columns.first);
    const char *weight = product->weight, *next_weight = product->next_weight, *later = product->later;
    const uint32_t later_step = product->later_step, wide_step = later_step ? distances->wide_step : 0;
    for (uint32_t i = 0; i < block->panels; i++) {
        const struct cpu_range rows = panel_rows(block, i);
        const uint32_t n = rows.last - rows.first, in_panel = rows_in_panel(kernel, n);
        const bool wide = i && block->wide;
        struct cpu_tile tile = {.row = rows.first, .rows = n, .column = columns.first, .columns = product->columns};
        if (passed.to)
            tile.passed = passed.to + i * distances->passed + passed.row_bytes * in_panel + passed.bytes;
        product->x = block->packed + i * block->panel_bytes + distances->x_before * in_panel;
        product->next_x = i + 1 == block->panels ? block->packed : block->packed + (i + 1) * block->panel_bytes;
        product->weight = wide ? block->wide : weight;
        product->next_weight = i + 1 == block->panels ? next_weight : block->wide ? block->wide : weight;
        product->later = later + i * distances->later;
        product->later_step = wide ? wide_step : later_step;
        product->wide_weight = wide ? NULL : block->wide;
        product->rows = n;
        product->panel_rows = n;
        product->prepared_x = prepared_panel(block, i);
        multiply_tile(wide ? kernel->wide : kernel, p, block, &tile, product);
    }
}

/* The same where tiles are whole and complete at once: little differs from one to the next. */
static void multiply_whole_column(const struct cpu_micro_kernel *kernel, const struct cpu_product *p,
                                  const struct block *block, const struct distances *distances,
                                  struct cpu_range columns, struct cpu_tile_product *product)
{
    float sums[MOST_TILE_FLOATS] __attribute__((aligned(64)));
    const struct passed passed = passed_column(kernel, p, columns.first);
    const char *x = block->packed, *next_weight = product->next_weight;
    struct cpu_tile tile = {.row = block->rows.first,
                            .column = columns.first,
                            .columns = kernel->columns,
                            .sums = sums,
                            .stride = kernel->columns};
    const struct cpu_rows residual = rows_of_tile(p->residual, &tile);
    float *out = p->out + tile.row * p->out_stride + tile.column;
    product->bias = p->bias ? p->bias + tile.column : NULL;
    product->out_stride = p->finish ? tile.stride : p->out_stride;
    product->met[0].stride = passed.to ? CPU_CHUNK : p->out_stride;
    product->met[1] = residual;
    product->addend = p->finish ? (struct cpu_rows){0} : residual;
    for (uint32_t i = 0; i < block->panels; i++) {
        const bool last = i + 1 == block->panels;
        tile.rows = block->panel_rows + (i < block->larger);
        tile.passed = passed.to ? passed.to + i * distances->passed +
                                      passed.row_bytes * rows_in_panel(kernel, tile.rows) + passed.bytes
                                : NULL;
        product->x = x + distances->x_before * rows_in_panel(kernel, tile.rows);
        x = last ? block->packed : x + block->panel_bytes;
        product->next_x = x;
        product->next_weight = last ? next_weight : product->weight;
        product->rows = product->panel_rows = tile.rows;
        product->out = p->finish ? sums : out;
        product->met[0].data = tile.passed ? tile.passed : p->halves ? out - tile.column / 2 : out;
        product->halves = p->halves ? (uint16_t *)(void *)(out - tile.column / 2) : NULL;
        product->prepared_x = prepared_panel(block, i);
        kernel->multiply(kernel, product);
        if (p->finish)
            p->finish(p->argument, &tile);
        tile.row += tile.rows;
        out += tile.rows * p->out_stride;
        product->later += distances->later;
        product->met[1].data = residual.data ? product->met[1].data + tile.rows * residual.stride : NULL;
        product->addend.data = product->addend.data ? product->met[1].data : NULL;
    }
}

/* Where a panel of the weight would be waited for, each tile fetches its part of the next one, so that memory never
 * rests. */
static void multiply_block(const struct cpu_micro_kernel *kernel, const struct cpu_product *p,
                           const struct block *block, struct cpu_range columns)
{
    const uint32_t depth = block->depth.last - block->depth.first;
    const size_t weight_panel = weight_panel_bytes(kernel, p->depth), depth_bytes = weight_panel_bytes(kernel, depth);
    const size_t met_bytes = depth_bytes * kernel->weight_depth / kernel->x_depth; /* with as many steps as x has */
    const bool waits =
        block->rows.last - block->rows.first > FEW_ROWS && (block->panels <= FEW_PANELS || met_bytes >= LARGE_PANEL);
    const uint32_t later_step = waits ? (4 * kernel->weight_step + block->panels - 1) / block->panels : 0;
    const struct distances distances = {.x_before = x_row_bytes(kernel, p->passed_x ? block->depth.first : 0),
                                        .passed = p->passed_out ? x_panel_bytes(kernel, p->n) : 0,
                                        .later = depth_bytes / block->panels,
                                        .wide_step = ceil_div32(later_step, kernel->weight_depth)};
    const bool at_once = depth == p->depth && kernel->any_rows && !block->wide;
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
        if (at_once && product.columns == kernel->columns)
            multiply_whole_column(kernel, p, block, &distances, columns, &product);
        else
            multiply_column(kernel, p, block, &distances, columns, &product);
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
        const struct cpu_range rows = panel_rows(block, i);
        const uint32_t n = rows.last - rows.first;
        kernel->prepare_x(kernel, block->packed + i * block->panel_bytes + x_part_bytes(kernel, n, before), n, depth,
                          block->prepared + i * block->prepared_bytes);
    }
}

void cpu_gemm_run_blocks(const struct cpu_micro_kernel *kernel, const struct cpu_product *p, struct cpu_range rows,
                         struct cpu_range columns, void *scratch)
{
    uint32_t shape = 0;
    const uint32_t step = block_depth(kernel, p->depth), n = rows.last - rows.first;
    const uint32_t panels = panels_of(kernel, n), most = block_panels(kernel, p->depth);
    const uint32_t blocks = p->passed_x ? 1 : ceil_div32(panels, most);
    for (uint32_t b = 0; b < blocks && columns.first < columns.last; b++) {
        const struct cpu_range of = part(n, kernel->rows, b, blocks);
        struct block block = {.rows = {rows.first + of.first, rows.first + of.last},
                              .packed = p->passed_x ? (char *)(uintptr_t)p->passed_x : scratch,
                              .few = (p->all_rows ? p->all_rows : p->rows) < kernel->least_rows,
                              .shape = &shape};
        part_block(kernel, &block);
        for (uint32_t k = 0; k < p->depth; k += step) {
            block.depth = (struct cpu_range){k, p->depth - k < step ? p->depth : k + step};
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
