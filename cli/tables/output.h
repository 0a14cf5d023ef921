/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the table of a command goes: stdout as rows come, and files whose format is their ending.
 */
#ifndef CLI_TABLES_OUTPUT_H
#define CLI_TABLES_OUTPUT_H

#include "cli/cli.h"
#include "cli/tables/table.h"

struct output {
    bool json;                    /* --json: stdout gets an object a line instead of text */
    struct cli_list files, plots; /* -o, --plot */
    bool wide;                    /* --wide: all columns, whatever the terminal's width */
    struct table_layout layout;   /* of stdout, once it has begun */
    uint32_t printed;             /* rows on stdout so far */
    bool begun, lost;             /* lost: there was no memory for a row on stdout */
};

void output_options(struct output *o, struct cli_options *options);

/* Fills the table, printing rows as they come. Called once. */
typedef pln_status output_fill(void *context, struct table *t, pln_error *error);

/* A command that gives a table. Before anything is measured: endings that are known, folders that can be written. Then
 * the table is filled, and behind it come notes on stdout and the files, each whole or not at all. 0, or an exit code
 * after a sentence (CLI_INTERRUPTED without one; then no file is written). */
int output_run(struct output *o, output_fill *fill, void *context);

/* Rows that are new since the last call go to stdout; the head goes before the first. */
void output_print(struct output *o, const struct table *t);
#endif
