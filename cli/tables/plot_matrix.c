/* SPDX-License-Identifier: Apache-2.0
 *
 * A matrix of counts as a picture: the right labels down, those that were given across, each row shaded by its own
 * share.
 */
#include "cli/tables/plot.h"

#include <string.h>

enum { MOST_CELL = 64, LEAST_NUMBERED = 26, MOST_LABEL = 22, ACROSS = 40 };

struct grid {
    const struct plot_counts *counts;
    double cell, left, top;
};

static void put_label(FILE *out, double x, double y, const char *anchor, const char *label)
{
    char text[4 * MOST_LABEL + 8];
    const size_t bytes = terminal_cut(label, strlen(label), MOST_LABEL);
    snprintf(text, sizeof text, "%.*s%s", (int)bytes, label, label[bytes] ? TERMINAL_ELLIPSIS : "");
    plot_text(out, x, y, "axis", anchor, text);
}

/* Labels across stand on their heads where they are wider than a cell. */
static void put_across(FILE *out, const struct grid *g, uint32_t i)
{
    const double x = g->left + g->cell * (i + 0.5), y = g->top - 8;
    const char *label = g->counts->labels[i];
    if ((double)(terminal_columns(label, strlen(label)) * PLOT_LETTER) < g->cell) {
        put_label(out, x, y, "middle", label);
        return;
    }
    fprintf(out, "<g transform=\"translate(%.1f %.1f) rotate(-60)\">\n", x + 4, y);
    put_label(out, 0, 0, "start", label);
    fputs("</g>\n", out);
}

static void put_row(FILE *out, const struct grid *g, uint32_t row)
{
    const uint32_t n = g->counts->n;
    const uint64_t *counts = g->counts->counts + (size_t)row * n;
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += (double)counts[i];
    for (uint32_t i = 0; i < n; i++) {
        const double share = sum > 0 ? (double)counts[i] / sum : 0;
        const double x = g->left + g->cell * i, y = g->top + g->cell * row;
        char number[64];
        if (!counts[i])
            continue;
        fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\" fill-opacity=\"%.3f\"/>\n",
                x, y, g->cell, g->cell, plot_colour(i == row ? 0 : 6), 0.08 + 0.6 * share);
        if (g->cell >= LEAST_NUMBERED)
            plot_text(out, x + g->cell / 2, y + g->cell / 2 + 5, "value", "middle",
                      plot_number((double)counts[i], number, sizeof number));
    }
}

static double widest_label(const struct plot_counts *c)
{
    size_t most = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        const size_t wide = terminal_columns(c->labels[i], strlen(c->labels[i]));
        most = wide > most ? wide : most;
    }
    return (double)(most < MOST_LABEL ? most : MOST_LABEL + 1) * (PLOT_LETTER + 1);
}

void plot_matrix(FILE *out, const char *title, const struct plot_counts *counts)
{
    struct table t = {.plot.sense = "Right labels down, given ones across; each row is shaded by its own shares."};
    struct grid g = {.counts = counts};
    const double label = widest_label(counts);
    snprintf(t.title, sizeof t.title, "%s", title);
    g.left = PLOT_MARGIN + label + 12;
    g.cell = (PLOT_WIDTH - PLOT_MARGIN - g.left - ACROSS) / counts->n;
    g.cell = g.cell < MOST_CELL ? g.cell : MOST_CELL;
    g.top = PLOT_TOP + (label * 0.9 > ACROSS ? label * 0.9 : ACROSS);
    const double side = g.cell * counts->n;
    plot_begin(out, &t, (int)(g.top + side) + PLOT_MARGIN);
    for (uint32_t i = 0; i <= counts->n; i++) {
        plot_line(out, g.left + g.cell * i, g.top, g.left + g.cell * i, g.top + side, "grid");
        plot_line(out, g.left, g.top + g.cell * i, g.left + side, g.top + g.cell * i, "grid");
    }
    for (uint32_t i = 0; i < counts->n; i++) {
        put_row(out, &g, i);
        put_label(out, g.left - 10, g.top + g.cell * (i + 0.5) + 5, "end", counts->labels[i]);
        put_across(out, &g, i);
    }
    plot_end(out, &t, (int)(g.top + side) + PLOT_MARGIN);
}
