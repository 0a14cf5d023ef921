/* SPDX-License-Identifier: Apache-2.0
 *
 * Labels that the model was not trained on: each is put into a sentence, and a model of entailment says whether that
 * follows from the text. As ZeroShotClassificationPipeline.
 */
#include <strings.h>

#include "common/fail.h"
#include "tasks/task.h"

struct settings {
    uint32_t entailment, contradiction; /* labels of the model */
    bool multi_label;
    const char *template;
    const char *labels; /* NULL: those of the row */
};

static bool chosen(const pln_model *model, const pln_record *row)
{
    (void)model;
    return row && pln_record_field(row, "candidate_labels") && !pln_record_field(row, "query");
}

/* ---- opening */

/* The first label that begins with "entail": in label2id, else in id2label. */
static bool find_entailment(const struct electra_config *config, uint32_t *id)
{
    const char *label;
    json_t *number;
    json_object_foreach(json_object_get(config->json, "label2id"), label, number)
    {
        const json_int_t n = json_integer_value(number);
        if (strncasecmp(label, "entail", 6) == 0 && json_is_integer(number) && n >= 0 && n < config->num_labels) {
            *id = (uint32_t)n;
            return true;
        }
    }
    for (uint32_t i = 0; i < config->num_labels; i++)
        if (strncasecmp(config->labels[i], "entail", 6) == 0) {
            *id = i;
            return true;
        }
    return false;
}

/* Python's format: "{}" and "{0}" are the label, "{{" and "}}" a brace. Writes to out (may be NULL); false: a brace that
 * stands for neither. */
static bool format(const char *template, pln_text label, char *out, size_t *bytes, uint32_t *places)
{
    *bytes = *places = 0;
    for (const char *at = template; *at;) {
        const bool place = strncmp(at, "{}", 2) == 0 || strncmp(at, "{0}", 3) == 0;
        const bool brace = strncmp(at, "{{", 2) == 0 || strncmp(at, "}}", 2) == 0;
        const pln_text put = place ? label : (pln_text){at, 1};
        if (!place && !brace && (*at == '{' || *at == '}'))
            return false;
        if (out && put.bytes)
            memcpy(out + *bytes, put.text, put.bytes);
        *bytes += put.bytes;
        *places += place;
        if (place)
            at = strchr(at, '}') + 1;
        else
            at += brace ? 2 : 1;
    }
    return true;
}

static pln_status open(struct task_setup *setup, pln_error *error)
{
    struct settings *settings = setup->settings;
    const char *template = task_value(setup, "template");
    size_t bytes;
    uint32_t places;
    settings->template = template ? template : "This example is {}.";
    settings->labels = task_value(setup, "labels");
    settings->multi_label = task_flag(setup, "multi-label");
    setup->encode.truncation = PLN_TRUNCATION_ONLY_FIRST;
    if (!format(settings->template, task_string(""), NULL, &bytes, &places) || !places)
        return pln_fail(
            error, PLN_INVALID,
            "option template of the task zero-shot is \"%.100s\"; it may be a sentence with {} in it, where "
            "the label goes",
            settings->template);
    if (setup->config->num_labels < 2 || !find_entailment(setup->config, &settings->entailment))
        return pln_fail(error, PLN_INVALID, "no label of the model begins with \"entail\", which zero-shot needs");
    settings->contradiction = settings->entailment ? 0 : setup->config->num_labels - 1;
    return PLN_OK;
}

/* ---- ask */

struct labels {
    const pln_text *items;
    uint32_t n;
};

static pln_status split_labels(const struct task_row *row, pln_text text, struct labels *labels, pln_error *error)
{
    pln_text *items;
    labels->n = task_split(row->memory, text, &items);
    labels->items = items;
    return labels->n < UINT32_MAX ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for labels");
}

/* Of the row: a list, as JSON too, or a text with commas; else of the option. */
static pln_status take_labels(const struct task_row *row, struct labels *labels, pln_error *error)
{
    const struct settings *settings = row->settings;
    const pln_field *field = pln_record_field(row->row, "candidate_labels");
    if (!field && settings->labels)
        return split_labels(row, task_string(settings->labels), labels, error);
    if (!field)
        return pln_fail(error, PLN_INVALID, "the row has no column `candidate_labels`, and no option labels is given");
    size_t at = 0;
    while (field->text.text && at < field->text.bytes && field->text.text[at] == ' ')
        at++;
    if (field->text.text && (at == field->text.bytes || field->text.text[at] != '['))
        return split_labels(row, field->text, labels, error);
    return task_take_list(row, "candidate_labels", &labels->items, &labels->n, error);
}

