/* SPDX-License-Identifier: Apache-2.0
 *
 * Labels: what each kind of them (pln_labels) must look like, what its loss is a mean over, and how it is packed.
 * A kind is a row of the table.
 */
#include <string.h>

#include "session/session.h"

/* ---- of tokens */

int32_t session_token_label(const pln_session *session, const struct session_request *request, uint32_t row,
                            uint32_t token)
{
    const uint32_t at = session->head->shifted ? token + 1 : token;
    if (at >= request->length)
        return -100;
    const int32_t label = (int32_t)session_integer(request->labels, (uint64_t)row * request->length + at);
    if (label >= 0 || label == -100 || !request->semantics->negative_labels)
        return label;
    return session->head->classes == ELECTRA_OF_VOCABULARY ? 0 : -100;
}

static int64_t last_class(const pln_session *s)
{
    return (int64_t)electra_classes(&s->model->config, s->head) - 1;
}

static pln_status check_tokens(const pln_session *s, struct session_request *r, pln_error *error)
{
    const uint64_t tokens[] = {r->rows, r->length};
    const pln_status status = session_want_shape(r->labels, tokens, 2, error);
    const int64_t least = r->semantics->negative_labels ? INT32_MIN : 0;
    return status == PLN_OK ? session_want_integers(r->labels, least, last_class(s), -100, error) : status;
}

static double share_of(const float *weights, int64_t label)
{
    if (label == -100)
        return 0;
    return weights ? (double)weights[label] : 1;
}

static void count_tokens(const pln_session *s, const struct session_request *r, const float *weights, float totals[2])
{
    double n = 0;
    for (uint32_t i = 0; i < r->rows; i++)
        for (uint32_t j = 0; j < r->length; j++)
            n += share_of(weights, session_token_label(s, r, i, j));
    totals[0] = (float)n;
}

static void pack_tokens(const struct session_packing *p, void *out)
{
    int32_t *to = out;
    for (uint32_t i = 0; i < p->r->rows; i++)
        for (uint32_t j = 0; j < p->b->lengths[i]; j++)
            *to++ = session_token_label(p->session, p->r, i, j);
}

/* ---- replaced or not, weighed by the mask: positions where it is exactly one count */

static pln_status check_replaced(const pln_session *s, struct session_request *r, pln_error *error)
{
    (void)s;
    const uint64_t tokens[] = {r->rows, r->length};
    return session_want_shape(r->labels, tokens, 2, error);
}

static bool weighs(const struct session_request *r, uint32_t row, uint32_t token)
{
    const pln_tensor *m = r->pair_mask ? NULL : r->attention_mask;
    return !m || session_real(m, (uint64_t)row * r->length + token) == 1;
}

static void count_weights(const pln_session *s, const struct session_request *r, const float *weights, float totals[2])
{
    (void)s;
    (void)weights;
    uint64_t n = 0;
    for (uint32_t i = 0; i < r->rows; i++)
        for (uint32_t j = 0; j < r->length; j++)
            n += weighs(r, i, j);
    totals[0] = (float)n;
}

void session_pack_weights(const struct session_packing *p, void *out)
{
    float *to = out;
    for (uint32_t i = 0; i < p->r->rows; i++)
        for (uint32_t j = 0; j < p->b->lengths[i]; j++)
            *to++ = weighs(p->r, i, j);
}

static void pack_replaced(const struct session_packing *p, void *out)
{
    float *to = out;
    for (uint32_t i = 0; i < p->r->rows; i++)
        for (uint32_t j = 0; j < p->b->lengths[i]; j++)
            *to++ = (float)session_real(p->r->labels, (uint64_t)i * p->r->length + j);
}

/* ---- of sequences, by the type of the problem */

/* What kind of problem the labels say, as the reference implementation guesses it. */
static enum electra_problem guess_problem(const pln_session *s, const pln_tensor *labels)
{
    if (s->problem != ELECTRA_PROBLEM_UNSET)
        return s->problem;
    if (s->model->config.num_labels == 1)
        return ELECTRA_REGRESSION;
    return session_is_integer(labels) ? ELECTRA_SINGLE_LABEL : ELECTRA_MULTI_LABEL;
}

