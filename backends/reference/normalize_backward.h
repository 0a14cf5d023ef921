/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of LayerNorm, for embed_backward and layer_norm_backward. d_gamma and d_beta may be absent.
 */
#ifndef BACKENDS_REFERENCE_NORMALIZE_BACKWARD_H
#define BACKENDS_REFERENCE_NORMALIZE_BACKWARD_H

#include "backends/reference/kernel.h"

struct norm {
    const struct ref_call *call;
    double (*x)(const struct ref_call *call, uint32_t r, uint32_t c);
    double (*d_y)(const struct ref_call *call, uint32_t r, uint32_t c);
    const struct ref_operand *gamma, *mean, *rstd;
    const struct ref_operand *d_gamma, *d_beta, *d_x;
};

static inline double normalized(const struct norm *n, uint32_t r, uint32_t c)
{
    return (n->x(n->call, r, c) - (double)*ref_row(n->mean, r)) * (double)*ref_row(n->rstd, r);
}

static inline void normalize_backward_row(const struct norm *n, uint32_t r)
{
    const uint32_t width = n->d_x->width;
    const real *gamma = n->gamma->data;
    double *g = n->call->scratch, mean = 0, slope = 0;
    for (uint32_t c = 0; c < width; c++) {
        g[c] = n->d_y(n->call, r, c) * (double)gamma[c];
        mean += g[c] / width;
        slope += g[c] * normalized(n, r, c) / width;
    }
    for (uint32_t c = 0; c < width; c++)
        ref_row(n->d_x, r)[c] = (real)((double)*ref_row(n->rstd, r) * (g[c] - mean - normalized(n, r, c) * slope));
}

static inline void add_column(const struct norm *n, uint32_t c)
{
    double gamma = 0, beta = 0;
    for (uint32_t r = 0; r < n->d_x->rows; r++) {
        gamma += n->d_y(n->call, r, c) * normalized(n, r, c);
        beta += n->d_y(n->call, r, c);
    }
    if (n->d_gamma->data)
        ref_row(n->d_gamma, 0)[c] = (real)((double)ref_row(n->d_gamma, 0)[c] + gamma);
    if (n->d_beta->data)
        ref_row(n->d_beta, 0)[c] = (real)((double)ref_row(n->d_beta, 0)[c] + beta);
}

static inline void normalize_backward(const struct norm *n)
{
    for (uint32_t r = n->call->member; r < n->d_x->rows; r += n->call->members)
        normalize_backward_row(n, r);
    for (uint32_t c = n->call->member; c < n->d_x->width; c += n->call->members)
        add_column(n, c);
}
#endif
