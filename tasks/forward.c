/* SPDX-License-Identifier: Apache-2.0
 *
 * A batch through the session: padded tensors in, and what a task reads of the outputs, copied, out.
 */
#include "common/array.h"
#include "common/fail.h"
#include "tasks/engine.h"

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

pln_status task_fill_inputs(const struct task_work *work, struct task_sequence *const *sequences, uint32_t n,
                            struct arena *memory, pln_tensor tensors[TASK_INPUTS], pln_error *error)
{
    const int64_t pad = work->setup->config->pad_token_id;
    const uint32_t length = sequences[0]->length;
    const uint64_t cells = (uint64_t)n * length;
    int32_t *ids = arena_allocate(memory, cells * sizeof *ids), *types = arena_allocate(memory, cells * sizeof *types);
    uint8_t *mask = arena_allocate(memory, cells);
    if (!pads_with(ids, cells, pad < 0 ? 0 : pad) || !types || !mask)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a batch of %u sequences", n);
    for (uint32_t i = 0; i < n; i++)
        fill_row(sequences[i], ids + (uint64_t)i * length, types + (uint64_t)i * length, mask + (uint64_t)i * length);
    tensors[0] = tensor_of(work->session, "input_ids", PLN_I32, n, length, ids);
    tensors[1] = tensor_of(work->session, "token_type_ids", PLN_I32, n, length, types);
    tensors[2] = tensor_of(work->session, "attention_mask", PLN_U8, n, length, mask);
    return PLN_OK;
}

/* The rows of logits that are wanted, where a sequence says so. */
struct targets {
    uint32_t *rows, n;
};

static pln_status list_targets(struct task_sequence *const *sequences, uint32_t n, struct arena *memory,
                               struct targets *targets, pln_error *error)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < n; i++)
        all += sequences[i]->targets ? sequences[i]->n_targets : 0;
    *targets = (struct targets){0};
    if (!all)
        return PLN_OK;
    targets->rows = all < UINT32_MAX ? arena_allocate(memory, all * sizeof *targets->rows) : NULL;
    if (!targets->rows)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a batch of %u sequences", n);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; sequences[i]->targets && j < sequences[i]->n_targets; j++)
            targets->rows[targets->n++] = i * sequences[0]->length + sequences[i]->targets[j];
    return PLN_OK;
}

/* ---- outputs */

const pln_tensor *task_find_output(const struct session_flat *flat, struct task_read read)
{
    uint32_t before = 0;
    for (uint32_t i = 0; i < flat->n_outputs; i++)
        if (flat->kinds[i] == read.kind && before++ == read.layer)
            return &flat->outputs[i];
    return NULL;
}

/* Rows of an output that are a sequence's: one, those of its targets, or those of its tokens. */
static void place(const struct task_window *w, const struct task_batch *batch, const struct targets *in,
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
        if (logits && in->rows) {
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

static pln_status copy_outputs(struct task_window *w, const struct task_batch *batch, const struct targets *in,
                               const struct session_flat *flat, struct task_results *results, pln_error *error)
{
    for (uint32_t i = 0; i < w->task->setup.n_outputs; i++) {
        const pln_tensor *t = task_find_output(flat, w->task->setup.outputs[i]);
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
    struct task_sequence *const *sequences = window->order + batch->begin;
    const uint32_t n = batch->end - batch->begin;
    if (t->setup.run)
        return t->setup.run(&work, sequences, n, error);
    struct arena memory = {0};
    pln_tensor inputs[TASK_INPUTS];
    struct targets targets = {0};
    struct session_flat flat;
    pln_status status = task_fill_inputs(&work, sequences, n, &memory, inputs, error);
    if (status == PLN_OK)
        status = list_targets(sequences, n, &memory, &targets, error);
    if (status == PLN_OK)
        status = session_forward_flat(t->session, inputs, TASK_INPUTS, targets.rows, targets.n, &flat, error);
    if (status == PLN_OK)
        status = copy_outputs(window, batch, &targets, &flat, results, error);
    arena_finish(&memory);
    return status;
}

void task_results_finish(struct task_results *results)
{
    for (uint32_t i = 0; i < TASK_OUTPUTS; i++)
        free(results->data[i]);
    *results = (struct task_results){0};
}
