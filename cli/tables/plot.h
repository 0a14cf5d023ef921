/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures of a table in SVG: what bars and lines share. Dark on light, one font, colours that colour-blind people can
 * tell apart. Lengths are in pixels of the view box.
 */
#ifndef CLI_TABLES_PLOT_H
#define CLI_TABLES_PLOT_H

#include "cli/tables/table.h"
#include "cli/terminal.h"

enum { PLOT_WIDTH = 1080, PLOT_MARGIN = 28, PLOT_TOP = 86, PLOT_LETTER = 7, PLOT_SERIES = 48 };

struct plot_axis {
    double low, high; /* values at the ends */
    double from, to;  /* their pixels */
    bool log;
};

/* Opens the document with the table's title and what one should know below it. */
void plot_begin(FILE *out, const struct table *t, int height);
/* Notes at the bottom and the end of the document. */
void plot_end(FILE *out, const struct table *t, int height);
enum { PLOT_NOTE = 18 }; /* height of a note */

/* class: one of the template's: title, group, label, value, axis, note; anchor: start, middle, end */
void plot_text(FILE *out, double x, double y, const char *class, const char *anchor, const char *text);
void plot_escape(FILE *out, const char *text);
void plot_line(FILE *out, double x1, double y1, double x2, double y2, const char *class);

double plot_at(const struct plot_axis *axis, double value);
/* Round numbers of 1, 2, 5 within the axis; returns how many. */
uint32_t plot_ticks(const struct plot_axis *axis, double *ticks, uint32_t room);
/* "22 807", "44.9", "0.18" */
const char *plot_number(double value, char *text, size_t bytes);

/* The table's series in order of their first row; rows without a name or a value are left out. Returns how many. */
uint32_t plot_series(const struct table *t, const char **names);
/* Index of the row's series, or -1 when the row is not drawn. */
int plot_series_of(const struct table *t, uint32_t row, const char *const *names, uint32_t n);
const char *plot_colour(uint32_t series);

/* Counts [n, n]; labels [n]. */
struct plot_counts {
    uint32_t n;
    const char *const *labels;
    const uint64_t *counts;
};
void plot_matrix(FILE *out, const char *title, const struct plot_counts *counts);

bool plot_bars(FILE *out, const struct table *t);
bool plot_lines(FILE *out, const struct table *t);
#endif
