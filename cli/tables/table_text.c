/* SPDX-License-Identifier: Apache-2.0
 *
 * A table for people: text on a terminal, as rows come, and Markdown.
 */
#include "cli/tables/table.h"

#include <string.h>

enum { MOST_TEXT = 300, MOST_LINE = 1200 };

static int width_of(const struct table_column *column)
{
    char text[MOST_TEXT];
    const size_t heading = strlen(table_heading(column, text, sizeof text));
    return (int)(heading > column->width ? heading : column->width);
}

/* Text is set to the left, numbers to the right. Returns how many characters of the line are used. */
static size_t put_field(char *line, size_t used, const struct table_column *column, const char *text)
{
    const int width = width_of(column);
    const int n = snprintf(line + used, MOST_LINE - used, column->type == TABLE_TEXT ? "%-*s  " : "%*s  ", width, text);
    return used + (size_t)n < MOST_LINE ? used + (size_t)n : MOST_LINE - 1;
}

static void write_line(FILE *out, const char *line, size_t used)
{
    while (used && line[used - 1] == ' ')
        used--;
    fprintf(out, "%.*s\n", (int)used, line);
}

void table_write_head(FILE *out, const struct table *t)
{
    char line[MOST_LINE], text[MOST_TEXT];
    size_t used = 0;
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (t->columns[i].title)
            used = put_field(line, used, &t->columns[i], table_heading(&t->columns[i], text, sizeof text));
    write_line(out, line, used);
}

void table_write_rows(FILE *out, const struct table *t, uint32_t first)
{
    char line[MOST_LINE], text[MOST_TEXT];
    for (uint32_t row = first; row < t->n_rows; row++) {
        size_t used = 0;
        for (uint32_t i = 0; i < t->n_columns; i++)
            if (t->columns[i].title)
                used = put_field(line, used, &t->columns[i],
                                 table_print_cell(&t->columns[i], table_at(t, row, i), text, sizeof text));
        write_line(out, line, used);
    }
}

/* ---- Markdown */

static void write_cell(FILE *out, const char *text)
{
    fputs(" ", out);
    for (; *text; text++)
        fprintf(out, *text == '|' ? "\\%c" : "%c", *text);
    fputs(" |", out);
}

bool table_write_markdown(FILE *out, const struct table *t)
{
    char text[MOST_TEXT];
    fprintf(out, "%s\n\n|", t->title);
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (t->columns[i].title)
            write_cell(out, table_heading(&t->columns[i], text, sizeof text));
    fputs("\n|", out);
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (t->columns[i].title)
            fputs(t->columns[i].type == TABLE_TEXT ? " --- |" : " ---: |", out);
    for (uint32_t row = 0; row < t->n_rows; row++) {
        fputs("\n|", out);
        for (uint32_t i = 0; i < t->n_columns; i++)
            if (t->columns[i].title)
                write_cell(out, table_print_cell(&t->columns[i], table_at(t, row, i), text, sizeof text));
    }
    fputs("\n", out);
    for (uint32_t i = 0; i < t->n_notes; i++)
        fprintf(out, "\n%s\n", t->notes[i]);
    return true;
}
