/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows with labels to batches for a trainer: what a task learns from. A list of labels says what labels rows name, a
 * model is opened with them, and lessons on it turn rows into tensors. The rules stand in pleione.h.
 */
#ifndef PLEIONE_LESSONS_H
#define PLEIONE_LESSONS_H

#include "pleione_tasks.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- which labels there are */

typedef struct pln_label_list pln_label_list;

/* Returns new. problem_type NULL: what the rows' labels say, where a task has several: a list is
 * "multi_label_classification", a number that is not whole "regression", else it is "single_label_classification".
 * PLN_INVALID: there is no such task, or type; or nothing is learned for the task. Any thread. */
PLN_API pln_status pln_label_list_create(const char *task, const char *problem_type, pln_label_list **list,
                                         pln_error *error);
PLN_API void pln_label_list_destroy(pln_label_list **list); /* alone */
/* The labels of a row. Borrows. PLN_INVALID names the column. One thread. */
PLN_API pln_status pln_label_list_add(pln_label_list *list, const pln_record *row, pln_error *error);
/* How many labels the head needs, 0: labels of the task name no class, and the head is as the model has it; what they
 * are called, each once, ascending as numbers if all are whole numbers, else in the order of bytes (NULL: they have no
 * names); and the type of the problem (NULL: none). They belong to the list until its next call. One thread. */
PLN_API pln_status pln_label_list_result(pln_label_list *list, const char *const **labels, uint32_t *n_labels,
                                         const char **problem_type, pln_error *error);

/* ---- lessons */

typedef struct pln_lessons_options { /* zero is a good default */
    uint32_t size;                   /* sizeof(pln_lessons_options) */
    uint32_t max_length; /* tokens of a row, cut or made pieces of; 0 or more than that: what the model takes */
    uint64_t seed;       /* of the order of an epoch, and of masks */
    bool in_order;       /* epochs are not shuffled */
    uint64_t stride; /* tokens that neighbours share, of tasks that make pieces of a text and have no option for it */
} pln_lessons_options;

typedef struct pln_lessons pln_lessons;

/* Returns new; keeps the model, whose labels are those of the lessons. Options as pln_task_prepare. PLN_INVALID names
 * what is wrong. Any thread. */
PLN_API pln_status pln_lessons_create(pln_model *model, const char *task, const pln_option *options, uint32_t n_options,
                                      const pln_lessons_options *lessons, pln_lessons **created, pln_error *error);
PLN_API void pln_lessons_destroy(pln_lessons **lessons);       /* alone */
PLN_API pln_head pln_lessons_head(const pln_lessons *lessons); /* that is trained; any thread */
/* The row becomes one lesson or several (windows, pieces, passages), whose tokens are kept. Borrows. PLN_INVALID: the
 * row is bad, and the sentence names the column. One thread. */
PLN_API pln_status pln_lessons_add(pln_lessons *lessons, const pln_record *row, pln_error *error);
PLN_API uint32_t pln_lessons_count(const pln_lessons *lessons); /* one thread */
/* How many lessons from `first` on, in the epoch's order, have together at most so many tokens; at least one.
 * PLN_INVALID: there is no such lesson. One thread. */
PLN_API pln_status pln_lessons_fit(pln_lessons *lessons, uint64_t epoch, uint32_t first, uint32_t tokens,
                                   uint32_t *n_lessons, pln_error *error);
/* Lessons [first, first + n_lessons) of the epoch's order, as pln_trainer_step takes them: input_ids, attention_mask,
 * token_type_ids i32 [B,S], or [B,C,S] of choices; labels, or start_positions and end_positions. The same seed, epoch
 * and place give the same. They belong to the lessons until their next call. PLN_INVALID: there are not so many. One
 * thread. */
PLN_API pln_status pln_lessons_batch(pln_lessons *lessons, uint64_t epoch, uint32_t first, uint32_t n_lessons,
                                     const pln_tensor **tensors, uint32_t *n_tensors, pln_error *error);

#ifdef __cplusplus
}
#endif
#endif
