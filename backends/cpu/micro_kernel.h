/* SPDX-License-Identifier: Apache-2.0
 *
 * The innermost product, behind one face whoever wrote it: tiles of x weight^T from packed panels. Beside our own, one
 * for each level, there is that of BLIS.
 */
#ifndef BACKENDS_CPU_MICRO_KERNEL_H
#define BACKENDS_CPU_MICRO_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Element (i, k) lies at data[i * row_step + k * column_step]: either orientation of what a product reads. */
struct cpu_matrix {
    const float *data;
    size_t row_step, column_step;
};

/* Rows of floats, `stride` apart. */
struct cpu_rows {
    const float *data;
    size_t stride;
};

/* A tile: out [rows, columns] = bias + x [rows, depth] weight^T + addend. As many columns as make whole vectors are
 * written, up to all of the panel. */
struct cpu_tile_product {
    const void *x, *weight;  /* packed */
    const void *next_weight; /* of the tile that follows: to be fetched ahead */
    const float *bias;       /* [columns], NULL: none */
    struct cpu_rows addend;  /* may be out; data NULL: none */
    struct cpu_rows met[2];  /* as wide as the tile, met after it: to be fetched too; data may be NULL */
    const char *later;       /* part of a weight that comes some tiles later: to be fetched into the second level */
    uint32_t later_step;     /* of cache, so many bytes with each step, at most two lines; 0: nothing */
    float *out;
    size_t out_stride;
    uint32_t rows, columns, depth;
};

/* Depth is packed in steps of 4 bytes: an f32 element, or two of bf16. A panel of the weight is [steps, weight_step],
 * so that any range of steps is one piece of memory. */
struct cpu_micro_kernel {
    uint32_t rows, columns;       /* of the largest tile */
    uint32_t x_step, weight_step; /* as many as take room in a panel */
    uint32_t step_depth;          /* elements of depth in a step */
    uint32_t depth_multiple;      /* panels of x have room for depth rounded up to it; parts of depth begin at one */
    bool any_rows;                /* fewer rows are no slower each */
    void (*pack_x)(const struct cpu_micro_kernel *kernel, const struct cpu_matrix *x, uint32_t rows, uint32_t depth,
                   void *panel);
    void (*pack_weight)(const struct cpu_micro_kernel *kernel, const struct cpu_matrix *weight, uint32_t columns,
                        uint32_t depth, void *panel);
    void (*multiply)(const struct cpu_micro_kernel *kernel, const struct cpu_tile_product *tile);
    void *context; /* of BLIS */
};

/* Steps of depth for which a row of a panel of x lies together, in our own micro-kernels: [chunks][rows][CPU_CHUNK]. */
enum { CPU_CHUNK = 64 };

/* Floats that a micro-kernel may fetch behind packed memory (BLIS's kernel for AVX-512 loads a step ahead): what is
 * allocated for packed matrices has as many more. */
enum { CPU_PACKED_AHEAD = 64 };
#endif
