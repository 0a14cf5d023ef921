/* SPDX-License-Identifier: Apache-2.0
 *
 * A model with one head as what a trainer steps: batches are cut into parts, and run by a session.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/door.h"
#include "electra/weights.h"
#include "scheduler/scheduler.h"
#include "training/head.h"

enum { TENSORS = 16 };

/* ---- parts of a batch */

static bool shared_by_rows(const pln_tensor *t, uint32_t examples)
{
    return strcmp(t->name, "head_mask") == 0 || !t->rank || t->shape[0] != examples;
}

/* Rows [part, part + 1) * examples / parts of every tensor that has rows. */
static void cut(const pln_tensor *inputs, uint32_t n, uint32_t examples, uint32_t part, uint32_t parts, pln_tensor *out)
{
    for (uint32_t i = 0; i < n; i++) {
        out[i] = inputs[i];
        if (shared_by_rows(&inputs[i], examples))
            continue;
        const uint64_t bytes = pln_tensor_elements(&inputs[i]) * pln_dtype_bytes(inputs[i].dtype);
        out[i].shape[0] /= parts;
        out[i].data = (const char *)inputs[i].data + bytes / parts * part;
    }
}

static uint64_t count_tokens(const struct session_request *r)
{
    const pln_tensor *m = r->pair_mask ? NULL : r->attention_mask;
    const uint64_t all = (uint64_t)r->rows * r->length;
    uint64_t n = 0;
    for (uint64_t i = 0; m && i < all; i++)
        n += session_real(m, i) != 0;
    return m ? n : all;
}

static pln_status read_request(pln_session *s, const struct training_batch *batch, struct session_request *request,
                               pln_error *error)
{
    pln_status status = door_tensors("a batch", batch->inputs, batch->n_inputs, error);
    if (status != PLN_OK)
        return status;
    if (batch->n_inputs > TENSORS)
        return pln_fail(error, PLN_INVALID, "%u input tensors, at most %d", batch->n_inputs, TENSORS);
    status = session_request_read(s, batch->inputs, batch->n_inputs, request, error);
    if (status != PLN_OK)
        return status;
    if (!session_labels_whole(request))
        return pln_fail(error, PLN_INVALID, "training needs %s", session_labels_names(s));
    if (s->model->config.add_cross_attention && !request->encoder_hidden_states)
        return pln_fail(error, PLN_INVALID, "training a model with cross-attention needs encoder_hidden_states");
    return request->examples % batch->parts
               ? pln_fail(error, PLN_INVALID, "a batch of %u cannot be accumulated in %u equal parts",
                          request->examples, batch->parts)
               : PLN_OK;
}

/* Several numbers of a row stay a mean. */
static void sum_over_rows(const pln_session *s, const struct session_request *request, float totals[2])
{
    const bool numbers = s->head->labels == PLN_LABELS_SEQUENCES && request->problem != ELECTRA_SINGLE_LABEL;
    totals[0] = numbers ? totals[0] / (float)request->rows : 1;
    totals[1] = 1;
}

static bool is_softmax(const pln_session *s, const struct session_request *request)
{
    return s->head->labels != PLN_LABELS_SEQUENCES || request->problem == ELECTRA_SINGLE_LABEL;
}

/* Nothing to learn from would be a division by 0. */
static pln_status read_batch(struct training_subject *subject, struct training_batch *batch, pln_error *error)
{
    pln_session *s = training_head_of(subject)->session;
    struct session_request request = {0};
    pool_reset(&s->pool);
    const pln_status status = read_request(s, batch, &request, error);
    if (status != PLN_OK)
        return status;
    const struct session_step *step = &training_head_of(subject)->step;
    if ((step->class_weights || step->label_smoothing > 0) && !is_softmax(s, &request))
        return pln_fail(error, PLN_INVALID, "label smoothing and weights of classes need labels of which one is right");
    session_labels_totals(s, &request, step->class_weights, batch->totals);
    const char *missing = session_labels_missing(s, batch->totals);
    if (missing)
        return pln_fail(error, PLN_INVALID, "no label in the batch: %s", missing);
    session_settle_problem(s, &request);
    if (training_head_of(subject)->sum)
        sum_over_rows(s, &request, batch->totals);
    batch->tokens = count_tokens(&request);
    return PLN_OK;
}

