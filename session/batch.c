/* SPDX-License-Identifier: Apache-2.0
 *
 * Packing and unpacking: rows of padded tensors on one side, tokens without padding on the other. Packed, what the mask
 * drops on the right is left out; that must change no answer, so every position is kept when somebody would look at a
 * dropped one.
 */
#include <float.h>
#include <string.h>

#include "common/fail.h"
#include "session/session.h"

/* ---- what is kept
 * ----------------------------------------------------------------------------------------------------------- */

static bool attends(const struct session_request *r, uint32_t row, uint32_t token)
{
    if (!r->attention_mask || r->pair_mask)
        return true;
    const uint64_t i = (uint64_t)row * r->length + token;
    return session_is_integer(r->attention_mask) ? session_integer(r->attention_mask, i) != 0
                                                 : session_real(r->attention_mask, i) != 0;
}

static bool causal_head(const pln_session *s)
{
    return s->head == PLN_HEAD_CAUSAL_LM;
}

/* The label that the logits of a token are held against: for causal models that of the next token. */
static int32_t token_label(const pln_session *s, const struct session_request *r, uint32_t row, uint32_t token)
{
    const uint32_t at = causal_head(s) ? token + 1 : token;
    return at < r->length ? (int32_t)session_integer(r->labels, (uint64_t)row * r->length + at) : -100;
}

static bool labels_tokens(pln_head head)
{
    return head == PLN_HEAD_CAUSAL_LM || head == PLN_HEAD_MASKED_LM || head == PLN_HEAD_TOKEN_CLASSIFICATION;
}

/* Tokens of each row up to the last that is attended to. False if a row has none or a label sits behind it. */
static bool find_lengths(const pln_session *s, const struct session_request *r, uint32_t *lengths)
{
    for (uint32_t i = 0; i < r->rows; i++) {
        lengths[i] = r->length;
        while (lengths[i] && !attends(r, i, lengths[i] - 1))
            lengths[i]--;
        if (!lengths[i])
            return false;
        for (uint32_t j = lengths[i]; r->labels && labels_tokens(s->head) && j < r->length; j++)
            if (token_label(s, r, i, j) != -100)
                return false;
        for (uint32_t j = 0; j < r->n_targets; j++)
            if (r->targets[j] / r->length == i && r->targets[j] % r->length >= lengths[i])
                return false;
    }
    return true;
}

static bool has_holes(const struct session_request *r, const uint32_t *lengths)
{
    for (uint32_t i = 0; i < r->rows; i++)
        for (uint32_t j = 0; j < lengths[i]; j++)
            if (!attends(r, i, j))
                return true;
    return false;
}

static bool source_has_holes(const struct session_request *r)
{
    const pln_tensor *m = r->encoder_attention_mask;
    for (uint64_t i = 0; m && i < (uint64_t)r->rows * r->source_length; i++)
        if (session_real(m, i) == 0)
            return true;
    return false;
}

