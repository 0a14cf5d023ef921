/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels that are passes of several ops, and how a node of another op is shown to them.
 */
#ifndef BACKENDS_GPU_OPS_PASSES_H
#define BACKENDS_GPU_OPS_PASSES_H

#include "backends/gpu/derive.h"

/* ---- activation.c: dropout of linear and embed is a pass of its own over y, which adds the residual too. */

extern const struct gpu_kernel gpu_kernel_activation, gpu_kernel_activation_backward;

/* Operands of the node; NULL: it has none. */
struct gpu_dropout {
    const struct gpu_slot *y, *residual, *origin, *random;
    uint32_t site, drop_below;
    float keep_scale;
};
/* Whether words are drawn at all. */
static inline bool gpu_drops(uint32_t drop_below, const struct gpu_slot *origin, const struct gpu_slot *random)
{
    return drop_below && gpu_slot_here(origin) && gpu_slot_here(random);
}
void gpu_derive_dropout(struct gpu_view *view, const struct gpu_dropout *dropout);

/* ---- arrange.c: a matrix as a product wants it, in scratch. */

extern const struct gpu_kernel gpu_kernel_arrange;

/* A weight [rows, depth] of a product, in scratch from that byte on: rows, or panels where products want those. */
struct gpu_slot gpu_arranged_weight(const struct gpu_view *view, uint64_t offset, uint32_t rows, uint32_t depth);
uint64_t gpu_arranged_bytes(const struct gpu_slot *weight);
/* The view of `arrange`: source, or its transpose, becomes result. */
void gpu_derive_arrange(struct gpu_view *view, struct gpu_slot source, struct gpu_slot result, bool transpose);

/* ---- linear.c: a product whose operands other passes brought into scratch. */

extern const struct gpu_kernel gpu_kernel_linear, gpu_kernel_linear_sum, gpu_kernel_linear_cpu;

struct gpu_product {
    struct gpu_slot x, weight, residual, y;
    uint64_t slices; /* byte of scratch from which on the sums of slices lie */
};
void gpu_derive_product(struct gpu_view *view, const struct gpu_product *product);
/* Of that view: bytes of the sums of slices, 0 if K is not cut. */
uint64_t gpu_slices_bytes(const struct gpu_view *product);

/* ---- layer_norm_backward.c, column_sums.c */

extern const struct gpu_kernel gpu_kernel_layer_norm_backward, gpu_kernel_column_sums;

/* The view of `column_sums` from that of a layer_norm_backward. Of its operands d_gamma needs x, mean and rstd. */
void gpu_derive_norm_sums(const struct gpu_view *norm, struct gpu_view *view);

/* ---- loss_mean.c: the last pass of every loss. */

extern const struct gpu_kernel gpu_kernel_loss_mean;

struct gpu_mean {
    const struct gpu_slot *loss, *total, *count;
    uint32_t planes; /* means; the scratch of the node has a term and a weight for each row and plane */
    uint32_t factor; /* elements that a unit of weight stands for */
};
/* The scratch of a loss with one plane. */
uint32_t gpu_term_and_weight(const struct gpu_view *view);
void gpu_derive_loss_mean(const struct gpu_view *node, struct gpu_view *view, const struct gpu_mean *mean);
#endif
