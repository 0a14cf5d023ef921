/* SPDX-License-Identifier: Apache-2.0
 *
 * The answer to a question beside the texts that are right. The loss is that of training: in each window begin and end
 * of the first right answer, or the first token where the window has it not.
 */
#include "common/fail.h"
#include "tasks/scores/score.h"
#include "tasks/answer.h"

static const struct score_family *family(const struct task_setup *setup, uint32_t *classes)
{
    (void)setup;
    *classes = 0;
    return &score_spans;
}

static pln_status judge_window(const struct task_row *row, const struct task_sequence *s,
                               const struct answer_gold *gold, struct score_row *r, pln_error *error)
{
    const struct answer_settings *settings = row->settings;
    const struct task_output *logits = &s->outputs[0];
    uint32_t position[2];
    float *side = arena_allocate(row->memory, ((size_t)s->tokens.n + 1) * sizeof *side);
    if (!side)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u tokens", s->tokens.n);
    answer_find_positions(&s->tokens, gold, &position[0], &position[1]);
    for (uint32_t i = 0; !settings->joint && i < 2; i++) {
        for (uint32_t j = 0; j < logits->rows; j++)
            side[j] = logits->data[(size_t)j * logits->width + i];
        r->loss += task_cross_entropy(side, logits->rows, position[i]) / 2;
    }
    if (settings->joint)
        r->loss += answer_joint_loss(s, position[0], position[1], !gold->n);
    r->weight++;
    return PLN_OK;
}

static pln_status judge(struct task_row *row, pln_error *error)
{
    struct answer_gold gold;
    struct score_span_row *r = task_judge(row, &score_spans, 0, error);
    pln_status status = r ? answer_take_gold(row, &gold, error) : PLN_NO_MEMORY;
    for (uint32_t i = 0; status == PLN_OK && i < row->n_sequences; i++)
        status = judge_window(row, &row->sequences[i], &gold, &r->row, error);
    if (status != PLN_OK)
        return status;
    const pln_text best = row->answer.n_items ? row->answer.items[0]->text : (pln_text){"", 0};
    status = score_span(best, gold.texts, gold.n, r);
    return status == PLN_OK ? status : pln_fail(error, status, "no memory for the answer");
}

const struct task_score task_score_answer = {.family = family, .judge = judge};

/* ---- learning: each window by itself */

static pln_status learn(struct task_row *row, struct task_lessons *into, pln_error *error)
{
    const struct answer_settings *settings = row->settings;
    struct answer_gold gold;
    pln_status status = answer_take_gold(row, &gold, error);
    for (uint32_t i = 0; status == PLN_OK && i < row->n_sequences; i++) {
        uint32_t first, last;
        answer_find_positions(&row->sequences[i].tokens, &gold, &first, &last);
        const struct task_lesson lesson = {&row->sequences[i],
                                           1,
                                           settings->joint ? TASK_SPAN_OR_NONE : TASK_SPAN,
                                           .first = (int32_t)first,
                                           .last = (int32_t)last,
                                           .impossible = !gold.n};
        status = task_learn(into, &lesson, error);
    }
    return status;
}

const struct task_learn task_learn_answer = {.n_labels = 2, .learn = learn};
