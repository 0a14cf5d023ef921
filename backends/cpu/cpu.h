/* SPDX-License-Identifier: Apache-2.0
 *
 * What the host side of the cpu backend shares: the levels and their kernels, the device, and how a constant is kept.
 */
#ifndef BACKENDS_CPU_CPU_H
#define BACKENDS_CPU_CPU_H

#include "backends/cpu/gemm.h"
#include "backends/cpu/kernel.h"
#include "backends/cpu/tiles.h"
#include "common/settings.h"

/* ---- levels: one build of all kernels each */

struct cpu_level {
    const char *name;           /* value of the option level */
    cpu_kernel *const *kernels; /* [CPU_OPS], in the order of ops.def */
    const struct cpu_micro_kernel *micro_kernel;
    const struct cpu_micro_kernel *widened_kernel; /* weights are kept in bf16 and multiplied in f32; NULL: none */
    const struct cpu_micro_kernel *byte_kernel;    /* of bytes; NULL: none */
};

/* The level of that name, or the best one if name is NULL, tiles apart. NULL with a record (PLN_INVALID) for an unknown
 * name and for a level that this processor lacks. */
const struct cpu_level *cpu_level_find(const char *name, pln_failure *error);

/* The level whose products round what they multiply to bf16, by the instructions for it: NULL if there are none; and
 * whether they are faster than f32. The other one runs in plain C where the instructions are missing. */
const struct cpu_level *cpu_level_bf16(void);
bool cpu_level_bf16_is_fast(void);
const struct cpu_level *cpu_level_halves(void);

/* The micro-kernel of bytes by vpdpbusd, which level avx512 has on some processors; NULL if there is none. */
const struct cpu_micro_kernel *cpu_level_vnni(void);

/* Tiles of the processor; NULL with the end of a sentence if they cannot be used. Asks the kernel, once. */
const struct cpu_tiles *cpu_level_tiles(const char **refusal);

/* Tiles in plain C: for tests, slow. */
const struct cpu_tiles *cpu_level_twin(void);

/* ---- ops */

#define PLN_OP(number, version, NAME, name, inputs, outputs, in_place, params, gradient) CPU_ROW_##NAME,
enum {
#include "graph/ops.def"
    CPU_OPS
};
#undef PLN_OP
enum { CPU_OPERANDS = 16, CPU_PARAMS = 24 };

struct cpu_row {
    uint32_t op, version, params_size, n_inputs, n_outputs;
    const char *name;
};

extern const struct cpu_row cpu_rows[CPU_OPS];

/* The index of an op in cpu_rows, CPU_OPS if it is unknown. */
uint32_t cpu_row_find(uint32_t op);

/* How deep the products of a node of that row are at capacity, of attention all heads together, of gradients of linear
 * those of the node that they belong to; UINT32_MAX if it has
 * none or that is not fixed. */
uint32_t cpu_product_depth(uint32_t row, const struct cpu_call *capacity);

/* Whether operand i has a row for each row that the op of a row of the table makes, and needs no other to make it:
 * inputs from 0, outputs from CPU_OPERANDS. Never of an op that does not work row by row. */
bool cpu_is_by_rows(uint32_t row, uint32_t i);

/* Bytes of scratch that the op of a row needs at capacity, for each member and for the whole team; multiples of 64. */
uint64_t cpu_member_bytes(uint32_t row, const struct cpu_call *capacity);
uint64_t cpu_shared_bytes(uint32_t row, const struct cpu_call *capacity);

/* ---- device and constants */

/* Kernels and the products that they make. */
struct cpu_math {
    cpu_kernel *const *kernels;
    const char *kernel_level, *product_level, *level; /* of kernels; of linear; as the device is told to have */
    const char *products, *attention_products; /* what multiplies, where that is not the multiply-add of the level; or
                                                  NULL */
    struct cpu_gemm gemm;
};

/* What the options ask for; NULL where one is not given. */
struct cpu_asked {
    const char *level, *math, *products;
    enum cpu_gemm_way way;
};

/* PLN_INVALID with a record for what is unknown, for what does not go together and for what this processor lacks. */
pln_status cpu_math_choose(const struct cpu_asked *asked, struct cpu_math *deep, struct cpu_math *shallow,
                           pln_failure *error);

/* "linear avx512", "linear bf16 vdpbf16ps": the kernel of a row of the table. */
void cpu_math_name(const struct cpu_math *math, uint32_t row, char *name, size_t bytes);

/* Products less deep than this are not rounded to bf16 or to bytes unless that is asked for: they take little time, and
 * models that have them lose most. */
enum { CPU_SHALLOW = 128 };

/* Bytes in f32 of a weight that stays in cache, so that keeping it smaller gains no time: where bf16 is widened it stays
 * in f32, unless everything is asked to be rounded (depth 0). */
enum { CPU_WEIGHT_IN_CACHE = 256 << 10 };

struct pln_device {
    const pln_host *host;
    struct cpu_math deep, shallow; /* the same under math=f32 */
    uint32_t depth;                /* less is shallow, as is what would be more than a sum of bytes has room for */
    struct settings settings;
};

/* How the product with a weight [n, depth] is made; n is UINT32_MAX of what is no constant. */
static inline const struct cpu_math *cpu_math_of(const pln_device *device, uint32_t n, uint32_t depth)
{
    const bool in_cache =
        device->deep.gemm.kernel.wide && device->depth && (uint64_t)n * depth <= CPU_WEIGHT_IN_CACHE / sizeof(float);
    return depth < device->depth || in_cache || cpu_gemm_is_too_deep(&device->deep.gemm, depth) ? &device->shallow
                                                                                                : &device->deep;
}

struct pln_constant {
    const float *rows; /* dense [rows, width]; NULL if no use needs them */
    float *own;        /* the memory of rows, NULL if it is the caller's */
    void *panels;      /* packed for linear, or NULL */
    uint64_t bytes;    /* of rows, also if they are the caller's, and panels */
};

/* Bytes of a constant: its rows, also if they are used where they lie, and its panels. */
struct cpu_constant_bytes {
    uint64_t rows, panels;
};
struct cpu_constant_bytes cpu_constant_bytes(const pln_device *device, const pln_constant_info *info);

pln_status cpu_constant_create(pln_device *device, const pln_constant_info *info, pln_constant **constant,
                               pln_failure *error);
void cpu_constant_destroy(pln_device *device, pln_constant **constant);

/* ---- plans, as in pln_backend */

pln_status cpu_supports(pln_device *device, const pln_segment *segment, pln_verdict *verdicts, uint32_t verdict_stride,
                        pln_failure *error);
pln_status cpu_plan_create(pln_device *device, const pln_segment *segment, pln_plan **plan, pln_failure *error);
pln_status cpu_plan_run(pln_plan *plan, const pln_run *run, pln_failure *error);
void cpu_plan_destroy(pln_plan **plan);
void cpu_plan_cancel(pln_plan *plan);
pln_status cpu_plan_timing(pln_plan *plan, uint64_t *node_ns, uint32_t n_nodes, pln_failure *error);
pln_status cpu_plan_info(pln_device *device, const pln_segment *segment, pln_plan *plan, pln_plan_info *info,
                         pln_failure *error);
#endif
