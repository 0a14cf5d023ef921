/* SPDX-License-Identifier: Apache-2.0
 *
 * A table for people: text on a terminal, as rows come, and Markdown. What does not fit a terminal is left out by rank,
 * then shortened.
 */
#include <string.h>

#include "cli/tables/table.h"
#include "cli/terminal.h"

enum { MOST_TEXT = 300, GAP = 2, LEAST_SHORTENED = 8 };

/* ---- what is shown, and how wide */

static uint32_t width_of(const struct table *t, uint32_t column)
{
    const struct table_column *c = &t->columns[column];
    char text[MOST_TEXT];
    table_heading(c, text, sizeof text);
    size_t width = terminal_columns(text, strlen(text));
    width = width > c->width ? width : c->width;
    for (uint32_t row = 0; row < t->n_rows; row++) {
        table_print_cell(c, table_at(t, row, column), text, sizeof text);
        const size_t cell = terminal_columns(text, strlen(text));
        if (c->type != TABLE_TEXT || c->fitted)
            width = width > cell ? width : cell;
    }
    return (uint32_t)width;
}

static uint32_t line_width(const struct table *t, const struct table_layout *layout)
{
    uint32_t width = 0;
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (layout->shown[i])
            width += layout->width[i] + (width ? GAP : 0);
    return width;
}

/* The column that is to go first, or that is the widest of those that can be shortened; -1: none. */
static int next_left_out(const struct table *t, const struct table_layout *layout)
{
    int found = -1;
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (layout->shown[i] && t->columns[i].rank && (found < 0 || t->columns[i].rank > t->columns[found].rank))
            found = (int)i;
    return found;
}

static int next_shortened(const struct table *t, const struct table_layout *layout)
{
    int found = -1;
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (layout->shown[i] && t->columns[i].type == TABLE_TEXT && layout->width[i] > LEAST_SHORTENED &&
            (found < 0 || layout->width[i] > layout->width[found]))
            found = (int)i;
    return found;
}

void table_lay_out(const struct table *t, uint32_t columns, struct table_layout *layout)
{
    *layout = (struct table_layout){.columns = columns};
    for (uint32_t i = 0; i < t->n_columns; i++) {
        layout->shown[i] = t->columns[i].title;
        layout->width[i] = layout->shown[i] ? width_of(t, i) : 0;
    }
    for (int i; columns && line_width(t, layout) > columns && (i = next_left_out(t, layout)) >= 0;)
        layout->shown[i] = false;
    for (int i; columns && line_width(t, layout) > columns && (i = next_shortened(t, layout)) >= 0;)
        layout->width[i]--;
}

/* ---- lines */

/* Words of a verdict column that say good or bad; all others are plain. */
static enum terminal_style style_of(const struct table_column *column, const char *cell)
{
    static const char *const good[] = {"agrees", "fastest", "within", "faster"};
    static const char *const bad[] = {"DISAGREES", "above", "lost: ", "SLOWER"};
    for (size_t i = 0; column->judges && i < sizeof good / sizeof *good; i++) {
        if (strncmp(cell, good[i], strlen(good[i])) == 0)
            return TERMINAL_GOOD;
        if (strncmp(cell, bad[i], strlen(bad[i])) == 0)
            return TERMINAL_BAD;
    }
    return TERMINAL_PLAIN;
}

/* A line as it is written: nothing goes beyond the terminal, and no blanks stand at the end. */
struct line {
    FILE *out;
    size_t columns, at, wanted; /* room (0: any), written, where the next field begins or text is set */
};

static void put(struct line *line, const char *text, size_t width, enum terminal_style style)
{
    if (!*text || (line->columns && line->wanted >= line->columns))
        return;
    const size_t room = line->columns ? line->columns - line->wanted : SIZE_MAX;
    fprintf(line->out, "%*s%s", (int)(line->wanted - line->at), "", style ? terminal_style(line->out, style) : "");
    line->at = line->wanted + terminal_put(line->out, text, width < room ? width : room);
    fputs(style ? terminal_style(line->out, TERMINAL_PLAIN) : "", line->out);
}

/* Text is set to the left, numbers to the right; without a terminal's width a field is as long as its text. */
static void put_field(struct line *line, const struct table_column *column, uint32_t width, bool last, const char *text,
                      enum terminal_style style)
{
    const size_t begin = line->wanted, own = terminal_columns(text, strlen(text));
    const bool right = column->type != TABLE_TEXT, free = !line->columns || (last && !right);
    const size_t used = own > width && !free ? width : own;
    line->wanted += right && used < width ? width - used : 0;
    put(line, text, used, style);
    line->wanted = begin + (used > width ? used : width) + GAP;
}

static void write_line(FILE *out, const struct table *t, const struct table_layout *layout, int64_t row)
{
    char text[MOST_TEXT];
    struct line line = {.out = out, .columns = layout->columns};
    uint32_t left = 0;
    for (uint32_t i = 0; i < t->n_columns; i++)
        left += layout->shown[i];
    for (uint32_t i = 0; i < t->n_columns; i++) {
        const struct table_column *c = &t->columns[i];
        if (!layout->shown[i])
            continue;
        left--;
        if (row < 0)
            table_heading(c, text, sizeof text);
        else
            table_print_cell(c, table_at(t, (uint32_t)row, i), text, sizeof text);
        put_field(&line, c, layout->width[i], !left, text, row < 0 ? TERMINAL_BOLD : style_of(c, text));
    }
    fputc('\n', out);
}

void table_write_head(FILE *out, const struct table *t, const struct table_layout *layout)
{
    write_line(out, t, layout, -1);
}

void table_write_rows(FILE *out, const struct table *t, const struct table_layout *layout, uint32_t first)
{
    for (uint32_t row = first; row < t->n_rows; row++)
        write_line(out, t, layout, row);
}

void table_write_left_out(FILE *out, const struct table *t, const struct table_layout *layout)
{
    char text[MOST_TEXT * 2] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (t->columns[i].title && !layout->shown[i] && used < sizeof text)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "", t->columns[i].title);
    if (!used)
        return;
    fputs("--wide shows ", out);
    terminal_fill(out, text, strlen("--wide shows "), 0, layout->columns);
}

void table_print(FILE *out, const struct table *t, bool wide)
{
    struct table_layout layout;
    table_lay_out(t, wide ? 0 : terminal_width(out), &layout);
    table_write_head(out, t, &layout);
    table_write_rows(out, t, &layout, 0);
    table_write_left_out(out, t, &layout);
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
