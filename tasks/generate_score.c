/* SPDX-License-Identifier: Apache-2.0
 *
 * How surprised a decoder is by a text: each token is guessed from those before it. Nothing is written.
 */
#include "common/fail.h"
#include "tasks/scores/score.h"
#include "tasks/task.h"

static const struct score_family *family(const struct task_setup *setup, uint32_t *classes)
{
    (void)setup;
    *classes = 0;
    return &score_likelihood;
}

/* Long texts are pieces; nothing is cut, nor is anything written: scores look at logits. */
static void open(struct task_setup *setup)
{
    setup->run = NULL;
    setup->encode.max_length = setup->longest;
    setup->encode.overflow = true;
    setup->encode.truncate_left = false;
}

static pln_status judge(struct task_row *row, pln_error *error)
{
    struct score_row *r = task_judge(row, &score_likelihood, 0, error);
    if (!r)
        return PLN_NO_MEMORY;
    for (uint32_t i = 0; i < row->n_sequences; i++) {
        const struct task_sequence *s = &row->sequences[i];
        const struct task_output *logits = &s->outputs[0];
        for (uint32_t j = 0; j + 1 < s->tokens.n; j++) {
            const float *x = logits->data + (size_t)j * logits->width;
            r->loss += task_cross_entropy(x, logits->width, (uint32_t)s->tokens.ids[j + 1]);
            r->weight++;
        }
    }
    return PLN_OK;
}

const struct task_score task_score_generate = {.family = family, .open = open, .judge = judge};

/* ---- learning: each piece by itself; a token is guessed from those before it, so the first is no label of any */

static pln_status learn(struct task_row *row, struct task_lessons *into, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < row->n_sequences; i++) {
        const struct task_lesson lesson = {&row->sequences[i], 1, TASK_TOKENS, .tokens = row->sequences[i].tokens.ids};
        if (row->sequences[i].tokens.n > 1) /* else there is nothing to guess */
            status = task_learn(into, &lesson, error);
    }
    return status;
}

const struct task_learn task_learn_generate = {.open = open, .pieces = true, .learn = learn};
