/* SPDX-License-Identifier: Apache-2.0
 *
 * Indices that come with a run: test_ranges DEVICE. What no op of the graph can take is refused before anything runs,
 * with the input, the row and the node in the sentence, also where an op reads a window of the input.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/pleione.h"
#include "tests/must.h"

enum {
    WIDTH = 4,
    WORDS = 7,
    TYPES = 2,
    MAX_POSITIONS = 4,
    TOKENS = 5,
    BATCH = 2,
    PICKS = 3,
    PAIRS = 3 * 3 + 2 * 2,
    KEPT = 9,
    LISTED = 6
};

static pln_runtime *runtime;
static pln_devices *devices;
static pln_graph *graph;
static pln_schedule *schedule;
static pln_error error;

static const float weights[64] = {1, -1, 0.5f, 2};

static pln_value *constant(const char *name, uint64_t rows, pln_tensor *tensor)
{
    *tensor = (pln_tensor){.name = name, .dtype = PLN_F32, .rank = 2, .shape = {rows, WIDTH}, .data = weights};
    const pln_tensor *part = tensor;
    return pln_graph_constant(graph, name, &part, 1);
}

/* Rows of x are written to a state, and a list of its rows is attended to. */
static void describe_kept(pln_value *x, pln_value *index, pln_dim picks, pln_value *starts, pln_dim starts_rows)
{
    const pln_dim listed = pln_rows_of(pln_graph_symbol(graph, "listed"));
    pln_value *some = pln_gather(graph, "kept_rows", x, index);
    pln_value *kept = pln_scatter(graph, "kept", pln_graph_state(graph, "state", KEPT, WIDTH),
                                  pln_graph_input(graph, "places", PLN_I32, picks, 1), some);
    pln_value *y = pln_attention(
        graph, x,
        PLN_OPTIONS(pln_attention_options, .name = "listed", .heads = 1, .key = kept, .value = kept, .starts = starts,
                    .causal = true, .source_starts = pln_graph_input(graph, "list_starts", PLN_I32, starts_rows, 1),
                    .key_rows = pln_graph_input(graph, "list", PLN_I32, listed, 1)));
    pln_graph_output(graph, "attended", y);
}

/* ids and types are columns of one input; the gather that follows takes row 1 of `picks`. */
static void describe(void)
{
    static pln_tensor tensors[5];
    graph = pln_graph_create("all");
    const pln_dim tokens = pln_rows_of(pln_graph_symbol(graph, "tokens"));
    const pln_dim picks = pln_rows_of(pln_graph_symbol(graph, "picks"));
    const pln_dim pairs = pln_rows_of(pln_graph_symbol(graph, "pair_starts.total"));
    const pln_dim starts_rows = {pln_graph_symbol(graph, "batch"), 1, 1};
    pln_value *both = pln_graph_input(graph, "both", PLN_I32, tokens, 2);
    pln_value *starts = pln_graph_input(graph, "starts", PLN_I32, starts_rows, 1);
    pln_value *gamma = constant("gamma", 1, &tensors[0]);
    pln_value *x = pln_embed(graph, pln_columns(graph, both, 1, 1), constant("type", TYPES, &tensors[1]), gamma, gamma,
                             PLN_OPTIONS(pln_embed_options, .name = "embed", .ids = pln_columns(graph, both, 0, 1),
                                         .word = constant("word", WORDS, &tensors[2]), .eps = 1e-5f));
    pln_value *starts_of_pairs = pln_graph_input(graph, "pair_starts", PLN_I32, starts_rows, 1);
    const pln_dim same = pln_graph_pairs(graph, starts_of_pairs);
    assert_true(same.symbol == pairs.symbol && same.scale == pairs.scale && same.offset == pairs.offset);
    pln_value *y = pln_attention(
        graph, x,
        PLN_OPTIONS(pln_attention_options, .name = "attention", .heads = 1, .key = x, .value = x, .starts = starts,
                    .bias = pln_graph_input(graph, "bias", PLN_F32, pairs, 1), .pair_starts = starts_of_pairs,
                    .relative = 1, .distance = constant("distance", 2 * MAX_POSITIONS - 1, &tensors[3])));
    pln_value *index = pln_graph_input(graph, "picks", PLN_I32, picks, 1);
    pln_graph_output(graph, "mean", pln_segment_mean(graph, "mean", y, starts));
    pln_graph_output(graph, "one",
                     pln_gather(graph, "one", pln_gather(graph, "some", y, index), pln_row(graph, index, 1)));
    pln_graph_output(
        graph, "loss",
        pln_cross_entropy(graph, "loss", y, pln_graph_input(graph, "labels", PLN_I32, tokens, 1), -100, NULL));
    describe_kept(x, index, picks, starts, starts_rows);
    must(pln_graph_finish(graph, &error), &error);
}

static int32_t both[TOKENS][2], starts[BATCH + 1], pair_starts[BATCH + 1], picks[PICKS], labels[TOKENS], places[PICKS],
    list[LISTED], list_starts[BATCH + 1];

