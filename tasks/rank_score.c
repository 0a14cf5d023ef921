/* SPDX-License-Identifier: Apache-2.0
 *
 * Ranked passages beside what is good: all of a query in one row, or one passage a row, which the scores put together
 * again by the text of the query.
 */
#include "common/fail.h"
#include "tasks/rank_settings.h"
#include "tasks/scores/score.h"
#include "tasks/task.h"

static const struct score_family *family(const struct task_setup *setup, uint32_t *classes)
{
    (void)setup;
    *classes = 0;
    return &score_queries;
}

static pln_status read_relevance(const char *column, pln_text text, double *relevance, pln_error *error)
{
    const pln_status status = task_read_number(column, text, relevance, error);
    if (status == PLN_OK && *relevance < 0)
        return pln_fail(error, PLN_INVALID, "the column `%s`: %g is below 0", column, *relevance);
    return status;
}

/* Loss over all passages: that of a sigmoid, whose target is how good the passage is. */
static void add_loss(const struct task_row *row, const double *relevance, struct score_row *r)
{
    for (uint32_t i = 0; i < row->n_sequences; i++)
        r->loss += task_binary_cross_entropy((double)task_rank_logit(row, i), relevance[i]);
    r->weight = row->n_sequences;
}

static pln_status judge_pair(struct task_row *row, pln_error *error)
{
    struct score_pair_row *r = task_judge(row, &score_pairs, 0, error);
    pln_text query, label;
    pln_status status = r ? task_take_text(row, "query", &query, error) : PLN_NO_MEMORY;
    const char *column = pln_record_field(row->row, "label") ? "label" : "labels";
    if (status == PLN_OK)
        status = task_take_text(row, column, &label, error);
    if (status == PLN_OK)
        status = read_relevance(column, label, &r->relevance, error);
    if (status != PLN_OK)
        return status;
    r->score = row->answer.items[0]->score;
    score_hash(query, r->query);
    add_loss(row, &r->relevance, &r->row);
    return PLN_OK;
}

static pln_status judge(struct task_row *row, pln_error *error)
{
    const uint32_t n = row->n_sequences;
    const pln_text *labels;
    uint32_t n_labels;
    if (!pln_record_field(row->row, "passages"))
        return judge_pair(row, error);
    struct score_query_row *r = task_judge(row, &score_queries, 0, error);
    double *relevance = arena_allocate(row->memory, (2 * (size_t)n + 1) * sizeof *relevance), *scores = relevance + n;
    if (!r || !relevance)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u passages", n);
    pln_status status = task_take_list(row, "labels", &labels, &n_labels, error);
    if (status == PLN_OK && n_labels != n)
        return pln_fail(error, PLN_INVALID, "the column `labels` has %u items, `passages` %u", n_labels, n);
    for (uint32_t i = 0; status == PLN_OK && i < n; i++)
        status = read_relevance("labels", labels[i], &relevance[i], error);
    if (status != PLN_OK)
        return status;
    for (uint32_t i = 0; i < n; i++)
        scores[i] = (double)task_rank_score(row, i);
    add_loss(row, relevance, &r->row);
    return score_ranking(relevance, scores, n, r) ? PLN_OK
                                                  : pln_fail(error, PLN_NO_MEMORY, "no memory for %u passages", n);
}

const struct task_score task_score_rank = {.family = family, .judge = judge};

/* ---- learning: each passage by itself */

static pln_status learn_passage(const struct task_row *row, uint32_t passage, const char *column, pln_text label,
                                struct task_lessons *into, pln_error *error)
{
    double relevance = 0;
    const pln_status status = read_relevance(column, label, &relevance, error);
    if (status == PLN_OK && relevance > 1)
        return pln_fail(error, PLN_INVALID, "the column `%s`: %g is above 1", column, relevance);
    const float number = (float)relevance;
    const struct task_lesson lesson = {&row->sequences[passage], 1, TASK_NUMBERS, .numbers = &number, .n_numbers = 1};
    return status == PLN_OK ? task_learn(into, &lesson, error) : status;
}

static pln_status learn(struct task_row *row, struct task_lessons *into, pln_error *error)
{
    const bool one = !pln_record_field(row->row, "passages");
    const char *column = one && pln_record_field(row->row, "label") ? "label" : "labels";
    const pln_text *labels;
    pln_text label;
    uint32_t n = 1;
    pln_status status =
        one ? task_take_text(row, column, &label, error) : task_take_list(row, column, &labels, &n, error);
    if (status == PLN_OK && !one && n != row->n_sequences)
        return pln_fail(error, PLN_INVALID, "the column `labels` has %u items, `passages` %u", n, row->n_sequences);
    for (uint32_t i = 0; status == PLN_OK && i < n; i++)
        status = learn_passage(row, i, column, one ? label : labels[i], into, error);
    return status;
}

const struct task_learn task_learn_rank = {.n_labels = 1, .problem_type = "multi_label_classification", .learn = learn};
