/* SPDX-License-Identifier: Apache-2.0
 *
 * The cells of a table, and how one reads.
 */
#include "cli/tables/table.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

void table_add_columns(struct table *t, const struct table_column *columns, uint32_t n)
{
    assert(t->n_rows == 0 && t->n_columns + n <= TABLE_COLUMNS);
    memcpy(t->columns + t->n_columns, columns, n * sizeof *columns);
    t->n_columns += n;
}

void table_add_row(struct table *t)
{
    struct table_cell *cells =
        t->failed ? NULL : cli_reserve(t->cells, &t->room, t->n_rows + 1ul, t->n_columns * sizeof *cells);
    t->failed = !cells;
    if (t->failed)
        return;
    t->cells = cells;
    memset(t->cells + (size_t)t->n_rows * t->n_columns, 0, t->n_columns * sizeof *t->cells);
    t->n_rows++;
}

void table_add_note(struct table *t, const char *format, ...)
{
    assert(t->n_notes < TABLE_NOTES);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(t->notes[t->n_notes++], sizeof *t->notes, format, arguments);
    va_end(arguments);
}

void table_finish(struct table *t)
{
    for (size_t i = 0; i < (size_t)t->n_rows * t->n_columns; i++)
        free(t->cells[i].text);
    free(t->cells);
    *t = (struct table){0};
}

int table_find(const struct table *t, const char *key)
{
    for (uint32_t i = 0; key && i < t->n_columns; i++)
        if (strcmp(t->columns[i].key, key) == 0)
            return (int)i;
    return -1;
}

static struct table_cell *last_cell(struct table *t, const char *key)
{
    const int column = table_find(t, key);
    assert(column >= 0 && t->n_rows);
    return &t->cells[(size_t)(t->n_rows - 1) * t->n_columns + (size_t)column];
}

void table_set_text(struct table *t, const char *key, const char *text)
{
    if (t->failed)
        return;
    struct table_cell *cell = last_cell(t, key);
    free(cell->text);
    cell->text = strdup(text);
    cell->present = cell->text != NULL;
    t->failed = !cell->text;
}

void table_set_number(struct table *t, const char *key, double number)
{
    if (t->failed)
        return;
    struct table_cell *cell = last_cell(t, key);
    cell->number = number;
    cell->present = isfinite(number);
}

const struct table_cell *table_at(const struct table *t, uint32_t row, uint32_t column)
{
    return &t->cells[(size_t)row * t->n_columns + column];
}

const char *table_heading(const struct table_column *column, char *text, size_t bytes)
{
    snprintf(text, bytes, column->unit ? "%s %s" : "%s", column->title, column->unit);
    return text;
}

const char *table_print_cell(const struct table_column *column, const struct table_cell *cell, char *text, size_t bytes)
{
    if (!cell->present)
        snprintf(text, bytes, "%s", column->absent ? column->absent : "-");
    else if (column->type == TABLE_TEXT)
        snprintf(text, bytes, "%s", cell->text);
    else if (column->type == TABLE_SCIENTIFIC)
        snprintf(text, bytes, "%.*e", column->digits, cell->number);
    else
        snprintf(text, bytes, "%.*f", column->type == TABLE_COUNT ? 0 : column->digits, cell->number);
    return text;
}
