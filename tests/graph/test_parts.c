/* SPDX-License-Identifier: Apache-2.0
 *
 * A step in parts: test_parts DEVICE [OPTION...]. With dropout, a batch in one run, in several, and in another order
 * gives the same loss and the same gradients, and another step or seed gives others.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/pleione.h"
#include "tests/must.h"
#include "tests/noise.h"

enum { WIDTH = 12, HEADS = 3, WORDS = 9, SEQUENCES = 4, MOST = 8 };
static const float rate = 0.3f;
static const uint32_t lengths[SEQUENCES] = {5, 8, 1, 3};

static pln_devices *devices;
static uint32_t n_flat;
static pln_schedule *schedule;
static pln_graph *graph;

static pln_value *weight(const char *name, uint32_t rows, uint32_t width)
{
    const pln_tensor *part = noise_tensor(name, rows, width, 1);
    return pln_graph_parameter(graph, name, &part, 1,
                               PLN_OPTIONS(pln_parameter_options, .weight_decay = 1, .learning_rate = 1));
}

/* Dropout after the embeddings, on probabilities, before a residual, and by itself. */
static void describe(void)
{
    pln_graph *g = graph = pln_graph_create("parts");
    const pln_dim tokens = pln_rows_of(pln_graph_symbol(g, "tokens"));
    const pln_dim starts_rows = {pln_graph_symbol(g, "batch"), 1, 1};
    pln_value *starts = pln_graph_input(g, "starts", PLN_I32, starts_rows, 1);
    pln_value *origin = pln_graph_input(g, "origin", PLN_I32, tokens, 2);
    pln_value *random = pln_graph_input(g, "random", PLN_I32, pln_rows_fixed(1), 3);
    pln_value *ids = pln_graph_input(g, "ids", PLN_I32, tokens, 1);
    pln_value *x = pln_embed(g, ids, weight("type", WORDS, WIDTH), weight("gamma", 1, WIDTH), weight("beta", 1, WIDTH),
                             PLN_OPTIONS(pln_embed_options, .ids = ids, .word = weight("word", WORDS, WIDTH),
                                         .eps = 1e-3f, .dropout = rate, .origin = origin, .random = random));
    pln_value *qkv = pln_linear(g, x, weight("qkv", 3 * WIDTH, WIDTH), PLN_OPTIONS(pln_linear_options, .name = "qkv"));
    pln_value *c = pln_attention(g, qkv,
                                 PLN_OPTIONS(pln_attention_options, .heads = HEADS, .starts = starts, .dropout = rate,
                                             .origin = origin, .random = random));
    x = pln_linear(g, c, weight("out", WIDTH, WIDTH),
                   PLN_OPTIONS(pln_linear_options, .name = "out", .residual = x, .dropout = rate, .origin = origin,
                               .random = random));
    x = pln_activation(g, x, PLN_ACTIVATION_GELU,
                       PLN_OPTIONS(pln_activation_options, .dropout = rate, .origin = origin, .random = random));
    pln_value *logits =
        pln_linear(g, x, weight("logits", WORDS, WIDTH), PLN_OPTIONS(pln_linear_options, .name = "logits"));
    pln_value *total = pln_graph_input(g, "total", PLN_F32, pln_rows_fixed(1), 1);
    pln_value *loss = pln_cross_entropy(g, "loss", logits, pln_graph_input(g, "labels", PLN_I32, tokens, 1), -100,
                                        PLN_OPTIONS(pln_loss_options, .total = total));
    pln_graph_gradients(g, &(pln_loss){loss, 1}, 1, NULL);
    pln_graph_output(g, "loss", loss);
    pln_error error;
    must(pln_graph_finish(g, &error), &error);
    n_flat = pln_graph_parameter_rows(g) * PLN_PARAMETER_WIDTH;
    must(pln_schedule_create(g, devices, NULL, &schedule, &error), &error);
}

