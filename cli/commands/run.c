/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione run: rows in, the answers of a task out. A loop over rows, a task and a session that knows none of them.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/commands/commands.h"
#include "cli/commands/run.h"
#include "cli/terminal.h"

struct run {
    struct cli_common common;
    struct cli_task asked;
    struct cli_model m;
    struct cli_source source;
    struct run_kept kept;
    struct run_table table;
    pln_writer *writer; /* NULL: the table */
    pln_task *task;
    const char *output, *on_error;
    bool json, resume, overhead;
    uint32_t batch_tokens;
    struct cli_progress progress;
    uint64_t skipped, rows, failed; /* that the output had already; answered by now, those among them; without answer */
    uint64_t first_failed;
    char why[500]; /* the first one has no answer */
    double flushed;
    pln_error error; /* of writing, which ended the run; status PLN_OK: none */
    bool stopped;    /* by --on-error stop */
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
    *row = NULL;
    if (cli_interrupted())
        return fail(error, PLN_CANCELLED, "interrupted");
    const pln_status status = cli_source_next(&run->source, row, error);
    if ((status != PLN_OK && status != PLN_INVALID) || (status == PLN_OK && !*row))
        return status;
    pln_error no_memory;
    if (run_keep(&run->kept, &run->source, &run->asked, status == PLN_OK, &no_memory) == PLN_OK)
        return status;
    *error = no_memory;
    return no_memory.status;
}

/* ---- answers out: called from another one */

static void show_progress(struct run *run)
{
    uint64_t done, total;
    pln_reader_progress(run->source.reader, &done, &total);
    cli_progress_rows(&run->progress, run->rows - run->skipped, done, total);
}

static pln_status write_row(struct run *run, uint64_t row, const pln_answer *answer, pln_error *error)
{
    char number[24];
    uint32_t n;
    const pln_cell *kept = run_kept_next(&run->kept, &n);
    pln_cell *cells = malloc((n + 2) * sizeof *cells);
    if (!cells)
        return fail(error, PLN_NO_MEMORY, "no memory for a row of the output");
    const bool good = answer->status == PLN_OK;
    const char *text = good ? answer->json : answer->message;
    cells[0] =
        (pln_cell){"row", {number, (size_t)snprintf(number, sizeof number, "%llu", (unsigned long long)row)}, true};
    cells[1] = (pln_cell){good ? "answer" : "error", {text, strlen(text)}, good};
    if (n)
        memcpy(cells + 2, kept, n * sizeof *cells);
    const pln_status status = pln_writer_put(run->writer, cells, n + 2, error);
    free(cells);
    return status;
}

static pln_status print_row(struct run *run, uint64_t row, const pln_answer *answer, pln_error *error)
{
    if (answer->status == PLN_OK && run_table_put(&run->table, row, answer->json, error) != PLN_OK)
        return error->status;
    if (answer->status != PLN_OK && run->table.numbered)
        printf("%5llu  ", (unsigned long long)row);
    if (answer->status != PLN_OK)
        printf("error: %s\n", answer->message);
    return cli_flush_output(error);
}

/* A file is handed to the system once a second, so that little is lost with the process; a stream at once. */
static pln_status flush(struct run *run, pln_error *error)
{
    const double now = cli_seconds();
    if (!run->writer || (run->output && now - run->flushed < 1))
        return PLN_OK;
    run->flushed = now;
    return pln_writer_flush(run->writer, error);
}

static void note_failure(struct run *run, uint64_t row, const char *why)
{
    if (!run->failed++) {
        run->first_failed = row;
        snprintf(run->why, sizeof run->why, "%s", why);
    }
}

static bool take_answer(void *context, const pln_answer *answer)
{
    struct run *run = context;
    const uint64_t row = run->skipped + answer->row;
    if (cli_interrupted())
        return false;
    if (answer->status != PLN_OK) {
        note_failure(run, row, answer->message);
        run->stopped = run->on_error && strcmp(run->on_error, "stop") == 0;
        if (run->stopped)
            return false;
    }
    pln_status status =
        run->writer ? write_row(run, row, answer, &run->error) : print_row(run, row, answer, &run->error);
    if (status == PLN_OK)
        status = flush(run, &run->error);
    if (status != PLN_OK)
        return false;
    run->error.status = PLN_OK;
    run->rows++;
    show_progress(run);
    return true;
}

/* ---- what is opened */

