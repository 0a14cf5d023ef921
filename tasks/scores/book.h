/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a book of scores.
 */
#ifndef TASKS_SCORES_BOOK_H
#define TASKS_SCORES_BOOK_H

#include "tasks/scores/score.h"

struct score_book {
    const struct score_family *family;
    uint32_t classes;
    struct score_book_options options;
    size_t row_bytes, n_sums, n_values;
    char *row;   /* the one to be added */
    char *rows;  /* [n_rows] where rows are kept, else NULL */
    size_t room; /* of rows */
    uint64_t n_rows;
    void *state;                 /* of the family's count */
    struct score_book *gathered; /* of a family whose rows are gathered: those, since the last result */
    double *sums;                /* [n_sums] */
    double *numbers;             /* [n_values] */
    struct score_value *values;
    uint64_t *confusion; /* NULL: not asked for */
};

void score_book_sum(const struct score_book *b, double *sums, const void *row);
/* numbers [n_values] from sums, or from the rows. False: no memory. */
bool score_book_finish(const struct score_book *b, const double *sums, const struct score_rows *rows, double *numbers);
/* Fills low and high of the values; there are rows. False: no memory. */
bool score_bootstrap(struct score_book *b);
#endif
