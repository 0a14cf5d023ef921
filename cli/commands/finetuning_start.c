/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a run begins: rows and model are looked at, then its folder is made, or what lies in it gone on with.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/checkpoints.h"
#include "cli/commands/finetuning.h"
#include "cli/record.h"
#include "cli/step_log.h"

/* ---- numbers that nobody gave are the recipe's */

struct recipe {
    double learning_rate, layer_decay, warmup, eps, decay, epochs;
    uint32_t batch, length;
    bool no_correction, sum;
};

static struct recipe recipe_of(const struct finetuning *f)
{
    const bool deep = pln_model_number(f->m.model, "num_hidden_layers") >= 24;
    const bool answers = f->info->head == PLN_HEAD_QUESTION_ANSWERING;
    if (strcmp(f->o->recipe, "huggingface") == 0)
        return (struct recipe){5e-5, 1, 0, 1e-8, 0, 3, 8, UINT32_MAX, false, false};
    return (struct recipe){1e-4, deep ? 0.9 : 0.8,    0.1,  1e-6, 0.01, answers ? 2 : 3,
                           32,   answers ? 512 : 128, true, true};
}

static void take_real(double *number, double usual)
{
    if (isnan(*number))
        *number = usual;
}

/* The options as they are used, by their names: what a run is gone on with. */
static json_t *describe_run(const struct finetuning *f)
{
    const struct finetuning_options *o = f->o;
    const struct {
        const char *name, *text;
    } texts[] = {{"MODEL", o->model},
                 {"--task", o->task.name},
                 {"--train", o->train},
                 {"--validation", o->validation},
                 {"--input-format", o->task.format},
                 {"--label-column", o->label},
                 {"--recipe", o->recipe},
                 {"--problem-type", o->problem_type},
                 {"--labels", o->labels},
                 {"--reduction", o->reduction},
                 {"--schedule", o->schedule},
                 {"--bias-correction", o->bias_correction},
                 {"--metric", o->metric},
                 {"--shuffle", o->shuffle}};
    const struct {
        const char *name;
        double number;
    } numbers[] = {{"--batch", o->batch},
                   {"--steps", o->steps},
                   {"--epochs", o->epochs},
                   {"--warmup", o->warmup},
                   {"--warmup-ratio", o->warmup_ratio},
                   {"--accumulate", o->accumulate},
                   {"--max-length", o->max_length},
                   {"--stride", o->stride},
                   {"--validate-every", o->validate_every},
                   {"--early-stopping", o->early_stopping},
                   {"--lr", o->learning_rate},
                   {"--weight-decay", o->weight_decay},
                   {"--clip", o->clip},
                   {"--beta1", o->beta1},
                   {"--beta2", o->beta2},
                   {"--eps", o->eps},
                   {"--layer-decay", o->layer_decay},
                   {"--dropout", o->dropout}};
    json_t *run = json_object(), *columns = json_array();
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)f->seed);
    cli_set_json(run, "--seed", json_string(seed));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cli_set_json(run, texts[i].name,
                     texts[i].text ? cli_json_text(texts[i].text, strlen(texts[i].text)) : json_null());
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        cli_set_json(run, numbers[i].name, cli_json_number(numbers[i].number));
    for (uint32_t i = 0; i < o->task.columns.n; i++)
        cli_append_json(columns, cli_json_text(o->task.columns.items[i], strlen(o->task.columns.items[i])));
    cli_set_json(run, "--column", columns);
    return run;
}

/* ---- what the task is told */

static const pln_option_info *find_option(const struct finetuning *f, const char *key)
{
    for (const pln_option_info *o = f->info->options; o->key; o++)
        if (strcmp(o->key, key) == 0)
            return o;
    return NULL;
}

static void set_option(struct finetuning *f, const char *key, const char *value)
{
    f->options[f->n_options++] = (pln_option){key, value};
}

