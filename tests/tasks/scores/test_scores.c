/* SPDX-License-Identifier: Apache-2.0
 *
 * Scores beside what scikit-learn, scipy, seqeval and the SQuAD script say (scores.json, of make_scores.py):
 * test_scores FILE
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "tasks/scores/score.h"
#include "tests/must.h"

static json_t *expected;

static json_t *get(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (!value)
        fail_msg("no \"%s\" in the file", key);
    return value;
}

static double number_at(const json_t *list, size_t i)
{
    return json_number_value(json_array_get(list, i));
}

static pln_text text_of(const json_t *value)
{
    return (pln_text){json_string_value(value), json_string_length(value)};
}

static struct score_book *new_book(const struct score_family *family, uint32_t classes,
                                   const struct score_book_options *options)
{
    struct score_book *book;
    pln_error error;
    must(score_book_create(family, classes, options, &book, &error), &error);
    return book;
}

static void add(struct score_book *book)
{
    pln_error error;
    must(score_book_add(book, &error), &error);
}

/* null: not finite. */
static void check_number(const char *what, size_t i, const char *name, double value, const json_t *wanted)
{
    const double right = json_number_value(wanted);
    if (json_is_null(wanted) ? isfinite(value) : !(fabs(value - right) <= 1e-6 * (1 + fabs(right))))
        fail_msg("%s, case %zu: %s is %.9g, not %.9g", what, i, name, value,
                 json_is_null(wanted) ? (double)NAN : right);
}

static void check_class(const char *what, size_t i, const struct score_value *value, const json_t *by_class)
{
    char class[16];
    snprintf(class, sizeof class, "%u", value->class);
    const json_t *wanted = json_object_get(by_class, class);
    if (wanted)
        check_number(what, i, class, value->value, wanted);
    else if (!isnan(value->value))
        fail_msg("%s, case %zu: class %s did not occur and has %g", what, i, class, value->value);
}

static void check_scores(struct score_book *book, const char *what, size_t i, const json_t *scores)
{
    const struct score_value *values;
    uint32_t n;
    size_t seen = 0;
    pln_error error;
    must(score_book_result(book, &values, &n, &error), &error);
    assert_string_equal(values[0].name, "loss");
    for (uint32_t j = 1; j < n; j++) {
        const json_t *wanted = get(scores, values[j].name);
        assert_true(isnan(values[j].low) && isnan(values[j].high));
        if (values[j].class != SCORE_NO_CLASS)
            check_class(what, i, &values[j], wanted);
        else
            check_number(what, i, values[j].name, values[j].value, wanted);
        seen += values[j].class == SCORE_NO_CLASS || values[j].class == 0;
    }
    assert_int_equal(seen, json_object_size(scores));
    score_book_destroy(&book);
    assert_null(book);
}

/* ---- labels and numbers */

static void add_classes(struct score_book *book, const json_t *gold, const json_t *predicted)
{
    for (size_t j = 0; j < json_array_size(gold); j++) {
        struct score_class_row *row = score_book_row(book);
        row->gold = (uint32_t)number_at(gold, j);
        row->predicted = (uint32_t)number_at(predicted, j);
        add(book);
    }
}

static void test_classes(void **state)
{
    size_t i;
    json_t *item;
    (void)state;
    json_array_foreach(get(expected, "classes"), i, item)
    {
        struct score_book *book = new_book(&score_classes, (uint32_t)json_number_value(get(item, "classes")), NULL);
        add_classes(book, get(item, "gold"), get(item, "predicted"));
        check_scores(book, "classes", i, get(item, "scores"));
    }
}

static void test_label_sets(void **state)
{
    size_t i;
    json_t *item;
    (void)state;
    json_array_foreach(get(expected, "label_sets"), i, item)
    {
        const uint32_t classes = (uint32_t)json_number_value(get(item, "classes"));
        const json_t *gold = get(item, "gold"), *predicted = get(item, "predicted");
        struct score_book *book = new_book(&score_label_sets, classes, NULL);
        for (size_t j = 0; j < json_array_size(gold); j++) {
            struct score_label_set_row *row = score_book_row(book);
            for (uint32_t k = 0; k < classes; k++)
                row->labels[k] = (uint8_t)((number_at(json_array_get(gold, j), k) > 0 ? SCORE_GOLD : 0) |
                                           (number_at(json_array_get(predicted, j), k) > 0 ? SCORE_PREDICTED : 0));
            add(book);
        }
        check_scores(book, "label sets", i, get(item, "scores"));
    }
}

static void add_numbers(struct score_book *book, const json_t *gold, const json_t *predicted)
{
    for (size_t j = 0; j < json_array_size(gold); j++) {
        struct score_number_row *row = score_book_row(book);
        row->gold = number_at(gold, j);
        row->predicted = number_at(predicted, j);
        add(book);
    }
}

