/* SPDX-License-Identifier: Apache-2.0
 *
 * Panels of a head for the products of the gradients of attention.
 */
#ifndef BACKENDS_CPU_ATTENTION_PANELS_H
#define BACKENDS_CPU_ATTENTION_PANELS_H

#include "backends/cpu/attention_scores.h"
#include "backends/cpu/panels.h"
#include "backends/cpu/transpose.h"

/* Keys or values, transposed: panels [sources / lanes][head_size][lanes]. */
static inline void pack_transposed(const struct span *s, const struct cpu_operand *operand, float *panels)
{
    const uint32_t n = s->params->head_size;
    for (uint32_t j = 0; j < s->score_stride; j += VEC_LANES) {
        for (uint32_t c = 0; c < n; c += VEC_LANES) {
            float *to = panels + ((size_t)j * n + (size_t)c * VEC_LANES);
            vec square[VEC_LANES];
            for (uint32_t i = 0; i < VEC_LANES; i++)
                square[i] =
                    j + i < s->sources ? vec_load_some(head_row(s, operand, s->source + j + i) + c, n - c) : (vec){0};
            vec_transpose(square);
            for (uint32_t i = 0; i < VEC_LANES && c + i < n; i++)
                vec_store(to + (size_t)i * VEC_LANES, square[i]);
        }
    }
}

/* Rows as they are: panels [head_size / lanes][rows][lanes]. */
static inline void pack_rows(const struct span *s, const struct cpu_operand *operand, uint32_t first, uint32_t rows,
                             float *panels)
{
    const uint32_t n = s->params->head_size;
    for (uint32_t r = 0; r < rows; r++) {
        const float *from = head_row(s, operand, first + r);
        float *to = panels + (size_t)r * VEC_LANES;
        for (uint32_t c = 0; c < n; c += VEC_LANES, to += (size_t)rows * VEC_LANES)
            vec_store(to, vec_load_some(from + c, n - c));
    }
}

/* Rows of an operand of the head against transposed panels: out [rows, sources]. */
static inline void multiply_transposed(const struct span *s, const struct cpu_operand *operand, uint32_t first,
                                       uint32_t rows, const float *panels, float *out)
{
    panel_product(&(struct panel_product){.a = head_row(s, operand, first),
                                          .a_stride = operand->stride,
                                          .a_step = 1,
                                          .panels = panels,
                                          .depth = s->params->head_size,
                                          .n_panels = (uint32_t)s->score_stride / VEC_LANES,
                                          .out = out,
                                          .out_stride = s->score_stride},
                  rows);
}
#endif
