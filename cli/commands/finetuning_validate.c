/* SPDX-License-Identifier: Apache-2.0
 *
 * A validation: the weights as a model of a folder of their own, which is evaluated as any other; if it is the best, its
 * files become those of the run.
 */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "cli/commands/finetuning.h"
#include "cli/folders.h"
#include "cli/source.h"
#include "cli/step_log.h"

struct judging {
    const struct finetuning *f;
    pln_model *model;
    pln_session *session;
    pln_task *task;
    pln_scores *scores;
    bool confused; /* it counts which labels were given */
    struct cli_source source;
    struct cli_progress progress;
    pln_error problem;
};

static void close_judging(struct judging *j, bool own)
{
    pln_scores_destroy(&j->scores);
    pln_task_destroy(&j->task);
    pln_session_destroy(&j->session);
    if (own)
        pln_model_close(&j->model);
}

static pln_status open_judging(struct judging *j, pln_error *error)
{
    const struct finetuning *f = j->f;
    const pln_schedule_options placement = cli_placement(f->common);
    pln_session_options session = {.size = sizeof session};
    pln_scores_options scores = {.size = sizeof scores, .confusion = true};
    pln_status status = pln_task_prepare(j->model, f->info->name, f->options, f->n_options, &session, error);
    session.schedule = &placement;
    session.semantics = f->common->semantics;
    if (status == PLN_OK)
        status = pln_session_create(j->model, f->m.devices, &session, &j->session, error);
    if (status == PLN_OK)
        status = pln_task_create(j->session, f->info->name, f->options, f->n_options, &j->task, error);
    if (status != PLN_OK)
        return status;
    j->confused = pln_scores_create(j->task, &scores, &j->scores, error) == PLN_OK;
    scores.confusion = false;
    return j->confused ? PLN_OK : pln_scores_create(j->task, &scores, &j->scores, error);
}

/* ---- numbers */

static pln_status list_scores(const struct judging *j, struct finetuning_result *r, pln_error *error)
{
    const pln_score *const *list;
    uint32_t n;
    const pln_status status = pln_scores_result(j->scores, &list, &n, error);
    *r = (struct finetuning_result){0};
    for (uint32_t i = 0; status == PLN_OK && i < n && r->n < FINETUNING_SCORES; i++) {
        if (list[i]->label)
            continue;
        snprintf(r->names[r->n], FINETUNING_NAME, "%s", list[i]->name);
        r->values[r->n++] = list[i]->value;
    }
    return status;
}

/* One label for all rows, though they have several. */
static void find_constant(const struct judging *j, struct finetuning_result *r)
{
    const uint64_t *counts;
    uint32_t n, given = 0, right = 0, last = 0;
    if (!j->confused || pln_scores_confusion(j->scores, &counts, &n, NULL) != PLN_OK)
        return;
    for (uint32_t i = 0; i < n; i++) {
        bool is_given = false, is_right = false;
        for (uint32_t k = 0; k < n; k++) {
            is_given |= counts[(size_t)k * n + i] > 0;
            is_right |= counts[(size_t)i * n + k] > 0;
        }
        given += is_given;
        right += is_right;
        last = is_given ? i : last;
    }
    if (given == 1 && right > 1)
        snprintf(r->constant, sizeof r->constant, "%s", pln_model_label(j->model, last));
}

double finetuning_metric(const struct finetuning *f, const struct finetuning_result *r)
{
    for (uint32_t i = 0; i < r->n; i++)
        if (strcmp(r->names[i], f->metric) == 0)
            return r->values[i];
    return (double)NAN;
}

bool finetuning_better(const char *metric, double a, double b)
{
    static const char *const less[] = {"loss", "perplexity", "mse"};
    if (isnan(a) || isnan(b))
        return isnan(b) && !isnan(a);
    for (size_t i = 0; i < sizeof less / sizeof *less; i++)
        if (strcmp(metric, less[i]) == 0)
            return a < b;
    return a > b;
}

void finetuning_set_scores(json_t *object, const char *prefix, const struct finetuning_result *r)
{
    char name[FINETUNING_NAME + 16];
    for (uint32_t i = 0; i < r->n; i++) {
        snprintf(name, sizeof name, "%s%s", prefix, r->names[i]);
        cli_set_json(object, name, cli_json_number(r->values[i]));
    }
}

pln_status finetuning_probe(struct finetuning *f, pln_error *error)
{
    struct judging j = {.f = f, .model = f->m.model};
    struct finetuning_result r;
    pln_status status = open_judging(&j, error);
    if (status == PLN_OK)
        status = list_scores(&j, &r, error);
    close_judging(&j, false);
    if (status != PLN_OK)
        return status;
    bool found = !f->o->metric;
    size_t used = 0;
    char known[200] = "";
    for (uint32_t i = 0; i < r.n; i++) {
        found = found || strcmp(r.names[i], f->o->metric) == 0;
        used += used < sizeof known ? (size_t)snprintf(known + used, sizeof known - used, " %s", r.names[i]) : 0;
    }
    snprintf(f->metric, sizeof f->metric, "%s", f->o->metric ? f->o->metric : r.names[1]);
    if (found)
        return PLN_OK;
    *error = (pln_error){.status = PLN_INVALID, .node = -1};
    snprintf(error->message, sizeof error->message, "--metric \"%.60s\": the scores are%s", f->o->metric, known);
    return PLN_INVALID;
}

