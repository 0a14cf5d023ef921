/* SPDX-License-Identifier: Apache-2.0
 *
 * A step: the batch in equal parts forward and backward, then the update; and what to say when a number is not finite.
 */
#include <math.h>
#include <string.h>

#include "common/door.h"
#include "training/trainer.h"

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

/* One part of the batch; its share of the loss is added. */
static pln_status run_part(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n, const struct session_step *step,
                           struct session_batch *batch, float *loss, pln_error *error)
{
    pln_session *s = trainer->session;
    struct session_request request = {0};
    *batch = (struct session_batch){0};
    pool_reset(&s->pool);
    pln_status status = session_request_read(s, inputs, n, &request, error);
    if (status == PLN_OK)
        status = session_run(s, &request, step, batch, error);
    if (status == PLN_OK)
        *loss += *(const float *)batch->outputs[session_graph(s)->loss];
    return status;
}

/* The whole request at the door: nothing has run when it is refused. */
static pln_status read_whole(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n,
                             struct session_request *request, pln_error *error)
{
    pln_session *s = trainer->session;
    const uint32_t parts = trainer->options.accumulate;
    pln_status status = door_tensors("a batch", inputs, n, error);
    if (status != PLN_OK)
        return status;
    if (n > TENSORS)
        return pln_fail(error, PLN_INVALID, "%u input tensors, at most %d", n, TENSORS);
    status = session_request_read(s, inputs, n, request, error);
    if (status != PLN_OK)
        return status;
    if (!session_labels_whole(request))
        return pln_fail(error, PLN_INVALID, "training needs %s", session_labels_names(s));
    if (s->model->config.add_cross_attention && !request->encoder_hidden_states)
        return pln_fail(error, PLN_INVALID, "training a model with cross-attention needs encoder_hidden_states");
    if (request->examples % parts)
        return pln_fail(error, PLN_INVALID, "a batch of %u cannot be accumulated in %u equal parts", request->examples,
                        parts);
    session_settle_problem(s, request);
    return PLN_OK;
}

/* Runs every part in turn until `look` (may be NULL) has seen enough. */
static pln_status run_parts(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n,
                            const struct session_request *request, struct session_step step, float *loss,
                            bool (*look)(const struct session_batch *batch, void *context), void *context,
                            pln_error *error)
{
    const uint32_t parts = trainer->options.accumulate, rows = request->rows / parts;
    pln_status status = PLN_OK;
    *loss = 0;
    for (uint32_t part = 0; status == PLN_OK && part < parts; part++) {
        pln_tensor tensors[TENSORS];
        struct session_batch batch;
        cut(inputs, n, request->examples, part, parts, tensors);
        step.first_sequence = part * rows;
        status = run_part(trainer, tensors, n, &step, &batch, loss, error);
        if (status == PLN_OK && look && look(&batch, context))
            break;
    }
    return status;
}

/* What the losses are divided by. Nothing to learn from would be a division by 0. */
static pln_status count_labels(const pln_trainer *trainer, const struct session_request *request, float totals[2],
                               pln_error *error)
{
    session_labels_totals(trainer->session, request, totals);
    const char *missing = session_labels_missing(trainer->session, totals);
    return missing ? pln_fail(error, PLN_INVALID, "no label in the batch: %s", missing) : PLN_OK;
}

static pln_status check(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs, pln_error *error)
{
    struct session_request request = {0};
    float totals[2];
    pool_reset(&trainer->session->pool);
    const pln_status status = read_whole(trainer, inputs, n_inputs, &request, error);
    return status == PLN_OK ? count_labels(trainer, &request, totals, error) : status;
}

pln_status pln_trainer_check(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs, pln_error *error)
{
    NEED(error, trainer);
    pln_status status = training_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    status = check(trainer, inputs, n_inputs, error);
    training_end(trainer);
    return status;
}

struct session_step training_step(const pln_trainer *trainer, const float totals[2])
{
    const uint64_t seed = trainer->options.seed;
    struct session_step step = {.recompute = trainer->options.recompute,
                                .dropout = trainer->options.dropout,
                                .layer_decay = trainer->options.layer_decay,
                                .random = {(int32_t)(uint32_t)seed, (int32_t)(uint32_t)(seed >> 32), (int32_t)trainer->made}};
    if (totals)
        memcpy(step.total, totals, sizeof step.total);
    return step;
}

