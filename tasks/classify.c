/* SPDX-License-Identifier: Apache-2.0
 *
 * Classification: the labels of the config with their scores, best first.
 */
#include "common/fail.h"
#include "tasks/task.h"

enum function { SOFTMAX, SIGMOID, NONE };

struct settings {
    uint32_t function, top;
};

/* As TextClassificationPipeline chooses. */
static enum function usual_function(const struct electra_config *config)
{
    if (config->problem_type == ELECTRA_REGRESSION)
        return NONE;
    return config->problem_type == ELECTRA_MULTI_LABEL || config->num_labels == 1 ? SIGMOID : SOFTMAX;
}

static pln_status open(struct task_setup *setup, pln_error *error)
{
    (void)error;
    struct settings *settings = setup->settings;
    settings->function = task_word(setup, "function", usual_function(setup->config));
    settings->top = task_number(setup, "top", UINT32_MAX);
    return PLN_OK;
}

static pln_status ask(struct task_row *row, pln_error *error)
{
    pln_example example = {0};
    pln_status status = task_take_text(row, "text", &example.text, error);
    if (status == PLN_OK && pln_record_field(row->row, "text_pair"))
        status = task_take_text(row, "text_pair", &example.pair, error);
    if (!example.pair.bytes) /* an empty one is none, as the reference has it for a single row */
        example.pair.text = NULL;
    return status == PLN_OK ? task_add(row, &example, error) : status;
}

static json_t *to_json(const pln_answer *answer)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < answer->n_items; i++) {
        json_t *label =
            json_pack("{s:o,s:f}", "label", task_json_text(answer->items[i]->text), "score", answer->items[i]->score);
        task_json_append(&list, label);
    }
    return list;
}

static pln_status answer(struct task_row *row, pln_error *error)
{
    const struct settings *settings = row->settings;
    const struct task_output *logits = &row->sequences[0].outputs[0];
    const uint32_t n = logits->width, top = settings->top < n ? settings->top : n;
    float *scores = arena_allocate(row->memory, n * sizeof *scores);
    uint32_t *best = arena_allocate(row->memory, n * sizeof *best);
    pln_item *items = task_make_items(row, top, error);
    if (!scores || !best || !items)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u labels", n);
    memcpy(scores, logits->data, n * sizeof *scores);
    if (settings->function == SOFTMAX)
        task_softmax(scores, n);
    for (uint32_t i = 0; settings->function == SIGMOID && i < n; i++)
        scores[i] = task_sigmoid(scores[i]);
    task_pick_best(scores, n, best, top);
    for (uint32_t i = 0; i < top; i++)
        items[i] = (pln_item){.text = task_string(pln_model_label(row->setup->model, best[i])),
                              .score = (double)scores[best[i]],
                              .id = (int32_t)best[i]};
    return row->bare ? PLN_OK : task_set_json(row, to_json(&row->answer), error);
}

const struct task_kind task_classify = {
    .info =
        {
            .name = "classify",
            .head = PLN_HEAD_SEQUENCE_CLASSIFICATION,
            .summary = "labels of a text, or of two",
            .columns = (const pln_column_info[]){{"text", false, true, "the text"},
                                                 {"text_pair", false, false, "a second one beside it"},
                                                 {0}},
            .labels = (const pln_column_info[]){{"label", false, true, "the right label, by name or number"}, {0}},
            .options = (const pln_option_info[]){{"function", "softmax|sigmoid|none",
                                                  "from logits to scores (default: by problem_type)"},
                                                 {"top", "1..", "that many labels, the best ones (default: all)"},
                                                 TASK_TOO_LONG,
                                                 {0}},
            .scores = (const char *const[]){"accuracy", "f1_micro", "f1_macro", "f1_by_class", "matthews", "pearson",
                                            "spearman", "mse", NULL},
            .lesson_tokens = 128,
            .epochs = 3,
        },
    .settings_bytes = sizeof(struct settings),
    .open = open,
    .ask = ask,
    .no_places = true,
    .answer = answer,
    .score = &task_score_classify,
    .learn = &task_learn_classify,
};
