/* SPDX-License-Identifier: Apache-2.0
 *
 * The door: names, types, shapes and ranges of the tensors of a request. Behind it nothing is checked again.
 */
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "common/mapped.h"
#include "session/session.h"

/* ---- shapes
 * ----------------------------------------------------------------------------------------------------------------- */

static void print_shape(char *text, size_t bytes, const uint64_t *shape, uint32_t rank)
{
    size_t used = (size_t)snprintf(text, bytes, "[");
    for (uint32_t i = 0; i < rank && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, i ? ", %llu" : "%llu", (unsigned long long)shape[i]);
    if (used < bytes)
        snprintf(text + used, bytes - used, "]");
}

static bool has_shape(const pln_tensor *tensor, const uint64_t *shape, uint32_t rank)
{
    if (tensor->rank != rank)
        return false;
    for (uint32_t i = 0; i < rank; i++)
        if (tensor->shape[i] != shape[i])
            return false;
    return true;
}

static pln_status wrong_shape(const pln_tensor *tensor, const uint64_t *shape, uint32_t rank, pln_error *error)
{
    char want[96], have[192];
    print_shape(want, sizeof want, shape, rank);
    print_shape(have, sizeof have, tensor->shape, tensor->rank);
    return pln_fail(error, PLN_INVALID, "%s: expected %s, found %s", tensor->name, want, have);
}

static pln_status want_shape(const pln_tensor *tensor, const uint64_t *shape, uint32_t rank, pln_error *error)
{
    return !tensor || has_shape(tensor, shape, rank) ? PLN_OK : wrong_shape(tensor, shape, rank, error);
}

static pln_status want_integers(const pln_tensor *tensor, int64_t least, int64_t most, int64_t also, pln_error *error)
{
    if (!tensor)
        return PLN_OK;
    if (!session_is_integer(tensor))
        return pln_fail(error, PLN_INVALID, "%s: expected whole numbers, found %s", tensor->name,
                        pln_dtype_string(tensor->dtype));
    const uint64_t n = pln_tensor_elements(tensor);
    for (uint64_t i = 0; i < n; i++) {
        const int64_t x = session_integer(tensor, i);
        if ((x < least || x > most) && x != also)
            return pln_fail(error, PLN_INVALID, "%s: %lld at element %llu is out of the range %lld to %lld",
                            tensor->name, (long long)x, (unsigned long long)i, (long long)least, (long long)most);
    }
    return PLN_OK;
}

static pln_status want_floats(const pln_tensor *tensor, pln_error *error)
{
    return tensor && session_is_integer(tensor) ? pln_fail(error, PLN_INVALID, "%s: expected floats, found %s",
                                                           tensor->name, pln_dtype_string(tensor->dtype))
                                                : PLN_OK;
}

/* ---- tensors by name
 * -------------------------------------------------------------------------------------------------------- */

struct slot {
    const char *name;
    size_t offset;
    bool heads[PLN_HEAD_QUESTION_ANSWERING + 1]; /* that take it; all false: every head */
};

#define SLOT(name) #name, offsetof(struct session_request, name)
#define LABELLED                                                                                                       \
    {                                                                                                                  \
        [PLN_HEAD_PRETRAINING] = true, [PLN_HEAD_CAUSAL_LM] = true, [PLN_HEAD_MASKED_LM] = true,                       \
        [PLN_HEAD_SEQUENCE_CLASSIFICATION] = true, [PLN_HEAD_MULTIPLE_CHOICE] = true,                                  \
        [PLN_HEAD_TOKEN_CLASSIFICATION] = true                                                                         \
    }
static const struct slot slots[] = {
    {SLOT(input_ids), {false}},
    {SLOT(inputs_embeds), {false}},
    {SLOT(attention_mask), {false}},
    {SLOT(token_type_ids), {false}},
    {SLOT(position_ids), {false}},
    {SLOT(head_mask), {false}},
    {SLOT(labels), LABELLED},
    {SLOT(start_positions), {[PLN_HEAD_QUESTION_ANSWERING] = true}},
    {SLOT(end_positions), {[PLN_HEAD_QUESTION_ANSWERING] = true}},
    {SLOT(encoder_hidden_states), {[PLN_HEAD_MODEL] = true, [PLN_HEAD_CAUSAL_LM] = true}},
    {SLOT(encoder_attention_mask), {[PLN_HEAD_MODEL] = true, [PLN_HEAD_CAUSAL_LM] = true}},
};
enum { N_SLOTS = sizeof slots / sizeof *slots };

static bool takes(const struct slot *slot, pln_head head)
{
    bool any = false;
    for (size_t i = 0; i < sizeof slot->heads / sizeof *slot->heads; i++)
        any |= slot->heads[i];
    return !any || slot->heads[head];
}

static pln_status find_tensors(pln_head head, const pln_tensor *tensors, uint32_t n, struct session_request *r,
                               pln_error *error)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct slot *slot = NULL;
        for (size_t j = 0; j < N_SLOTS; j++)
            if (strcmp(slots[j].name, tensors[i].name) == 0)
                slot = &slots[j];
        if (!slot || !takes(slot, head))
            return pln_fail(error, PLN_INVALID, "%s: no input of the head %s", tensors[i].name, pln_head_string(head));
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

