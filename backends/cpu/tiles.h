/* SPDX-License-Identifier: Apache-2.0
 *
 * Micro-kernels on tiles (tile.h), built upon one of the vectors, whose panels they read: products of bf16 and of bytes,
 * and an f32 one out of products of bf16. They are compiled with the instructions and once more with their twin in plain C.
 */
#ifndef BACKENDS_CPU_TILES_H
#define BACKENDS_CPU_TILES_H

#include "backends/cpu/micro_kernel.h"

/* What each build has of them. */
struct cpu_tiles {
    void (*multiply)(const struct cpu_micro_kernel *kernel, const struct cpu_tile_product *tile);
    void (*multiply_bytes)(const struct cpu_micro_kernel *kernel, const struct cpu_tile_product *tile);
    void (*multiply_parts)(const struct cpu_micro_kernel *kernel, const struct cpu_tile_product *tile);
    void (*part_x)(const struct cpu_micro_kernel *kernel, const void *panel, uint32_t rows, uint32_t depth,
                   void *parts);
    void (*part_weight)(const struct cpu_micro_kernel *kernel, const void *panel, uint32_t depth, void *parts);
    void (*release)(void);
};

enum { CPU_TILES_ROWS = 32, CPU_TILES_COLUMNS = 32 }; /* of a product: two tiles by two */

/* The micro-kernel for panels of halves as `base` packs them, no wider than CPU_TILES_COLUMNS. Borrows base. */
struct cpu_micro_kernel cpu_tiles_halves(const struct cpu_tiles *tiles, const struct cpu_micro_kernel *base);

/* The same for panels of bytes (bytes.h): its sums are those of base, bit for bit. */
struct cpu_micro_kernel cpu_tiles_bytes(const struct cpu_tiles *tiles, const struct cpu_micro_kernel *base);

/* The one for panels of f32. Each number becomes `parts` halves, 2 or 3, whose sum is the number up to 2^-16 of it, or
 * exactly; 3 or 6 of their products count. Where that would give something else than multiply-adds in f32 (infinity,
 * not a number, numbers beyond 2^48, numbers too small to be normal), a row of x is multiplied by base instead, of a
 * weight the whole panel is. With always products of few rows go this way too. Borrows base. */
struct cpu_micro_kernel cpu_tiles_parts(const struct cpu_tiles *tiles, const struct cpu_micro_kernel *base,
                                        uint32_t parts, bool always);
#endif
