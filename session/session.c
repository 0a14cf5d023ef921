/* SPDX-License-Identifier: Apache-2.0
 *
 * A session: for each set of features one graph and schedule, made when a batch first needs it.
 */
#include <stdlib.h>
#include <string.h>

#include "common/door.h"
#include "scheduler/scheduler.h"
#include "session/session.h"

/* ---- warnings */

static void warn(const pln_model *model, const char *what, const char *names)
{
    if (!model->runtime->log || !names)
        return;
    const size_t bytes = strlen(what) + strlen(names) + 3;
    char *text = malloc(bytes);
    if (!text)
        return;
    snprintf(text, bytes, "%s: %s", what, names);
    model->runtime->log(model->runtime->log_context, PLN_LOG_LEVEL_WARNING, text);
    free(text);
}

/* What the checkpoint lacks or has too much for this head, and whether it is the other half of an ELECTRA. */
static void warn_of_weights(const pln_session *s)
{
    const struct electra_weights *w = &s->model->weights;
    const bool generator = s->model->names.has[PLN_PART_GENERATOR];
    const bool discriminator = s->model->names.has[PLN_PART_DISCRIMINATOR];
    pthread_mutex_lock(&s->model->lock);
    char *missing = electra_weights_missing(w);
    char *unexpected = electra_weights_unexpected(w, s->head->source);
    pthread_mutex_unlock(&s->model->lock);
    if (s->head->half == ELECTRA_DISCRIMINATOR && generator && !discriminator)
        warn(s->model, "this is a generator, and is asked for what a discriminator does",
             "its answers will be arbitrary; use head masked-lm, or the discriminator's directory");
    if (s->head->half == ELECTRA_GENERATOR && discriminator && !generator)
        warn(s->model, "this is a discriminator, and is asked for what a generator does",
             "its answers will be arbitrary; use head pretraining, or the generator's directory");
    if (s->head->causal && !s->model->config.is_decoder)
        warn(s->model, "is_decoder is false", "the causal language model looks at later tokens too");
    if (w->tie == ELECTRA_APART && s->model->config.tie_word_embeddings)
        warn(s->model, ELECTRA_OUTPUT_MATRIX,
             "differs from the word table, though tie_word_embeddings is true in "
             "config.json: both are kept, as if it were false");
    if (!w->undrawn)
        warn(s->model, "drawn at random, because the weights lack them", missing);
    warn(s->model, "in the weights, but not used by this head", unexpected);
    free(missing);
    free(unexpected);
}

/* ---- variants */

static void destroy_variant(pln_session *s, struct session_variant *variant)
{
    if (s->last == variant)
        s->last = NULL;
    if (variant->schedule)
        pln_schedule_destroy(&variant->schedule);
    electra_graph_finish(&variant->graph);
    free(variant);
}

static void release_pages(void *checkpoint)
{
    ckpt_release_pages(checkpoint);
}

void session_variants_destroy(pln_session *session, struct session_variant **list)
{
    for (struct session_variant *v = *list, *next; v; v = next) {
        next = v->next;
        destroy_variant(session, v);
    }
    *list = NULL;
}

pln_status session_variant_get(pln_session *s, struct session_variant **list, const struct electra_features *features,
                               const pln_schedule_options *options, struct session_variant **out, pln_error *error)
{
    for (struct session_variant *v = *list; v; v = v->next)
        if (electra_same_features(&v->features, features)) {
            *out = s->last = v;
            return PLN_OK;
        }
    struct session_variant *v = calloc(1, sizeof *v);
    if (!v)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a graph");
    v->features = *features;
    pthread_mutex_lock(&s->model->lock); /* weights are found, or drawn, when they are first asked for */
    pln_status status = electra_describe(&s->config, &s->model->weights, features, &v->graph, error);
    pthread_mutex_unlock(&s->model->lock);
    if (status == PLN_OK)
        status = pln_schedule_create(v->graph.graph, s->devices, options, &v->schedule, error);
    if (status == PLN_OK)
        status = ckpt_check(s->model->checkpoint, error);
    if (status != PLN_OK) {
        destroy_variant(s, v);
        return status;
    }
    v->schedule->handed_over = release_pages;
    v->schedule->handed_over_context = s->model->checkpoint;
    v->next = *list;
    *list = *out = s->last = v;
    return PLN_OK;
}

static pln_status get_variant(pln_session *s, const struct electra_features *features, struct session_variant **out,
                              pln_error *error)
{
    return session_variant_get(s, &s->variants, features, &s->schedule, out, error);
}

/* ---- the doors */

static pln_status copy_places(pln_session *s, pln_error *error)
{
    pln_schedule_options *o = &s->schedule;
    const pln_status status = sched_check_rules(o, error);
    if (status != PLN_OK)
        return status;
    s->place = calloc(o->n_place + 1, sizeof *s->place);
    for (uint32_t i = 0; s->place && i < o->n_place; i++)
        if (!(s->place[i] = strdup(o->place[i])))
            return pln_fail(error, PLN_NO_MEMORY, "no memory for placement rules");
    o->place = (const char *const *)s->place;
    return s->place ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for placement rules");
}

