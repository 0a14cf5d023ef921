/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione train: steps on raw tensors, a Hugging Face directory out.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/rows.h"

struct train {
    const char *head, *data, *out, *resume, *log, *schedule, *bias_correction;
    uint32_t batch, steps, warmup, accumulate;
    double learning_rate, weight_decay, clip, beta1, beta2, eps, layer_decay, dropout;
    bool recompute;
};

struct run {
    const struct train *t;
    struct cli_model m;
    pln_trainer *trainer;
    struct cli_rows rows;
    FILE *log;
    uint32_t begun, steps; /* made by an earlier run; to be made in all */
    bool shows;     /* progress, on a terminal */
};

static pln_status fill_options(const struct train *t, const struct cli_common *common, pln_trainer_options *o,
                               pln_error *error)
{
    *o = (pln_trainer_options){
        .learning_rate = t->learning_rate,
        .beta1 = t->beta1,
        .beta2 = t->beta2,
        .eps = t->eps,
        .weight_decay = t->weight_decay,
        .clip = t->clip,
        .no_bias_correction = strcmp(t->bias_correction, "no") == 0,
        .schedule = strcmp(t->schedule, "linear") == 0 ? PLN_RATE_LINEAR : PLN_RATE_CONSTANT,
        .warmup = t->warmup,
        .layer_decay = t->layer_decay,
        .accumulate = t->accumulate,
        .dropout = t->dropout,
        .seed = common->seed,
        .recompute = t->recompute,
        .placement = {.place = common->place.items, .n_place = common->place.n, .no_fallback = common->no_fallback}};
    if (!t->head || pln_head_find(t->head, &o->head))
        return PLN_OK;
    *error = (pln_error){.status = PLN_INVALID, .node = -1};
    snprintf(error->message, sizeof error->message, "no head \"%s\"; --help lists them", t->head);
    return PLN_INVALID;
}

/* Said before the first step, not after the last. */
static pln_status check_out(const char *out, pln_error *error)
{
    char parent[4096];
    const int fits = snprintf(parent, sizeof parent, "%s", out);
    for (size_t n = strlen(parent); n > 1 && parent[n - 1] == '/'; n--)
        parent[n - 1] = '\0';
    char *last = strrchr(parent, '/');
    if (last)
        last[last == parent] = '\0';
    if (fits >= 0 && (size_t)fits < sizeof parent && access(last ? parent : ".", W_OK | X_OK) == 0)
        return PLN_OK;
    *error = (pln_error){.status = PLN_FAILED, .node = -1};
    snprintf(error->message, sizeof error->message, "%.200s: its folder cannot be written: %s", out, strerror(errno));
    return PLN_FAILED;
}

static pln_status open_log(struct run *r, pln_error *error)
{
    if (!r->t->log)
        return PLN_OK;
    r->log = fopen(r->t->log, r->t->resume ? "a" : "w");
    if (r->log)
        return PLN_OK;
    *error = (pln_error){.status = PLN_FAILED, .node = -1};
    snprintf(error->message, sizeof error->message, "%s: cannot be written: %s", r->t->log, strerror(errno));
    return PLN_FAILED;
}

static pln_status open_run(struct run *r, const struct cli_common *common, const char *directory, pln_error *error)
{
    const pln_model_options model_options = {.seed = common->seed};
    pln_trainer_options options;
    pln_status status = fill_options(r->t, common, &options, error);
    if (status == PLN_OK)
        status = check_out(r->t->out, error);
    if (status == PLN_OK)
        status = cli_rows_open(&r->rows, r->t->data, r->t->batch, error);
    r->steps = r->t->steps;
    if (status == PLN_OK && !r->steps) /* once through the rows */
        r->steps = (uint32_t)((r->rows.rows + r->t->batch - 1) / r->t->batch);
    options.steps = r->steps;
    if (status == PLN_OK)
        status = cli_open_runtime(common, &r->m.runtime, error);
    if (status == PLN_OK)
        status = pln_devices_open(r->m.runtime, cli_choose_device(common), common->device_options.items,
                                  common->device_options.n, &r->m.devices, error);
    if (status == PLN_OK)
        status = pln_model_open(r->m.runtime, directory, &model_options, &r->m.model, error);
    if (status == PLN_OK)
        status = pln_trainer_create(r->m.model, r->m.devices, &options, &r->trainer, error);
    if (status == PLN_OK && r->t->resume)
        status = pln_trainer_restore(r->trainer, r->t->resume, error);
    if (status == PLN_OK)
        r->begun = pln_trainer_steps(r->trainer);
    return status == PLN_OK ? open_log(r, error) : status;
}

