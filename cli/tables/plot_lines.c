/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines: value over x, both on logarithmic axes, a line for each series with its name at its end.
 */
#include "cli/tables/plot.h"

#include <string.h>

enum { HEIGHT = 470, LEFT = 92, RIGHT = 230, BOTTOM = 58, NAME_STEP = 18 };

/* Least and most of a column over the rows that are drawn. */
static struct plot_axis range_of(const struct table *t, uint32_t column, double from, double to)
{
    struct plot_axis axis = {0, 0, from, to, true};
    for (uint32_t row = 0; row < t->n_rows; row++) {
        const struct table_cell *cell = table_at(t, row, column);
        if (!cell->present || cell->number <= 0)
            continue;
        axis.low = axis.low == 0 || cell->number < axis.low ? cell->number : axis.low;
        axis.high = cell->number > axis.high ? cell->number : axis.high;
    }
    if (axis.low == axis.high) {
        axis.low = axis.low > 0 ? axis.low / 2 : 1;
        axis.high = 4 * axis.low;
    }
    return axis;
}

static void write_y_axis(FILE *out, const struct table *t, const struct plot_axis *x, const struct plot_axis *y)
{
    char text[120];
    double ticks[32];
    const uint32_t n = plot_ticks(y, ticks, 32);
    for (uint32_t i = 0; i < n; i++) {
        plot_line(out, x->from, plot_at(y, ticks[i]), x->to, plot_at(y, ticks[i]), "grid");
        plot_text(out, x->from - 10, plot_at(y, ticks[i]) + 4, "axis", "end", plot_number(ticks[i], text, sizeof text));
    }
    fprintf(out, "<g transform=\"translate(%d %.1f) rotate(-90)\">", PLOT_MARGIN + 6, (y->from + y->to) / 2);
    plot_text(out, 0, 0, "axis", "middle", t->plot.value_name);
    fputs("</g>\n", out);
}

/* A tick for each x that was measured, where there is room for its number. */
static void write_x_axis(FILE *out, const struct table *t, const struct plot_axis *x, double bottom)
{
    const uint32_t column = (uint32_t)table_find(t, t->plot.x);
    char text[120];
    double before = x->from - 100;
    for (uint32_t row = 0; row < t->n_rows; row++) {
        const struct table_cell *cell = table_at(t, row, column);
        if (!cell->present || plot_at(x, cell->number) < before + 34)
            continue;
        before = plot_at(x, cell->number);
        plot_line(out, before, PLOT_TOP, before, bottom, "grid");
        plot_text(out, before, bottom + 18, "axis", "middle", plot_number(cell->number, text, sizeof text));
    }
    plot_text(out, (x->from + x->to) / 2, bottom + 42, "axis", "middle", t->plot.x_name);
}

static double write_curve(FILE *out, const struct table *t, const struct plot_axis *x, const struct plot_axis *y,
                          const char *const *names, uint32_t n, uint32_t series)
{
    const uint32_t at_x = (uint32_t)table_find(t, t->plot.x), at_y = (uint32_t)table_find(t, t->plot.value);
    double end = 0;
    fprintf(out, "<polyline class=\"curve\" stroke=\"%s\" points=\"", plot_colour(series));
    for (uint32_t row = 0; row < t->n_rows; row++)
        if (plot_series_of(t, row, names, n) == (int)series) {
            end = plot_at(y, table_at(t, row, at_y)->number);
            fprintf(out, "%.1f,%.1f ", plot_at(x, table_at(t, row, at_x)->number), end);
        }
    fputs("\"/>\n", out);
    for (uint32_t row = 0; row < t->n_rows; row++)
        if (plot_series_of(t, row, names, n) == (int)series)
            fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.6\" fill=\"%s\"/>\n",
                    plot_at(x, table_at(t, row, at_x)->number), plot_at(y, table_at(t, row, at_y)->number),
                    plot_colour(series));
    return end;
}

/* Names stand at the ends of their lines, from the top down, moved apart where lines end close together. */
static void write_names(FILE *out, const char *const *names, const double *ends, uint32_t n, double x)
{
    bool done[PLOT_SERIES] = {false};
    double free_from = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t next = 0;
        for (uint32_t j = 0; j < n; j++)
            if (!done[j] && (done[next] || ends[j] < ends[next]))
                next = j;
        done[next] = true;
        const double y = ends[next] > free_from ? ends[next] : free_from;
        fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"10\" height=\"10\" fill=\"%s\"/>\n", x + 14, y - 5,
                plot_colour(next));
        plot_text(out, x + 30, y + 5, "label", "start", names[next]);
        free_from = y + NAME_STEP;
    }
}

bool plot_lines(FILE *out, const struct table *t)
{
    const char *names[PLOT_SERIES];
    double ends[PLOT_SERIES] = {0};
    const uint32_t n = plot_series(t, names);
    const int bottom = HEIGHT, height = HEIGHT + BOTTOM + PLOT_NOTE * (int)t->n_notes + 16;
    const struct plot_axis x = range_of(t, (uint32_t)table_find(t, t->plot.x), LEFT, PLOT_WIDTH - RIGHT);
    const struct plot_axis y = range_of(t, (uint32_t)table_find(t, t->plot.value), bottom - 10, PLOT_TOP + 10);
    plot_begin(out, t, height);
    write_y_axis(out, t, &x, &y);
    write_x_axis(out, t, &x, bottom);
    plot_line(out, x.from, PLOT_TOP, x.from, bottom, "frame");
    plot_line(out, x.from, bottom, x.to, bottom, "frame");
    for (uint32_t i = 0; i < n; i++)
        ends[i] = write_curve(out, t, &x, &y, names, n, i);
    write_names(out, names, ends, n, x.to);
    plot_end(out, t, height);
    return true;
}