pln_status pln_session_create(pln_model *model, pln_devices *devices, const pln_session_options *options,
                              pln_session **session, pln_error *error)
{
    NEED(error, session);
    *session = NULL;
    NEED(error, model, devices);
    pln_session_options o = {.size = sizeof o};
    pln_schedule_options schedule = {.size = sizeof schedule};
    TAKE(error, pln_session_options, o, options);
    TAKE(error, pln_schedule_options, schedule, o.schedule);
    o.schedule = NULL;
    if (o.head != PLN_HEAD_DEFAULT && !electra_head(o.head))
        return pln_fail(error, PLN_INVALID, "there is no head %u", (unsigned)o.head);
    if (!electra_semantics(o.semantics))
        return pln_fail(error, PLN_INVALID, "there are no semantics %u", (unsigned)o.semantics);
    pln_session *s = calloc(1, sizeof *s);
    if (!s)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a session");
    s->model = model;
    s->devices = devices;
    s->options = o;
    s->schedule = schedule;
    s->head_number = s->options.head == PLN_HEAD_DEFAULT ? model->config.head : s->options.head;
    s->head = electra_head(s->head_number);
    s->problem = model->config.problem_type;
    s->config = electra_config_as(&model->config, o.semantics);
    pln_status status = copy_places(s, error);
    if (status == PLN_OK && s->options.head == PLN_HEAD_DEFAULT)
        status = electra_config_judge(&model->config, PLN_HEAD_DEFAULT, false, error);
    /* The plain graph of the head: weights that do not fit are found now, not at the first batch. */
    const struct electra_features features = {.head = s->head_number,
                                              .choices = s->head->choices ? 2 : 0,
                                              .hidden_states =
                                                  s->options.hidden_states || model->config.output_hidden_states,
                                              .attentions = s->options.attentions,
                                              .trace = s->options.trace};
    struct session_variant *variant;
    if (status == PLN_OK)
        status = get_variant(s, &features, &variant, error);
    if (status == PLN_OK)
        warn_of_weights(s);
    else
        pln_session_destroy(&s);
    *session = s;
    return status;
}

void pln_session_destroy(pln_session **session)
{
    pln_session *s = session ? *session : NULL;
    if (!s)
        return;
    *session = NULL;
    session_variants_destroy(s, &s->variants);
    for (uint32_t i = 0; s->place && s->place[i]; i++)
        free(s->place[i]);
    free(s->place);
    pool_finish(&s->pool);
    free(s);
}

/* Of sequence classification, before labels tell. */
static enum electra_problem likely_problem(const pln_session *s)
{
    if (s->problem != ELECTRA_PROBLEM_UNSET)
        return s->problem;
    return s->model->config.num_labels == 1 ? ELECTRA_REGRESSION : ELECTRA_SINGLE_LABEL;
}

/* Training keeps one plan, for the batch as if nothing of it were padding: that is what an estimate tells, and memory
 * does not grow while batches come and go. */
static pln_status prepare_whole(pln_session *s, const struct session_request *request, const struct session_step *step,
                                const struct session_variant *variant, pln_error *error)
{
    struct session_request whole = *request;
    struct session_batch batch = {0};
    whole.attention_mask = NULL;
    whole.pair_mask = false;
    pln_status status = session_batch_plan(s, &whole, step, &batch, error);
    if (status == PLN_OK)
        status = session_batch_dims(s, &whole, &variant->graph, &batch, error);
    return status == PLN_OK
               ? pln_schedule_prepare(variant->schedule, batch.dims, variant->graph.graph->n_symbols, error)
               : status;
}

pln_status session_run(pln_session *s, const struct session_request *request, const struct session_step *step,
                       struct session_batch *batch, pln_error *error)
{
    struct session_variant *variant = NULL;
    pln_status status = session_batch_plan(s, request, step, batch, error);
    if (status == PLN_OK)
        status = get_variant(s, &batch->features, &variant, error);
    if (status == PLN_OK && step)
        status = prepare_whole(s, request, step, variant, error);
    if (status == PLN_OK)
        status = session_batch_pack(s, request, &variant->graph, batch, error);
    if (status == PLN_OK)
        status = sched_run(variant->schedule, batch->dims, variant->graph.graph->n_symbols,
                           &(struct sched_bound){batch->inputs, batch->outputs}, error);
    /* Devices on host memory read weights where the file is mapped. */
    if (status == PLN_OK)
        status = ckpt_check(s->model->checkpoint, error);
    return status == PLN_OK ? session_request_check(request, error) : status;
}