/* Whether a path ends in a format that has columns of its own, compressed or not. */
static bool has_named_columns(const char *path)
{
    size_t bytes = strlen(path);
    for (int pass = 0; pass < 2; pass++) {
        if (bytes > 4 && (memcmp(path + bytes - 4, ".csv", 4) == 0 || memcmp(path + bytes - 4, ".tsv", 4) == 0))
            return true;
        if (bytes > 3 && memcmp(path + bytes - 3, ".gz", 3) == 0)
            bytes -= 3;
        else if (bytes > 4 && memcmp(path + bytes - 4, ".zst", 4) == 0)
            bytes -= 4;
    }
    return false;
}

static pln_status open_writer(struct run *run, pln_error *error)
{
    const char *path = run->output ? run->output : "-", **names = NULL;
    pln_writer_options options = {.size = sizeof options, .resume = run->resume};
    if (run->output && has_named_columns(path)) {
        if (run->kept.wanted && run->source.reader && !run->source.told)
            return fail(error, PLN_INVALID,
                        "--keep: rows of JSON lines have columns of their own: name an --output FILE.jsonl");
        options.n_columns = run_kept_columns(&run->kept, &run->source, &run->asked, &names);
        options.columns = names;
        if (!names)
            return fail(error, PLN_NO_MEMORY, "no memory for the columns of the output");
    }
    const pln_status status = pln_writer_open(path, &options, &run->writer, error);
    free(names);
    return status;
}

/* Rows of the output that have an error count as those of this run. */
static pln_status count_failures(struct run *run, pln_error *error)
{
    pln_reader *reader;
    const pln_record *row;
    pln_status status = pln_reader_open(run->output, NULL, &reader, error);
    for (uint64_t i = 0; status == PLN_OK && i < run->skipped; i++) {
        status = pln_reader_next(reader, &row, error);
        const pln_field *why = status == PLN_OK ? pln_record_find(row, "error") : NULL;
        if (status == PLN_OK && !row)
            break;
        if (why && why->text.bytes) {
            char text[400];
            snprintf(text, sizeof text, "%.*s", (int)(why->text.bytes < 399 ? why->text.bytes : 399), why->text.text);
            note_failure(run, i, text);
        }
    }
    pln_reader_close(&reader);
    return status;
}

/* Passes over the rows whose answers the output has. */
static pln_status skip_rows(struct run *run, pln_error *error)
{
    const pln_record *row;
    run->rows = run->skipped = pln_writer_rows(run->writer);
    if (run->skipped && count_failures(run, error) != PLN_OK)
        return error->status;
    for (uint64_t i = 0; i < run->skipped; i++) {
        const pln_status status = cli_source_next(&run->source, &row, error);
        if (status == PLN_OK && !row)
            return fail(error, PLN_INVALID, "--resume: the output has more rows than the input: another run wrote it");
        if (status != PLN_OK && status != PLN_INVALID)
            return status;
    }
    return PLN_OK;
}

