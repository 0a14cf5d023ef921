/* SPDX-License-Identifier: Apache-2.0
 *
 * An evaluation: what it is asked for, and how its scores are told.
 */
#ifndef CLI_COMMANDS_EVALUATION_H
#define CLI_COMMANDS_EVALUATION_H

#include "cli/source.h"

struct evaluation {
    struct cli_common common;
    struct cli_task task;
    const char *directory, *label; /* --label-column */
    uint32_t bootstrap, batch_tokens;
    bool json, wide;
    const char *on_error; /* --on-error */
    bool stop;            /* a row without an answer ends it; else the others are scored */
    bool confusion;       /* --confusion, with or without a file */
    const char *plot;     /* FILE.svg of --confusion; NULL: none */
};

/* Rows through the model to scores. 0, or the exit code after a sentence. */
int cli_evaluate_rows(const struct evaluation *e);

/* What is told. labels [n_labels], counts [n_labels, n_labels] of the confusion; counts NULL: it was not asked for. */
struct evaluated {
    const char *task, *directory;
    uint64_t rows, failed; /* that count, and that have no answer */
    const pln_score *const *scores;
    uint32_t n_scores;
    const char **labels;
    const uint64_t *counts;
    uint32_t n_labels;
};
void cli_print_evaluation_json(const struct evaluated *found);
/* Tables fitted to the terminal unless `wide`. False: no memory. */
bool cli_print_evaluation(const struct evaluated *found, bool wide);
/* The confusion as a picture. */
void cli_plot_confusion(const struct evaluated *found, FILE *out);
#endif
