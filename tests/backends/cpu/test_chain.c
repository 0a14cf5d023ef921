/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows that go through chains of nodes are the same to the bit as rows that go through node by node: 300 at once
 * against 20 at a time, at every level that the processor has, on one thread and on two.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/pleione.h"
#include "tests/backends/cpu/layers.h"

enum { WIDTH = 128, INNER = 256, LAYERS = 2, ROWS = 300, FEW_ROWS = 20 };
static const float weight_scale = 0.2f;

/* Feed-forwards as in an encoder, whose inner rows are read once and whose memory is used again; then a product that is
 * an output and is read by the next one; then one that is read as x and as residual. */
static pln_graph *feed_forwards(void)
{
    noise_begin();
    pln_graph *g = pln_graph_create("feed-forwards");
    pln_value *x = pln_graph_input(g, "x", PLN_F32, pln_rows_of(pln_graph_symbol(g, "rows")), WIDTH);
    for (int i = 0; i < LAYERS; i++) {
        pln_graph_begin(g, "layer.%d", i);
        pln_value *inner =
            noise_linear(g, x, WIDTH, INNER, weight_scale,
                         PLN_OPTIONS(pln_linear_options, .name = "in", .activation = PLN_ACTIVATION_GELU));
        pln_value *sum = noise_linear(g, inner, INNER, WIDTH, weight_scale,
                                      PLN_OPTIONS(pln_linear_options, .name = "out", .residual = x));
        x = noise_norm(g, "norm", sum, WIDTH, weight_scale);
        pln_graph_end(g);
    }
    pln_value *kept = noise_linear(g, x, WIDTH, WIDTH, weight_scale,
                                   PLN_OPTIONS(pln_linear_options, .name = "kept", .activation = PLN_ACTIVATION_RELU));
    pln_graph_output(g, "kept", kept);
    pln_value *twice =
        noise_linear(g, kept, WIDTH, WIDTH, weight_scale, PLN_OPTIONS(pln_linear_options, .name = "twice"));
    pln_value *y = noise_linear(g, twice, WIDTH, WIDTH, weight_scale,
                                PLN_OPTIONS(pln_linear_options, .name = "y", .residual = twice));
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

static void check(pln_devices *devices)
{
    pln_schedule *s;
    pln_error error;
    pln_graph *g = feed_forwards();
    must(pln_schedule_create(g, devices, NULL, &s, &error), &error);
    compare(s);
    pln_schedule_destroy(&s);
    pln_graph_destroy(&g);
}

static void chains_change_nothing(void **state)
{
    (void)state;
    at_every_level(check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(chains_change_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
