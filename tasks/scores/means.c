/* SPDX-License-Identifier: Apache-2.0
 *
 * What is right of how many, and how surprised a language model was.
 */
#include <math.h>

#include "tasks/scores/score.h"

enum { HITS = SCORE_SUM_OWN, OF };

static void add_hits(uint32_t classes, double *sums, const void *row)
{
    const struct score_hit_row *r = row;
    (void)classes;
    sums[HITS] += r->hits;
    sums[OF] += r->of;
}

static void finish_hits(uint32_t classes, const double *sums, double *values)
{
    (void)classes;
    values[0] = sums[HITS] / sums[OF];
}

static void add_nothing(uint32_t classes, double *sums, const void *row)
{
    (void)classes;
    (void)sums;
    (void)row;
}

static void finish_likelihood(uint32_t classes, const double *sums, double *values)
{
    (void)classes;
    values[0] = exp(sums[SCORE_SUM_LOSS] / sums[SCORE_SUM_WEIGHT]);
}

static void finish_tokens(uint32_t classes, const double *sums, double *values)
{
    finish_likelihood(classes, sums, values);
    finish_hits(classes, sums, values + 1);
}

static const char *const hit_names[] = {"accuracy", NULL};
const struct score_family score_hits = {
    .names = hit_names, .row_bytes = sizeof(struct score_hit_row), .sums = 2, .add = add_hits, .finish = finish_hits};

static const char *const token_names[] = {"perplexity", "accuracy", NULL};
const struct score_family score_tokens = {.names = token_names,
                                          .row_bytes = sizeof(struct score_hit_row),
                                          .sums = 2,
                                          .add = add_hits,
                                          .finish = finish_tokens};

static const char *const likelihood_names[] = {"perplexity", NULL};
const struct score_family score_likelihood = {
    .names = likelihood_names, .row_bytes = sizeof(struct score_row), .add = add_nothing, .finish = finish_likelihood};
