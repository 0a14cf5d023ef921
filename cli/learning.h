/* SPDX-License-Identifier: Apache-2.0
 *
 * What all commands that make steps are told of them, and of runs that are longer than a process: the only table of these
 * options. A command has its own numbers for what nobody gives.
 */
#ifndef CLI_LEARNING_H
#define CLI_LEARNING_H

#include "cli/cli.h"

/* How steps are made. Not given: 0 (batch, steps), UINT32_MAX (warmup), NaN, NULL. */
struct cli_learning {
    uint32_t batch, steps, warmup, accumulate;
    double learning_rate, weight_decay, clip, beta1, beta2, eps, layer_decay;
    double dropout; /* not given: the config's rates */
    const char *schedule, *bias_correction;
    bool recompute;
};

/* What a command says of them in --help. */
struct cli_learning_words {
    const char *batch; /* "rows a step" */
    const char *steps; /* the whole sentence */
    const char *by;    /* "by the recipe": where a number comes from that nobody gives */
};

/* Adds the options; *learning holds the command's own numbers, which --help names, or that one is not given. */
void cli_learning_rows(struct cli_learning *learning, const struct cli_learning_words *words,
                       struct cli_options *options);
/* What is not given becomes what `usual` has, where it may be not given either (dropout: NaN). */
void cli_learning_settle(struct cli_learning *learning, const struct cli_learning *usual);
/* As a trainer takes them, settled; placement, which the result points to, is filled in too. */
pln_trainer_options cli_learning_trainer(const struct cli_learning *learning, const struct cli_common *common,
                                         pln_schedule_options *placement);
/* Puts what changes numbers into a record, by the names of the options; --math too. */
void cli_learning_describe(const struct cli_learning *learning, const struct cli_common *common, json_t *record);

/* Runs with checkpoints in their folder. */
struct cli_long_run {
    uint32_t save_every, keep, stop_after, validate_every;
    bool resume;
    const char *log, *plot, *tensorboard;
};
void cli_long_run_rows(struct cli_long_run *run, const char *validate_every, struct cli_options *options);
#endif
