/* SPDX-License-Identifier: Apache-2.0
 *
 * Replays what the pipelines of Hugging Face answer: test_cases CASES MODELS DEVICES [OPTION...]. make_cases.py wrote the
 * cases. Each answer must have the same labels, spans, offsets and order, and scores within 1e-4, whether its row is
 * answered alone or with all others, and these two must be the same to the bit.
 */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/each_case.h"
#include "tests/tasks/drawn.h"

enum { MOST_ROWS = 128, MOST_FIELDS = 2, MOST_ITEMS = 16, MOST_OPTIONS = 4 };

static const char *cases, *models;

/* ---- rows */

struct asked {
    pln_field fields[MOST_FIELDS];
    pln_text items[MOST_FIELDS][MOST_ITEMS];
    pln_record row;
    pln_option options[MOST_OPTIONS];
    uint32_t n_options;
    json_t *expected; /* the case */
    char *alone;      /* the answer of the row by itself */
};

static char digit_of(char c)
{
    return (char)(c >= 'a' ? c - 'a' + 10 : c - '0');
}

static pln_text read_hex(const char *digits, size_t n)
{
    char *bytes = test_malloc(n / 2 + 1);
    for (size_t i = 0; i < n / 2; i++)
        bytes[i] = (char)(digit_of(digits[2 * i]) << 4 | digit_of(digits[2 * i + 1]));
    return (pln_text){bytes, n / 2};
}

/* The text so many times, each # being the number of the time. */
static pln_text read_repeated(const char *text, json_int_t times)
{
    enum { DIGITS = 20 };
    char *all = test_malloc((size_t)times * (strlen(text) * DIGITS + 1) + 1), *out = all;
    for (json_int_t i = 0; i < times; i++)
        for (const char *at = text; *at; at++)
            if (*at == '#')
                out += sprintf(out, "%lld", (long long)i);
            else
                *out++ = *at;
    return (pln_text){all, (size_t)(out - all)};
}

/* New bytes (test_free) of a text, {"hex": BYTES} or {"repeat": TEXT, "times": N}. */
static pln_text read_text(const json_t *json)
{
    const json_t *hex = json_object_get(json, "hex"), *piece = json_object_get(json, "repeat");
    if (hex)
        return read_hex(json_string_value(hex), json_string_length(hex));
    if (piece)
        return read_repeated(json_string_value(piece), json_integer_value(json_object_get(json, "times")));
    char *copy = test_malloc(json_string_length(json) + 1);
    memcpy(copy, json_string_value(json), json_string_length(json) + 1);
    return (pln_text){copy, json_string_length(json)};
}

static void read_case(json_t *json, struct asked *asked)
{
    const char *name;
    json_t *value;
    uint32_t n = 0;
    *asked = (struct asked){.expected = json};
    json_object_foreach(json_object_get(json, "row"), name, value)
    {
        assert_true(n < MOST_FIELDS && json_array_size(value) <= MOST_ITEMS);
        pln_field *field = &asked->fields[n];
        *field = (pln_field){.name = name};
        if (!json_is_array(value))
            field->text = read_text(value);
        else
            field->items = asked->items[n];
        for (; field->n_items < json_array_size(value); field->n_items++)
            asked->items[n][field->n_items] = read_text(json_array_get(value, field->n_items));
        n++;
    }
    asked->row = (pln_record){asked->fields, n};
    json_object_foreach(json_object_get(json, "options"), name, value)
    {
        assert_true(asked->n_options < MOST_OPTIONS);
        asked->options[asked->n_options++] = (pln_option){name, json_string_value(value)};
    }
}

static void free_case(struct asked *asked)
{
    for (uint32_t i = 0; i < asked->row.n_fields; i++) {
        test_free((void *)(uintptr_t)asked->fields[i].text.text);
        for (uint32_t j = 0; j < asked->fields[i].n_items; j++)
            test_free((void *)(uintptr_t)asked->items[i][j].text);
    }
    free(asked->alone);
}

/* ---- answers */

static void check(const json_t *found, const json_t *wanted, const char *where);

static void check_list(const json_t *found, const json_t *wanted, const char *where, size_t step, size_t count)
{
    char inside[300];
    assert_true(json_is_array(found));
    if (json_array_size(found) != count)
        fail_msg("%s: %zu items, expected %zu", where, json_array_size(found), count);
    for (size_t i = 0; i < json_array_size(wanted); i++) {
        snprintf(inside, sizeof inside, "%.280s[%zu]", where, i * step);
        check(json_array_get(found, i * step), json_array_get(wanted, i), inside);
    }
}

static void check_object(const json_t *found, const json_t *wanted, const char *where)
{
    char inside[300];
    const char *key;
    json_t *value;
    assert_int_equal(json_object_size(found), json_object_size(wanted));
    json_object_foreach((json_t *)(uintptr_t)wanted, key, value)
    {
        snprintf(inside, sizeof inside, "%.240s.%.40s", where, key);
        check(json_object_get(found, key), value, inside);
    }
}

