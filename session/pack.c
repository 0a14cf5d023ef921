/* SPDX-License-Identifier: Apache-2.0
 *
 * Packing: rows of padded tensors in, tokens without padding out. A function for each row of electra/inputs.def and of
 * electra/symbols.def.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "common/fail.h"
#include "session/cache.h"

/* ---- numbers of rows */

/* Pairs of tokens and keys, or UINT32_MAX. */
static uint32_t count_pairs(const struct session_packing *p, bool source)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < p->r->rows; i++)
        n += (uint64_t)p->b->lengths[i] * (source ? p->r->source_length : p->b->lengths[i]);
    return n <= INT32_MAX ? (uint32_t)n : UINT32_MAX;
}

uint32_t session_count_tokens(const struct session_packing *p)
{
    return p->b->tokens;
}

uint32_t session_count_batch(const struct session_packing *p)
{
    return p->r->rows;
}

uint32_t session_count_examples(const struct session_packing *p)
{
    return p->r->examples;
}

uint32_t session_count_targets(const struct session_packing *p)
{
    return p->r->n_targets;
}

uint32_t session_count_source_tokens(const struct session_packing *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; p->b->turns && i < p->r->rows; i++)
        n += session_turn_sources(&p->b->turns[i]);
    if (p->b->turns)
        return n;
    return p->r->rows * p->r->source_length;
}

uint32_t session_count_cached(const struct session_packing *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->r->rows; i++)
        n += p->b->turns[i].past->tokens.n;
    return n;
}

uint32_t session_count_source_cached(const struct session_packing *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->r->rows; i++)
        n += p->b->turns[i].past->source.n;
    return n;
}

uint32_t session_count_pairs(const struct session_packing *p)
{
    return count_pairs(p, false);
}

uint32_t session_count_answer_pairs(const struct session_packing *p)
{
    return p->b->tokens <= INT32_MAX / 2 ? 2 * p->b->tokens : UINT32_MAX;
}

uint32_t session_count_source_pairs(const struct session_packing *p)
{
    return count_pairs(p, true);
}

/* ---- rows */

/* An integer for every kept token: from a tensor [rows or 1, length or 1], or what is said without one: a number or
 * (below 0) the position. */
static int32_t integer_of_token(const pln_tensor *tensor, uint32_t row, uint32_t token, int32_t unsaid)
{
    if (!tensor)
        return unsaid < 0 ? (int32_t)token : unsaid;
    const uint64_t width = tensor->shape[tensor->rank - 1], row_step = pln_tensor_elements(tensor) > width ? width : 0;
    return (int32_t)session_integer(tensor, row * row_step + (width > 1 ? token : 0));
}

static void pack_tokens(const struct session_packing *p, const pln_tensor *tensor, int32_t *out, int32_t unsaid)
{
    for (uint32_t i = 0; i < p->r->rows; i++)
        for (uint32_t j = 0; j < p->b->lengths[i]; j++)
            *out++ = integer_of_token(tensor, i, j, unsaid);
}

void session_pack_ids(const struct session_packing *p, void *out)
{
    pack_tokens(p, p->r->input_ids, out, 0);
}

void session_pack_token_types(const struct session_packing *p, void *out)
{
    pack_tokens(p, p->r->token_type_ids, out, p->r->semantics->token_type);
}

void session_pack_positions(const struct session_packing *p, void *out)
{
    pack_tokens(p, p->r->position_ids, out, -1);
}

static void pack_states(const struct session_packing *p, const pln_tensor *tensor, float *to)
{
    const uint64_t width = tensor->shape[tensor->rank - 1];
    for (uint32_t i = 0; i < p->r->rows; i++)
        for (uint64_t j = 0; j < p->b->lengths[i] * width; j++)
            *to++ = (float)session_real(tensor, i * p->r->length * width + j);
}

void session_pack_embeddings(const struct session_packing *p, void *out)
{
    pack_states(p, p->r->inputs_embeds, out);
}

void session_pack_hidden(const struct session_packing *p, void *out)
{
    pack_states(p, p->r->last_hidden_state, out);
}

void session_pack_starts(const struct session_packing *p, void *out)
{
    memcpy(out, p->b->starts, (p->r->rows + 1) * sizeof(int32_t));
}

void session_pack_key_mask(const struct session_packing *p, void *out)
{
    int32_t *to = out;
    for (uint32_t i = 0; i < p->r->rows; i++)
        for (uint32_t j = 0; j < p->b->lengths[i]; j++)
            *to++ = session_attends(p->r, i, j);
}

void session_pack_pair_starts(const struct session_packing *p, void *out)
{
    int32_t *to = out;
    to[0] = 0;
    for (uint32_t i = 0; i < p->r->rows; i++)
        to[i + 1] = to[i] + (int32_t)(p->b->lengths[i] * p->b->lengths[i]);
}

/* (1 - m) times what hides a key; 0 for m = 1 also where the product would be -0. */
static float added_by_mask(const struct session_packing *p, double m)
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
        return added_by_mask(p, x);
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
                *to++ = added_by_mask(p, causal && key > query ? 0 : m);
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
                *to++ = added_by_mask(p, session_real(p->r->encoder_attention_mask, i * source + key));
}

