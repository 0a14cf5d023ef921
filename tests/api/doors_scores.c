/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors of scores: of the generator, whose rows are their own labels.
 */
#include <math.h>

#include "tests/api/doors.h"

static const pln_field some_field = {.name = "text", .text = {"the king", 8}};
static const pln_record some_row = {&some_field, 1};

/* A task with scores on a session of its own. */
struct scored {
    pln_session *session;
    pln_task *task;
    pln_scores *scores;
};

static struct scored open_scores(void)
{
    struct scored s = {NULL, NULL, NULL};
    must(pln_session_create(w.generator, w.devices, NULL, &s.session, fresh()), &w.error);
    must(pln_task_create(s.session, NULL, NULL, 0, &s.task, fresh()), &w.error);
    must(pln_scores_create(s.task, NULL, &s.scores, fresh()), &w.error);
    return s;
}

static void close_scores(struct scored *s)
{
    pln_scores_destroy(&s->scores);
    assert_null(s->scores);
    pln_task_destroy(&s->task);
    pln_session_destroy(&s->session);
}

static void knock_pln_scores_create(void)
{
    struct scored s = open_scores();
    pln_scores *scores;
    pln_task *detect;
    const pln_scores_options no_size = {0}, many = {.size = sizeof many, .bootstrap = UINT32_MAX},
                             level = {.size = sizeof level, .level = (double)NAN},
                             confusion = {.size = sizeof confusion, .confusion = true};
    refused(pln_scores_create(NULL, NULL, &scores, fresh()), "task is NULL");
    refused(pln_scores_create(s.task, NULL, NULL, fresh()), "scores is NULL");
    refused(pln_scores_create(s.task, &no_size, &scores, fresh()), "pln_scores_options");
    refused(pln_scores_create(s.task, &many, &scores, fresh()), "resamples");
    refused(pln_scores_create(s.task, &level, &scores, fresh()), "level");
    refused(pln_scores_create(s.task, &confusion, &scores, fresh()), "one label of several");
    assert_null(scores);
    must(pln_task_create(w.session, NULL, NULL, 0, &detect, fresh()), &w.error);
    refused(pln_scores_create(detect, NULL, &scores, fresh()), "the task detect has no scores");
    pln_task_destroy(&detect);
    close_scores(&s);
}

static void knock_pln_scores_destroy(void)
{
    pln_scores *none = NULL;
    pln_scores_destroy(NULL);
    pln_scores_destroy(&none);
}

static void knock_pln_scores_add(void)
{
    struct scored s = open_scores();
    const pln_answer *const *answers;
    const pln_record empty = {NULL, 0};
    must(pln_task_answer(s.task, &some_row, 1, &answers, fresh()), &w.error);
    refused(pln_scores_add(NULL, answers[0], fresh()), "scores is NULL");
    refused(pln_scores_add(s.scores, NULL, fresh()), "answer is NULL");
    must(pln_scores_add(s.scores, answers[0], fresh()), &w.error);
    must(pln_task_answer(s.task, &empty, 1, &answers, fresh()), &w.error);
    refused(pln_scores_add(s.scores, answers[0], fresh()), "no column `text`");
    assert_int_equal(pln_scores_rows(s.scores), 1);
    const pln_answer unlabelled = {.row = 0, .asked = &some_row};
    refused(pln_scores_add(s.scores, &unlabelled, fresh()), "without its labels");
    close_scores(&s);
}

static void knock_pln_scores_result(void)
{
    struct scored s = open_scores();
    const pln_score *const *list;
    uint32_t n;
    refused(pln_scores_result(NULL, &list, &n, fresh()), "scores is NULL");
    refused(pln_scores_result(s.scores, NULL, &n, fresh()), "list is NULL");
    refused(pln_scores_result(s.scores, &list, NULL, fresh()), "n_list is NULL");
    must(pln_scores_result(s.scores, &list, &n, fresh()), &w.error);
    assert_int_equal(n, 3);
    assert_string_equal(list[0]->name, "loss");
    assert_true(isnan(list[0]->value));
    close_scores(&s);
}

static void knock_pln_scores_rows(void)
{
    assert_int_equal(pln_scores_rows(NULL), 0);
}

static void knock_pln_scores_confusion(void)
{
    struct scored s = open_scores();
    const uint64_t *counts;
    uint32_t n;
    refused(pln_scores_confusion(NULL, &counts, &n, fresh()), "scores is NULL");
    refused(pln_scores_confusion(s.scores, NULL, &n, fresh()), "counts is NULL");
    refused(pln_scores_confusion(s.scores, &counts, NULL, fresh()), "n_labels is NULL");
    refused(pln_scores_confusion(s.scores, &counts, &n, fresh()), "was not asked for");
    close_scores(&s);
}

const struct door score_doors[] = {
    DOOR(pln_scores_create), DOOR(pln_scores_destroy),   DOOR(pln_scores_add), DOOR(pln_scores_result),
    DOOR(pln_scores_rows),   DOOR(pln_scores_confusion), {NULL, NULL}};
