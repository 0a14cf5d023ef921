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
static pln_status run_part(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n, uint32_t first_sequence,
                           struct session_batch *batch, float *loss, pln_error *error)
{
    pln_session *s = trainer->session;
    struct session_request request = {0};
    *batch = (struct session_batch){0};
    pool_reset(&s->pool);
    s->training.first_sequence = first_sequence;
    pln_status status = session_request_read(s, inputs, n, &request, error);
    if (status == PLN_OK)
        status = session_run(s, &request, batch, error);
    for (uint32_t i = 0; status == PLN_OK && i < batch->n_outputs; i++)
        if (strcmp(batch->outputs[i].name, "loss") == 0)
            *loss += *(const float *)batch->outputs[i].data;
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
    if (s->head == PLN_HEAD_QUESTION_ANSWERING && (!request->start_positions || !request->end_positions))
        return pln_fail(error, PLN_INVALID, "training needs start_positions and end_positions");
    if (s->head != PLN_HEAD_QUESTION_ANSWERING && !request->labels)
        return pln_fail(error, PLN_INVALID, "training needs labels");
    if (s->model->config.add_cross_attention && !request->encoder_hidden_states)
        return pln_fail(error, PLN_INVALID, "training a model with cross-attention needs encoder_hidden_states");
    if (request->examples % parts)
        return pln_fail(error, PLN_INVALID, "a batch of %u cannot be accumulated in %u equal parts", request->examples,
                        parts);
    if (s->problem == ELECTRA_PROBLEM_UNSET)
        s->problem = request->problem; /* the first guess stays */
    return PLN_OK;
}

/* Runs every part in turn until `look` (may be NULL) has seen enough. */
static pln_status run_parts(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n,
                            const struct session_request *request, float *loss,
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
        status = run_part(trainer, tensors, n, part * rows, &batch, loss, error);
        if (status == PLN_OK && look && look(&batch, context))
            break;
    }
    return status;
}

static const char *missing_label(const pln_session *session, const float totals[2])
{
    switch (session->head) {
    case PLN_HEAD_QUESTION_ANSWERING:
        return totals[0] > 0 ? "all end_positions lie behind the text" : "all start_positions lie behind the text";
    case PLN_HEAD_PRETRAINING:
        return "attention_mask is 0 everywhere";
    case PLN_HEAD_CAUSAL_LM:
        return "each token's label is that of the next one, and all of those are -100";
    default:
        return "all of them are -100";
    }
}

/* Sets what the loss is divided by. Nothing to learn from would be a division by 0. */
static pln_status count_labels(pln_trainer *trainer, const struct session_request *request, pln_error *error)
{
    pln_session *s = trainer->session;
    float *totals = s->training.total;
    session_batch_totals(s, request, totals);
    return totals[0] > 0 && (s->head != PLN_HEAD_QUESTION_ANSWERING || totals[1] > 0)
               ? PLN_OK
               : pln_fail(error, PLN_INVALID, "no label in the batch: %s", missing_label(s, totals));
}

static pln_status check(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs, pln_error *error)
{
    struct session_request request = {0};
    pool_reset(&trainer->session->pool);
    const pln_status status = read_whole(trainer, inputs, n_inputs, &request, error);
    return status == PLN_OK ? count_labels(trainer, &request, error) : status;
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

static void set_random(pln_trainer *trainer)
{
    const uint64_t seed = trainer->options.seed;
    trainer->session->training.random[0] = (int32_t)(uint32_t)seed;
    trainer->session->training.random[1] = (int32_t)(uint32_t)(seed >> 32);
    trainer->session->training.random[2] = (int32_t)trainer->made;
}

pln_status training_gradients(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs, float *loss,
                              uint64_t *tokens, pln_error *error)
{
    struct session_request request = {0};
    pln_status status = read_whole(trainer, inputs, n_inputs, &request, error);
    if (status == PLN_OK)
        status = count_labels(trainer, &request, error);
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
    set_random(trainer);
    *tokens = count_tokens(&request);
    return run_parts(trainer, inputs, n_inputs, &request, loss, NULL, NULL, error);
}

/* ---- numbers that are not finite */

struct search {
    const pln_session *session;
    char name[160];
};

static bool find_bad_node(const struct session_batch *batch, void *context)
{
    struct search *search = context;
    const pln_graph *graph = pln_session_graph(search->session);
    for (uint32_t i = 0; i < batch->n_outputs; i++) {
        const pln_value *value = graph->outputs[i].value;
        const uint64_t n = (uint64_t)pln_dim_rows(value->rows, batch->dims) * value->width;
        const float *data = batch->outputs[i].data;
        for (uint64_t j = 0; strncmp(batch->outputs[i].name, "node:", 5) == 0 && j < n; j++)
            if (!isfinite(data[j])) {
                snprintf(search->name, sizeof search->name, "%s", batch->outputs[i].name + 5);
                return true;
            }
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
    trainer->session->options.trace = true;
    if (session_request_read(trainer->session, inputs, n, &request, &ignored) == PLN_OK)
        run_parts(trainer, inputs, n, &request, &loss, find_bad_node, &search, &ignored);
    trainer->session->options.trace = false;
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
    trainer->dirty = s->options.trace = true;
    set_random(trainer);
    session_batch_totals(s, &request, s->training.total);
    status = run_part(trainer, inputs, n_inputs, 0, &batch, &loss, error);
    s->options.trace = false;
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
