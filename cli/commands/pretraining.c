/* SPDX-License-Identifier: Apache-2.0
 *
 * A run of `pleione pretrain`: what can be refused is refused before the first step; steps, validations, checkpoints.
 */
#include "cli/commands/pretraining.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "cli/checkpoints.h"
#include "cli/commands/commands.h"
#include "cli/folders.h"

/* ---- before the first step */

static pln_choice choice(bool no)
{
    return no ? PLN_CHOICE_NO : PLN_CHOICE_UNSET;
}

static pln_status open_tokenizer(struct pretraining *p, pln_error *error)
{
    const struct pretraining_options *o = p->o;
    const pln_tokenizer_options options = {.size = sizeof options,
                                           .log = cli_log,
                                           .lower_case = choice(o->cased),
                                           .strip_accents = choice(o->cased || o->keep_accents),
                                           .space_chinese = choice(o->join_chinese)};
    return pln_tokenizer_open(o->vocab, &options, &p->tokenizer, error);
}

/* The half below --out, or that of --init; a run that goes on has its own in either case. */
static pln_status open_half(struct pretraining *p, uint32_t at, pln_half half, pln_model **model, pln_error *error)
{
    char path[PATH_MAX];
    const bool own = at || !p->o->init;
    const pln_model_options options = {.size = sizeof options, .seed = p->common->seed, .random_weights = own};
    pln_status status = cli_path_join(own ? p->o->out : p->o->init,
                                      half == PLN_HALF_GENERATOR ? "generator" : "discriminator", path, error);
    if (status == PLN_OK)
        status = pln_model_open(p->m.runtime, path, &options, model, error);
    return status == PLN_OK ? status : pretraining_misconfigured(p, half, error);
}

static pln_status open_models(struct pretraining *p, uint32_t at, pln_error *error)
{
    pln_status status = PLN_OK;
    if (!p->masked_lm_only)
        status = open_half(p, at, PLN_HALF_DISCRIMINATOR, &p->discriminator, error);
    return status == PLN_OK ? open_half(p, at, PLN_HALF_GENERATOR, &p->generator, error) : status;
}

static pln_status make_trainer(struct pretraining *p, pln_error *error)
{
    const struct pretraining_options *o = p->o;
    pln_schedule_options placement;
    const pln_trainer_options options = cli_learning_trainer(&o->learning, p->common, &placement);
    pln_pretraining_options halves = {.size = sizeof halves,
                                      .masked_lm_only = p->masked_lm_only,
                                      .disallow_correct = o->disallow_correct,
                                      .temperature = o->temperature,
                                      .generator_weight = o->generator_weight,
                                      .discriminator_weight = o->discriminator_weight};
    pln_sharing_find(p->masked_lm_only ? "none" : o->sharing, &halves.sharing);
    cli_wait_begin(true, "placing both halves on %s", cli_choose_device(p->common));
    const pln_status status =
        pln_trainer_create_pretraining(p->generator, p->masked_lm_only ? p->generator : p->discriminator, p->m.devices,
                                       &options, &halves, &p->trainer, error);
    cli_wait_end();
    return status;
}

static pln_corpus_options corpus_options(const struct pretraining *p)
{
    const struct pretraining_options *o = p->o;
    return (pln_corpus_options){.size = sizeof(pln_corpus_options),
                                .column = o->column,
                                .file_documents = strcmp(o->documents, "file") == 0,
                                .max_length = o->max_length,
                                .shuffle_buffer = o->shuffle_buffer,
                                .mask_probability = o->mask_prob,
                                .mask_token_probability = o->mask_token_prob,
                                .seed = p->common->seed,
                                .threads = p->common->threads};
}

/* The same examples, masks and draws each time. */
static pln_status open_validation(const struct pretraining *p, pln_corpus **corpus, pln_error *error)
{
    pln_corpus_options options = corpus_options(p);
    options.once = true;
    options.shuffle_buffer = options.threads = 1; /* it takes little memory beside a step */
    return pln_corpus_open(p->tokenizer, &p->o->validation, 1, &options, corpus, error);
}

static pln_status open_corpora(struct pretraining *p, pln_error *error)
{
    const pln_corpus_options options = corpus_options(p);
    pln_status status = pln_corpus_open(p->tokenizer, p->files->items, p->files->n, &options, &p->corpus, error);
    if (status != PLN_OK || !p->o->validation)
        return status;
    pln_corpus *validation; /* opened for a look, so that a wrong path costs nothing */
    status = open_validation(p, &validation, error);
    if (status == PLN_OK)
        status = pln_corpus_look(validation, p->o->validation_examples, error);
    pln_corpus_close(&validation);
    return status;
}

/* A text that is empty or bad from the beginning leaves nothing behind. Of a run that goes on the text was good, and
 * standard input is read from where it stands. */
static pln_status look_at_corpus(struct pretraining *p, pln_error *error)
{
    if (cli_checkpoint_newest(p->o->out))
        return PLN_OK;
    cli_wait_begin(true, "looking at the corpus");
    const pln_status status = pln_corpus_look(p->corpus, p->o->learning.batch, error);
    cli_wait_end();
    return status;
}

