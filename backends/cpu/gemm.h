/* SPDX-License-Identifier: Apache-2.0
 *
 * out = x weight^T on BLIS: its micro-kernel on weights packed once, or its sgemm where that inner interface is not the
 * one we know. Tiles are handed to the caller while they are in cache.
 */
#ifndef BACKENDS_CPU_GEMM_H
#define BACKENDS_CPU_GEMM_H

#include <stdbool.h>
#include <stdint.h>

/* How products are made on a device. Filled by cpu_gemm_init, then read-only. */
struct cpu_gemm {
    bool panels;   /* by micro-kernel, else by sgemm */
    void *context; /* of BLIS */
    void (*kernel)(void);
    void (*pack)(void); /* of rows of x */
    bool weight_is_b;   /* the micro-kernel writes rows: its B is the weight, its A is x; else the other way round */
    uint32_t weight_panel, weight_step; /* rows of the weight in a panel, and floats they take for each column */
    uint32_t x_panel, x_step;
    uint32_t block_rows, block_depth; /* of x in the second level of cache; block_rows is a multiple of x_panel */
    char name[64];                    /* "BLIS 0.9.0 zen3 micro-kernel 6x16" */
};

/* Kernels of BLIS that fit the level ("c", "avx2", "avx512"), by sgemm if that is asked for or must be. */
void cpu_gemm_init(struct cpu_gemm *gemm, const char *level, bool sgemm);

/* Floats that a micro-kernel may fetch behind packed memory (BLIS's kernel for AVX-512 loads a step ahead): what is
 * allocated for packed weights has as many more. */
enum { CPU_GEMM_AHEAD = 64 };

/* Floats of a packed weight [n, depth], 0 if weights stay as they are. */
uint64_t cpu_gemm_weight_floats(const struct cpu_gemm *gemm, uint32_t n, uint32_t depth);

/* Packs one panel from dense rows [weight_panel or fewer, depth]. */
void cpu_gemm_pack_weight(const struct cpu_gemm *gemm, const float *rows, uint32_t n, uint32_t depth, float *panel);

/* Bytes of scratch that a member needs for any product of that depth; a multiple of 64. */
uint64_t cpu_gemm_scratch_bytes(const struct cpu_gemm *gemm, uint32_t depth);

struct cpu_tile {
    uint32_t row, rows, column, columns;
};

/* out [rows, n] = x [rows, depth] weight^T. weight is packed, or dense [n, depth] for sgemm. */
struct cpu_product {
    const float *x, *weight;
    float *out;
    uint32_t x_stride, out_stride;
    uint32_t rows, n, depth;
    void (*finish)(const void *argument, struct cpu_tile tile); /* the tile of out is complete */
    const void *argument;
};

/* This member's share of the product. Members need not wait for each other. */
void cpu_gemm_run(const struct cpu_gemm *gemm, const struct cpu_product *product, uint32_t member, uint32_t members,
                  void *scratch);
#endif
