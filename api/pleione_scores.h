/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers beside labels: how good a task is on rows whose answers are known. Scores are made for a task, whose answers
 * from then on say what they count for; answers are added in the order of the rows. The rules stand in pleione.h.
 */
#ifndef PLEIONE_SCORES_H
#define PLEIONE_SCORES_H

#include "pleione_tasks.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pln_score {
    const char *name;  /* "loss" first, then those of pln_task_info: "accuracy", "f1_by_class" */
    const char *label; /* of a score by class its label; else NULL */
    double value;      /* NaN: undefined, as the mean over no rows */
    double low, high;  /* of its interval; NaN: none */
} pln_score;

typedef struct pln_scores_options {
    uint32_t size;      /* sizeof(pln_scores_options) */
    uint32_t bootstrap; /* so often rows are drawn anew for intervals; 0: none. At most 100,000 */
    uint64_t seed;      /* of these draws */
    double level;       /* of intervals; 0: 0.95 */
    bool confusion;     /* counts gold beside given labels; for tasks that give one of several */
} pln_scores_options;

typedef struct pln_scores pln_scores;

/* Returns new; keeps the task, of which there must be no run. From now on its rows need labels (pln_task_info.labels),
 * and one whose label is wrong has no answer. Intervals are those of percentiles over `bootstrap` draws of the rows
 * with replacement; they need the memory of some 50 bytes a row, which scores otherwise do not, but for the
 * correlations of numbers. PLN_INVALID: the task has no scores, or options that cannot be. Any thread. */
PLN_API pln_status pln_scores_create(pln_task *task, const pln_scores_options *options, pln_scores **scores,
                                     pln_error *error);
/* The task answers without labels again. Alone. */
PLN_API void pln_scores_destroy(pln_scores **scores);
/* Counts an answer of the task while the task still has it. PLN_INVALID: it was given without labels; an answer that is
 * none fails with its own status and message, and is not counted. One thread. */
PLN_API pln_status pln_scores_add(pln_scores *scores, const pln_answer *answer, pln_error *error);
/* All scores; they belong to `scores` until its next call. More answers may follow. One thread. */
PLN_API pln_status pln_scores_result(pln_scores *scores, const pln_score *const **list, uint32_t *n_list,
                                     pln_error *error);
PLN_API uint64_t pln_scores_rows(const pln_scores *scores); /* answers that were counted; one thread */
/* counts [n_labels, n_labels]: gold labels down, given ones across, as the model numbers them; they belong to `scores`
 * until its next call. PLN_INVALID if they were not asked for. One thread. */
PLN_API pln_status pln_scores_confusion(pln_scores *scores, const uint64_t **counts, uint32_t *n_labels,
                                        pln_error *error);

#ifdef __cplusplus
}
#endif
#endif
