/* SPDX-License-Identifier: Apache-2.0
 *
 * Where answers of `run` go: rows of a file or of stdout, vectors, or a table for a person.
 */
#ifndef CLI_COMMANDS_RUN_OUTPUT_H
#define CLI_COMMANDS_RUN_OUTPUT_H

#include "cli/commands/run.h"
#include "cli/commands/run_vectors.h"

struct run_output {
    const char *path; /* --output; NULL: stdout */
    bool json, resume;
    struct run_kept kept;
    struct run_table table;
    pln_writer *writer;         /* NULL: */
    struct run_vectors vectors; /* without a file: the table */
    char *last;                 /* the answer of the last row that stood there, as JSON; NULL: it had none */
    double flushed;
};

/* Rows without an answer, and why the first one has none. */
struct run_failures {
    uint64_t n, first;
    char why[500];
};
void run_note_failure(struct run_failures *failures, uint64_t row, const char *why);

/* 0, or the exit code after a sentence about the options. */
int run_output_check(const struct run_output *output);
/* *rows: those that stand in it already, with `resume`, and which of them are failures. PLN_INVALID, PLN_FAILED. */
pln_status run_output_open(struct run_output *output, struct cli_source *source, const struct cli_task *task,
                           uint64_t *rows, struct run_failures *failures, pln_error *error);
/* Whether the last of the rows that stand in it has this answer, or none as this one. */
bool run_output_ends_with(const struct run_output *output, const pln_answer *answer);
/* PLN_FAILED: it cannot be written. PLN_INVALID: it takes no such answer. */
pln_status run_output_put(struct run_output *output, uint64_t row, const pln_answer *answer, pln_error *error);
/* All rows are written, unless one could not be. 0, or an exit code after a sentence. */
int run_output_finish(struct run_output *output);
void run_output_close(struct run_output *output);
#endif
