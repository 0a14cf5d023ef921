/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione finetune: rows with labels in, a model for a task out. The options, and one run or one for each seed.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands/commands.h"
#include "cli/commands/finetuning.h"
#include "cli/folders.h"
#include "cli/record.h"
#include "cli/step_log.h"

enum { MOST_SEEDS = 64 };

/* ---- what can be refused by its word */

static int check_numbers(const struct finetuning_options *o)
{
    if (o->learning.steps && !isnan(o->epochs))
        return cli_usage_error("--steps and --epochs exclude each other");
    if (o->learning.warmup != UINT32_MAX && !isnan(o->warmup_ratio))
        return cli_usage_error("--warmup and --warmup-ratio exclude each other");
    if (o->batch_tokens && o->learning.batch)
        return cli_usage_error("--batch and --batch-tokens exclude each other");
    if (o->batch_tokens && o->learning.accumulate > 1)
        return cli_usage_error("--batch-tokens: batches have any number of rows, which --accumulate cannot part");
    return 0;
}

static int check(struct finetuning_options *o, const pln_task_info **info)
{
    if (!o->task.name || !o->train || !o->validation || !o->out)
        return cli_usage_error("finetune needs a MODEL, --task T, --train FILE, --validation FILE and --out DIR");
    int code = cli_task_check(&o->task);
    if (code == 0)
        code = check_numbers(o);
    if (code == 0 && pln_task_find(o->task.name, info)) {
        if (!(*info)->scores[0])
            code = cli_usage_error("the task %s learns nothing: nobody labels its rows", o->task.name);
        else
            code = cli_task_name_labels(&o->task, *info, o->label);
    }
    if (code == 0 && (strcmp(o->train, "-") == 0 || strcmp(o->validation, "-") == 0))
        code = cli_usage_error("finetune reads its files several times: - (standard input) cannot be one of them");
    return code;
}

/* ---- several seeds */

static int read_seeds(const char *text, uint64_t *seeds, uint32_t *n)
{
    for (*n = 0; *text; text += *text == ',') {
        char *end;
        errno = 0;
        const unsigned long long seed = strtoull(text, &end, 10);
        bool again = *n == MOST_SEEDS || errno || end == text || *text == '-' || *text == '+' ||
                     (*end && *end != ',') || (*end == ',' && !end[1]);
        for (uint32_t i = 0; i < *n; i++)
            again = again || seeds[i] == seed;
        if (again)
            return cli_usage_error("--seeds: expected up to %d whole numbers with commas between them, none twice",
                                   MOST_SEEDS);
        seeds[(*n)++] = seed;
        text = end;
    }
    return *n ? 0 : cli_usage_error("--seeds: there is no number");
}

/* The files of the best seed's folder that are no log and no checkpoint, by the names of a model's. */
static int copy_best(const char *from, const char *to)
{
    static const char *const files[] = {"config.json",      "model.safetensors",     "vocab.txt",
                                        "tokenizer.json",   "tokenizer_config.json", "special_tokens_map.json",
                                        "added_tokens.json"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char old[PATH_MAX], new[PATH_MAX];
        struct stat about;
        pln_error error;
        if (cli_path_join(from, files[i], old, &error) != PLN_OK || cli_path_join(to, files[i], new, &error) != PLN_OK)
            return cli_fail(&error);
        const int code = stat(old, &about) == 0 ? cli_copy_file(old, new) : 0;
        if (code)
            return code;
    }
    return 0;
}

struct seeds {
    uint64_t numbers[MOST_SEEDS];
    uint32_t n, best;
    struct finetuning_result results[MOST_SEEDS];
};

static void set_spread(json_t *results, const struct seeds *s)
{
    json_t *means = json_object(), *stds = json_object();
    for (uint32_t k = 0; k < s->results[0].n; k++) {
        double sum = 0, squares = 0;
        for (uint32_t i = 0; i < s->n; i++)
            sum += s->results[i].values[k];
        const double mean = sum / s->n;
        for (uint32_t i = 0; i < s->n; i++)
            squares += (s->results[i].values[k] - mean) * (s->results[i].values[k] - mean);
        cli_set_json(means, s->results[0].names[k], cli_json_number(mean));
        cli_set_json(stds, s->results[0].names[k],
                     cli_json_number(s->n > 1 ? sqrt(squares / (s->n - 1)) : (double)NAN));
    }
    cli_set_json(results, "mean", means);
    cli_set_json(results, "std", stds);
}

