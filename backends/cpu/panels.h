/* SPDX-License-Identifier: Apache-2.0
 *
 * A small product for the gradients of attention in f32: rows of a, in either orientation and as they lie, against panels
 * of one vector's width in scratch. Packing rows for the micro-kernel would take longer than it gains.
 */
#ifndef BACKENDS_CPU_PANELS_H
#define BACKENDS_CPU_PANELS_H

#include <stdbool.h>

#include "backends/cpu/micro_kernel.h"
#include "backends/cpu/transpose.h"
#include "common/round.h"

/* A matrix [n, depth] as panels [n / lanes][depth][lanes]; past n they are zero. */
static inline void pack_lanes(const struct cpu_matrix *matrix, uint32_t n, uint32_t depth, float *panels)
{
    for (uint32_t i = 0; i < n; i += VEC_LANES, panels += (size_t)depth * VEC_LANES) {
        const uint32_t rows = n - i < VEC_LANES ? n - i : VEC_LANES;
        const float *from = matrix->data + i * matrix->row_step;
        if (matrix->column_step != 1)
            for (uint32_t k = 0; k < depth; k++)
                vec_store(panels + (size_t)k * VEC_LANES, vec_load_some(from + k * matrix->column_step, rows));
        for (uint32_t k = 0; matrix->column_step == 1 && k < depth; k += VEC_LANES) {
            vec square[VEC_LANES];
            for (uint32_t j = 0; j < VEC_LANES; j++)
                square[j] = j < rows ? vec_load_some(from + j * matrix->row_step + k, depth - k) : (vec){0};
            vec_transpose(square);
            for (uint32_t j = 0; j < VEC_LANES && k + j < depth; j++)
                vec_store(panels + (size_t)(k + j) * VEC_LANES, square[j]);
        }
    }
}

/* out[i][p * VEC_LANES ..] = sum over k of a[i][k] * panels[p][k][..], panels [n_panels][depth][VEC_LANES]; element
 * a[i][k] lies at a[i * a_stride + k * a_step]. Rows of out are whole vectors. */
struct panel_product {
    const float *a, *panels;
    float *out;
    size_t a_stride, a_step, out_stride;
    uint32_t depth, n_panels;
    bool accumulate; /* out += */
};

/* `rows`, `panels` and `turned` (a_stride is 1, else a_step is) are constants where this is called, so that the sums
 * stay in registers. */
static inline __attribute__((always_inline)) void panel_tile(const struct panel_product *p, uint32_t row,
                                                             uint32_t panel, const uint32_t rows, const uint32_t panels,
                                                             const bool turned)
{
    const size_t a_stride = turned ? 1 : p->a_stride;
    const size_t a_step = turned ? p->a_step : 1;
    const float *a = p->a + row * a_stride;
    const float *b = p->panels + (size_t)panel * p->depth * VEC_LANES;
    const size_t next = (size_t)p->depth * VEC_LANES;
    vec sum[6][2] = {{{0}}};
    for (uint32_t k = 0; k < p->depth; k++) {
        const vec b0 = vec_load(b + (size_t)k * VEC_LANES);
        const vec b1 = panels > 1 ? vec_load(b + next + (size_t)k * VEC_LANES) : b0;
#pragma GCC unroll 6
        for (uint32_t i = 0; i < rows; i++) {
            const vec v = vec_all(a[i * a_stride + k * a_step]);
            sum[i][0] += v * b0;
            if (panels > 1)
                sum[i][1] += v * b1;
        }
    }
#pragma GCC unroll 6
    for (uint32_t i = 0; i < rows; i++) {
        float *out = p->out + (row + i) * p->out_stride + (size_t)panel * VEC_LANES;
        vec_store(out, p->accumulate ? vec_load(out) + sum[i][0] : sum[i][0]);
        if (panels > 1)
            vec_store(out + VEC_LANES, p->accumulate ? vec_load(out + VEC_LANES) + sum[i][1] : sum[i][1]);
    }
}

static inline __attribute__((always_inline)) void panel_rows(const struct panel_product *p, uint32_t rows,
                                                             const bool turned)
{
    for (uint32_t panel = 0; panel < p->n_panels; panel += 2) {
        const bool pair = panel + 1 < p->n_panels;
        uint32_t r = 0;
        for (; r + 6 <= rows; r += 6)
            pair ? panel_tile(p, r, panel, 6, 2, turned) : panel_tile(p, r, panel, 6, 1, turned);
        for (; r + 2 <= rows; r += 2)
            pair ? panel_tile(p, r, panel, 2, 2, turned) : panel_tile(p, r, panel, 2, 1, turned);
        for (; r < rows; r++)
            pair ? panel_tile(p, r, panel, 1, 2, turned) : panel_tile(p, r, panel, 1, 1, turned);
    }
}

/* Rows of a lie as they are, or as columns (a_stride is 1). */
static inline void panel_product(const struct panel_product *p, uint32_t rows)
{
    if (p->a_step == 1)
        panel_rows(p, rows, false);
    else
        panel_rows(p, rows, true);
}
#endif
