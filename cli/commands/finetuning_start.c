/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a run begins: rows and model are looked at, then its folder is made, or what lies in it gone on with.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/checkpoints.h"
#include "cli/commands/finetuning.h"
#include "cli/folders.h"
#include "cli/record.h"
#include "cli/step_log.h"

/* ---- numbers that nobody gave are the recipe's */

struct recipe {
    struct cli_learning learning;
    double warmup_ratio, epochs;
    uint32_t length;
    bool sum;
};

static struct recipe recipe_of(const struct finetuning *f)
{
    const bool deep = pln_model_number(f->m.model, "num_hidden_layers") >= 24;
    static const struct cli_learning electra = {.learning_rate = 1e-4,
                                                .layer_decay = 0.8,
                                                .eps = 1e-6,
                                                .weight_decay = 0.01,
                                                .batch = 32,
                                                .warmup = UINT32_MAX,
                                                .bias_correction = "no",
                                                .dropout = (double)NAN};
    static const struct cli_learning trainer = {.learning_rate = 5e-5,
                                                .layer_decay = 1,
                                                .eps = 1e-8,
                                                .weight_decay = 0,
                                                .batch = 8,
                                                .bias_correction = "yes",
                                                .dropout = (double)NAN};
    if (strcmp(f->o->recipe, "huggingface") == 0)
        return (struct recipe){trainer, 0, 3, UINT32_MAX, false};
    struct recipe r = {electra, 0.1, f->info->epochs, f->info->lesson_tokens, true};
    if (deep)
        r.learning.layer_decay = 0.9;
    return r;
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
                 {"--class-weights", o->class_weights},
                 {"--answer-head", o->answer_head},
                 {"--metric", o->metric},
                 {"--shuffle", o->shuffle}};
    const struct {
        const char *name;
        double number;
    } numbers[] = {
        {"--epochs", o->epochs}, {"--warmup-ratio", o->warmup_ratio},         {"--max-length", o->max_length},
        {"--stride", o->stride}, {"--validate-every", o->run.validate_every}, {"--early-stopping", o->early_stopping}};
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
    cli_learning_describe(&o->learning, f->common, run);
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

static void settle_task(struct finetuning *f, struct finetuning_options *o)
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
    if (o->stride != UINT32_MAX && find_option(f, "max-length")) {
        snprintf(f->numbers[1], sizeof f->numbers[1], "%u", o->stride);
        set_option(f, "stride", f->numbers[1]);
    }
    if (o->answer_head)
        set_option(f, "answer-head", o->answer_head);
    if (too_long && strcmp(too_long->values, "error|cut") == 0)
        set_option(f, "too-long", "cut");
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

static double or_else(double number, double usual)
{
    return isnan(number) ? usual : number;
}

static pln_status check_parts(const struct finetuning *f, uint32_t parts, pln_error *error)
{
    const uint32_t last = f->batch ? pln_lessons_count(f->lessons) % f->batch : 0;
    if (!f->batch || (f->batch % parts == 0 && last % parts == 0))
        return PLN_OK;
    *error = (pln_error){.status = PLN_INVALID, .node = -1};
    snprintf(error->message, sizeof error->message,
             "--accumulate %u: batches of %u, of which the last has %u, cannot be run in as many equal parts", parts,
             f->batch, last ? last : f->batch);
    return PLN_INVALID;
}

/* What a step would refuse is refused before the folder is made. */
static pln_status check_first(struct finetuning *f, pln_error *error)
{
    const pln_tensor *tensors;
    uint32_t rows, n;
    pln_status status = finetuning_next(f, &rows, error);
    if (status == PLN_OK)
        status = pln_lessons_batch(f->lessons, f->epoch, f->first, rows, &tensors, &n, error);
    return status == PLN_OK ? pln_trainer_check(f->trainer, tensors, n, error) : status;
}