static struct session_step step_of(const struct training_head *head, const struct training_batch *batch)
{
    struct session_step step = head->step;
    step.trace = batch->trace;
    memcpy(step.random, (int32_t[PLN_RANDOM_COLUMNS])TRAINING_RANDOM(batch->seed, batch->made), sizeof step.random);
    memcpy(step.total, batch->totals, sizeof step.total);
    return step;
}

static pln_status run_part(struct training_subject *subject, const struct training_batch *batch, uint32_t part,
                           float *loss, pln_error *error)
{
    struct training_head *head = training_head_of(subject);
    pln_session *s = head->session;
    struct session_step step = step_of(head, batch);
    struct session_request whole = {0}, request = {0};
    pln_tensor tensors[TENSORS];
    head->batch = (struct session_batch){0};
    pool_reset(&s->pool);
    pln_status status = session_request_read(s, batch->inputs, batch->n_inputs, &whole, error);
    if (status != PLN_OK)
        return status;
    cut(batch->inputs, batch->n_inputs, whole.examples, part, batch->parts, tensors);
    step.first_sequence = part * (whole.rows / batch->parts);
    status = session_request_read(s, tensors, batch->n_inputs, &request, error);
    if (status == PLN_OK)
        status = session_run(s, &request, &step, &head->batch, error);
    head->batch.step = NULL; /* it was of this call */
    if (status == PLN_OK)
        *loss += *(const float *)head->batch.outputs[session_graph(s)->loss];
    return status;
}

/* ---- looking at the last one */

static bool is_finite(const float *data, uint64_t n)
{
    uint64_t i = 0;
    while (i < n && isfinite(data[i]))
        i++;
    return i == n;
}

static const char *find_bad(const struct training_subject *subject)
{
    const struct training_head *head = training_head_of((struct training_subject *)(uintptr_t)subject);
    const struct electra_graph *graph = session_graph(head->session);
    for (uint32_t i = 0; head->batch.outputs && i < graph->graph->n_outputs; i++) {
        const struct graph_output *output = &graph->graph->outputs[i];
        const uint64_t n = (uint64_t)pln_dim_rows(output->value->rows, head->batch.dims) * output->value->width;
        if (graph->outputs[i] == ELECTRA_NODE && !is_finite(head->batch.outputs[i], n))
            return electra_node_name(output->name);
    }
    return NULL;
}

static pln_status show(struct training_subject *subject, const pln_tensor **tensors, uint32_t *count, pln_error *error)
{
    struct training_head *head = training_head_of(subject);
    const pln_status status =
        session_batch_flat(head->session, session_graph(head->session)->graph, &head->batch, error);
    *tensors = head->session->outputs;
    *count = head->session->n_outputs;
    return status;
}

/* ---- what it is */

static const struct training_head *head_of(const struct training_subject *subject)
{
    return (const struct training_head *)(const void *)subject;
}

static const char *name(const struct training_subject *subject)
{
    return head_of(subject)->session->head->name;
}

static const char *origin(const struct training_subject *subject)
{
    return ckpt_directory(head_of(subject)->model->checkpoint);
}

static const pln_graph *graph(const struct training_subject *subject)
{
    return head_of(subject)->graph;
}

static void taken(struct training_subject *subject)
{
    ckpt_release_pages(training_head_of(subject)->model->checkpoint);
}

static void rest(struct training_subject *subject)
{
    training_head_of(subject)->batch = (struct session_batch){0};
    session_rest(training_head_of(subject)->session);
}

static void name_tensor(const struct training_subject *subject, const char *parameter, char *out, size_t bytes)
{
    electra_file_name(parameter, head_of(subject)->session->head->bare, out, bytes);
}

static pln_status shape(struct training_subject *subject, uint32_t batch, uint32_t length, pln_schedule **schedule,
                        uint32_t *dims, uint32_t *n_dims, pln_error *error)
{
    struct training_head *head = training_head_of(subject);
    *schedule = pln_session_schedule(head->session);
    return session_prepare(head->session, &head->step, batch, length, dims, n_dims, error);
}

static void destroy(struct training_subject **subject)
{
    struct training_head *head = training_head_of(*subject);
    *subject = NULL;
    pln_session_destroy(&head->session);
    free(head->class_weights);
    free(head);
}

