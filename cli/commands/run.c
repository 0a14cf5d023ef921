/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione run: rows in, the answers of a task out. A loop over rows, a task and a session that knows none of them.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/apart.h"
#include "cli/commands/commands.h"
#include "cli/commands/run_output.h"
#include "cli/terminal.h"

struct run {
    struct cli_common common;
    struct cli_task asked;
    struct cli_model m;
    struct cli_source source;
    struct run_output output;
    pln_task *task;
    const char *on_error;
    bool stop; /* --on-error stop */
    bool overhead;
    uint32_t batch_tokens;
    struct cli_progress progress;
    uint64_t skipped, rows; /* that the output had already; that it has by now, those among them */
    struct run_failures failures;
    pln_error error; /* of writing, which ended the run; status PLN_OK: none */
    bool stopped;    /* by a row without an answer */
    bool prints;     /* answers, on a terminal */
};

static pln_status fail(pln_error *error, pln_status status, const char *sentence)
{
    *error = (pln_error){.status = status, .node = -1};
    snprintf(error->message, sizeof error->message, "%s", sentence);
    return status;
}

/* ---- rows in: called from a thread of the task's */

static pln_status next_row(void *context, const pln_record **row, pln_error *error)
{
    struct run *run = context;
    pln_error problem;
    *row = NULL;
    if (cli_interrupted())
        return fail(error, PLN_CANCELLED, "interrupted");
    const pln_status status = cli_source_next(&run->source, row, error);
    if ((status != PLN_OK && status != PLN_INVALID) || (status == PLN_OK && !*row))
        return status;
    if (run_keep(&run->output.kept, &run->source, &run->asked, run->source.whole, &problem) == PLN_OK)
        return status;
    *error = problem;
    return problem.status;
}

/* ---- answers out: called from another one */

static bool take_answer(void *context, const pln_answer *answer)
{
    struct run *run = context;
    const uint64_t row = answer->row;
    cli_wait_end();
    if (cli_interrupted())
        return false;
    if (answer->status != PLN_OK) {
        char why[sizeof run->failures.why];
        cli_source_tell(&run->source, row, answer->message, why, sizeof why);
        run_note_failure(&run->failures, row, why);
        run->stopped = run->stop;
    }
    if (run->stopped)
        return false;
    if (run->prints)
        cli_line_pause(true);
    const pln_status status = run_output_put(&run->output, row, answer, &run->error);
    if (run->prints)
        cli_line_pause(false);
    run->rows += status == PLN_OK;
    return status == PLN_OK;
}

static void show_progress(void *context, double rows)
{
    struct run *run = context;
    cli_wait_end();
    cli_source_show(&run->source, &run->progress, run->skipped, rows);
}

/* ---- what is opened */

/* The last row whose answer the output has, on its way through the task once more. */
struct again {
    const struct run_output *output;
    const pln_record *row;
    pln_status status; /* of reading it */
    const pln_error *error;
    bool given, same;
};

static pln_status next_again(void *context, const pln_record **row, pln_error *error)
{
    struct again *again = context;
    *row = again->given ? NULL : again->row;
    if (again->given || again->status == PLN_OK)
        error = NULL;
    else
        *error = *again->error;
    again->given = true;
    return error ? again->status : PLN_OK;
}

static bool compare_again(void *context, const pln_answer *answer)
{
    struct again *again = context;
    again->same = run_output_ends_with(again->output, answer);
    return true;
}

/* What goes on with other options, another model or device would be neither of both runs. */
static pln_status check_last(struct run *run, struct again *again, pln_error *error)
{
    char sentence[500];
    const pln_task_stream stream = {.size = sizeof stream,
                                    .context = again,
                                    .next = next_again,
                                    .answer = compare_again,
                                    .first_row = run->skipped - 1};
    const pln_status status = pln_task_run(run->task, &stream, NULL, error);
    if (status != PLN_OK || again->same)
        return status;
    snprintf(sentence, sizeof sentence,
             "--resume: row %llu of %.300s has another answer than this run gives: the model, the input, the options "
             "or the device were others",
             (unsigned long long)run->skipped - 1, run->output.path);
    return fail(error, PLN_INVALID, sentence);
}

/* Passes over the rows whose answers the output has; of the first that failed it does not know where it begins. */
static pln_status skip_rows(struct run *run, pln_error *error)
{
    const pln_record *row;
    pln_error problem;
    char why[sizeof run->failures.why];
    for (run->rows = 0; run->rows < run->skipped; run->rows++) {
        const pln_status status = cli_source_next(&run->source, &row, &problem);
        if (status == PLN_OK && !row)
            return fail(error, PLN_INVALID, "--resume: the output has more rows than the input: another run wrote it");
        if (status != PLN_OK && status != PLN_INVALID) {
            *error = problem;
            return status;
        }
        if (run->failures.n && run->rows == run->failures.first) {
            cli_source_tell(&run->source, run->rows, run->failures.why, why, sizeof why);
            memcpy(run->failures.why, why, sizeof why);
        }
        struct again again = {.output = &run->output, .row = row, .status = status, .error = &problem};
        if (run->rows + 1 == run->skipped && check_last(run, &again, error) != PLN_OK)
            return error->status;
    }
    return PLN_OK;
}

