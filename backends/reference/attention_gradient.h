/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient by a score of attention, for attention_backward and attention_backward_distance.
 */
#ifndef BACKENDS_REFERENCE_ATTENTION_GRADIENT_H
#define BACKENDS_REFERENCE_ATTENTION_GRADIENT_H

#include "backends/reference/attention.h"

/* p(i,j) from the log of the sum of exponentials that attention saved. In a row without a visible key that log does not
 * tell their number: its keys share evenly, but those at -infinity. */
static inline double probability(const struct span *s, uint32_t i, uint32_t j, double lse)
{
    const double s_ij = score(s, i, j);
    if (!(lse <= -(double)FLT_MAX))
        return exp(s_ij - lse);
    uint32_t n = 0;
    for (uint32_t k = 0; k < s->sources; k++)
        n += score(s, i, k) >= -(double)FLT_MAX;
    return s_ij >= -(double)FLT_MAX ? 1.0 / n : 0;
}

/* d_s(i,j) of ops.def, times scale; d_y is the row of the head. */
static inline double score_gradient(const struct span *s, uint32_t i, uint32_t j, double p, const real *d_y,
                                    double delta)
{
    if (!visible(s, i, j))
        return 0;
    const double d_p = pair_factor(s, i, j) * dot(d_y, value_row(s, j), s->params->head_size);
    return p * (d_p - delta) * (double)s->params->scale;
}
#endif