/* The best seed's results.json, with all of them beside it. */
static int write_seeds(const char *out, const struct seeds *s)
{
    char folder[PATH_MAX], path[PATH_MAX];
    pln_error error;
    snprintf(folder, sizeof folder, "%s/seed-%llu", out, (unsigned long long)s->numbers[s->best]);
    int code = copy_best(folder, out);
    if (code == 0 && cli_path_join(folder, "results.json", path, &error) != PLN_OK)
        code = cli_fail(&error);
    if (code)
        return code;
    json_t *results = json_load_file(path, 0, NULL), *seeds = json_object();
    for (uint32_t i = 0; i < s->n; i++) {
        char name[24];
        json_t *scores = json_object();
        snprintf(name, sizeof name, "%llu", (unsigned long long)s->numbers[i]);
        finetuning_set_scores(scores, "", &s->results[i]);
        cli_set_json(seeds, name, scores);
    }
    cli_set_json(results, "seeds", seeds);
    set_spread(results, s);
    snprintf(path, sizeof path, "%s/results.json", out);
    code = cli_write_json(path, results);
    json_decref(results);
    return code;
}

static int run_seeds(const struct finetuning *usual, struct seeds *s)
{
    static struct finetuning f;
    char out[PATH_MAX];
    double best = (double)NAN;
    int code = 0;
    for (uint32_t i = 0; code == 0 && i < s->n; i++) {
        f = *usual;
        f.seed = s->numbers[i];
        f.out = out;
        if (snprintf(out, sizeof out, "%s/seed-%llu", usual->out, (unsigned long long)f.seed) >= PATH_MAX)
            return cli_usage_error("--out: the path is too long");
        code = finetuning_run(&f);
        s->results[i] = f.best;
        if (!i || finetuning_better(f.metric, finetuning_metric(&f, &f.best), best)) {
            best = finetuning_metric(&f, &f.best);
            s->best = i;
        }
        if (code == 0 && !f.best_step)
            return 0; /* --stop-after before the first validation */
    }
    return code ? code : write_seeds(usual->out, s);
}

static int run_all(struct finetuning_options *o, const struct cli_common *common, const pln_task_info *info)
{
    static struct finetuning f;
    static struct seeds s;
    f = (struct finetuning){.o = o, .common = common, .out = o->out, .seed = common->seed, .info = info};
    s.n = 0;
    int code = o->seeds ? read_seeds(o->seeds, s.numbers, &s.n) : 0;
    if (code == 0 && s.n && (o->run.log || o->run.plot || o->run.tensorboard))
        code = cli_usage_error("--log, --plot, --tensorboard and --seeds: each seed has a log.jsonl in its folder");
    if (code)
        return code;
    cli_catch_interrupt();
    code = s.n ? run_seeds(&f, &s) : finetuning_run(&f);
    const int written = cli_finish_output();
    return code ? code : written;
}

/* ---- the command */