pln_status session_batch_plan(pln_session *session, const struct session_request *request, struct session_batch *batch,
                              pln_error *error)
{
    const struct session_request *r = request;
    const struct electra_config *c = &session->model->config;
    const pln_session_options *o = &session->options;
    batch->lengths = pool_take(&session->pool, r->rows * sizeof *batch->lengths);
    batch->starts = pool_take(&session->pool, (r->rows + 1) * sizeof *batch->starts);
    if (!batch->lengths || !batch->starts)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a batch of %u sequences", r->rows);
    const bool labels = r->labels || (r->start_positions && r->end_positions) || session->training.on;
    batch->every_position = o->every_position || o->attentions || r->pair_mask ||
                            electra_sees_padding(c, session->head, labels) || !find_lengths(session, r, batch->lengths);
    batch->starts[0] = 0;
    for (uint32_t i = 0; i < r->rows; i++) {
        if (batch->every_position)
            batch->lengths[i] = r->length;
        batch->starts[i + 1] = batch->starts[i] + (int32_t)batch->lengths[i];
    }
    batch->tokens = (uint32_t)batch->starts[r->rows];
    const bool planes = r->pair_mask && r->attention_mask->rank == 4 && r->attention_mask->shape[1] > 1;
    batch->features = (struct electra_features){
        .head = session->head,
        .embeddings = r->inputs_embeds != NULL,
        .key_mask = has_holes(r, batch->lengths),
        .bias_planes = !r->pair_mask ? 0
                       : planes      ? c->num_attention_heads
                                     : 1,
        .head_mask = r->head_mask != NULL,
        .source = r->encoder_hidden_states || (session->training.on && c->add_cross_attention),
        .source_mask = source_has_holes(r),
        .labels = labels,
        .targets = r->targets != NULL,
        .hidden_states = o->hidden_states || c->output_hidden_states,
        .attentions = o->attentions,
        .trace = o->trace,
        .choices = r->choices,
        .problem = labels ? r->problem : ELECTRA_PROBLEM_UNSET,
        .train = session->training.on,
        .total = session->training.on,
        .recompute = session->training.recompute,
        .dropout = session->training.dropout,
        .layer_decay = session->training.layer_decay,
    };
    return PLN_OK;
}

/* ---- what a loss is divided by
 * -------------------------------------------------------------------------------------------------- */

static float count_token_labels(const pln_session *s, const struct session_request *r)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < r->rows; i++)
        for (uint32_t j = 0; j < r->length; j++)
            n += token_label(s, r, i, j) != -100;
    return (float)n;
}

static bool weighs(const struct session_request *r, uint32_t row, uint32_t token)
{
    const pln_tensor *m = r->pair_mask ? NULL : r->attention_mask;
    return !m || session_real(m, (uint64_t)row * r->length + token) == 1;
}

static float count_weights(const struct session_request *r)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < r->rows; i++)
        for (uint32_t j = 0; j < r->length; j++)
            n += weighs(r, i, j);
    return (float)n;
}

static float count_classes(const struct session_request *r)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < pln_tensor_elements(r->labels); i++)
        n += session_integer(r->labels, i) != -100;
    return (float)n;
}

/* A position below 0 counts as 0, one behind the sequence is ignored. */
static float count_answers(const struct session_request *r, const pln_tensor *positions)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < r->rows; i++)
        n += session_integer(positions, i) < (int64_t)r->length;
    return (float)n;
}

void session_batch_totals(const pln_session *session, const struct session_request *request, float totals[2])
{
    const struct session_request *r = request;
    if (session->head == PLN_HEAD_QUESTION_ANSWERING) {
        totals[0] = count_answers(r, r->start_positions);
        totals[1] = count_answers(r, r->end_positions);
        return;
    }
    if (labels_tokens(session->head))
        totals[0] = count_token_labels(session, r);
    else if (session->head == PLN_HEAD_PRETRAINING)
        totals[0] = count_weights(r);
    else if (session->head == PLN_HEAD_MULTIPLE_CHOICE || r->problem == ELECTRA_SINGLE_LABEL)
        totals[0] = count_classes(r);
    else
        totals[0] = (float)pln_tensor_elements(r->labels);
    totals[1] = 0;
}

/* ---- packing
 * ---------------------------------------------------------------------------------------------------------------- */

struct packing {
    pln_session *session;
    const struct session_request *r;
    struct session_batch *b;
};

static uint32_t pairs_of(const struct packing *p, bool source)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < p->r->rows; i++)
        n += (uint64_t)p->b->lengths[i] * (source ? p->r->source_length : p->b->lengths[i]);
    return n <= INT32_MAX ? (uint32_t)n : UINT32_MAX;
}

