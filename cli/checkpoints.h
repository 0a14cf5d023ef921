/* SPDX-License-Identifier: Apache-2.0
 *
 * Folders checkpoint-N of a run that makes steps.
 */
#ifndef CLI_CHECKPOINTS_H
#define CLI_CHECKPOINTS_H

#include <limits.h>

#include "cli/cli.h"

#define CLI_CHECKPOINT "checkpoint-"

/* PLN_FAILED: "path: what". */
pln_status cli_checkpoint_fail(pln_error *error, const char *path, const char *what);
/* folder/name; PLN_FAILED: it is too long. */
pln_status cli_checkpoint_join(const char *folder, const char *name, char path[PATH_MAX], pln_error *error);
/* The highest N of checkpoint-N below the folder; 0: there is none. */
uint32_t cli_checkpoint_newest(const char *out);
/* `write` fills a new folder, which becomes checkpoint-`steps` when it is whole; of the others the newest stay, `keep`
 * in all. One that is there already is left as it is. */
pln_status cli_checkpoint_make(const char *out, uint32_t steps, uint32_t keep,
                               pln_status (*write)(void *context, const char *folder, pln_error *error), void *context,
                               pln_error *error);
#endif
