/* SPDX-License-Identifier: Apache-2.0
 *
 * A span beside the texts that are right, as the script of SQuAD 2.0 scores it: the best of exact match, and of F1 over
 * words as a multiset, after normalisation.
 */
#include <stdlib.h>
#include <string.h>

#include "tasks/scores/score.h"

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Cuts the normalised text, whose blanks become NULs, into sorted words. NULL: no memory. */
static char **cut_words(char *text, size_t *n)
{
    size_t blanks = 0;
    for (const char *s = text; *s; s++)
        blanks += *s == ' ';
    char **words = malloc((blanks + 1) * sizeof *words);
    *n = 0;
    if (!words || !*text)
        return words;
    for (char *s = text; s; s = s ? s + 1 : NULL) {
        words[(*n)++] = s;
        s = strchr(s, ' ');
        if (s)
            *s = '\0';
    }
    qsort(words, *n, sizeof *words, by_text);
    return words;
}

static size_t count_common(char *const *a, size_t n_a, char *const *b, size_t n_b)
{
    size_t common = 0;
    for (size_t i = 0, j = 0; i < n_a && j < n_b;) {
        const int order = strcmp(a[i], b[j]);
        common += order == 0;
        i += order <= 0;
        j += order >= 0;
    }
    return common;
}

/* Raises the scores of the row to those beside this text. False: no memory. */
static bool score_beside(const char *predicted, const char *gold, struct score_span_row *row)
{
    const bool exact = strcmp(predicted, gold) == 0;
    char *a = strdup(predicted), *b = strdup(gold), **words_a = NULL, **words_b = NULL;
    size_t n_a = 0, n_b = 0;
    if (a && b) {
        words_a = cut_words(a, &n_a);
        words_b = cut_words(b, &n_b);
    }
    const bool made = words_a && words_b;
    double f1 = exact;
    if (made && n_a && n_b) /* else one of them is nothing: then only nothing is right */
        f1 = 2 * (double)count_common(words_a, n_a, words_b, n_b) / (double)(n_a + n_b);
    row->exact = exact ? 1 : row->exact;
    row->f1 = f1 > row->f1 ? f1 : row->f1;
    free(words_a);
    free(words_b);
    free(a);
    free(b);
    return made;
}

pln_status score_span(pln_text predicted, const pln_text *golds, uint32_t n_golds, struct score_span_row *row)
{
    char *answer = score_normalise(predicted);
    bool made = answer, answerable = false;
    row->exact = row->f1 = 0;
    for (uint32_t i = 0; made && i < n_golds; i++) {
        char *gold = score_normalise(golds[i]);
        made = gold;
        if (gold && *gold) {
            answerable = true;
            made = score_beside(answer, gold, row);
        }
        free(gold);
    }
    if (made && !answerable)
        made = score_beside(answer, "", row);
    free(answer);
    return made ? PLN_OK : PLN_NO_MEMORY;
}

static void add(uint32_t classes, double *sums, const void *row)
{
    const struct score_span_row *r = row;
    (void)classes;
    sums[SCORE_SUM_OWN] += r->f1;
    sums[SCORE_SUM_OWN + 1] += r->exact;
}

static void finish(uint32_t classes, const double *sums, double *values)
{
    (void)classes;
    values[0] = 100 * sums[SCORE_SUM_OWN] / sums[SCORE_SUM_ROWS];
    values[1] = 100 * sums[SCORE_SUM_OWN + 1] / sums[SCORE_SUM_ROWS];
}

static const char *const names[] = {"f1", "exact_match", NULL};
const struct score_family score_spans = {
    .names = names,
    .row_bytes = sizeof(struct score_span_row),
    .sums = 2,
    .add = add,
    .finish = finish,
};
