/* SPDX-License-Identifier: Apache-2.0
 *
 * Products by a micro-kernel, block by block: bytes of panels and of the blocks that they make, for what allocates them,
 * and the loops.
 */
#ifndef BACKENDS_CPU_GEMM_BLOCKS_H
#define BACKENDS_CPU_GEMM_BLOCKS_H

#include "backends/cpu/gemm.h"
#include "common/round.h"

enum { CPU_BLOCK_BYTES = 448 << 10 }; /* of packed x: beside a panel of the weight it fits the second level of cache */

/* ---- a weight */

/* Of the steps. */
static inline uint64_t weight_part_bytes(const struct cpu_micro_kernel *kernel, uint32_t depth)
{
    return 4 * round_up(depth, kernel->weight_multiple) / kernel->weight_depth * kernel->weight_step;
}

static inline uint64_t weight_panel_bytes(const struct cpu_micro_kernel *kernel, uint32_t depth)
{
    return weight_part_bytes(kernel, depth) + (uint64_t)kernel->weight_column_bytes * kernel->weight_step;
}

/* ---- x */

/* Where step k of a row of a panel of x would lie if it were the only one: k is a multiple of depth_multiple. */
static inline size_t x_row_bytes(const struct cpu_micro_kernel *kernel, uint32_t k)
{
    return 4 * (size_t)k / kernel->x_depth;
}

/* Depth of a block of x: all of it, or even parts. */
static inline uint32_t block_depth(const struct cpu_micro_kernel *kernel, uint32_t depth)
{
    const uint32_t parts = ceil_div32(depth, kernel->most_depth);
    return parts < 2 ? depth : round_up32(ceil_div32(depth, parts), kernel->depth_multiple);
}

static inline uint64_t x_panel_bytes(const struct cpu_micro_kernel *kernel, uint32_t depth)
{
    return (4 * round_up(depth, kernel->depth_multiple) / kernel->x_depth + kernel->x_row_bytes) * kernel->x_step;
}

/* Panels of x in a block, one at least. */
static inline uint32_t block_panels(const struct cpu_micro_kernel *kernel, uint32_t depth)
{
    const uint64_t panels = CPU_BLOCK_BYTES / x_panel_bytes(kernel, block_depth(kernel, depth));
    return panels ? (uint32_t)panels : 1;
}

static inline uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* A block of x in scratch. */
static inline uint64_t packed_bytes(uint64_t panel)
{
    return round_up((panel > CPU_BLOCK_BYTES ? panel : CPU_BLOCK_BYTES) + CPU_PACKED_AHEAD * sizeof(float), 64);
}

/* What is prepared of a panel of x or of the weight, as deep as a block: a multiple of 64. */
static inline uint64_t prepared_bytes(const struct cpu_micro_kernel *kernel, uint32_t rows, uint32_t depth)
{
    if (!kernel->prepare_x)
        return 0;
    const uint32_t padded = round_up32(block_depth(kernel, depth), CPU_PREPARED_DEPTH);
    return CPU_PREPARED_HEAD + (uint64_t)padded * rows * kernel->prepared_bytes;
}

/* A panel of the weight for the wide kernel, as deep as a block. */
static inline uint64_t wide_bytes(const struct cpu_micro_kernel *kernel, uint32_t depth)
{
    const uint32_t padded = round_up32(block_depth(kernel, depth), kernel->weight_multiple);
    return kernel->wide ? weight_part_bytes(kernel->wide, padded) + CPU_PACKED_AHEAD * sizeof(float) : 0;
}

static inline uint32_t panels_of(const struct cpu_micro_kernel *kernel, uint32_t rows)
{
    return (rows + kernel->rows - 1) / kernel->rows;
}

/* ---- products */

/* Rows or columns. */
struct cpu_range {
    uint32_t first, last;
};

/* Part i of n in units of `unit`. */
static inline struct cpu_range part(uint32_t n, uint32_t unit, uint32_t i, uint32_t parts)
{
    const uint64_t units = ceil_div32(n, unit);
    uint64_t first = units * i / parts * unit, last = units * (i + 1) / parts * unit;
    first = first < n ? first : n;
    last = last < n ? last : n;
    return (struct cpu_range){(uint32_t)first, (uint32_t)last};
}

/* These rows and columns of a product. scratch: cpu_gemm_scratch_bytes. */
void cpu_gemm_run_blocks(const struct cpu_micro_kernel *kernel, const struct cpu_product *p, struct cpu_range rows,
                         struct cpu_range columns, void *scratch);
#endif