/* The loss of some sequences of the step; their gradients are added to the state. */
static float run(const uint32_t *sequences, uint32_t n, int32_t seed, int32_t step)
{
    int32_t starts[SEQUENCES + 1] = {0}, origin[SEQUENCES * MOST][2], ids[SEQUENCES * MOST], labels[SEQUENCES * MOST];
    const int32_t random[] = {seed, 1, step};
    const float total = 17;
    float loss;
    int32_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t b = sequences[i];
        for (uint32_t j = 0; j < lengths[b]; j++, at++) {
            origin[at][0] = (int32_t)b;
            origin[at][1] = (int32_t)j;
            ids[at] = (int32_t)((b * 5 + j * 7) % WORDS);
            labels[at] = (int32_t)((b * 3 + j * 2) % WORDS);
        }
        starts[i + 1] = at;
    }
    const uint32_t dims[] = {0, (uint32_t)at, n};
    const pln_binding inputs[] = {{"starts", starts}, {"origin", origin}, {"random", (void *)(uintptr_t)random},
                                  {"ids", ids},       {"labels", labels}, {"total", (void *)(uintptr_t)&total}};
    const pln_binding outputs[] = {{"loss", &loss}};
    pln_error error;
    must(pln_schedule_run(schedule, dims, 3, inputs, 6, outputs, 1, &error), &error);
    return loss;
}

struct result {
    float loss;
    float *gradients;
};

/* ends[i]: how many sequences were run after part i. */
static struct result step_of(const uint32_t *order, const uint32_t *ends, uint32_t parts, int32_t seed, int32_t step)
{
    struct result r = {0, calloc(n_flat, sizeof(float))};
    pln_error error;
    assert_non_null(r.gradients);
    must(pln_schedule_state_write(schedule, "gradients", r.gradients, &error), &error);
    pln_graph_parameter_values(graph, r.gradients);
    must(pln_schedule_state_write(schedule, "parameters", r.gradients, &error), &error);
    for (uint32_t i = 0, first = 0; i < parts; first = ends[i++])
        r.loss += run(order + first, ends[i] - first, seed, step);
    must(pln_schedule_state_read(schedule, "gradients", r.gradients, &error), &error);
    return r;
}

static double distance(const struct result *a, const struct result *b)
{
    double worst = fabs((double)a->loss - (double)b->loss);
    for (uint32_t i = 0; i < n_flat; i++)
        worst = fmax(worst, fabs((double)a->gradients[i] - (double)b->gradients[i]));
    return worst;
}

static const uint32_t whole[] = {SEQUENCES}, halves[] = {1, SEQUENCES}, singles[] = {1, 2, 3, 4};
static const uint32_t forwards[] = {0, 1, 2, 3}, shuffled[] = {2, 0, 3, 1};

static void test_parts_change_nothing(void **state)
{
    (void)state;
    struct result right = step_of(forwards, whole, 1, 5, 3),
                  others[] = {step_of(shuffled, whole, 1, 5, 3), step_of(forwards, halves, 2, 5, 3),
                              step_of(shuffled, singles, 4, 5, 3)};
    assert_true(right.loss > 0.1f);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (!(distance(&right, &others[i]) < 1e-6))
            fail_msg("other packing %zu is off by %g", i, distance(&right, &others[i]));
        free(others[i].gradients);
    }
    free(right.gradients);
}

static void test_same_step_same_bits(void **state)
{
    (void)state;
    struct result a = step_of(shuffled, halves, 2, 5, 3), b = step_of(shuffled, halves, 2, 5, 3);
    assert_memory_equal(a.gradients, b.gradients, n_flat * sizeof(float));
    free(a.gradients);
    free(b.gradients);
}

static void test_another_step_or_seed_is_another(void **state)
{
    (void)state;
    struct result a = step_of(forwards, whole, 1, 5, 3), b = step_of(forwards, whole, 1, 5, 4),
                  c = step_of(forwards, whole, 1, 6, 3);
    assert_true(distance(&a, &b) > 1e-2 && distance(&a, &c) > 1e-2);
    free(a.gradients);
    free(b.gradients);
    free(c.gradients);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts_change_nothing),
                                       cmocka_unit_test(test_same_step_same_bits),
                                       cmocka_unit_test(test_another_step_or_seed_is_another)};
    pln_runtime *runtime;
    pln_error error;
    if (argc < 2 || pln_runtime_create(NULL, &runtime, &error) != PLN_OK)
        return 2;
    if (pln_devices_open(runtime, argv[1], (const char *const *)argv + 2, (uint32_t)argc - 2, &devices, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return error.status == PLN_INVALID ? 77 : 1; /* a level that this processor lacks is skipped, visibly */
    }
    describe();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pln_schedule_destroy(&schedule);
    pln_graph_destroy(&graph);
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
    return failed != 0;
}