/* The task, and what can be known of it and of the rows before anything is loaded on a device. */
static pln_status choose_task(struct run *run, const char *directory, const pln_task_info **info, pln_error *error)
{
    char sentence[500];
    if (run->asked.name)
        pln_task_find(run->asked.name, info);
    else
        *info = pln_task_choose(run->m.model, cli_source_peek(&run->source));
    if (*info)
        return cli_source_use(&run->source, *info, &run->asked, error);
    snprintf(sentence, sizeof sentence,
             "no task is for the head %s of %.300s; --task names one, and `pleione forward` gives raw outputs",
             pln_head_string(pln_model_head(run->m.model)), directory);
    return fail(error, PLN_INVALID, sentence);
}

/* --seed is of what is drawn, here too. */
static void add_seed(const struct run *run, const pln_task_info *info, char text[24], pln_option *options, uint32_t *n)
{
    static const char key[] = "sample-seed";
    for (uint32_t i = 0; i < *n; i++)
        if (strcmp(options[i].key, key) == 0)
            return;
    for (uint32_t i = 0; info->options[i].key; i++) {
        if (strcmp(info->options[i].key, key) != 0)
            continue;
        snprintf(text, 24, "%llu", (unsigned long long)run->common.seed);
        options[(*n)++] = (pln_option){key, text};
        return;
    }
}

static pln_status open_task(struct run *run, const char *directory, pln_error *error)
{
    const pln_task_info *info = NULL;
    const pln_tokenizer *tokenizer;
    pln_option options[CLI_TASK_OPTIONS + 2];
    char seed[24];
    uint32_t n = cli_task_pairs(&run->asked, options);
    pln_session_options session = {.size = sizeof session};
    pln_status status = cli_open_model(&run->common, directory, false, &run->m, error);
    if (status == PLN_OK)
        status = choose_task(run, directory, &info, error);
    if (status == PLN_OK && pln_model_tokenizer(run->m.model, &tokenizer, error) != PLN_OK)
        status = cli_misfit(error);
    if (status == PLN_OK)
        add_seed(run, info, seed, options, &n);
    if (status == PLN_OK)
        status = pln_task_prepare(run->m.model, info->name, options, n, &session, error);
    if (status == PLN_OK)
        status = cli_open(&run->common, directory, &session, &run->m, error);
    if (status == PLN_OK)
        status = pln_task_create(run->m.session, info->name, options, n, &run->task, error);
    if (status == PLN_OK)
        status = run_output_open(&run->output, &run->source, &run->asked, &run->skipped, &run->failures, error);
    if (status != PLN_OK || !run->skipped)
        return status;
    cli_wait_begin(true, "going on behind %llu rows", (unsigned long long)run->skipped);
    status = skip_rows(run, error);
    cli_wait_end();
    return status;
}

/* ---- the run */

static void print_overhead(const pln_task_report *report)
{
    const double share = report->total > 0 ? 100 * report->waited / report->total : 0;
    fprintf(stderr,
            "pleione: %llu rows, %llu sequences, %llu tokens in %u batches and %.2f s; the device waited %.2f s (%.1f "
            "%%)\n",
            (unsigned long long)report->rows, (unsigned long long)report->sequences, (unsigned long long)report->tokens,
            report->batches, report->total, report->waited, share);
}

static int say_failures(const struct run *run)
{
    const struct run_failures *failures = &run->failures;
    if (!failures->n)
        return 0;
    if (!run->source.reader && run->source.texts->n == 1)
        fputs("pleione: ", stderr);
    else if (run->stopped)
        fprintf(stderr, "pleione: row %llu: ", (unsigned long long)run->rows);
    else
        fprintf(stderr,
                "pleione: %llu of %llu rows have no answer, the first is row %llu: ", (unsigned long long)failures->n,
                (unsigned long long)run->rows, (unsigned long long)failures->first);
    cli_print_sentence(stderr, failures->why);
    return PLN_FAILED;
}

