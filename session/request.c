/* SPDX-License-Identifier: Apache-2.0
 *
 * The door: names, types, shapes and ranges of the tensors of a request. Behind it nothing is checked again.
 */
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "common/mapped.h"
#include "session/session.h"

/* ---- tensors by name */

static bool always(const struct electra_head *head)
{
    return head != NULL;
}

static bool with_labels(const struct electra_head *head)
{
    return head->labels != PLN_LABELS_NONE && head->labels != PLN_LABELS_SPANS;
}

static bool with_answers(const struct electra_head *head)
{
    return head->labels == PLN_LABELS_SPANS;
}

static bool with_joint_answers(const struct electra_head *head)
{
    return head->logits == ELECTRA_JOINT;
}

static bool with_source(const struct electra_head *head)
{
    return head->source;
}

#define SLOT(name) #name, offsetof(struct session_request, name)
static const struct slot {
    const char *name;
    size_t offset;
    bool (*taken)(const struct electra_head *head);
} slots[] = {
    {SLOT(input_ids), always},
    {SLOT(inputs_embeds), always},
    {SLOT(attention_mask), always},
    {SLOT(token_type_ids), always},
    {SLOT(position_ids), always},
    {SLOT(head_mask), always},
    {SLOT(labels), with_labels},
    {SLOT(start_positions), with_answers},
    {SLOT(end_positions), with_answers},
    {SLOT(is_impossible), with_joint_answers},
    {SLOT(last_hidden_state), with_joint_answers},
    {SLOT(encoder_hidden_states), with_source},
    {SLOT(encoder_attention_mask), with_source},
};
enum { N_SLOTS = sizeof slots / sizeof *slots };

static pln_status find_tensors(const struct electra_head *head, const pln_tensor *tensors, uint32_t n,
                               struct session_request *r, pln_error *error)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct slot *slot = NULL;
        for (size_t j = 0; j < N_SLOTS; j++)
            if (strcmp(slots[j].name, tensors[i].name) == 0)
                slot = &slots[j];
        if (!slot || !slot->taken(head))
            return pln_fail(error, PLN_INVALID, "%s: no input of the head %s", tensors[i].name, head->name);
        const pln_tensor **place = (const pln_tensor **)(void *)((char *)r + slot->offset);
        if (*place)
            return pln_fail(error, PLN_INVALID, "%s: given twice", tensors[i].name);
        if (!pln_dtype_bytes(tensors[i].dtype) || tensors[i].rank > PLN_MAX_RANK || !tensors[i].data)
            return pln_fail(error, PLN_INVALID,
                            "%s: has no data, an element type that is not known, or more than %d sides",
                            tensors[i].name, PLN_MAX_RANK);
        *place = &tensors[i];
    }
    return PLN_OK;
}

/* The one of the tensors that stand for tokens. */
static pln_status find_tokens(const struct session_request *r, const pln_tensor **tokens, pln_error *error)
{
    const pln_tensor *const all[] = {r->input_ids, r->inputs_embeds, r->last_hidden_state};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (*tokens && all[i])
            return pln_fail(error, PLN_INVALID, "both %s and %s are given, expected one of them", (*tokens)->name,
                            all[i]->name);
        *tokens = all[i] ? all[i] : *tokens;
    }
    return *tokens ? PLN_OK
                   : pln_fail(error, PLN_INVALID, "neither input_ids nor inputs_embeds is given, expected one of them");
}

static pln_status want_width(const pln_tensor *tensor, uint32_t width, const char *field, pln_error *error)
{
    const uint64_t found = tensor ? tensor->shape[tensor->rank - 1] : width;
    return found == width ? PLN_OK
                          : pln_fail(error, PLN_INVALID, "%s: expected width %u (%s), found %llu", tensor->name, width,
                                     field, (unsigned long long)found);
}