/* An integer for every kept token: from a tensor [rows or 1, length or 1], or what is said without one. */
static void pack_tokens(const struct packing *p, const pln_tensor *tensor, int32_t *out, bool positions)
{
    const uint64_t width = tensor ? tensor->shape[tensor->rank - 1] : 0;
    const uint64_t row = tensor && pln_tensor_elements(tensor) > width ? width : 0, column = width > 1;
    for (uint32_t i = 0; i < p->r->rows; i++)
        for (uint32_t j = 0; j < p->b->lengths[i]; j++) {
            const uint64_t at = i * row + j * column;
            *out++ = tensor ? (int32_t)session_integer(tensor, at) : positions ? (int32_t)j : 0;
        }
}

static void pack_ids(const struct packing *p, void *out)
{
    pack_tokens(p, p->r->input_ids, out, false);
}

static void pack_types(const struct packing *p, void *out)
{
    pack_tokens(p, p->r->token_type_ids, out, false);
}

static void pack_positions(const struct packing *p, void *out)
{
    pack_tokens(p, p->r->position_ids, out, true);
}

static void pack_embeddings(const struct packing *p, void *out)
{
    const uint32_t width = p->session->model->config.embedding_size;
    float *to = out;
    for (uint32_t i = 0; i < p->r->rows; i++)
        for (uint64_t j = 0; j < (uint64_t)p->b->lengths[i] * width; j++)
            *to++ = (float)session_real(p->r->inputs_embeds, (uint64_t)i * p->r->length * width + j);
}

static void pack_starts(const struct packing *p, void *out)
{
    memcpy(out, p->b->starts, (p->r->rows + 1) * sizeof(int32_t));
}

static void pack_key_mask(const struct packing *p, void *out)
{
    int32_t *to = out;
    for (uint32_t i = 0; i < p->r->rows; i++)
        for (uint32_t j = 0; j < p->b->lengths[i]; j++)
            *to++ = attends(p->r, i, j);
}

static void pack_pair_starts(const struct packing *p, void *out)
{
    int32_t *to = out;
    to[0] = 0;
    for (uint32_t i = 0; i < p->r->rows; i++)
        to[i + 1] = to[i] + (int32_t)(p->b->lengths[i] * p->b->lengths[i]);
}

/* (1 - m) times the least number; 0 for m = 1 also where the product would be -0. */
static float added_by_mask(double m)
{
    return m == 1 ? 0 : (float)((1 - m) * -(double)FLT_MAX);
}

/* 3-D: (1 - m) times the least number; 4-D: bool allows, floats are added. Every position is kept. */
static void pack_bias(const struct packing *p, void *out)
{
    const pln_tensor *m = p->r->attention_mask;
    const uint64_t length = p->r->length, plane = length * length, planes = p->b->features.bias_planes;
    uint64_t steps[4], step = 1; /* of sequence, plane, query and key; 0 along a side of 1 */
    for (uint32_t i = 4; i-- > 0;) {
        const uint64_t side = m->rank == 4 ? m->shape[i] : i == 1 ? 1 : m->shape[i ? i - 1 : 0];
        steps[i] = side > 1 ? step : 0;
        step *= side;
    }
    float *to = out;
    for (uint64_t h = 0; h < planes; h++)
        for (uint64_t i = 0; i < p->r->rows; i++)
            for (uint64_t j = 0; j < plane; j++) {
                const double x =
                    session_real(m, i * steps[0] + h * steps[1] + j / length * steps[2] + j % length * steps[3]);
                *to++ = m->rank == 3 ? added_by_mask(x) : m->dtype == PLN_BOOL ? (x != 0 ? 0 : -FLT_MAX) : (float)x;
            }
}

static void pack_head_mask(const struct packing *p, void *out)
{
    const struct electra_config *c = &p->session->model->config;
    for (uint32_t i = 0; i < c->num_hidden_layers; i++)
        for (uint32_t j = 0; j < c->num_attention_heads; j++)
            ((float *)out)[i * c->num_attention_heads + j] = (float)session_real(
                p->r->head_mask, p->r->head_mask->rank == 1 ? j : (uint64_t)i * c->num_attention_heads + j);
}

