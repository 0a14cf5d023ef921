/* SPDX-License-Identifier: Apache-2.0
 *
 * What of a request is kept, and what its graph must have. Packed, what the mask drops on the right is left out; that
 * must change no answer, so every position is kept when somebody would look at a dropped one.
 */
#include "common/fail.h"
#include "session/session.h"

bool session_attends(const struct session_request *r, uint32_t row, uint32_t token)
{
    if (!r->attention_mask || r->pair_mask)
        return true;
    const uint64_t i = (uint64_t)row * r->length + token;
    if (r->semantics->whole_mask)
        return session_real(r->attention_mask, i) >= 1;
    return session_is_integer(r->attention_mask) ? session_integer(r->attention_mask, i) != 0
                                                 : session_real(r->attention_mask, i) != 0;
}

/* Tokens of each row up to the last that is attended to. False if a row has none or a label sits behind it. */
static bool find_lengths(const pln_session *s, const struct session_request *r, uint32_t *lengths)
{
    for (uint32_t i = 0; i < r->rows; i++) {
        lengths[i] = r->length;
        while (lengths[i] && !session_attends(r, i, lengths[i] - 1))
            lengths[i]--;
        if (!lengths[i])
            return false;
        for (uint32_t j = lengths[i]; r->labels && s->head->labels == PLN_LABELS_TOKENS && j < r->length; j++)
            if (session_token_label(s, r, i, j) != -100)
                return false;
        for (uint32_t j = 0; j < r->starts; j++)
            if (session_integer(r->start_positions, (uint64_t)i * r->starts + j) >= lengths[i])
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
            if (!session_attends(r, i, j))
                return true;
    return false;
}

bool session_attends_source(const struct session_request *r, uint64_t i)
{
    const double m = session_real(r->encoder_attention_mask, i);
    return r->semantics->whole_mask ? m >= 1 : m != 0;
}

static bool source_has_holes(const struct session_request *r)
{
    const uint64_t n = r->encoder_attention_mask ? (uint64_t)r->rows * r->source_length : 0;
    for (uint64_t i = 0; i < n; i++)
        if (!session_attends_source(r, i))
            return true;
    return false;
}

/* Whether a mask hides by a number, and has an element that does not just attend. */
static bool adds(const struct session_request *r, const pln_tensor *mask, uint64_t n)
{
    bool found = false;
    for (uint64_t i = 0; mask && r->semantics->masked != 0 && !found && i < n; i++)
        found = session_real(mask, i) != 1;
    return found;
}

bool session_adds_mask(const struct session_request *r)
{
    return !r->pair_mask && adds(r, r->attention_mask, (uint64_t)r->rows * r->length);
}

static bool adds_source_mask(const struct session_request *r)
{
    return adds(r, r->encoder_attention_mask, (uint64_t)r->rows * r->source_length);
}

static bool keeps_every_position(const pln_session *s, const struct session_request *r, bool labels)
{
    const struct electra_head *head = s->head;
    return s->options.every_position || s->options.attentions || r->pair_mask || session_adds_mask(r) ||
           (head->sees_padding && head->sees_padding(&s->config, labels));
}

static uint32_t bias_planes(const pln_session *s, const struct session_request *r)
{
    if (!r->pair_mask)
        return session_adds_mask(r);
    return r->attention_mask->rank == 4 && r->attention_mask->shape[1] > 1 ? s->model->config.num_attention_heads : 1;
}

static struct electra_features features_of(const pln_session *s, const struct session_request *r,
                                           const struct session_batch *b, bool labels)
{
    const struct electra_config *c = &s->model->config;
    const pln_session_options *o = &s->options;
    struct electra_features f = {
        .head = s->head_number,
        .embeddings = r->inputs_embeds != NULL,
        .hidden = r->last_hidden_state != NULL,
        .starts = labels ? 0 : r->starts,
        .key_mask = !session_adds_mask(r) && has_holes(r, b->lengths),
        .bias_planes = bias_planes(s, r),
        .head_mask = r->head_mask != NULL,
        .source = r->encoder_hidden_states != NULL,
        .source_mask = !adds_source_mask(r) && source_has_holes(r),
        .source_bias = adds_source_mask(r),
        .labels = labels,
        .targets = r->targets != NULL,
        .hidden_states = o->hidden_states || c->output_hidden_states,
        .attentions = o->attentions,
        .trace = o->trace,
        .choices = r->choices,
        .problem = labels && s->head->labels == PLN_LABELS_SEQUENCES ? r->problem : ELECTRA_PROBLEM_UNSET,
    };
    if (b->step) {
        f.source |= c->add_cross_attention;
        f.train = f.total = true;
        f.trace = b->step->trace;
        f.recompute = b->step->recompute;
        f.dropout = b->step->dropout;
        f.layer_decay = b->step->layer_decay;
        f.label_smoothing = b->step->label_smoothing;
        f.class_weights = b->step->class_weights != NULL;
    }
    return f;
}

pln_status session_batch_plan(pln_session *session, const struct session_request *request,
                              const struct session_step *step, struct session_batch *batch, pln_error *error)
{
    const struct session_request *r = request;
    const bool labels = session_labels_whole(r) || step;
    batch->step = step;
    batch->lengths = pool_take(&session->pool, r->rows * sizeof *batch->lengths);
    batch->starts = pool_take(&session->pool, (r->rows + 1) * sizeof *batch->starts);
    if (!batch->lengths || !batch->starts)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a batch of %u sequences", r->rows);
    batch->every_position = keeps_every_position(session, r, labels) || !find_lengths(session, r, batch->lengths);
    batch->starts[0] = 0;
    for (uint32_t i = 0; i < r->rows; i++) {
        if (batch->every_position)
            batch->lengths[i] = r->length;
        batch->starts[i + 1] = batch->starts[i] + (int32_t)batch->lengths[i];
    }
    batch->tokens = (uint32_t)batch->starts[r->rows];
    batch->features = features_of(session, r, batch, labels);
    return PLN_OK;
}
