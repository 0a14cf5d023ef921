/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors of tasks.
 */
#include "tests/api/doors.h"

static const pln_field some_field = {.name = "text", .text = {"a", 1}};
static const pln_record some_row = {&some_field, 1};

/* A task of the session; the knock destroys it. */
static pln_task *open_task(void)
{
    pln_task *task;
    must(pln_task_create(w.session, NULL, NULL, 0, &task, fresh()), &w.error);
    return task;
}

static void knock_pln_task_at(void)
{
    assert_null(pln_task_at(UINT32_MAX));
}

static void knock_pln_task_find(void)
{
    const pln_task_info *info = NULL;
    assert_false(pln_task_find(NULL, &info));
    assert_false(pln_task_find("none", &info));
    assert_false(pln_task_find("detect", NULL));
    assert_null(info);
}

static void knock_pln_task_choose(void)
{
    assert_null(pln_task_choose(NULL, &some_row));
    assert_non_null(pln_task_choose(w.discriminator, NULL));
}

static const pln_option no_value = {"top", NULL}, no_such = {"none", "1"}, wrong = {"top", "-1"};

static void knock_pln_task_prepare(void)
{
    pln_session_options session = {.size = sizeof session}, no_size = {0};
    refused(pln_task_prepare(NULL, NULL, NULL, 0, &session, fresh()), "model is NULL");
    refused(pln_task_prepare(w.generator, NULL, NULL, 0, NULL, fresh()), "session is NULL");
    refused(pln_task_prepare(w.generator, NULL, NULL, 1, &session, fresh()), "options is NULL");
    refused(pln_task_prepare(w.generator, NULL, NULL, 0, &no_size, fresh()), "pln_session_options");
    refused(pln_task_prepare(w.generator, "none", NULL, 0, &session, fresh()), "no task \"none\"; there are detect");
    refused(pln_task_prepare(w.generator, NULL, &no_value, 1, &session, fresh()), "no value");
    refused(pln_task_prepare(w.generator, NULL, &no_such, 1, &session, fresh()), "no option \"none\"; it has top");
    refused(pln_task_prepare(w.generator, NULL, &wrong, 1, &session, fresh()),
            "option top of the task fill-mask is \"-1\"; it may be a whole number of at least 1");
    const pln_option far = {"layer", "99"};
    refused(pln_task_prepare(w.generator, "embed", &far, 1, &session, fresh()), "it may be a number from 0 to");
}

static void knock_pln_task_create(void)
{
    pln_task *task;
    refused(pln_task_create(NULL, NULL, NULL, 0, &task, fresh()), "session is NULL");
    refused(pln_task_create(w.session, NULL, NULL, 0, NULL, fresh()), "created is NULL");
    refused(pln_task_create(w.session, NULL, NULL, 1, &task, fresh()), "options is NULL");
    refused(pln_task_create(w.session, "none", NULL, 0, &task, fresh()), "no task");
    refused(pln_task_create(w.session, "fill-mask", NULL, 0, &task, fresh()), "the task fill-mask needs masked-lm");
    refused(pln_task_create(w.session, "embed", NULL, 0, &task, fresh()), "no hidden states");
    refused(pln_task_create(w.session, NULL, &no_such, 1, &task, fresh()), "no option");
    assert_null(task);
}

static void knock_pln_task_destroy(void)
{
    pln_task *none = NULL;
    pln_task_destroy(NULL);
    pln_task_destroy(&none);
}

static void knock_pln_task_describe(void)
{
    assert_null(pln_task_describe(NULL));
}

static void knock_pln_task_answer(void)
{
    pln_task *task = open_task();
    const pln_answer *const *answers;
    const pln_field no_name = {.text = {"a", 1}}, no_items = {.name = "text", .n_items = 1};
    const pln_record nameless = {&no_name, 1}, itemless = {&no_items, 1}, fieldless = {NULL, 1}, empty = {NULL, 0};
    refused(pln_task_answer(NULL, &some_row, 1, &answers, fresh()), "task is NULL");
    refused(pln_task_answer(task, NULL, 1, &answers, fresh()), "rows is NULL");
    refused(pln_task_answer(task, &some_row, 1, NULL, fresh()), "answers is NULL");
    refused(pln_task_answer(task, &nameless, 1, &answers, fresh()), "row 0: field 0");
    refused(pln_task_answer(task, &itemless, 1, &answers, fresh()), "row 0: field 0");
    refused(pln_task_answer(task, &fieldless, 1, &answers, fresh()), "row 0: field 0");
    must(pln_task_answer(task, &empty, 1, &answers, fresh()), &w.error);
    assert_int_equal(answers[0]->status, PLN_INVALID);
    assert_non_null(strstr(answers[0]->message, "no column `text`"));
    must(pln_task_answer(task, NULL, 0, &answers, fresh()), &w.error);
    pln_task_destroy(&task);
}

static pln_status no_rows(void *context, const pln_record **row, pln_error *error)
{
    (void)context;
    (void)error;
    *row = NULL;
    return PLN_OK;
}

static bool no_answer(void *context, const pln_answer *answer)
{
    (void)context;
    (void)answer;
    return false;
}

static void knock_pln_task_run(void)
{
    pln_task *task = open_task();
    const pln_task_stream good = {.size = sizeof good, .next = no_rows, .answer = no_answer},
                          no_next = {.size = sizeof no_next, .answer = no_answer},
                          nobody = {.size = sizeof nobody, .next = no_rows}, no_size = {.next = no_rows};
    pln_task_report sizeless = {0};
    refused(pln_task_run(NULL, &good, NULL, fresh()), "task is NULL");
    refused(pln_task_run(task, NULL, NULL, fresh()), "stream is NULL");
    refused(pln_task_run(task, &no_next, NULL, fresh()), "no `next`");
    refused(pln_task_run(task, &nobody, NULL, fresh()), "no `answer`");
    refused(pln_task_run(task, &no_size, NULL, fresh()), "pln_task_stream");
    refused(pln_task_run(task, &good, &sizeless, fresh()), "pln_task_report");
    must(pln_task_run(task, &good, NULL, fresh()), &w.error);
    pln_task_destroy(&task);
}

const struct door task_doors[] = {DOOR(pln_task_at),       DOOR(pln_task_find),
                                  DOOR(pln_task_choose),   DOOR(pln_task_prepare),
                                  DOOR(pln_task_create),   DOOR(pln_task_destroy),
                                  DOOR(pln_task_describe), DOOR(pln_task_answer),
                                  DOOR(pln_task_run),      {NULL, NULL}};
