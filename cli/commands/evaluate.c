/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione evaluate: rows whose answers are known in, scores out. The loop knows no task.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/apart.h"
#include "cli/commands/commands.h"
#include "cli/commands/evaluation.h"
#include "cli/part.h"

struct run {
    const struct evaluation *e;
    const pln_task_info *info;
    struct cli_model m;
    struct cli_source source;
    pln_task *task;
    pln_scores *scores;
    struct cli_part plot; /* begun before anything is answered, so that a wrong path costs nothing */
    struct cli_progress progress;
    uint64_t failed;   /* rows that have no answer */
    pln_error problem; /* of the first of them, or of what ended it; status PLN_OK: none */
    bool ended;        /* by that problem */
};

/* ---- rows: `next` on one thread, `answer` on another */

static pln_status next_row(void *context, const pln_record **row, pln_error *error)
{
    struct run *r = context;
    if (cli_interrupted()) {
        *error = (pln_error){.status = PLN_CANCELLED, .node = -1, .message = "interrupted"};
        return PLN_CANCELLED;
    }
    return cli_source_next(&r->source, row, error);
}

/* Whether the others are scored without it: one that has no answer, or that these scores cannot take. */
static bool pass_over(struct run *r, const pln_answer *answer, const pln_error *error)
{
    r->ended = r->e->stop || (answer->status == PLN_OK && error->status != PLN_INVALID);
    if (!r->failed++ || r->ended) {
        r->problem = *error;
        cli_source_tell(&r->source, answer->row, error->message, r->problem.message, sizeof r->problem.message);
    }
    return !r->ended;
}

static bool count_answer(void *context, const pln_answer *answer)
{
    struct run *r = context;
    pln_error error;
    if (pln_scores_add(r->scores, answer, &error) != PLN_OK && !pass_over(r, answer, &error))
        return false;
    return !cli_interrupted();
}

static void show_progress(void *context, double rows)
{
    struct run *r = context;
    cli_wait_end();
    cli_source_show(&r->source, &r->progress, 0, rows);
}

static pln_status run_rows(struct run *r, pln_error *error)
{
    const pln_task_stream stream = {.size = sizeof stream,
                                    .context = r,
                                    .next = next_row,
                                    .answer = count_answer,
                                    .progress = show_progress,
                                    .batch_tokens = r->e->batch_tokens,
                                    .labels = true};
    r->progress = cli_progress_begin("evaluating");
    const bool typed = cli_source_is_typed(&r->source);
    r->progress.shown &= !typed;
    if (!typed)
        cli_wait_begin(true, "the first rows on %s", cli_choose_device(&r->e->common));
    const pln_status status = pln_task_run(r->task, &stream, NULL, error);
    cli_wait_end();
    cli_progress_end(&r->progress);
    if (status == PLN_OK)
        cli_source_warn(&r->source);
    if (!r->ended)
        return status;
    *error = r->problem;
    return error->status;
}

/* ---- opening: what can be refused is refused before the model is loaded */

static pln_status refuse_columns(const struct run *r, const char *missing, pln_error *error)
{
    *error = (pln_error){.status = PLN_INVALID, .node = -1};
    snprintf(error->message, sizeof error->message,
             "%.200s has no column `%.60s`, which the scores of %s need; --label-column says how it is called",
             r->e->task.input, missing, r->info->name);
    return PLN_INVALID;
}

static pln_status check_labels(const struct run *r, pln_error *error)
{
    uint32_t n;
    const char *const *names = pln_reader_columns(r->source.reader, &n);
    for (const pln_column_info *label = r->info->labels; n && label->name; label++) {
        bool there = !label->required;
        for (uint32_t i = 0; i < n; i++)
            there = there || strcmp(names[i], label->name) == 0;
        for (uint32_t i = 0; i < r->e->task.columns.n; i++) {
            const char *given = r->e->task.columns.items[i];
            const size_t bytes = strlen(label->name);
            there = there || (strncmp(given, label->name, bytes) == 0 && given[bytes] == '=');
        }
        if (!there)
            return refuse_columns(r, label->name, error);
    }
    return PLN_OK;
}