int cli_finetune(int argc, char **argv)
{
    static struct cli_common common;
    static struct cli_list arguments;
    static struct finetuning_options o;
    static struct cli_options options;
    options.n = 0;
    const double none = (double)NAN;
    o = (struct finetuning_options){.recipe = "electra",
                                    .learning = {.schedule = "linear",
                                                 .warmup = UINT32_MAX,
                                                 .accumulate = 1,
                                                 .learning_rate = none,
                                                 .weight_decay = none,
                                                 .clip = 1,
                                                 .beta1 = 0.9,
                                                 .beta2 = 0.999,
                                                 .eps = none,
                                                 .layer_decay = none,
                                                 .dropout = none},
                                    .shuffle = "yes",
                                    .stride = UINT32_MAX,
                                    .epochs = none,
                                    .warmup_ratio = none};
    const struct cli_option own[] = {
        {"--task", CLI_TEXT, &o.task.name, "classify|rank|tag|answer|choose|fill-mask|generate", "what is learned"},
        {"--train", CLI_TEXT, &o.train, "FILE", "rows: .txt .csv .tsv .jsonl .conll .json, also .gz and .zst"},
        {"--validation", CLI_TEXT, &o.validation, "FILE", "rows that are not trained on; the best by them is kept"},
        {"--out", CLI_TEXT, &o.out, "DIR", "the best model, checkpoint-N/, log.jsonl, results.json"},
        {"--input-format", CLI_TEXT, &o.task.format, "text|csv|tsv|jsonl|conll|squad",
         "of both files (default: by their endings)"},
        {"--column", CLI_REPEATED, &o.task.columns, "NAME=COLUMN", "the column of the files that the task calls NAME"},
        {"--label-column", CLI_TEXT, &o.label, "NAME",
         "the column that has the labels (default: as the task calls it)"},
        {"--recipe", CLI_WORD, &o.recipe, "electra|huggingface",
         "the numbers that are not given: ELECTRA's own (default), or those of the Hugging Face trainer"},
        {"--epochs", CLI_TIMES, &o.epochs, "E", "times through the rows (default: by the recipe, 3; answer 2)"},
        {"--batch-tokens", CLI_UNSIGNED, &o.batch_tokens, "N",
         "instead of --batch: rows of at most N tokens, at least one"},
        {"--shuffle", CLI_WORD, &o.shuffle, "yes|no", "each epoch has an order of its own, by --seed (default yes)"},
        {"--max-length", CLI_UNSIGNED, &o.max_length, "L", "tokens of a row (default: by the recipe)"},
        {"--stride", CLI_COUNT, &o.stride, "N",
         "tokens that windows of a context (answer) or pieces of a text (generate, fill-mask) share"},
        {"--problem-type", CLI_WORD, &o.problem_type,
         "single_label_classification|multi_label_classification|regression", "of classify (default: by the labels)"},
        {"--labels", CLI_TEXT, &o.labels, "A,B,...", "all labels, in their order (default: those of the rows)"},
        {"--label-smoothing", CLI_SHARE, &o.label_smoothing, "X",
         "share of a label that all classes have alike (default 0)"},
        {"--class-weights", CLI_WORD, &o.class_weights, "none|balanced",
         "balanced: a label counts for less the more rows have it (default none)"},
        {"--reduction", CLI_WORD, &o.reduction, "mean|sum", "of the loss over a batch (default: by the recipe)"},
        {"--answer-head", CLI_WORD, &o.answer_head, "linear|joint",
         "of answer: begin and end by themselves, or Google's (default: as MODEL has it)"},
        {"--warmup-ratio", CLI_SHARE, &o.warmup_ratio, "R",
         "the same as a share of the steps (default: by the recipe)"},
        {"--metric", CLI_TEXT, &o.metric, "NAME", "the score by which the best is kept (default: the task's first)"},
        {"--early-stopping", CLI_UNSIGNED, &o.early_stopping, "P", "ends after P validations without a better one"},
        {"--seeds", CLI_TEXT, &o.seeds, "1,2,3", "a run for each, in DIR/seed-S; mean and spread in results.json"},
    };
    cli_common_options(&common, "--device", &options);
    cli_add_options(&options, own, sizeof own / sizeof *own);
    cli_learning_rows(&o.learning, &(struct cli_learning_words){"rows a step", "instead of --epochs", "by the recipe"},
                      &options);
    cli_long_run_rows(&o.run, "steps (default: an epoch)", &options);
    static const struct cli_usage usage = {
        .synopsis = "finetune MODEL --task T --train FILE --validation FILE --out DIR",
        .description =
            "Trains a model for a task on rows with labels, as `run` and `evaluate` read them. Labels go into the "
            "config, "
            "a head\n"
            "that does not fit is drawn. DIR is the model of the best validation. The same command, seed, device and "
            "threads give\n"
            "the same files, bit for bit. An interrupt finishes the step, writes a checkpoint and exits with 130, "
            "SIGTERM with\n"
            "143; --resume goes on as if nothing had been.",
        .examples =
            "  pleione finetune MODEL --task classify --train train.csv --validation dev.csv --out sentiment\n"
            "  pleione finetune MODEL --task tag --train train.conll --validation dev.conll --out names --epochs 5\n"
            "  pleione finetune MODEL --task answer --train train-v2.0.json --validation dev-v2.0.json --out squad\n"
            "  pleione finetune MODEL --task classify --train a.jsonl --validation b.jsonl --out run --seeds 1,2,3\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, &options, &arguments);
    const pln_task_info *info = NULL;
    if (parsed)
        return parsed - 1;
    if (arguments.n != 1)
        return cli_usage_error("finetune needs one MODEL directory");
    o.model = arguments.items[0];
    const int code = check(&o, &info);
    return code ? code : run_all(&o, &common, info);
}