static void pack_source(const struct packing *p, void *out)
{
    const uint64_t row = (uint64_t)p->r->source_length * p->session->model->config.hidden_size;
    const uint64_t n = p->r->rows * row, given = p->r->encoder_hidden_states->shape[0] * row; /* of one, or of each */
    for (uint64_t i = 0; i < n; i++)
        ((float *)out)[i] = (float)session_real(p->r->encoder_hidden_states, i % given);
}

static void pack_source_starts(const struct packing *p, void *out)
{
    for (uint32_t i = 0; i <= p->r->rows; i++)
        ((int32_t *)out)[i] = (int32_t)(i * p->r->source_length);
}

static void pack_source_mask(const struct packing *p, void *out)
{
    for (uint64_t i = 0; i < (uint64_t)p->r->rows * p->r->source_length; i++)
        ((int32_t *)out)[i] = session_real(p->r->encoder_attention_mask, i) != 0;
}

static void pack_source_pair_starts(const struct packing *p, void *out)
{
    int32_t *to = out;
    to[0] = 0;
    for (uint32_t i = 0; i < p->r->rows; i++)
        to[i + 1] = to[i] + (int32_t)(p->b->lengths[i] * p->r->source_length);
}

/* The token that a head looks at: the first of each sequence or its last; or the targets. */
static uint32_t picked_rows(const struct packing *p)
{
    return p->r->targets ? p->r->n_targets : p->r->rows;
}

static void pick(const struct packing *p, uint32_t i, uint32_t *row, uint32_t *position)
{
    const bool last =
        p->session->head == PLN_HEAD_MULTIPLE_CHOICE && p->session->model->config.summary_type != ELECTRA_FIRST;
    *row = p->r->targets ? p->r->targets[i] / p->r->length : i;
    *position = p->r->targets ? p->r->targets[i] % p->r->length : last ? p->b->lengths[i] - 1 : 0;
}

static void pack_rows(const struct packing *p, void *out)
{
    for (uint32_t i = 0; i < picked_rows(p); i++) {
        uint32_t row, position;
        pick(p, i, &row, &position);
        ((int32_t *)out)[i] = p->b->starts[row] + (int32_t)position;
    }
}

/* Where a row comes from, for dropout: sequence within the whole step, position. */
static void pack_row_origin(const struct packing *p, void *out)
{
    for (uint32_t i = 0; i < picked_rows(p); i++) {
        uint32_t row, position;
        pick(p, i, &row, &position);
        ((int32_t *)out)[2 * i] = (int32_t)(p->session->training.first_sequence + row);
        ((int32_t *)out)[2 * i + 1] = (int32_t)position;
    }
}

static void pack_origin(const struct packing *p, void *out)
{
    int32_t *to = out;
    for (uint32_t i = 0; i < p->r->rows; i++)
        for (uint32_t j = 0; j < p->b->lengths[i]; j++) {
            *to++ = (int32_t)(p->session->training.first_sequence + i);
            *to++ = (int32_t)j;
        }
}

static void pack_random(const struct packing *p, void *out)
{
    memcpy(out, p->session->training.random, sizeof p->session->training.random);
}

static void pack_total(const struct packing *p, void *out)
{
    const size_t n = p->session->head == PLN_HEAD_QUESTION_ANSWERING ? 2 : 1;
    memcpy(out, p->session->training.total, n * sizeof(float));
}

