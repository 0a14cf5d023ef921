/* SPDX-License-Identifier: Apache-2.0
 *
 * The right answers of a row with labels, and where the first of them lies in a window.
 */
#include "common/fail.h"
#include "tasks/answer.h"

static uint32_t count_points(pln_text text)
{
    uint32_t n = 0;
    for (size_t i = 0; i < text.bytes; i++)
        n += ((unsigned char)text.text[i] & 0xc0) != 0x80;
    return n;
}

pln_status answer_take_gold(struct task_row *row, struct answer_gold *gold, pln_error *error)
{
    const pln_text *begins;
    uint32_t n_begins = 0;
    pln_text context;
    *gold = (struct answer_gold){0};
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

void answer_find_positions(const struct task_tokens *t, const struct answer_gold *gold, uint32_t *first, uint32_t *last)
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
