/* SPDX-License-Identifier: Apache-2.0
 *
 * Masks as the graph wants them: added to scores, of heads, of what a decoder looks at.
 */
#include <float.h>
#include <math.h>

#include "session/session.h"

float session_added_by_mask(const struct session_packing *p, double m)
{
    const double masked = p->r->semantics->masked != 0 ? (double)p->r->semantics->masked : -(double)FLT_MAX;
    return m == 1 ? 0 : (float)((1 - m) * masked);
}

/* The side of a mask along sequence, plane, query or key; one of rank 3 has no planes. */
static uint64_t side_of(const pln_tensor *mask, uint32_t i)
{
    static const uint32_t of_rank_3[] = {0, 0, 1, 2};
    if (mask->rank == 4)
        return mask->shape[i];
    return i == 1 ? 1 : mask->shape[of_rank_3[i]];
}

static float bias_of(const struct session_packing *p, const pln_tensor *mask, double x)
{
    if (mask->rank == 3)
        return session_added_by_mask(p, x);
    if (mask->dtype == PLN_BOOL)
        return x != 0 ? 0 : -FLT_MAX;
    return (float)x;
}

/* A mask of tokens whose numbers are added to scores. A decoder's later keys are masked, as with a mask of 0. */
static void pack_added_mask(const struct session_packing *p, float *to)
{
    const uint32_t length = p->r->length;
    const bool causal = p->session->config.is_decoder;
    for (uint64_t i = 0; i < p->r->rows; i++)
        for (uint32_t query = 0; query < length; query++)
            for (uint32_t key = 0; key < length; key++) {
                const double m = session_real(p->r->attention_mask, i * length + key);
                *to++ = session_added_by_mask(p, causal && key > query ? 0 : m);
            }
}

/* 3-D: (1 - m) times what hides; 4-D: bool allows, floats are added. Every position is kept. */
void session_pack_bias(const struct session_packing *p, void *out)
{
    const pln_tensor *m = p->r->attention_mask;
    if (!p->r->pair_mask) {
        pack_added_mask(p, out);
        return;
    }
    const uint64_t length = p->r->length, plane = length * length, planes = p->b->features.bias_planes;
    uint64_t steps[4], step = 1; /* of sequence, plane, query and key; 0 along a side of 1 */
    for (uint32_t i = 4; i-- > 0;) {
        const uint64_t side = side_of(m, i);
        steps[i] = side > 1 ? step : 0;
        step *= side;
    }
    float *to = out;
    for (uint64_t h = 0; h < planes; h++)
        for (uint64_t i = 0; i < p->r->rows; i++)
            for (uint64_t j = 0; j < plane; j++) {
                const double x =
                    session_real(m, i * steps[0] + h * steps[1] + j / length * steps[2] + j % length * steps[3]);
                *to++ = bias_of(p, m, x);
            }
}

void session_pack_head_mask(const struct session_packing *p, void *out)
{
    const struct electra_config *c = &p->session->config;
    for (uint32_t i = 0; i < c->num_hidden_layers; i++)
        for (uint32_t j = 0; j < c->num_attention_heads; j++) {
            const uint64_t at = (uint64_t)i * c->num_attention_heads + j;
            const double m = session_real(p->r->head_mask, p->r->head_mask->rank == 1 ? j : at);
            ((float *)out)[at] = (float)(c->semantics->whole_mask ? trunc(m) : m);
        }
}

void session_pack_source_mask(const struct session_packing *p, void *out)
{
    for (uint64_t i = 0; i < (uint64_t)p->r->rows * p->r->source_length; i++)
        ((int32_t *)out)[i] = session_attends_source(p->r, i);
}

void session_pack_source_bias(const struct session_packing *p, void *out)
{
    const uint64_t source = p->r->source_length;
    float *to = out;
    for (uint64_t i = 0; i < p->r->rows; i++)
        for (uint32_t query = 0; query < p->b->lengths[i]; query++)
            for (uint64_t key = 0; key < source; key++)
                *to++ = session_added_by_mask(p, session_real(p->r->encoder_attention_mask, i * source + key));
}