static void pack_labels(const struct packing *p, void *out)
{
    const struct session_request *r = p->r;
    const uint64_t n = pln_tensor_elements(r->labels);
    if (labels_tokens(p->session->head)) {
        int32_t *to = out;
        for (uint32_t i = 0; i < r->rows; i++)
            for (uint32_t j = 0; j < p->b->lengths[i]; j++)
                *to++ = token_label(p->session, r, i, j);
    } else if (p->session->head == PLN_HEAD_PRETRAINING) {
        float *to = out;
        for (uint32_t i = 0; i < r->rows; i++)
            for (uint32_t j = 0; j < p->b->lengths[i]; j++)
                *to++ = (float)session_real(r->labels, (uint64_t)i * r->length + j);
    } else if (p->session->head == PLN_HEAD_MULTIPLE_CHOICE || r->problem == ELECTRA_SINGLE_LABEL) {
        for (uint64_t i = 0; i < n; i++)
            ((int32_t *)out)[i] = (int32_t)session_integer(r->labels, i);
    } else {
        for (uint64_t i = 0; i < n; i++)
            ((float *)out)[i] = (float)session_real(r->labels, i);
    }
}

/* Of replaced-token detection: positions whose mask is exactly one count. */
static void pack_weights(const struct packing *p, void *out)
{
    float *to = out;
    for (uint32_t i = 0; i < p->r->rows; i++)
        for (uint32_t j = 0; j < p->b->lengths[i]; j++)
            *to++ = weighs(p->r, i, j);
}

static void pack_first(const struct packing *p, void *out)
{
    for (uint32_t i = 0; i < p->r->rows; i++)
        ((int32_t *)out)[i] = (int32_t)session_integer(p->r->start_positions, i);
}

static void pack_last(const struct packing *p, void *out)
{
    for (uint32_t i = 0; i < p->r->rows; i++)
        ((int32_t *)out)[i] = (int32_t)session_integer(p->r->end_positions, i);
}

static const struct {
    const char *name;
    void (*pack)(const struct packing *p, void *out);
} packers[] = {
    {"ids", pack_ids},
    {"embeddings", pack_embeddings},
    {"token_types", pack_types},
    {"positions", pack_positions},
    {"starts", pack_starts},
    {"key_mask", pack_key_mask},
    {"bias", pack_bias},
    {"pair_starts", pack_pair_starts},
    {"head_mask", pack_head_mask},
    {"source", pack_source},
    {"source_starts", pack_source_starts},
    {"source_mask", pack_source_mask},
    {"source_pair_starts", pack_source_pair_starts},
    {"rows", pack_rows},
    {"labels", pack_labels},
    {"weights", pack_weights},
    {"first", pack_first},
    {"last", pack_last},
    {"origin", pack_origin},
    {"row_origin", pack_row_origin},
    {"random", pack_random},
    {"total", pack_total},
};
enum { N_PACKERS = sizeof packers / sizeof *packers };

static uint32_t symbol_number(const struct packing *p, const char *name)
{
    const struct {
        const char *name;
        uint32_t number;
    } numbers[] = {
        {"tokens", p->b->tokens},
        {"batch", p->r->rows},
        {"examples", p->r->examples},
        {"pair_starts.total", pairs_of(p, false)},
        {"source_tokens", p->r->rows * p->r->source_length},
        {"source_pair_starts.total", pairs_of(p, true)},
        {"targets", p->r->n_targets},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(numbers[i].name, name) == 0)
            return numbers[i].number;
    return 0;
}

static pln_status make_room(pln_session *s, const pln_graph *graph, struct session_batch *b, pln_error *error)
{
    b->n_outputs = graph->n_outputs;
    b->outputs = pool_take(&s->pool, graph->n_outputs * sizeof *b->outputs);
    for (uint32_t i = 0; b->outputs && i < graph->n_outputs; i++) {
        const pln_value *value = graph->outputs[i].value;
        const uint64_t bytes = 4 * (uint64_t)pln_dim_rows(value->rows, b->dims) * value->width;
        b->outputs[i] = (pln_binding){graph->outputs[i].name, pool_take(&s->pool, bytes)};
        if (!b->outputs[i].data)
            return pln_fail(error, PLN_NO_MEMORY, "no memory for %llu bytes of the output %s",
                            (unsigned long long)bytes, graph->outputs[i].name);
    }
    return b->outputs ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for %u outputs", graph->n_outputs);
}