static pln_status forward(pln_session *s, const struct session_request *request, pln_error *error)
{
    struct session_batch batch = {0};
    const pln_status status = session_run(s, request, NULL, &batch, error);
    return status == PLN_OK ? session_batch_unpack(s, request, &s->last->graph, &batch, error) : status;
}

void session_be_steady(pln_session *session)
{
    session->schedule.steady = session->schedule.cover = true;
    for (struct session_variant *v = session->variants; v; v = v->next)
        sched_be_steady(v->schedule);
}

void session_rest(pln_session *session)
{
    for (struct session_variant *v = session->variants; v; v = v->next)
        sched_drop_plans(v->schedule);
}

void session_settle_problem(pln_session *session, const struct session_request *request)
{
    if (session->problem == ELECTRA_PROBLEM_UNSET)
        session->problem = request->problem;
}

pln_status session_forward_targets(pln_session *session, const pln_tensor *inputs, uint32_t n_inputs,
                                   const uint32_t *targets, uint32_t n_targets, const pln_tensor **outputs,
                                   uint32_t *n_outputs, pln_error *error)
{
    struct session_request request = {.targets = targets, .n_targets = n_targets};
    pool_reset(&session->pool);
    pln_status status = session_request_read(session, inputs, n_inputs, &request, error);
    if (status == PLN_OK)
        status = forward(session, &request, error);
    if (status != PLN_OK)
        return status;
    session_settle_problem(session, &request);
    *outputs = session->outputs;
    *n_outputs = session->n_outputs;
    return PLN_OK;
}

pln_status session_forward_flat(pln_session *session, const pln_tensor *inputs, uint32_t n_inputs,
                                const uint32_t *targets, uint32_t n_targets, struct session_flat *flat,
                                pln_error *error)
{
    struct session_request request = {.targets = targets, .n_targets = n_targets};
    struct session_batch batch = {0};
    pool_reset(&session->pool);
    pln_status status = session_request_read(session, inputs, n_inputs, &request, error);
    if (status == PLN_OK)
        status = session_run(session, &request, NULL, &batch, error);
    if (status == PLN_OK)
        status = session_batch_flat(session, session->last->graph.graph, &batch, error);
    if (status == PLN_OK)
        *flat = (struct session_flat){session->outputs, session->last->graph.outputs, session->n_outputs, batch.starts};
    return status;
}

pln_status pln_session_forward(pln_session *session, const pln_tensor *inputs, uint32_t n_inputs,
                               const pln_tensor **outputs, uint32_t *n_outputs, pln_error *error)
{
    NEED(error, session, outputs, n_outputs);
    pln_status status = door_tensors(__func__, inputs, n_inputs, error);
    if (status == PLN_OK)
        status = session_begin(session, error);
    if (status != PLN_OK)
        return status;
    status = session_forward_targets(session, inputs, n_inputs, NULL, 0, outputs, n_outputs, error);
    session_end(session);
    return status;
}

pln_schedule *pln_session_schedule(pln_session *session)
{
    return session && session->last ? session->last->schedule : NULL;
}

const pln_graph *pln_session_graph(const pln_session *session)
{
    return session && session->last ? session->last->graph.graph : NULL;
}

const struct electra_graph *session_graph(const pln_session *session)
{
    return &session->last->graph;
}

pln_status session_prepare(pln_session *session, const struct session_step *step, uint32_t batch, uint32_t length,
                           uint32_t *dims, uint32_t *n_dims, pln_error *error)
{
    const uint32_t most = session->model->config.max_position_embeddings;
    if (!batch || !length || length > most || (uint64_t)batch * length > INT32_MAX)
        return pln_fail(error, PLN_INVALID, "a batch of %u sequences of %u tokens: the model takes at most %u tokens",
                        batch, length, most);
    struct session_request request = {.semantics = session->config.semantics,
                                      .examples = batch,
                                      .choices = session->head->choices ? 1 : 0,
                                      .rows = batch,
                                      .length = length,
                                      .source_length = length,
                                      .problem = likely_problem(session)};
    struct session_batch plan = {0};
    struct session_variant *variant;
    pool_reset(&session->pool);
    pln_status status = session_batch_plan(session, &request, step, &plan, error);
    if (status == PLN_OK)
        status = get_variant(session, &plan.features, &variant, error);
    if (status == PLN_OK) {
        *n_dims = variant->graph.graph->n_symbols;
        status = session_batch_dims(session, &request, &variant->graph, &plan, error);
        memcpy(dims, plan.dims, sizeof plan.dims);
    }
    return status;
}

pln_status pln_session_prepare(pln_session *session, uint32_t batch, uint32_t length, uint32_t *dims, uint32_t *n_dims,
                               pln_error *error)
{
    NEED(error, session, dims, n_dims);
    pln_status status = session_begin(session, error);
    if (status != PLN_OK)
        return status;
    status = session_prepare(session, NULL, batch, length, dims, n_dims, error);
    session_end(session);
    return status;
}
