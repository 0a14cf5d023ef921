/* SPDX-License-Identifier: Apache-2.0
 *
 * A run of `pleione train`: what it is asked for, and the run.
 */
#ifndef CLI_COMMANDS_TRAINING_H
#define CLI_COMMANDS_TRAINING_H

#include "cli/commands/rows.h"
#include "cli/learning.h"

struct cli_training {
    pln_head head;
    const char *data, *out, *resume, *log;
    struct cli_learning learning;
    uint32_t save_every, keep; /* steps between saves; numbered ones that stay. 0: none */
    bool shuffle;
};

/* Trains the model of the directory and saves what was reached, whether all went well, the user stopped it, or a step
 * failed. Returns the exit code, after a sentence if it is not 0. */
int cli_training_run(const struct cli_training *training, const struct cli_common *common, const char *directory);
#endif