static pln_status check_length(const struct pretraining *p, pln_error *error)
{
    const int64_t most = pln_model_number(p->generator, "max_position_embeddings");
    if (p->o->max_length <= most)
        return PLN_OK;
    *error = (pln_error){.status = PLN_INVALID, .node = -1};
    snprintf(error->message, sizeof error->message, "--max-length %u: the models have %lld positions", p->o->max_length,
             (long long)most);
    return PLN_INVALID;
}

static pln_status make_dump(const struct pretraining *p, pln_error *error)
{
    return p->o->dump ? cli_make_folder(p->o->dump, error) : PLN_OK;
}

/* What is read is good, and there are devices. */
static int open_inputs(struct pretraining *p)
{
    pln_error error;
    pln_status status = open_tokenizer(p, &error);
    const int code = status == PLN_OK ? pretraining_configure(p) : 0;
    if (code)
        return code;
    if (status == PLN_OK)
        status = open_corpora(p, &error);
    if (status == PLN_OK)
        status = cli_open_devices(p->common, &p->m, &error);
    if (status == PLN_OK)
        status = look_at_corpus(p, &error);
    return status == PLN_OK ? 0 : cli_fail(&error);
}

static int open_outputs(struct pretraining *p)
{
    pln_error error;
    pln_status status = make_dump(p, &error);
    int code = status == PLN_OK ? pretraining_try_outputs(p) : cli_fail(&error);
    if (code == 0 && p->begun < p->o->learning.steps && pretraining_open_log(p, &error) != PLN_OK)
        code = cli_fail(&error);
    if (code == 0)
        code = pretraining_follow(p);
    return code ? code : pretraining_record(p);
}

static int open_all(struct pretraining *p)
{
    pln_error error;
    uint32_t at = 0;
    int code = open_inputs(p); /* a text that is waited for is no work: until here an interrupt ends it at once */
    cli_catch_interrupt();
    if (code == 0)
        code = pretraining_begin(p, &at);
    if (code)
        return code;
    pln_status status = open_models(p, at, &error);
    if (status == PLN_OK)
        status = check_length(p, &error);
    if (status == PLN_OK)
        status = make_trainer(p, &error);
    if (status == PLN_OK && at)
        status = pretraining_restore(p, at, &error);
    p->begun = at;
    return status == PLN_OK ? open_outputs(p) : cli_fail(&error);
}

/* A run that is refused leaves nothing. */
static int open_run(struct pretraining *p)
{
    const int code = open_all(p);
    if (code)
        cli_undo_folders();
    else
        cli_keep_folders();
    return code;
}

/* ---- validation */

enum { LOOK = 4 }; /* rows that are looked at together: a few, so that a validation takes little memory beside a step */

/* *report: of all its examples together. */
static pln_status run_validation(struct pretraining *p, pln_pretraining_report *report, pln_error *error)
{
    pln_corpus *corpus;
    uint32_t left = p->o->validation_examples, number = 0;
    pln_status status = open_validation(p, &corpus, error);
    while (status == PLN_OK && left) {
        const uint32_t rows = left < LOOK ? left : LOOK;
        const pln_corpus_batch *batch;
        status = pln_corpus_next(corpus, rows, &batch, error);
        if (status == PLN_FAILED && number) { /* there are no more */
            status = PLN_OK;
            break;
        }
        if (status == PLN_OK)
            status =
                pln_trainer_pretraining_evaluate(p->trainer, batch->tensors, batch->n_tensors, number++, NULL, error);
        left -= status == PLN_OK ? batch->rows : 0;
    }
    pln_corpus_close(&corpus);
    return status == PLN_OK ? pln_trainer_pretraining_report(p->trainer, report, error) : status;
}

static pln_status keep_best(struct pretraining *p, double loss, pln_error *error)
{
    char folder[PATH_MAX];
    if (!(isnan(p->best) || loss < p->best))
        return PLN_OK;
    pretraining_path(p, "best", folder);
    pln_status status = cli_make_folder(folder, error);
    if (status == PLN_OK)
        status = pretraining_halves(p, folder, error);
    if (status == PLN_OK) {
        p->best = loss;
        p->best_step = pln_trainer_steps(p->trainer);
    }
    return status;
}

static pln_status validate(struct pretraining *p, double epoch, pln_error *error)
{
    pln_pretraining_report report = {.size = sizeof report};
    cli_line_hide();
    cli_wait_begin(true, "validation at step %u", pln_trainer_steps(p->trainer));
    pln_status status = run_validation(p, &report, error);
    cli_wait_end();
    if (status != PLN_OK)
        return status;
    const double loss = p->o->generator_weight * (double)report.masked_lm_loss +
                        (p->masked_lm_only ? 0 : p->o->discriminator_weight * (double)report.disc_loss);
    status = keep_best(p, loss, error);
    return status == PLN_OK ? pretraining_log_validation(p, pln_trainer_steps(p->trainer), epoch, &report, loss, error)
                            : status;
}

/* ---- steps */

