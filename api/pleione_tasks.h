/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows to answers: what a model is for, whatever its head. A task is found by name, made on a session, and given rows;
 * answers come back in the order of the rows, and no answer hangs on other rows. The rules stand in pleione.h.
 */
#ifndef PLEIONE_TASKS_H
#define PLEIONE_TASKS_H

#include "pleione_model.h"
#include "pleione_rows.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pln_column_info { /* a column that a task reads; the table ends with name NULL */
    const char *name;            /* "text" */
    bool list;                   /* several texts */
    bool required;
    const char *help;
} pln_column_info;

typedef struct pln_task_info {      /* what is known of a task by itself */
    const char *name;               /* "classify" */
    pln_head head;                  /* of the session; PLN_HEAD_DEFAULT: any */
    const char *summary;            /* what it answers, in a few words */
    const pln_column_info *columns; /* of a row */
    const pln_column_info *labels;  /* what a score reads besides */
    const pln_option_info *options; /* keys are those of the command: "top" for --top */
    const char *const *scores;      /* names, the default one first; ends with NULL */
    uint32_t lesson_tokens, epochs; /* what ELECTRA's own fine-tuning takes for it; 0: nothing is learned */
} pln_task_info;

PLN_API const pln_task_info *pln_task_at(uint32_t index);                 /* NULL behind the last; any thread */
PLN_API bool pln_task_find(const char *name, const pln_task_info **info); /* any thread */
/* What is done with such a row when no task is named: by the model's head, and where a head serves several tasks by the
 * columns (a sequence classifier with one label ranks a row that has `query`). row may be NULL: by the head alone.
 * NULL: no task has this head. Any thread. */
PLN_API const pln_task_info *pln_task_choose(const pln_model *model, const pln_record *row);

/* A task on a session. */
typedef struct pln_task pln_task;

/* Looks at model, task (NULL: as pln_task_choose) and options before anything is loaded on a device, and sets what the
 * session must have for them: head, hidden states. Borrows. PLN_INVALID names the option, its value and what it may be,
 * or what the model lacks. Any thread. */
PLN_API pln_status pln_task_prepare(pln_model *model, const char *task, const pln_option *options, uint32_t n_options,
                                    pln_session_options *session, pln_error *error);
/* Returns new; keeps the session, borrows the rest. task NULL: that of the session's head. PLN_INVALID as above, and if
 * the session has not what the task needs. Any thread. */
PLN_API pln_status pln_task_create(pln_session *session, const char *task, const pln_option *options,
                                   uint32_t n_options, pln_task **created, pln_error *error);
PLN_API void pln_task_destroy(pln_task **task);                       /* alone */
PLN_API const pln_task_info *pln_task_describe(const pln_task *task); /* NULL for NULL; any thread */

/* A part of an answer. Each task says in docs/tasks.md which members it fills; the others are zero. Texts end in NUL
 * behind their bytes unless they are a part of the row. */
typedef struct pln_item {
    pln_text text;     /* word, label, token, span, generated text */
    pln_text sequence; /* fill-mask: the whole text with the token in it */
    double score;
    uint32_t begin, end; /* code points of the row's text */
    uint32_t begin_byte, end_byte;
    int32_t id;     /* token, label, passage, choice */
    uint32_t group; /* which [MASK], which beam */
    pln_text label; /* tag: the entity, or its group */
} pln_item;

typedef struct pln_answer {
    uint64_t row;            /* from 0, or first_row of the stream, in the order of the input */
    const pln_record *asked; /* the row */
    pln_status status;       /* not PLN_OK: the row has no answer, `message` says why, and what follows it is empty */
    const char *message;
    const char *json; /* the answer, with the keys of the Hugging Face pipeline of that name */
    const pln_item *const *items;
    uint32_t n_items;
    const float *numbers; /* embed: `n_numbers`, rows of `width` one behind the other */
    uint32_t n_numbers, width;
    double loss, weight; /* of a row with labels: a sum, and what it is a mean over; weight 0: none */
    const void *judged;  /* what pln_scores_add reads; NULL: the row was answered without its labels */
} pln_answer;

/* All rows answered, in their order; rows are borrowed, answers belong to the task until its next call. A row that has
 * no answer says so in its place and keeps no other from its own; what is returned is of all rows together (no memory,
 * a device that is lost). One thread, which is the session's too. */
PLN_API pln_status pln_task_answer(pln_task *task, const pln_record *rows, uint32_t n_rows,
                                   const pln_answer *const **answers, pln_error *error);

/* Rows from a callback, answers to another, in order and in constant memory. Reading, tokenizing, the device and
 * answering overlap: `next` and `answer` are each called from one thread at a time, not from the caller's, and at the
 * same time as each other. They must not use the task or its session; a run ends when they have returned. */
typedef struct pln_task_stream { /* zero is a good default of what may be zero */
    uint32_t size;               /* sizeof(pln_task_stream) */
    void *context;
    /* The next row, which is read before the next call; *row NULL: the end. PLN_INVALID: the row is bad, *error is its
     * answer, and it goes on. Any other status: all rows before it are answered, then the run ends with it. */
    pln_status (*next)(void *context, const pln_record **row, pln_error *error);
    /* The answer, until it returns; false ends the run with PLN_CANCELLED. */
    bool (*answer)(void *context, const pln_answer *answer);
    uint32_t window; /* rows that are sorted by length together; 0: 1024. Fewer where rows are long, or come slowly */
    uint32_t batch_tokens; /* budget of a forward; 0: the device's default. Changes no answer */
    bool labels;           /* rows have labels: answers have loss and weight */
    uint64_t first_row; /* the number of the first row: of a run that goes on where another one ended, whose draws hang
                              on the numbers of rows */
    /* After each batch: so many rows are worked out, in parts where some of a window's tokens are. More than were
     * given out: those wait for the ones before them. On the thread that called; NULL: nobody is told. */
    void (*progress)(void *context, double rows);
} pln_task_stream;

typedef struct pln_task_report { /* filled by the library */
    uint32_t size;               /* sizeof(pln_task_report), set by the caller */
    uint32_t batches;
    uint64_t rows, sequences, tokens;
    double waited, total; /* seconds that the device waited for something to do; seconds in all */
} pln_task_report;

/* Borrows. report may be NULL. What is returned is of all rows together; a row without an answer says so in its own.
 * PLN_CANCELLED: `answer` said so. One thread, which is the session's too. */
PLN_API pln_status pln_task_run(pln_task *task, const pln_task_stream *stream, pln_task_report *report,
                                pln_error *error);

#ifdef __cplusplus
}
#endif
#endif
