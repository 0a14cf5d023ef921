/* SPDX-License-Identifier: Apache-2.0
 *
 * Intervals: how the scores move when the rows are drawn again, with replacement.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/philox.h"
#include "tasks/scores/book.h"

static const double usual_level = 0.95;

/* The rows of a resample. */
static void draw(const struct score_book *b, uint32_t resample, uint32_t *picked)
{
    const uint32_t key[2] = {(uint32_t)b->options.seed, (uint32_t)(b->options.seed >> 32)};
    uint32_t words[4];
    for (uint64_t i = 0; i < b->n_rows; i++) {
        if (i % 4 == 0) {
            const uint32_t counter[4] = {(uint32_t)(i / 4), (uint32_t)(i / 4 >> 32), resample, 0};
            philox(key, counter, words);
        }
        picked[i] = (uint32_t)((uint64_t)words[i % 4] * b->n_rows >> 32);
    }
}

static bool score_resample(const struct score_book *b, const uint32_t *picked, double *sums, double *numbers)
{
    const struct score_rows rows = {b->rows, b->row_bytes, picked, b->n_rows};
    memset(sums, 0, b->n_sums * sizeof *sums);
    for (uint64_t i = 0; i < b->n_rows; i++)
        score_book_sum(b, sums, score_row_at(&rows, i));
    return score_book_finish(b, sums, &rows, numbers);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of sorted values, between neighbours in proportion. */
static double quantile(const double *sorted, size_t n, double share)
{
    const double place = share * (double)(n - 1);
    const size_t below = (size_t)place;
    const double part = place - (double)below;
    return below + 1 < n ? sorted[below] + part * (sorted[below + 1] - sorted[below]) : sorted[below];
}

/* column [resamples]: sorted here, what is not finite left out. */
static void set_interval(const struct score_book *b, double *column, struct score_value *value)
{
    const double level = b->options.level > 0 ? b->options.level : usual_level;
    size_t n = 0;
    for (uint32_t i = 0; i < b->options.bootstrap; i++)
        if (isfinite(column[i]))
            column[n++] = column[i];
    if (!n)
        return;
    qsort(column, n, sizeof *column, ascending);
    value->low = quantile(column, n, (1 - level) / 2);
    value->high = quantile(column, n, (1 + level) / 2);
}

bool score_bootstrap(struct score_book *b)
{
    const size_t resamples = b->options.bootstrap;
    double *columns = b->n_values < SIZE_MAX / sizeof(double) / resamples
                          ? malloc(b->n_values * resamples * sizeof *columns)
                          : NULL; /* [n_values, resamples] */
    double *sums = malloc(b->n_sums * sizeof *sums), *numbers = malloc(b->n_values * sizeof *numbers);
    uint32_t *picked = malloc(b->n_rows * sizeof *picked);
    bool made = columns && sums && numbers && picked;
    for (uint32_t r = 0; made && r < resamples; r++) {
        draw(b, r, picked);
        made = score_resample(b, picked, sums, numbers);
        for (size_t i = 0; i < b->n_values; i++)
            columns[i * resamples + r] = numbers[i];
    }
    for (size_t i = 0; made && i < b->n_values; i++)
        set_interval(b, columns + i * resamples, &b->values[i]);
    free(columns);
    free(sums);
    free(numbers);
    free(picked);
    return made;
}
