/* SPDX-License-Identifier: Apache-2.0
 *
 * Curves of a log of steps as a picture: losses in one panel, scores in another, those of validations (eval_NAME) with a
 * dot each. Memory is that of the picture, however long the run is: a point is the mean of the steps that fall on it.
 */
#ifndef CLI_TABLES_CURVES_H
#define CLI_TABLES_CURVES_H

#include "cli/cli.h"

enum { CURVES = 24, CURVE_POINTS = 400 };

struct curve {
    char name[40];
    double sums[CURVE_POINTS];
    uint32_t counts[CURVE_POINTS];
};

struct curves {
    uint32_t steps; /* of the whole run */
    uint32_t n;
    struct curve all[CURVES];
};

/* A line of the log: its numbers that are losses or scores, by their names. */
void curves_add(struct curves *curves, const json_t *line);
/* A whole SVG document, with what there is so far. */
void curves_write(FILE *out, const struct curves *curves, const char *title);
#endif