static pln_status open_source(struct run *r, pln_error *error)
{
    static const struct cli_list none;
    pln_status status = cli_source_open(&r->source, &r->e->task, &none, error);
    r->source.labelled = true;
    if (status == PLN_OK)
        status = cli_source_use(&r->source, r->info, &r->e->task, error);
    return status == PLN_OK && r->source.told ? check_labels(r, error) : status;
}

static pln_status open_task(struct run *r, pln_error *error)
{
    const struct evaluation *e = r->e;
    pln_option pairs[CLI_TASK_OPTIONS];
    const uint32_t n = cli_task_pairs(&e->task, pairs);
    pln_session_options session = {.size = sizeof session};
    const pln_scores_options scores = {
        .size = sizeof scores, .bootstrap = e->bootstrap, .seed = e->common.seed, .confusion = e->confusion};
    pln_status status = cli_open_model(&e->common, e->directory, false, &r->m, error);
    if (status == PLN_OK)
        status = pln_task_prepare(r->m.model, e->task.name, pairs, n, &session, error);
    if (status == PLN_OK)
        status = cli_open(&e->common, e->directory, &session, &r->m, error);
    if (status == PLN_OK)
        status = pln_task_create(r->m.session, e->task.name, pairs, n, &r->task, error);
    return status == PLN_OK ? pln_scores_create(r->task, &scores, &r->scores, error) : status;
}

/* ---- telling */

static pln_status list_labels(const struct run *r, struct evaluated *found, pln_error *error)
{
    pln_status status = pln_scores_confusion(r->scores, &found->counts, &found->n_labels, error);
    if (status != PLN_OK)
        return status;
    found->labels = calloc((size_t)found->n_labels + 1, sizeof *found->labels);
    for (uint32_t i = 0; found->labels && i < found->n_labels; i++)
        found->labels[i] = pln_model_label(r->m.model, i);
    if (found->labels)
        return PLN_OK;
    *error = (pln_error){.status = PLN_NO_MEMORY, .node = -1, .message = "no memory for labels"};
    return PLN_NO_MEMORY;
}

static int say_failures(const struct run *r)
{
    if (!r->failed)
        return 0;
    fprintf(stderr, "pleione: %llu of %llu rows count in no score, the first: ", (unsigned long long)r->failed,
            (unsigned long long)(r->failed + pln_scores_rows(r->scores)));
    cli_print_sentence(stderr, r->problem.message);
    return PLN_FAILED;
}

static int tell(struct run *r)
{
    pln_error error;
    struct evaluated found = {
        .task = r->info->name, .directory = r->e->directory, .rows = pln_scores_rows(r->scores), .failed = r->failed};
    pln_status status = pln_scores_result(r->scores, &found.scores, &found.n_scores, &error);
    if (status == PLN_OK && r->e->confusion)
        status = list_labels(r, &found, &error);
    int code = status == PLN_OK ? 0 : cli_fail(&error);
    if (code == 0 && r->e->json) {
        cli_print_evaluation_json(&found);
    } else if (code == 0 && !cli_print_evaluation(&found, r->e->wide)) {
        fputs("pleione: no memory for the table\n", stderr);
        code = PLN_NO_MEMORY;
    }
    if (code == 0)
        code = cli_finish_output();
    if (code == 0 && r->e->plot) {
        cli_plot_confusion(&found, r->plot.file);
        code = cli_part_end(&r->plot);
    }
    free(found.labels);
    return code ? code : say_failures(r);
}

int cli_evaluate_rows(const struct evaluation *e)
{
    struct run r = {.e = e};
    pln_error error;
    pln_task_find(e->task.name, &r.info);
    const char *const input = e->task.input ? e->task.input : "-";
    int code = cli_check_apart("--confusion", e->plot, &input, 1);
    if (code == 0 && e->plot)
        code = cli_part_begin(&r.plot, e->plot);
    if (code)
        return code;
    pln_status status = open_source(&r, &error);
    if (status == PLN_OK)
        status = open_task(&r, &error);
    if (status == PLN_OK)
        status = run_rows(&r, &error);
    if (cli_interrupted())
        code = CLI_INTERRUPTED;
    else
        code = status == PLN_OK ? tell(&r) : cli_fail(&error);
    cli_part_drop(&r.plot);
    pln_scores_destroy(&r.scores);
    pln_task_destroy(&r.task);
    cli_source_close(&r.source);
    cli_close(&r.m);
    return code;
}

