/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers that begin and end jointly.
 */
#include <float.h>
#include <string.h>

#include "session/session.h"

/* Google's: where no answer begins or ends. The second text may, its separator too, and the first token, for none. */
static float barred(const struct session_packing *p, uint32_t row, uint32_t token)
{
    const bool second = session_token_integer(p->r->token_type_ids, row, token, p->r->semantics->token_type) == 1;
    return !token || (second && session_attends(p->r, row, token)) ? 0 : -1000;
}

static uint32_t starts_of(const struct session_packing *p)
{
    return p->b->features.starts ? p->b->features.starts : 1;
}

/* Of labels, which may lie outside, the nearest. */
static int32_t start_of(const struct session_packing *p, uint32_t row, uint32_t start)
{
    const int64_t at = session_integer(p->r->start_positions, (uint64_t)row * starts_of(p) + start);
    const int64_t last = (int64_t)p->b->lengths[row] - 1;
    if (at < 0)
        return 0;
    return (int32_t)(at < last ? at : last);
}

void session_pack_barred(const struct session_packing *p, void *out)
{
    float *to = out;
    for (uint32_t i = 0; i < p->r->rows; i++)
        for (uint32_t j = 0; j < p->b->lengths[i]; j++)
            *to++ = barred(p, i, j);
}

void session_pack_barred_ends(const struct session_packing *p, void *out)
{
    float *to = out;
    for (uint32_t i = 0; i < p->r->rows; i++)
        for (uint32_t k = 0; k < starts_of(p); k++)
            for (uint32_t j = 0; j < p->b->lengths[i]; j++)
                *to++ = barred(p, i, j);
}

void session_pack_span_rows(const struct session_packing *p, void *out)
{
    int32_t *to = out;
    for (uint32_t i = 0; i < p->r->rows; i++)
        for (uint32_t k = 0; k < starts_of(p); k++) {
            const int32_t start = p->b->starts[i] + start_of(p, i, k);
            for (uint32_t j = 0; j < p->b->lengths[i]; j++) {
                *to++ = start;
                *to++ = p->b->starts[i] + (int32_t)j;
            }
        }
}

void session_pack_answer_queries(const struct session_packing *p, void *out)
{
    memset(out, 0, 2 * p->r->rows * sizeof(int32_t));
}

void session_pack_answer_starts(const struct session_packing *p, void *out)
{
    for (uint32_t i = 0; i <= p->r->rows; i++)
        ((int32_t *)out)[i] = (int32_t)(2 * i);
}

void session_pack_answer_pair_starts(const struct session_packing *p, void *out)
{
    for (uint32_t i = 0; i <= p->r->rows; i++)
        ((int32_t *)out)[i] = 2 * p->b->starts[i];
}

void session_pack_answer_bias(const struct session_packing *p, void *out)
{
    float *to = out;
    for (uint32_t i = 0; i < p->r->rows; i++) {
        for (uint32_t j = 0; j < p->b->lengths[i]; j++)
            *to++ = j ? -FLT_MAX : 0;
        for (uint32_t j = 0; j < p->b->lengths[i]; j++)
            *to++ = barred(p, i, j);
    }
}
