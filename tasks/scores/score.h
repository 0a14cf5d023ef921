/* SPDX-License-Identifier: Apache-2.0
 *
 * Scores: what an answer beside its label counts for, row by row, and the numbers that all rows make. A family has the
 * scores of one kind of task; a book takes its rows in their order and gives the numbers, with an interval for each if
 * that was asked for. Where a score is 0/0 it is what the reference library gives: 0 of counts, NaN of correlations and
 * of means over nothing. One thread.
 */
#ifndef TASKS_SCORES_SCORE_H
#define TASKS_SCORES_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/pleione.h"

/* ---- what a row counts for. Each family has a struct that begins with this one. */

struct score_row {
    double loss, weight; /* a sum, and of how many terms; weight 0: the row has no loss */
};

struct score_class_row { /* score_classes */
    struct score_row row;
    uint32_t gold, predicted; /* below the book's number of classes */
};

enum { SCORE_GOLD = 1, SCORE_PREDICTED = 2 };
struct score_label_set_row { /* score_label_sets */
    struct score_row row;
    uint8_t labels[]; /* [classes]: bits of the above */
};

struct score_number_row { /* score_numbers */
    struct score_row row;
    double gold, predicted; /* finite */
};

struct score_query_row { /* score_queries; score_ranking fills it */
    struct score_row row;
    double ndcg, reciprocal_rank;
};

struct score_pair_row { /* score_pairs: one passage of a query */
    struct score_row row;
    uint64_t query[2]; /* the same for all passages of a query, and for no other one: score_hash */
    double relevance, score;
};

struct score_entity_row { /* score_entities */
    struct score_row row;
    const char *const *gold_tags,
        *const *predicted_tags; /* [n_tags], until the row is added: not empty, NUL behind them */
    uint32_t n_tags;
    double gold, predicted, both; /* entities; these are counted when the row is added */
    double words, right_words;
};

struct score_span_row { /* score_spans; score_span fills it */
    struct score_row row;
    double exact, f1; /* 0 to 1 */
};

struct score_hit_row { /* score_hits, score_tokens */
    struct score_row row;
    double hits, of;
};

/* ---- families */

enum {
    SCORE_SUM_ROWS,
    SCORE_SUM_LOSS,
    SCORE_SUM_WEIGHT,
    SCORE_SUM_OWN
}; /* the first sums are those of struct score_row */

/* Rows as they were added, or some of them: those at picked[0..n), again and again if they stand there so. */
struct score_rows {
    const char *bytes;
    size_t row_bytes;
    const uint32_t *picked; /* NULL: all */
    uint64_t n;
};

static inline const void *score_row_at(const struct score_rows *rows, uint64_t i)
{
    return rows->bytes + (rows->picked ? rows->picked[i] : i) * rows->row_bytes;
}

struct score_book;
struct score_family {
    const char *const *names; /* of its values; NULL behind the last */
    const char *by_class; /* behind them each class has a value of this name (NaN: the class did not occur); or NULL */
    size_t row_bytes, row_bytes_of_class;
    uint32_t sums, sums_of_class;          /* of its own */
    size_t state_bytes;                    /* what goes on from row to row, zero at first */
    void (*count)(void *state, void *row); /* a row that is about to be added; or NULL */
    /* Adds a row to the sums, which begin with those of score_row. */
    void (*add)(uint32_t classes, double *sums, const void *row);
    void (*finish)(uint32_t classes, const double *sums, double *values);
    /* For what is no function of sums; then the book keeps all rows. False: there is no memory. NULL else. */
    bool (*of_rows)(const struct score_rows *rows, double *values);
    /* Where several rows make one of another family, whose scores these are: adds all of those. NULL else. */
    const struct score_family *gathered;
    pln_status (*gather)(const struct score_rows *rows, struct score_book *into, pln_error *error);
};