pln_status session_batch_dims(pln_session *session, const struct session_request *request, const pln_graph *graph,
                              struct session_batch *batch, pln_error *error)
{
    const struct packing p = {session, request, batch};
    for (uint32_t i = 1; i < graph->n_symbols; i++) {
        batch->dims[i] = symbol_number(&p, graph->symbols[i]);
        if (batch->dims[i] == UINT32_MAX)
            return pln_fail(error, PLN_INVALID,
                            "input_ids: a batch of %u sequences of %u tokens has too many pairs of tokens",
                            request->rows, request->length);
    }
    return PLN_OK;
}

pln_status session_batch_pack(pln_session *session, const struct session_request *request, const pln_graph *graph,
                              struct session_batch *batch, pln_error *error)
{
    const struct packing p = {session, request, batch};
    const pln_status status = session_batch_dims(session, request, graph, batch, error);
    if (status != PLN_OK)
        return status;
    for (uint32_t i = 0; i < graph->n_values; i++) {
        const pln_value *value = graph->values[i];
        if (value->kind != PLN_VALUE_INPUT || value->base != value)
            continue;
        void *data = pool_take(&session->pool, 4 * (uint64_t)pln_dim_rows(value->rows, batch->dims) * value->width);
        if (!data)
            return pln_fail(error, PLN_NO_MEMORY, "no memory for the input %s", value->name);
        for (size_t j = 0; j < N_PACKERS; j++)
            if (strcmp(packers[j].name, value->name) == 0)
                packers[j].pack(&p, data);
        batch->inputs[batch->n_inputs++] = (pln_binding){value->name, data};
    }
    return make_room(session, graph, batch, error);
}

/* ---- unpacking
 * -------------------------------------------------------------------------------------------------------------- */

static pln_tensor *add_output(pln_session *s, const char *name, uint32_t rank, const uint64_t *shape)
{
    pln_tensor *t = &s->outputs[s->n_outputs++];
    *t = (pln_tensor){.name = name, .dtype = PLN_F32, .rank = rank};
    memcpy(t->shape, shape, rank * sizeof *shape);
    return t;
}

/* [tokens, columns first to first + width of `wide`] to [rows, length, width]; what was dropped reads as 0. */
static pln_status unpack_tokens(const struct packing *p, const char *name, const float *in, uint32_t wide,
                                uint32_t first, uint32_t width, bool squeeze, pln_error *error)
{
    const uint64_t shape[] = {p->r->rows, p->r->length, width};
    pln_tensor *t = add_output(p->session, name, squeeze ? 2 : 3, shape);
    const uint64_t row = (uint64_t)p->r->length * width;
    float *out = NULL;
    if (p->b->every_position && wide == width) {
        t->data = in;
        return PLN_OK;
    }
    out = pool_take(&p->session->pool, p->r->rows * row * sizeof *out);
    if (!out)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the output %s", name);
    memset(out, 0, p->r->rows * row * sizeof *out);
    for (uint32_t i = 0; i < p->r->rows; i++)
        for (uint32_t j = 0; j < p->b->lengths[i]; j++)
            memcpy(out + i * row + (uint64_t)j * width, in + ((uint64_t)p->b->starts[i] + j) * wide + first,
                   width * sizeof *out);
    t->data = out;
    return PLN_OK;
}

/* [heads, pairs] to [rows, heads, length, source length]. Every position was kept. */
static pln_status unpack_attentions(const struct packing *p, const char *name, const float *in, uint32_t source,
                                    pln_error *error)
{
    const uint32_t heads = p->session->model->config.num_attention_heads;
    const uint64_t shape[] = {p->r->rows, heads, p->r->length, source}, plane = (uint64_t)p->r->length * source;
    float *out = pool_take(&p->session->pool, p->r->rows * heads * plane * sizeof *out);
    if (!out)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the output %s", name);
    for (uint64_t i = 0; i < p->r->rows; i++)
        for (uint64_t h = 0; h < heads; h++)
            memcpy(out + (i * heads + h) * plane, in + (h * p->r->rows + i) * plane, plane * sizeof *out);
    add_output(p->session, name, 4, shape)->data = out;
    return PLN_OK;
}

