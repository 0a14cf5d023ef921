/* SPDX-License-Identifier: Apache-2.0
 *
 * One row of the output for each row of the input.
 */
#include "cli/commands/run_output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pln_status fail(pln_error *error, pln_status status, const char *sentence)
{
    *error = (pln_error){.status = status, .node = -1};
    snprintf(error->message, sizeof error->message, "%s", sentence);
    return status;
}

void run_note_failure(struct run_failures *failures, uint64_t row, const char *why)
{
    if (failures->n++)
        return;
    failures->first = row;
    snprintf(failures->why, sizeof failures->why, "%s", why);
}

/* ---- what is opened */

int run_output_check(const struct run_output *output)
{
    const bool vectors = output->path && run_vectors_suit(output->path);
    if (output->resume && !output->path)
        return cli_usage_error("--resume needs an --output FILE to go on with");
    if (output->kept.wanted && (vectors || (!output->json && !output->path)))
        return cli_usage_error("--keep needs --json or an --output FILE of rows");
    return 0;
}

/* Whether a path ends in a format that names its columns first, compressed or not. */
static bool has_named_columns(const char *path)
{
    static const char *const endings[] = {".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.zst", ".tsv.zst"};
    const size_t bytes = strlen(path);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t n = strlen(endings[i]);
        if (bytes > n && strcmp(path + bytes - n, endings[i]) == 0)
            return true;
    }
    return false;
}

static pln_status open_writer(struct run_output *output, struct cli_source *source, const struct cli_task *task,
                              pln_error *error)
{
    const char *path = output->path ? output->path : "-";
    pln_status status = PLN_OK;
    if (output->path && has_named_columns(path))
        status = run_kept_columns(&output->kept, source, task, error);
    if (status != PLN_OK)
        return status;
    const pln_writer_options options = {.size = sizeof options,
                                        .resume = output->resume,
                                        .columns = output->kept.columns,
                                        .n_columns = output->kept.n_columns};
    return pln_writer_open(path, &options, &output->writer, error);
}

static pln_status keep_last(struct run_output *output, pln_reader *reader, pln_error *error)
{
    const pln_cell *cells;
    uint32_t n;
    if (pln_reader_cells(reader, &cells, &n, error) != PLN_OK)
        return error->status;
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(cells[i].name, "answer") != 0 || !cells[i].text.bytes)
            continue;
        output->last = malloc(cells[i].text.bytes + 1);
        if (!output->last)
            return fail(error, PLN_NO_MEMORY, "no memory for the last row of the output");
        memcpy(output->last, cells[i].text.text, cells[i].text.bytes);
        output->last[cells[i].text.bytes] = '\0';
    }
    return PLN_OK;
}

/* Rows of the output that have an error; the answer of the last one is kept. */
static pln_status count_errors(struct run_output *output, uint64_t rows, struct run_failures *failures,
                               pln_error *error)
{
    pln_reader *reader;
    const pln_record *row = NULL;
    pln_status status = pln_reader_open(output->path, NULL, &reader, error);
    for (uint64_t i = 0; status == PLN_OK && i < rows; i++) {
        status = pln_reader_next(reader, &row, error);
        const pln_field *why = status == PLN_OK ? pln_record_field(row, "error") : NULL;
        if (status == PLN_OK && !row)
            break;
        if (status == PLN_OK && i + 1 == rows)
            status = keep_last(output, reader, error);
        if (!why || !why->text.bytes)
            continue;
        char text[sizeof failures->why];
        snprintf(text, sizeof text, "%.*s", (int)(why->text.bytes < sizeof text ? why->text.bytes : sizeof text - 1),
                 why->text.text);
        run_note_failure(failures, i, text);
    }
    pln_reader_close(&reader);
    return status;
}

static pln_status count_missing(struct run_output *output, struct run_failures *failures, pln_error *error)
{
    snprintf(failures->why, sizeof failures->why, "%.400s has none", output->path);
    return run_vectors_count_failures(&output->vectors, &failures->n, &failures->first, error);
}

