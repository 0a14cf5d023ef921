/* SPDX-License-Identifier: Apache-2.0
 *
 * Micro-kernels on tiles: what they take over from the one below them, and how large their blocks are. Numbers follow
 * from rates of one core that were measured: a tile product 16 cycles, a tile from the first level of cache 8, from the
 * second one 23.
 */
#include "backends/cpu/tiles.h"

enum {
    HALVES_DEPTH = 512, /* a panel of the weight that deep stays in the first level of cache */
    PARTS_DEPTH = 256,  /* three parts of it */
    BLOCK_ROWS = 256,   /* for fewer the weight does not come as fast as it is multiplied */
    FEW_HALVES = 5,     /* below that memory is what one waits for, and vectors need not be set up */
    FEW_PARTS = 64,     /* making parts of the weight takes as long as multiplying about 17 rows in f32 */
    HALVES_SPEED = 8,
    BYTES_SPEED = 16,
    PARTS_SPEED = 2
};

struct cpu_micro_kernel cpu_tiles_halves(const struct cpu_tiles *tiles, const struct cpu_micro_kernel *base)
{
    struct cpu_micro_kernel kernel = *base;
    kernel.rows = kernel.x_step = CPU_TILES_ROWS;
    kernel.most_depth = HALVES_DEPTH;
    kernel.block_rows = BLOCK_ROWS;
    kernel.least_rows = FEW_HALVES;
    kernel.leaves_halves = false;
    kernel.speed = HALVES_SPEED;
    kernel.multiply = tiles->multiply;
    kernel.release = tiles->release;
    kernel.context = (void *)(uintptr_t)base;
    return kernel;
}

/* Depth is not parted, since a row has one scale: panels deeper than 1536 come from the second level of cache. */
struct cpu_micro_kernel cpu_tiles_bytes(const struct cpu_tiles *tiles, const struct cpu_micro_kernel *base)
{
    struct cpu_micro_kernel kernel = *base;
    kernel.rows = kernel.x_step = CPU_TILES_ROWS;
    kernel.block_rows = BLOCK_ROWS;
    kernel.least_rows = FEW_HALVES;
    kernel.speed = BYTES_SPEED;
    kernel.multiply = tiles->multiply_bytes;
    kernel.release = tiles->release;
    kernel.context = (void *)(uintptr_t)base;
    return kernel;
}

struct cpu_micro_kernel cpu_tiles_parts(const struct cpu_tiles *tiles, const struct cpu_micro_kernel *base,
                                        uint32_t parts, bool always)
{
    struct cpu_micro_kernel kernel = *base;
    kernel.rows = kernel.x_step = CPU_TILES_ROWS;
    kernel.most_depth = PARTS_DEPTH;
    kernel.block_rows = BLOCK_ROWS;
    kernel.least_rows = always ? 0 : FEW_PARTS;
    kernel.leaves_halves = false;
    kernel.speed = PARTS_SPEED;
    kernel.multiply = tiles->multiply_parts;
    kernel.prepare_x = tiles->part_x;
    kernel.prepare_weight = tiles->part_weight;
    kernel.prepared_bytes = 2 * parts;
    kernel.release = tiles->release;
    kernel.context = (void *)(uintptr_t)base;
    return kernel;
}
