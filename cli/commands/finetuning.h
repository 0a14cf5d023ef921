/* SPDX-License-Identifier: Apache-2.0
 *
 * A run of `pleione finetune`: what it is asked for (finetune.c), its rows (finetuning_rows.c), where it begins
 * (finetuning_start.c), its steps (finetuning.c) and validations (finetuning_validate.c). None of them knows a task.
 */
#ifndef CLI_COMMANDS_FINETUNING_H
#define CLI_COMMANDS_FINETUNING_H

#include <limits.h>

#include "cli/learning.h"
#include "cli/tasks.h"
#include "cli/tables/follow.h"

/* What is 0, NaN or NULL is not given, and the recipe's. */
struct finetuning_options {
    struct cli_task task; /* its input is that of the pass */
    struct cli_learning learning;
    struct cli_long_run run;
    const char *model, *train, *validation, *out, *label, *recipe, *problem_type, *labels, *reduction, *metric,
        *shuffle, *seeds, *class_weights, *answer_head;
    uint32_t batch_tokens, max_length, stride, early_stopping;
    double epochs, warmup_ratio, label_smoothing;
};

enum { FINETUNING_SCORES = 32, FINETUNING_NAME = 32 };
struct finetuning_result {
    uint32_t n;
    char names[FINETUNING_SCORES][FINETUNING_NAME]; /* "loss" first; scores by class are left out */
    double values[FINETUNING_SCORES];
    char constant[200]; /* the label that every row was given; "": there is none */
};

struct finetuning {
    const struct finetuning_options *o;
    const struct cli_common *common;
    const char *out; /* --out, or a folder in it */
    uint64_t seed;
    const pln_task_info *info;
    pln_option options[5]; /* of the task */
    uint32_t n_options;
    char numbers[2][16];
    struct cli_model m;
    const char **labels; /* of the head; NULL: the model's own */
    char *label_texts;
    uint32_t n_labels;
    const char *problem_type;
    bool named; /* labels of the rows name classes */
    pln_lessons *lessons;
    pln_trainer *trainer;
    FILE *log;
    struct follow follow;
    char log_path[PATH_MAX];
    uint32_t batch, per_epoch, steps; /* settled; with --batch-tokens batch and per_epoch are 0 */
    uint32_t epoch, first;            /* where the next batch begins: in the order of the epoch */
    uint32_t begun;                   /* steps that an earlier run made */
    uint32_t best_step, stale;        /* 0: there was none; validations since */
    bool stopped;                     /* early */
    char metric[FINETUNING_NAME];
    struct finetuning_result best;
    struct cli_progress progress;
};

/* ---- finetuning_rows.c */

typedef pln_status finetuning_take(void *context, const pln_record *row, pln_error *error);
/* Every row of the file; what is wrong with one begins with file and line. */
pln_status finetuning_rows(const struct finetuning *f, const char *path, finetuning_take *take, void *context,
                           pln_error *error);
/* Labels of both files, and which of them the head has: f->labels, n_labels, problem_type. The model is open. */
pln_status finetuning_labels(struct finetuning *f, pln_error *error);
/* f->lessons; those of validation are made for a look, so that a bad row costs no work. */
pln_status finetuning_lessons(struct finetuning *f, pln_error *error);

/* ---- finetuning_batches.c */

/* How many steps there are, and what becomes of a batch: f->batch, per_epoch, steps. `usual`: rows of a batch. */
pln_status finetuning_plan(struct finetuning *f, uint32_t usual, double epochs, pln_error *error);
/* Rows of the next batch, and going on behind it. */
pln_status finetuning_next(struct finetuning *f, uint32_t *rows, pln_error *error);
void finetuning_pass(struct finetuning *f, uint32_t rows);
/* How often the rows were gone through after `step` steps, which are those that were passed. */
double finetuning_epoch(const struct finetuning *f, uint32_t step);
/* Behind the first `steps` steps. */
pln_status finetuning_skip(struct finetuning *f, uint32_t steps, pln_error *error);
/* n / (k count) of each label, k those that occur: new (free), NULL after an error. */
float *finetuning_balance(struct finetuning *f, uint32_t *n, pln_error *error);

/* ---- finetuning_start.c */

/* Opens all, and goes to where an earlier run was. 0, or an exit code after a sentence. */
int finetuning_begin(struct finetuning *f);
void finetuning_end(struct finetuning *f);

/* ---- finetuning_validate.c */

/* Whether the model can be judged, and by which score; f->metric is settled. */
pln_status finetuning_probe(struct finetuning *f, pln_error *error);
/* Scores of the weights as they are now; better ones become those of --out. */
pln_status finetuning_validate(struct finetuning *f, pln_error *error);
/* {"loss": ...} and the rest, under names that begin with the prefix. */
void finetuning_set_scores(json_t *object, const char *prefix, const struct finetuning_result *r);
/* The value of the metric; NaN: there is none. */
double finetuning_metric(const struct finetuning *f, const struct finetuning_result *r);
/* Whether a is better than b; NaN is never. */
bool finetuning_better(const char *metric, double a, double b);

/* ---- finetuning.c */

/* One seed in one folder; *f keeps its best. Returns the exit code. */
int finetuning_run(struct finetuning *f);
#endif