static pln_status open_output(struct run *run, pln_error *error)
{
    run->table.numbered = run->source.reader || run->source.texts->n > 1;
    if (!run->json && !run->output)
        return PLN_OK;
    const pln_status status = open_writer(run, error);
    return status == PLN_OK && run->resume ? skip_rows(run, error) : status;
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

static pln_status open_task(struct run *run, const char *directory, pln_error *error)
{
    const pln_task_info *info = NULL;
    const pln_tokenizer *tokenizer;
    pln_option options[CLI_TASK_OPTIONS + 1];
    uint32_t n = cli_task_pairs(&run->asked, options);
    pln_session_options session = {.size = sizeof session};
    pln_status status = cli_open_model(&run->common, directory, false, &run->m, error);
    if (status == PLN_OK)
        status = choose_task(run, directory, &info, error);
    if (status == PLN_OK && pln_model_tokenizer(run->m.model, &tokenizer, error) != PLN_OK)
        status = cli_misfit(error);
    if (status == PLN_OK)
        status = pln_task_prepare(run->m.model, info->name, options, n, &session, error);
    if (status == PLN_OK)
        status = cli_open(&run->common, directory, &session, &run->m, error);
    if (status == PLN_OK)
        status = pln_task_create(run->m.session, info->name, options, n, &run->task, error);
    return status == PLN_OK ? open_output(run, error) : status;
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

/* What was answered is written, however the run ended. */
static int finish_output(struct run *run, int code)
{
    pln_error error;
    cli_progress_end(&run->progress);
    if (run->error.status != PLN_OK)
        return cli_fail(&run->error);
    if (run->writer && pln_writer_finish(run->writer, &error) != PLN_OK)
        code = cli_fail(&error);
    if (!run->writer) {
        run_table_finish(&run->table);
        const int written = cli_finish_output();
        code = written ? written : code;
    }
    return code;
}

static int say_failures(const struct run *run)
{
    if (!run->failed)
        return 0;
    if (!run->source.reader && run->source.texts->n == 1)
        fprintf(stderr, "pleione: %s\n", run->why);
    else if (run->stopped)
        fprintf(stderr, "pleione: row %llu: %s\n", (unsigned long long)run->first_failed, run->why);
    else
        fprintf(stderr, "pleione: %llu of %llu rows have no answer, the first is row %llu: %s\n",
                (unsigned long long)run->failed, (unsigned long long)run->rows, (unsigned long long)run->first_failed,
                run->why);
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
                                    .batch_tokens = run->batch_tokens};
    run->progress = cli_progress_begin("run");
    run->progress.shown &= run->source.reader && !(terminal_width(stdout) && !run->output);
    const pln_status status = pln_task_run(run->task, &stream, &report, &error);
    const bool ours = status == PLN_CANCELLED && (run->stopped || cli_interrupted() || run->error.status != PLN_OK);
    int code = finish_output(run, 0);
    if (cli_interrupted())
        return CLI_INTERRUPTED;
    if (status != PLN_OK && !ours)
        code = cli_fail(&error);
    if (run->overhead)
        print_overhead(&report);
    const int failures = run->error.status == PLN_OK ? say_failures(run) : 0;
    return code ? code : failures;
}

static int open_and_answer(struct run *run, const char *directory, const struct cli_list *texts)
{
    pln_error error;
    pln_status status = cli_source_open(&run->source, &run->asked, texts, &error);
    if (status == PLN_OK)
        status = open_task(run, directory, &error);
    if (status != PLN_OK)
        return cli_interrupted() ? CLI_INTERRUPTED : cli_fail(&error);
    return answer_rows(run);
}

static int check_options(const struct run *run)
{
    if (run->on_error && strcmp(run->on_error, "row") != 0 && strcmp(run->on_error, "stop") != 0)
        return cli_usage_error("option --on-error: \"%s\" is not row|stop", run->on_error);
    if (run->resume && !run->output)
        return cli_usage_error("--resume needs an --output FILE to go on with");
    if (run->kept.wanted && !run->json && !run->output)
        return cli_usage_error("--keep needs --json or an --output FILE");
    return cli_task_check(&run->asked);
}

static void add_options(struct run *run, struct cli_options *options)
{
    const struct cli_option own[] = {
        {"--json", CLI_FLAG, &run->json, NULL,
         "one JSON object a row: {\"row\": N, \"answer\": ...} or {\"row\": N, \"error\": ...}"},
        {"--output", CLI_TEXT, &run->output, "FILE",
         "answers: .jsonl .csv .tsv, also .gz and .zst (default: a table on stdout)"},
        {"--keep", CLI_FLAG, &run->kept.wanted, NULL, "other columns of the input beside the answers"},
        {"--resume", CLI_FLAG, &run->resume, NULL, "go on behind the last whole row of --output"},
        {"--on-error", CLI_TEXT, &run->on_error, "row|stop",
         "a row without an answer: its error stands in its place and the exit code is 1 (default), or the run ends"},
        {"--batch-tokens", CLI_UNSIGNED, &run->batch_tokens, "N", "tokens of a batch (default: by the device)"},
        {"--overhead", CLI_FLAG, &run->overhead, NULL, "how long the device waited, on stderr"},
        {"--wide", CLI_FLAG, &run->table.wide, NULL, CLI_WIDE_HELP},
    };
    cli_common_options(&run->common, "--device", options);
    cli_add_options(options, own, sizeof own / sizeof *own);
    cli_task_options(&run->asked, options);
}

int cli_run(int argc, char **argv)
{
    static struct run run = {.kept.lock = PTHREAD_MUTEX_INITIALIZER};
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
        .examples = "  pleione run models/electra-tiny-discriminator \"And the king said unto the prophet, Where is "
                    "thy computer?\"\n"
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
    cli_catch_interrupt();
    const char *directory = cli_take_first(&arguments);
    code = open_and_answer(&run, directory, &arguments);
    pln_task_destroy(&run.task);
    cli_close(&run.m);
    pln_writer_close(&run.writer);
    cli_source_close(&run.source);
    run_kept_finish(&run.kept);
    return code;
}
