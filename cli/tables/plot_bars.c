/* SPDX-License-Identifier: Apache-2.0
 *
 * Bars: a group of rows for each text of the group column, a bar for each row, its numbers at its end.
 */
#include "cli/tables/plot.h"

#include <string.h>

enum { BAR = 20, STEP = 27, GROUP = 34, AXIS = 52, BESIDE = 470, DESCRIPTION = 160, MOST_BESIDE = 3, MOST_LABEL = 52 };

static double longest_value(const struct table *t)
{
    const uint32_t value = (uint32_t)table_find(t, t->plot.value);
    double most = 0;
    for (uint32_t row = 0; row < t->n_rows; row++) {
        const struct table_cell *cell = table_at(t, row, value);
        most = cell->present && cell->number > most ? cell->number : most;
    }
    return most > 0 ? most : 1;
}

static int label_width(const char *const *names, uint32_t n)
{
    size_t most = 6;
    for (uint32_t i = 0; i < n; i++)
        most = strlen(names[i]) > most ? strlen(names[i]) : most;
    return (int)(most < MOST_LABEL ? most : MOST_LABEL) * (PLOT_LETTER + 1) + 12;
}

/* A new group begins where the text differs from the row before. */
static bool begins_group(const struct table *t, uint32_t row)
{
    const int group = table_find(t, t->plot.group);
    if (group < 0 || row == 0)
        return group >= 0;
    const struct table_cell *here = table_at(t, row, (uint32_t)group), *before = table_at(t, row - 1, (uint32_t)group);
    return here->present && before->present && strcmp(here->text, before->text) != 0;
}

/* "44.9 ms", "difference 1.1e-05", "agrees": what a cell says where its column is not in sight. */
static void describe(const struct table *t, uint32_t row, const char *key, char *text, size_t bytes)
{
    const int column = table_find(t, key);
    char cell[120];
    text[0] = '\0';
    if (column < 0 || !table_at(t, row, (uint32_t)column)->present)
        return;
    const struct table_column *c = &t->columns[column];
    table_print_cell(c, table_at(t, row, (uint32_t)column), cell, sizeof cell);
    if (c->type == TABLE_TEXT)
        snprintf(text, bytes, " · %s", cell);
    else if (c->unit && strcmp(c->unit, "%") == 0)
        snprintf(text, bytes, " · %s %% %s", cell, c->title);
    else if (c->unit)
        snprintf(text, bytes, " · %s %s", cell, c->unit);
    else if (c->type == TABLE_SCIENTIFIC)
        snprintf(text, bytes, " · %s %s", c->title, cell);
    else
        snprintf(text, bytes, " · %s %s", cell, c->title);
}

static void write_beside(FILE *out, const struct table *t, uint32_t row, double x, double y)
{
    char number[64], text[MOST_BESIDE * DESCRIPTION + 128];
    plot_number(table_at(t, row, (uint32_t)table_find(t, t->plot.value))->number, number, sizeof number);
    int used = snprintf(text, sizeof text, "%s %s", number, t->plot.unit);
    for (int i = 0; i < MOST_BESIDE; i++) {
        char description[DESCRIPTION];
        describe(t, row, t->plot.beside[i], description, sizeof description);
        used += snprintf(text + used, sizeof text - (size_t)used, "%s", description);
    }
    plot_text(out, x + 8, y + BAR - 5, "value", "start", text);
}

static void write_axis(FILE *out, const struct table *t, const struct plot_axis *axis, int top, int bottom)
{
    char text[64];
    double ticks[32];
    const uint32_t n = plot_ticks(axis, ticks, 32);
    for (uint32_t i = 0; i < n; i++) {
        plot_line(out, plot_at(axis, ticks[i]), top, plot_at(axis, ticks[i]), bottom, "grid");
        plot_text(out, plot_at(axis, ticks[i]), bottom + 18, "axis", "middle",
                  plot_number(ticks[i], text, sizeof text));
    }
    plot_line(out, axis->from, top, axis->from, bottom, "frame");
    plot_text(out, (axis->from + axis->to) / 2, bottom + 40, "axis", "middle", t->plot.value_name);
}

bool plot_bars(FILE *out, const struct table *t)
{
    const char *names[PLOT_SERIES];
    const uint32_t n = plot_series(t, names);
    int height = PLOT_TOP;
    for (uint32_t row = 0; row < t->n_rows; row++)
        height += begins_group(t, row) ? GROUP + STEP : STEP;
    const int bottom = height;
    height += AXIS + PLOT_NOTE * (int)t->n_notes + 16;
    const struct plot_axis axis = {0, longest_value(t), PLOT_MARGIN + label_width(names, n), PLOT_WIDTH - BESIDE,
                                   false};
    plot_begin(out, t, height);
    write_axis(out, t, &axis, PLOT_TOP - 6, bottom);
    int y = PLOT_TOP;
    for (uint32_t row = 0; row < t->n_rows; row++) {
        if (begins_group(t, row)) {
            plot_text(out, PLOT_MARGIN, y + GROUP - 10, "group", "start",
                      table_at(t, row, (uint32_t)table_find(t, t->plot.group))->text);
            y += GROUP;
        }
        const int series = plot_series_of(t, row, names, n);
        if (series >= 0) {
            const double end = plot_at(&axis, table_at(t, row, (uint32_t)table_find(t, t->plot.value))->number);
            plot_text(out, axis.from - 10, y + BAR - 5, "label", "end", names[series]);
            fprintf(out, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", axis.from, y,
                    end - axis.from, BAR, plot_colour((uint32_t)series));
            write_beside(out, t, row, end, y);
        }
        y += STEP;
    }
    plot_end(out, t, height);
    return true;
}
