/* SPDX-License-Identifier: Apache-2.0
 *
 * What the ops with a product share.
 */
#ifndef BACKENDS_CPU_PRODUCT_H
#define BACKENDS_CPU_PRODUCT_H

#include "backends/cpu/gemm.h"
#include "backends/cpu/kernel.h"

/* Packs a weight that is no constant into the memory of the team. NULL if products read it as it lies. */
static inline const void *cpu_pack_in_run(const struct cpu_call *call, const struct cpu_matrix *weight, uint32_t n,
                                          uint32_t depth)
{
    if (!call->gemm->panels)
        return NULL;
    const struct cpu_share share = cpu_share(cpu_gemm_weight_panels(call->gemm, n), call->member, call->members);
    cpu_gemm_pack_weight(call->gemm, weight, n, depth, share.first, share.last, call->shared);
    cpu_barrier(call);
    return call->shared;
}
#endif