/* Batch, choices and length from the ids or the embeddings. */
static pln_status read_sizes(const pln_session *s, struct session_request *r, pln_error *error)
{
    const struct electra_config *c = &s->model->config;
    if (!r->input_ids == !r->inputs_embeds)
        return pln_fail(error, PLN_INVALID,
                        r->input_ids ? "both input_ids and inputs_embeds are given, expected one of them"
                                     : "neither input_ids nor inputs_embeds is given, expected one of them");
    const pln_tensor *t = r->input_ids ? r->input_ids : r->inputs_embeds;
    const bool choice = s->head == PLN_HEAD_MULTIPLE_CHOICE;
    const uint32_t rank = (choice ? 3u : 2u) + (r->inputs_embeds ? 1u : 0u);
    if (t->rank != rank)
        return pln_fail(error, PLN_INVALID, "%s: expected rank %u, found %u", t->name, rank, t->rank);
    uint64_t rows = 1;
    for (uint32_t i = 0; i < rank; i++) {
        if (!t->shape[i] || t->shape[i] > 1 << 24)
            return pln_fail(error, PLN_INVALID, "%s: a side of %llu", t->name, (unsigned long long)t->shape[i]);
        rows *= i < rank - (r->inputs_embeds ? 2u : 1u) ? t->shape[i] : 1;
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
    if (r->inputs_embeds && t->shape[rank - 1] != c->embedding_size)
        return pln_fail(error, PLN_INVALID, "%s: expected width %u (embedding_size), found %llu", t->name,
                        c->embedding_size, (unsigned long long)t->shape[rank - 1]);
    if (c->chunk_size_feed_forward && r->length % c->chunk_size_feed_forward)
        return pln_fail(error, PLN_INVALID, "%s: sequences of %u tokens are no multiple of chunk_size_feed_forward %u",
                        t->name, r->length, c->chunk_size_feed_forward);
    return PLN_OK;
}

/* [batch, length], for multiple choice [batch, choices, length]. */
static pln_status want_token_shape(const struct session_request *r, const pln_tensor *tensor, pln_error *error)
{
    const uint64_t plain[] = {r->examples, r->length}, choice[] = {r->examples, r->choices, r->length};
    return r->choices ? want_shape(tensor, choice, 3, error) : want_shape(tensor, plain, 2, error);
}

/* Each side is that of shape or 1, as PyTorch stretches it. */
static bool stretches(const pln_tensor *tensor, const uint64_t *shape, uint32_t rank)
{
    if (tensor->rank != rank)
        return false;
    for (uint32_t i = 0; i < rank; i++)
        if (tensor->shape[i] != shape[i] && tensor->shape[i] != 1)
            return false;
    return true;
}

/* Types and positions: for all sequences alike, or for all tokens of one. The reference takes a vector of types, but
 * none of positions. */
static pln_status want_stretched(const struct session_request *r, const pln_tensor *tensor, pln_error *error)
{
    const uint64_t rows[] = {r->rows, r->length}, choice[] = {r->examples, r->choices, r->length};
    if (!tensor || stretches(tensor, rows, 2) || (tensor == r->token_type_ids && stretches(tensor, rows + 1, 1)))
        return PLN_OK;
    /* Of choices, the leading sides become one: they are all as given, or all 1. */
    const bool leading = tensor->rank == 3 && tensor->shape[0] * tensor->shape[1] == 1;
    if (r->choices && leading && stretches(tensor, choice, 3))
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
    if (m && has_shape(m, rows, 2))
        return PLN_OK;
    if (!m || m->rank <= 2 || r->choices)
        return want_token_shape(r, m, error);
    r->pair_mask = true;
    const uint64_t three[] = {r->rows, r->length, r->length}, wide[] = {r->rows, heads, r->length, r->length};
    if (m->rank == 3)
        return stretches(m, three, 3) ? PLN_OK : wrong_shape(m, three, 3, error);
    if (m->rank == 4 && session_is_integer(m) && m->dtype != PLN_BOOL)
        return pln_fail(error, PLN_INVALID,
                        "attention_mask: of rank 4 it is bool (allowed) or floats (added), found %s",
                        pln_dtype_string(m->dtype));
    return stretches(m, wide, 4) ? PLN_OK : wrong_shape(m, wide, 4, error);
}

static pln_status check_tokens(const pln_session *s, struct session_request *r, pln_error *error)
{
    const struct electra_config *c = &s->model->config;
    pln_status status = want_integers(r->input_ids, 0, (int64_t)c->vocab_size - 1, 0, error);
    if (status == PLN_OK)
        status = want_floats(r->inputs_embeds, error);
    if (status == PLN_OK)
        status = want_stretched(r, r->token_type_ids, error);
    if (status == PLN_OK)
        status = want_integers(r->token_type_ids, 0, (int64_t)c->type_vocab_size - 1, 0, error);
    if (status == PLN_OK)
        status = want_stretched(r, r->position_ids, error);
    if (status == PLN_OK)
        status = want_integers(r->position_ids, 0, (int64_t)c->max_position_embeddings - 1, 0, error);
    return status == PLN_OK ? check_mask(s, r, error) : status;
}

static pln_status check_head_mask(const pln_session *s, const struct session_request *r, pln_error *error)
{
    const struct electra_config *c = &s->model->config;
    const uint64_t all[] = {c->num_attention_heads}, each[] = {c->num_hidden_layers, c->num_attention_heads};
    if (!r->head_mask || has_shape(r->head_mask, all, 1))
        return PLN_OK;
    return want_shape(r->head_mask, each, 2, error);
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
        print_shape(have, sizeof have, t->shape, t->rank);
        return pln_fail(error, PLN_INVALID, "encoder_hidden_states: expected [%u, source length, %u], found %s",
                        r->rows, c->hidden_size, have);
    }
    r->source_length = (uint32_t)t->shape[1];
    const uint64_t shape[] = {r->rows, r->source_length};
    const pln_status status = want_floats(t, error);
    return status == PLN_OK ? want_shape(r->encoder_attention_mask, shape, 2, error) : status;
}

