/* SPDX-License-Identifier: Apache-2.0
 *
 * What tag and answer refuse, and what they do with a row that has no answer: test_words CASES MODELS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/tasks/drawn.h"

static const char *cases, *models;
static pln_runtime *runtime;
static pln_devices *devices;

struct opened {
    struct drawn drawn;
    json_t *file;
    pln_model *model;
    pln_session *session;
};

static struct opened open_case(const char *name)
{
    struct opened o = {0};
    char path[600];
    pln_error error;
    snprintf(path, sizeof path, "%s/%s.json", cases, name);
    o.file = json_load_file(path, JSON_ALLOW_NUL, NULL);
    assert_non_null(o.file);
    drawn_begin(&o.drawn, o.file, models, cases);
    must(pln_model_open(runtime, o.drawn.folder, NULL, &o.model, &error), &error);
    must(pln_session_create(o.model, devices, NULL, &o.session, &error), &error);
    return o;
}

static void close_case(struct opened *o)
{
    pln_session_destroy(&o->session);
    pln_model_close(&o->model);
    drawn_end(&o->drawn);
    json_decref(o->file);
}

struct refused {
    pln_option options[3];
    uint32_t n;
    const char *because;
};

static void check_refused(const char *name, const char *task, const struct refused *refused, size_t n)
{
    struct opened o = open_case(name);
    for (size_t i = 0; i < n; i++) {
        pln_session_options options = {.size = sizeof options};
        pln_error error;
        pln_task *made;
        assert_int_equal(pln_task_prepare(o.model, task, refused[i].options, refused[i].n, &options, &error),
                         PLN_INVALID);
        assert_non_null(strstr(error.message, refused[i].because));
        assert_int_equal(pln_task_create(o.session, task, refused[i].options, refused[i].n, &made, &error),
                         PLN_INVALID);
        assert_non_null(strstr(error.message, refused[i].because));
        assert_null(made);
    }
    close_case(&o);
}

static void tag_refuses_windows_that_cannot_be(void **state)
{
    (void)state;
    const struct refused refused[] = {
        {{{"stride", "2"}}, 1, "aggregation"},
        {{{"too-long", "window"}, {"aggregation", "none"}}, 2, "aggregation"},
        {{{"stride", "14"}, {"aggregation", "max"}}, 2, "stride"}, /* of 16 two are [CLS] and [SEP] */
        {{{"stride", "2"}, {"aggregation", "max"}, {"too-long", "cut"}}, 3, "too-long"},
        {{{"aggregation", "last"}}, 1, "average"},
    };
    check_refused("tag-windows", "tag", refused, sizeof refused / sizeof *refused);
}

static void answer_refuses_windows_that_cannot_be(void **state)
{
    (void)state;
    const struct refused refused[] = {
        {{{"max-length", "25"}}, 1, "at most 24"},
        {{{"max-length", "12"}, {"stride", "12"}}, 2, "stride"},
        {{{"top", "0"}}, 1, "top"},
        {{{"max-answer", "0"}}, 1, "max-answer"},
    };
    check_refused("answer-windows", "answer", refused, sizeof refused / sizeof *refused);
}

enum { ASKED = 5 };

static void one_row_keeps_no_other_from_its_answer(void **state)
{
    (void)state;
    struct opened o = open_case("answer-windows");
    static const char *const texts[ASKED][2] = {
        {"Who?", "the king said"},
        {"", "the king said"},
        {"Who?", ""},
        {"Who was it that went down with all the sons of Jacob to the land of Egypt in that day, and why?", "the king"},
        {"Who?", "the king said"},
    };
    static const char *const because[ASKED] = {NULL, "question", "context",
                                               "row's second text of 2 tokens cannot be cut", NULL};
    pln_field fields[ASKED][2];
    pln_record rows[ASKED + 1];
    const pln_answer *const *answers;
    pln_error error;
    pln_task *task;
    for (uint32_t i = 0; i < ASKED; i++) {
        fields[i][0] = (pln_field){.name = "question", .text = {texts[i][0], strlen(texts[i][0])}};
        fields[i][1] = (pln_field){.name = "context", .text = {texts[i][1], strlen(texts[i][1])}};
        rows[i] = (pln_record){fields[i], 2};
    }
    rows[ASKED] = (pln_record){fields[0], 1};
    must(pln_task_create(o.session, "answer", NULL, 0, &task, &error), &error);
    must(pln_task_answer(task, rows, ASKED + 1, &answers, &error), &error);
    for (uint32_t i = 0; i < ASKED; i++) {
        assert_int_equal(answers[i]->status, because[i] ? PLN_INVALID : PLN_OK);
        if (because[i] && !strstr(answers[i]->message, because[i]))
            fail_msg("row %u: %s", i, answers[i]->message);
    }
    assert_non_null(strstr(answers[ASKED]->message, "context"));
    assert_string_equal(answers[0]->json, answers[4]->json);
    pln_task_destroy(&task);
    close_case(&o);
}

/* Places of an item are those of its text, in code points and in bytes. */
static void places_are_those_of_the_text(void **state)
{
    (void)state;
    struct opened o = open_case("tag-cased");
    static const char text[] = "나는 Seoul에 산다. \xff 김철수는 🐍 부산에서 왔다!";
    const pln_field field = {.name = "text", .text = {text, sizeof text - 1}};
    const pln_record row = {&field, 1};
    const pln_answer *const *answers;
    pln_error error;
    pln_task *task;
    must(pln_task_create(o.session, NULL, NULL, 0, &task, &error), &error);
    must(pln_task_answer(task, &row, 1, &answers, &error), &error);
    assert_true(answers[0]->n_items > 5);
    for (uint32_t i = 0; i < answers[0]->n_items; i++) {
        const pln_item *item = answers[0]->items[i];
        uint32_t points = 0;
        for (uint32_t at = 0; at < item->begin_byte; at++) /* \xff is one, as each byte that begins a letter */
            points += ((unsigned char)text[at] & 0xc0) != 0x80;
        assert_int_equal(item->begin, points);
        assert_true(item->begin_byte < item->end_byte && item->end_byte < sizeof text);
        assert_string_equal(item->label.text, pln_model_label(o.model, (uint32_t)item->id));
    }
    pln_task_destroy(&task);
    close_case(&o);
}

static int open_devices(void **state)
{
    (void)state;
    pln_error error;
    return pln_runtime_create(NULL, &runtime, &error) != PLN_OK ||
           pln_devices_open(runtime, "reference", NULL, 0, &devices, &error) != PLN_OK;
}

static int close_devices(void **state)
{
    (void)state;
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    cases = argv[1];
    models = argv[2];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tag_refuses_windows_that_cannot_be),
        cmocka_unit_test(answer_refuses_windows_that_cannot_be),
        cmocka_unit_test(one_row_keeps_no_other_from_its_answer),
        cmocka_unit_test(places_are_those_of_the_text),
    };
    return cmocka_run_group_tests(tests, open_devices, close_devices);
}
