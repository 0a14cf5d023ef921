/* SPDX-License-Identifier: Apache-2.0
 *
 * Labels beside labels, as scikit-learn scores them: one of several, or any number of them.
 */
#include <math.h>

#include "tasks/scores/score.h"

/* Of each class; they lie behind the family's own sums. */
enum { BOTH, GOLD, PREDICTED, OF_CLASS };

/* F1 from counts: 0 where there is nothing to divide by. */
static double f1_of(double both, double gold, double predicted)
{
    return gold + predicted > 0 ? 2 * both / (gold + predicted) : 0;
}

static double share(double part, double whole)
{
    return part / whole; /* 0/0: a mean over nothing is NaN */
}

/* ---- one label of several */

enum { MATTHEWS = 3, OF_CLASSES = 4 };

static void add_class(uint32_t classes, double *sums, const void *row)
{
    const struct score_class_row *r = row;
    double *of_class = sums + SCORE_SUM_OWN;
    (void)classes;
    of_class[r->gold * OF_CLASS + GOLD]++;
    of_class[r->predicted * OF_CLASS + PREDICTED]++;
    of_class[r->gold * OF_CLASS + BOTH] += r->gold == r->predicted;
}

/* (c s - sum p t) / sqrt((s^2 - sum p^2) (s^2 - sum t^2)) of Gorodkin 2004: c right rows of s, p predicted and t gold
 * rows of a class. */
static double matthews(uint32_t classes, const double *of_class, double right, double rows)
{
    double cross = 0, predicted = 0, gold = 0;
    for (uint32_t i = 0; i < classes; i++) {
        const double p = of_class[i * OF_CLASS + PREDICTED], t = of_class[i * OF_CLASS + GOLD];
        cross += p * t;
        predicted += p * p;
        gold += t * t;
    }
    const double under = (rows * rows - predicted) * (rows * rows - gold);
    return under > 0 ? (right * rows - cross) / sqrt(under) : 0;
}

static void finish_classes(uint32_t classes, const double *sums, double *values)
{
    const double *of_class = sums + SCORE_SUM_OWN, rows = sums[SCORE_SUM_ROWS];
    double right = 0, total = 0;
    uint32_t occur = 0;
    for (uint32_t i = 0; i < classes; i++) {
        const double *c = of_class + i * OF_CLASS;
        const bool occurs = c[GOLD] + c[PREDICTED] > 0;
        values[OF_CLASSES + i] = occurs ? f1_of(c[BOTH], c[GOLD], c[PREDICTED]) : NAN;
        total += occurs ? values[OF_CLASSES + i] : 0;
        occur += occurs;
        right += c[BOTH];
    }
    values[0] = values[1] = share(right, rows); /* with one label a row, F1 over all of them is the accuracy */
    values[2] = share(total, occur);
    values[MATTHEWS] = rows > 0 ? matthews(classes, of_class, right, rows) : NAN;
}

static const char *const class_names[] = {"accuracy", "f1_micro", "f1_macro", "matthews", NULL};
const struct score_family score_classes = {
    .names = class_names,
    .by_class = "f1_by_class",
    .row_bytes = sizeof(struct score_class_row),
    .sums_of_class = OF_CLASS,
    .add = add_class,
    .finish = finish_classes,
};

/* ---- any number of labels */

static void add_label_set(uint32_t classes, double *sums, const void *row)
{
    const struct score_label_set_row *r = row;
    double *of_class = sums + SCORE_SUM_OWN + 1;
    bool equal = true;
    for (uint32_t i = 0; i < classes; i++) {
        const bool gold = r->labels[i] & SCORE_GOLD, predicted = r->labels[i] & SCORE_PREDICTED;
        of_class[i * OF_CLASS + GOLD] += gold;
        of_class[i * OF_CLASS + PREDICTED] += predicted;
        of_class[i * OF_CLASS + BOTH] += gold && predicted;
        equal = equal && gold == predicted;
    }
    sums[SCORE_SUM_OWN] += equal;
}

static void finish_label_sets(uint32_t classes, const double *sums, double *values)
{
    const double *of_class = sums + SCORE_SUM_OWN + 1, rows = sums[SCORE_SUM_ROWS];
    double all[OF_CLASS] = {0}, total = 0;
    for (uint32_t i = 0; i < classes; i++) {
        const double *c = of_class + i * OF_CLASS;
        for (uint32_t j = 0; j < OF_CLASS; j++)
            all[j] += c[j];
        total += f1_of(c[BOTH], c[GOLD], c[PREDICTED]);
    }
    values[0] = rows > 0 ? f1_of(all[BOTH], all[GOLD], all[PREDICTED]) : NAN;
    values[1] = rows > 0 ? share(total, classes) : NAN;
    values[2] = share(sums[SCORE_SUM_OWN], rows);
}

static const char *const set_names[] = {"f1_micro", "f1_macro", "accuracy", NULL};
const struct score_family score_label_sets = {
    .names = set_names,
    .row_bytes = sizeof(struct score_label_set_row),
    .row_bytes_of_class = 1,
    .sums = 1,
    .sums_of_class = OF_CLASS,
    .add = add_label_set,
    .finish = finish_label_sets,
};
