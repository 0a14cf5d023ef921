/* SPDX-License-Identifier: Apache-2.0
 *
 * Scores of tasks on rows with labels, beside those of the reference libraries: test_evaluation FOLDER MODELS DEVICES
 * [OPTION...]. make_scored.py wrote the files.
 */
#include <math.h>

#include "tests/each_case.h"
#include "tests/tasks/drawn.h"

enum { MOST_FIELDS = 4, MOST_LIST = 16, MOST_ROWS = 256 };

static const char *folder, *models;

static char cases_folder[500];

/* ---- rows */

struct read_row {
    pln_field fields[MOST_FIELDS];
    pln_text items[MOST_FIELDS][MOST_LIST];
};

static pln_text text_of(const json_t *value)
{
    return (pln_text){json_string_value(value), json_string_length(value)};
}

static pln_record read_row(json_t *json, struct read_row *row)
{
    const char *name;
    json_t *value;
    uint32_t n = 0;
    json_object_foreach(json, name, value)
    {
        pln_field *field = &row->fields[n];
        assert_true(n < MOST_FIELDS && json_array_size(value) <= MOST_LIST);
        *field = (pln_field){.name = name};
        if (!json_is_array(value))
            field->text = text_of(value);
        else
            field->items = row->items[n];
        for (; field->n_items < json_array_size(value); field->n_items++)
            row->items[n][field->n_items] = text_of(json_array_get(value, field->n_items));
        n++;
    }
    return (pln_record){row->fields, n};
}

/* ---- scores */

static void check_score(const char *file, const pln_score *score, const json_t *scores)
{
    const json_t *wanted = json_object_get(scores, score->name);
    if (score->label)
        wanted = json_object_get(wanted, score->label);
    const double right = json_number_value(wanted), most = 1e-4;
    if (!wanted)
        fail_msg("%s: nobody asked for %s %s", file, score->name, score->label ? score->label : "");
    if (json_is_null(wanted) ? isfinite(score->value) : !(fabs(score->value - right) <= most * (1 + fabs(right))))
        fail_msg("%s: %s %s is %.9g, expected %.9g", file, score->name, score->label ? score->label : "", score->value,
                 right);
    assert_true(isnan(score->low) && isnan(score->high));
}

static size_t count_scores(const json_t *scores)
{
    size_t n = 0;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)scores, name, value) n +=
        json_is_object(value) ? json_object_size(value) : 1;
    return n;
}

/* Names of the table, and "loss". */
static void check_name(const pln_task_info *info, const char *name)
{
    bool known = strcmp(name, "loss") == 0;
    for (uint32_t i = 0; info->scores[i]; i++)
        known = known || strcmp(info->scores[i], name) == 0;
    if (!known)
        fail_msg("the table of %s has no score %s", info->name, name);
}

static void check_result(const char *file, pln_task *task, pln_scores *scores, const json_t *wanted)
{
    const pln_score *const *list;
    uint32_t n;
    pln_error error;
    must(pln_scores_result(scores, &list, &n, &error), &error);
    assert_string_equal(list[0]->name, "loss");
    for (uint32_t i = 0; i < n; i++) {
        check_name(pln_task_describe(task), list[i]->name);
        check_score(file, list[i], wanted);
    }
    if (n != count_scores(wanted))
        fail_msg("%s: %u scores, expected %zu", file, n, count_scores(wanted));
}

/* All rows at once, then one by one: the scores are the same. */
static void score_rows(const char *file, pln_task *task, const pln_record *rows, uint32_t n, const json_t *wanted)
{
    pln_scores *scores;
    pln_error error;
    const pln_answer *const *answers;
    must(pln_scores_create(task, NULL, &scores, &error), &error);
    must(pln_task_answer(task, rows, n, &answers, &error), &error);
    for (uint32_t i = 0; i < n; i++)
        must(pln_scores_add(scores, answers[i], &error), &error);
    assert_int_equal(pln_scores_rows(scores), n);
    check_result(file, task, scores, wanted);
    pln_scores_destroy(&scores);
    must(pln_task_answer(task, rows, 1, &answers, &error), &error);
    assert_null(answers[0]->judged);
    assert_true(answers[0]->weight <= 0);
}

static uint32_t read_options(const json_t *file, pln_option *options)
{
    const char *key;
    json_t *value;
    uint32_t n = 0;
    json_object_foreach(json_object_get(file, "options"), key, value) options[n++] =
        (pln_option){key, json_string_value(value)};
    return n;
}

static void test_file(void **state)
{
    static struct read_row rows[MOST_ROWS];
    static pln_record records[MOST_ROWS];
    char path[600];
    json_error_t problem;
    struct drawn drawn;
    pln_model *model;
    pln_session *session;
    pln_task *task;
    pln_error error;
    pln_option options[4];
    pln_session_options wished = {.size = sizeof wished,
                                  .schedule = PLN_OPTIONS(pln_schedule_options, .no_fallback = true)};
    snprintf(path, sizeof path, "%s/%s.json", folder, (const char *)*state);
    json_t *file = json_load_file(path, 0, &problem);
    if (!file)
        fail_msg("%s: %s", path, problem.text);
    const char *name = json_string_value(json_object_get(file, "task"));
    const uint32_t n_options = read_options(file, options);
    const json_t *list = json_object_get(file, "rows");
    const uint32_t n = (uint32_t)json_array_size(list);
    assert_in_range(n, 1, MOST_ROWS);
    for (uint32_t i = 0; i < n; i++)
        records[i] = read_row(json_array_get(list, i), &rows[i]);
    drawn_begin(&drawn, file, models, cases_folder);
    must(pln_model_open(runtime, drawn.folder, NULL, &model, &error), &error);
    must(pln_task_prepare(model, name, options, n_options, &wished, &error), &error);
    must(pln_session_create(model, devices, &wished, &session, &error), &error);
    must(pln_task_create(session, name, options, n_options, &task, &error), &error);
    score_rows(*state, task, records, n, json_object_get(file, "scores"));
    pln_task_destroy(&task);
    pln_session_destroy(&session);
    pln_model_close(&model);
    drawn_end(&drawn);
    json_decref(file);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    folder = argv[1];
    models = argv[2];
    snprintf(cases_folder, sizeof cases_folder, "%s/../cases", folder);
    return run_each_case(folder, test_file, argc - 3, argv + 3);
}
