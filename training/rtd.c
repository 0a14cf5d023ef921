/* SPDX-License-Identifier: Apache-2.0
 *
 * Both halves of an ELECTRA as what a trainer steps: batches are packed and run on the joint graph, in the form that is
 * asked for.
 */
#include "training/rtd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "scheduler/scheduler.h"

/* ---- forms of the graph */

static pln_status make_variant(struct training_rtd *rtd, enum rtd_form form, pln_error *error)
{
    struct rtd_variant *v = &rtd->variants[form];
    struct electra_rtd_options options = rtd->options;
    const struct electra_rtd_half generator = {&rtd->generator->config, &rtd->generator_weights};
    const struct electra_rtd_half discriminator = {&rtd->discriminator->config, &rtd->discriminator_weights};
    if (v->schedule)
        return PLN_OK;
    options.trace = form == RTD_TRACED;
    options.forward_only = form == RTD_EVALUATED;
    options.dropout = form == RTD_EVALUATED ? 0 : options.dropout;
    pln_status status = electra_rtd_describe(&generator, &discriminator, &options, &v->rtd, error);
    if (status != PLN_OK)
        return status;
    v->inputs = calloc(v->rtd.graph.graph->n_values, sizeof *v->inputs);
    v->outputs = calloc(v->rtd.graph.graph->n_outputs, sizeof *v->outputs);
    if (!v->inputs || !v->outputs)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the operands of a step");
    return pln_schedule_create(v->rtd.graph.graph, rtd->devices, &rtd->placement, &v->schedule, error);
}

static void free_variant(struct rtd_variant *v)
{
    if (v->schedule)
        pln_schedule_destroy(&v->schedule);
    electra_graph_finish(&v->rtd.graph);
    free(v->inputs);
    free(v->outputs);
    *v = (struct rtd_variant){0};
}

/* ---- a part of a step */

/* What changes with every run, beside the packed rows. */
struct rtd_numbers {
    int32_t random[PLN_RANDOM_COLUMNS];
    float masked, tokens;
};

/* Every input that the graph has, or none is handed over unwritten. */
static pln_status bind_inputs(struct rtd_variant *v, const struct rtd_packed *p, const struct rtd_numbers *numbers,
                              pln_error *error)
{
    const struct electra_graph *graph = &v->rtd.graph;
    const void *const operands[ELECTRA_INPUTS] = {
        [ELECTRA_INPUT_ids] = p->ids,
        [ELECTRA_INPUT_token_types] = p->types,
        [ELECTRA_INPUT_positions] = p->positions,
        [ELECTRA_INPUT_starts] = p->starts,
        [ELECTRA_INPUT_rows] = p->at,
        [ELECTRA_INPUT_labels] = p->labels,
        [ELECTRA_INPUT_origin] = p->origin,
        [ELECTRA_INPUT_row_origin] = p->at_origin,
        [ELECTRA_INPUT_random] = numbers->random,
        [ELECTRA_INPUT_total] = &numbers->masked,
    };
    for (uint32_t i = 0; i < ELECTRA_INPUTS; i++) {
        if (graph->inputs[i] && !operands[i])
            return pln_fail(error, PLN_FAILED, "input %s of graph %s has nobody who fills it", graph->inputs[i]->name,
                            graph->graph->name);
        if (graph->inputs[i])
            v->inputs[graph->inputs[i]->id] = operands[i];
    }
    if (v->rtd.originals)
        v->inputs[v->rtd.originals->id] = p->originals;
    if (v->rtd.total)
        v->inputs[v->rtd.total->id] = &numbers->tokens;
    return PLN_OK;
}

static uint32_t set_dims(const struct electra_graph *graph, uint32_t tokens, uint32_t batch, uint32_t targets,
                         uint32_t *dims)
{
    const uint32_t numbers[ELECTRA_SYMBOLS] = {
        [ELECTRA_SYMBOL_tokens] = tokens, [ELECTRA_SYMBOL_batch] = batch, [ELECTRA_SYMBOL_targets] = targets};
    memset(dims, 0, GRAPH_SYMBOLS * sizeof *dims);
    for (uint32_t i = 0; i < ELECTRA_SYMBOLS; i++)
        if (graph->symbols[i])
            dims[graph->symbols[i]] = numbers[i];
    return graph->graph->n_symbols;
}

/* Room for every output: those of the list, and every node of a traced graph. */
static pln_status take_outputs(struct training_rtd *rtd, struct rtd_variant *v, pln_error *error)
{
    const pln_graph *g = v->rtd.graph.graph;
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        const pln_value *value = g->outputs[i].value;
        const size_t n = (size_t)pln_dim_rows(value->rows, rtd->dims) * value->width;
        v->outputs[i] = pool_take(&rtd->pool, (n + 1) * sizeof(float));
        if (!v->outputs[i])
            return pln_fail(error, PLN_NO_MEMORY, "no memory for the output %s", g->outputs[i].name);
    }
    return PLN_OK;
}

