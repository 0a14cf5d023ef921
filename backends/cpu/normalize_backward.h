/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of LayerNorm, for embed_backward and layer_norm_backward: one pass over the rows, which leaves sums for
 * gamma and beta of each piece of rows. Pieces do not depend on the size of the team, so neither do the sums.
 */
#ifndef BACKENDS_CPU_NORMALIZE_BACKWARD_H
#define BACKENDS_CPU_NORMALIZE_BACKWARD_H

#include <string.h>

#include "backends/cpu/columns.h"
#include "backends/cpu/pieces.h"

struct norm {
    const struct cpu_call *call;
    /* Row r of what was normalised and of its gradient, in memory of the operands or of the member. */
    void (*row)(const struct cpu_call *call, uint32_t r, const float **x, const float **d_y);
    const struct cpu_operand *gamma, *mean, *rstd;
    const struct cpu_operand *d_gamma, *d_beta, *d_x; /* the first two may be absent */
};

/* Sums of a piece: of d_y * xhat, and behind them of d_y. */
static inline float *piece_sums(const struct norm *n, uint32_t piece)
{
    return (float *)n->call->shared + (size_t)piece * cpu_piece_floats(n->d_x->width);
}

static inline void normalize_backward_row(const struct norm *n, uint32_t r, float *for_gamma, float *for_beta)
{
    const uint32_t width = n->d_x->width;
    const float mean = *cpu_vector(n->mean, r), rstd = *cpu_vector(n->rstd, r), *gamma = n->gamma->data, *x, *d_y;
    n->row(n->call, r, &x, &d_y);
    vec sum = {0}, slope = {0};
    for (uint32_t c = 0; c < width; c += VEC_LANES) {
        const uint32_t left = width - c;
        const vec d = vec_load_some(d_y + c, left), g = d * vec_load_some(gamma + c, left);
        const vec normal = (vec_load_some(x + c, left) - mean) * rstd; /* past the row d is zero */
        sum += g;
        slope += g * normal;
        vec_store(for_gamma + c, vec_load(for_gamma + c) + d * normal);
        vec_store(for_beta + c, vec_load(for_beta + c) + d);
    }
    const float mean_g = vec_sum(sum) / (float)width, mean_slope = vec_sum(slope) / (float)width;
    float *d_x = cpu_vector(n->d_x, r);
    for (uint32_t c = 0; c < width; c += VEC_LANES) {
        const uint32_t left = width - c;
        const vec g = vec_load_some(d_y + c, left) * vec_load_some(gamma + c, left);
        const vec normal = (vec_load_some(x + c, left) - mean) * rstd;
        vec_store_some(d_x + c, rstd * (g - mean_g - normal * mean_slope), left);
    }
}

/* Columns of this member; `at` is where the sums for it begin in those of a piece. */
static inline void add_pieces(const struct norm *n, const struct cpu_operand *to, size_t at, uint32_t pieces)
{
    const struct cpu_share share = cpu_share_vectors(n->d_x->width, n->call->member, n->call->members);
    for (uint32_t c = share.first; to->data && c < share.last; c += VEC_LANES) {
        vec total = {0};
        for (uint32_t i = 0; i < pieces; i++)
            total += vec_load(piece_sums(n, i) + at + c);
        float *out = cpu_vector(to, 0) + c;
        vec_store_some(out, vec_load_some(out, share.last - c) + total, share.last - c);
    }
}

static inline void normalize_backward(const struct norm *n)
{
    const uint32_t rows = n->d_x->rows, pieces = cpu_pieces(rows);
    const size_t beta = cpu_piece_floats(n->d_x->width) / 2;
    for (uint32_t i = n->call->member; i < pieces; i += n->call->members) {
        float *sums = piece_sums(n, i);
        memset(sums, 0, 2 * beta * sizeof *sums);
        for (uint32_t r = i * CPU_PIECE; r < rows && r < (i + 1) * CPU_PIECE; r++)
            normalize_backward_row(n, r, sums, sums + beta);
    }
    cpu_barrier(n->call);
    add_pieces(n, n->d_gamma, 0, pieces);
    add_pieces(n, n->d_beta, beta, pieces);
}
#endif
