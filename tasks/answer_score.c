/* SPDX-License-Identifier: Apache-2.0
 *
 * The answer to a question beside the texts that are right. The loss is that of training: in each window begin and end
 * of the first right answer, or the first token where the window has it not.
 */
#include "common/fail.h"
#include "tasks/scores/score.h"
#include "tasks/task.h"

static const struct score_family *family(const struct task_setup *setup, uint32_t *classes)
{
    (void)setup;
    *classes = 0;
    return &score_spans;
}

struct gold {
    const pln_text *texts;
    uint32_t n;
    uint32_t begin, end; /* code points of the first one; both 0: there is none */
};

static uint32_t count_points(pln_text text)
{
    uint32_t n = 0;
    for (size_t i = 0; i < text.bytes; i++)
        n += ((unsigned char)text.text[i] & 0xc0) != 0x80;
    return n;
}

static pln_status take_gold(struct task_row *row, struct gold *gold, pln_error *error)
{
    const pln_text *begins;
    uint32_t n_begins = 0;
    pln_text context;
    *gold = (struct gold){0};
    pln_status status = task_take_list(row, "answers.text", &gold->texts, &gold->n, error);
    if (status == PLN_OK && gold->n)
        status = task_take_list(row, "answers.answer_start", &begins, &n_begins, error);
    if (status == PLN_OK && n_begins != gold->n)
        return pln_fail(error, PLN_INVALID, "the column `answers.answer_start` has %u items, `answers.text` %u",
                        n_begins, gold->n);
    if (status == PLN_OK)
        status = task_take_text(row, "context", &context, error);
    if (status != PLN_OK || !gold->n)
        return status;
    const uint32_t points = count_points(context), length = count_points(gold->texts[0]);
    status = task_read_index("answers.answer_start", begins[0], points + 1, &gold->begin, error);
    if (status == PLN_OK && length > points - gold->begin)
        return pln_fail(error, PLN_INVALID, "the column `answers`: the answer at %u ends behind the context",
                        gold->begin);
    gold->end = gold->begin + length;
    return status;
}

/* The first and last token of the answer; 0 and 0 if the window has not all of it. */
static void find_positions(const struct task_tokens *t, const struct gold *gold, uint32_t *first, uint32_t *last)
{
    uint32_t begin = 0, end = 0;
    *first = *last = 0;
    while (begin < t->n && t->sequences[begin] != 1)
        begin++;
    for (uint32_t i = begin; i < t->n; i++)
        end = t->sequences[i] == 1 ? i + 1 : end;
    if (gold->end <= gold->begin || begin >= end || t->begins[begin] > gold->begin || t->ends[end - 1] < gold->end)
        return;
    for (*first = begin; *first + 1 < end && t->begins[*first + 1] <= gold->begin;)
        (*first)++;
    for (*last = end - 1; *last > begin && t->ends[*last - 1] >= gold->end;)
        (*last)--;
}

static pln_status judge_window(const struct task_row *row, const struct task_sequence *s, const struct gold *gold,
                               struct score_row *r, pln_error *error)
{
    const struct task_output *logits = &s->outputs[0];
    uint32_t position[2];
    float *side = arena_allocate(row->memory, ((size_t)logits->rows + 1) * sizeof *side);
    if (!side)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u tokens", logits->rows);
    find_positions(&s->tokens, gold, &position[0], &position[1]);
    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t j = 0; j < logits->rows; j++)
            side[j] = logits->data[(size_t)j * logits->width + i];
        r->loss += task_cross_entropy(side, logits->rows, position[i]) / 2;
    }
    r->weight++;
    return PLN_OK;
}

static pln_status judge(struct task_row *row, pln_error *error)
{
    struct gold gold;
    struct score_span_row *r = task_judge(row, &score_spans, 0, error);
    pln_status status = r ? take_gold(row, &gold, error) : PLN_NO_MEMORY;
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
    struct gold gold;
    pln_status status = take_gold(row, &gold, error);
    for (uint32_t i = 0; status == PLN_OK && i < row->n_sequences; i++) {
        uint32_t first, last;
        find_positions(&row->sequences[i].tokens, &gold, &first, &last);
        const struct task_lesson lesson = {&row->sequences[i], 1, TASK_SPAN, .first = (int32_t)first,
                                           .last = (int32_t)last};
        status = task_learn(into, &lesson, error);
    }
    return status;
}

const struct task_learn task_learn_answer = {.n_labels = 2, .learn = learn};
