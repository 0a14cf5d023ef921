/* SPDX-License-Identifier: Apache-2.0
 *
 * Losses that a framework leaves unreduced, or sums: one number for each sequence or example, from the logits. The
 * graph has the mean, with which models are trained.
 */
#include <math.h>

#include "session/session.h"

/* Element i of a column of logits that lie `stride` apart. */
struct column {
    const float *at;
    uint64_t n, stride;
};

static double cross_entropy(struct column x, int64_t label)
{
    double top = -INFINITY, sum = 0;
    for (uint64_t i = 0; i < x.n; i++)
        top = fmax(top, (double)x.at[i * x.stride]);
    for (uint64_t i = 0; i < x.n; i++)
        sum += exp((double)x.at[i * x.stride] - top);
    return top + log(sum) - (double)x.at[(uint64_t)label * x.stride];
}

static double of_class(const struct session_packing *p, const float *logits, uint32_t width, uint64_t i)
{
    const int64_t label = session_integer(p->r->labels, i);
    return label == -100 ? 0 : cross_entropy((struct column){logits + i * width, width, 1}, label);
}

/* The mean over the labels of a sequence: of squares, or of binary cross-entropies. */
static double of_values(const struct session_packing *p, const float *logits, uint32_t width, uint64_t i)
{
    double sum = 0;
    for (uint64_t j = i * width; j < (i + 1) * width; j++) {
        const double x = (double)logits[j], y = session_real(p->r->labels, j);
        sum += p->r->problem == ELECTRA_REGRESSION ? (x - y) * (x - y) : fmax(x, 0) - x * y + log1p(exp(-fabs(x)));
    }
    return sum / width;
}

/* Every position was kept. */
static double of_answer(const struct session_packing *p, const float *logits, uint64_t i)
{
    const pln_tensor *const positions[] = {p->r->start_positions, p->r->end_positions};
    double sum = 0;
    for (uint32_t j = 0; j < 2; j++) {
        const int64_t given = session_integer(positions[j], i), position = given < 0 ? 0 : given;
        const struct column x = {logits + 2 * i * p->r->length + j, p->r->length, 2};
        sum += position < (int64_t)p->r->length ? cross_entropy(x, position) / 2 : 0;
    }
    return sum;
}

double session_row_loss(const struct session_packing *p, const float *logits, uint32_t width, uint64_t i)
{
    if (p->session->head->labels == PLN_LABELS_SPANS)
        return of_answer(p, logits, i);
    const bool values = p->session->head->labels == PLN_LABELS_SEQUENCES && p->r->problem != ELECTRA_SINGLE_LABEL;
    return values ? of_values(p, logits, width, i) : of_class(p, logits, width, i);
}
