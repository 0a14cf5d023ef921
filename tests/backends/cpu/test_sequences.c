/* SPDX-License-Identifier: Apache-2.0
 *
 * Sequences that go through attention and what is around it together are the same to the bit as each by itself, and
 * as with queries, keys and values that somebody else wants to see too, which are floats in memory then: at every level
 * that the processor has, on one thread and on two, in batches that members can part evenly and in others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/pleione.h"
#include "tests/backends/cpu/layers.h"

enum { WIDTH = 128, HEADS = 4, INNER = 256, LAYERS = 2, MOST_SEQUENCES = 8, MOST_TOKENS = 600 };
static const float weight_scale = 0.4f;

static pln_value *layer(pln_graph *g, uint32_t i, pln_value *x, pln_value *starts, bool shows)
{
    static const char *const names[LAYERS] = {"qkv.0", "qkv.1"};
    pln_value *qkv = noise_linear(g, x, WIDTH, 3 * WIDTH, weight_scale, PLN_OPTIONS(pln_linear_options, .name = "qkv"));
    if (shows)
        pln_graph_output(g, names[i], qkv);
    pln_value *context = pln_attention(
        g, qkv, PLN_OPTIONS(pln_attention_options, .name = "attention", .heads = HEADS, .starts = starts));
    pln_value *mixed = noise_linear(g, context, WIDTH, WIDTH, weight_scale,
                                    PLN_OPTIONS(pln_linear_options, .name = "mixed", .residual = x));
    x = noise_norm(g, "mixed.norm", mixed, WIDTH, weight_scale);
    pln_value *inner = noise_linear(g, x, WIDTH, INNER, weight_scale,
                                    PLN_OPTIONS(pln_linear_options, .name = "in", .activation = PLN_ACTIVATION_GELU));
    pln_value *sum = noise_linear(g, inner, INNER, WIDTH, weight_scale,
                                  PLN_OPTIONS(pln_linear_options, .name = "out", .residual = x));
    return noise_norm(g, "out.norm", sum, WIDTH, weight_scale);
}

static pln_graph *encoder(bool shows)
{
    noise_begin();
    pln_graph *g = pln_graph_create("encoder");
    const uint32_t tokens = pln_graph_symbol(g, "tokens"), batch = pln_graph_symbol(g, "batch");
    pln_value *x = pln_graph_input(g, "x", PLN_F32, pln_rows_of(tokens), WIDTH);
    pln_value *starts = pln_graph_input(g, "starts", PLN_I32, (pln_dim){batch, 1, 1}, 1);
    for (uint32_t i = 0; i < LAYERS; i++) {
        pln_graph_begin(g, "layer.%u", i);
        x = layer(g, i, x, starts, shows);
        pln_graph_end(g);
    }
    pln_graph_output(g, "y", x);
    pln_error error;
    must(pln_graph_finish(g, &error), &error);
    return g;
}

static float x[MOST_TOKENS][WIDTH], qkv[LAYERS][MOST_TOKENS][3 * WIDTH];

/* y of n sequences of those lengths, the first of which begins at a row of x. */
static void run(pln_schedule *s, bool shows, uint32_t row, const int32_t *lengths, uint32_t n, float (*y)[WIDTH])
{
    int32_t starts[MOST_SEQUENCES + 1] = {0};
    for (uint32_t i = 0; i < n; i++)
        starts[i + 1] = starts[i] + lengths[i];
    const uint32_t dims[] = {0, (uint32_t)starts[n], n};
    const pln_binding inputs[] = {{"x", x[row]}, {"starts", starts}};
    const pln_binding outputs[] = {{"y", y[row]}, {"qkv.0", qkv[0]}, {"qkv.1", qkv[1]}};
    pln_error error;
    must(pln_schedule_run(s, dims, 3, inputs, 2, outputs, shows ? 1 + LAYERS : 1, &error), &error);
}

static void compare(pln_schedule *plain, pln_schedule *shows)
{
    static const int32_t batches[][MOST_SEQUENCES] = {{64, 64, 64, 64}, {100, 100}, {3, 197, 90, 17, 40}, {33}, {1, 2}};
    static float together[MOST_TOKENS][WIDTH], alone[MOST_TOKENS][WIDTH], shown[MOST_TOKENS][WIDTH];
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
        uint32_t n = 0, row = 0;
        while (n < MOST_SEQUENCES && batches[b][n])
            n++;
        run(plain, false, 0, batches[b], n, together);
        run(shows, true, 0, batches[b], n, shown);
        for (uint32_t i = 0; i < n; row += (uint32_t)batches[b][i++])
            run(plain, false, row, &batches[b][i], 1, alone);
        assert_memory_equal(together, alone, row * sizeof *alone);
        if (batches[b][0] > 4) /* a few queries read keys and values as they lie, unrounded where they are floats */
            assert_memory_equal(together, shown, row * sizeof *shown);
    }
}

/* A token in ten has outliers, which products of bytes leave exact. */
static void fill(void)
{
    uint32_t seed = 1;
    for (uint32_t i = 0; i < MOST_TOKENS; i++)
        for (uint32_t c = 0; c < WIDTH; c++)
            x[i][c] = noise(&seed) * (i % 10 == 3 && c % 50 == 7 ? 60.0f : 2.0f);
}

static void check(pln_devices *devices)
{
    pln_graph *graphs[2];
    pln_schedule *schedules[2];
    pln_error error;
    for (uint32_t i = 0; i < 2; i++) {
        graphs[i] = encoder(i);
        must(pln_schedule_create(graphs[i], devices, PLN_OPTIONS(pln_schedule_options, .steady = true), &schedules[i],
                                 &error),
             &error);
    }
    compare(schedules[0], schedules[1]);
    for (uint32_t i = 0; i < 2; i++) {
        pln_schedule_destroy(&schedules[i]);
        pln_graph_destroy(&graphs[i]);
    }
}

static void sequences_together_and_alone(void **state)
{
    (void)state;
    fill();
    at_every_level(check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sequences_together_and_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
