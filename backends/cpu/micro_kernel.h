/* SPDX-License-Identifier: Apache-2.0
 *
 * The innermost product, behind one face whoever wrote it: tiles of x weight^T from packed panels. Beside our own, one
 * for each level, there are those of tiles and that of BLIS.
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
    const void *next_x;      /* the same of x */
    const float *bias;       /* [columns], NULL: none */
    struct cpu_rows addend;  /* may be out; data NULL: none */
    struct cpu_rows met[2];  /* as wide as the tile, met after it: to be fetched too; data may be NULL */
    const char *later;       /* part of a weight that comes some tiles later: to be fetched into the second level */
    uint32_t later_step;     /* of cache, so many bytes with each step, at most two lines; 0: nothing */
    float *out;
    uint16_t *halves;  /* out in bf16 in place of floats, of a kernel that leaves them; or NULL */
    size_t out_stride; /* floats; as many bytes of halves */
    uint32_t rows, columns, depth;
    uint32_t panel_rows;                      /* of the panel that x is a part of */
    const void *prepared_x, *prepared_weight; /* x and weight as the kernel has prepared them, or NULL */
    void *wide_weight;                        /* where to leave weight for the wide kernel, or NULL */
    bool few;                                 /* the whole product has few rows (least_rows of the kernel) */
    uint32_t *shape; /* the kernel's own from tile to tile: what the processor is set up for. 0 before the first one */
};

/* Depth is packed in steps of 4 bytes: an f32 element, two of bf16, or four bytes. A panel of the weight is [steps,
 * weight_step], so that any range of steps is one piece of memory. */
struct cpu_micro_kernel {
    uint32_t rows, columns;         /* of the largest tile */
    uint32_t lanes;                 /* columns are written in multiples of it */
    uint32_t x_step, weight_step;   /* as many as take room in a panel */
    uint32_t x_depth, weight_depth; /* elements of depth in a step */
    uint32_t depth_multiple;        /* panels of x have room for depth rounded up to it; parts of depth begin at one */
    uint32_t weight_multiple;       /* the same of panels of the weight */
    uint32_t x_row_bytes;         /* of what a row of a panel of x has behind all steps: then panels are packed whole */
    uint32_t weight_column_bytes; /* the same of a column of a panel of the weight */
    uint32_t most_depth;          /* of a block of x: more is multiplied in parts, or not at all if panels are whole */
    uint32_t block_rows, least_rows; /* worth taking through a chain at a time; fewer in all are few */
    uint32_t speed;                  /* of a tile beside that of multiply-adds in f32, about */
    bool any_rows;                   /* fewer rows are no slower each */
    bool leaves_halves;              /* whole tiles, at once */
    void (*pack_x)(const struct cpu_micro_kernel *kernel, const struct cpu_matrix *x, uint32_t rows, uint32_t depth,
                   void *panel);
    void (*pack_weight)(const struct cpu_micro_kernel *kernel, const struct cpu_matrix *weight, uint32_t columns,
                        uint32_t depth, void *panel);
    void (*multiply)(const struct cpu_micro_kernel *kernel, const struct cpu_tile_product *tile);
    /* What tiles are multiplied from may be something else than what lies packed: made in scratch of a panel of x for
     * all panels of the weight, and of one of those for a whole block of x, of at most most_depth. Of few rows nothing
     * is. NULL and 0: of none. */
    void (*prepare_x)(const struct cpu_micro_kernel *kernel, const void *panel, uint32_t rows, uint32_t depth,
                      void *prepared);
    void (*prepare_weight)(const struct cpu_micro_kernel *kernel, const void *panel, uint32_t depth, void *prepared);
    uint32_t prepared_bytes; /* of an element; CPU_PREPARED_HEAD are before them */
    void (*release)(void);   /* after the last tile of a product, if shape is not 0 */
    /* Where weights lie smaller than they are multiplied: the kernel that reads what the first tile of a panel of the
     * weight leaves of it, for the tiles after that one. The same in all else, sums too. NULL: none. */
    const struct cpu_micro_kernel *wide;
    void *context; /* of BLIS, or the kernel that tiles are built upon */
};

/* Bytes before what is prepared of a panel, and the multiple of depth that it has. */
enum { CPU_PREPARED_HEAD = 64, CPU_PREPARED_DEPTH = 32 };

/* Steps of depth for which a row of a panel of x lies together, in our own micro-kernels: [chunks][rows][CPU_CHUNK]. */
enum { CPU_CHUNK = 64 };

/* Floats that a micro-kernel may fetch behind packed memory (BLIS's kernel for AVX-512 loads a step ahead): what is
 * allocated for packed matrices has as many more. */
enum { CPU_PACKED_AHEAD = 64 };
#endif
