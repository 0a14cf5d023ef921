/* SPDX-License-Identifier: Apache-2.0
 *
 * A batch through the session: padded tensors in, and what a task reads of the outputs, copied, out.
 */
#include "common/array.h"
#include "common/fail.h"
#include "tasks/engine.h"

enum { N_INPUTS = 3 };

struct inputs {
    pln_tensor tensors[N_INPUTS];
    uint32_t *targets, n_targets;
    uint32_t length;
};

static void fill_row(const struct task_sequence *s, int32_t *ids, int32_t *types, uint8_t *mask)
{
    memcpy(ids, s->tokens.ids, s->tokens.n * sizeof *ids);
    memcpy(types, s->tokens.types, s->tokens.n * sizeof *types);
    memset(mask, 1, s->tokens.n);
}

/* [sequences, length], for multiple choice [sequences, 1, length]: what stands beside a choice says nothing about it. */
static pln_tensor tensor_of(const pln_session *s, const char *name, pln_dtype dtype, uint32_t rows, uint32_t length,
                            const void *data)
{
    const bool choices = s->head->choices;
    pln_tensor t = {.name = name, .dtype = dtype, .rank = choices ? 3 : 2, .shape = {rows, length}, .data = data};
    if (choices) {
        t.shape[1] = 1;
        t.shape[2] = length;
    }
    return t;
}

static bool pads_with(int32_t *ids, uint64_t n, int64_t pad)
{
    for (uint64_t i = 0; ids && i < n; i++)
        ids[i] = (int32_t)pad;
    return ids != NULL;
}

static pln_status fill_inputs(const struct task_window *w, const struct task_batch *batch, struct arena *memory,
                              struct inputs *in, pln_error *error)
{
    const pln_session *s = w->task->session;
    const uint32_t rows = batch->end - batch->begin;
    struct task_sequence *const *sequences = w->order + batch->begin;
    const int64_t pad = w->task->setup.config->pad_token_id;
    uint64_t targets = 0;
    in->length = sequences[0]->length; /* the longest is first */
    for (uint32_t i = 0; i < rows; i++)
        targets += sequences[i]->targets ? sequences[i]->n_targets : 0;
    const uint64_t n = (uint64_t)rows * in->length;
    int32_t *ids = arena_allocate(memory, n * sizeof *ids), *types = arena_allocate(memory, n * sizeof *types);
    uint8_t *mask = arena_allocate(memory, n);
    in->targets = targets && targets < UINT32_MAX ? arena_allocate(memory, targets * sizeof *in->targets) : NULL;
    if (!pads_with(ids, n, pad < 0 ? 0 : pad) || !types || !mask || (targets && !in->targets))
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a batch of %u sequences", rows);
    for (uint32_t i = 0; i < rows; i++) {
        const uint64_t at = (uint64_t)i * in->length;
        fill_row(sequences[i], ids + at, types + at, mask + at);
        for (uint32_t j = 0; sequences[i]->targets && j < sequences[i]->n_targets; j++)
            in->targets[in->n_targets++] = (uint32_t)at + sequences[i]->targets[j];
    }
    in->tensors[0] = tensor_of(s, "input_ids", PLN_I32, rows, in->length, ids);
    in->tensors[1] = tensor_of(s, "token_type_ids", PLN_I32, rows, in->length, types);
    in->tensors[2] = tensor_of(s, "attention_mask", PLN_U8, rows, in->length, mask);
    return PLN_OK;
}

/* ---- outputs */

static const pln_tensor *find_output(const struct session_flat *flat, struct task_read read)
{
    uint32_t before = 0;
    for (uint32_t i = 0; i < flat->n_outputs; i++)
        if (flat->kinds[i] == read.kind && before++ == read.layer)
            return &flat->outputs[i];
    return NULL;
}

/* Rows of an output that are a sequence's: one, those of its targets, or those of its tokens. */
static void place(const struct task_window *w, const struct task_batch *batch, const struct inputs *in,
                  const struct session_flat *flat, uint32_t output, const float *data, uint32_t width)
{
    const bool logits = w->task->setup.outputs[output].kind == ELECTRA_LOGITS;
    const bool by_row = logits && w->task->session->head->logits == ELECTRA_BY_ROW;
    uint64_t target = 0;
    for (uint32_t i = 0; i < batch->end - batch->begin; i++) {
        struct task_sequence *s = w->order[batch->begin + i];
        const uint32_t n_targets = s->targets ? s->n_targets : 0;
        uint64_t first = (uint64_t)flat->starts[i];
        uint32_t rows = s->tokens.n;
        if (logits && in->targets) {
            first = target;
            rows = n_targets;
        } else if (by_row) {
            first = i;
            rows = 1;
        }
        target += n_targets;
        s->outputs[output] = (struct task_output){data + first * width, rows, width};
    }
}

static pln_status copy_outputs(struct task_window *w, const struct task_batch *batch, const struct inputs *in,
                               const struct session_flat *flat, struct task_results *results, pln_error *error)
{
    for (uint32_t i = 0; i < w->task->setup.n_outputs; i++) {
        const pln_tensor *t = find_output(flat, w->task->setup.outputs[i]);
        if (!t)
            return pln_fail(error, PLN_INVALID, "the session does not give what the task %s reads",
                            w->task->kind->info.name);
        const size_t n = (size_t)pln_tensor_elements(t);
        float *data = array_reserve(results->data[i], &results->room[i], n, sizeof *data);
        if (!data)
            return pln_fail(error, PLN_NO_MEMORY, "no memory for the output %s", t->name);
        results->data[i] = data;
        memcpy(data, t->data, n * sizeof *data);
        place(w, batch, in, flat, i, data, (uint32_t)t->shape[1]);
    }
    return PLN_OK;
}

static float *take_numbers(struct task_work *work, size_t n)
{
    struct task_results *results = work->results;
    float *data = array_reserve(results->data[0], &results->room[0], n, sizeof *data);
    if (data)
        results->data[0] = data;
    return data;
}

pln_status task_window_run(struct task_window *window, const struct task_batch *batch, struct task_results *results,
                           pln_error *error)
{
    pln_task *t = window->task;
    struct task_work work = {t->session, &t->setup, &t->worker, take_numbers, results};
    if (t->kind->run && !window->labelled) /* scores look at logits */
        return t->kind->run(&work, window->order + batch->begin, batch->end - batch->begin, error);
    struct arena memory = {0};
    struct inputs in = {0};
    struct session_flat flat;
    pln_status status = fill_inputs(window, batch, &memory, &in, error);
    if (status == PLN_OK)
        status =
            session_forward_flat(window->task->session, in.tensors, N_INPUTS, in.targets, in.n_targets, &flat, error);
    if (status == PLN_OK)
        status = copy_outputs(window, batch, &in, &flat, results, error);
    arena_finish(&memory);
    return status;
}

void task_results_finish(struct task_results *results)
{
    for (uint32_t i = 0; i < TASK_OUTPUTS; i++)
        free(results->data[i]);
    *results = (struct task_results){0};
}