static pln_status check_sequences(const pln_session *s, struct session_request *r, pln_error *error)
{
    const uint32_t n = s->model->config.num_labels;
    const pln_tensor *t = r->labels;
    const uint64_t flat[] = {r->rows}, wide[] = {r->rows, n}, column[] = {r->rows, 1};
    r->problem = guess_problem(s, t);
    if (r->problem == ELECTRA_SINGLE_LABEL) {
        const pln_status status = session_has_shape(t, column, 2) ? PLN_OK : session_want_shape(t, flat, 1, error);
        return status == PLN_OK ? session_want_integers(t, 0, last_class(s), -100, error) : status;
    }
    if (r->problem == ELECTRA_REGRESSION && n == 1 && session_has_shape(t, flat, 1))
        return PLN_OK;
    const pln_status status = session_want_shape(t, wide, 2, error);
    return status == PLN_OK && r->problem == ELECTRA_MULTI_LABEL ? session_want_floats(t, error) : status;
}

static void count_classes(const pln_session *s, const struct session_request *r, const float *weights, float totals[2])
{
    (void)s;
    double n = 0;
    for (uint64_t i = 0; i < pln_tensor_elements(r->labels); i++)
        n += share_of(weights, session_integer(r->labels, i));
    totals[0] = (float)n;
}

static void count_sequences(const pln_session *s, const struct session_request *r, const float *weights,
                            float totals[2])
{
    if (r->problem == ELECTRA_SINGLE_LABEL)
        count_classes(s, r, weights, totals);
    else
        totals[0] = (float)pln_tensor_elements(r->labels);
}

static void pack_classes(const struct session_packing *p, void *out)
{
    const uint64_t n = pln_tensor_elements(p->r->labels);
    for (uint64_t i = 0; i < n; i++)
        ((int32_t *)out)[i] = (int32_t)session_integer(p->r->labels, i);
}

static void pack_values(const struct session_packing *p, void *out)
{
    const uint64_t n = pln_tensor_elements(p->r->labels);
    for (uint64_t i = 0; i < n; i++)
        ((float *)out)[i] = (float)session_real(p->r->labels, i);
}

/* ---- which choice of an example is right */

static pln_status check_choices(const pln_session *s, struct session_request *r, pln_error *error)
{
    (void)s;
    const uint64_t examples[] = {r->examples};
    const pln_status status = session_want_shape(r->labels, examples, 1, error);
    return status == PLN_OK ? session_want_integers(r->labels, 0, (int64_t)r->choices - 1, -100, error) : status;
}

/* ---- where an answer begins and ends */

static pln_status check_spans(const pln_session *s, struct session_request *r, pln_error *error)
{
    (void)s;
    const pln_tensor *const both[] = {r->start_positions, r->end_positions};
    const uint64_t flat[] = {r->rows}, column[] = {r->rows, 1};
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < 2; i++) {
        if (both[i] && !session_has_shape(both[i], column, 2))
            status = session_want_shape(both[i], flat, 1, error);
        if (status == PLN_OK)
            status = session_want_integers(both[i], INT32_MIN, INT32_MAX, 0, error);
    }
    return status;
}

/* Ends of answers that begin at any of several tokens: [batch] or [batch, starts], within the sequence. */
static pln_status check_starts(const pln_session *s, struct session_request *r, pln_error *error)
{
    const pln_tensor *t = r->start_positions;
    const bool several = t->rank == 2 && t->shape[0] == r->rows && t->shape[1] && t->shape[1] <= 1 << 16;
    const uint64_t flat[] = {r->rows};
    (void)s;
    pln_status status = several ? PLN_OK : session_want_shape(t, flat, 1, error);
    if (status == PLN_OK)
        status = session_want_integers(t, 0, (int64_t)r->length - 1, 0, error);
    r->starts = several ? (uint32_t)t->shape[1] : 1;
    if (status == PLN_OK && (uint64_t)r->rows * r->length * r->starts > INT32_MAX / 2)
        return pln_fail(error, PLN_INVALID, "start_positions: %u for each of %u sequences of %u tokens are too many",
                        r->starts, r->rows, r->length);
    return status;
}

static pln_status check_joint(const pln_session *s, struct session_request *r, pln_error *error)
{
    const uint64_t rows[] = {r->rows};
    if (r->start_positions && !r->end_positions)
        return check_starts(s, r, error);
    const pln_status status = check_spans(s, r, error);
    if (status != PLN_OK || !r->is_impossible)
        return status;
    return session_has_shape(r->is_impossible, rows, 1) ? session_want_integers(r->is_impossible, 0, 1, 0, error)
                                                        : session_want_shape(r->is_impossible, rows, 1, error);
}

/* A position below 0 counts as 0, one behind the sequence is ignored. */
static float count_answers(const struct session_request *r, const pln_tensor *positions)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < r->rows; i++)
        n += session_integer(positions, i) < (int64_t)r->length;
    return (float)n;
}