/* ---- rows */

/* It is not ended by an interrupt: a checkpoint behind it must be one of a whole step. */
static pln_status next_row(void *context, const pln_record **row, pln_error *error)
{
    return cli_source_next(&((struct judging *)context)->source, row, error);
}

static bool count_answer(void *context, const pln_answer *answer)
{
    struct judging *j = context;
    pln_error error;
    if (pln_scores_add(j->scores, answer, &error) == PLN_OK)
        return true;
    j->problem = error;
    snprintf(j->problem.message, sizeof j->problem.message, "%.200s: row %llu: %.250s", j->f->o->validation,
             (unsigned long long)answer->row + 1, error.message);
    return false;
}

static void show_progress(void *context, double rows)
{
    struct judging *j = context;
    cli_source_show(&j->source, &j->progress, 0, rows);
}

static pln_status judge_rows(struct judging *j, pln_error *error)
{
    static const struct cli_list none;
    static struct cli_task task;
    const pln_task_stream stream = {.size = sizeof stream,
                                    .context = j,
                                    .next = next_row,
                                    .answer = count_answer,
                                    .progress = show_progress,
                                    .labels = true};
    task = j->f->o->task;
    task.input = j->f->o->validation;
    pln_status status = cli_source_open(&j->source, &task, &none, error);
    j->source.labelled = true;
    if (status == PLN_OK)
        status = cli_source_use(&j->source, j->f->info, &task, error);
    j->progress = cli_progress_begin("validation");
    if (status == PLN_OK)
        status = pln_task_run(j->task, &stream, NULL, error);
    cli_progress_end(&j->progress);
    cli_source_close(&j->source);
    if (j->problem.status == PLN_OK)
        return status;
    *error = j->problem;
    return error->status;
}

/* ---- the best is kept */

/* Each file takes the place of the one before; weights and config of one run fit each other. */
static pln_status move_files(const char *from, const char *to, pln_error *error)
{
    char old[PATH_MAX], new[PATH_MAX];
    DIR *folder = opendir(from);
    pln_status status = folder ? PLN_OK : cli_path_fail(error, from, strerror(errno));
    for (const struct dirent *e; status == PLN_OK && (e = readdir(folder));) {
        if (e->d_name[0] == '.')
            continue;
        status = cli_path_join(from, e->d_name, old, error);
        if (status == PLN_OK)
            status = cli_path_join(to, e->d_name, new, error);
        if (status == PLN_OK && rename(old, new) != 0)
            status = cli_path_fail(error, new, strerror(errno));
    }
    if (folder)
        closedir(folder);
    return status;
}

static pln_status keep(struct finetuning *f, const char *folder, const struct finetuning_result *r, pln_error *error)
{
    const double value = finetuning_metric(f, r), best = finetuning_metric(f, &f->best);
    if (f->best_step && !finetuning_better(f->metric, value, best)) {
        f->stale++;
        f->stopped = f->o->early_stopping && f->stale >= f->o->early_stopping;
        return PLN_OK;
    }
    f->best = *r;
    f->best_step = pln_trainer_steps(f->trainer);
    f->stale = 0;
    return move_files(folder, f->out, error);
}

static pln_status log_scores(const struct finetuning *f, const struct finetuning_result *r, pln_error *error)
{
    const uint32_t step = pln_trainer_steps(f->trainer);
    json_t *line = json_object();
    cli_set_json(line, "step", json_integer(step));
    cli_set_json(line, "epoch", cli_json_number(finetuning_epoch(f, step)));
    finetuning_set_scores(line, "eval_", r);
    return follow_log(&f->follow, f->log, f->log_path, line, error);
}

pln_status finetuning_validate(struct finetuning *f, pln_error *error)
{
    static struct judging j; /* rows and columns */
    struct finetuning_result r;
    char folder[PATH_MAX];
    const pln_model_options options = {.size = sizeof options};
    j = (struct judging){.f = f};
    pln_status status = cli_path_join(f->out, ".validation", folder, error);
    if (status != PLN_OK)
        return status;
    cli_remove_folder(folder);
    status = pln_trainer_save_model(f->trainer, folder, error);
    if (status == PLN_OK) /* the model that is judged has the memory that steps had */
        status = pln_trainer_rest(f->trainer, error);
    if (status == PLN_OK)
        status = pln_model_open(f->m.runtime, folder, &options, &j.model, error);
    if (status == PLN_OK)
        status = open_judging(&j, error);
    if (status == PLN_OK)
        status = judge_rows(&j, error);
    if (status == PLN_OK)
        status = list_scores(&j, &r, error);
    if (status == PLN_OK)
        find_constant(&j, &r);
    close_judging(&j, true);
    if (status == PLN_OK)
        status = log_scores(f, &r, error);
    if (status == PLN_OK)
        status = keep(f, folder, &r, error);
    cli_remove_folder(folder);
    return status;
}