static pln_status settle_task(struct finetuning *f, struct finetuning_options *o, pln_error *error)
{
    const struct recipe recipe = recipe_of(f);
    const pln_option_info *too_long = find_option(f, "too-long");
    const uint32_t most = (uint32_t)pln_model_number(f->m.model, "max_position_embeddings");
    const uint32_t usual = o->max_length ? o->max_length : recipe.length;
    o->max_length = usual < most ? usual : most;
    f->n_options = 0;
    if (find_option(f, "max-length")) {
        snprintf(f->numbers[0], sizeof f->numbers[0], "%u", o->max_length);
        set_option(f, "max-length", f->numbers[0]);
    }
    if (o->stride != UINT32_MAX && !find_option(f, "max-length")) {
        *error = (pln_error){.status = PLN_INVALID, .node = -1};
        snprintf(error->message, sizeof error->message,
                 "--stride: the task %s makes no windows that overlap in training", f->info->name);
        return PLN_INVALID;
    }
    if (o->stride != UINT32_MAX) {
        snprintf(f->numbers[1], sizeof f->numbers[1], "%u", o->stride);
        set_option(f, "stride", f->numbers[1]);
    }
    if (too_long && strcmp(too_long->values, "error|cut") == 0)
        set_option(f, "too-long", "cut");
    return PLN_OK;
}

/* ---- opening */

static pln_status open_model(struct finetuning *f, pln_error *error)
{
    pln_model_options options = cli_model_options(f->common);
    pln_status status = cli_open_devices(f->common, &f->m, error);
    if (status == PLN_OK) /* for its labels */
        status = cli_open_model(f->common, f->o->model, false, &f->m, error);
    if (status == PLN_OK)
        status = finetuning_labels(f, error);
    if (status != PLN_OK)
        return status;
    options.seed = f->seed;
    options.labels = f->labels;
    options.n_labels = f->n_labels;
    options.problem_type = f->problem_type;
    pln_model_close(&f->m.model);
    return pln_model_open(f->m.runtime, f->o->model, &options, &f->m.model, error);
}

static uint32_t round_up(double x)
{
    const double up = ceil(x - 1e-9);
    return up < 1 ? 1 : up < UINT32_MAX ? (uint32_t)up : UINT32_MAX;
}

static pln_status make_trainer(struct finetuning *f, pln_error *error)
{
    struct finetuning_options o = *f->o;
    const struct recipe r = recipe_of(f);
    take_real(&o.learning_rate, r.learning_rate);
    take_real(&o.layer_decay, r.layer_decay);
    take_real(&o.eps, r.eps);
    take_real(&o.weight_decay, r.decay);
    take_real(&o.epochs, r.epochs);
    take_real(&o.warmup_ratio, r.warmup);
    const uint32_t lessons = pln_lessons_count(f->lessons);
    f->batch = o.batch ? o.batch : r.batch;
    f->per_epoch = lessons / f->batch + (lessons % f->batch > 0);
    f->steps = o.steps ? o.steps : round_up(f->per_epoch * o.epochs);
    f->validate_every = o.validate_every ? o.validate_every : f->per_epoch;
    const double ramp = ceil(o.warmup_ratio * f->steps - 1e-9);
    const pln_schedule_options placement = cli_placement(f->common);
    const pln_trainer_options options = {
        .size = sizeof options,
        .head = pln_lessons_head(f->lessons),
        .learning_rate = o.learning_rate,
        .beta1 = o.beta1,
        .beta2 = o.beta2,
        .eps = o.eps,
        .weight_decay = o.weight_decay,
        .clip = o.clip,
        .no_bias_correction = o.bias_correction ? strcmp(o.bias_correction, "no") == 0 : r.no_correction,
        .schedule = strcmp(o.schedule, "linear") == 0 ? PLN_RATE_SCHEDULE_LINEAR : PLN_RATE_SCHEDULE_CONSTANT,
        .warmup = o.warmup != UINT32_MAX ? o.warmup : (uint32_t)ramp,
        .steps = f->steps,
        .layer_decay = o.layer_decay,
        .accumulate = o.accumulate,
        .dropout = o.dropout,
        .seed = f->seed,
        .recompute = o.recompute,
        .placement = &placement,
        .semantics = f->common->semantics,
        .sum = o.reduction ? strcmp(o.reduction, "sum") == 0 : r.sum};
    if (f->batch % o.accumulate || (lessons % f->batch) % o.accumulate) {
        *error = (pln_error){.status = PLN_INVALID, .node = -1};
        snprintf(error->message, sizeof error->message,
                 "--accumulate %u: batches of %u, of which the last has %u, cannot be run in as many equal parts",
                 o.accumulate, f->batch, lessons % f->batch ? lessons % f->batch : f->batch);
        return PLN_INVALID;
    }
    return pln_trainer_create(f->m.model, f->m.devices, &options, &f->trainer, error);
}

