/* SPDX-License-Identifier: Apache-2.0
 *
 * What a run was begun with, in run.json of its folder, so that only the same command goes on with it.
 */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include "cli/cli.h"

#define CLI_RECORD "run.json"

/* Makes the folder, and keeps other processes from training there as long as this one lives: they would mix what they
 * write. 0, or an exit code after a sentence. */
int cli_record_claim(const char *out);

/* Both take `now`, an object of options by name (NULL: no memory), and give 0, or an exit code after a sentence. */

/* To go on, compares: what differs is named. optional: an option that `now` may lack, or NULL. 2 if the folder holds a
 * run and this one does not resume. */
int cli_record_check(const char *out, bool resume, json_t *now, const char *optional);
/* When nothing can be refused any more: from here on the folder, which was claimed, holds a run. */
int cli_record_write(const char *out, json_t *now);

/* A file of indented JSON, whole or not at all; one that says the same is not touched. 0, or an exit code after a sentence. */
int cli_write_json(const char *path, const json_t *json);
#endif
