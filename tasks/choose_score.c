/* SPDX-License-Identifier: Apache-2.0
 *
 * The choice beside the right one.
 */
#include "common/fail.h"
#include "tasks/scores/score.h"
#include "tasks/task.h"

static const struct score_family *family(const struct task_setup *setup, uint32_t *classes)
{
    (void)setup;
    *classes = 0;
    return &score_hits;
}

static pln_status judge(struct task_row *row, pln_error *error)
{
    const uint32_t n = row->n_sequences;
    struct score_hit_row *r = task_judge(row, &score_hits, 0, error);
    float *logits = arena_allocate(row->memory, ((size_t)n + 1) * sizeof *logits);
    pln_text label;
    uint32_t gold;
    if (!r || !logits)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u choices", n);
    pln_status status = task_take_text(row, "label", &label, error);
    if (status == PLN_OK)
        status = task_read_index("label", label, n, &gold, error);
    if (status != PLN_OK)
        return status;
    for (uint32_t i = 0; i < n; i++)
        logits[i] = row->sequences[i].outputs[0].data[0];
    *r = (struct score_hit_row){
        .row = {task_cross_entropy(logits, n, gold), 1}, .hits = task_find_best(logits, n) == gold, .of = 1};
    return PLN_OK;
}

const struct task_score task_score_choose = {.family = family, .judge = judge};

static pln_status learn(struct task_row *row, struct task_lessons *into, pln_error *error)
{
    pln_text label;
    uint32_t gold = 0;
    pln_status status = task_take_text(row, "label", &label, error);
    if (status == PLN_OK)
        status = task_read_index("label", label, row->n_sequences, &gold, error);
    const struct task_lesson lesson = {row->sequences, row->n_sequences, TASK_CLASS, .class = (int32_t)gold};
    return status == PLN_OK ? task_learn(into, &lesson, error) : status;
}

const struct task_learn task_learn_choose = {.choices = true, .learn = learn};
