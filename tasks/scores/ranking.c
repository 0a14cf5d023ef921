/* SPDX-License-Identifier: Apache-2.0
 *
 * Passages ranked by their scores beside what is relevant: NDCG at 10 as scikit-learn gives it, and the reciprocal rank.
 */
#include <math.h>
#include <stdlib.h>

#include "common/fail.h"
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

/* ---- passages one by one */

void score_hash(pln_text text, uint64_t key[2])
{
    key[0] = 14695981039346656037u; /* FNV-1a, twice from other places */
    key[1] = 0x9e3779b97f4a7c15u ^ text.bytes;
    for (size_t i = 0; i < text.bytes; i++) {
        key[0] = (key[0] ^ (unsigned char)text.text[i]) * 1099511628211u;
        key[1] = (key[1] ^ (unsigned char)text.text[i]) * 1099511628211u;
    }
}

static int by_query(const void *a, const void *b)
{
    const struct score_pair_row *x = *(const struct score_pair_row *const *)a,
                                *y = *(const struct score_pair_row *const *)b;
    for (int i = 0; i < 2; i++)
        if (x->query[i] != y->query[i])
            return x->query[i] < y->query[i] ? -1 : 1;
    return x < y ? -1 : x > y; /* in their order: they lie in one array */
}

static bool is_same_query(const struct score_pair_row *a, const struct score_pair_row *b)
{
    return a->query[0] == b->query[0] && a->query[1] == b->query[1];
}

/* The pairs of one query, as a row of the other book. */
static pln_status add_query(const struct score_pair_row *const *pairs, uint32_t n, double *room,
                            struct score_book *into, pln_error *error)
{
    struct score_query_row *row = score_book_row(into);
    for (uint32_t i = 0; i < n; i++) {
        room[i] = pairs[i]->relevance;
        room[n + i] = pairs[i]->score;
        row->row.loss += pairs[i]->row.loss;
        row->row.weight += pairs[i]->row.weight;
    }
    if (!score_ranking(room, room + n, n, row))
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u passages of a query", n);
    return score_book_add(into, error);
}

static pln_status gather(const struct score_rows *rows, struct score_book *into, pln_error *error)
{
    const uint32_t n = (uint32_t)rows->n;
    const struct score_pair_row **sorted = malloc((rows->n + 1) * sizeof *sorted);
    double *room = malloc((2 * rows->n + 1) * sizeof *room);
    pln_status status = sorted && room ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for %u passages", n);
    for (uint32_t i = 0; status == PLN_OK && i < n; i++)
        sorted[i] = score_row_at(rows, i);
    if (status == PLN_OK)
        qsort(sorted, n, sizeof *sorted, by_query);
    for (uint32_t i = 0, end; status == PLN_OK && i < n; i = end) {
        for (end = i + 1; end < n && is_same_query(sorted[i], sorted[end]);)
            end++;
        status = add_query(sorted + i, end - i, room, into, error);
    }
    free(sorted);
    free(room);
    return status;
}

const struct score_family score_pairs = {
    .names = names,
    .row_bytes = sizeof(struct score_pair_row),
    .gathered = &score_queries,
    .gather = gather,
};
