/* SPDX-License-Identifier: Apache-2.0
 *
 * Replaced-token detection: each word of a text with the probability that it was replaced.
 */
#include "common/fail.h"
#include "tasks/task.h"

static pln_status ask(struct task_row *row, pln_error *error)
{
    pln_example example = {0};
    const pln_status status = task_take_text(row, "text", &example.text, error);
    return status == PLN_OK ? task_add(row, &example, error) : status;
}

/* Pieces of one word are neighbours with one number; a word is as suspicious as its most suspicious piece. */
static uint32_t join_words(const struct task_tokens *t, const float *logits, pln_text text, pln_item *items)
{
    uint32_t n = 0;
    int32_t open = -1; /* number of the word under way */
    for (uint32_t i = 0; i < t->n; i++) {
        const double score = (double)task_sigmoid(logits[i]);
        if (t->words[i] < 0)
            continue;
        if (t->words[i] != open)
            items[n++] = (pln_item){.score = score, .begin = t->begins[i], .begin_byte = t->begin_bytes[i]};
        pln_item *item = &items[n - 1];
        open = t->words[i];
        item->score = score > item->score ? score : item->score;
        item->end = t->ends[i];
        item->end_byte = t->end_bytes[i];
        item->text = task_part(text, item->begin_byte, item->end_byte);
    }
    return n;
}

static json_t *to_json(const pln_answer *answer)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < answer->n_items; i++) {
        const pln_item *item = answer->items[i];
        json_t *word = json_pack("{s:o,s:f,s:I,s:I}", "word", task_json_text(item->text), "score", item->score, "start",
                                 (json_int_t)item->begin, "end", (json_int_t)item->end);
        task_json_append(&list, word);
    }
    return list;
}

static pln_status answer(struct task_row *row, pln_error *error)
{
    const struct task_sequence *s = &row->sequences[0];
    pln_text text;
    pln_item *items = task_make_items(row, s->tokens.n, error);
    if (!items)
        return PLN_NO_MEMORY;
    pln_status status = task_take_text(row, "text", &text, error);
    if (status == PLN_OK)
        row->answer.n_items = join_words(&s->tokens, s->outputs[0].data, text, items);
    return status == PLN_OK && !row->bare ? task_set_json(row, to_json(&row->answer), error) : status;
}

const struct task_kind task_detect = {
    .info =
        {
            .name = "detect",
            .head = PLN_HEAD_PRETRAINING,
            .summary = "how likely each word is to have been replaced",
            .columns = (const pln_column_info[]){{"text", false, true, "the text"}, {0}},
            .labels = (const pln_column_info[]){{0}},
            .options = (const pln_option_info[]){TASK_TOO_LONG, {0}},
            .scores = (const char *const[]){NULL},
        },
    .ask = ask,
    .answer = answer,
};
