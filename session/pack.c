/* SPDX-License-Identifier: Apache-2.0
 *
 * Packing: rows of padded tensors in, tokens without padding out. A function for each row of electra/inputs.def, here and
 * in pack_masks.c, pack_past.c and pack_answers.c.
 */
#include <string.h>

#include "common/fail.h"
#include "session/session.h"

int32_t session_token_integer(const pln_tensor *tensor, uint32_t row, uint32_t token, int32_t unsaid)
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
            *out++ = session_token_integer(tensor, i, j, unsaid);
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
