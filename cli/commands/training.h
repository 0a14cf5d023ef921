/* SPDX-License-Identifier: Apache-2.0
 *
 * A run of `pleione train`: what it is asked for, and the run.
 */
#ifndef CLI_COMMANDS_TRAINING_H
#define CLI_COMMANDS_TRAINING_H

#include "cli/commands/rows.h"

struct cli_training {
    pln_head head;
    const char *data, *out, *resume, *log, *schedule, *bias_correction;
    uint32_t batch, steps, warmup, accumulate;
    uint32_t save_every, keep; /* steps between saves; numbered ones that stay. 0: none */
    double learning_rate, weight_decay, clip, beta1, beta2, eps, layer_decay, dropout;
    bool recompute, shuffle;
};

/* Trains the model of the directory and saves what was reached, whether all went well, the user stopped it, or a step
 * failed. Returns the exit code, after a sentence if it is not 0. */
int cli_training_run(const struct cli_training *training, const struct cli_common *common, const char *directory);
#endif
