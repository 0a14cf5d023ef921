/* SPDX-License-Identifier: Apache-2.0
 *
 * Sequences that go through attention and what is around it together are the same to the bit as each by itself, and
 * as with queries, keys and values that somebody else wants to see too, which are floats in memory then: at every level
 * that the processor has, on one thread and on two, in batches that members can part evenly and in others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/pleione.h"
#include "tests/must.h"
#include "tests/noise.h"

enum { WIDTH = 128, HEADS = 4, INNER = 256, LAYERS = 2, MOST_SEQUENCES = 8, MOST_TOKENS = 600 };

static pln_value *weight(pln_graph *g, uint32_t rows, uint32_t width)
{
    const pln_tensor *part = noise_tensor("w", rows, width, 0.4f);
    return pln_graph_constant(g, "w", &part, 1);
}

static pln_value *linear(pln_graph *g, pln_value *x, uint32_t from, uint32_t to, const pln_linear_options *options)
{
    pln_linear_options with_bias = *options;
    with_bias.bias = weight(g, 1, to);
    return pln_linear(g, x, weight(g, to, from), &with_bias);
}

static pln_value *norm(pln_graph *g, const char *name, pln_value *x)
{
    return pln_layer_norm(g, x, weight(g, 1, WIDTH), weight(g, 1, WIDTH),
                          PLN_OPTIONS(pln_layer_norm_options, .name = name, .eps = 1e-12f));
}

static pln_value *layer(pln_graph *g, uint32_t i, pln_value *x, pln_value *starts, bool shows)
{
    static const char *const names[LAYERS] = {"qkv.0", "qkv.1"};
    pln_value *qkv = linear(g, x, WIDTH, 3 * WIDTH, PLN_OPTIONS(pln_linear_options, .name = "qkv"));
    if (shows)
        pln_graph_output(g, names[i], qkv);
    pln_value *context = pln_attention(
        g, qkv, PLN_OPTIONS(pln_attention_options, .name = "attention", .heads = HEADS, .starts = starts));
    x = norm(g, "mixed.norm",
             linear(g, context, WIDTH, WIDTH, PLN_OPTIONS(pln_linear_options, .name = "mixed", .residual = x)));
    pln_value *inner =
        linear(g, x, WIDTH, INNER, PLN_OPTIONS(pln_linear_options, .name = "in", .activation = PLN_ACTIVATION_GELU));
    return norm(g, "out.norm",
                linear(g, inner, INNER, WIDTH, PLN_OPTIONS(pln_linear_options, .name = "out", .residual = x)));
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

static void check(uint32_t threads, const char *const options[2])
{
    pln_runtime *runtime;
    pln_devices *devices;
    pln_schedule *schedules[2];
    pln_error error;
    must(pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .threads = threads), &runtime, &error), &error);
    if (pln_devices_open(runtime, "cpu", options, options[1] ? 2 : 1, &devices, &error) == PLN_OK) {
        pln_graph *graphs[2];
        for (uint32_t i = 0; i < 2; i++) {
            graphs[i] = encoder(i);
            must(pln_schedule_create(graphs[i], devices, PLN_OPTIONS(pln_schedule_options, .steady = true),
                                     &schedules[i], &error),
                 &error);
        }
        compare(schedules[0], schedules[1]);
        for (uint32_t i = 0; i < 2; i++) {
            pln_schedule_destroy(&schedules[i]);
            pln_graph_destroy(&graphs[i]);
        }
        pln_devices_close(&devices);
    } else {
        printf("%s: %s\n", options[0], error.message);
    }
    pln_runtime_destroy(&runtime);
}

static void sequences_together_and_alone(void **state)
{
    (void)state;
    static const char *const options[][2] = {{"level=c"},
                                             {"level=avx2"},
                                             {"level=avx512"},
                                             {"math=bf16"},
                                             {"math=bf16", "products=fma"},
                                             {"gemm=blis"},
                                             {"level=amx-twin", "math=bf16"},
                                             {"math=int8"},
                                             {"level=avx2", "math=int8"},
                                             {"level=amx-twin", "math=int8"},
                                             {"level=amx-twin", "products=split6"}};
    fill();
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        for (uint32_t threads = 1; threads <= 2; threads++)
            check(threads, options[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sequences_together_and_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