static pln_status add_label(struct task_row *row, pln_text text, pln_text label, pln_error *error)
{
    const struct settings *settings = row->settings;
    pln_example example = {.text = text};
    uint32_t places;
    format(settings->template, label, NULL, &example.pair.bytes, &places);
    char *sentence = arena_allocate(row->memory, example.pair.bytes + 1);
    if (!sentence)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for labels");
    format(settings->template, label, sentence, &example.pair.bytes, &places);
    example.pair.text = sentence;
    return task_add(row, &example, error);
}

static pln_status ask(struct task_row *row, pln_error *error)
{
    pln_text text;
    struct labels *labels = row->kept = arena_allocate(row->memory, sizeof *labels);
    if (!labels)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for labels");
    pln_status status = task_take_text(row, "text", &text, error);
    if (status == PLN_OK)
        status = take_labels(row, labels, error);
    if (status == PLN_OK && !labels->n)
        return pln_fail(error, PLN_INVALID, "the column `candidate_labels` is empty");
    for (uint32_t i = 0; status == PLN_OK && i < labels->n; i++)
        status = add_label(row, text, labels->items[i], error);
    return status;
}

/* ---- answer */

static json_t *to_json(pln_text text, const pln_answer *answer)
{
    json_t *labels = json_array(), *scores = json_array();
    for (uint32_t i = 0; i < answer->n_items; i++) {
        task_json_append(&labels, task_json_text(answer->items[i]->text));
        task_json_append(&scores, json_real(answer->items[i]->score));
    }
    return json_pack("{s:o,s:o,s:o}", "sequence", task_json_text(text), "labels", labels, "scores", scores);
}

/* Each label against its contradiction, or all against each other. */
static void score(const struct task_row *row, float *scores, uint32_t n)
{
    const struct settings *settings = row->settings;
    const bool apart = settings->multi_label || n == 1;
    for (uint32_t i = 0; i < n; i++) {
        const float *logits = row->sequences[i].outputs[0].data;
        scores[i] = logits[settings->entailment];
        if (apart)
            scores[i] = task_sigmoid(scores[i] - logits[settings->contradiction]);
    }
    if (!apart)
        task_softmax(scores, n);
}

static pln_status answer(struct task_row *row, pln_error *error)
{
    const struct labels *labels = row->kept;
    const uint32_t n = labels->n;
    pln_text text;
    float *scores = arena_allocate(row->memory, n * sizeof *scores);
    uint32_t *best = arena_allocate(row->memory, n * sizeof *best);
    pln_item *items = task_make_items(row, n, error);
    if (!scores || !best || !items)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u labels", n);
    /* Of equal scores the reference has the last label first. */
    score(row, scores, n);
    for (uint32_t i = 0; i < n / 2; i++) {
        const float held = scores[i];
        scores[i] = scores[n - 1 - i];
        scores[n - 1 - i] = held;
    }
    task_pick_best(scores, n, best, n);
    for (uint32_t i = 0; i < n; i++)
        items[i] = (pln_item){
            .text = labels->items[n - 1 - best[i]], .score = (double)scores[best[i]], .id = (int32_t)(n - 1 - best[i])};
    const pln_status status = task_take_text(row, "text", &text, error);
    return status == PLN_OK && !row->bare ? task_set_json(row, to_json(text, &row->answer), error) : status;
}

const struct task_kind task_zero_shot = {
    .info =
        {
            .name = "zero-shot",
            .head = PLN_HEAD_SEQUENCE_CLASSIFICATION,
            .summary = "labels of your own, by a model of entailment",
            .columns = (const pln_column_info[]){{"text", false, true, "the text"},
                                                 {"candidate_labels", true, false,
                                                  "the labels, also with commas; else those of the option"},
                                                 {0}},
            .labels = (const pln_column_info[]){{0}},
            .options =
                (const pln_option_info[]){
                    {"labels", "A,B,...", "labels of all rows that name none"},
                    {"template", "TEXT", "the sentence that a label is put into (default \"This example is {}.\")"},
                    {"multi-label", "yes|no", "each label by itself: several may hold"},
                    TASK_TOO_LONG_CUT,
                    {0}},
            .scores = (const char *const[]){NULL},
        },
    .settings_bytes = sizeof(struct settings),
    .chosen = chosen,
    .open = open,
    .ask = ask,
    .no_places = true,
    .answer = answer,
    .too_long = TASK_CUT,
};
