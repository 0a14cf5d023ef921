/* SPDX-License-Identifier: Apache-2.0
 *
 * A run of `pleione train`: what can be refused is refused before the first step; steps, their log, saves.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands/training.h"
#include "cli/folders.h"

struct run {
    const struct cli_training *t;
    struct cli_model m;
    pln_trainer *trainer;
    struct cli_rows rows;
    FILE *log;
    bool log_failed;
    uint32_t begun, steps; /* made by an earlier run; to be made in all */
    uint32_t saved;        /* the steps in --out */
    int code;              /* of what went wrong on the way and did not end the run */
    struct cli_progress progress;
};

/* ---- before the first step */

static pln_status check_rows(struct run *r, pln_error *error)
{
    const uint64_t period = cli_rows_period(&r->rows);
    pln_status status = PLN_OK;
    pln_error found;
    for (uint32_t i = r->begun; status == PLN_OK && i < r->steps && !cli_interrupted(); i++) {
        if (period && i - r->begun == period)
            break;
        cli_rows_take(&r->rows, i);
        status = pln_trainer_check(r->trainer, r->rows.tensors, r->rows.n, &found);
        if (status != PLN_OK) {
            *error = (pln_error){.status = status, .node = -1};
            snprintf(error->message, sizeof error->message, "%.150s: step %u: %.320s", r->t->data, i + 1,
                     found.message);
        }
    }
    return status;
}

static pln_status open_rows(struct run *r, pln_error *error)
{
    pln_status status = PLN_OK;
    if (r->t->shuffle)
        status = cli_rows_shuffle(&r->rows, pln_trainer_seed(r->trainer), error);
    else if (cli_rows_sorted(&r->rows))
        fprintf(stderr,
                "pleione: warning: %s: the rows are sorted by label, so that a batch sees few of them; --shuffle\n",
                r->t->data);
    return status == PLN_OK ? check_rows(r, error) : status;
}

static pln_status say_unwritten(const struct run *r, pln_error *error)
{
    *error = (pln_error){.status = errno == ENOMEM ? PLN_NO_MEMORY : PLN_FAILED, .node = -1};
    snprintf(error->message, sizeof error->message, "%.300s: cannot be written: %s", r->t->log, strerror(errno));
    return error->status;
}

static pln_status open_log(struct run *r, pln_error *error)
{
    if (!r->t->log)
        return PLN_OK;
    r->log = fopen(r->t->log, r->t->resume ? "a" : "w");
    return r->log ? PLN_OK : say_unwritten(r, error);
}

static pln_status open_trainer(struct run *r, const struct cli_common *common, const char *directory,
                               const pln_trainer_options *options, pln_error *error)
{
    pln_status status = cli_open_devices(common, &r->m, error);
    if (status == PLN_OK)
        status = cli_open_model(common, directory, false, &r->m, error);
    if (status == PLN_OK)
        status = pln_trainer_create(r->m.model, r->m.devices, options, &r->trainer, error);
    if (status == PLN_OK)
        status = cli_make_parents(r->t->out, error);
    if (status == PLN_OK) /* before --resume, which may name a directory that a killed run left aside */
        status = pln_trainer_check_save(r->trainer, r->t->out, error);
    if (status == PLN_OK && r->t->resume)
        status = pln_trainer_restore(r->trainer, r->t->resume, error);
    return status;
}

/* The log is emptied last, when nothing else can be refused. */
static pln_status open_run(struct run *r, const struct cli_common *common, const char *directory, pln_error *error)
{
    pln_schedule_options placement;
    pln_trainer_options options = cli_learning_trainer(&r->t->learning, common, &placement);
    const uint32_t batch = r->t->learning.batch;
    pln_status status = cli_rows_open(&r->rows, r->t->data, batch, error);
    options.head = r->t->head;
    r->steps = r->t->learning.steps;
    if (status == PLN_OK && !r->steps) /* once through the rows */
        r->steps = (uint32_t)((r->rows.rows + batch - 1) / batch);
    options.steps = r->steps;
    if (status == PLN_OK)
        status = open_trainer(r, common, directory, &options, error);
    if (status == PLN_OK)
        r->saved = r->begun = pln_trainer_steps(r->trainer);
    if (status == PLN_OK && r->begun < r->steps)
        status = open_rows(r, error);
    return status == PLN_OK && r->begun < r->steps ? open_log(r, error) : status;
}

static void close_run(struct run *r)
{
    pln_trainer_destroy(&r->trainer);
    cli_rows_close(&r->rows);
    cli_close(&r->m);
}

/* ---- steps */

