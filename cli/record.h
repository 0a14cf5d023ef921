/* SPDX-License-Identifier: Apache-2.0
 *
 * What a run was begun with, in run.json of its folder, so that only the same command goes on with it.
 */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include "cli/cli.h"

/* Takes `now`, an object of options by name (NULL: no memory). Makes the folder with its record, or, to go on, compares:
 * what differs is named. optional: an option that `now` may lack, or NULL. 0, or an exit code after a sentence: 2 if the
 * folder holds a run and this one does not resume. */
int cli_record_begin(const char *out, bool resume, json_t *now, const char *optional);
/* A file of indented JSON, whole or not at all. 0, or an exit code after a sentence. */
int cli_write_json(const char *path, const json_t *json);
#endif
