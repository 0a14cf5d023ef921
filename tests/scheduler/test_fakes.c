/* SPDX-License-Identifier: Apache-2.0
 *
 * Fakes within a graph: test_fakes DEVICE [OPTION...]. Tokens are drawn as often as their softmax says, put in the place
 * of others, and looked up; what a run brings is refused where it could not be looked up.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/pleione.h"
#include "tests/on_devices.h"

enum { WORDS = 6, WIDTH = 4, TOKENS = 4000, SLOTS = 2000 };

static int32_t ids[TOKENS], rows[SLOTS], barred[SLOTS], origin[SLOTS][2], types[TOKENS], random_words[3] = {7, 1, 3};
static float logits[SLOTS][WORDS], labels[TOKENS], embedded[TOKENS][WIDTH];
static int32_t drawn[SLOTS], best[SLOTS], fakes[TOKENS];

static const float table[WORDS * WIDTH] = {1, 2, 3, 4, -1, 5, 2, 0, 3, 3, 1, 9, 0, 1, 0, 7, 5, 4, 3, 1, 8, 2, 2, 1};
static const float ones[WIDTH] = {1, 1, 1, 1};

static pln_value *constant(pln_graph *g, const char *name, const float *data, uint64_t n, pln_tensor *tensor)
{
    const pln_tensor *part = tensor;
    *tensor = (pln_tensor){.name = name, .dtype = PLN_F32, .rank = 2, .shape = {n, WIDTH}, .data = data};
    return pln_graph_constant(g, name, &part, 1);
}

static pln_graph *describe(bool bar, uint32_t words)
{
    static pln_tensor tensors[3];
    pln_graph *g = pln_graph_create("fakes");
    const pln_dim tokens = pln_rows_of(pln_graph_symbol(g, "tokens"));
    const pln_dim slots = pln_rows_of(pln_graph_symbol(g, "slots"));
    pln_value *likeliest, *changed;
    pln_value *fake = pln_sample(g, pln_graph_input(g, "logits", PLN_F32, slots, WORDS),
                                 pln_graph_input(g, "origin", PLN_I32, slots, 2),
                                 pln_graph_input(g, "random", PLN_I32, pln_rows_fixed(1), 3),
                                 PLN_OPTIONS(pln_sample_options, .name = "drawn", .best = &likeliest,
                                             .barred = bar ? pln_graph_input(g, "barred", PLN_I32, slots, 1) : NULL));
    pln_value *y = pln_substitute(g, "fakes", pln_graph_input(g, "ids", PLN_I32, tokens, 1),
                                  pln_graph_input(g, "rows", PLN_I32, slots, 1), fake, &changed);
    pln_value *gamma = constant(g, "gamma", ones, 1, &tensors[0]);
    pln_value *x = pln_embed(g, pln_graph_input(g, "types", PLN_I32, tokens, 1),
                             constant(g, "type", ones, 1, &tensors[1]), gamma, gamma,
                             PLN_OPTIONS(pln_embed_options, .name = "embed", .ids = y, .eps = 1e-5f,
                                         .word = constant(g, "word", table, words, &tensors[2])));
    pln_graph_output(g, "drawn", fake);
    pln_graph_output(g, "best", likeliest);
    pln_graph_output(g, "fakes", y);
    pln_graph_output(g, "labels", changed);
    pln_graph_output(g, "embedded", x);
    return g;
}

static pln_status run(pln_schedule *schedule, bool bar, pln_error *error)
{
    static const uint32_t dims[] = {0, TOKENS, SLOTS};
    const pln_binding inputs[] = {{"logits", logits}, {"origin", origin}, {"random", random_words}, {"ids", ids},
                                  {"rows", rows},     {"types", types},   {"barred", barred}};
    const pln_binding outputs[] = {
        {"drawn", drawn}, {"best", best}, {"fakes", fakes}, {"labels", labels}, {"embedded", embedded}};
    return pln_schedule_run(schedule, dims, 3, inputs, bar ? 7 : 6, outputs, 5, error);
}

static void fill_inputs(void)
{
    static const float x[WORDS] = {0.5f, -1, 2, 0, 1, -0.5f};
    for (uint32_t i = 0; i < SLOTS; i++) {
        memcpy(logits[i], x, sizeof x);
        barred[i] = 2;
        rows[i] = (int32_t)(2 * i + i % 2);
        origin[i][0] = (int32_t)(i / 50);
        origin[i][1] = (int32_t)(i % 50);
    }
    for (uint32_t i = 0; i < TOKENS; i++)
        ids[i] = (int32_t)(i % WORDS);
}

/* Within five deviations of what the softmax says; `without` is drawn never (-1: none is left out). */
static void check_frequencies(int32_t without)
{
    uint32_t counts[WORDS] = {0};
    double sum = 0;
    for (uint32_t i = 0; i < SLOTS; i++) {
        assert_in_range(drawn[i], 0, WORDS - 1);
        counts[drawn[i]]++;
        assert_int_equal(best[i], 2);
    }
    for (int32_t c = 0; c < WORDS; c++)
        sum += c == without ? 0 : exp((double)logits[0][c]);
    for (int32_t c = 0; c < WORDS; c++) {
        const double p = c == without ? 0 : exp((double)logits[0][c]) / sum, deviation = sqrt(SLOTS * p * (1 - p));
        assert_true(fabs(counts[c] - SLOTS * p) <= 5 * deviation);
    }
}

static void check_places(void)
{
    for (uint32_t t = 0; t < TOKENS; t++) {
        const uint32_t slot = t / 2;
        const int32_t right = rows[slot] == (int32_t)t ? drawn[slot] : ids[t];
        assert_int_equal(fakes[t], right);
        assert_true(labels[t] == (right == ids[t] ? 0.0f : 1.0f));
        if (t && fakes[t] == fakes[0])
            assert_memory_equal(embedded[t], embedded[0], sizeof embedded[0]);
    }
}

static void test_drawn(void **state)
{
    (void)state;
    pln_error error;
    for (int bar = 0; bar < 2; bar++) {
        pln_schedule *schedule;
        pln_graph *g = describe(bar, WORDS);
        must(pln_graph_finish(g, &error), &error);
        must(pln_schedule_create(g, devices, PLN_OPTIONS(pln_schedule_options, .no_fallback = true), &schedule, &error),
             &error);
        fill_inputs();
        must(run(schedule, bar, &error), &error);
        check_frequencies(bar ? 2 : -1);
        check_places();
        ids[17] = WORDS;
        assert_int_equal(run(schedule, bar, &error), PLN_INVALID);
        assert_non_null(strstr(error.message, "input ids of graph fakes is 6 in row 17, but word of node embed has 6"));
        ids[17] = 0;
        rows[5] = TOKENS;
        assert_int_equal(run(schedule, bar, &error), PLN_INVALID);
        assert_non_null(strstr(error.message, "input rows of graph fakes is 4000 in row 5"));
        pln_schedule_destroy(&schedule);
        pln_graph_destroy(&g);
    }
}

static void test_table_too_small(void **state)
{
    (void)state;
    pln_error error;
    pln_schedule *schedule;
    pln_graph *g = describe(false, WORDS - 1);
    must(pln_graph_finish(g, &error), &error);
    assert_int_equal(pln_schedule_create(g, devices, NULL, &schedule, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "node drawn draws one of 6, but word of node embed has 5"));
    pln_graph_destroy(&g);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_drawn), cmocka_unit_test(test_table_too_small)};
    return run_on_devices(tests, sizeof tests / sizeof *tests, argc - 1, argv + 1);
}
