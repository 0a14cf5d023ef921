/* SPDX-License-Identifier: Apache-2.0
 *
 * Folders checkpoint-N of a run that makes steps.
 */
#ifndef CLI_CHECKPOINTS_H
#define CLI_CHECKPOINTS_H

#include "cli/cli.h"

#define CLI_CHECKPOINT "checkpoint-"

/* The highest N of checkpoint-N below the folder; 0: there is none. */
uint32_t cli_checkpoint_newest(const char *out);
/* `write` fills a new folder, which becomes checkpoint-`steps` when it is whole; of the others the newest stay, `keep`
 * in all. One that is there already is left as it is. */
pln_status cli_checkpoint_make(const char *out, uint32_t steps, uint32_t keep,
                               pln_status (*write)(void *context, const char *folder, pln_error *error), void *context,
                               pln_error *error);
#endif
