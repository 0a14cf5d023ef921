/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows that go through chains of nodes are the same to the bit as rows that go through node by node: 300 at once
 * against 20 at a time, at every level that the processor has, on one thread and on two.
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

enum { WIDTH = 128, INNER = 256, LAYERS = 2, ROWS = 300, FEW_ROWS = 20 };

static pln_value *weight(pln_graph *g, uint32_t rows, uint32_t width)
{
    const pln_tensor *part = noise_tensor("w", rows, width, 0.2f);
    return pln_graph_constant(g, "w", &part, 1);
}

static pln_value *linear(pln_graph *g, pln_value *x, uint32_t from, uint32_t to, const pln_linear_options *options)
{
    pln_linear_options with_bias = *options;
    with_bias.bias = weight(g, 1, to);
    return pln_linear(g, x, weight(g, to, from), &with_bias);
}

/* Feed-forwards as in an encoder, whose inner rows are read once and whose memory is used again; then a product that is
 * an output and is read by the next one; then one that is read as x and as residual. */
static pln_graph *feed_forwards(void)
{
    noise_begin();
    pln_graph *g = pln_graph_create("feed-forwards");
    pln_value *x = pln_graph_input(g, "x", PLN_F32, pln_rows_of(pln_graph_symbol(g, "rows")), WIDTH);
    for (int i = 0; i < LAYERS; i++) {
        pln_graph_begin(g, "layer.%d", i);
        pln_value *inner = linear(g, x, WIDTH, INNER,
                                  PLN_OPTIONS(pln_linear_options, .name = "in", .activation = PLN_ACTIVATION_GELU));
        pln_value *sum = linear(g, inner, INNER, WIDTH, PLN_OPTIONS(pln_linear_options, .name = "out", .residual = x));
        x = pln_layer_norm(g, sum, weight(g, 1, WIDTH), weight(g, 1, WIDTH),
                           PLN_OPTIONS(pln_layer_norm_options, .name = "norm", .eps = 1e-12f));
        pln_graph_end(g);
    }
    pln_value *kept =
        linear(g, x, WIDTH, WIDTH, PLN_OPTIONS(pln_linear_options, .name = "kept", .activation = PLN_ACTIVATION_RELU));
    pln_graph_output(g, "kept", kept);
    pln_value *twice = linear(g, kept, WIDTH, WIDTH, PLN_OPTIONS(pln_linear_options, .name = "twice"));
    pln_value *y = linear(g, twice, WIDTH, WIDTH, PLN_OPTIONS(pln_linear_options, .name = "y", .residual = twice));
    pln_graph_output(g, "y",
                     pln_activation(g, y, PLN_ACTIVATION_GELU, PLN_OPTIONS(pln_activation_options, .name = "end")));
    pln_error error;
    must(pln_graph_finish(g, &error), &error);
    return g;
}

struct rows {
    float x[ROWS][WIDTH], kept[ROWS][WIDTH], y[ROWS][WIDTH];
};

static void run(pln_schedule *s, struct rows *rows, uint32_t first, uint32_t n)
{
    const uint32_t dims[] = {0, n};
    const pln_binding inputs[] = {{"x", rows->x[first]}};
    const pln_binding outputs[] = {{"kept", rows->kept[first]}, {"y", rows->y[first]}};
    pln_error error;
    must(pln_schedule_run(s, dims, 2, inputs, 1, outputs, 2, &error), &error);
}

static void compare(pln_schedule *s)
{
    static struct rows all, parts;
    uint32_t seed = 1;
    for (uint32_t i = 0; i < ROWS * WIDTH; i++)
        parts.x[i / WIDTH][i % WIDTH] = all.x[i / WIDTH][i % WIDTH] = noise(&seed);
    run(s, &all, 0, ROWS);
    for (uint32_t first = 0; first < ROWS; first += FEW_ROWS)
        run(s, &parts, first, FEW_ROWS);
    assert_memory_equal(all.kept, parts.kept, sizeof all.kept);
    assert_memory_equal(all.y, parts.y, sizeof all.y);
}

static void check(uint32_t threads, const char *const options[2])
{
    pln_runtime *runtime;
    pln_devices *devices;
    pln_schedule *s;
    pln_error error;
    must(pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .threads = threads), &runtime, &error), &error);
    if (pln_devices_open(runtime, "cpu", options, options[1] ? 2 : 1, &devices, &error) == PLN_OK) {
        pln_graph *g = feed_forwards();
        must(pln_schedule_create(g, devices, NULL, &s, &error), &error);
        compare(s);
        pln_schedule_destroy(&s);
        pln_graph_destroy(&g);
        pln_devices_close(&devices);
    } else {
        printf("%s: %s\n", options[0], error.message);
    }
    pln_runtime_destroy(&runtime);
}

static void chains_change_nothing(void **state)
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
                                             {"level=amx-twin", "math=int8"},
                                             {"level=amx-twin", "products=split6"}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        for (uint32_t threads = 1; threads <= 2; threads++)
            check(threads, options[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(chains_change_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
