/* SPDX-License-Identifier: Apache-2.0
 *
 * A run of `pleione pretrain`: what it is asked for (pretrain.c), where it begins (pretraining_start.c), its steps
 * (pretraining.c), what it writes (pretraining_save.c) and says (pretraining_log.c).
 */
#ifndef CLI_COMMANDS_PRETRAINING_H
#define CLI_COMMANDS_PRETRAINING_H

#include <limits.h>

#include "cli/learning.h"
#include "cli/tables/follow.h"

/* Options; what is 0 or NULL is not given, and the preset's until pretraining_settle. */
struct pretraining_options {
    const char *vocab, *out, *column, *documents, *size, *config, *sharing, *init, *objective, *validation, *dump;
    struct cli_learning learning;
    struct cli_long_run run;
    bool cased, keep_accents, join_chinese, disallow_correct;
    uint32_t max_length, shuffle_buffer, validation_examples;
    double generator_size, generator_layers, mask_prob, mask_token_prob, temperature, generator_weight,
        discriminator_weight;
};

struct pretraining {
    const struct pretraining_options *o;
    const struct cli_common *common;
    const struct cli_list *files;
    struct cli_model m; /* runtime and devices */
    pln_tokenizer *tokenizer;
    pln_model *generator, *discriminator; /* discriminator: the generator's, without one */
    pln_trainer *trainer;
    pln_corpus *corpus;
    bool masked_lm_only;
    json_t *configs[2]; /* by half, of a run that begins with its own */
    FILE *log;
    struct follow follow;
    uint32_t begun; /* steps that an earlier run made */
    double best;    /* least loss of a validation; NaN: there was none */
    uint32_t best_step;
    struct cli_progress progress;
};

/* Numbers that nobody gave are those of the size. Returns 0, or an exit code after a sentence. */
int pretraining_settle(struct pretraining_options *options);

/* ---- pretraining_start.c */

/* Whether the folder may be used, and the run is the one that it holds. Changes nothing. */
int pretraining_check(const struct pretraining *p);
/* --resume, and nothing is left to be made or written. */
bool pretraining_finished(const struct pretraining *p);
/* The configs of a run that begins, from the size and --config; nothing is written. */
int pretraining_configure(struct pretraining *p);
/* An error about a half's config, which then names the file that the person gave. Returns its status. */
pln_status pretraining_misconfigured(const struct pretraining *p, pln_half half, pln_error *error);
/* Makes or finds the two halves' folders, and what the run was begun with; *at: the newest checkpoint, 0 for none. */
int pretraining_begin(struct pretraining *p, uint32_t *at);
/* From here on the folder holds a run: nothing can be refused any more. */
int pretraining_record(const struct pretraining *p);

/* ---- pretraining_save.c */

/* A path below --out. */
void pretraining_path(const struct pretraining *p, const char *below, char path[PATH_MAX]);
/* checkpoint-N by rename, and those that are too many removed. */
pln_status pretraining_checkpoint(struct pretraining *p, pln_error *error);
/* Both halves into a folder. */
pln_status pretraining_halves(struct pretraining *p, const char *folder, pln_error *error);
/* Trainer and corpus as checkpoint N left them. */
pln_status pretraining_restore(struct pretraining *p, uint32_t at, pln_error *error);

/* ---- pretraining_log.c */

pln_status pretraining_open_log(struct pretraining *p, pln_error *error);
/* Whether log, picture and events can be written. 0, or an exit code after a sentence. */
int pretraining_try_outputs(const struct pretraining *p);
/* Picture and events; the log is open. 0, or an exit code after a sentence. */
int pretraining_follow(struct pretraining *p);
struct pretraining_step {
    pln_trainer_report step;
    pln_pretraining_report halves;
    double epoch, seconds, waited;
    long faults;
};
pln_status pretraining_log_step(struct pretraining *p, const struct pretraining_step *step, pln_error *error);
pln_status pretraining_log_validation(struct pretraining *p, uint32_t step, double epoch,
                                      const pln_pretraining_report *halves, double loss, pln_error *error);
void pretraining_show(struct pretraining *p, const struct pretraining_step *step);
/* Tensors of a step as --dump-steps writes them. */
pln_status pretraining_dump(const struct pretraining *p, const pln_corpus_batch *batch,
                            const struct pretraining_step *step, pln_error *error);

/* ---- pretraining.c */

/* Returns the exit code. */
int pretraining_run(const struct pretraining_options *options, const struct cli_common *common,
                    const struct cli_list *files);
#endif