/* ---- going on */

static void read_best(struct finetuning *f, const json_t *json)
{
    const char *key;
    json_t *value;
    const char *constant = json_string_value(json_object_get(json, "constant_prediction"));
    f->best_step = (uint32_t)json_integer_value(json_object_get(json, "best_step"));
    f->stale = (uint32_t)json_integer_value(json_object_get(json, "stale"));
    f->stopped = json_is_true(json_object_get(json, "stopped_early"));
    snprintf(f->best.constant, sizeof f->best.constant, "%s", constant ? constant : "");
    json_object_foreach(json_object_get(json, "scores"), key, value)
    {
        if (f->best.n == FINETUNING_SCORES)
            break;
        snprintf(f->best.names[f->best.n], FINETUNING_NAME, "%s", key);
        f->best.values[f->best.n++] = json_is_number(value) ? json_number_value(value) : (double)NAN;
    }
}

static pln_status restore(struct finetuning *f, uint32_t at, pln_error *error)
{
    char name[32], folder[PATH_MAX], path[PATH_MAX];
    snprintf(name, sizeof name, CLI_CHECKPOINT "%u", at);
    pln_status status = cli_checkpoint_join(f->out, name, folder, error);
    if (status == PLN_OK)
        status = pln_trainer_restore(f->trainer, folder, error);
    if (status == PLN_OK)
        status = cli_checkpoint_join(folder, "best.json", path, error);
    if (status != PLN_OK)
        return status;
    json_t *json = json_load_file(path, 0, NULL);
    if (json_is_object(json))
        read_best(f, json);
    else
        status = cli_checkpoint_fail(error, path, "is no JSON object");
    json_decref(json);
    return status;
}

int finetuning_begin(struct finetuning *f)
{
    static struct finetuning_options settled; /* 32 KiB of columns */
    pln_error error;
    settled = *f->o;
    pln_status status = open_model(f, &error);
    if (status == PLN_OK)
        status = settle_task(f, &settled, &error);
    f->o = &settled;
    if (status == PLN_OK)
        status = finetuning_lessons(f, &error);
    if (status == PLN_OK)
        status = finetuning_probe(f, &error);
    if (status == PLN_OK)
        status = make_trainer(f, &error);
    if (status != PLN_OK)
        return cli_interrupted() ? 0 : cli_fail(&error);
    int code = cli_record_check(f->out, f->o->resume, describe_run(f), NULL);
    if (code == 0)
        code = cli_record_write(f->out, describe_run(f));
    if (code)
        return code;
    f->begun = cli_checkpoint_newest(f->out);
    if (f->begun)
        status = restore(f, f->begun, &error);
    snprintf(f->log_path, sizeof f->log_path, "%s%s", f->o->log ? f->o->log : f->out, f->o->log ? "" : "/log.jsonl");
    if (status == PLN_OK && f->begun < f->steps && !f->stopped)
        status = cli_log_open(f->log_path, f->begun, &f->log, &error);
    return status == PLN_OK ? 0 : cli_fail(&error);
}

void finetuning_end(struct finetuning *f)
{
    pln_trainer_destroy(&f->trainer);
    pln_lessons_destroy(&f->lessons);
    free(f->labels);
    free(f->label_texts);
    f->labels = NULL;
    f->label_texts = NULL;
    cli_close(&f->m);
}