/* ---- the command */

static int check_plot(const char *path)
{
    const size_t bytes = strlen(path);
    if (bytes < 5 || strcmp(path + bytes - 4, ".svg") != 0)
        return cli_usage_error("--confusion \"%s\" does not end in .svg", path);
    return 0;
}

static int check(struct evaluation *e)
{
    const pln_task_info *info;
    if (!e->task.name || !e->task.input)
        return cli_usage_error("evaluate needs --task T and --input FILE");
    int code = cli_check_on_error(e->on_error, &e->stop);
    if (code == 0)
        code = cli_task_check(&e->task);
    if (code == 0 && pln_task_find(e->task.name, &info))
        code = info->scores[0] ? cli_task_name_labels(&e->task, info, e->label)
                               : cli_usage_error("the task %s has no scores: nobody labels its rows", info->name);
    if (code == 0 && e->plot && *e->plot)
        code = check_plot(e->plot);
    e->confusion = e->plot != NULL;
    e->plot = e->plot && *e->plot ? e->plot : NULL;
    return code;
}

int cli_evaluate(int argc, char **argv)
{
    static struct evaluation e;
    static struct cli_list arguments;
    static struct cli_options options;
    options.n = 0; /* a visitor of the tables may have come before */
    e = (struct evaluation){0};
    cli_common_options(&e.common, "--device", &options);
    const struct cli_option own[] = {
        {"--json", CLI_FLAG, &e.json, NULL, "one JSON object: rows, loss, scores"},
        {"--label-column", CLI_TEXT, &e.label, "NAME",
         "the column of the file that has the labels (default: as the task "
         "calls it)"},
        {"--bootstrap", CLI_COUNT, &e.bootstrap, "N",
         "95 % intervals by drawing the rows N times anew, with --seed (default 0: none)"},
        {"--confusion", CLI_OPTIONAL, &e.plot, "[FILE.svg]",
         "which labels were given for which, as a table or a picture; of tasks that give one of several"},
        {"--on-error", CLI_TEXT, &e.on_error, "row|stop",
         "a row without an answer: the others are scored and the exit code is 1 (default), or it ends the evaluation"},
        {"--batch-tokens", CLI_UNSIGNED, &e.batch_tokens, "N", "tokens of a forward (default: by the device)"},
        {"--wide", CLI_FLAG, &e.wide, NULL, CLI_WIDE_HELP},
    };
    cli_add_options(&options, own, sizeof own / sizeof *own);
    cli_task_options(&e.task, &options);
    static const struct cli_usage usage = {
        .synopsis = "evaluate MODEL --task T --input FILE --label-column NAME",
        .description =
            "Answers rows whose answers are known and tells how good that is: the scores of scikit-learn, scipy, "
            "seqeval and the SQuAD script, and the loss that training would have. Nothing is cut where the task can "
            "take long rows in pieces; elsewhere --too-long cut does it. A row that is bad or has no answer counts in "
            "no score: the others are scored, it is told with file and line, and the exit code is 1; with --on-error "
            "stop it ends the evaluation, with 2 for a bad row. A score that is undefined is null.",
        .examples =
            "  pleione evaluate MODEL --task classify --input test.csv --column text=sentence --label-column gold\n"
            "  pleione evaluate MODEL --task tag --input test.conll --bootstrap 1000 --json\n"
            "  pleione evaluate MODEL --task answer --input dev-v2.0.json --no-answer\n"
            "  pleione evaluate MODEL --task classify --input test.jsonl --confusion confusion.svg\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, &options, &arguments);
    if (parsed)
        return parsed - 1;
    if (arguments.n == 2 && e.plot && !*e.plot) /* what stands behind it was no name of a picture */
        return check_plot(arguments.items[1]);
    if (arguments.n != 1)
        return cli_usage_error("evaluate needs one MODEL directory");
    e.directory = arguments.items[0];
    const int code = check(&e);
    if (code)
        return code;
    cli_cancel_on_interrupt();
    return cli_evaluate_rows(&e);
}