pln_status run_output_open(struct run_output *output, struct cli_source *source, const struct cli_task *task,
                           uint64_t *rows, struct run_failures *failures, pln_error *error)
{
    const bool vectors = output->path && run_vectors_suit(output->path);
    *rows = 0;
    output->table.numbered = source->reader || source->texts->n > 1;
    if (!output->json && !output->path)
        return PLN_OK;
    const pln_status status = vectors ? run_vectors_open(&output->vectors, output->path, output->resume, error)
                                      : open_writer(output, source, task, error);
    if (status != PLN_OK || !output->resume)
        return status;
    *rows = vectors ? output->vectors.rows : pln_writer_rows(output->writer);
    if (!*rows)
        return PLN_OK;
    return vectors ? count_missing(output, failures, error) : count_errors(output, *rows, failures, error);
}

/* Its reader writes JSON in its own way. */
static bool is_same_json(const char *a, const char *b)
{
    json_t *x = json_loads(a, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    json_t *y = json_loads(b, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    const bool same = x && y && json_equal(x, y);
    json_decref(x);
    json_decref(y);
    return same;
}

bool run_output_ends_with(const struct run_output *output, const pln_answer *answer)
{
    const bool good = answer->status == PLN_OK;
    if (output->vectors.file)
        return run_vectors_end_with(&output->vectors, answer);
    return good == (output->last != NULL) && (!good || is_same_json(answer->json, output->last));
}

/* ---- rows */

static pln_status write_row(struct run_output *output, uint64_t row, const pln_answer *answer, pln_error *error)
{
    char number[24];
    uint32_t n;
    const pln_cell *kept = run_kept_next(&output->kept, &n);
    pln_cell *cells = malloc((n + 2) * sizeof *cells);
    if (!cells)
        return fail(error, PLN_NO_MEMORY, "no memory for a row of the output");
    const bool good = answer->status == PLN_OK;
    const char *text = good ? answer->json : answer->message;
    const size_t digits = (size_t)snprintf(number, sizeof number, "%llu", (unsigned long long)row);
    cells[0] = (pln_cell){"row", {number, digits}, true};
    cells[1] = (pln_cell){good ? "answer" : "error", {text, strlen(text)}, good};
    if (n)
        memcpy(cells + 2, kept, n * sizeof *cells);
    const pln_status status = pln_writer_put(output->writer, cells, n + 2, error);
    free(cells);
    return status;
}

static pln_status print_row(struct run_output *output, uint64_t row, const pln_answer *answer, pln_error *error)
{
    if (answer->status == PLN_OK && run_table_put(&output->table, row, answer->json, error) != PLN_OK)
        return error->status;
    if (answer->status != PLN_OK && output->table.numbered)
        printf("%5llu  ", (unsigned long long)row);
    if (answer->status != PLN_OK)
        fputs("error: ", stdout), cli_print_sentence(stdout, answer->message);
    return cli_flush_output(error);
}

/* A file is handed to the system once a second, so that little is lost with the process; a stream at once. */
static pln_status flush(struct run_output *output, pln_error *error)
{
    const double now = cli_seconds();
    if (output->path && now - output->flushed < 1)
        return PLN_OK;
    output->flushed = now;
    return output->writer ? pln_writer_flush(output->writer, error) : run_vectors_flush(&output->vectors, error);
}

pln_status run_output_put(struct run_output *output, uint64_t row, const pln_answer *answer, pln_error *error)
{
    if (!output->writer && !output->vectors.file)
        return print_row(output, row, answer, error);
    const pln_status status =
        output->writer ? write_row(output, row, answer, error) : run_vectors_put(&output->vectors, answer, error);
    return status == PLN_OK ? flush(output, error) : status;
}

int run_output_finish(struct run_output *output)
{
    pln_error error;
    pln_status status = PLN_OK;
    if (output->writer)
        status = pln_writer_finish(output->writer, &error);
    else if (output->vectors.file)
        status = run_vectors_finish(&output->vectors, &error);
    else {
        run_table_finish(&output->table);
        return cli_finish_output();
    }
    return status == PLN_OK ? 0 : cli_fail(&error);
}

void run_output_close(struct run_output *output)
{
    pln_writer_close(&output->writer);
    run_vectors_close(&output->vectors);
    free(output->last);
    output->last = NULL;
    run_kept_finish(&output->kept);
}