static void reset_inputs(void)
{
    static const int32_t good_both[TOKENS][2] = {{0, 0}, {6, 1}, {3, 0}, {1, 1}, {2, 0}};
    memcpy(both, good_both, sizeof both);
    memcpy(starts, (int32_t[]){0, 3, TOKENS}, sizeof starts);
    memcpy(pair_starts, (int32_t[]){0, 9, PAIRS}, sizeof pair_starts);
    memcpy(picks, (int32_t[]){4, 2, 0}, sizeof picks);
    memcpy(places, (int32_t[]){8, 0, 7}, sizeof places);
    memcpy(list, (int32_t[]){8, 0, 0, 7, 3, 8}, sizeof list);
    memcpy(list_starts, (int32_t[]){0, 4, LISTED}, sizeof list_starts);
    memcpy(labels, (int32_t[]){0, -100, 3, 2, -100}, sizeof labels);
}

static pln_status run(void)
{
    static const float bias[PAIRS];
    static const uint32_t dims[] = {0, TOKENS, PICKS, PAIRS, BATCH, LISTED};
    float mean[BATCH * WIDTH], one[WIDTH], attended[TOKENS * WIDTH], loss;
    const pln_binding inputs[] = {{"both", both},
                                  {"starts", starts},
                                  {"pair_starts", pair_starts},
                                  {"picks", picks},
                                  {"labels", labels},
                                  {"places", places},
                                  {"list_starts", list_starts},
                                  {"list", list},
                                  {"bias", (void *)(uintptr_t)bias}};
    const pln_binding outputs[] = {{"mean", mean}, {"one", one}, {"loss", &loss}, {"attended", attended}};
    error = (pln_error){0};
    return pln_schedule_run(schedule, dims, 6, inputs, 9, outputs, 4, &error);
}

static void refused_unless(int32_t *element, int32_t value, const char *words)
{
    reset_inputs();
    *element = value;
    if (!words) {
        must(run(), &error);
        return;
    }
    assert_int_equal(run(), PLN_INVALID);
    if (!strstr(error.message, words))
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
}

static void test_places(void **state)
{
    (void)state;
    static const int32_t wild[] = {-1, INT32_MAX, INT32_MIN};
    int32_t *const elements[] = {&both[4][0], &both[0][1], &picks[2], &labels[0]};
    static const char *const words[] = {"input both of graph all is ", "input both of graph all is ",
                                        "input picks of graph all is ", "input labels of graph all is "};
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
        for (size_t j = 0; j < sizeof wild / sizeof *wild; j++)
            refused_unless(elements[i], wild[j], words[i]);
    refused_unless(&both[4][0], WORDS, "is 7 in row 4, but word of node embed has 7 rows");
    refused_unless(&both[3][1], TYPES, "is 2 in row 3, but type of node embed has 2 rows");
    refused_unless(&picks[2], TOKENS, "is 5 in row 2, but x of node some has 5 rows");
    refused_unless(&picks[1], PICKS, "is 3 in row 0, but x of node one has 3 rows");
    refused_unless(&labels[3], WIDTH, "is 4 in row 3, but logits of node loss has 4 columns");
    refused_unless(&labels[3], -99, "is -99 in row 3");
    refused_unless(&labels[3], -100, NULL);
    refused_unless(&picks[0], 0, NULL);
}

static void test_starts(void **state)
{
    (void)state;
    refused_unless(&starts[0], 1, "input starts of graph all is 1 in row 0");
    refused_unless(&starts[1], -1, "is -1 in row 1");
    refused_unless(&starts[1], TOKENS + 1, "is 6 in row 1");
    refused_unless(&starts[2], TOKENS - 1, "is 4 in row 2");
    refused_unless(&starts[2], INT32_MAX, "is 2147483647 in row 2");
    refused_unless(&starts[1], TOKENS, "sequence 0 has 5 rows, node attention takes at most 4");
    refused_unless(&pair_starts[0], 1, "input pair_starts of graph all is 1 in row 0");
    refused_unless(&pair_starts[1], 8, "is 8 in row 1, but there are 9 pairs before it");
    refused_unless(&pair_starts[2], INT32_MAX, "is 2147483647 in row 2");
    refused_unless(&starts[1], 2, "input pair_starts of graph all is 9 in row 1, but there are 4 pairs before it");
    refused_unless(&starts[1], 3, NULL);
}

static void test_kept(void **state)
{
    (void)state;
    refused_unless(&places[1], KEPT, "is 9 in row 1, but state of node kept has 9 rows");
    refused_unless(&places[2], -1, "input places of graph all is -1 in row 2");
    refused_unless(&places[2], 8, "is 8 in row 2 as in one before, but node kept writes a row of state once");
    refused_unless(&list[3], KEPT, "is 9 in row 3, but key of node listed has 9 rows");
    refused_unless(&list[0], -1, "input list of graph all is -1 in row 0");
    refused_unless(&list_starts[2], LISTED - 1, "is 5 in row 2, but it rises from 0 to the 6 rows that key_rows");
    refused_unless(&list_starts[1], LISTED, NULL);
    refused_unless(&list[5], 7, NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_places), cmocka_unit_test(test_starts),
                                       cmocka_unit_test(test_kept)};
    const pln_runtime_options options = {.size = sizeof options, .threads = 1};
    if (argc != 2)
        return 2;
    if (pln_runtime_create(&options, &runtime, &error) != PLN_OK ||
        pln_devices_open(runtime, argv[1], NULL, 0, &devices, &error) != PLN_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    describe();
    must(pln_schedule_create(graph, devices, NULL, &schedule, &error), &error);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pln_schedule_destroy(&schedule);
    pln_graph_destroy(&graph);
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
    return failed;
}