static pln_status make_step(struct pretraining *p, struct pretraining_step *s, pln_error *error)
{
    const pln_corpus_batch *batch;
    const long faults = cli_page_faults();
    const double began = cli_seconds();
    s->step = (pln_trainer_report){.size = sizeof s->step};
    s->halves = (pln_pretraining_report){.size = sizeof s->halves};
    pln_status status = pln_corpus_next(p->corpus, p->o->learning.batch, &batch, error);
    if (status == PLN_OK)
        status = pln_trainer_step(p->trainer, batch->tensors, batch->n_tensors, &s->step, error);
    if (status == PLN_OK)
        status = pln_trainer_pretraining_report(p->trainer, &s->halves, error);
    if (status != PLN_OK)
        return status;
    s->seconds = cli_seconds() - began;
    s->waited = batch->waited;
    s->epoch = batch->epoch;
    s->faults = cli_page_faults() - faults;
    if (p->o->dump)
        status = pretraining_dump(p, batch, s, error);
    return status == PLN_OK ? pretraining_log_step(p, s, error) : status;
}

static pln_status after_step(struct pretraining *p, const struct pretraining_step *s, pln_error *error)
{
    const uint32_t made = s->step.step;
    pln_status status = PLN_OK;
    cli_wait_end();
    pretraining_show(p, s);
    if (p->o->validation && (made % p->o->run.validate_every == 0 || made == p->o->learning.steps))
        status = validate(p, s->epoch, error);
    if (status != PLN_OK || made % p->o->run.save_every)
        return status;
    follow_draw(&p->follow); /* what cannot be drawn is said, and at the end again */
    return pretraining_checkpoint(p, error);
}

/* Where the run stands is kept whenever an interrupt came. Not where something failed: the corpus has gone on then. */
static pln_status make_steps(struct pretraining *p, pln_error *error)
{
    const uint32_t stop = p->o->run.stop_after, steps = p->o->learning.steps;
    const uint32_t last = stop && stop < steps ? stop : steps;
    pln_status status = PLN_OK;
    struct pretraining_step step = {0};
    p->progress = cli_progress_begin("step");
    p->progress.before = p->begun;
    cli_wait_begin(true, "first step");
    while (status == PLN_OK && !cli_interrupted() && pln_trainer_steps(p->trainer) < last) {
        status = make_step(p, &step, error);
        if (status == PLN_OK)
            status = after_step(p, &step, error);
    }
    cli_wait_end();
    cli_progress_end(&p->progress);
    return status == PLN_OK && pln_trainer_steps(p->trainer) > p->begun ? pretraining_checkpoint(p, error) : status;
}

/* ---- after the last */

/* What was reached, whatever ended it: of a step that failed, what was before it. Also where no step was left to be
 * made: the run before may have been killed when it came here. */
static int finish(struct pretraining *p, pln_status status, pln_error *error)
{
    int code = status == PLN_OK ? 0 : cli_fail(error);
    pln_error unsaved;
    if (pretraining_halves(p, p->o->out, &unsaved) != PLN_OK && status != PLN_DEVICE_LOST) /* its loss was said */
        code = cli_fail(&unsaved);
    printf("%u of %u steps, in %s\n", pln_trainer_steps(p->trainer), p->o->learning.steps, p->o->out);
    if (p->log && fclose(p->log) != 0 && !code) {
        snprintf(error->message, sizeof error->message, "the log: %s", strerror(errno));
        error->status = PLN_FAILED;
        code = cli_fail(error);
    }
    const int drawn = follow_draw(&p->follow);
    return code ? code : drawn;
}

/* A picture may be wanted of it still. */
static int say_finished(struct pretraining *p)
{
    p->begun = p->o->learning.steps;
    printf("nothing to do: %u of %u steps were made in %s\n", p->begun, p->begun, p->o->out);
    return pretraining_follow(p);
}

static void close_run(struct pretraining *p)
{
    pln_corpus_close(&p->corpus);
    pln_trainer_destroy(&p->trainer);
    pln_model_close(&p->discriminator);
    pln_model_close(&p->generator);
    pln_tokenizer_close(&p->tokenizer);
    json_decref(p->configs[PLN_HALF_DISCRIMINATOR]);
    json_decref(p->configs[PLN_HALF_GENERATOR]);
    cli_close(&p->m);
}

int pretraining_run(const struct pretraining_options *options, const struct cli_common *common,
                    const struct cli_list *files)
{
    struct pretraining p = {.o = options,
                            .common = common,
                            .files = files,
                            .masked_lm_only = strcmp(options->objective, "mlm") == 0,
                            .best = (double)NAN};
    pln_error error = {.status = PLN_OK};
    int code = pretraining_check(&p);
    const bool finished = code == 0 && pretraining_finished(&p);
    if (finished) {
        code = say_finished(&p);
    } else if (code == 0 && (code = open_run(&p)) == 0) {
        const pln_status status = p.begun < options->learning.steps ? make_steps(&p, &error) : PLN_OK;
        code = finish(&p, status, &error);
    }
    close_run(&p);
    const int followed = follow_close(&p.follow);
    code = code ? code : followed;
    const int written = cli_finish_output();
    if (code || written)
        return code ? code : written;
    return cli_interrupt_code();
}
