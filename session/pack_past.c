/* SPDX-License-Identifier: Apache-2.0
 *
 * What tokens look back at: rows of a cache, and those of a source.
 */
#include "session/cache.h"

/* The last n rows of a list; gives the end. */
static int32_t *pack_last(const struct session_rows *list, uint32_t n, int32_t *to)
{
    for (uint32_t i = list->n - n; i < list->n; i++)
        *to++ = (int32_t)list->rows[i];
    return to;
}

static void pack_list_starts(const struct session_packing *p, bool source, int32_t *to)
{
    to[0] = 0;
    for (uint32_t i = 0; i < p->r->rows; i++) {
        const struct session_past *past = p->b->turns[i].past;
        to[i + 1] = to[i] + (int32_t)(source ? past->source.n : past->tokens.n);
    }
}

/* Of each turn that brings one, the rows that somebody may look at. */
static void pack_new_sources(const struct session_packing *p, float *to)
{
    const uint64_t width = p->session->model->config.hidden_size;
    for (uint32_t i = 0; i < p->r->rows; i++) {
        const struct session_turn *turn = &p->b->turns[i];
        for (uint64_t j = 0; turn->source && j < turn->source->shape[0]; j++)
            for (uint64_t c = 0; session_turn_sees(turn, j) && c < width; c++)
                *to++ = (float)session_real(turn->source, j * width + c);
    }
}

void session_pack_source(const struct session_packing *p, void *out)
{
    if (p->b->turns) {
        pack_new_sources(p, out);
        return;
    }
    const uint64_t row = (uint64_t)p->r->source_length * p->session->model->config.hidden_size;
    const uint64_t n = p->r->rows * row, given = p->r->encoder_hidden_states->shape[0] * row; /* of one, or of each */
    for (uint64_t i = 0; i < n; i++)
        ((float *)out)[i] = (float)session_real(p->r->encoder_hidden_states, i % given);
}

void session_pack_source_starts(const struct session_packing *p, void *out)
{
    if (p->b->turns) {
        pack_list_starts(p, true, out);
        return;
    }
    for (uint32_t i = 0; i <= p->r->rows; i++)
        ((int32_t *)out)[i] = (int32_t)(i * p->r->source_length);
}

void session_pack_cache_index(const struct session_packing *p, void *out)
{
    int32_t *to = out;
    for (uint32_t i = 0; i < p->r->rows; i++)
        to = pack_last(&p->b->turns[i].past->tokens, p->b->turns[i].n_ids, to);
}

void session_pack_cache_rows(const struct session_packing *p, void *out)
{
    int32_t *to = out;
    for (uint32_t i = 0; i < p->r->rows; i++)
        to = pack_last(&p->b->turns[i].past->tokens, p->b->turns[i].past->tokens.n, to);
}

void session_pack_cache_starts(const struct session_packing *p, void *out)
{
    pack_list_starts(p, false, out);
}

void session_pack_source_index(const struct session_packing *p, void *out)
{
    int32_t *to = out;
    for (uint32_t i = 0; i < p->r->rows; i++)
        to = pack_last(&p->b->turns[i].past->source, session_turn_sources(&p->b->turns[i]), to);
}

void session_pack_source_rows(const struct session_packing *p, void *out)
{
    int32_t *to = out;
    for (uint32_t i = 0; i < p->r->rows; i++)
        to = pack_last(&p->b->turns[i].past->source, p->b->turns[i].past->source.n, to);
}

void session_pack_source_pair_starts(const struct session_packing *p, void *out)
{
    int32_t *to = out;
    to[0] = 0;
    for (uint32_t i = 0; i < p->r->rows; i++)
        to[i + 1] = to[i] + (int32_t)(p->b->lengths[i] * p->r->source_length);
}
