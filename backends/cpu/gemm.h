/* SPDX-License-Identifier: Apache-2.0
 *
 * out = x weight^T on panels that are packed once, by a micro-kernel of our own or of BLIS; or BLIS's sgemm on matrices
 * as they lie. Tiles are handed to the caller while they are in cache.
 */
#ifndef BACKENDS_CPU_GEMM_H
#define BACKENDS_CPU_GEMM_H

#include "backends/cpu/micro_kernel.h"

/* How products are made on a device. Filled by cpu_gemm_init, then read-only. */
struct cpu_gemm {
    bool panels; /* by micro-kernel, else by sgemm */
    struct cpu_micro_kernel kernel;
    struct cpu_micro_kernel attention; /* of its products, which pack what they multiply in each run */
    void *blis;                        /* for sgemm: its context, NULL if that is not ours to choose */
    char name[96];                     /* "own micro-kernel 14x32", "BLIS 0.9.0 zen3 micro-kernel 6x16" */
};

enum cpu_gemm_way { CPU_GEMM_OWN, CPU_GEMM_BLIS, CPU_GEMM_SGEMM };

/* own is the micro-kernel of a level, or tiles upon it, attention that of its attention. BLIS is taken as it fits the
 * level ("c", "avx2", "avx512"), and by sgemm if it must be. */
void cpu_gemm_init(struct cpu_gemm *gemm, enum cpu_gemm_way way, const char *level, const struct cpu_micro_kernel *own,
                   const struct cpu_micro_kernel *attention);

/* Whether no product of that depth can be made: more than one block of x, where panels are whole. */
static inline bool cpu_gemm_is_too_deep(const struct cpu_gemm *gemm, uint32_t depth)
{
    return gemm->kernel.x_row_bytes && depth > gemm->kernel.most_depth;
}

/* Bytes of a packed weight [n, depth] without what CPU_PACKED_AHEAD asks for behind it, 0 if weights stay as they are.
 */
uint64_t cpu_gemm_weight_bytes(const struct cpu_gemm *gemm, uint32_t n, uint32_t depth);

/* Packs panels first .. last-1 of a weight [n, depth]; there are cpu_gemm_weight_panels. */
uint32_t cpu_gemm_weight_panels(const struct cpu_gemm *gemm, uint32_t n);
void cpu_gemm_pack_weight(const struct cpu_gemm *gemm, const struct cpu_matrix *weight, uint32_t n, uint32_t depth,
                          uint32_t first, uint32_t last, void *packed);

/* Bytes of scratch that a member needs for any product of that depth or less; a multiple of 64. */
uint64_t cpu_gemm_scratch_bytes(const struct cpu_gemm *gemm, uint32_t depth);

/* ---- what one product leaves packed for the next: x of up to so many rows, parted into panels as if they were one
 * block. Where a row is packed when it is whole, the rows are left as they are instead, as far apart as they are wide,
 * and their memory stays in cache. */

static inline bool cpu_gemm_passes_rows(const struct cpu_gemm *gemm)
{
    return gemm->kernel.x_row_bytes;
}

/* Bytes of it for a product of that depth, a multiple of 64; 0 where that cannot be: by the micro-kernel, or because a
 * product that is `made_of` deep takes the rows in several blocks. */
uint64_t cpu_gemm_passed_bytes(const struct cpu_gemm *gemm, uint32_t rows, uint32_t made_of, uint32_t depth);

/* A tile of the product that is complete: its first sum, rows of them `stride` apart. */
struct cpu_tile {
    uint32_t row, rows, column, columns;
    float *sums;
    size_t stride;
    void *passed; /* where the result is to be left packed, rows of it CPU_CHUNK steps apart; past a whole chunk of
                     columns as many rows further; or NULL */
};

/* out [rows, n] = bias + x [rows, depth] weight^T + residual. */
struct cpu_product {
    struct cpu_matrix x;
    const void *passed_x;     /* x, left packed by the product before it; NULL: it is packed here */
    void *passed_out;         /* where finish leaves the result packed, of all n; NULL: nowhere */
    struct cpu_matrix weight; /* [n, depth], for sgemm */
    const void *packed;       /* the same, for micro-kernels */
    float *out;
    size_t out_stride;
    uint32_t all_rows;        /* of the product that this is a part of: one way for all parts. 0: rows */
    uint32_t rows, n, depth;  /* depth may be 0 where residual is out: nothing is added */
    const float *bias;        /* [n], NULL: none */
    struct cpu_rows residual; /* [rows, n], may be out; data NULL: none */
    /* Takes each tile once, and adds residual itself; then out need not hold the product in the end, though parts of
     * sums may pass there. NULL: the product is wanted in out. */
    void (*finish)(const void *argument, const struct cpu_tile *tile);
    const void *argument;
    /* The result is left in bf16, from where rows of out begin: no finish, whole tiles, one part of depth. */
    bool halves;
};

/* Rows that take their way through a chain of nodes at a time. */
static inline uint32_t cpu_gemm_block_rows(const struct cpu_gemm *gemm)
{
    return gemm->kernel.block_rows;
}

/* This member's share of the product. Members need not wait for each other. */
void cpu_gemm_run(const struct cpu_gemm *gemm, const struct cpu_product *product, uint32_t member, uint32_t members,
                  void *scratch);

/* ---- BLIS, in blis.c */

/* Its micro-kernel for a level. False if this is not the BLIS whose inner interface we know. */
bool cpu_blis_micro_kernel(const char *level, struct cpu_micro_kernel *kernel);

/* "BLIS 0.9.0 zen3" */
void cpu_blis_name(const char *level, char *name, size_t bytes);

/* The context of a level, NULL if BLIS chooses by itself. */
void *cpu_blis_context(const char *level);

/* The tile of a product, by one thread. */
void cpu_blis_sgemm(void *context, const struct cpu_product *product, const struct cpu_tile *tile);
#endif
