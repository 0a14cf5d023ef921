/* SPDX-License-Identifier: Apache-2.0
 *
 * What --keep passes from a row to its answer.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/commands/run.h"

struct kept {
    struct kept *next;
    uint32_t n;
    pln_cell cells[]; /* their texts lie behind them */
};

static const char *const own[] = {"row", "answer", "error"}; /* columns that answers have */

/* Whether the task reads the column of the file: under its name, unless another is called so, or under another. */
static bool is_read(const struct cli_source *source, const struct cli_task *task, const char *column)
{
    for (const pln_column_info *c = source->info->columns; c->name; c++) {
        const char *from = c->name;
        const size_t bytes = strlen(c->name);
        for (uint32_t i = 0; i < task->columns.n; i++)
            if (strncmp(task->columns.items[i], c->name, bytes) == 0 && task->columns.items[i][bytes] == '=')
                from = task->columns.items[i] + bytes + 1;
        if (strcmp(from, column) == 0)
            return true;
    }
    return false;
}

/* One that is called as a column of answers is passed on as "input.NAME". */
static size_t name_kept(const char *column, char *to, size_t room)
{
    bool taken = false;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        taken |= strcmp(column, own[i]) == 0;
    return (size_t)snprintf(to, room, "%s%s", taken ? "input." : "", column);
}

static size_t bytes_of(const pln_cell *cell)
{
    return name_kept(cell->name, NULL, 0) + 1 + cell->text.bytes;
}

static void copy_cell(pln_cell *to, const pln_cell *from, char **text)
{
    const size_t name = name_kept(from->name, *text, bytes_of(from)) + 1;
    *to = (pln_cell){*text, {from->text.text ? *text + name : NULL, from->text.bytes}, from->json};
    if (from->text.bytes)
        memcpy(*text + name, from->text.text, from->text.bytes);
    *text += name + from->text.bytes;
}

static pln_status no_memory(pln_error *error)
{
    *error = (pln_error){.status = PLN_NO_MEMORY, .node = -1};
    snprintf(error->message, sizeof error->message, "no memory for the columns of a row");
    return PLN_NO_MEMORY;
}

static bool has_column(const struct run_kept *kept, const char *name)
{
    for (uint32_t i = 0; i < kept->n_columns; i++)
        if (strcmp(kept->columns[i], name) == 0)
            return true;
    return !kept->columns;
}

static pln_status refuse_column(const pln_cell *cell, pln_error *error)
{
    *error = (pln_error){.status = PLN_INVALID, .node = -1};
    snprintf(error->message, sizeof error->message,
             "--keep: the output has the columns of the first row, and \"%.200s\" is none of them", cell->name);
    return PLN_INVALID;
}

pln_status run_keep(struct run_kept *kept, struct cli_source *source, const struct cli_task *task, bool good,
                    pln_error *error)
{
    const pln_cell *cells = NULL;
    uint32_t n = 0;
    size_t bytes = 1;
    pln_status status = PLN_OK;
    if (!kept->wanted || !source->reader)
        return PLN_OK;
    if (good && pln_reader_cells(source->reader, &cells, &n, error) != PLN_OK)
        return error->status;
    for (uint32_t i = 0; i < n; i++)
        bytes += bytes_of(&cells[i]);
    struct kept *row = malloc(sizeof *row + n * sizeof *row->cells + bytes);
    if (!row)
        return no_memory(error);
    char *text = (char *)(row->cells + n);
    row->next = NULL;
    row->n = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (is_read(source, task, cells[i].name))
            continue;
        copy_cell(&row->cells[row->n++], &cells[i], &text);
        if (status == PLN_OK && !has_column(kept, row->cells[row->n - 1].name))
            status = refuse_column(&cells[i], error);
    }
    row->n = status == PLN_OK ? row->n : 0;
    pthread_mutex_lock(&kept->lock);
    if (kept->last)
        kept->last->next = row;
    else
        kept->first = row;
    kept->last = row;
    pthread_mutex_unlock(&kept->lock);
    return status;
}

const pln_cell *run_kept_next(struct run_kept *kept, uint32_t *n)
{
    free(kept->given);
    pthread_mutex_lock(&kept->lock);
    kept->given = kept->first;
    kept->first = kept->given ? kept->given->next : NULL;
    kept->last = kept->first ? kept->last : NULL;
    pthread_mutex_unlock(&kept->lock);
    *n = kept->given ? kept->given->n : 0;
    return kept->given ? kept->given->cells : NULL;
}

void run_kept_finish(struct run_kept *kept)
{
    uint32_t n;
    do
        run_kept_next(kept, &n);
    while (kept->given);
    free(kept->columns);
    kept->columns = NULL;
}

pln_status run_kept_columns(struct run_kept *kept, struct cli_source *source, const struct cli_task *task,
                            pln_error *error)
{
    uint32_t in_file = 0, n = sizeof own / sizeof *own;
    size_t room = 0;
    if (kept->wanted && source->reader && !source->told && !cli_source_peek(source) && source->first_status != PLN_OK) {
        *error = source->first_error;
        return error->status;
    }
    const char *const *columns = pln_reader_columns(source->reader, &in_file);
    for (uint32_t i = 0; i < in_file; i++)
        room += name_kept(columns[i], NULL, 0) + 1;
    kept->columns = malloc((n + in_file) * sizeof *kept->columns + room);
    if (!kept->columns)
        return no_memory(error);
    memcpy(kept->columns, own, sizeof own);
    char *text = (char *)(kept->columns + n + in_file);
    for (uint32_t i = 0; kept->wanted && i < in_file; i++) {
        if (is_read(source, task, columns[i]))
            continue;
        kept->columns[n++] = text;
        text += name_kept(columns[i], text, room) + 1;
    }
    kept->n_columns = n;
    return PLN_OK;
}
