/* SPDX-License-Identifier: Apache-2.0
 *
 * Multiple choice: which of several texts goes on from a prompt.
 */
#include "common/fail.h"
#include "tasks/task.h"

static pln_status ask(struct task_row *row, pln_error *error)
{
    pln_example example = {0};
    const pln_text *choices;
    uint32_t n;
    pln_status status = task_take_text(row, "prompt", &example.text, error);
    if (status == PLN_OK)
        status = task_take_list(row, "choices", &choices, &n, error);
    if (status == PLN_OK && !n)
        return pln_fail(error, PLN_INVALID, "the column `choices` is empty");
    for (uint32_t i = 0; status == PLN_OK && i < n; i++) {
        example.pair = choices[i];
        status = task_add(row, &example, error);
    }
    return status;
}

static json_t *to_json(const pln_answer *answer, uint32_t choice)
{
    json_t *scores = json_array();
    for (uint32_t i = 0; i < answer->n_items; i++)
        task_json_append(&scores, json_real(answer->items[i]->score));
    return json_pack("{s:i,s:o}", "choice", (int)choice, "scores", scores);
}

static pln_status answer(struct task_row *row, pln_error *error)
{
    const pln_text *choices;
    uint32_t n, choice;
    const pln_status status = task_take_list(row, "choices", &choices, &n, error);
    float *scores = arena_allocate(row->memory, (row->n_sequences + 1) * sizeof *scores);
    pln_item *items = task_make_items(row, row->n_sequences, error);
    if (status != PLN_OK || !scores || !items)
        return status != PLN_OK ? status : pln_fail(error, PLN_NO_MEMORY, "no memory for %u choices", n);
    for (uint32_t i = 0; i < n; i++)
        scores[i] = row->sequences[i].outputs[0].data[0];
    task_pick_best(scores, n, &choice, 1);
    task_softmax(scores, n);
    for (uint32_t i = 0; i < n; i++)
        items[i] = (pln_item){.text = choices[i], .score = (double)scores[i], .id = (int32_t)i};
    return row->bare ? PLN_OK : task_set_json(row, to_json(&row->answer, choice), error);
}

const struct task_kind task_choose = {
    .info =
        {
            .name = "choose",
            .head = PLN_HEAD_MULTIPLE_CHOICE,
            .summary = "which of several texts goes on from a prompt",
            .columns = (const pln_column_info[]){{"prompt", false, true, "what is gone on from"},
                                                 {"choices", true, true, "what may follow"},
                                                 {0}},
            .labels = (const pln_column_info[]){{"label", false, true, "the right choice, from 0"}, {0}},
            .options = (const pln_option_info[]){TASK_TOO_LONG, {0}},
            .scores = (const char *const[]){"accuracy", NULL},
            .lesson_tokens = 128,
            .epochs = 3,
        },
    .ask = ask,
    .no_places = true,
    .answer = answer,
    .score = &task_score_choose,
    .learn = &task_learn_choose,
};
