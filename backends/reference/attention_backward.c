/* SPDX-License-Identifier: Apache-2.0
 *
 * attention_backward: gradients by query, key and value. A member takes a head of a sequence, so that nobody else
 * writes its rows and columns; d_key and d_value grow query by query.
 */
#include "backends/reference/attention_gradient.h"

/* Doubles of scratch: d_key and d_value [sources, head_size], then a row [head_size]. */
struct sums {
    double *key, *value, *query;
};

static void add(double *sum, double factor, const real *x, uint32_t n)
{
    for (uint32_t c = 0; c < n; c++)
        sum[c] += factor * (double)x[c];
}

static void write_rows(const struct span *s, const struct ref_operand *out, uint32_t first, uint32_t rows,
                       const double *sums)
{
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t c = 0; c < s->params->head_size; c++)
            head_row(s, out, first + r)[c] = (real)sums[r * s->params->head_size + c];
}

static void add_pair(const struct span *s, const struct sums *sums, uint32_t i, uint32_t j, double d_s)
{
    const uint32_t n = s->params->head_size;
    add(sums->query, d_s, key_row(s, j), n);
    add(sums->key + j * n, d_s, query_row(s, i), n);
    if (s->params->relative)
        add(sums->query, d_s, distance_row(s, i, j), n);
    if (s->params->relative == 2)
        add(sums->key + j * n, d_s, distance_row(s, i, j), n);
}

static void differentiate_query(const struct span *s, const struct ref_call *call, const struct sums *sums, uint32_t i)
{
    const uint32_t n = s->params->head_size, row = s->query + i;
    const struct ref_operand *kept = &call->out[PLN_ATTENTION_BACKWARD_OUTPUT_DELTA];
    const real *d_y = head_row(s, &call->in[PLN_ATTENTION_BACKWARD_INPUT_D_Y], row);
    const double lse = (double)ref_row(&call->in[PLN_ATTENTION_BACKWARD_INPUT_LSE], row)[s->head];
    const double delta = dot(d_y, head_row(s, &call->in[PLN_ATTENTION_BACKWARD_INPUT_Y], row), n);
    for (uint32_t c = 0; c < n; c++)
        sums->query[c] = 0;
    for (uint32_t j = 0; j < s->sources; j++) {
        const double p = probability(s, i, j, lse);
        add(sums->value + j * n, pair_factor(s, i, j) * p, d_y, n);
        add_pair(s, sums, i, j, score_gradient(s, i, j, p, d_y, delta));
    }
    write_rows(s, &call->out[PLN_ATTENTION_BACKWARD_OUTPUT_D_QUERY], row, 1, sums->query);
    if (kept->data)
        ref_row(kept, row)[s->head] = (real)delta;
}

static void differentiate(const struct span *s, const struct ref_call *call)
{
    const uint32_t n = s->sources * s->params->head_size;
    const struct sums sums = {call->scratch, call->scratch + n, call->scratch + 2 * (size_t)n};
    for (size_t c = 0; c < 2 * (size_t)n; c++)
        call->scratch[c] = 0;
    for (uint32_t i = 0; i < s->queries; i++)
        differentiate_query(s, call, &sums, i);
    write_rows(s, &call->out[PLN_ATTENTION_BACKWARD_OUTPUT_D_KEY], s->source, s->sources, sums.key);
    write_rows(s, &call->out[PLN_ATTENTION_BACKWARD_OUTPUT_D_VALUE], s->source, s->sources, sums.value);
}

void REF_NAME(attention_backward)(const struct ref_call *call)
{
    struct span s = {.in = call->in, .params = call->params};
    const uint32_t heads = s.params->heads;
    for (uint32_t i = call->member; i < sequences_of(&s) * heads; i += call->members) {
        enter_sequence(&s, i / heads);
        s.head = i % heads;
        differentiate(&s, call);
    }
}
