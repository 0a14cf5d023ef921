/* SPDX-License-Identifier: Apache-2.0
 *
 * Outputs of batches back to the rows that they are of: a row is answered when its last sequence has run, and leaves
 * when all before it have.
 */
#include <stdlib.h>

#include "common/fail.h"
#include "common/jsontext.h"
#include "tasks/engine.h"
#include "tasks/scores/score.h"

static pln_status check_outputs(const struct task_row *row, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; i < row->n_sequences; i++)
        for (uint32_t j = 0; status == PLN_OK && j < row->setup->n_outputs; j++)
            status = task_check_finite(&row->sequences[i].outputs[j], row->kind->barred, error);
    return status;
}

static pln_status write_json(struct task_row *row, pln_error *error)
{
    if (row->bare || !row->json)
        return PLN_OK;
    char *text = jsontext_dump(row->json, JSON_COMPACT | JSON_REAL_PRECISION(9) | JSON_ENCODE_ANY);
    row->answer.json = text ? arena_copy(row->memory, text) : NULL;
    free(text);
    json_decref(row->json);
    row->json = NULL;
    return row->answer.json ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for the answer as JSON");
}

static pln_status judge(struct task_row *row, pln_error *error)
{
    const pln_status status = row->kind->score->judge(row, error);
    const struct task_judged *judged = row->answer.judged;
    if (status == PLN_OK && judged) {
        const struct score_row *counted = judged->row;
        row->answer.loss = counted->loss;
        row->answer.weight = counted->weight;
    }
    return status;
}

static pln_status answer(struct task_row *row, pln_error *error)
{
    pln_error problem;
    pln_status status = check_outputs(row, &problem);
    if (status == PLN_OK)
        status = row->kind->answer(row, &problem);
    if (status == PLN_OK && row->labelled && row->kind->score)
        status = judge(row, &problem);
    if (status == PLN_OK)
        status = write_json(row, &problem);
    row->done = true;
    if (status == PLN_NO_MEMORY) {
        if (error)
            *error = problem;
        return status;
    }
    if (status != PLN_OK)
        task_refuse_row(row, &problem);
    return PLN_OK;
}

/* What the results of the batch hold of a sequence whose row waits for others. */
static pln_status keep(struct task_sequence *s, pln_error *error)
{
    for (uint32_t i = 0; i < s->row->setup->n_outputs; i++) {
        struct task_output *o = &s->outputs[i];
        const size_t bytes = (size_t)o->rows * o->width * sizeof *o->data;
        float *copy = arena_allocate(s->row->memory, bytes + 1);
        if (!copy)
            return pln_fail(error, PLN_NO_MEMORY, "no memory for %zu bytes of logits", bytes);
        memcpy(copy, o->data, bytes);
        o->data = copy;
    }
    return PLN_OK;
}

pln_status task_window_collect(struct task_window *window, const struct task_batch *batch, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = batch->begin; i < batch->end; i++)
        window->order[i]->row->missing--;
    for (uint32_t i = batch->begin; status == PLN_OK && i < batch->end; i++) {
        struct task_sequence *s = window->order[i];
        if (s->row->missing)
            status = keep(s, error);
        else if (!s->row->done)
            status = answer(s->row, error);
    }
    return status;
}

pln_status task_window_next(struct task_window *window, const pln_answer **next, pln_error *error)
{
    *next = NULL;
    if (window->n_out == window->n_rows)
        return PLN_OK;
    struct task_row *row = &window->rows[window->n_out];
    if (!row->done && row->missing)
        return PLN_OK;
    const pln_status status = row->done ? PLN_OK : answer(row, error); /* one that asked the model nothing */
    if (status == PLN_OK) {
        window->n_out++;
        *next = &row->answer;
    }
    return status;
}
