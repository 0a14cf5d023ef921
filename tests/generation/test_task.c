/* SPDX-License-Identifier: Apache-2.0
 *
 * The task generate against the pipeline text-generation of transformers: test_task CASES DEVICE [OPTION...]. A row's text
 * hangs on nothing but itself and its number.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "tests/on_devices.h"

enum { MOST_OPTIONS = 8, MOST_ROWS = 8 };

static const char *folder;
static json_t *cases;
static pln_error error;

struct fixture {
    pln_model *model;
    pln_session *session;
};

static void open_session(struct fixture *f)
{
    char path[512];
    snprintf(path, sizeof path, "%s/writer", folder);
    must(pln_model_open(runtime, path, NULL, &f->model, &error), &error);
    const pln_session_options options = {.size = sizeof options,
                                         .schedule = PLN_OPTIONS(pln_schedule_options, .no_fallback = true)};
    must(pln_session_create(f->model, devices, &options, &f->session, &error), &error);
}

static void close_session(struct fixture *f)
{
    pln_session_destroy(&f->session);
    pln_model_close(&f->model);
}

static uint32_t read_options(const json_t *json, pln_option *options)
{
    const char *key;
    json_t *value;
    uint32_t n = 0;
    json_object_foreach((json_t *)(uintptr_t)json, key, value) options[n++] =
        (pln_option){key, json_string_value(value)};
    return n;
}

static pln_record row_of(pln_field *field, const char *text)
{
    *field = (pln_field){.name = "text", .text = {text, strlen(text)}};
    return (pln_record){.fields = field, .n_fields = 1};
}

static void check_answer(const json_t *json, const pln_answer *answer)
{
    const json_t *ids = json_object_get(json, "ids"), *texts = json_object_get(json, "texts");
    if (answer->status != PLN_OK)
        fail_msg("%s", answer->message);
    json_t *found = json_loads(answer->json, 0, NULL), *expected = json_array();
    assert_non_null(found);
    for (size_t i = 0; i < json_array_size(ids); i++)
        json_array_append_new(expected, json_pack("{s:O,s:O}", "generated_text", json_array_get(texts, i), "ids",
                                                  json_array_get(ids, i)));
    if (!json_equal(found, json_array_size(ids) == 1 ? json_array_get(expected, 0) : expected)) {
        char *text = json_dumps(expected, JSON_COMPACT);
        fail_msg("%s, expected %s", answer->json, text);
    }
    assert_int_equal(answer->n_items, json_array_size(ids));
    json_decref(found);
    json_decref(expected);
}

/* Rows that have the same options beside each other in the file are answered together. */
static void test_texts(void **state)
{
    (void)state;
    struct fixture f;
    open_session(&f);
    for (size_t i = 0, n; i < json_array_size(cases); i += n) {
        pln_option options[MOST_OPTIONS];
        pln_field fields[MOST_ROWS];
        pln_record rows[MOST_ROWS];
        const pln_answer *const *answers;
        pln_task *task;
        const json_t *wanted = json_object_get(json_array_get(cases, i), "options");
        for (n = 0; n < MOST_ROWS && i + n < json_array_size(cases); n++) {
            const json_t *row = json_array_get(cases, i + n);
            if (!json_equal((json_t *)(uintptr_t)wanted, json_object_get(row, "options")))
                break;
            rows[n] = row_of(&fields[n], json_string_value(json_object_get(row, "text")));
        }
        must(pln_task_create(f.session, "generate", options, read_options(wanted, options), &task, &error), &error);
        for (int again = 0; again < 2; again++) {
            must(pln_task_answer(task, rows, (uint32_t)n, &answers, &error), &error);
            for (size_t j = 0; j < n; j++)
                check_answer(json_array_get(cases, i + j), answers[j]);
        }
        pln_task_destroy(&task);
    }
    close_session(&f);
}

/* A text that is too long is its row's own trouble; cut, its end is what is gone on from. */
static void test_long(void **state)
{
    (void)state;
    struct fixture f;
    char text[200] = "";
    pln_field fields[2];
    const pln_answer *const *answers;
    pln_task *task;
    open_session(&f);
    for (int i = 0; i < 90; i += 2)
        memcpy(text + i, "a ", 3);
    const pln_record rows[] = {row_of(&fields[0], text), row_of(&fields[1], "the cat")};
    const pln_option cut[] = {{"too-long", "cut"}, {"max-new-tokens", "7"}};
    must(pln_task_create(f.session, "generate", NULL, 0, &task, &error), &error);
    must(pln_task_answer(task, rows, 2, &answers, &error), &error);
    assert_int_equal(answers[0]->status, PLN_INVALID);
    assert_int_equal(answers[1]->status, PLN_OK);
    pln_task_destroy(&task);
    must(pln_task_create(f.session, "generate", cut, 2, &task, &error), &error);
    must(pln_task_answer(task, rows, 2, &answers, &error), &error);
    json_t *json = json_loads(answers[0]->json, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(json, "ids")), 7);
    json_decref(json);
    pln_task_destroy(&task);
    close_session(&f);
}

/* The model names no token of stop; the first that it writes is one then. Beams may be drawn, the same ones each time. */
static void test_options(void **state)
{
    (void)state;
    struct fixture f;
    pln_field fields[1];
    const pln_record row = row_of(&fields[0], "the cat");
    static const pln_option beams[] = {{"sample", "yes"}, {"beams", "3"}, {"n-best", "2"}, {"no-stop", "yes"}};
    static const pln_option both[] = {{"stop", "a"}, {"no-stop", "yes"}};
    const pln_answer *const *answers;
    char first[2000] = "";
    pln_task *task;
    open_session(&f);
    for (int again = 0; again < 2; again++) {
        must(pln_task_create(f.session, "generate", beams, 4, &task, &error), &error);
        must(pln_task_answer(task, &row, 1, &answers, &error), &error);
        assert_int_equal(answers[0]->n_items, 2);
        if (again)
            assert_string_equal(answers[0]->json, first);
        snprintf(first, sizeof first, "%s", answers[0]->json);
        pln_task_destroy(&task);
    }
    assert_int_equal(pln_task_create(f.session, "generate", both, 2, &task, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "exclude each other"));
    close_session(&f);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        pln_option option;
        const char *words;
    } bad[] = {
        {{"stop", "the,zebra"}, "\"zebra\" is no token"},
        {{"length-penalty", "long"}, "length-penalty"},
        {{"temperature", "-1"}, "temperature"},
        {{"beams", "0"}, "beams"},
    };
    struct fixture f;
    pln_task *task;
    open_session(&f);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(pln_task_create(f.session, "generate", &bad[i].option, 1, &task, &error), PLN_INVALID);
        if (!strstr(error.message, bad[i].words))
            fail_msg("\"%s\" does not say \"%s\"", error.message, bad[i].words);
    }
    close_session(&f);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts), cmocka_unit_test(test_long),
                                              cmocka_unit_test(test_options), cmocka_unit_test(test_refusals)};
    char path[512];
    if (argc < 3)
        return 2;
    folder = argv[1];
    snprintf(path, sizeof path, "%s/texts.json", folder);
    if (!(cases = json_load_file(path, 0, NULL)))
        return 2;
    const int failed = run_on_devices(tests, sizeof tests / sizeof *tests, argc - 2, argv + 2);
    json_decref(cases);
    return failed;
}