static void close_run(struct run *r)
{
    pln_trainer_destroy(&r->trainer);
    cli_rows_close(&r->rows);
    cli_close(&r->m);
}

static long page_faults(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt + usage.ru_majflt;
}

static void report_step(struct run *r, const pln_trainer_report *report, double seconds, long faults)
{
    const double rate = (double)report->tokens / seconds;
    if (r->log) {
        json_t *line =
            json_pack("{s:I,s:f,s:f,s:f,s:f,s:I}", "step", (json_int_t)report->step, "loss", (double)report->loss,
                      "gradient_norm", (double)report->gradient_norm, "learning_rate", (double)report->learning_rate,
                      "tokens_per_s", rate, "page_faults", (json_int_t)faults);
        json_dumpf(line, r->log, JSON_COMPACT | JSON_REAL_PRECISION(9));
        fputc('\n', r->log);
        fflush(r->log);
        json_decref(line);
    }
    if (r->shows)
        fprintf(stderr, "\rstep %u of %u  loss %.4f  gradient norm %.3f  learning rate %.2e  %.0f tokens/s \033[K",
                report->step, r->steps, (double)report->loss, (double)report->gradient_norm,
                (double)report->learning_rate, rate);
}

static pln_status make_steps(struct run *r, pln_trainer_report *report, pln_error *error)
{
    pln_status status = PLN_OK;
    while (status == PLN_OK && !cli_interrupted() && pln_trainer_steps(r->trainer) < r->steps) {
        const long faults = page_faults();
        const double begin = cli_seconds();
        cli_rows_take(&r->rows, pln_trainer_steps(r->trainer));
        status = pln_trainer_step(r->trainer, r->rows.tensors, r->rows.n, report, error);
        if (status == PLN_OK)
            report_step(r, report, cli_seconds() - begin, page_faults() - faults);
    }
    if (r->shows)
        fputc('\n', stderr);
    return status;
}

/* What was reached is saved, whether all went well, the user stopped it, or a step failed. */
static int train(const struct train *t, const struct cli_common *common, const char *directory)
{
    struct run r = {.t = t, .shows = isatty(STDERR_FILENO)};
    pln_error error, saving;
    pln_trainer_report report = {0};
    pln_status status = open_run(&r, common, directory, &error);
    int code = 0;
    if (status == PLN_OK) {
        status = make_steps(&r, &report, &error);
        if (pln_trainer_steps(r.trainer) > r.begun && pln_trainer_save(r.trainer, t->out, &saving) != PLN_OK)
            code = cli_fail(&saving);
        else if (pln_trainer_steps(r.trainer) > r.begun)
            printf("%u steps, loss %.6f, saved in %s\n", pln_trainer_steps(r.trainer), (double)report.loss, t->out);
    }
    if (status != PLN_OK)
        code = cli_fail(&error);
    if (r.log && fclose(r.log) != 0 && !code) {
        fprintf(stderr, "pleione: %s: cannot be written: %s\n", t->log, strerror(errno));
        code = PLN_FAILED;
    }
    close_run(&r);
    const int written = cli_finish_output();
    return code ? code : written ? written : cli_interrupted() ? CLI_INTERRUPTED : 0;
}

static bool one_of(const char *option, const char *value, const char *a, const char *b)
{
    const bool known = strcmp(value, a) == 0 || strcmp(value, b) == 0;
    if (!known)
        cli_usage_error("option %s: \"%s\" is neither %s nor %s", option, value, a, b);
    return known;
}

