/* SPDX-License-Identifier: Apache-2.0
 *
 * Unpacking: what a graph gives becomes tensors with the shapes of the reference implementation.
 */
#include <string.h>

#include "common/fail.h"
#include "session/session.h"

static pln_tensor *add_output(pln_session *s, const char *name, uint32_t rank, const uint64_t *shape)
{
    pln_tensor *t = &s->outputs[s->n_outputs++];
    *t = (pln_tensor){.name = name, .dtype = PLN_F32, .rank = rank};
    for (uint32_t i = 0; i < rank; i++)
        t->shape[i] = shape[i];
    return t;
}

/* [tokens, columns first to first + width of `wide`] to [rows, length, width]; what was dropped reads as 0. */
static pln_status unpack_tokens(const struct session_packing *p, const char *name, const float *in, uint32_t wide,
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
static pln_status unpack_attentions(const struct session_packing *p, const char *name, const float *in, uint32_t source,
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

/* Rows as they are. */
static pln_status unpack_rows(const struct session_packing *p, const char *name, const pln_value *value,
                              const float *in)
{
    const uint64_t flat[] = {pln_dim_rows(value->rows, p->b->dims), value->width};
    add_output(p->session, name, 2, flat)->data = in;
    return PLN_OK;
}

static pln_status unpack_logits(const struct session_packing *p, const pln_value *value, const float *in,
                                pln_error *error)
{
    pln_status status;
    if (p->r->targets)
        return unpack_rows(p, "logits", value, in);
    switch (p->session->head->logits) {
    case ELECTRA_ONE_A_TOKEN:
        return unpack_tokens(p, "logits", in, 1, 0, 1, true, error);
    case ELECTRA_SPANS:
        status = unpack_tokens(p, "start_logits", in, 2, 0, 1, true, error);
        return status == PLN_OK ? unpack_tokens(p, "end_logits", in, 2, 1, 1, true, error) : status;
    case ELECTRA_BY_ROW:
        return unpack_rows(p, "logits", value, in);
    case ELECTRA_JOINT:
    case ELECTRA_BY_TOKEN:
        break;
    }
    return unpack_tokens(p, "logits", in, value->width, 0, value->width, false, error);
}

/* Of each sequence starts by tokens: [rows, starts, length], with labels, which say the one start, [rows, length]. */
static pln_status unpack_pairs(const struct session_packing *p, const char *name, const float *in, pln_error *error)
{
    const uint32_t starts = p->b->features.starts ? p->b->features.starts : 1;
    const uint64_t wide[] = {p->r->rows, starts, p->r->length}, flat[] = {p->r->rows, p->r->length};
    const size_t all = (size_t)p->r->rows * starts * p->r->length;
    float *out = pool_take(&p->session->pool, all * sizeof *out);
    if (!out)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the output %s", name);
    memset(out, 0, all * sizeof *out);
    for (uint32_t i = 0; i < p->r->rows; i++)
        for (uint32_t k = 0; k < starts; k++, in += p->b->lengths[i])
            memcpy(out + ((size_t)i * starts + k) * p->r->length, in, p->b->lengths[i] * sizeof *out);
    add_output(p->session, name, p->b->features.starts ? 3 : 2, p->b->features.starts ? wide : flat)->data = out;
    return PLN_OK;
}

/* The output of the graph that are its logits; NULL in training. */
static const float *find_logits(const struct session_packing *p, const struct electra_graph *graph, uint32_t *width)
{
    for (uint32_t i = 0; i < graph->graph->n_outputs; i++)
        if (graph->outputs[i] == ELECTRA_LOGITS) {
            *width = graph->graph->outputs[i].value->width;
            return p->b->outputs[i];
        }
    return NULL;
}

/* Of losses that are all means over sequences. */
static pln_status unpack_sum(const struct session_packing *p, const char *name, const float *mean, pln_error *error)
{
    float *sum = pool_take(&p->session->pool, sizeof *sum);
    if (!sum)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the output %s", name);
    *sum = *mean * (float)p->r->rows;
    add_output(p->session, name, 0, NULL)->data = sum;
    return PLN_OK;
}

/* The mean of the graph, or what the semantics make of the losses of its rows. */
static pln_status unpack_loss(const struct session_packing *p, const struct electra_graph *graph, const char *name,
                              const float *mean, pln_error *error)
{
    const pln_labels kind = p->session->head->labels;
    const enum electra_reduction reduction = p->session->config.semantics->reduction;
    const bool by_token = kind == PLN_LABELS_TOKENS || kind == PLN_LABELS_REPLACED;
    const uint64_t n = kind == PLN_LABELS_CHOICES ? p->r->examples : p->r->rows, one = 1;
    uint32_t width = 0;
    const float *logits = find_logits(p, graph, &width);
    if (reduction == ELECTRA_LOSS_SUM && p->session->head->logits == ELECTRA_JOINT)
        return unpack_sum(p, name, mean, error);
    if (reduction == ELECTRA_LOSS_MEAN || by_token || !logits) {
        add_output(p->session, name, reduction == ELECTRA_LOSS_EACH, &one)->data = mean;
        return PLN_OK;
    }
    float *out = pool_take(&p->session->pool, n * sizeof *out);
    double sum = 0;
    if (!out)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the output %s", name);
    for (uint64_t i = 0; i < n; i++) {
        const double loss = session_row_loss(p, logits, width, i);
        out[i] = (float)loss;
        sum += loss;
    }
    if (reduction == ELECTRA_LOSS_SUM)
        out[0] = (float)sum;
    add_output(p->session, name, reduction == ELECTRA_LOSS_EACH, &n)->data = out;
    return PLN_OK;
}

static pln_status unpack_output(const struct session_packing *p, const struct electra_graph *graph, uint32_t i,
                                pln_error *error)
{
    const struct graph_output *output = &graph->graph->outputs[i];
    const pln_value *value = output->value;
    const float *in = p->b->outputs[i];
    switch (graph->outputs[i]) {
    case ELECTRA_NODE:
        return unpack_rows(p, output->name, value, in);
    case ELECTRA_ATTENTIONS:
        return unpack_attentions(p, output->name, in, p->r->length, error);
    case ELECTRA_CROSS_ATTENTIONS:
        return unpack_attentions(p, output->name, in, p->r->source_length, error);
    case ELECTRA_LOSS:
        return unpack_loss(p, graph, output->name, in, error);
    case ELECTRA_LOGITS:
        return unpack_logits(p, value, in, error);
    case ELECTRA_TOKEN_SCORES:
        return unpack_tokens(p, output->name, in, 1, 0, 1, true, error);
    case ELECTRA_PAIR_SCORES:
        return unpack_pairs(p, output->name, in, error);
    case ELECTRA_ROW_SCORES:
        add_output(p->session, output->name, 1, &(uint64_t){p->r->rows})->data = in;
        return PLN_OK;
    case ELECTRA_STATE:
    case ELECTRA_LAYER_STATE:
        break;
    }
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
        add_output(session, graph->outputs[i].name, 2, shape)->data = batch->outputs[i];
    }
    return status;
}

pln_status session_batch_unpack(pln_session *session, const struct session_request *request,
                                const struct electra_graph *graph, const struct session_batch *batch, pln_error *error)
{
    const struct session_packing p = {session, request, batch};
    pln_status status = begin_outputs(session, graph->graph, error);
    for (uint32_t i = 0; status == PLN_OK && i < graph->graph->n_outputs; i++)
        status = unpack_output(&p, graph, i, error);
    return status;
}
