/* SPDX-License-Identifier: Apache-2.0
 *
 * A run of `pleione pretrain`: what can be refused is refused before the first step; steps, validations, checkpoints.
 */
#include "cli/commands/pretraining.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands/commands.h"

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

/* The halves below --out, or those that --init names; a run that goes on has its own in either case. */
static pln_status open_models(struct pretraining *p, uint32_t at, pln_error *error)
{
    char path[PATH_MAX];
    const bool own = at || !p->o->init;
    const pln_model_options options = {.size = sizeof options, .seed = p->common->seed, .random_weights = true};
    snprintf(path, sizeof path, "%s/generator", own ? p->o->out : p->o->init);
    pln_status status = pln_model_open(p->m.runtime, path, &options, &p->generator, error);
    if (status != PLN_OK || p->masked_lm_only)
        return status;
    snprintf(path, sizeof path, "%s/discriminator", own ? p->o->out : p->o->init);
    return pln_model_open(p->m.runtime, path, &options, &p->discriminator, error);
}

static pln_status make_trainer(struct pretraining *p, pln_error *error)
{
    const struct pretraining_options *o = p->o;
    const pln_schedule_options placement = cli_placement(p->common);
    const pln_trainer_options options = {.size = sizeof options,
                                         .learning_rate = o->learning_rate,
                                         .beta1 = o->beta1,
                                         .beta2 = o->beta2,
                                         .eps = o->eps,
                                         .weight_decay = o->weight_decay,
                                         .clip = o->clip,
                                         .no_bias_correction = strcmp(o->bias_correction, "no") == 0,
                                         .schedule = strcmp(o->schedule, "linear") == 0 ? PLN_RATE_SCHEDULE_LINEAR
                                                                                        : PLN_RATE_SCHEDULE_CONSTANT,
                                         .warmup = o->warmup,
                                         .steps = o->steps,
                                         .layer_decay = 1,
                                         .accumulate = o->accumulate,
                                         .dropout = o->dropout,
                                         .seed = p->common->seed,
                                         .recompute = o->recompute,
                                         .placement = &placement};
    pln_pretraining_options halves = {.size = sizeof halves,
                                      .masked_lm_only = p->masked_lm_only,
                                      .disallow_correct = o->disallow_correct,
                                      .temperature = o->temperature,
                                      .generator_weight = o->generator_weight,
                                      .discriminator_weight = o->discriminator_weight};
    pln_sharing_find(p->masked_lm_only ? "none" : o->sharing, &halves.sharing);
    return pln_trainer_create_pretraining(p->generator, p->masked_lm_only ? p->generator : p->discriminator,
                                          p->m.devices, &options, &halves, &p->trainer, error);
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

static pln_status open_corpora(struct pretraining *p, pln_error *error)
{
    const pln_corpus_options options = corpus_options(p);
    pln_status status = pln_corpus_open(p->tokenizer, p->files->items, p->files->n, &options, &p->corpus, error);
    if (status != PLN_OK || !p->o->validation)
        return status;
    pln_corpus *validation; /* opened for a look, so that a wrong path costs nothing */
    status = pln_corpus_open(p->tokenizer, &p->o->validation, 1, &options, &validation, error);
    pln_corpus_close(&validation);
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
    if (!p->o->dump || mkdir(p->o->dump, 0777) == 0 || errno == EEXIST)
        return PLN_OK;
    *error = (pln_error){.status = PLN_FAILED, .node = -1};
    snprintf(error->message, sizeof error->message, "%.300s: %s", p->o->dump, strerror(errno));
    return PLN_FAILED;
}

static int open_run(struct pretraining *p)
{
    uint32_t at = 0;
    pln_error error;
    pln_status status = open_tokenizer(p, &error);
    if (status == PLN_OK)
        status = open_corpora(p, &error);
    if (status == PLN_OK)
        status = cli_open_devices(p->common, &p->m, &error);
    if (status != PLN_OK)
        return cli_fail(&error);
    const int code = pretraining_begin(p, &at);
    if (code)
        return code;
    status = open_models(p, at, &error);
    if (status == PLN_OK)
        status = check_length(p, &error);
    if (status == PLN_OK)
        status = make_trainer(p, &error);
    if (status == PLN_OK && at)
        status = pretraining_restore(p, at, &error);
    p->begun = at;
    if (status == PLN_OK && p->begun < p->o->steps)
        status = pretraining_open_log(p, &error);
    if (status == PLN_OK)
        status = make_dump(p, &error);
    return status == PLN_OK ? pretraining_record(p) : cli_fail(&error);
}

/* ---- validation */

/* The mean over batches, each as heavy as what it is a mean of. */
struct sums {
    pln_pretraining_report total;
    double masked, tokens;
};

static void add_share(double *sum, double value, double weight)
{
    *sum += isnan(value) ? 0 : value * weight;
}

static void add_report(struct sums *s, const pln_pretraining_report *r)
{
    const double masked = (double)r->masked, tokens = (double)r->tokens;
    double mlm = (double)s->total.masked_lm_loss, disc = (double)s->total.disc_loss;
    add_share(&mlm, (double)r->masked_lm_loss, masked);
    add_share(&disc, (double)r->disc_loss, tokens);
    s->total.masked_lm_loss = (float)mlm;
    s->total.disc_loss = (float)disc;
    add_share(&s->total.masked_lm_accuracy, r->masked_lm_accuracy, masked);
    add_share(&s->total.sampled_masked_lm_accuracy, r->sampled_masked_lm_accuracy, masked);
    add_share(&s->total.disc_accuracy, r->disc_accuracy, tokens);
    add_share(&s->total.disc_precision, r->disc_precision, tokens);
    add_share(&s->total.disc_recall, r->disc_recall, tokens);
    add_share(&s->total.disc_auc, r->disc_auc, tokens);
    s->masked += masked;
    s->tokens += tokens;
}

static pln_pretraining_report mean_of(const struct sums *s, bool masked_lm_only)
{
    pln_pretraining_report r = s->total;
    const double tokens = masked_lm_only ? (double)NAN : s->tokens;
    r.masked_lm_loss = (float)((double)r.masked_lm_loss / s->masked);
    r.disc_loss = (float)((double)r.disc_loss / tokens);
    r.masked_lm_accuracy /= s->masked;
    r.sampled_masked_lm_accuracy /= s->masked;
    r.disc_accuracy /= tokens;
    r.disc_precision /= tokens;
    r.disc_recall /= tokens;
    r.disc_auc /= tokens;
    return r;
}

/* The same examples, masks and draws each time. */
static pln_status run_validation(struct pretraining *p, struct sums *sums, pln_error *error)
{
    pln_corpus_options options = corpus_options(p);
    pln_corpus *corpus;
    uint32_t left = p->o->validation_examples, number = 0;
    options.once = true;
    options.shuffle_buffer = 1;
    pln_status status = pln_corpus_open(p->tokenizer, &p->o->validation, 1, &options, &corpus, error);
    while (status == PLN_OK && left) {
        const uint32_t rows = left < p->o->batch ? left : p->o->batch;
        const pln_corpus_batch *batch;
        pln_pretraining_report report = {.size = sizeof report};
        status = pln_corpus_next(corpus, rows, &batch, error);
        if (status == PLN_FAILED && number) { /* there are no more */
            status = PLN_OK;
            break;
        }
        if (status == PLN_OK)
            status = pln_trainer_pretraining_evaluate(p->trainer, batch->tensors, batch->n_tensors, number++, &report,
                                                      error);
        if (status == PLN_OK)
            add_report(sums, &report);
        left -= status == PLN_OK ? batch->rows : 0;
    }
    pln_corpus_close(&corpus);
    return status;
}

static pln_status keep_best(struct pretraining *p, double loss, pln_error *error)
{
    char folder[PATH_MAX];
    if (!(isnan(p->best) || loss < p->best))
        return PLN_OK;
    pretraining_path(p, "best", folder);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        *error = (pln_error){.status = PLN_FAILED, .node = -1};
        snprintf(error->message, sizeof error->message, "%.300s: %s", folder, strerror(errno));
        return PLN_FAILED;
    }
    const pln_status status = pretraining_halves(p, folder, error);
    if (status == PLN_OK) {
        p->best = loss;
        p->best_step = pln_trainer_steps(p->trainer);
    }
    return status;
}