/* A step's answers are its own. */
static void put_aside(struct training_subject *subject, bool away)
{
    (void)subject;
    (void)away;
}

static const struct training_subject_kind kind = {
    .name = name,
    .origin = origin,
    .graph = graph,
    .taken = taken,
    .rest = rest,
    .read = read_batch,
    .run = run_part,
    .put_aside = put_aside,
    .find_bad = find_bad,
    .show = show,
    .shape = shape,
    .name_tensor = name_tensor,
    .check_save = training_head_check_save,
    .save = training_head_save,
    .destroy = destroy,
};

/* What can be said of both before labels are seen. */
static pln_status take_weights(struct training_head *head, const pln_trainer_options *o, pln_error *error)
{
    const struct electra_head *h = head->session->head;
    const uint32_t classes = electra_classes(&head->model->config, h);
    const bool softmax = h->labels != PLN_LABELS_REPLACED && h->labels != PLN_LABELS_SPANS;
    if (o->label_smoothing > 0 && !softmax)
        return pln_fail(error, PLN_INVALID, "label smoothing: the loss of the head %s is over no classes", h->name);
    if (!o->class_weights)
        return o->n_class_weights ? pln_fail(error, PLN_INVALID, "class_weights is NULL, and n_class_weights %llu",
                                             (unsigned long long)o->n_class_weights)
                                  : PLN_OK;
    if (!softmax || h->classes != ELECTRA_OF_LABELS)
        return pln_fail(error, PLN_INVALID, "weights of classes: the loss of the head %s is not over labels", h->name);
    if (o->n_class_weights != classes)
        return pln_fail(error, PLN_INVALID, "%llu weights of classes, expected %u",
                        (unsigned long long)o->n_class_weights, classes);
    for (uint32_t i = 0; i < classes; i++)
        if (!(o->class_weights[i] >= 0 && isfinite(o->class_weights[i])))
            return pln_fail(error, PLN_INVALID, "the weight of class %u is %g: expected 0 or more", i,
                            (double)o->class_weights[i]);
    head->class_weights = malloc(classes * sizeof *head->class_weights);
    if (!head->class_weights)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the weights of %u classes", classes);
    memcpy(head->class_weights, o->class_weights, classes * sizeof *head->class_weights);
    head->step.class_weights = head->class_weights;
    return PLN_OK;
}

static pln_status open_session(struct training_head *head, pln_devices *devices, pln_states *states,
                               const pln_trainer_options *o, pln_error *error)
{
    pln_schedule_options schedule = *o->placement;
    schedule.states = states;
    schedule.cover = true;
    const pln_session_options options = {
        .size = sizeof options, .head = o->head, .schedule = &schedule, .semantics = o->semantics};
    const pln_status status = pln_session_create(head->model, devices, &options, &head->session, error);
    if (status != PLN_OK)
        return status;
    if (head->session->head->labels == PLN_LABELS_NONE)
        return pln_fail(error, PLN_INVALID, "the head %s has no loss to train with; choose another with --head",
                        head->session->head->name);
    const pln_status taken = take_weights(head, o, error);
    if (taken != PLN_OK)
        return taken;
    uint32_t dims[GRAPH_SYMBOLS], n_dims; /* any shape has the same parameters */
    return session_prepare(head->session, &head->step, 1, 1, dims, &n_dims, error);
}

pln_status training_head_create(pln_model *model, pln_devices *devices, pln_states *states,
                                const pln_trainer_options *options, struct training_subject **subject, pln_error *error)
{
    struct training_head *head = calloc(1, sizeof *head);
    if (!head)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for what is trained");
    *subject = &head->subject;
    head->subject.kind = &kind;
    head->model = model;
    head->sum = options->sum;
    head->step = (struct session_step){.recompute = options->recompute,
                                       .dropout = options->dropout,
                                       .layer_decay = options->layer_decay,
                                       .label_smoothing = options->label_smoothing};
    pln_status status = open_session(head, devices, states, options, error);
    if (status == PLN_OK)
        head->graph = pln_session_graph(head->session);
    if (status == PLN_OK)
        status = training_head_save_init(head, error);
    if (status != PLN_OK)
        destroy(subject);
    return status;
}
