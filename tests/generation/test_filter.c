/* SPDX-License-Identifier: Apache-2.0
 *
 * What may be drawn, and with which probability, against the processors and warpers of transformers; and the draw:
 * test_filter CASES
 */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "generation/filter.h"

enum { MOST = 512 };

static json_t *rows;

static float real(const json_t *options, const char *key, float unsaid)
{
    const json_t *x = json_object_get(options, key);
    return x ? (float)json_number_value(x) : unsaid;
}

static uint32_t integers(const json_t *list, int32_t *out)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        out[i] = (int32_t)json_integer_value(json_array_get(list, i));
    return (uint32_t)json_array_size(list);
}

/* Absent ones are off, as the reference's lists of processors are made. */
static pln_generator_options read_options(const json_t *json, int32_t *stop)
{
    pln_generator_options o = PLN_GENERATOR_DEFAULTS;
    o.temperature = real(json, "temperature", 1);
    o.top_k = (uint32_t)real(json, "top_k", 0);
    o.top_p = real(json, "top_p", 1);
    o.typical_p = real(json, "typical_p", 1);
    o.repetition_penalty = real(json, "repetition_penalty", 1);
    o.no_repeat_ngram = (uint32_t)real(json, "no_repeat_ngram", 0);
    o.min_new_tokens = (uint32_t)real(json, "min_new_tokens", 0);
    o.n_stop = integers(json_object_get(json, "stop"), stop);
    o.stop = stop;
    return o;
}

static void check_row(const json_t *row, size_t number)
{
    int32_t ids[MOST], stop[MOST];
    float scores[MOST];
    struct generate_choice choices[MOST];
    const json_t *logits = json_object_get(row, "logits"), *p = json_object_get(row, "p");
    const uint32_t n_ids = integers(json_object_get(row, "ids"), ids), width = (uint32_t)json_array_size(logits);
    const pln_generator_options o = read_options(json_object_get(row, "options"), stop);
    const struct generate_sequence sequence = {ids, n_ids, (uint32_t)json_integer_value(json_object_get(row, "n_new"))};
    for (uint32_t i = 0; i < width; i++)
        scores[i] = (float)json_number_value(json_array_get(logits, i));
    generate_process(&o, &sequence, scores, width);
    const uint32_t n = generate_sift(&o, scores, width, choices);
    for (uint32_t i = 0, at = 0; i < width; i++) {
        const double expected = json_number_value(json_array_get(p, i));
        const bool left = at < n && choices[at].id == (int32_t)i;
        const double found = left ? choices[at].p : 0;
        at += left;
        if (fabs(found - expected) > 1e-5 || (found > 0) != (expected > 0))
            fail_msg("row %zu: token %u has probability %.9g, expected %.9g", number, i, found, expected);
    }
}

static void test_distributions(void **state)
{
    (void)state;
    assert_true(json_array_size(rows) > 30);
    for (size_t i = 0; i < json_array_size(rows); i++)
        check_row(json_array_get(rows, i), i);
}

/* Each place has a draw of its own, and the same one always. */
static void test_draws(void **state)
{
    (void)state;
    const struct generate_place places[] = {{1, 0, 0, 0},
                                            {2, 0, 0, 0},
                                            {1, 1, 0, 0},
                                            {1, UINT64_C(1) << 32, 0, 0},
                                            {1, 0, 1, 0},
                                            {1, 0, 0, 1},
                                            {UINT64_C(1) << 32, 0, 0, 0}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const double u = generate_draw(&places[i]);
        assert_true(u >= 0 && u < 1 && u == generate_draw(&places[i]));
        for (size_t j = 0; j < i; j++)
            assert_true(u != generate_draw(&places[j]));
    }
}

/* Draws fall on tokens as often as they should: 10,000 of them, within five standard deviations. */
static void test_frequencies(void **state)
{
    (void)state;
    enum { N = 4, DRAWS = 10000 };
    struct generate_choice choices[N] = {{2, 0, 0, 0.5}, {3, 0, 0, 0.25}, {7, 0, 0, 0.2}, {9, 0, 0, 0.05}};
    uint32_t counts[N] = {0};
    for (uint32_t i = 0; i < DRAWS; i++)
        counts[generate_pick(choices, N, generate_draw(&(struct generate_place){5, i, 0, i % 7})) - choices]++;
    for (uint32_t i = 0; i < N; i++) {
        const double expected = DRAWS * choices[i].p, deviation = sqrt(expected * (1 - choices[i].p));
        assert_true(fabs(counts[i] - expected) < 5 * deviation);
    }
    assert_int_equal(generate_pick(choices, N, 0)->id, 2);
    assert_int_equal(generate_pick(choices, N, 0.5)->id, 3);
    assert_int_equal(generate_pick(choices, N, 1 - 0x1p-53)->id, 9);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_distributions), cmocka_unit_test(test_draws),
                                       cmocka_unit_test(test_frequencies)};
    char path[512];
    if (argc != 2)
        return 2;
    snprintf(path, sizeof path, "%s/filters.json", argv[1]);
    if (!(rows = json_load_file(path, 0, NULL)))
        return 2;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(rows);
    return failed;
}
