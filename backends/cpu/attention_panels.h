/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of attention, and in bf16 of its gradients: a tile of rows, packed, against panels that lie in scratch.
 */
#ifndef BACKENDS_CPU_ATTENTION_PANELS_H
#define BACKENDS_CPU_ATTENTION_PANELS_H

#include "backends/cpu/micro_kernel.h"
#include "backends/cpu/step.h"
#include "common/round.h"

static inline size_t panel_steps(const struct cpu_micro_kernel *kernel, uint32_t depth)
{
    return (size_t)round_up32(depth, kernel->weight_multiple) / kernel->weight_depth * kernel->columns;
}

static inline void pack_panels(const struct cpu_micro_kernel *kernel, const struct cpu_matrix *weight, uint32_t n,
                               uint32_t depth, step *to)
{
    for (uint32_t i = 0; i < n; i += kernel->columns, to += panel_steps(kernel, depth)) {
        const struct cpu_matrix rows = {weight->data + i * weight->row_step, weight->row_step, weight->column_step};
        kernel->pack_weight(kernel, &rows, n - i < kernel->columns ? n - i : kernel->columns, depth, to);
    }
}

/* out [rows, n] = x panels^T; += if it adds. Rows of out are whole vectors. */
struct packed_product {
    const struct cpu_micro_kernel *kernel;
    uint32_t *shape;         /* of its tiles */
    const step *x, *panels;  /* packed: x of at most kernel->rows */
    uint32_t rows, n, depth; /* of x, of panels, of both */
    float *out;
    size_t out_stride;
    struct cpu_rows met; /* as wide as out, met after it: to be fetched; data NULL: nothing */
    bool adds;
};

static inline void multiply_panels(const struct packed_product *p)
{
    const struct cpu_micro_kernel *kernel = p->kernel;
    const size_t panel = panel_steps(kernel, p->depth);
    const step *panels = p->panels;
    struct cpu_tile_product t = {.x = p->x,
                                 .next_x = p->x,
                                 .out_stride = p->out_stride,
                                 .rows = p->rows,
                                 .panel_rows = p->rows,
                                 .depth = p->depth,
                                 .shape = p->shape};
    for (uint32_t i = 0; i < p->n; i += kernel->columns, panels += panel) {
        t.weight = panels;
        t.next_weight = panels + panel;
        t.later = (const char *)panels;
        t.addend = (struct cpu_rows){p->adds ? p->out + i : NULL, p->out_stride};
        t.met[0] = (struct cpu_rows){p->met.data ? p->met.data + i : NULL, p->met.stride};
        t.out = p->out + i;
        t.columns = p->n - i < kernel->columns ? p->n - i : kernel->columns;
        kernel->multiply(kernel, &t);
    }
}
#endif
