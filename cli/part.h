/* SPDX-License-Identifier: Apache-2.0
 *
 * A file that is written whole or not at all: beside its place first, then renamed. What is no regular file (a pipe, a
 * device) is written to as it is.
 */
#ifndef CLI_PART_H
#define CLI_PART_H

#include "cli/cli.h"

struct cli_part {
    const char *path; /* borrows */
    char *temporary;  /* NULL: path itself */
    FILE *file;       /* what is written to */
};

/* The caller's memory. 0, or an exit code after a sentence; then there is nothing to drop. */
int cli_part_begin(struct cli_part *part, const char *path);
/* Closes the file and puts it in its place. 0, or an exit code after a sentence, and nothing is left. */
int cli_part_end(struct cli_part *part);
/* Takes away what was not ended; does nothing after the end or for a zeroed one. */
void cli_part_drop(struct cli_part *part);
#endif