static pln_status run_packed(struct training_rtd *rtd, enum rtd_form form, const struct rtd_packed *p,
                             const struct rtd_numbers *numbers, pln_error *error)
{
    struct rtd_variant *v = &rtd->variants[form];
    pln_status status = make_variant(rtd, form, error);
    if (status != PLN_OK)
        return status;
    const uint32_t n_dims = set_dims(&v->rtd.graph, p->tokens, p->rows, p->masked, rtd->dims);
    rtd->last = form;
    status = bind_inputs(v, p, numbers, error);
    if (status == PLN_OK)
        status = take_outputs(rtd, v, error);
    if (status == PLN_OK)
        status = sched_run(v->schedule, rtd->dims, n_dims, &(struct sched_bound){v->inputs, v->outputs}, error);
    if (status != PLN_OK)
        return status;
    void *outputs[ELECTRA_RTD_OUTPUTS];
    for (uint32_t i = 0; i < ELECTRA_RTD_OUTPUTS; i++)
        outputs[i] = v->rtd.outputs[i] == UINT32_MAX ? NULL : v->outputs[v->rtd.outputs[i]];
    rtd_result_add(rtd, p, outputs);
    return PLN_OK;
}

static pln_status read_batch(struct training_subject *subject, struct training_batch *batch, pln_error *error)
{
    struct rtd_request request;
    const pln_status status = rtd_request_read(batch->inputs, batch->n_inputs, &request, error);
    if (status != PLN_OK)
        return status;
    (void)subject;
    batch->tokens = request.tokens;
    batch->totals[0] = (float)request.masked;
    batch->totals[1] = (float)request.tokens;
    return request.rows % batch->parts
               ? pln_fail(error, PLN_INVALID, "a batch of %u cannot be accumulated in %u equal parts", request.rows,
                          batch->parts)
               : PLN_OK;
}

static float weighed(const struct electra_rtd_options *o, const struct rtd_result *before, const struct rtd_result *now)
{
    const double masked_lm = now->masked_lm_loss - before->masked_lm_loss;
    const double disc = o->masked_lm_only ? 0 : now->disc_loss - before->disc_loss;
    return (float)((double)o->generator_weight * masked_lm + (double)o->discriminator_weight * disc);
}

static pln_status run_part(struct training_subject *subject, const struct training_batch *batch, uint32_t part,
                           float *loss, pln_error *error)
{
    struct training_rtd *rtd = training_rtd_of(subject);
    struct rtd_request request;
    struct rtd_packed packed;
    const struct rtd_numbers numbers = {
        .random = TRAINING_RANDOM(batch->seed, batch->made), .masked = batch->totals[0], .tokens = batch->totals[1]};
    pool_reset(&rtd->pool);
    pln_status status = rtd_request_read(batch->inputs, batch->n_inputs, &request, error);
    if (status == PLN_OK && !part)
        status = rtd_result_begin(rtd, &request, false, error);
    const uint32_t rows = request.rows / batch->parts;
    if (status == PLN_OK)
        status = rtd_pack(rtd, &request, part * rows, rows, &packed, error);
    if (status != PLN_OK)
        return status;
    const struct rtd_result before = rtd->result;
    status = run_packed(rtd, batch->trace ? RTD_TRACED : RTD_STEP, &packed, &numbers, error);
    if (status == PLN_OK)
        *loss += weighed(&rtd->options, &before, &rtd->result);
    return status;
}

pln_status training_rtd_evaluate(struct training_subject *subject, const pln_tensor *inputs, uint32_t n_inputs,
                                 uint64_t seed, uint32_t number, pln_error *error)
{
    struct training_rtd *rtd = training_rtd_of(subject);
    struct rtd_request request;
    struct rtd_packed packed;
    const struct rtd_result before = rtd->result;
    pool_reset(&rtd->pool);
    pln_status status = rtd_request_read(inputs, n_inputs, &request, error);
    if (status == PLN_OK)
        status = rtd_result_begin(rtd, &request, number > 0, error);
    if (status == PLN_OK)
        status = rtd_pack(rtd, &request, 0, request.rows, &packed, error);
    if (status != PLN_OK)
        return status;
    const struct rtd_numbers numbers = {
        .random = TRAINING_RANDOM(seed, number), .masked = (float)request.masked, .tokens = (float)request.tokens};
    status = run_packed(rtd, RTD_EVALUATED, &packed, &numbers, error);
    if (status == PLN_DEVICE_LOST) /* it may be asked again */
        rtd_result_undo(&rtd->result, &before);
    return status;
}

