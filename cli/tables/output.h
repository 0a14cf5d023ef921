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
    uint32_t printed;             /* rows on stdout so far */
    bool begun, lost;             /* lost: there was no memory for a row on stdout */
};

enum { OUTPUT_OPTIONS = 3 };
/* Fills OUTPUT_OPTIONS rows. */
void output_options(struct output *o, struct cli_option *options);

/* Before anything is measured: endings that are known, folders that can be written. 0, or an exit code after a
 * sentence. */
int output_check(const struct output *o);

/* Rows that are new since the last call go to stdout; the head goes before the first. */
void output_print(struct output *o, const struct table *t);

/* Notes to stdout, then the files, each whole or not at all. 0, or an exit code after a sentence. */
int output_finish(struct output *o, const struct table *t);
#endif
