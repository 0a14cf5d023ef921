/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows to answers, for any task: a window of rows is asked, tokenized, sorted by length, packed into batches by a budget
 * of tokens, run, and answered. A window goes through the stages in their order, each of which may be on a thread of its
 * own: it is in one stage at a time, but for its batches, which are answered while later ones run.
 */
#ifndef TASKS_ENGINE_H
#define TASKS_ENGINE_H

#include "tasks/task.h"

struct task_examples { /* of all rows of a window */
    pln_example *items;
    size_t room;
    uint32_t n;
};

struct task_batch {
    uint32_t begin, end; /* of the order */
};

/* What a forward gave, copied: the session's own is gone with the next one. */
struct task_results {
    float *data[TASK_OUTPUTS];
    size_t room[TASK_OUTPUTS];
};

struct task_window {
    pln_task *task;
    struct arena asked;    /* copies of rows, tokens, what ask leaves */
    struct arena answered; /* answers */
    struct task_row *rows;
    size_t rows_room;
    uint32_t n_rows, n_out; /* so many have left */
    uint64_t first_row, bytes;
    struct task_examples examples;
    struct task_sequence **order; /* by length */
    uint32_t n_sequences;
    uint64_t n_tokens; /* of them all */
    bool labelled;     /* rows have labels */
    struct task_batch *batches;
    uint32_t n_batches;
};

struct pln_task {
    const struct task_kind *kind;
    struct task_setup setup;
    pln_session *session;
    pln_encoder *encoder;
    struct task_window window; /* of pln_task_answer */
    const pln_answer **answers;
    size_t answers_room;
    struct task_results results;
    bool bare;     /* of the rows of pln_task_answer */
    bool labelled; /* scores were made: rows have labels */
    void *worker;  /* the kind's own, of task_work */
    atomic_bool in_use;
};

/* ---- rows.c */

/* The field of a caller's row that cannot be read: without a name, or a list that is NULL. */
#define TASK_NO_FAULT UINT32_MAX
uint32_t task_record_fault(const pln_record *row);

/* ---- window.c: from rows to batches */

void task_window_begin(struct task_window *window, pln_task *task, uint64_t first_row);
void task_window_finish(struct task_window *window);
/* The row is asked; one that cannot be keeps the reason. row NULL: *problem is it. copy: the row is copied, else
 * borrowed until the window begins again. PLN_NO_MEMORY. */
pln_status task_window_add(struct task_window *window, const pln_record *row, const pln_error *problem, bool copy,
                           pln_error *error);
/* Tokens of all rows, their sequences, and batches of at most that many tokens (0: the device's default). */
pln_status task_window_plan(struct task_window *window, pln_encoder *encoder, uint32_t batch_tokens, pln_error *error);

/* ---- tokens.c: a part of task_window_plan */

/* Examples of all rows to sequences of tokens; a row that has too many, or ids that the model lacks, is refused. */
pln_status task_window_encode(struct task_window *window, pln_encoder *encoder, pln_error *error);

/* ---- forward.c */

/* Runs a batch and copies what it gave into results; between session_begin and session_end. */
pln_status task_window_run(struct task_window *window, const struct task_batch *batch, struct task_results *results,
                           pln_error *error);
void task_results_finish(struct task_results *results);

/* ---- collect.c */

/* Answers the rows whose last sequence was in this batch, and keeps what others still need of it; results may be used
 * again then. */
pln_status task_window_collect(struct task_window *window, const struct task_batch *batch, pln_error *error);
/* The next row in order if it has its answer or has none; NULL: not yet, or the end of the window. */
pln_status task_window_next(struct task_window *window, const pln_answer **next, pln_error *error);

/* ---- task.c */

/* Model and options to a setup, behind the door: the table of the task has been asked about them. longest: of a
 * sequence; 0: what model and tokenizer say. */
pln_status task_open_setup(const struct task_kind *kind, struct task_setup *setup, uint32_t longest, pln_error *error);
pln_status task_copy_options(struct task_setup *setup, pln_error *error);

/* Around everything that runs the task: PLN_INVALID if another thread is inside of it or of its session. */
pln_status task_begin(pln_task *task, pln_error *error);
void task_end(pln_task *task);
/* The device has the processors where it is one; else tokenizing has them. */
uint32_t task_encoder_threads(const pln_task *task);

/* One row through a task made for it, as the calls of pleione_model.h need it; *task holds the answer. */
pln_status task_answer_alone(pln_session *session, const char *name, const pln_option *options, uint32_t n_options,
                             const pln_record *row, pln_task **task, const pln_answer **answer, pln_error *error);
#endif