static void put_aside(struct training_subject *subject, bool away)
{
    struct training_rtd *rtd = training_rtd_of(subject);
    struct rtd_result *from = away ? &rtd->result : &rtd->aside, *to = away ? &rtd->aside : &rtd->result;
    rtd_result_finish(to);
    *to = *from;
    *from = (struct rtd_result){0};
}

/* ---- looking at the last one */

static const struct training_rtd *rtd_of(const struct training_subject *subject)
{
    return (const struct training_rtd *)(const void *)subject;
}

static bool is_finite(const struct training_rtd *rtd, const pln_value *value, const float *data)
{
    const uint64_t n = (uint64_t)pln_dim_rows(value->rows, rtd->dims) * value->width;
    uint64_t i = 0;
    while (value->dtype == PLN_F32 && i < n && isfinite(data[i]))
        i++;
    return value->dtype != PLN_F32 || i == n;
}

static const char *find_bad(const struct training_subject *subject)
{
    const struct training_rtd *rtd = rtd_of(subject);
    const struct rtd_variant *v = &rtd->variants[rtd->last];
    for (uint32_t i = 0; v->schedule && i < v->rtd.graph.graph->n_outputs; i++) {
        const struct graph_output *output = &v->rtd.graph.graph->outputs[i];
        if (v->rtd.graph.outputs[i] == ELECTRA_NODE && !is_finite(rtd, output->value, v->outputs[i]))
            return electra_node_name(output->name);
    }
    return NULL;
}

static pln_status show(struct training_subject *subject, const pln_tensor **tensors, uint32_t *count, pln_error *error)
{
    struct training_rtd *rtd = training_rtd_of(subject);
    const struct rtd_variant *v = &rtd->variants[rtd->last];
    const pln_graph *g = v->rtd.graph.graph;
    pln_tensor *all = realloc(rtd->shown, (g->n_outputs + 1ul) * sizeof *all);
    if (!all)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a list of %u tensors", g->n_outputs);
    rtd->shown = all;
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        const pln_value *value = g->outputs[i].value;
        all[i] = (pln_tensor){.name = g->outputs[i].name,
                              .dtype = value->dtype,
                              .rank = 2,
                              .shape = {pln_dim_rows(value->rows, rtd->dims), value->width},
                              .data = v->outputs[i]};
    }
    *tensors = all;
    *count = g->n_outputs;
    return PLN_OK;
}

/* ---- what it is */

static const char *name(const struct training_subject *subject)
{
    (void)subject;
    return "replaced-token-detection";
}

static const char *origin(const struct training_subject *subject)
{
    return ckpt_directory(rtd_of(subject)->discriminator->checkpoint);
}

static const pln_graph *graph(const struct training_subject *subject)
{
    return rtd_of(subject)->variants[RTD_STEP].rtd.graph.graph;
}

static void taken(struct training_subject *subject)
{
    ckpt_release_pages(training_rtd_of(subject)->generator->checkpoint);
    ckpt_release_pages(training_rtd_of(subject)->discriminator->checkpoint);
}

static void rest(struct training_subject *subject)
{
    for (uint32_t i = 0; i < RTD_FORMS; i++)
        if (training_rtd_of(subject)->variants[i].schedule)
            sched_drop_plans(training_rtd_of(subject)->variants[i].schedule);
}

/* Names in the flat state are those of the state's file. */
static void name_tensor(const struct training_subject *subject, const char *parameter, char *out, size_t bytes)
{
    (void)subject;
    snprintf(out, bytes, "%s", parameter);
}

/* As many are chosen as section 6.2 does. */
static pln_status shape(struct training_subject *subject, uint32_t batch, uint32_t length, pln_schedule **schedule,
                        uint32_t *dims, uint32_t *n_dims, pln_error *error)
{
    (void)error;
    struct training_rtd *rtd = training_rtd_of(subject);
    const uint32_t chosen = (uint32_t)((rtd->mask_probability + 0.005) * length), n = batch * (chosen ? chosen : 1);
    const struct rtd_variant *v = &rtd->variants[RTD_STEP];
    *schedule = v->schedule;
    *n_dims = set_dims(&v->rtd.graph, batch * length, batch, n, dims);
    return PLN_OK;
}

static void destroy(struct training_subject **subject)
{
    struct training_rtd *rtd = training_rtd_of(*subject);
    *subject = NULL;
    for (int i = 0; i < RTD_FORMS; i++)
        free_variant(&rtd->variants[i]);
    electra_weights_finish(&rtd->generator_weights);
    electra_weights_finish(&rtd->discriminator_weights);
    rtd_result_finish(&rtd->result);
    rtd_result_finish(&rtd->aside);
    pool_finish(&rtd->pool);
    free(rtd->shown);
    free(rtd);
}

