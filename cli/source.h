/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows for a task: of a file, or of texts of the command line, under the names that the task gives columns.
 */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "cli/tasks.h"

enum {
    CLI_SOURCE_COLUMNS = 16,
    CLI_SOURCE_PLACES = 1 << 14 /* more rows are never on their way between their reading and their answer */
};

struct cli_place {
    uint64_t line;  /* in which a row begins */
    uint64_t bytes; /* of the file, to the row's end */
};

struct cli_source {                                     /* zero at first */
    pln_reader *reader;                                 /* NULL: texts of the command line */
    const struct cli_list *texts;                       /* borrows */
    uint32_t next;                                      /* of texts */
    const pln_task_info *info;                          /* whose columns texts fill */
    const pln_column_info *columns[CLI_SOURCE_COLUMNS]; /* that texts fill */
    uint32_t n_columns;
    pln_field fields[CLI_SOURCE_COLUMNS];
    pln_text *items;
    pln_record made;
    bool told;                   /* the reader's columns were known before its first row */
    bool labelled;               /* set by the caller: rows need their labels too */
    bool some;                   /* row could be read */
    bool seen[CLI_LIST];         /* [columns of the options] a row had it */
    bool whole;                  /* the last row could be read, whatever the task lacks of it */
    const struct cli_task *task; /* borrows: whose names the columns of the file have */
    bool peeked;
    const pln_record *first; /* with `peeked`: what comes next */
    pln_status first_status;
    pln_error first_error;
    struct cli_place *places; /* [CLI_SOURCE_PLACES] by number of the row */
    uint64_t n_given;
};

/* The file, or stdin when there are no texts either; nothing of it is read but its head. An interrupt ends the waiting
 * for a pipe. PLN_INVALID: texts and a file; as pln_reader_open. */
pln_status cli_source_open(struct cli_source *source, const struct cli_task *task, const struct cli_list *texts,
                           pln_error *error);
void cli_source_close(struct cli_source *source);
/* The row that comes next, without taking it; NULL: it is bad, there is none, or texts are not rows yet. */
const pln_record *cli_source_peek(struct cli_source *source);
/* From here on texts are rows of this task: they fill its required columns in turn, and a list behind these takes all that
 * are left, unless an option stands for it (--labels for candidate_labels). PLN_INVALID: there are too few texts, or the file lacks a column; the sentence names those that
 * it has. (Of JSON lines only a row can lack one.) */
pln_status cli_source_use(struct cli_source *source, const pln_task_info *info, const struct cli_task *task,
                          pln_error *error);
/* A sentence about a row, from 0 by cli_source_next, of which no more than CLI_SOURCE_PLACES came after it: with file and
 * line, as those about rows that cannot be read have them; as it is for texts. */
void cli_source_tell(const struct cli_source *source, uint64_t row, const char *sentence, char *to, size_t room);
/* Whether somebody types the rows: a line that is drawn would stand in theirs. */
bool cli_source_is_typed(const struct cli_source *source);
/* Draws that so many rows (as above, of which not more are over) are done, beside `skipped` that an earlier run did. */
void cli_source_show(const struct cli_source *source, struct cli_progress *progress, uint64_t skipped, double rows);
/* Says which column of the options no row had: of JSON lines, and one that the task can do without. */
void cli_source_warn(const struct cli_source *source);
/* As pln_reader_next; a row that lacks a column which the task needs and an option named is bad too, and the sentence has
 * the name of the option. */
pln_status cli_source_next(struct cli_source *source, const pln_record **row, pln_error *error);
#endif