/* Batch, choices and length from the ids, the embeddings or the hidden states. */
static pln_status read_sizes(const pln_session *s, struct session_request *r, pln_error *error)
{
    const struct electra_config *c = &s->model->config;
    const pln_tensor *t = NULL;
    pln_status status = find_tokens(r, &t, error);
    if (status != PLN_OK)
        return status;
    const bool choice = s->head->choices;
    const uint32_t token_rank = choice ? 3 : 2;
    const uint32_t rank = t == r->input_ids ? token_rank : token_rank + 1;
    if (t->rank != rank)
        return pln_fail(error, PLN_INVALID, "%s: expected rank %u, found %u", t->name, rank, t->rank);
    uint64_t rows = 1;
    for (uint32_t i = 0; i < rank; i++) {
        if (!t->shape[i] || t->shape[i] > 1 << 24)
            return pln_fail(error, PLN_INVALID, "%s: a side of %llu", t->name, (unsigned long long)t->shape[i]);
        rows *= i < token_rank - 1 ? t->shape[i] : 1;
    }
    r->examples = (uint32_t)t->shape[0];
    r->choices = choice ? (uint32_t)t->shape[1] : 0;
    r->length = (uint32_t)t->shape[choice ? 2 : 1];
    if (rows * r->length > INT32_MAX)
        return pln_fail(error, PLN_INVALID, "%s: %llu tokens are more than a batch can have", t->name,
                        (unsigned long long)(rows * r->length));
    r->rows = (uint32_t)rows;
    if (r->length > c->max_position_embeddings)
        return pln_fail(error, PLN_INVALID, "%s: sequences of %u tokens, the model takes at most %u", t->name,
                        r->length, c->max_position_embeddings);
    status = want_width(r->inputs_embeds, c->embedding_size, "embedding_size", error);
    if (status == PLN_OK)
        status = want_width(r->last_hidden_state, c->hidden_size, "hidden_size", error);
    if (status != PLN_OK)
        return status;
    if (c->chunk_size_feed_forward && r->length % c->chunk_size_feed_forward)
        return pln_fail(error, PLN_INVALID, "%s: sequences of %u tokens are no multiple of chunk_size_feed_forward %u",
                        t->name, r->length, c->chunk_size_feed_forward);
    return PLN_OK;
}

/* [batch, length], for multiple choice [batch, choices, length]. */
static pln_status want_token_shape(const struct session_request *r, const pln_tensor *tensor, pln_error *error)
{
    const uint64_t plain[] = {r->examples, r->length}, choice[] = {r->examples, r->choices, r->length};
    return r->choices ? session_want_shape(tensor, choice, 3, error) : session_want_shape(tensor, plain, 2, error);
}

/* Types and positions: for all sequences alike, or for all tokens of one. The reference takes a vector of types, but
 * none of positions. */
static pln_status want_stretched(const struct session_request *r, const pln_tensor *tensor, pln_error *error)
{
    const uint64_t rows[] = {r->rows, r->length}, choice[] = {r->examples, r->choices, r->length};
    if (!tensor || session_stretches(tensor, rows, 2) ||
        (tensor == r->token_type_ids && session_stretches(tensor, rows + 1, 1)))
        return PLN_OK;
    /* Of choices, the leading sides become one: they are all as given, or all 1. */
    const bool leading = tensor->rank == 3 && tensor->shape[0] * tensor->shape[1] == 1;
    if (r->choices && leading && session_stretches(tensor, choice, 3))
        return PLN_OK;
    if (r->choices && tensor->rank == 3 && tensor->shape[2] == 1 && tensor->shape[0] == r->examples &&
        tensor->shape[1] == r->choices)
        return PLN_OK;
    return want_token_shape(r, tensor, error);
}

static pln_status check_mask(const pln_session *s, struct session_request *r, pln_error *error)
{
    const pln_tensor *m = r->attention_mask;
    const uint32_t heads = s->model->config.num_attention_heads;
    const uint64_t rows[] = {r->rows, r->length}; /* of choices too: they lie alike */
    if (m && session_has_shape(m, rows, 2))
        return PLN_OK;
    if (!m || m->rank <= 2 || r->choices)
        return want_token_shape(r, m, error);
    r->pair_mask = true;
    const uint64_t three[] = {r->rows, r->length, r->length}, wide[] = {r->rows, heads, r->length, r->length};
    if (m->rank == 3)
        return session_want_stretched(m, three, 3, error);
    if (m->rank == 4 && session_is_integer(m) && m->dtype != PLN_BOOL)
        return pln_fail(error, PLN_INVALID,
                        "attention_mask: of rank 4 it is bool (allowed) or floats (added), found %s",
                        pln_dtype_string(m->dtype));
    return session_want_stretched(m, wide, 4, error);
}

