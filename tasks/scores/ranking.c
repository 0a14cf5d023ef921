/* SPDX-License-Identifier: Apache-2.0
 *
 * Passages ranked by their scores beside what is relevant: NDCG at 10 as scikit-learn gives it, and the reciprocal rank.
 */
#include <math.h>
#include <stdlib.h>

#include "tasks/scores/score.h"

enum { PLACES = 10 };

struct passage {
    double score, relevance;
    uint32_t place;
};

static int best_first(const void *a, const void *b)
{
    const struct passage *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return (x->place > y->place) - (x->place < y->place);
}

static double discount(uint32_t place)
{
    return place < PLACES ? 1 / log2(place + 2.0) : 0;
}

/* Equal scores share the discounts of their places evenly. */
static double gain(const struct passage *sorted, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0, end; i < n && i < PLACES; i = end) {
        double relevance = 0, discounts = 0;
        for (end = i; end < n && sorted[end].score >= sorted[i].score; end++) {
            relevance += sorted[end].relevance;
            discounts += discount(end);
        }
        sum += relevance / (end - i) * discounts;
    }
    return sum;
}

bool score_ranking(const double *relevance, const double *scores, uint32_t n, struct score_query_row *row)
{
    struct passage *sorted = malloc(n * sizeof *sorted + 1);
    if (!sorted)
        return false;
    row->ndcg = row->reciprocal_rank = 0;
    for (uint32_t i = 0; i < n; i++)
        sorted[i] = (struct passage){scores[i], relevance[i], i};
    qsort(sorted, n, sizeof *sorted, best_first);
    for (uint32_t i = 0; i < n && row->reciprocal_rank <= 0; i++)
        row->reciprocal_rank = sorted[i].relevance > 0 ? 1.0 / (i + 1) : 0;
    const double reached = gain(sorted, n);
    for (uint32_t i = 0; i < n; i++)
        sorted[i].score = sorted[i].relevance;
    qsort(sorted, n, sizeof *sorted, best_first);
    const double ideal = gain(sorted, n);
    if (ideal > 0)
        row->ndcg = reached / ideal;
    free(sorted);
    return true;
}

static void add(uint32_t classes, double *sums, const void *row)
{
    const struct score_query_row *r = row;
    (void)classes;
    sums[SCORE_SUM_OWN] += r->ndcg;
    sums[SCORE_SUM_OWN + 1] += r->reciprocal_rank;
}

static void finish(uint32_t classes, const double *sums, double *values)
{
    (void)classes;
    values[0] = sums[SCORE_SUM_OWN] / sums[SCORE_SUM_ROWS];
    values[1] = sums[SCORE_SUM_OWN + 1] / sums[SCORE_SUM_ROWS];
}

static const char *const names[] = {"ndcg", "mrr", NULL};
const struct score_family score_queries = {
    .names = names,
    .row_bytes = sizeof(struct score_query_row),
    .sums = 2,
    .add = add,
    .finish = finish,
};
