/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of a fine-tuning, and what is left of them.
 */
#include "cli/commands/finetuning.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "cli/checkpoints.h"
#include "cli/folders.h"
#include "cli/record.h"
#include "cli/step_log.h"

/* ---- a step */

static pln_status log_step(struct finetuning *f, const pln_trainer_report *r, uint32_t rows, double seconds,
                           double waited, pln_error *error)
{
    json_t *line = json_object();
    cli_set_json(line, "step", json_integer(r->step));
    cli_set_json(line, "epoch", cli_json_number(finetuning_epoch(f, r->step)));
    cli_set_json(line, "loss", cli_json_number((double)r->loss));
    cli_set_json(line, "learning_rate", cli_json_number((double)r->learning_rate));
    cli_set_json(line, "gradient_norm", cli_json_number((double)r->gradient_norm));
    cli_set_json(line, "rows", json_integer(rows));
    cli_set_json(line, "tokens", json_integer((json_int_t)r->tokens));
    cli_set_json(line, "tokens_per_s", cli_json_number((double)r->tokens / seconds));
    cli_set_json(line, "data_wait", cli_json_number(waited / seconds));
    return follow_log(&f->follow, f->log, f->log_path, line, error);
}

static pln_status make_step(struct finetuning *f, pln_error *error)
{
    const uint32_t epoch = f->epoch, first = f->first;
    uint32_t n = 0;
    const double began = cli_seconds();
    const pln_tensor *tensors;
    uint32_t n_tensors;
    char text[96];
    pln_trainer_report report = {.size = sizeof report};
    pln_status status = finetuning_next(f, &n, error);
    if (status == PLN_OK)
        status = pln_lessons_batch(f->lessons, epoch, first, n, &tensors, &n_tensors, error);
    const double waited = cli_seconds() - began;
    if (status == PLN_OK)
        status = pln_trainer_step(f->trainer, tensors, n_tensors, &report, error);
    if (status != PLN_OK)
        return status;
    finetuning_pass(f, n);
    cli_wait_end();
    snprintf(text, sizeof text, "loss %.4f", (double)report.loss);
    cli_progress_line(&f->progress, report.step, f->steps, text);
    return log_step(f, &report, n, cli_seconds() - began, waited, error);
}

/* ---- a checkpoint */

static json_t *best_json(const struct finetuning *f)
{
    json_t *json = json_object(), *scores = json_object();
    finetuning_set_scores(scores, "", &f->best);
    cli_set_json(json, "best_step", json_integer(f->best_step));
    cli_set_json(json, "stale", json_integer(f->stale));
    cli_set_json(json, "stopped_early", json_boolean(f->stopped));
    cli_set_json(json, "constant_prediction", f->best.constant[0] ? json_string(f->best.constant) : json_null());
    cli_set_json(json, "scores", scores);
    return json;
}

static pln_status write_checkpoint(void *context, const char *folder, pln_error *error)
{
    const struct finetuning *f = context;
    char path[PATH_MAX];
    pln_status status = pln_trainer_save(f->trainer, folder, error);
    if (status == PLN_OK)
        status = cli_path_join(folder, "best.json", path, error);
    if (status != PLN_OK)
        return status;
    json_t *json = best_json(f);
    if (!json || json_dump_file(json, path, JSON_COMPACT | JSON_REAL_PRECISION(17)) != 0)
        status = cli_path_fail(error, path, json ? strerror(errno) : "no memory");
    json_decref(json);
    return status;
}

static pln_status after_step(struct finetuning *f, pln_error *error)
{
    const uint32_t made = pln_trainer_steps(f->trainer);
    pln_status status = PLN_OK;
    const uint32_t every = f->o->run.validate_every;
    if ((every ? made % every == 0 : f->first == 0) || made == f->steps)
        status = finetuning_validate(f, error);
    if (status == PLN_OK && made % f->o->run.save_every == 0)
        status = cli_checkpoint_make(f->out, made, f->o->run.keep, write_checkpoint, f, error);
    return status;
}

static pln_status make_steps(struct finetuning *f, pln_error *error)
{
    const uint32_t stop = f->o->run.stop_after, last = stop && stop < f->steps ? stop : f->steps;
    pln_status status = PLN_OK;
    f->progress = cli_progress_begin("step");
    f->progress.before = f->begun;
    cli_wait_begin(true, "first step");
    bool whole = true; /* the last step was made with all that belongs to it */
    while (status == PLN_OK && !f->stopped && !cli_interrupted() && pln_trainer_steps(f->trainer) < last) {
        const uint32_t made = pln_trainer_steps(f->trainer);
        status = make_step(f, error);
        whole = pln_trainer_steps(f->trainer) == made; /* refused: all is as before it */
        if (status == PLN_OK) {
            status = after_step(f, error);
            whole = status == PLN_OK;
        }
    }
    cli_wait_end();
    cli_progress_end(&f->progress);
    pln_error unsaved;
    if (!whole || pln_trainer_steps(f->trainer) <= f->begun)
        return status;
    const pln_status saved =
        cli_checkpoint_make(f->out, pln_trainer_steps(f->trainer), f->o->run.keep, write_checkpoint, f, &unsaved);
    if (status == PLN_OK && saved != PLN_OK)
        *error = unsaved;
    return status == PLN_OK ? saved : status;
}

/* ---- the end */

static int write_results(const struct finetuning *f)
{
    char path[PATH_MAX];
    json_t *json = json_object();
    cli_set_json(json, "task", json_string(f->info->name));
    cli_set_json(json, "metric", json_string(f->metric));
    cli_set_json(json, "best_step", json_integer(f->best_step));
    cli_set_json(json, "steps", json_integer(pln_trainer_steps(f->trainer)));
    cli_set_json(json, "stopped_early", json_boolean(f->stopped));
    finetuning_set_scores(json, "", &f->best);
    cli_set_json(json, "constant_prediction", f->best.constant[0] ? json_string(f->best.constant) : json_null());
    snprintf(path, sizeof path, "%s/results.json", f->out);
    const int code = cli_write_json(path, json);
    json_decref(json);
    return code;
}

static int finish(struct finetuning *f, pln_status status, pln_error *error)
{
    int code = status == PLN_OK ? 0 : cli_fail(error);
    if (f->best.constant[0])
        fprintf(
            stderr,
            "pleione: warning: every row of the validation is given the label \"%s\": what usually helps is a lower "
            "--lr, --layer-decay 0.8 or 0.9, a longer --warmup-ratio, more --epochs, another --seed\n",
            f->best.constant);
    const int written = f->best_step ? write_results(f) : 0;
    printf("%u of %u steps, %s %.6g at step %u, in %s\n", pln_trainer_steps(f->trainer), f->steps, f->metric,
           finetuning_metric(f, &f->best), f->best_step, f->out);
    if (f->log && fclose(f->log) != 0 && !code) {
        cli_path_fail(error, f->log_path, strerror(errno));
        code = cli_fail(error);
    }
    f->log = NULL;
    const int ends[] = {code, written, follow_draw(&f->follow), follow_close(&f->follow)};
    uint32_t first = 0;
    while (first < 3 && ends[first] == 0)
        first++;
    return ends[first];
}

int finetuning_run(struct finetuning *f)
{
    pln_error error = {.status = PLN_OK};
    int code = finetuning_begin(f);
    if (!code && f->trainer) {
        const pln_status status = f->begun < f->steps && !f->stopped ? make_steps(f, &error) : PLN_OK;
        code = finish(f, status, &error);
    }
    finetuning_end(f);
    return code ? code : cli_interrupt_code();
}