/* A model with fewer types than the semantics take for granted: Flax itself gives NaN there. */
static pln_status check_unsaid_type(const pln_session *s, const struct session_request *r, pln_error *error)
{
    const uint32_t rows = s->model->config.type_vocab_size, type = (uint32_t)r->semantics->token_type;
    return r->token_type_ids || type < rows
               ? PLN_OK
               : pln_fail(error, PLN_INVALID,
                          "token_type_ids: not given, and %s takes %u for each, where type_vocab_size is %u",
                          r->semantics->name, type, rows);
}

static pln_status check_tokens(const pln_session *s, struct session_request *r, pln_error *error)
{
    const struct electra_config *c = &s->model->config;
    pln_status status = session_want_integers(r->input_ids, 0, (int64_t)c->vocab_size - 1, 0, error);
    if (status == PLN_OK)
        status = session_want_floats(r->inputs_embeds, error);
    if (status == PLN_OK)
        status = session_want_floats(r->last_hidden_state, error);
    if (status == PLN_OK)
        status = want_stretched(r, r->token_type_ids, error);
    if (status == PLN_OK)
        status = check_unsaid_type(s, r, error);
    if (status == PLN_OK)
        status = session_want_integers(r->token_type_ids, 0, (int64_t)c->type_vocab_size - 1, 0, error);
    if (status == PLN_OK)
        status = want_stretched(r, r->position_ids, error);
    if (status == PLN_OK)
        status = session_want_integers(r->position_ids, 0, (int64_t)c->max_position_embeddings - 1, 0, error);
    return status == PLN_OK ? check_mask(s, r, error) : status;
}

static pln_status check_head_mask(const pln_session *s, const struct session_request *r, pln_error *error)
{
    const struct electra_config *c = &s->model->config;
    const uint64_t all[] = {c->num_attention_heads}, each[] = {c->num_hidden_layers, c->num_attention_heads};
    if (!r->head_mask || session_has_shape(r->head_mask, all, 1))
        return PLN_OK;
    return session_want_shape(r->head_mask, each, 2, error);
}

static pln_status check_source(const pln_session *s, struct session_request *r, pln_error *error)
{
    const struct electra_config *c = &s->model->config;
    const pln_tensor *t = r->encoder_hidden_states;
    if (!t)
        return r->encoder_attention_mask
                   ? pln_fail(error, PLN_INVALID, "encoder_attention_mask: given without encoder_hidden_states")
                   : PLN_OK;
    if (!c->add_cross_attention)
        return pln_fail(error, PLN_INVALID,
                        "encoder_hidden_states: the model has no cross-attention (add_cross_attention)");
    if (t->rank != 3 || (t->shape[0] != r->rows && t->shape[0] != 1) || t->shape[2] != c->hidden_size || !t->shape[1] ||
        t->shape[1] > INT32_MAX / (r->rows ? r->rows : 1)) {
        char have[192];
        session_print_shape(have, sizeof have, t->shape, t->rank);
        return pln_fail(error, PLN_INVALID, "encoder_hidden_states: expected [%u, source length, %u], found %s",
                        r->rows, c->hidden_size, have);
    }
    r->source_length = (uint32_t)t->shape[1];
    const uint64_t shape[] = {r->rows, r->source_length};
    const pln_status status = session_want_floats(t, error);
    return status == PLN_OK ? session_want_shape(r->encoder_attention_mask, shape, 2, error) : status;
}

pln_status session_request_read(const pln_session *session, const pln_tensor *tensors, uint32_t n,
                                struct session_request *request, pln_error *error)
{
    request->semantics = session->config.semantics;
    pln_status status = find_tensors(session->head, tensors, n, request, error);
    if (status == PLN_OK)
        status = read_sizes(session, request, error);
    if (status == PLN_OK)
        status = check_tokens(session, request, error);
    if (status == PLN_OK)
        status = check_head_mask(session, request, error);
    if (status == PLN_OK)
        status = check_source(session, request, error);
    return status == PLN_OK ? session_labels_check(session, request, error) : status;
}

pln_status session_request_check(const struct session_request *request, pln_error *error)
{
    for (size_t i = 0; i < N_SLOTS; i++) {
        const pln_tensor *tensor = *(const pln_tensor *const *)(const void *)((const char *)request + slots[i].offset);
        if (tensor && !mapped_is_whole(tensor->data))
            return pln_fail(error, PLN_INVALID, "%s: its file became shorter while it was in use", tensor->name);
    }
    return PLN_OK;
}