static pln_status validate(struct pretraining *p, double epoch, pln_error *error)
{
    struct sums sums = {.total = {.size = sizeof sums.total}};
    pln_status status = run_validation(p, &sums, error);
    if (status != PLN_OK)
        return status;
    const pln_pretraining_report mean = mean_of(&sums, p->masked_lm_only);
    const double loss = p->o->generator_weight * (double)mean.masked_lm_loss +
                        (p->masked_lm_only ? 0 : p->o->discriminator_weight * (double)mean.disc_loss);
    status = keep_best(p, loss, error);
    return status == PLN_OK ? pretraining_log_validation(p, pln_trainer_steps(p->trainer), epoch, &mean, loss, error)
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
    pln_status status = pln_corpus_next(p->corpus, p->o->batch, &batch, error);
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

static pln_status after_step(struct pretraining *p, const struct pretraining_step *s, uint32_t last, pln_error *error)
{
    const uint32_t made = s->step.step;
    const bool ends = made == last || cli_interrupted();
    pln_status status = PLN_OK;
    pretraining_show(p, s);
    if (p->o->validation && (made % p->o->validate_every == 0 || made == p->o->steps))
        status = validate(p, s->epoch, error);
    if (status == PLN_OK && (ends || made % p->o->save_every == 0))
        status = pretraining_checkpoint(p, error);
    return status;
}

static pln_status make_steps(struct pretraining *p, pln_error *error)
{
    const uint32_t stop = p->o->stop_after, last = stop && stop < p->o->steps ? stop : p->o->steps;
    pln_status status = PLN_OK;
    struct pretraining_step step = {0};
    while (status == PLN_OK && !cli_interrupted() && pln_trainer_steps(p->trainer) < last) {
        status = make_step(p, &step, error);
        if (status == PLN_OK)
            status = after_step(p, &step, last, error);
    }
    if (p->shows)
        fputc('\n', stderr);
    return status;
}

/* ---- after the last */

/* What was reached, whatever ended it: of a step that failed, what was before it. Also where no step was left to be
 * made: the run before may have been killed when it came here. */
static int finish(struct pretraining *p, pln_status status, pln_error *error)
{
    int code = status == PLN_OK ? 0 : cli_fail(error);
    if (pretraining_halves(p, p->o->out, error) != PLN_OK)
        code = cli_fail(error);
    printf("%u of %u steps, in %s\n", pln_trainer_steps(p->trainer), p->o->steps, p->o->out);
    if (p->log && fclose(p->log) != 0 && !code) {
        snprintf(error->message, sizeof error->message, "the log: %s", strerror(errno));
        error->status = PLN_FAILED;
        code = cli_fail(error);
    }
    return code;
}

static void close_run(struct pretraining *p)
{
    pln_corpus_close(&p->corpus);
    pln_trainer_destroy(&p->trainer);
    pln_model_close(&p->discriminator);
    pln_model_close(&p->generator);
    pln_tokenizer_close(&p->tokenizer);
    cli_close(&p->m);
}

int pretraining_run(const struct pretraining_options *options, const struct cli_common *common,
                    const struct cli_list *files)
{
    struct pretraining p = {.o = options,
                            .common = common,
                            .files = files,
                            .masked_lm_only = strcmp(options->objective, "mlm") == 0,
                            .best = (double)NAN,
                            .shows = isatty(STDERR_FILENO)};
    pln_error error = {.status = PLN_OK};
    int code = open_run(&p);
    if (!code) {
        const pln_status status = p.begun < options->steps ? make_steps(&p, &error) : PLN_OK;
        code = finish(&p, status, &error);
    }
    close_run(&p);
    const int written = cli_finish_output();
    if (code || written)
        return code ? code : written;
    return cli_interrupt_code();
}