static pln_status make_trainer(struct finetuning *f, pln_error *error)
{
    const struct finetuning_options *o = f->o;
    const struct recipe r = recipe_of(f);
    struct cli_learning learning = o->learning;
    cli_learning_settle(&learning, &r.learning);
    pln_status status = finetuning_plan(f, learning.batch, or_else(o->epochs, r.epochs), error);
    if (status == PLN_OK)
        status = check_parts(f, learning.accumulate, error);
    if (status != PLN_OK)
        return status;
    learning.steps = f->steps;
    if (learning.warmup == UINT32_MAX)
        learning.warmup = (uint32_t)ceil(or_else(o->warmup_ratio, r.warmup_ratio) * f->steps - 1e-9);
    pln_schedule_options placement;
    pln_trainer_options options = cli_learning_trainer(&learning, f->common, &placement);
    options.head = pln_lessons_head(f->lessons);
    options.seed = f->seed;
    options.sum = o->reduction ? strcmp(o->reduction, "sum") == 0 : r.sum;
    options.label_smoothing = o->label_smoothing;
    float *weights = NULL;
    if (o->class_weights && strcmp(o->class_weights, "balanced") == 0) {
        uint32_t n;
        options.class_weights = weights = finetuning_balance(f, &n, error);
        options.n_class_weights = n;
        if (!weights)
            return error->status;
    }
    cli_wait_begin(true, "placing the training on %s", cli_choose_device(f->common));
    status = pln_trainer_create(f->m.model, f->m.devices, &options, &f->trainer, error);
    cli_wait_end();
    free(weights);
    return status == PLN_OK ? check_first(f, error) : status;
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
    pln_status status = cli_path_join(f->out, name, folder, error);
    if (status == PLN_OK)
        status = pln_trainer_restore(f->trainer, folder, error);
    if (status == PLN_OK)
        status = cli_path_join(folder, "best.json", path, error);
    if (status != PLN_OK)
        return status;
    json_t *json = json_load_file(path, 0, NULL);
    if (json_is_object(json))
        read_best(f, json);
    else
        status = cli_path_fail(error, path, "is no JSON object");
    json_decref(json);
    return status;
}

/* Where an earlier run was. */
static pln_status go_on(struct finetuning *f, pln_error *error)
{
    f->begun = cli_checkpoint_newest(f->out);
    const pln_status status = f->begun ? restore(f, f->begun, error) : PLN_OK;
    return status == PLN_OK ? finetuning_skip(f, f->begun, error) : status;
}

static int open_outputs(struct finetuning *f)
{
    pln_error error;
    snprintf(f->log_path, sizeof f->log_path, "%s%s", f->o->run.log ? f->o->run.log : f->out,
             f->o->run.log ? "" : "/log.jsonl");
    const struct follow_options wanted = {.plot = f->o->run.plot,
                                          .tensorboard = f->o->run.tensorboard,
                                          .log = f->log_path,
                                          .title = "Fine-tuning",
                                          .begun = f->begun,
                                          .steps = f->steps};
    int code = follow_try(&wanted);
    if (code == 0 && f->begun < f->steps && !f->stopped &&
        cli_log_open(f->log_path, f->begun, &f->log, &error) != PLN_OK)
        code = cli_fail(&error);
    if (code == 0)
        code = follow_open(&f->follow, &wanted);
    return code ? code : cli_record_write(f->out, describe_run(f));
}

static int open_all(struct finetuning *f)
{
    static struct finetuning_options settled; /* 32 KiB of columns */
    pln_error error;
    settled = *f->o;
    pln_status status = open_model(f, &error);
    if (status == PLN_OK)
        settle_task(f, &settled);
    f->o = &settled;
    if (status == PLN_OK)
        status = finetuning_lessons(f, &error);
    if (status == PLN_OK)
        status = finetuning_probe(f, &error);
    if (status == PLN_OK)
        status = make_trainer(f, &error);
    if (status != PLN_OK)
        return cli_interrupted() ? 0 : cli_fail(&error);
    int code = cli_record_check(f->out, f->o->run.resume, describe_run(f), NULL);
    if (code == 0)
        code = cli_record_claim(f->out);
    if (code == 0 && go_on(f, &error) != PLN_OK)
        code = cli_fail(&error);
    return code ? code : open_outputs(f);
}

/* A run that is refused leaves nothing. */
int finetuning_begin(struct finetuning *f)
{
    const int code = open_all(f);
    if (code)
        cli_undo_folders();
    else
        cli_keep_folders();
    return code;
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