/* ---- labels
 * ----------------------------------------------------------------------------------------------------------------- */

/* What kind of problem the labels say, as the reference implementation guesses it. */
static enum electra_problem guess_problem(const pln_session *s, const pln_tensor *labels)
{
    if (s->problem != ELECTRA_PROBLEM_UNSET)
        return s->problem;
    if (s->model->config.num_labels == 1)
        return ELECTRA_REGRESSION;
    return session_is_integer(labels) ? ELECTRA_SINGLE_LABEL : ELECTRA_MULTI_LABEL;
}

static pln_status check_class_labels(const pln_session *s, struct session_request *r, pln_error *error)
{
    const uint32_t n = s->model->config.num_labels;
    const pln_tensor *t = r->labels;
    const uint64_t flat[] = {r->rows}, wide[] = {r->rows, n};
    r->problem = guess_problem(s, t);
    if (r->problem == ELECTRA_SINGLE_LABEL) {
        const uint64_t column[] = {r->rows, 1};
        const pln_status status = has_shape(t, column, 2) ? PLN_OK : want_shape(t, flat, 1, error);
        return status == PLN_OK ? want_integers(t, 0, (int64_t)n - 1, -100, error) : status;
    }
    if (r->problem == ELECTRA_REGRESSION && n == 1 && has_shape(t, flat, 1))
        return PLN_OK;
    const pln_status status = want_shape(t, wide, 2, error);
    return status == PLN_OK && r->problem == ELECTRA_MULTI_LABEL ? want_floats(t, error) : status;
}

static pln_status check_labels(const pln_session *s, struct session_request *r, pln_error *error)
{
    const struct electra_config *c = &s->model->config;
    const uint64_t tokens[] = {r->rows, r->length}, examples[] = {r->examples};
    pln_status status;
    switch (s->head) {
    case PLN_HEAD_PRETRAINING:
        return want_shape(r->labels, tokens, 2, error);
    case PLN_HEAD_MASKED_LM:
    case PLN_HEAD_CAUSAL_LM:
        status = want_shape(r->labels, tokens, 2, error);
        return status == PLN_OK ? want_integers(r->labels, 0, (int64_t)c->vocab_size - 1, -100, error) : status;
    case PLN_HEAD_TOKEN_CLASSIFICATION:
        status = want_shape(r->labels, tokens, 2, error);
        return status == PLN_OK ? want_integers(r->labels, 0, (int64_t)c->num_labels - 1, -100, error) : status;
    case PLN_HEAD_MULTIPLE_CHOICE:
        status = want_shape(r->labels, examples, 1, error);
        return status == PLN_OK ? want_integers(r->labels, 0, (int64_t)r->choices - 1, -100, error) : status;
    case PLN_HEAD_SEQUENCE_CLASSIFICATION:
        return check_class_labels(s, r, error);
    default:
        return PLN_OK;
    }
}

static pln_status check_answers(const struct session_request *r, pln_error *error)
{
    const pln_tensor *const both[] = {r->start_positions, r->end_positions};
    const uint64_t flat[] = {r->rows}, column[] = {r->rows, 1};
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < 2; i++) {
        if (both[i] && !has_shape(both[i], column, 2))
            status = want_shape(both[i], flat, 1, error);
        if (status == PLN_OK)
            status = want_integers(both[i], INT32_MIN, INT32_MAX, 0, error);
    }
    return status;
}

pln_status session_request_read(const pln_session *session, const pln_tensor *tensors, uint32_t n,
                                struct session_request *request, pln_error *error)
{
    pln_status status = find_tensors(session->head, tensors, n, request, error);
    if (status == PLN_OK)
        status = read_sizes(session, request, error);
    if (status == PLN_OK)
        status = check_tokens(session, request, error);
    if (status == PLN_OK)
        status = check_head_mask(session, request, error);
    if (status == PLN_OK)
        status = check_source(session, request, error);
    if (status == PLN_OK && request->labels)
        status = check_labels(session, request, error);
    return status == PLN_OK ? check_answers(request, error) : status;
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
