/* SPDX-License-Identifier: Apache-2.0
 *
 * Curves are found by their names: what ends in "loss" is a loss, on a logarithmic axis; what a validation gives beside
 * it, and shares of tokens, are scores.
 */
#include "cli/tables/curves.h"

#include <math.h>
#include <string.h>

#include "cli/tables/plot.h"

enum { PANEL = 330, GAP = 64, LEFT = 92, RIGHT = 300, BOTTOM = 58, NAME_STEP = 18 };

static bool ends_in(const char *name, const char *tail)
{
    const size_t n = strlen(name), m = strlen(tail);
    return n >= m && strcmp(name + n - m, tail) == 0;
}

static bool is_loss(const char *name)
{
    return ends_in(name, "loss");
}

static bool is_validation(const char *name)
{
    return strncmp(name, "eval_", 5) == 0;
}

static bool is_score(const char *name)
{
    static const char *const tails[] = {"_accuracy", "_auc", "_precision", "_recall"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
        if (ends_in(name, tails[i]))
            return true;
    return is_validation(name) && !is_loss(name);
}

static struct curve *find_curve(struct curves *c, const char *name)
{
    for (uint32_t i = 0; i < c->n; i++)
        if (strcmp(c->all[i].name, name) == 0)
            return &c->all[i];
    if (c->n == CURVES || strlen(name) >= sizeof c->all->name)
        return NULL;
    struct curve *curve = &c->all[c->n++];
    *curve = (struct curve){{0}, {0}, {0}};
    strcpy(curve->name, name);
    return curve;
}

void curves_add(struct curves *c, const json_t *line)
{
    const json_int_t step = json_integer_value(json_object_get(line, "step"));
    const char *name;
    const json_t *value;
    if (step < 1 || step > c->steps)
        return;
    const size_t at = (size_t)((uint64_t)(step - 1) * CURVE_POINTS / c->steps);
    json_object_foreach((json_t *)line, name, value)
    {
        struct curve *curve = json_is_number(value) && (is_loss(name) || is_score(name)) ? find_curve(c, name) : NULL;
        if (!curve)
            continue;
        curve->sums[at] += json_number_value(value);
        curve->counts[at]++;
    }
}

/* ---- drawing */

static double mean_at(const struct curve *curve, uint32_t i)
{
    return curve->sums[i] / curve->counts[i];
}

static double step_at(const struct curves *c, uint32_t i)
{
    return (i + 0.5) * c->steps / CURVE_POINTS;
}

typedef bool in_panel(const char *name);

static struct plot_axis range_of(const struct curves *c, in_panel *is_in, double from, double to)
{
    struct plot_axis axis = {INFINITY, -INFINITY, from, to, is_in == is_loss};
    for (uint32_t k = 0; k < c->n; k++)
        for (uint32_t i = 0; is_in(c->all[k].name) && i < CURVE_POINTS; i++) {
            const double value = c->all[k].counts[i] ? mean_at(&c->all[k], i) : (double)NAN;
            if (isnan(value) || (axis.log && value <= 0))
                continue;
            axis.low = fmin(axis.low, value);
            axis.high = fmax(axis.high, value);
        }
    if (!(axis.low < axis.high)) { /* nothing, or one value */
        axis.low = isfinite(axis.low) ? axis.low / 2 : axis.log ? 0.1 : 0;
        axis.high = axis.low > 0 ? 4 * axis.low : axis.low + 1;
    }
    return axis;
}

static void write_axes(FILE *out, const struct plot_axis *x, const struct plot_axis *y, const char *name)
{
    char text[120];
    double ticks[32];
    for (uint32_t i = 0, n = plot_ticks(y, ticks, 32); i < n; i++) {
        plot_line(out, x->from, plot_at(y, ticks[i]), x->to, plot_at(y, ticks[i]), "grid");
        plot_text(out, x->from - 10, plot_at(y, ticks[i]) + 4, "axis", "end", plot_number(ticks[i], text, sizeof text));
    }
    for (uint32_t i = 0, n = plot_ticks(x, ticks, 32); i < n; i++) {
        plot_line(out, plot_at(x, ticks[i]), y->from, plot_at(x, ticks[i]), y->to, "grid");
        plot_text(out, plot_at(x, ticks[i]), y->from + 18, "axis", "middle", plot_number(ticks[i], text, sizeof text));
    }
    plot_line(out, x->from, y->from, x->from, y->to, "frame");
    plot_line(out, x->from, y->from, x->to, y->from, "frame");
    plot_text(out, x->from, y->to - 12, "group", "start", name);
}

static void write_curve(FILE *out, const struct curves *c, uint32_t k, const struct plot_axis *x,
                        const struct plot_axis *y)
{
    const struct curve *curve = &c->all[k];
    const bool dots = is_validation(curve->name);
    fprintf(out, "<polyline class=\"curve\" stroke=\"%s\"%s points=\"", plot_colour(k),
            dots ? " stroke-dasharray=\"5 4\"" : "");
    for (uint32_t i = 0; i < CURVE_POINTS; i++)
        if (curve->counts[i] && !(y->log && mean_at(curve, i) <= 0))
            fprintf(out, "%.1f,%.1f ", plot_at(x, step_at(c, i)), plot_at(y, mean_at(curve, i)));
    fputs("\"/>\n", out);
    for (uint32_t i = 0; dots && i < CURVE_POINTS; i++)
        if (curve->counts[i] && !(y->log && mean_at(curve, i) <= 0))
            fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.2\" fill=\"%s\"/>\n", plot_at(x, step_at(c, i)),
                    plot_at(y, mean_at(curve, i)), plot_colour(k));
}

static void write_panel(FILE *out, const struct curves *c, in_panel *is_in, const char *name, double top)
{
    const struct plot_axis x = {0, c->steps, LEFT, PLOT_WIDTH - RIGHT, false};
    const struct plot_axis y = range_of(c, is_in, top + PANEL, top);
    uint32_t named = 0;
    write_axes(out, &x, &y, name);
    for (uint32_t k = 0; k < c->n; k++) {
        if (!is_in(c->all[k].name))
            continue;
        const double at = top + 8 + NAME_STEP * named++;
        write_curve(out, c, k, &x, &y);
        fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"10\" height=\"10\" fill=\"%s\"/>\n", x.to + 14, at - 5,
                plot_colour(k));
        plot_text(out, x.to + 30, at + 5, "label", "start", c->all[k].name);
    }
}

void curves_write(FILE *out, const struct curves *c, const char *title)
{
    struct table frame = {.plot = {.sense = "by steps; means of those that share a point; dashed: validations"}};
    snprintf(frame.title, sizeof frame.title, "%s", title);
    plot_begin(out, &frame, PLOT_TOP + 2 * PANEL + GAP + BOTTOM + 16);
    write_panel(out, c, is_loss, "losses", PLOT_TOP + 16);
    write_panel(out, c, is_score, "scores", PLOT_TOP + 16 + PANEL + GAP);
    plot_text(out, (LEFT + PLOT_WIDTH - RIGHT) / 2.0, PLOT_TOP + 16 + 2 * PANEL + GAP + 42, "axis", "middle", "step");
    plot_end(out, &frame, PLOT_TOP + 2 * PANEL + GAP + BOTTOM + 16);
}
