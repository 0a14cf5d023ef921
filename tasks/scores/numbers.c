/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers beside numbers: Pearson and Spearman as scipy gives them, the mean squared error.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tasks/scores/score.h"

/* The correlation of x and y [n], both of which are moved to a mean of 0. NaN if there are less than two, or one side is
 * constant. */
static double correlate(double *x, double *y, uint64_t n)
{
    double mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;
    bool x_moves = false, y_moves = false;
    for (uint64_t i = 0; i < n; i++) {
        x_moves = x_moves || x[i] != x[0];
        y_moves = y_moves || y[i] != y[0];
        mean_x += (x[i] - mean_x) / (double)(i + 1);
        mean_y += (y[i] - mean_y) / (double)(i + 1);
    }
    if (!x_moves || !y_moves)
        return NAN;
    for (uint64_t i = 0; i < n; i++) {
        x[i] -= mean_x;
        y[i] -= mean_y;
        xx += x[i] * x[i];
        yy += y[i] * y[i];
    }
    const double norm_x = sqrt(xx), norm_y = sqrt(yy);
    for (uint64_t i = 0; i < n; i++)
        xy += x[i] / norm_x * (y[i] / norm_y);
    return fmax(-1, fmin(1, xy));
}

struct ranked {
    double value;
    uint64_t place;
};

static int by_value(const void *a, const void *b)
{
    const double x = ((const struct ranked *)a)->value, y = ((const struct ranked *)b)->value;
    return (x > y) - (x < y);
}

/* ranks[place] is the rank of values[place]; equal values share the mean of their ranks. */
static void rank(const double *values, uint64_t n, struct ranked *sorted, double *ranks)
{
    for (uint64_t i = 0; i < n; i++)
        sorted[i] = (struct ranked){values[i], i};
    qsort(sorted, n, sizeof *sorted, by_value);
    for (uint64_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && sorted[end].value <= sorted[i].value;)
            end++;
        for (uint64_t j = i; j < end; j++)
            ranks[sorted[j].place] = (double)(i + end - 1) / 2;
    }
}

enum { PEARSON, SPEARMAN, MSE };

static bool score_all(const struct score_rows *rows, double *values)
{
    const size_t n = rows->n, bytes = 4 * sizeof(double) + sizeof(struct ranked);
    double *gold = n < SIZE_MAX / bytes ? malloc(n * bytes + 1) : NULL;
    if (!gold)
        return false;
    double *predicted = gold + n, *gold_ranks = predicted + n, *ranks = gold_ranks + n, squares = 0;
    struct ranked *sorted = (struct ranked *)(ranks + n);
    for (size_t i = 0; i < n; i++) {
        const struct score_number_row *r = score_row_at(rows, i);
        gold[i] = r->gold;
        predicted[i] = r->predicted;
        squares += (gold[i] - predicted[i]) * (gold[i] - predicted[i]);
    }
    rank(gold, n, sorted, gold_ranks);
    rank(predicted, n, sorted, ranks);
    values[MSE] = squares / (double)n;
    values[PEARSON] = correlate(gold, predicted, n);
    values[SPEARMAN] = correlate(gold_ranks, ranks, n);
    free(gold);
    return true;
}

static const char *const names[] = {"pearson", "spearman", "mse", NULL};
const struct score_family score_numbers = {
    .names = names,
    .row_bytes = sizeof(struct score_number_row),
    .of_rows = score_all,
};
