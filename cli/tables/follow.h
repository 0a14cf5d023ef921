/* SPDX-License-Identifier: Apache-2.0
 *
 * Who looks at the log of a run while it grows: a picture of its curves (--plot), TensorBoard (--tensorboard).
 */
#ifndef CLI_TABLES_FOLLOW_H
#define CLI_TABLES_FOLLOW_H

#include "cli/tables/curves.h"
#include "cli/tables/events.h"

struct follow { /* zero at first */
    const char *plot, *title;
    struct curves *curves;
    FILE *events;
};

/* What is asked of it; strings are borrowed. */
struct follow_options {
    const char *plot, *tensorboard; /* a file, a folder; NULL: not wanted */
    const char *log;                /* of the run, cut to what is kept of it */
    const char *title;              /* of the picture */
    uint32_t begun, steps;          /* made before; of the whole run */
};

/* Whether the log and what is wanted can be written; files that are there stay as they are. 0, or an exit code after a
 * sentence. */
int follow_try(const struct follow_options *options);
/* So that a wrong path costs nothing, both files are written here for the first time. 0, or an exit code after a
 * sentence. */
int follow_open(struct follow *follow, const struct follow_options *options);
/* Takes a line (NULL: there was no memory for it) and writes it to the log too. PLN_FAILED. */
pln_status follow_log(const struct follow *follow, FILE *log, const char *path, json_t *line, pln_error *error);
/* The picture so far. 0, or an exit code after a sentence. */
int follow_draw(const struct follow *follow);
/* 0, or an exit code after a sentence: what was written is not on the disk. */
int follow_close(struct follow *follow);
#endif
