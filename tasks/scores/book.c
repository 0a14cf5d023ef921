/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes rows of a family in their order, gives its scores: sums as rows come, and the rows themselves where that is not
 * enough.
 */
#include "tasks/scores/book.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/fail.h"

static bool keeps_rows(const struct score_book *b)
{
    return b->options.bootstrap || b->family->of_rows || b->family->gathered;
}

static pln_status check(const struct score_family *family, uint32_t classes, const struct score_book_options *o,
                        pln_error *error)
{
    if (!(o->level >= 0 && o->level < 1))
        return pln_fail(error, PLN_INVALID, "the level of an interval is above 0 and below 1, not %g", o->level);
    if (o->bootstrap > SCORE_MOST_RESAMPLES)
        return pln_fail(error, PLN_INVALID, "%u resamples are more than %d", o->bootstrap, SCORE_MOST_RESAMPLES);
    if (o->confusion && family != &score_classes)
        return pln_fail(error, PLN_INVALID, "only a task that gives one label of several confuses labels");
    if (o->confusion && classes > SCORE_MOST_CONFUSED)
        return pln_fail(error, PLN_INVALID, "a matrix of %u labels is more than one of %d", classes,
                        SCORE_MOST_CONFUSED);
    return PLN_OK;
}

static void set_names(struct score_book *b)
{
    uint32_t n = 0;
    b->values[n++] = (struct score_value){.name = "loss", .class = SCORE_NO_CLASS};
    for (uint32_t i = 0; b->family->names[i]; i++)
        b->values[n++] = (struct score_value){.name = b->family->names[i], .class = SCORE_NO_CLASS};
    for (uint32_t i = 0; b->family->by_class && i < b->classes; i++)
        b->values[n++] = (struct score_value){.name = b->family->by_class, .class = i};
}

static size_t count_values(const struct score_family *family, uint32_t classes)
{
    size_t n = 1;
    for (uint32_t i = 0; family->names[i]; i++)
        n++;
    return n + (family->by_class ? classes : 0);
}

pln_status score_book_create(const struct score_family *family, uint32_t classes,
                             const struct score_book_options *options, struct score_book **book, pln_error *error)
{
    static const struct score_book_options none;
    const struct score_book_options *o = options ? options : &none;
    const pln_status status = check(family, classes, o, error);
    if (status != PLN_OK)
        return status;
    struct score_book *b = calloc(1, sizeof *b);
    if (!b)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for scores");
    *b = (struct score_book){.family = family, .classes = classes, .options = *o};
    b->row_bytes = (family->row_bytes + family->row_bytes_of_class * classes + 7) / 8 * 8;
    b->n_sums = SCORE_SUM_OWN + family->sums + (size_t)family->sums_of_class * classes;
    b->n_values = count_values(family, classes);
    b->row = calloc(1, b->row_bytes);
    b->state = calloc(1, family->state_bytes + 1);
    b->sums = calloc(b->n_sums, sizeof *b->sums);
    b->numbers = calloc(b->n_values, sizeof *b->numbers);
    b->values = calloc(b->n_values, sizeof *b->values);
    b->confusion = o->confusion ? calloc((size_t)classes * classes + 1, sizeof *b->confusion) : NULL;
    if (!b->row || !b->state || !b->sums || !b->numbers || !b->values || (o->confusion && !b->confusion)) {
        score_book_destroy(&b);
        return pln_fail(error, PLN_NO_MEMORY, "no memory for scores of %u labels", classes);
    }
    set_names(b);
    *book = b;
    return PLN_OK;
}

void score_book_destroy(struct score_book **book)
{
    struct score_book *b = *book;
    if (b) {
        score_book_destroy(&b->gathered);
        free(b->row);
        free(b->state);
        free(b->rows);
        free(b->sums);
        free(b->numbers);
        free(b->values);
        free(b->confusion);
    }
    free(b);
    *book = NULL;
}

void *score_book_row(struct score_book *book)
{
    memset(book->row, 0, book->row_bytes);
    return book->row;
}

void score_book_sum(const struct score_book *b, double *sums, const void *row)
{
    const struct score_row *r = row;
    sums[SCORE_SUM_ROWS]++;
    sums[SCORE_SUM_LOSS] += r->loss;
    sums[SCORE_SUM_WEIGHT] += r->weight;
    if (b->family->add)
        b->family->add(b->classes, sums, row);
}

pln_status score_book_add(struct score_book *book, pln_error *error)
{
    if (book->family->count)
        book->family->count(book->state, book->row);
    if (keeps_rows(book)) {
        char *rows = book->n_rows < UINT32_MAX
                         ? array_reserve(book->rows, &book->room, (size_t)book->n_rows + 1, book->row_bytes)
                         : NULL;
        if (!rows)
            return pln_fail(error, PLN_NO_MEMORY, "no memory for the scores of %llu rows",
                            (unsigned long long)book->n_rows + 1);
        book->rows = rows;
        memcpy(rows + book->n_rows * book->row_bytes, book->row, book->row_bytes);
    }
    score_book_sum(book, book->sums, book->row);
    if (book->confusion) {
        const struct score_class_row *r = (const void *)book->row;
        book->confusion[(size_t)r->gold * book->classes + r->predicted]++;
    }
    book->n_rows++;
    return PLN_OK;
}

bool score_book_finish(const struct score_book *b, const double *sums, const struct score_rows *rows, double *numbers)
{
    numbers[0] = sums[SCORE_SUM_LOSS] / sums[SCORE_SUM_WEIGHT];
    if (b->family->of_rows)
        return b->family->of_rows(rows, numbers + 1);
    b->family->finish(b->classes, sums, numbers + 1);
    return true;
}

/* The rows of the other family, made anew. */
static pln_status gather(struct score_book *book, const struct score_rows *rows, pln_error *error)
{
    score_book_destroy(&book->gathered);
    const pln_status status =
        score_book_create(book->family->gathered, book->classes, &book->options, &book->gathered, error);
    return status == PLN_OK ? book->family->gather(rows, book->gathered, error) : status;
}

pln_status score_book_result(struct score_book *book, const struct score_value **values, uint32_t *n, pln_error *error)
{
    const struct score_rows rows = {.bytes = book->rows, .row_bytes = book->row_bytes, .n = book->n_rows};
    if (book->family->gathered) {
        const pln_status status = gather(book, &rows, error);
        return status == PLN_OK ? score_book_result(book->gathered, values, n, error) : status;
    }
    bool made = score_book_finish(book, book->sums, &rows, book->numbers);
    for (size_t i = 0; i < book->n_values; i++) {
        book->values[i].value = book->numbers[i];
        book->values[i].low = book->values[i].high = NAN;
    }
    if (made && book->options.bootstrap && book->n_rows)
        made = score_bootstrap(book);
    if (!made)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the scores of %llu rows",
                        (unsigned long long)book->n_rows);
    *values = book->values;
    *n = (uint32_t)book->n_values;
    return PLN_OK;
}

uint64_t score_book_rows(const struct score_book *book)
{
    return book->n_rows;
}

uint32_t score_book_classes(const struct score_book *book)
{
    return book->classes;
}

const uint64_t *score_book_confusion(const struct score_book *book)
{
    return book->confusion;
}
