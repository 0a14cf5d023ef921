/* SPDX-License-Identifier: Apache-2.0
 *
 * What a kernel of the cpu backend sees. Kernels are compiled once for each level; CPU_LEVEL names it and CPU_NAME(x)
 * is cpu_<level>_x.
 */
#ifndef BACKENDS_CPU_KERNEL_H
#define BACKENDS_CPU_KERNEL_H

#include <stdbool.h>

#include "api/pleione_backend.h"
#include "api/pleione_ops.h"
#include "common/round.h"

struct cpu_gemm;

/* An operand under the real numbers of a run: rows of float or int32_t. data NULL and panels NULL: absent. */
struct cpu_operand {
    void *data;
    uint16_t *halves;   /* rows in bf16, as many bytes apart as those of floats, which are not there then; or NULL */
    const void *panels; /* of a weight that was packed for linear */
    uint32_t rows, width, stride;
    bool constant;
};

/* One node, seen by one member. in and out are as many as ops.def lists. */
struct cpu_call {
    const struct cpu_operand *in, *out;
    const void *params;
    const struct cpu_gemm *gemm;
    const pln_host *host;
    const void *passed_x; /* of linear: x as the node before left it packed, or NULL */
    void *passed_y;       /* of linear, with nothing but an activation: where to leave y packed, not in y, or NULL */
    uint32_t
        run_rows;  /* of input 0 in the whole run, of which these may be a part; UINT32_MAX if nothing may hang on it */
    void *scratch; /* of this member */
    void *shared;  /* of the team */
    uint32_t member, members;
};

typedef void cpu_kernel(const struct cpu_call *call);

static inline float *cpu_vector(const struct cpu_operand *operand, uint32_t row)
{
    return (float *)operand->data + (size_t)row * operand->stride;
}

static inline uint16_t *cpu_halves(const struct cpu_operand *operand, uint32_t row)
{
    return operand->halves + 2 * (size_t)row * operand->stride;
}

static inline int32_t cpu_index(const struct cpu_operand *operand, uint32_t row)
{
    return ((const int32_t *)operand->data)[(size_t)row * operand->stride];
}

static inline void cpu_barrier(const struct cpu_call *call)
{
    if (call->members > 1)
        call->host->team_barrier(call->host->context);
}

/* Neighbours first .. last-1 of n things that fall to this member. */
struct cpu_share {
    uint32_t first, last;
};

static inline struct cpu_share cpu_share(uint32_t n, uint32_t member, uint32_t members)
{
    return (struct cpu_share){(uint32_t)((uint64_t)n * member / members),
                              (uint32_t)((uint64_t)n * (member + 1) / members)};
}

#ifdef CPU_LEVEL
#define CPU_JOIN(level, name) cpu_##level##_##name
#define CPU_EXPAND(level, name) CPU_JOIN(level, name)
#define CPU_NAME(name) CPU_EXPAND(CPU_LEVEL, name)

#define PLN_OP(number, version, NAME, name, inputs, outputs, in_place, params, gradient) cpu_kernel CPU_NAME(name);
#include "graph/ops.def"
#undef PLN_OP
extern cpu_kernel *const CPU_NAME(kernels)[]; /* in the order of ops.def */
struct cpu_micro_kernel;
extern const struct cpu_micro_kernel CPU_NAME(micro_kernel);
extern const struct cpu_micro_kernel CPU_NAME(widened_kernel), CPU_NAME(byte_kernel); /* of levels in f32 */
#endif
#endif
