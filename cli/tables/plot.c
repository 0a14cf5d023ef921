/* SPDX-License-Identifier: Apache-2.0
 *
 * The template of a picture, its axes, colours and text.
 */
#include "cli/tables/plot.h"

#include <math.h>
#include <string.h>

#include "cli/cli.h"

enum { TICK = 90 }; /* pixels between ticks, at least: room for their numbers */

static const char template_head[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">\n"
    "<style>\n"
    "text { font-family: 'DejaVu Sans', 'Segoe UI', Helvetica, Arial, sans-serif; font-size: 13px; fill: #1b1f24 }\n"
    ".title { font-size: 19px; font-weight: bold }\n"
    ".group { font-size: 14px; font-weight: bold }\n"
    ".axis { fill: #57606a }\n"
    ".note { font-size: 12px; fill: #57606a }\n"
    ".grid { stroke: #d8dee4; stroke-width: 1 }\n"
    ".frame { stroke: #57606a; stroke-width: 1.2 }\n"
    ".curve { fill: none; stroke-width: 2.4; stroke-linejoin: round }\n"
    "</style>\n"
    "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n";

void plot_begin(FILE *out, const struct table *t, int height)
{
    fprintf(out, template_head, PLOT_WIDTH, height, PLOT_WIDTH, height, PLOT_WIDTH, height);
    fputs("<title>", out);
    plot_escape(out, t->title);
    fputs("</title>\n", out);
    plot_text(out, PLOT_MARGIN, 38, "title", "start", t->title);
    if (t->plot.sense)
        plot_text(out, PLOT_MARGIN, 62, "axis", "start", t->plot.sense);
}

void plot_end(FILE *out, const struct table *t, int height)
{
    for (uint32_t i = 0; i < t->n_notes; i++)
        plot_text(out, PLOT_MARGIN, height - PLOT_NOTE * ((int)t->n_notes - (int)i) + 4, "note", "start", t->notes[i]);
    fputs("</svg>\n", out);
}

/* What stands for the character in XML; NULL: the character itself. */
static const char *escaped(const char *character, bool valid)
{
    switch (*character) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    default:
        if (!valid)
            return CLI_REPLACEMENT;
        return (unsigned char)*character < ' ' ? "" : NULL; /* XML knows no controls */
    }
}

void plot_escape(FILE *out, const char *text)
{
    const char *end = text + strlen(text);
    for (size_t n; text < end; text += n) {
        bool valid;
        n = cli_utf8_cut(text, (size_t)(end - text), &valid);
        const char *instead = escaped(text, valid);
        if (instead)
            fputs(instead, out);
        else
            fwrite(text, 1, n, out);
    }
}

void plot_text(FILE *out, double x, double y, const char *class, const char *anchor, const char *text)
{
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" text-anchor=\"%s\">", x, y, class, anchor);
    plot_escape(out, text);
    fputs("</text>\n", out);
}

void plot_line(FILE *out, double x1, double y1, double x2, double y2, const char *class)
{
    fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1, y1, x2, y2, class);
}

double plot_at(const struct plot_axis *a, double value)
{
    const double share = a->log ? log(value / a->low) / log(a->high / a->low) : (value - a->low) / (a->high - a->low);
    return a->from + share * (a->to - a->from);
}

uint32_t plot_ticks(const struct plot_axis *a, double *ticks, uint32_t room)
{
    static const double steps[] = {1, 2, 5};
    uint32_t n = 0;
    if (a->log) {
        for (double decade = pow(10, floor(log10(a->low))); decade <= a->high; decade *= 10)
            for (int i = 0; i < 3 && n < room; i++)
                if (steps[i] * decade >= a->low * 0.999 && steps[i] * decade <= a->high * 1.001)
                    ticks[n++] = steps[i] * decade;
        return n;
    }
    const double rough = (a->high - a->low) * TICK / fabs(a->to - a->from), decade = pow(10, floor(log10(rough)));
    double step = 10 * decade;
    for (int i = 2; i >= 0; i--)
        step = steps[i] * decade >= rough ? steps[i] * decade : step;
    for (double tick = ceil(a->low / step) * step; tick <= a->high * 1.0001 && n < room; tick += step)
        ticks[n++] = tick;
    return n;
}

static int digits_of(double value)
{
    if (value >= 100 || value == floor(value))
        return 0;
    return value >= 10 ? 1 : 2;
}

const char *plot_number(double value, char *text, size_t bytes)
{
    if (value < 1000) {
        snprintf(text, bytes, "%.*f", digits_of(value), value);
        return text;
    }
    char digits[40];
    const int n = snprintf(digits, sizeof digits, "%.0f", value);
    size_t used = 0;
    for (int i = 0; i < n && used + 4 < bytes; i++) /* thin spaces between thousands */
        used += (size_t)snprintf(text + used, bytes - used, "%s%c", i && (n - i) % 3 == 0 ? "\u2009" : "", digits[i]);
    return text;
}

const char *plot_colour(uint32_t series)
{
    static const char *const colours[] = {"#0072b2", "#e08a00", "#009e73", "#b8528f",
                                          "#4a4a4a", "#3da0d8", "#c4480c", "#8a7400"};
    return colours[series % (sizeof colours / sizeof *colours)];
}

int plot_series_of(const struct table *t, uint32_t row, const char *const *names, uint32_t n)
{
    const struct table_cell *name = table_at(t, row, (uint32_t)table_find(t, t->plot.series));
    if (!name->present || !table_at(t, row, (uint32_t)table_find(t, t->plot.value))->present)
        return -1;
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(names[i], name->text) == 0)
            return (int)i;
    return -1;
}

uint32_t plot_series(const struct table *t, const char **names)
{
    const uint32_t series = (uint32_t)table_find(t, t->plot.series), value = (uint32_t)table_find(t, t->plot.value);
    uint32_t n = 0;
    for (uint32_t row = 0; row < t->n_rows && n < PLOT_SERIES; row++)
        if (table_at(t, row, series)->present && table_at(t, row, value)->present &&
            plot_series_of(t, row, names, n) < 0)
            names[n++] = table_at(t, row, series)->text;
    return n;
}