pln_status training_gradients(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs, float *loss,
                              uint64_t *tokens, pln_error *error)
{
    struct session_request request = {0};
    float totals[2];
    pln_status status = read_whole(trainer, inputs, n_inputs, &request, error);
    if (status == PLN_OK)
        status = count_labels(trainer, &request, totals, error);
    if (status == PLN_OK)
        status = training_parameters_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    training_image_release(trainer);
    if (trainer->dirty)
        status = training_state_clear(trainer, "gradients", error);
    if (status != PLN_OK)
        return status;
    trainer->dirty = true;
    *tokens = count_tokens(&request);
    return run_parts(trainer, inputs, n_inputs, &request, training_step(trainer, totals), loss, NULL, NULL, error);
}

/* ---- numbers that are not finite */

struct search {
    const pln_session *session;
    char name[160];
};

static bool is_finite(const float *data, uint64_t n)
{
    uint64_t i = 0;
    while (i < n && isfinite(data[i]))
        i++;
    return i == n;
}

static bool find_bad_node(const struct session_batch *batch, void *context)
{
    struct search *search = context;
    const struct electra_graph *graph = session_graph(search->session);
    for (uint32_t i = 0; i < graph->graph->n_outputs; i++) {
        const struct graph_output *output = &graph->graph->outputs[i];
        const uint64_t n = (uint64_t)pln_dim_rows(output->value->rows, batch->dims) * output->value->width;
        if (graph->outputs[i] != ELECTRA_NODE || is_finite(batch->outputs[i], n))
            continue;
        snprintf(search->name, sizeof search->name, "%s", electra_node_name(output->name));
        return true;
    }
    return false;
}

/* The batch once more with every node looked at, so that the sentence can name the first bad one. */
static pln_status refuse_step(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n, const char *what, float value,
                              pln_error *error)
{
    struct search search = {.session = trainer->session};
    struct session_request request = {0};
    pln_error ignored;
    float loss;
    if (session_request_read(trainer->session, inputs, n, &request, &ignored) == PLN_OK) {
        float totals[2];
        session_labels_totals(trainer->session, &request, totals);
        struct session_step step = training_step(trainer, totals);
        step.trace = true;
        run_parts(trainer, inputs, n, &request, step, &loss, find_bad_node, &search, &ignored);
    }
    return pln_fail(error, PLN_FAILED, "step %u: the %s is %g; the first node that is not finite is %s",
                    trainer->made + 1, what, (double)value,
                    search.name[0] ? search.name : "none of the forward and backward pass");
}

/* Every node of the batch as a tensor [rows, width]. */
static pln_status trace(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs, const pln_tensor **tensors,
                        uint32_t *count, pln_error *error)
{
    pln_session *s = trainer->session;
    struct session_request request = {0};
    struct session_batch batch = {0};
    float loss = 0;
    pln_status status = read_whole(trainer, inputs, n_inputs, &request, error);
    if (status == PLN_OK)
        status = training_parameters_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    trainer->dirty = true;
    float totals[2];
    session_labels_totals(trainer->session, &request, totals);
    struct session_step step = training_step(trainer, totals);
    step.trace = true;
    status = run_part(trainer, inputs, n_inputs, &step, &batch, &loss, error);
    if (status == PLN_OK)
        status = session_batch_flat(s, pln_session_graph(s), &batch, error);
    *tensors = s->outputs;
    *count = s->n_outputs;
    return status;
}

pln_status pln_trainer_trace(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs,
                             const pln_tensor **tensors, uint32_t *count, pln_error *error)
{
    NEED(error, trainer, tensors, count);
    pln_status status = training_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    status = trace(trainer, inputs, n_inputs, tensors, count, error);
    training_end(trainer);
    return status;
}

static pln_status make_step(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs,
                            pln_trainer_report *report, pln_error *error)
{
    if (trainer->made == UINT32_MAX)
        return pln_fail(error, PLN_FAILED, "%u steps were made, and no more can be counted", trainer->made);
    pln_trainer_report r = {.step = trainer->made + 1,
                            .learning_rate = training_rate(&trainer->options, trainer->made)};
    pln_status status = training_gradients(trainer, inputs, n_inputs, &r.loss, &r.tokens, error);
    if (status != PLN_OK)
        return status;
    if (!isfinite(r.loss))
        return refuse_step(trainer, inputs, n_inputs, "loss", r.loss, error);
    status = training_update_run(trainer, r.learning_rate, &r.gradient_norm, error);
    if (status != PLN_OK)
        return status;
    if (!isfinite(r.gradient_norm))
        return refuse_step(trainer, inputs, n_inputs, "norm of the gradients", r.gradient_norm, error);
    trainer->dirty = false;
    trainer->made++;
    if (report)
        *report = r;
    return PLN_OK;
}

pln_status pln_trainer_step(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs,
                            pln_trainer_report *report, pln_error *error)
{
    NEED(error, trainer);
    pln_status status = training_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    status = make_step(trainer, inputs, n_inputs, report, error);
    training_end(trainer);
    return status;
}