const struct training_subject_kind training_rtd_kind = {
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
    .check_save = rtd_check_save,
    .save = rtd_save,
    .destroy = destroy,
};

/* Tokens that became [MASK] are counted where the tokenizer says which one it is. */
static int32_t find_mask(pln_model *model)
{
    const pln_tokenizer *tokenizer;
    pln_error ignored;
    return pln_model_tokenizer(model, &tokenizer, &ignored) == PLN_OK
               ? pln_tokenizer_special_id(tokenizer, PLN_SPECIAL_MASK)
               : -1;
}

static pln_status open_weights(struct training_rtd *rtd, uint64_t seed, pln_error *error)
{
    const pln_model *g = rtd->generator, *d = rtd->discriminator;
    pln_status status =
        electra_weights_init(&rtd->generator_weights, g->checkpoint, &g->names, &g->config, seed + 1, error);
    if (status == PLN_OK)
        status = electra_weights_init(&rtd->discriminator_weights, d->checkpoint, &d->names, &d->config, seed, error);
    rtd->generator_weights.half = ELECTRA_OF_GENERATOR;
    return status;
}

static pln_status compare(const struct weight *a, const struct weight *b, bool *same, pln_error *error)
{
    const uint64_t width = weight_width(a), rows = weight_rows(a);
    float *both = malloc((width * 2 + 1) * sizeof *both);
    if (!both)
        return pln_fail(error, PLN_NO_MEMORY, "no memory to compare %s in both halves", a->name);
    *same = true;
    for (uint64_t r = 0; *same && r < rows; r++) {
        weight_read(a, r * width, width, both);
        weight_read(b, r * width, width, both + width);
        *same = memcmp(both, both + width, width * sizeof *both) == 0;
    }
    free(both);
    return PLN_OK;
}

/* What both halves of a checkpoint hold must be one thing where it is shared. */
static pln_status check_shared(struct training_rtd *rtd, pln_error *error)
{
    const pln_graph *g = rtd->variants[RTD_STEP].rtd.graph.graph;
    const bool both = ckpt_has_weights(rtd->generator->checkpoint) && ckpt_has_weights(rtd->discriminator->checkpoint);
    for (uint32_t i = 0; both && i < pln_graph_parameter_count(g); i++) {
        const pln_parameter *p = pln_graph_parameter_at(g, i);
        const char *name = rtd_name_in(rtd, PLN_HALF_GENERATOR, p->name);
        const struct weight *own, *other;
        if (!name || name != p->name) /* the generator's own, or the discriminator's */
            continue;
        const bool vector = p->tensor->rank == 1;
        const struct electra_request request = {.name = name,
                                                .rows = vector ? p->width : p->rows,
                                                .width = vector ? 0 : p->width,
                                                .encoder = true,
                                                .fill = ELECTRA_NORMAL};
        pln_status status = electra_weight_find(&rtd->generator_weights, &request, &own, error);
        if (status == PLN_OK)
            status = electra_weight_find(&rtd->discriminator_weights, &request, &other, error);
        bool same = true;
        if (status == PLN_OK)
            status = compare(own, other, &same, error);
        if (status == PLN_OK && !same)
            status = pln_fail(
                error, PLN_BAD_MODEL, "electra.%s is shared, but differs in %s and %s: what is shared must be equal",
                name, ckpt_directory(rtd->generator->checkpoint), ckpt_directory(rtd->discriminator->checkpoint));
        if (status != PLN_OK)
            return status;
    }
    return PLN_OK;
}

pln_status training_rtd_create(const struct training_rtd_parts *parts, const pln_trainer_options *options,
                               const struct electra_rtd_options *rtd_options, struct training_subject **subject,
                               pln_error *error)
{
    struct training_rtd *rtd = calloc(1, sizeof *rtd);
    if (!rtd)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for what is trained");
    *subject = &rtd->subject;
    rtd->subject.kind = &training_rtd_kind;
    rtd->generator = parts->generator;
    rtd->discriminator = parts->discriminator;
    rtd->devices = parts->devices;
    rtd->placement = *options->placement;
    rtd->placement.states = parts->states;
    rtd->placement.cover = true;
    rtd->options = *rtd_options;
    rtd->mask_probability = parts->mask_probability;
    rtd->options.dropout = options->dropout;
    rtd->options.layer_decay = options->layer_decay;
    rtd->options.recompute = options->recompute;
    rtd->mask_id = find_mask(parts->discriminator);
    pln_status status = open_weights(rtd, options->seed, error);
    if (status == PLN_OK)
        status = make_variant(rtd, RTD_STEP, error);
    if (status == PLN_OK)
        status = check_shared(rtd, error);
    if (status != PLN_OK)
        destroy(subject);
    return status;
}