static void check(const json_t *found, const json_t *wanted, const char *where)
{
    if (json_is_real(wanted)) {
        const double a = json_number_value(found), b = json_real_value(wanted);
        if (!json_is_number(found) || !(fabs(a - b) <= 1e-4 * fmax(1, fabs(b))))
            fail_msg("%s is %.9g, expected %.9g", where, a, b);
    } else if (json_is_array(wanted)) {
        check_list(found, wanted, where, 1, json_array_size(wanted));
    } else if (json_is_object(wanted)) {
        check_object(found, wanted, where);
    } else if (!json_equal(found, wanted)) {
        char *a = found ? json_dumps(found, JSON_ENCODE_ANY) : NULL, *b = json_dumps(wanted, JSON_ENCODE_ANY);
        fail_msg("%s is %s, expected %s", where, a ? a : "absent", b);
    }
}

static void check_answer(const struct asked *asked, const pln_answer *answer, const char *where)
{
    const json_t *wanted = json_object_get(asked->expected, "answer"),
                 *every = json_object_get(asked->expected, "every");
    if (answer->status != PLN_OK)
        fail_msg("%s: %s", where, answer->message);
    json_error_t problem;
    json_t *found = json_loads(answer->json, JSON_DECODE_ANY | JSON_ALLOW_NUL, &problem);
    if (!found)
        fail_msg("%s: %s: %s", where, problem.text, answer->json);
    if (every)
        check_list(found, wanted, where, (size_t)json_integer_value(every),
                   (size_t)json_integer_value(json_object_get(asked->expected, "count")));
    else
        check(found, wanted, where);
    json_decref(found);
}

/* ---- replay */

struct replay {
    const char *name, *task;
    pln_model *model;
    struct asked rows[MOST_ROWS];
    uint32_t n;
};

static bool same_options(const struct asked *a, const struct asked *b)
{
    return json_equal(json_object_get(a->expected, "options"), json_object_get(b->expected, "options")) ||
           (!a->n_options && !b->n_options);
}

/* All rows with the options of the first of them: one by one, then together. */
static void answer_rows(struct replay *r, uint32_t first, pln_session *session)
{
    static pln_record rows[MOST_ROWS];
    static uint32_t places[MOST_ROWS];
    struct asked *asked = &r->rows[first];
    const pln_answer *const *answers;
    pln_task *task;
    pln_error error;
    uint32_t n = 0;
    char where[200];
    must(pln_task_create(session, r->task, asked->options, asked->n_options, &task, &error), &error);
    for (uint32_t i = first; i < r->n; i++) {
        if (r->rows[i].alone || !same_options(asked, &r->rows[i]))
            continue;
        snprintf(where, sizeof where, "%s: case %u", r->name, i);
        must(pln_task_answer(task, &r->rows[i].row, 1, &answers, &error), &error);
        check_answer(&r->rows[i], answers[0], where);
        r->rows[i].alone = strdup(answers[0]->json);
        places[n] = i;
        rows[n++] = r->rows[i].row;
    }
    if (n > 1)
        must(pln_task_answer(task, rows, n, &answers, &error), &error);
    for (uint32_t i = 0; n > 1 && i < n; i++) {
        assert_int_equal(answers[i]->row, i);
        snprintf(where, sizeof where, "%s: case %u among others", r->name, places[i]);
        check_answer(&r->rows[places[i]], answers[i], where);
        assert_string_equal(answers[i]->json, r->rows[places[i]].alone);
    }
    pln_task_destroy(&task);
}

/* The session of the options of a row; sessions are as many as there are wishes. */
static void replay_from(struct replay *r, uint32_t first)
{
    struct asked *asked = &r->rows[first];
    pln_session_options options = {.size = sizeof options,
                                   .schedule = PLN_OPTIONS(pln_schedule_options, .no_fallback = true)};
    pln_session *session;
    pln_error error;
    must(pln_task_prepare(r->model, r->task, asked->options, asked->n_options, &options, &error), &error);
    must(pln_session_create(r->model, devices, &options, &session, &error), &error);
    answer_rows(r, first, session);
    pln_session_destroy(&session);
}

static void test_case(void **state)
{
    static struct replay r;
    char path[600];
    json_error_t problem;
    pln_error error;
    struct drawn drawn;
    r = (struct replay){.name = *state};
    snprintf(path, sizeof path, "%s/%s.json", cases, r.name);
    json_t *file = json_load_file(path, JSON_ALLOW_NUL, &problem);
    if (!file)
        fail_msg("%s: %s", path, problem.text);
    r.task = json_string_value(json_object_get(file, "task"));
    drawn_begin(&drawn, file, models, cases);
    must(pln_model_open(runtime, drawn.folder, NULL, &r.model, &error), &error);
    json_t *list = json_object_get(file, "cases");
    assert_true(json_array_size(list) > 0 && json_array_size(list) <= MOST_ROWS);
    for (; r.n < json_array_size(list); r.n++)
        read_case(json_array_get(list, r.n), &r.rows[r.n]);
    for (uint32_t i = 0; i < r.n; i++)
        if (!r.rows[i].alone)
            replay_from(&r, i);
    for (uint32_t i = 0; i < r.n; i++)
        free_case(&r.rows[i]);
    pln_model_close(&r.model);
    drawn_end(&drawn);
    json_decref(file);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    cases = argv[1];
    models = argv[2];
    return run_each_case(cases, test_case, argc - 3, argv + 3);
}