int cli_train(int argc, char **argv)
{
    struct cli_common common = {0};
    struct train t = {.schedule = "constant",
                      .bias_correction = "yes",
                      .batch = 32,
                      .accumulate = 1,
                      .learning_rate = 1e-4,
                      .weight_decay = 0.01,
                      .clip = 1,
                      .beta1 = 0.9,
                      .beta2 = 0.999,
                      .eps = 1e-6,
                      .layer_decay = 1,
                      .dropout = -1};
    struct cli_list arguments = {0};
    const struct cli_option own[] = {
        {"--head", CLI_TEXT, &t.head, "H", "as in `pleione forward` (default: the config's)"},
        {"--data", CLI_TEXT, &t.data, "FILE", "safetensors: input_ids, attention_mask, labels, ...; rows in order"},
        {"--out", CLI_TEXT, &t.out, "DIR", "Hugging Face directory to write, with the trainer's state"},
        {"--batch", CLI_UNSIGNED, &t.batch, "B", "rows a step (default 32)"},
        {"--steps", CLI_UNSIGNED, &t.steps, "N", "in all (default: once through the rows)"},
        {"--lr", CLI_REAL, &t.learning_rate, "X", "learning rate (default 1e-4)"},
        {"--schedule", CLI_TEXT, &t.schedule, "constant|linear",
         "linear: falls to 0 at the last step (default constant)"},
        {"--warmup", CLI_COUNT, &t.warmup, "N", "steps in which the rate rises from 0 (default 0)"},
        {"--weight-decay", CLI_REAL, &t.weight_decay, "W", "biases and LayerNorm excluded (default 0.01)"},
        {"--clip", CLI_REAL, &t.clip, "C", "global norm of the gradients; 0 is off (default 1)"},
        {"--beta1", CLI_REAL, &t.beta1, "X", "of AdamW (default 0.9)"},
        {"--beta2", CLI_REAL, &t.beta2, "X", "of AdamW (default 0.999)"},
        {"--eps", CLI_REAL, &t.eps, "X", "of AdamW (default 1e-6)"},
        {"--bias-correction", CLI_TEXT, &t.bias_correction, "yes|no", "of AdamW (default yes)"},
        {"--layer-decay", CLI_REAL, &t.layer_decay, "D", "of the rate, layer by layer downwards (default 1)"},
        {"--accumulate", CLI_UNSIGNED, &t.accumulate, "N", "equal parts in which a batch is run (default 1)"},
        {"--dropout", CLI_REAL, &t.dropout, "P", "everywhere (default: the config's rates)"},
        {"--recompute", CLI_FLAG, &t.recompute, NULL, "layers are computed again for the backward pass: less memory"},
        {"--log", CLI_TEXT, &t.log, "FILE.jsonl",
         "one object a step: step loss gradient_norm learning_rate tokens_per_s page_faults"},
        {"--resume", CLI_TEXT, &t.resume, "DIR", "goes on from what an earlier run saved"},
    };
    enum { OWN = sizeof own / sizeof *own };
    struct cli_option options[CLI_COMMON_OPTIONS + OWN];
    cli_common_options(&common, "--device", options);
    memcpy(options + CLI_COMMON_OPTIONS, own, sizeof own);
    static const struct cli_usage usage = {
        .synopsis = "train MODEL --data FILE --out DIR",
        .description = "Trains on raw tensors, as `pleione forward` takes them, labels included. An interrupt finishes "
                       "the step, saves, and exits\n"
                       "with 130; a loss that is not finite saves what was good before it and exits with 1.",
        .examples =
            "  pleione train MODEL --head sequence-classification --data train.safetensors --out tuned --steps 100\n"
            "  pleione train MODEL --data train.safetensors --out tuned --steps 200 --resume tuned --device vulkan\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, options, CLI_COMMON_OPTIONS + OWN, &arguments);
    if (parsed)
        return parsed - 1;
    if (arguments.n != 1 || !t.data || !t.out)
        return cli_usage_error("train needs one MODEL directory, --data FILE and --out DIR");
    if (!one_of("--schedule", t.schedule, "constant", "linear") ||
        !one_of("--bias-correction", t.bias_correction, "yes", "no"))
        return PLN_INVALID;
    cli_catch_interrupt();
    return train(&t, &common, arguments.items[0]);
}