static void test_numbers(void **state)
{
    size_t i;
    json_t *item;
    (void)state;
    json_array_foreach(get(expected, "numbers"), i, item)
    {
        struct score_book *book = new_book(&score_numbers, 0, NULL);
        add_numbers(book, get(item, "gold"), get(item, "predicted"));
        check_scores(book, "numbers", i, get(item, "scores"));
    }
}

/* ---- queries, entities, spans */

static void test_queries(void **state)
{
    size_t i, j;
    json_t *item, *query;
    (void)state;
    json_array_foreach(get(expected, "queries"), i, item)
    {
        struct score_book *book = new_book(&score_queries, 0, NULL);
        json_array_foreach(get(item, "queries"), j, query)
        {
            double relevance[64], scores[64];
            const json_t *a = json_array_get(query, 0), *b = json_array_get(query, 1);
            const uint32_t n = (uint32_t)json_array_size(a);
            assert_in_range(n, 1, 64);
            for (uint32_t k = 0; k < n; k++) {
                relevance[k] = number_at(a, k);
                scores[k] = number_at(b, k);
            }
            assert_true(score_ranking(relevance, scores, n, score_book_row(book)));
            add(book);
        }
        check_scores(book, "queries", i, get(item, "scores"));
    }
}

static void test_entities(void **state)
{
    size_t i;
    json_t *item;
    (void)state;
    json_array_foreach(get(expected, "entities"), i, item)
    {
        struct score_book *book = new_book(&score_entities, 0, NULL);
        const json_t *gold = get(item, "gold"), *predicted = get(item, "predicted");
        for (size_t j = 0; j < json_array_size(gold); j++) {
            const char *a[64], *b[64];
            const json_t *right = json_array_get(gold, j), *mine = json_array_get(predicted, j);
            const uint32_t n = (uint32_t)json_array_size(right);
            assert_in_range(n, 1, 64);
            for (uint32_t k = 0; k < n; k++) {
                a[k] = json_string_value(json_array_get(right, k));
                b[k] = json_string_value(json_array_get(mine, k));
            }
            struct score_entity_row *row = score_book_row(book);
            row->gold_tags = a;
            row->predicted_tags = b;
            row->n_tags = n;
            add(book);
        }
        check_scores(book, "entities", i, get(item, "scores"));
    }
}

static void test_normalised(void **state)
{
    size_t i;
    json_t *pair;
    (void)state;
    json_array_foreach(get(expected, "normalised"), i, pair)
    {
        char *normal = score_normalise(text_of(json_array_get(pair, 0)));
        assert_non_null(normal);
        assert_string_equal(normal, json_string_value(json_array_get(pair, 1)));
        free(normal);
    }
}

static void test_spans(void **state)
{
    size_t i, j;
    json_t *item, *row;
    (void)state;
    json_array_foreach(get(expected, "spans"), i, item)
    {
        struct score_book *book = new_book(&score_spans, 0, NULL);
        json_array_foreach(get(item, "rows"), j, row)
        {
            pln_text golds[8];
            const json_t *list = json_array_get(row, 1);
            const uint32_t n = (uint32_t)json_array_size(list);
            assert_in_range(n, 0, 8);
            for (uint32_t k = 0; k < n; k++)
                golds[k] = text_of(json_array_get(list, k));
            assert_int_equal(score_span(text_of(json_array_get(row, 0)), golds, n, score_book_row(book)), PLN_OK);
            add(book);
        }
        check_scores(book, "spans", i, get(item, "scores"));
    }
}

/* ---- books */

static const struct score_value *find(const struct score_value *values, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(values[i].name, name) == 0)
            return &values[i];
    fail_msg("no score %s", name);
    return NULL;
}

static void check_intervals(struct score_book *book, const char *what, const json_t *intervals)
{
    const struct score_value *values;
    uint32_t n;
    const char *name;
    json_t *interval;
    pln_error error;
    must(score_book_result(book, &values, &n, &error), &error);
    json_object_foreach((json_t *)(uintptr_t)intervals, name, interval)
    {
        const struct score_value *v = find(values, n, name);
        check_number(what, 0, name, v->low, json_array_get(interval, 0));
        check_number(what, 1, name, v->high, json_array_get(interval, 1));
        assert_true(v->low < v->high);
    }
    assert_true(isnan(find(values, n, "loss")->low)); /* no row had one */
    score_book_destroy(&book);
}