static void count_spans(const pln_session *s, const struct session_request *r, const float *weights, float totals[2])
{
    (void)s;
    (void)weights;
    totals[0] = count_answers(r, r->start_positions);
    totals[1] = count_answers(r, r->end_positions);
}

static void pack_positions(const struct session_request *r, const pln_tensor *positions, int32_t *out)
{
    for (uint32_t i = 0; i < r->rows; i++)
        out[i] = (int32_t)session_integer(positions, i);
}

void session_pack_first(const struct session_packing *p, void *out)
{
    pack_positions(p->r, p->r->start_positions, out);
}

/* Whether there is no answer; unsaid there is one, as in Google's code. */
static void pack_impossible(const struct session_packing *p, void *out)
{
    for (uint32_t i = 0; i < p->r->rows; i++)
        ((float *)out)[i] = p->r->is_impossible && session_integer(p->r->is_impossible, i) != 0;
}

void session_pack_last(const struct session_packing *p, void *out)
{
    pack_positions(p->r, p->r->end_positions, out);
}

static pln_status check_answers(const pln_session *s, struct session_request *r, pln_error *error)
{
    return s->head->logits == ELECTRA_JOINT ? check_joint(s, r, error) : check_spans(s, r, error);
}

/* ---- the kinds */

static const char all_ignored[] = "all of them are -100";

static const struct kind {
    pln_status (*check)(const pln_session *session, struct session_request *request, pln_error *error);
    void (*count)(const pln_session *session, const struct session_request *request, const float *class_weights,
                  float totals[2]);
    session_packer *pack;        /* the input `labels`; NULL: the kind has none */
    session_packer *pack_values; /* the input `label_values` */
    uint32_t sums;               /* of the loss */
    const char *missing[2];      /* why there is nothing to learn from: by sum */
} kinds[] = {
    [PLN_LABELS_TOKENS] = {check_tokens, count_tokens, .pack = pack_tokens, .sums = 1, .missing = {all_ignored}},
    [PLN_LABELS_REPLACED] = {check_replaced, count_weights, .pack_values = pack_replaced, .sums = 1,
                             .missing = {"attention_mask is 0 everywhere"}},
    [PLN_LABELS_SEQUENCES] = {check_sequences, count_sequences, pack_classes, pack_values, .sums = 1,
                              .missing = {all_ignored}},
    [PLN_LABELS_CHOICES] = {check_choices, count_classes, .pack = pack_classes, .sums = 1, .missing = {all_ignored}},
    [PLN_LABELS_SPANS] = {check_answers, count_spans, .pack_values = pack_impossible, .sums = 2,
                          .missing = {"all start_positions lie behind the text",
                                      "all end_positions lie behind the text"}},
};

static const struct kind *kind_of(const pln_session *session)
{
    return &kinds[session->head->labels];
}

pln_status session_labels_check(const pln_session *session, struct session_request *request, pln_error *error)
{
    const bool any = request->labels || request->start_positions || request->end_positions;
    return any ? kind_of(session)->check(session, request, error) : PLN_OK;
}

bool session_labels_whole(const struct session_request *request)
{
    return request->labels || (request->start_positions && request->end_positions);
}

const char *session_labels_names(const pln_session *session)
{
    return session->head->labels == PLN_LABELS_SPANS ? "start_positions and end_positions" : "labels";
}

void session_labels_totals(const pln_session *session, const struct session_request *request,
                           const float *class_weights, float totals[2])
{
    totals[0] = totals[1] = 0;
    kind_of(session)->count(session, request, class_weights, totals);
}

const char *session_labels_missing(const pln_session *session, const float totals[2])
{
    const struct kind *kind = kind_of(session);
    if (totals[0] > 0 && (kind->sums < 2 || totals[1] > 0))
        return NULL;
    if (session->head->shifted)
        return "each token's label is that of the next one, and all of those are -100";
    return kind->missing[totals[0] > 0];
}

void session_pack_labels(const struct session_packing *p, void *out)
{
    kind_of(p->session)->pack(p, out);
}

void session_pack_label_values(const struct session_packing *p, void *out)
{
    kind_of(p->session)->pack_values(p, out);
}

void session_pack_class_weights(const struct session_packing *p, void *out)
{
    const uint32_t classes = electra_classes(&p->session->config, p->session->head);
    memcpy(out, p->b->step->class_weights, classes * sizeof(float));
}

void session_pack_total(const struct session_packing *p, void *out)
{
    memcpy(out, p->b->step->total, kind_of(p->session)->sums * sizeof(float));
}
