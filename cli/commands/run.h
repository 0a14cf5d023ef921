/* SPDX-License-Identifier: Apache-2.0
 *
 * The two ends of `run`: rows go into the task, and what their answers are kept beside; answers come out, to a file of
 * rows or to a person.
 */
#ifndef CLI_COMMANDS_RUN_H
#define CLI_COMMANDS_RUN_H

#include <pthread.h>

#include "cli/source.h"
#include "cli/tables/table.h"

struct kept;

/* Columns of rows on their way, that --keep passes on: put in by one thread, taken out by another. */
struct run_kept {
    bool wanted;
    pthread_mutex_t lock;
    struct kept *first, *last, *given;
    const char **columns; /* that the output has, if it names them; NULL: any */
    uint32_t n_columns;
};

/* The row's columns that the task does not read, of the row that was read last; none of a bad row. PLN_NO_MEMORY.
 * PLN_INVALID names one that the output has not: nothing of the row is kept then. */
pln_status run_keep(struct run_kept *kept, struct cli_source *source, const struct cli_task *task, bool good,
                    pln_error *error);
/* The cells of the row that was kept first; they live until the next call. NULL: nothing is kept. */
const pln_cell *run_kept_next(struct run_kept *kept, uint32_t *n);
void run_kept_finish(struct run_kept *kept);
/* From here on the output has named columns: `row`, `answer`, `error`, and those of the file that are kept; of JSON lines
 * those of the row that comes first. PLN_INVALID: that row is bad. PLN_NO_MEMORY. */
pln_status run_kept_columns(struct run_kept *kept, struct cli_source *source, const struct cli_task *task,
                            pln_error *error);

/* ---- for a person */

struct run_table {
    bool numbered; /* rows have numbers: there are several */
    bool wide;
    struct table table;
    struct table_layout layout;
    char keys[TABLE_COLUMNS][64];
    bool begun; /* the head is written */
};

/* Prints the answer as lines of the table; its head first. PLN_NO_MEMORY. */
pln_status run_table_put(struct run_table *t, uint64_t row, const char *json, pln_error *error);
void run_table_finish(struct run_table *t);
#endif