static void test_bootstrap(void **state)
{
    const json_t *all = get(expected, "bootstrap"), *classes = get(all, "classes"), *numbers = get(all, "numbers");
    struct score_book_options options = {.bootstrap = (uint32_t)json_number_value(get(all, "resamples")),
                                         .seed = (uint64_t)json_integer_value(get(all, "seed"))};
    struct score_book *book = new_book(&score_classes, 3, &options);
    (void)state;
    add_classes(book, get(classes, "gold"), get(classes, "predicted"));
    check_intervals(book, "intervals of classes", get(classes, "intervals"));
    options.level = json_number_value(get(numbers, "level"));
    book = new_book(&score_numbers, 0, &options);
    add_numbers(book, get(numbers, "gold"), get(numbers, "predicted"));
    check_intervals(book, "intervals of numbers", get(numbers, "intervals"));
}

/* The passages of a query one by one, those of all queries mixed, count as together; results between them too. */
static void test_pairs(void **state)
{
    const json_t *item = json_array_get(get(expected, "queries"), 0), *queries = get(item, "queries");
    struct score_book *book = new_book(&score_pairs, 0, NULL);
    (void)state;
    for (size_t passage = 0; passage < json_array_size(json_array_get(json_array_get(queries, 0), 0)); passage++)
        for (size_t q = 0; q < json_array_size(queries); q++) {
            char name[40];
            const struct score_value *values;
            uint32_t n;
            pln_error error;
            struct score_pair_row *row = score_book_row(book);
            snprintf(name, sizeof name, "query %zu", q);
            score_hash((pln_text){name, strlen(name)}, row->query);
            row->relevance = number_at(json_array_get(json_array_get(queries, q), 0), passage);
            row->score = number_at(json_array_get(json_array_get(queries, q), 1), passage);
            add(book);
            if (q == 3)
                must(score_book_result(book, &values, &n, &error), &error);
        }
    check_scores(book, "pairs", 0, get(item, "scores"));
}

/* Losses are sums over terms; perplexity is e to their mean. Results may be asked for between rows. */
static void test_losses(void **state)
{
    static const double losses[] = {3, 0, 5.5}, weights[] = {2, 0, 4};
    const struct score_value *values;
    uint32_t n;
    pln_error error;
    struct score_book *book = new_book(&score_tokens, 0, NULL);
    (void)state;
    must(score_book_result(book, &values, &n, &error), &error);
    assert_int_equal(n, 3);
    assert_true(isnan(values[0].value) && isnan(values[1].value) && isnan(values[2].value));
    for (int i = 0; i < 3; i++) {
        struct score_hit_row *row = score_book_row(book);
        *row = (struct score_hit_row){{losses[i], weights[i]}, i, weights[i]};
        add(book);
        must(score_book_result(book, &values, &n, &error), &error);
    }
    assert_float_equal(values[0].value, 8.5 / 6, 1e-12);
    assert_float_equal(find(values, n, "perplexity")->value, exp(8.5 / 6), 1e-9);
    assert_float_equal(find(values, n, "accuracy")->value, 3.0 / 6, 1e-12);
    assert_int_equal(score_book_rows(book), 3);
    score_book_destroy(&book);
}

static void test_confusion(void **state)
{
    static const uint32_t gold[] = {0, 1, 1, 2, 1}, predicted[] = {0, 1, 2, 2, 1};
    static const uint64_t wanted[] = {1, 0, 0, 0, 2, 1, 0, 0, 1};
    struct score_book *book = new_book(&score_classes, 3, &(struct score_book_options){.confusion = true});
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct score_class_row *row = score_book_row(book);
        row->gold = gold[i];
        row->predicted = predicted[i];
        add(book);
    }
    assert_memory_equal(score_book_confusion(book), wanted, sizeof wanted);
    score_book_destroy(&book);
}

static void refuse(const struct score_family *family, uint32_t classes, struct score_book_options options,
                   const char *sentence)
{
    struct score_book *book = NULL;
    pln_error error;
    assert_int_equal(score_book_create(family, classes, &options, &book, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, sentence));
    assert_null(book);
}

static void test_refused(void **state)
{
    (void)state;
    refuse(&score_spans, 0, (struct score_book_options){.confusion = true}, "one label of several");
    refuse(&score_classes, 5000, (struct score_book_options){.confusion = true}, "5000 labels");
    refuse(&score_spans, 0, (struct score_book_options){.level = 1}, "level");
    refuse(&score_spans, 0, (struct score_book_options){.level = (double)NAN}, "level");
    refuse(&score_spans, 0, (struct score_book_options){.bootstrap = 1000000}, "1000000 resamples");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes), cmocka_unit_test(test_label_sets), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_queries), cmocka_unit_test(test_entities),   cmocka_unit_test(test_normalised),
        cmocka_unit_test(test_spans),   cmocka_unit_test(test_bootstrap),  cmocka_unit_test(test_losses),
        cmocka_unit_test(test_pairs),   cmocka_unit_test(test_confusion),  cmocka_unit_test(test_refused),
    };
    json_error_t wrong;
    expected = argc == 2 ? json_load_file(argv[1], 0, &wrong) : NULL;
    if (!expected)
        return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(expected);
    return failed;
}
