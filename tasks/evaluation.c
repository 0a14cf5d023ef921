/* SPDX-License-Identifier: Apache-2.0
 *
 * Scores of a task: what its answers count for, in a book of the family that its rows ask for.
 */
#include <math.h>
#include <stdlib.h>

#include "common/door.h"
#include "tasks/engine.h"
#include "tasks/scores/score.h"

struct pln_scores {
    pln_task *task;
    pln_encode_options encode; /* of the task, as it was; its way through the model too */
    pln_status (*run)(struct task_work *work, struct task_sequence *const *sequences, uint32_t n, pln_error *error);
    bool labelled;
    struct score_book_options options;
    struct score_book *book;
    const struct score_family *family; /* of the book */
    pln_score *list;
    const pln_score **entries;
    size_t room;
    atomic_bool in_use;
};

static pln_status open_book(pln_scores *s, const struct score_family *family, uint32_t classes, pln_error *error)
{
    score_book_destroy(&s->book);
    s->family = family;
    return score_book_create(family, classes, &s->options, &s->book, error);
}

pln_status pln_scores_create(pln_task *task, const pln_scores_options *options, pln_scores **scores, pln_error *error)
{
    pln_scores_options taken = {.size = sizeof taken};
    uint32_t classes;
    NEED(error, scores);
    *scores = NULL;
    NEED(error, task);
    TAKE(error, pln_scores_options, taken, options);
    const struct task_score *score = task->kind->score;
    if (!score)
        return pln_fail(error, PLN_INVALID, "the task %s has no scores", task->kind->info.name);
    pln_scores *s = calloc(1, sizeof *s);
    if (!s)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for scores");
    s->options = (struct score_book_options){taken.bootstrap, taken.seed, taken.level, taken.confusion};
    const struct score_family *family = score->family(&task->setup, &classes);
    const pln_status status = open_book(s, family, classes, error);
    if (status != PLN_OK) {
        free(s);
        return status;
    }
    s->task = task;
    s->encode = task->setup.encode;
    s->run = task->setup.run;
    s->labelled = task->labelled;
    task->labelled = true;
    if (score->open)
        score->open(&task->setup);
    *scores = s;
    return PLN_OK;
}

void pln_scores_destroy(pln_scores **scores)
{
    pln_scores *s = scores ? *scores : NULL;
    if (!s)
        return;
    s->task->labelled = s->labelled;
    s->task->setup.encode = s->encode;
    s->task->setup.run = s->run;
    score_book_destroy(&s->book);
    free(s->list);
    free(s->entries);
    free(s);
    *scores = NULL;
}

/* ---- answers */

/* Rows of one file are of one family; the first says which. */
static pln_status choose_family(pln_scores *s, const struct task_judged *judged, pln_error *error)
{
    if (s->family == judged->family)
        return PLN_OK;
    if (score_book_rows(s->book))
        return pln_fail(error, PLN_INVALID,
                        "rows of two kinds have no scores together: those with a list of passages, and "
                        "those with one");
    return open_book(s, judged->family, judged->classes, error);
}

static pln_status add(pln_scores *s, const pln_answer *answer, pln_error *error)
{
    const struct task_judged *judged = answer->judged;
    if (answer->status != PLN_OK)
        return pln_fail(error, answer->status, "%s", answer->message);
    if (!judged)
        return pln_fail(error, PLN_INVALID, "the row was answered without its labels: make scores before answers");
    const pln_status status = choose_family(s, judged, error);
    if (status != PLN_OK)
        return status;
    memcpy(score_book_row(s->book), judged->row,
           judged->family->row_bytes + (size_t)judged->family->row_bytes_of_class * judged->classes);
    return score_book_add(s->book, error);
}

pln_status pln_scores_add(pln_scores *scores, const pln_answer *answer, pln_error *error)
{
    NEED(error, scores, answer);
    pln_status status = in_use_begin(&scores->in_use, "the scores", error);
    if (status != PLN_OK)
        return status;
    status = add(scores, answer, error);
    in_use_end(&scores->in_use);
    return status;
}

uint64_t pln_scores_rows(const pln_scores *scores)
{
    return scores ? score_book_rows(scores->book) : 0;
}

/* ---- numbers */

/* Classes that did not occur have no score. */
static bool is_told(const struct score_value *value)
{
    return value->class == SCORE_NO_CLASS || !isnan(value->value);
}

static pln_status list_scores(pln_scores *s, uint32_t *n_list, pln_error *error)
{
    const struct score_value *values;
    uint32_t n, told = 0;
    const pln_status status = score_book_result(s->book, &values, &n, error);
    if (status != PLN_OK)
        return status;
    if (!s->list || s->room < n) {
        free(s->list);
        free(s->entries);
        s->room = n;
        s->list = calloc((size_t)n + 1, sizeof *s->list);
        s->entries = calloc((size_t)n + 1, sizeof *s->entries);
    }
    if (!s->list || !s->entries)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u scores", n);
    for (uint32_t i = 0; i < n; i++) {
        const struct score_value *v = &values[i];
        const char *label = v->class == SCORE_NO_CLASS ? NULL : pln_model_label(s->task->setup.model, v->class);
        if (!is_told(v))
            continue;
        s->list[told] = (pln_score){v->name, label, v->value, v->low, v->high};
        s->entries[told] = &s->list[told];
        told++;
    }
    *n_list = told;
    return PLN_OK;
}

pln_status pln_scores_result(pln_scores *scores, const pln_score *const **list, uint32_t *n_list, pln_error *error)
{
    NEED(error, scores, list, n_list);
    pln_status status = in_use_begin(&scores->in_use, "the scores", error);
    if (status != PLN_OK)
        return status;
    status = list_scores(scores, n_list, error);
    if (status == PLN_OK)
        *list = scores->entries;
    in_use_end(&scores->in_use);
    return status;
}

pln_status pln_scores_confusion(pln_scores *scores, const uint64_t **counts, uint32_t *n_labels, pln_error *error)
{
    NEED(error, scores, counts, n_labels);
    pln_status status = in_use_begin(&scores->in_use, "the scores", error);
    if (status != PLN_OK)
        return status;
    *counts = score_book_confusion(scores->book);
    *n_labels = score_book_classes(scores->book);
    if (!*counts)
        status = pln_fail(error, PLN_INVALID, "the confusion of labels was not asked for when scores were made");
    in_use_end(&scores->in_use);
    return status;
}