static int answer_rows(struct run *run)
{
    pln_error error;
    pln_task_report report = {.size = sizeof report};
    const pln_task_stream stream = {.size = sizeof stream,
                                    .context = run,
                                    .next = next_row,
                                    .answer = take_answer,
                                    .progress = show_progress,
                                    .batch_tokens = run->batch_tokens,
                                    .first_row = run->skipped};
    run->progress = cli_progress_begin("run");
    const bool typed = cli_source_is_typed(&run->source);
    run->progress.shown &= run->source.reader && !typed;
    run->prints = !run->output.path && terminal_width(stdout);
    pln_reader_progress(run->source.reader, &run->progress.before, NULL);
    if (!typed)
        cli_wait_begin(true, "the first rows on %s", cli_choose_device(&run->common));
    const pln_status status = pln_task_run(run->task, &stream, &report, &error);
    cli_wait_end();
    cli_progress_end(&run->progress);
    if (status == PLN_OK)
        cli_source_warn(&run->source);
    /* What was answered is written, however the run ended, unless it was writing that ended it. */
    int code = run->error.status == PLN_OK ? run_output_finish(&run->output) : cli_fail(&run->error);
    if (cli_interrupted())
        return CLI_INTERRUPTED;
    if (status != PLN_OK && !run->stopped && run->error.status == PLN_OK)
        code = cli_fail(&error);
    if (run->overhead)
        print_overhead(&report);
    return code ? code : say_failures(run);
}

static int open_and_answer(struct run *run, const char *directory, const struct cli_list *texts)
{
    pln_error error;
    pln_status status = cli_source_open(&run->source, &run->asked, texts, &error);
    const char *const input = run->asked.input ? run->asked.input : "-";
    if (status == PLN_OK && run->source.reader && cli_check_apart("--output", run->output.path, &input, 1))
        return PLN_INVALID;
    if (status == PLN_OK)
        status = open_task(run, directory, &error);
    if (status != PLN_OK)
        return cli_interrupted() ? CLI_INTERRUPTED : cli_fail(&error);
    return answer_rows(run);
}

static int check_options(struct run *run)
{
    int code = cli_check_on_error(run->on_error, &run->stop);
    if (code == 0)
        code = run_output_check(&run->output);
    return code ? code : cli_task_check(&run->asked);
}

static void add_options(struct run *run, struct cli_options *options)
{
    const struct cli_option own[] = {
        {"--json", CLI_FLAG, &run->output.json, NULL,
         "one JSON object a row: {\"row\": N, \"answer\": ...} or {\"row\": N, \"error\": ...}"},
        {"--output", CLI_TEXT, &run->output.path, "FILE",
         "answers: .jsonl .csv .tsv, also .gz and .zst; vectors: .npy .safetensors (default: a "
         "table on stdout)"},
        {"--keep", CLI_FLAG, &run->output.kept.wanted, NULL, "other columns of the input beside the answers"},
        {"--resume", CLI_FLAG, &run->output.resume, NULL, "go on behind the last whole row of --output"},
        {"--on-error", CLI_TEXT, &run->on_error, "row|stop",
         "a row without an answer: its error stands in its place and the exit code is 1 (default), or the run ends"},
        {"--batch-tokens", CLI_UNSIGNED, &run->batch_tokens, "N", "tokens of a batch (default: by the device)"},
        {"--overhead", CLI_FLAG, &run->overhead, NULL, "how long the device waited, on stderr"},
        {"--wide", CLI_FLAG, &run->output.table.wide, NULL, CLI_WIDE_HELP},
    };
    cli_common_options(&run->common, "--device", options);
    cli_add_options(options, own, sizeof own / sizeof *own);
    cli_task_options(&run->asked, options);
}

int cli_run(int argc, char **argv)
{
    static struct run run = {.output.kept.lock = PTHREAD_MUTEX_INITIALIZER};
    static struct cli_list arguments;
    static struct cli_options options;
    run.asked = (struct cli_task){0};
    options.n = 0;
    add_options(&run, &options);
    static const struct cli_usage usage = {
        .synopsis = "run MODEL [TEXT...]",
        .description =
            "What a model is for: replaced words, filled masks, labels, ranks, names, answers, choices, "
            "vectors. The task follows from the model's head, or is named; its options stand below. Rows come "
            "from --input, lines of stdin, or TEXTs, which fill the columns that the task needs: text; "
            "question, context; query, passages... A row that has no answer gets its error in its place, the "
            "others are answered, and the exit code is 1. What is not UTF-8 is U+FFFD in JSON.",
        .examples =
            "  pleione run models/electra-tiny-discriminator \"This program reads a text prophet and prints the "
            "number of lines.\"\n"
            "  pleione run models/electra-tiny-generator --top 3 \"And the LORD said [MASK] Moses.\"\n"
            "  pleione run models/electra-tiny-discriminator --json --device vulkan <sentences.txt\n"
            "  pleione run MODEL --input rows.csv.gz --column text=sentence --keep --output answers.jsonl\n"
            "  pleione run MODEL --input rows.csv.gz --column text=sentence --keep --output answers.jsonl "
            "--resume\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, &options, &arguments);
    if (parsed)
        return parsed - 1;
    if (!arguments.n)
        return cli_usage_error("run needs a MODEL directory");
    int code = check_options(&run);
    if (code)
        return code;
    cli_cancel_on_interrupt();
    const char *directory = cli_take_first(&arguments);
    code = open_and_answer(&run, directory, &arguments);
    run_output_close(&run.output);
    pln_task_destroy(&run.task);
    cli_close(&run.m);
    cli_source_close(&run.source);
    return code;
}