void session_pack_source_pair_starts(const struct session_packing *p, void *out)
{
    int32_t *to = out;
    to[0] = 0;
    for (uint32_t i = 0; i < p->r->rows; i++)
        to[i + 1] = to[i] + (int32_t)(p->b->lengths[i] * p->r->source_length);
}

/* The token that a head looks at: the first of each sequence or its last; or the targets. */
static uint32_t picked_rows(const struct session_packing *p)
{
    return p->r->targets ? p->r->n_targets : p->r->rows;
}

static void pick(const struct session_packing *p, uint32_t i, uint32_t *row, uint32_t *position)
{
    const struct electra_head *head = p->session->head;
    const bool last = head->look && head->look(&p->session->config) == ELECTRA_AT_LAST;
    if (p->r->targets) {
        *row = p->r->targets[i] / p->r->length;
        *position = p->r->targets[i] % p->r->length;
        return;
    }
    *row = i;
    *position = last ? p->b->lengths[i] - 1 : 0;
}

void session_pack_rows(const struct session_packing *p, void *out)
{
    for (uint32_t i = 0; i < picked_rows(p); i++) {
        uint32_t row, position;
        pick(p, i, &row, &position);
        ((int32_t *)out)[i] = p->b->starts[row] + (int32_t)position;
    }
}

void session_pack_row_origin(const struct session_packing *p, void *out)
{
    for (uint32_t i = 0; i < picked_rows(p); i++) {
        uint32_t row, position;
        pick(p, i, &row, &position);
        session_write_origin(out, i, p->b->step->first_sequence + row, position);
    }
}

void session_pack_origin(const struct session_packing *p, void *out)
{
    uint32_t to = 0;
    for (uint32_t i = 0; i < p->r->rows; i++)
        for (uint32_t j = 0; j < p->b->lengths[i]; j++)
            session_write_origin(out, to++, p->b->step->first_sequence + i, j);
}

void session_pack_random(const struct session_packing *p, void *out)
{
    memcpy(out, p->b->step->random, sizeof p->b->step->random);
}

/* ---- answers that begin and end jointly */

/* Google's: where no answer begins or ends. The second text may, its separator too, and the first token, for none. */
static float barred(const struct session_packing *p, uint32_t row, uint32_t token)
{
    const bool second = integer_of_token(p->r->token_type_ids, row, token, p->r->semantics->token_type) == 1;
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

/* ---- all of a graph */

static session_packer *const packers[ELECTRA_INPUTS] = {
#define INPUT(name, dtype) [ELECTRA_INPUT_##name] = session_pack_##name,
#include "electra/inputs.def"
#undef INPUT
};

static uint32_t (*const counters[ELECTRA_SYMBOLS])(const struct session_packing *p) = {
#define SYMBOL(name) [ELECTRA_SYMBOL_##name] = session_count_##name,
#include "electra/symbols.def"
#undef SYMBOL
};

pln_status session_batch_dims(pln_session *session, const struct session_request *request,
                              const struct electra_graph *graph, struct session_batch *batch, pln_error *error)
{
    const struct session_packing p = {session, request, batch};
    for (uint32_t i = 0; i < ELECTRA_SYMBOLS; i++) {
        if (!graph->symbols[i])
            continue;
        batch->dims[graph->symbols[i]] = counters[i](&p);
        if (batch->dims[graph->symbols[i]] == UINT32_MAX)
            return pln_fail(error, PLN_INVALID,
                            "input_ids: a batch of %u sequences of %u tokens has too many pairs of tokens",
                            request->rows, request->length);
    }
    return PLN_OK;
}

static pln_status make_room(pln_session *s, const pln_graph *graph, struct session_batch *b, pln_error *error)
{
    b->inputs = pool_take(&s->pool, graph->n_values * sizeof *b->inputs);
    b->outputs = pool_take(&s->pool, (graph->n_outputs + 1) * sizeof *b->outputs);
    if (!b->inputs || !b->outputs)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u outputs", graph->n_outputs);
    memset(b->inputs, 0, graph->n_values * sizeof *b->inputs);
    for (uint32_t i = 0; i < graph->n_outputs; i++) {
        const pln_value *value = graph->outputs[i].value;
        const uint64_t bytes = 4 * (uint64_t)pln_dim_rows(value->rows, b->dims) * value->width;
        b->outputs[i] = pool_take(&s->pool, bytes);
        if (!b->outputs[i])
            return pln_fail(error, PLN_NO_MEMORY, "no memory for %llu bytes of the output %s",
                            (unsigned long long)bytes, graph->outputs[i].name);
    }
    return PLN_OK;
}

pln_status session_batch_pack(pln_session *session, const struct session_request *request,
                              const struct electra_graph *graph, struct session_batch *batch, pln_error *error)
{
    const struct session_packing p = {session, request, batch};
    pln_status status = session_batch_dims(session, request, graph, batch, error);
    if (status == PLN_OK)
        status = make_room(session, graph->graph, batch, error);
    for (uint32_t i = 0; status == PLN_OK && i < ELECTRA_INPUTS; i++) {
        const pln_value *value = graph->inputs[i];
        if (!value)
            continue;
        void *data = pool_take(&session->pool, 4 * (uint64_t)pln_dim_rows(value->rows, batch->dims) * value->width);
        if (!data)
            return pln_fail(error, PLN_NO_MEMORY, "no memory for the input %s", value->name);
        packers[i](&p, data);
        batch->inputs[value->id] = data;
    }
    return status;
}