/* Said once, when it happens; the steps are worth more than the log. */
static void fail_log(struct run *r)
{
    pln_error error;
    say_unwritten(r, &error);
    if (!r->log_failed)
        r->code = cli_fail(&error);
    r->log_failed = true;
}

static void log_step(struct run *r, const pln_trainer_report *report, double rate, long faults)
{
    if (!r->log || r->log_failed)
        return;
    errno = ENOMEM; /* what is wrong if there is no line */
    json_t *line = json_pack("{s:I,s:f,s:f,s:f,s:f,s:I}", "step", (json_int_t)report->step, "loss",
                             (double)report->loss, "gradient_norm", (double)report->gradient_norm, "learning_rate",
                             (double)report->learning_rate, "tokens_per_s", rate, "page_faults", (json_int_t)faults);
    if (!line || json_dumpf(line, r->log, JSON_COMPACT | JSON_REAL_PRECISION(9)) != 0 || fputc('\n', r->log) == EOF ||
        ferror(r->log) || fflush(r->log) != 0)
        fail_log(r);
    json_decref(line);
}

static void report_step(struct run *r, const pln_trainer_report *report, double seconds, long faults)
{
    const double rate = (double)report->tokens / seconds;
    log_step(r, report, rate, faults);
    char text[160];
    snprintf(text, sizeof text, "loss %.4f  %.0f tokens/s  gradient norm %.3f  learning rate %.2e",
             (double)report->loss, rate, (double)report->gradient_norm, (double)report->learning_rate);
    cli_progress_line(&r->progress, report->step, r->steps, text);
}

/* One that fails is said, and the steps go on: the next may find room. */
static void save_between(struct run *r)
{
    pln_error error;
    const uint32_t made = pln_trainer_steps(r->trainer);
    if (!r->t->save_every || made % r->t->save_every || made >= r->steps)
        return;
    const pln_status status = r->t->keep ? pln_trainer_save_step(r->trainer, r->t->out, r->t->keep, &error)
                                         : pln_trainer_save(r->trainer, r->t->out, &error);
    if (status != PLN_OK)
        r->code = cli_fail(&error);
    else if (!r->t->keep)
        r->saved = made;
}

static pln_status make_steps(struct run *r, pln_trainer_report *report, pln_error *error)
{
    pln_status status = PLN_OK;
    r->progress = cli_progress_begin("step");
    r->progress.before = r->begun;
    cli_wait_begin(true, "first step");
    while (status == PLN_OK && !cli_interrupted() && pln_trainer_steps(r->trainer) < r->steps) {
        const long faults = cli_page_faults();
        const double begin = cli_seconds();
        cli_rows_take(&r->rows, pln_trainer_steps(r->trainer));
        status = pln_tensor_file_check(r->rows.file, error); /* the rows were copied out of it */
        if (status == PLN_OK)
            status = pln_trainer_step(r->trainer, r->rows.tensors, r->rows.n, report, error);
        if (status == PLN_OK) {
            cli_wait_end();
            report_step(r, report, cli_seconds() - begin, cli_page_faults() - faults);
            save_between(r);
        }
    }
    cli_wait_end();
    cli_progress_end(&r->progress);
    return status;
}

/* ---- after the last */

static bool is_same(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static void save(struct run *r, const pln_trainer_report *report)
{
    pln_error error;
    const uint32_t made = pln_trainer_steps(r->trainer);
    const bool idle = r->begun >= r->steps;
    if (idle)
        printf("nothing to do: %u of %u steps were made in %s\n", r->begun, r->steps, r->t->resume);
    if (idle ? is_same(r->t->resume, r->t->out) : made == r->begun)
        return;
    if ((idle || made != r->saved) && pln_trainer_save(r->trainer, r->t->out, &error) != PLN_OK)
        r->code = cli_fail(&error);
    else if (idle)
        printf("saved in %s\n", r->t->out);
    else
        printf("%u steps, loss %.6f, saved in %s\n", made, (double)report->loss, r->t->out);
}

int cli_training_run(const struct cli_training *training, const struct cli_common *common, const char *directory)
{
    struct run r = {.t = training};
    pln_error error;
    pln_trainer_report report = {.size = sizeof report};
    pln_status status = open_run(&r, common, directory, &error);
    if (status == PLN_OK) {
        if (r.begun < r.steps)
            status = make_steps(&r, &report, &error);
        save(&r, &report);
    }
    if (status != PLN_OK)
        r.code = cli_fail(&error);
    cli_undo_folders(); /* above --out: of one that was refused they are empty */
    if (r.log && fclose(r.log) != 0)
        fail_log(&r);
    close_run(&r);
    const int written = cli_finish_output();
    if (r.code || written)
        return r.code ? r.code : written;
    return cli_interrupt_code();
}