/* Each class has one label. accuracy, F1 micro, macro (of the classes that occur) and by class, Matthews: scikit-learn. */
extern const struct score_family score_classes;
/* Any number of labels. F1 micro and macro (of all classes), accuracy of whole rows: scikit-learn. */
extern const struct score_family score_label_sets;
/* Pearson, Spearman (scipy), mean squared error (scikit-learn). Keeps its rows: 32 bytes each. */
extern const struct score_family score_numbers;
extern const struct score_family score_pairs;   /* the same, of rows of one passage each; 56 bytes a row */
extern const struct score_family score_queries; /* NDCG at 10 (scikit-learn), mean reciprocal rank */
/* F1, precision and recall of entities, accuracy of words: seqeval in its default mode (any of B, I, E, S, O; a wrong order
 * of them begins and ends entities as it does there). It reads all sentences as one sequence, so their order counts. */
extern const struct score_family score_entities;
extern const struct score_family score_spans;      /* F1 and exact match, 0 to 100: the script of SQuAD 2.0 */
extern const struct score_family score_hits;       /* accuracy */
extern const struct score_family score_tokens;     /* perplexity (e to the loss), accuracy */
extern const struct score_family score_likelihood; /* perplexity */

/* One query: the relevance (0 and more) and the score of each passage. NDCG at 10 with linear gain, equal scores sharing
 * their places evenly, 0 where nothing is relevant. The reciprocal rank is that of the first passage of relevance above
 * 0, equal scores in their given order; 0 if there is none. False: there is no memory. */
bool score_ranking(const double *relevance, const double *scores, uint32_t n, struct score_query_row *row);

void score_hash(pln_text text, uint64_t key[2]);

/* The answer beside the texts that are right; none (or none that is more than articles and punctuation): the question
 * has no answer, and the empty text is right. PLN_NO_MEMORY. */
pln_status score_span(pln_text predicted, const pln_text *golds, uint32_t n_golds, struct score_span_row *row);

/* The text as the SQuAD script normalises it (lower case, no ASCII punctuation, no articles, single blanks), with a NUL
 * behind it. Returns new (free), or NULL: no memory. */
char *score_normalise(pln_text text);

/* ---- books */

struct score_value {
    const char *name; /* "loss" first, then as the family has them */
    uint32_t class;   /* of a score by class; else SCORE_NO_CLASS */
    double value;
    double low, high; /* of the interval; NaN: none */
};
#define SCORE_NO_CLASS UINT32_MAX

struct score_book_options {
    uint32_t bootstrap; /* resamples; 0: no intervals */
    uint64_t seed;
    double level;   /* of the intervals; 0: 0.95 */
    bool confusion; /* counts [gold, predicted]: score_classes only */
};

enum { SCORE_MOST_RESAMPLES = 100000, SCORE_MOST_CONFUSED = 1024 };

/* Keeps sums only; with `bootstrap`, and for a family of rows, all rows too. PLN_INVALID: options that cannot be;
 * PLN_NO_MEMORY. */
pln_status score_book_create(const struct score_family *family, uint32_t classes,
                             const struct score_book_options *options, struct score_book **book, pln_error *error);
void score_book_destroy(struct score_book **book);
/* A row of the book's family, zero at first: it belongs to the book until the next call. */
void *score_book_row(struct score_book *book);
/* Adds that row. PLN_NO_MEMORY. */
pln_status score_book_add(struct score_book *book, pln_error *error);
/* All values, NaN where one is undefined; they belong to the book until its next call. Rows may follow. The interval is
 * that of the percentiles (1 - level) / 2 of the score over the resamples in which it is defined, interpolated as numpy
 * does it. Row i of resample r is row (w * rows) >> 32 of them, w word i % 4 of Philox (key: seed, counter: i / 4 in 64
 * bits, r, 0): whatever machine, threads and order. */
pln_status score_book_result(struct score_book *book, const struct score_value **values, uint32_t *n, pln_error *error);
uint64_t score_book_rows(const struct score_book *book);
uint32_t score_book_classes(const struct score_book *book);
/* [classes, classes]: rows of that gold label with that answer; NULL if it was not asked for. */
const uint64_t *score_book_confusion(const struct score_book *book);
#endif
