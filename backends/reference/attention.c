/* SPDX-License-Identifier: Apache-2.0
 *
 * attention: softmax of scaled dot products over packed sequences, one row of scores at a time.
 */
#include "backends/reference/attention.h"

/* Scores become probabilities; gives the log of the sum of the exponentials. A row of -inf becomes NaN. */
static double softmax_row(double *scores, uint32_t n)
{
    double top = -INFINITY, sum = 0;
    for (uint32_t j = 0; j < n; j++)
        top = scores[j] > top ? scores[j] : top;
    for (uint32_t j = 0; j < n; j++) {
        scores[j] = exp(scores[j] - top);
        sum += scores[j];
    }
    for (uint32_t j = 0; j < n; j++)
        scores[j] /= sum;
    return top + log(sum);
}

static void mix_values(const struct span *s, uint32_t i, const double *probabilities, const struct ref_operand *y)
{
    for (uint32_t c = 0; c < s->params->head_size; c++) {
        double sum = 0;
        for (uint32_t j = 0; j < s->sources; j++)
            sum += probabilities[j] * (double)value_row(s, j)[c];
        head_row(s, y, s->query + i)[c] = (real)sum;
    }
}

static void attend(const struct span *s, const struct ref_call *call, uint32_t i)
{
    double *row = call->scratch;
    const struct ref_operand *lse = &call->out[PLN_ATTENTION_OUTPUT_LSE];
    const struct ref_operand *probabilities = &call->out[PLN_ATTENTION_OUTPUT_PROBABILITIES];
    for (uint32_t j = 0; j < s->sources; j++)
        row[j] = score(s, i, j);
    const double log_sum = softmax_row(row, s->sources);
    for (uint32_t j = 0; j < s->sources; j++)
        row[j] *= pair_factor(s, i, j);
    mix_values(s, i, row, &call->out[PLN_ATTENTION_OUTPUT_Y]);
    if (lse->data)
        ref_row(lse, s->query + i)[s->head] = (real)log_sum;
    for (uint32_t j = 0; probabilities->data && j < s->sources; j++)
        *pair(s, probabilities, s->params->heads, s->head, i, j) = (real)row[j];
}

void REF_NAME(attention)(const struct ref_call *call)
{
    const struct ref_operand *key_rows = &call->in[PLN_ATTENTION_INPUT_KEY_ROWS];
    struct span s = {.in = call->in, .params = call->params, .key_rows = key_rows->data ? key_rows : NULL};
    for (uint32_t b = 0; b < sequences_of(&s); b++) {
        enter_sequence(&s, b);
        for (s.head = 0; s.head < s.params->heads; s.head++)
            for (uint32_t i = call->member; i < s.queries; i += call->members)
                attend(&s, call, i);
    }
}
