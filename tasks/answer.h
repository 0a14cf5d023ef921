/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the task `answer` share: its settings, spans on their way to items, and Google's head, which scores an
 * end for each of the likeliest starts.
 */
#ifndef TASKS_ANSWER_H
#define TASKS_ANSWER_H

#include "tasks/task.h"

struct answer_settings {
    uint32_t top, max_answer;
    bool no_answer, inside_words, joint;
    double null_threshold;
};

struct answer_span {
    float score;
    uint32_t order; /* as it was found: of equal scores the first */
    uint32_t begin, end, begin_byte, end_byte;
};

struct answer_spans { /* `list` is freed by whoever has it */
    struct answer_span *list;
    size_t room;
    uint32_t n, n_found;
};

/* ---- answer_spans.c */

/* False: there is no memory. */
bool answer_add(struct answer_spans *spans, struct answer_span span, float score);
void answer_sort(struct answer_spans *spans);

/* ---- answer_gold.c */

struct answer_gold {
    const pln_text *texts;
    uint32_t n;
    uint32_t begin, end; /* code points of the first one; both 0: there is none */
};
/* Of a row with labels. PLN_INVALID names the column. */
pln_status answer_take_gold(struct task_row *row, struct answer_gold *gold, pln_error *error);
/* The first and last token of the answer; 0 and 0 if the window has not all of it. */
void answer_find_positions(const struct task_tokens *t, const struct answer_gold *gold, uint32_t *first,
                           uint32_t *last);

/* ---- answer_joint.c */

/* A batch through Google's head, twice: scores of starts, then those of the ends of the likeliest. */
pln_status answer_joint_run(struct task_work *work, struct task_sequence *const *sequences, uint32_t n,
                            pln_error *error);
/* The spans of all windows of a row, best first, none twice, at most `top`; and the least score of any window for there
 * being no answer, -INFINITY if the head does not tell. */
pln_status answer_joint_find(const struct task_row *row, struct answer_spans *spans, float *none, pln_error *error);
/* The loss of a window of a row with labels. */
double answer_joint_loss(const struct task_sequence *s, uint32_t first, uint32_t last, bool impossible);
#endif