static pln_status unpack_logits(const struct packing *p, const pln_value *value, const float *in, pln_error *error)
{
    const uint64_t flat[] = {pln_dim_rows(value->rows, p->b->dims), value->width};
    pln_status status;
    switch (p->session->head) {
    case PLN_HEAD_PRETRAINING:
        return unpack_tokens(p, "logits", in, 1, 0, 1, true, error);
    case PLN_HEAD_QUESTION_ANSWERING:
        status = unpack_tokens(p, "start_logits", in, 2, 0, 1, true, error);
        return status == PLN_OK ? unpack_tokens(p, "end_logits", in, 2, 1, 1, true, error) : status;
    case PLN_HEAD_SEQUENCE_CLASSIFICATION:
    case PLN_HEAD_MULTIPLE_CHOICE:
        add_output(p->session, "logits", 2, flat)->data = in;
        return PLN_OK;
    default:
        if (p->r->targets) {
            add_output(p->session, "logits", 2, flat)->data = in;
            return PLN_OK;
        }
        return unpack_tokens(p, "logits", in, value->width, 0, value->width, false, error);
    }
}

static bool begins(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

static pln_status unpack_output(const struct packing *p, const struct graph_output *output, const float *in,
                                pln_error *error)
{
    const pln_value *value = output->value;
    const uint64_t flat[] = {pln_dim_rows(value->rows, p->b->dims), value->width};
    if (begins(output->name, "node:")) {
        add_output(p->session, output->name, 2, flat)->data = in;
        return PLN_OK;
    }
    if (begins(output->name, "attentions."))
        return unpack_attentions(p, output->name, in, p->r->length, error);
    if (begins(output->name, "cross_attentions."))
        return unpack_attentions(p, output->name, in, p->r->source_length, error);
    if (strcmp(output->name, "loss") == 0) {
        add_output(p->session, "loss", 0, flat)->data = in;
        return PLN_OK;
    }
    if (strcmp(output->name, "logits") == 0)
        return unpack_logits(p, value, in, error);
    return unpack_tokens(p, output->name, in, value->width, 0, value->width, false, error);
}

static pln_status begin_outputs(pln_session *s, const pln_graph *graph, pln_error *error)
{
    s->n_outputs = 0;
    s->outputs = pool_take(&s->pool, (graph->n_outputs + 1) * sizeof *s->outputs);
    return s->outputs ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for %u outputs", graph->n_outputs);
}

pln_status session_batch_flat(pln_session *session, const pln_graph *graph, const struct session_batch *batch,
                              pln_error *error)
{
    const pln_status status = begin_outputs(session, graph, error);
    for (uint32_t i = 0; status == PLN_OK && i < graph->n_outputs; i++) {
        const pln_value *value = graph->outputs[i].value;
        const uint64_t shape[] = {pln_dim_rows(value->rows, batch->dims), value->width};
        add_output(session, graph->outputs[i].name, 2, shape)->data = batch->outputs[i].data;
    }
    return status;
}

pln_status session_batch_unpack(pln_session *session, const struct session_request *request, const pln_graph *graph,
                                const struct session_batch *batch, pln_error *error)
{
    const struct packing p = {session, request, (struct session_batch *)(uintptr_t)batch};
    pln_status status = begin_outputs(session, graph, error);
    for (uint32_t i = 0; status == PLN_OK && i < graph->n_outputs; i++)
        status = unpack_output(&p, &graph->outputs[i], batch->outputs[i].data, error);
    return status;
}
