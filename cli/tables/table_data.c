/* SPDX-License-Identifier: Apache-2.0
 *
 * A table for programs: JSON (one document, or one object a line) and CSV (RFC 4180). Keys are the columns' keys, and
 * nothing is rounded for reading.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/tables/table.h"

/* ---- JSON */

static json_t *cell_value(const struct table_column *column, const struct table_cell *cell)
{
    if (!cell->present)
        return json_null();
    if (column->type == TABLE_TEXT)
        return cli_json_text(cell->text, strlen(cell->text));
    return column->type == TABLE_COUNT ? json_integer((json_int_t)cell->number) : json_real(cell->number);
}

/* Returns new, or NULL: no memory. */
static json_t *row_object(const struct table *t, uint32_t row)
{
    json_t *object = json_object();
    for (uint32_t i = 0; object && i < t->n_columns; i++)
        if (json_object_set_new(object, t->columns[i].key, cell_value(&t->columns[i], table_at(t, row, i))) != 0) {
            json_decref(object);
            object = NULL;
        }
    return object;
}

/* Whole, or nothing of it: false if there is no memory. */
static bool dump(FILE *out, json_t *value, size_t flags)
{
    char *text = cli_dump_json(value, flags | JSON_REAL_PRECISION(9));
    if (text)
        fprintf(out, "%s\n", text);
    json_decref(value);
    free(text);
    return text;
}

bool table_write_json_rows(FILE *out, const struct table *t, uint32_t first)
{
    bool written = true;
    for (uint32_t row = first; written && row < t->n_rows; row++)
        written = dump(out, row_object(t, row), JSON_COMPACT);
    return written;
}

bool table_write_json(FILE *out, const struct table *t)
{
    json_t *columns = json_array(), *rows = json_array(), *notes = json_array();
    bool made = columns && rows && notes;
    for (uint32_t i = 0; made && i < t->n_columns; i++) {
        const struct table_column *c = &t->columns[i];
        made = json_array_append_new(
                   columns, json_pack("{s:s,s:s?,s:s?}", "key", c->key, "title", c->title, "unit", c->unit)) == 0;
    }
    for (uint32_t row = 0; made && row < t->n_rows; row++)
        made = json_array_append_new(rows, row_object(t, row)) == 0;
    for (uint32_t i = 0; made && i < t->n_notes; i++)
        made = json_array_append_new(notes, cli_json_text(t->notes[i], strlen(t->notes[i]))) == 0;
    json_t *document = json_pack("{s:o,s:o,s:o,s:o}", "title", cli_json_text(t->title, strlen(t->title)), "notes",
                                 notes, "columns", columns, "rows", rows);
    if (!made || !document) {
        json_decref(document);
        return false;
    }
    return dump(out, document, JSON_INDENT(1));
}

/* ---- CSV */

static void write_field(FILE *out, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++)
        fprintf(out, *text == '"' ? "\"%c" : "%c", *text);
    fputc('"', out);
}

bool table_write_csv(FILE *out, const struct table *t)
{
    for (uint32_t i = 0; i < t->n_columns; i++)
        fprintf(out, "%s%s", i ? "," : "", t->columns[i].key);
    for (uint32_t row = 0; row < t->n_rows; row++)
        for (uint32_t i = 0; i < t->n_columns; i++) {
            const struct table_cell *cell = table_at(t, row, i);
            fputs(i ? "," : "\r\n", out);
            if (cell->present && t->columns[i].type == TABLE_TEXT)
                write_field(out, cell->text);
            else if (cell->present)
                fprintf(out, t->columns[i].type == TABLE_COUNT ? "%.0f" : "%.9g", cell->number);
        }
    fputs("\r\n", out);
    return true;
}
