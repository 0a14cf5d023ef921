/* SPDX-License-Identifier: Apache-2.0
 *
 * A graph that is not ELECTRA on a list of devices: test_schedule DEVICE [DEVICE...]. One device or split over several,
 * the numbers are those of the reference; copies, bytes and states are counted.
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

enum { WIDTH = 12, HEADS = 3, INNER = 20, LAYERS = 3, MOST_TOKENS = 600 };

static pln_runtime *runtime;
static char device_list[256]; /* all devices of the test */
static char *const *device_names;
static int n_devices;

/* ---- a small encoder with weights of noise */

static pln_value *weight(pln_graph *g, uint32_t rows, uint32_t width)
{
    const pln_tensor *part = noise_tensor("w", rows, width, 1);
    return pln_graph_constant(g, "w", &part, 1);
}

static pln_graph *encoder(void)
{
    noise_begin();
    pln_graph *g = pln_graph_create("encoder");
    const pln_dim tokens = pln_rows_of(pln_graph_symbol(g, "tokens"));
    const pln_dim starts_rows = {pln_graph_symbol(g, "batch"), 1, 1};
    pln_value *starts = pln_graph_input(g, "starts", PLN_I32, starts_rows, 1);
    pln_value *x = pln_graph_input(g, "x", PLN_F32, tokens, WIDTH);
    for (int i = 0; i < LAYERS; i++) {
        pln_graph_begin(g, "layer.%d", i);
        pln_value *qkv = pln_linear(g, x, weight(g, 3 * WIDTH, WIDTH), PLN_OPTIONS(pln_linear_options, .name = "qkv"));
        pln_value *c = pln_attention(g, qkv, PLN_OPTIONS(pln_attention_options, .heads = HEADS, .starts = starts));
        pln_value *f = pln_linear(g, c, weight(g, INNER, WIDTH),
                                  PLN_OPTIONS(pln_linear_options, .name = "in", .activation = PLN_ACTIVATION_GELU));
        f = pln_linear(g, f, weight(g, WIDTH, INNER), PLN_OPTIONS(pln_linear_options, .name = "out", .residual = x));
        x = pln_layer_norm(g, f, weight(g, 1, WIDTH), weight(g, 1, WIDTH),
                           PLN_OPTIONS(pln_layer_norm_options, .name = "norm", .eps = 1e-12f));
        pln_graph_end(g);
    }
    pln_graph_output(g, "y", x);
    pln_error error;
    must(pln_graph_finish(g, &error), &error);
    return g;
}

static void run_encoder(pln_schedule *s, uint32_t tokens, float *y)
{
    static float x[MOST_TOKENS * WIDTH];
    int32_t starts[] = {0, (int32_t)tokens / 3, (int32_t)tokens};
    uint32_t seed = tokens;
    for (uint32_t i = 0; i < tokens * WIDTH; i++)
        x[i] = noise(&seed);
    const uint32_t dims[] = {0, tokens, 2};
    const pln_binding inputs[] = {{"x", x}, {"starts", starts}}, outputs[] = {{"y", y}};
    pln_error error;
    must(pln_schedule_run(s, dims, 3, inputs, 2, outputs, 1, &error), &error);
}

static pln_devices *open_devices(const char *list)
{
    pln_devices *devices;
    pln_error error;
    must(pln_devices_open(runtime, list, NULL, 0, &devices, &error), &error);
    return devices;
}

static void expect_same(pln_schedule *s)
{
    static float y[MOST_TOKENS * WIDTH], right[MOST_TOKENS * WIDTH];
    static const uint32_t lengths[] = {7, 600, 33, 7};
    pln_error error;
    pln_devices *reference = open_devices("reference");
    pln_graph *g = encoder();
    pln_schedule *plain;
    must(pln_schedule_create(g, reference, NULL, &plain, &error), &error);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        run_encoder(plain, lengths[i], right);
        run_encoder(s, lengths[i], y);
        for (uint32_t j = 0; j < lengths[i] * WIDTH; j++)
            if (!(fabsf(y[j] - right[j]) <= 5e-5f * (1 + fabsf(right[j]))))
                fail_msg("%u tokens, element %u: %g, expected %g", lengths[i], j, (double)y[j], (double)right[j]);
    }
    pln_schedule_destroy(&plain);
    pln_graph_destroy(&g);
    pln_devices_close(&reference);
}

/* ---- tests */

static void test_each_device(void **state)
{
    (void)state;
    for (int i = 0; i < n_devices; i++) {
        pln_error error;
        pln_devices *devices = open_devices(device_names[i]);
        pln_graph *g = encoder();
        pln_schedule *s;
        must(pln_schedule_create(g, devices, PLN_OPTIONS(pln_schedule_options, .no_fallback = true), &s, &error),
             &error);
        expect_same(s);
        pln_schedule_destroy(&s);
        pln_graph_destroy(&g);
        pln_devices_close(&devices);
    }
}

static bool on_host(const char *device)
{
    pln_devices *devices = open_devices(device);
    const bool host = pln_devices_entry(devices, 0)->info.flags & PLN_DEVICE_FLAG_HOST_MEMORY;
    pln_devices_close(&devices);
    return host;
}

enum { QKV, ATTENTION, IN, OUT, NORM, PARTS, MOST_DOMAINS = 16 };

/* A value made in one memory, and where it is read. Inputs (home -1) are written wherever they are read. */
struct spread {
    int home;
    bool read[MOST_DOMAINS];
};

static uint64_t copies_of(const struct spread *value)
{
    uint64_t n = 0;
    for (int d = 0; d < MOST_DOMAINS; d++)
        n += value->home >= 0 && value->read[d] && d != value->home;
    return n;
}

/* One for each value and memory that it is read in but not made in; domains[layer * PARTS + part]. */
static uint64_t count_copies(const int *domains)
{
    struct spread x = {.home = -1};
    uint64_t n = 0;
    for (int layer = 0; layer < LAYERS; layer++) {
        const int *at = domains + layer * PARTS;
        struct spread made[PARTS];
        for (int part = 0; part < PARTS; part++)
            made[part] = (struct spread){.home = at[part]};
        x.read[at[QKV]] = true;
        made[QKV].read[at[ATTENTION]] = true;
        made[ATTENTION].read[at[IN]] = true;
        made[IN].read[at[OUT]] = true;
        x.read[at[OUT]] = true;
        made[OUT].read[at[NORM]] = true;
        n += copies_of(&x);
        for (int part = 0; part < NORM; part++)
            n += copies_of(&made[part]);
        x = made[NORM];
    }
    return n;
}

/* Devices on host memory share one. */
static int domain_of(int device)
{
    return on_host(device_names[device]) ? 0 : device + 1;
}

/* Every node goes to a device by a rule of chance: the numbers stay, and no value goes twice into one memory. */
static void test_random_split(void **state)
{
    (void)state;
    uint32_t seed = 5;
    for (int round = 0; round < 4; round++) {
        pln_error error;
        pln_devices *devices = open_devices(device_list);
        pln_graph *g = encoder();
        static const char *const parts[] = {"qkv", "attention", "in", "out", "norm"};
        static float y[MOST_TOKENS * WIDTH];
        int domains[LAYERS * PARTS];
        char rules[LAYERS * 5][64];
        const char *list[LAYERS * 5];
        for (int i = 0; i < LAYERS * 5; i++) {
            const int pick = (int)((noise(&seed) + 0.5f) * (float)n_devices) % n_devices;
            snprintf(rules[i], sizeof rules[i], "layer.%d.%s=%s", i / 5, parts[i % 5], device_names[pick]);
            list[i] = rules[i];
            domains[i] = domain_of(pick);
        }
        pln_schedule *s;
        must(pln_schedule_create(g, devices, PLN_OPTIONS(pln_schedule_options, .place = list, .n_place = LAYERS * 5),
                                 &s, &error),
             &error);
        run_encoder(s, 10, y);
        pln_statistics statistics = {.size = sizeof statistics};
        must(pln_schedule_statistics(s, &statistics, &error), &error);
        assert_int_equal(statistics.copies, count_copies(domains));
        expect_same(s);
        pln_schedule_destroy(&s);
        pln_graph_destroy(&g);
        pln_devices_close(&devices);
    }
}

/* One layer in the middle elsewhere: its input goes there once although two nodes read it, its output comes back once.
 */
static void test_copies(void **state)
{
    (void)state;
    const char *other = device_names[n_devices - 1], *place = NULL;
    char rule[64], list[128];
    static float y[MOST_TOKENS * WIDTH];
    pln_error error;
    snprintf(rule, sizeof rule, "layer.1.*=%s", other);
    snprintf(list, sizeof list, strcmp(other, "reference") == 0 ? "reference" : "reference,%s", other);
    place = rule;
    pln_devices *devices = open_devices(list);
    pln_graph *g = encoder();
    pln_schedule *s;
    must(pln_schedule_create(g, devices, PLN_OPTIONS(pln_schedule_options, .place = &place, .n_place = 1), &s, &error),
         &error);
    run_encoder(s, 10, y);
    pln_statistics statistics = {.size = sizeof statistics};
    must(pln_schedule_statistics(s, &statistics, &error), &error);
    const bool moves = !on_host(other);
    assert_int_equal(statistics.copies, moves ? 2 : 0);
    assert_int_equal(statistics.copied_bytes, moves ? 2 * 10 * WIDTH * 4 : 0);
    assert_int_equal(statistics.segments, strcmp(other, "reference") == 0 ? 1 : 3);
    assert_int_equal(statistics.nodes, LAYERS * 5);
    pln_schedule_destroy(&s);
    pln_graph_destroy(&g);
    pln_devices_close(&devices);
}

/* What is planned is what is allocated, and what is counted before is what was done. */
static void test_estimate(void **state)
{
    (void)state;
    static float y[MOST_TOKENS * WIDTH];
    pln_error error;
    pln_devices *devices = open_devices(device_names[0]);
    pln_graph *g = encoder();
    pln_schedule *s;
    must(pln_schedule_create(g, devices, NULL, &s, &error), &error);
    const uint32_t dims[] = {0, 77, 2};
    uint64_t sum = 0;
    for (uint32_t i = 0; pln_devices_entry(devices, i); i++) {
        pln_memory memory = {.size = sizeof memory};
        must(pln_schedule_estimate(s, dims, 3, i, &memory, &error), &error);
        sum += memory.arena_bytes + memory.scratch_bytes;
    }
    uint64_t flops;
    must(pln_schedule_flops(s, dims, 3, &flops, &error), &error);
    run_encoder(s, 77, y);
    pln_statistics statistics = {.size = sizeof statistics};
    must(pln_schedule_statistics(s, &statistics, &error), &error);
    assert_int_equal(statistics.planned_bytes, sum);
    assert_true(flops > 0 && statistics.flops == flops);
    pln_schedule_destroy(&s);
    pln_graph_destroy(&g);
    pln_devices_close(&devices);
}

/* counter += x * scale; the tokens are there to have buckets. */
/* A table that n nodes of `embed` look up in, and one of `linear` multiplies with at last. */
static pln_graph *table_graph(int n)
{
    pln_graph *g = pln_graph_create("table");
    pln_value *ids = pln_graph_input(g, "ids", PLN_I32, pln_rows_fixed(3), 1);
    pln_value *table = weight(g, 33, WIDTH), *type = weight(g, 1, WIDTH), *x = NULL;
    for (int i = 0; i < n; i++) {
        char name[16];
        snprintf(name, sizeof name, "embed%d", i);
        x = pln_embed(g, ids, type, type, type,
                      PLN_OPTIONS(pln_embed_options, .name = name, .ids = ids, .word = table, .eps = 1e-5f));
        pln_graph_output(g, name, x);
    }
    pln_graph_output(g, "y", pln_linear(g, x, table, PLN_OPTIONS(pln_linear_options, .name = "y")));
    pln_error error;
    must(pln_graph_finish(g, &error), &error);
    return g;
}

static uint64_t table_bytes(pln_devices *devices, int n, const char *rule)
{
    noise_begin();
    const uint32_t dims[] = {0};
    pln_error error;
    pln_memory memory = {.size = sizeof memory};
    pln_schedule *s;
    pln_graph *g = table_graph(n);
    const pln_schedule_options options = {.size = sizeof options, .place = &rule, .n_place = rule != NULL};
    must(pln_schedule_create(g, devices, &options, &s, &error), &error);
    must(pln_schedule_estimate(s, dims, 1, 0, &memory, &error), &error);
    pln_schedule_destroy(&s);
    pln_graph_destroy(&g);
    return memory.constant_bytes;
}

/* However often a constant is used, and in however many segments: it is there once, laid out for all its uses. */
static void test_constant_uses(void **state)
{
    (void)state;
    for (int i = 0; i < n_devices; i++) {
        pln_devices *devices = open_devices(device_names[i]);
        const uint64_t few = table_bytes(devices, 3, NULL);
        assert_true(few >= 34 * WIDTH * sizeof(float));
        for (int n = 7; n < 40; n += 8) {
            assert_int_equal(table_bytes(devices, n, NULL), few);
            assert_int_equal(table_bytes(devices, n + 1, NULL), few);
        }
        pln_devices_close(&devices);
        if (strcmp(device_names[i], "reference") == 0)
            continue;
        char list[64];
        snprintf(list, sizeof list, "%s,reference", device_names[i]);
        devices = open_devices(list);
        assert_int_equal(table_bytes(devices, 3, "embed1=reference"), few);
        pln_devices_close(&devices);
    }
}

static pln_graph *counter_graph(float scale)
{
    pln_graph *g = pln_graph_create("counter");
    pln_value *x = pln_graph_input(g, "x", PLN_F32, pln_rows_fixed(2), 5);
    pln_value *t = pln_graph_input(g, "t", PLN_F32, pln_rows_of(pln_graph_symbol(g, "tokens")), 4);
    pln_value *sum = pln_accumulate(g, "add", pln_graph_state(g, "count", 2, 5), x, scale);
    pln_graph_output(g, "sum", sum);
    pln_graph_output(g, "u", pln_activation(g, t, PLN_ACTIVATION_RELU, NULL));
    pln_error error;
    must(pln_graph_finish(g, &error), &error);
    return g;
}

static void count(pln_schedule *s, uint32_t tokens, float *sum)
{
    static float x[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, t[MOST_TOKENS * 4];
    const uint32_t dims[] = {0, tokens};
    const pln_binding inputs[] = {{"x", x}, {"t", t}}, outputs[] = {{"sum", sum}};
    pln_error error;
    must(pln_schedule_run(s, dims, 2, inputs, 2, outputs, 1, &error), &error);
}

/* One state under two graphs, in two buckets of one of them; and one of its own. */
static void test_states(void **state)
{
    (void)state;
    for (int i = 0; i < n_devices; i++) {
        pln_error error;
        float sum[10], zeros[10] = {0};
        pln_devices *devices = open_devices(device_names[i]);
        pln_graph *up = counter_graph(1), *down = counter_graph(-0.5f);
        pln_states *states;
        pln_schedule *a, *b, *own;
        must(pln_states_create(devices, &states, &error), &error);
        must(pln_schedule_create(up, devices, PLN_OPTIONS(pln_schedule_options, .states = states), &a, &error), &error);
        must(pln_schedule_create(down, devices, PLN_OPTIONS(pln_schedule_options, .states = states), &b, &error),
             &error);
        must(pln_schedule_create(up, devices, NULL, &own, &error), &error);
        must(pln_schedule_state_write(own, "count", zeros, &error), &error); /* before any run */
        count(a, 5, sum);
        count(a, 500, sum);
        count(b, 5, sum);
        count(own, 5, sum);
        assert_true(sum[9] == 10);
        must(pln_schedule_state_read(a, "count", sum, &error), &error);
        for (int j = 0; j < 10; j++)
            assert_true(sum[j] == 1.5f * (float)(j + 1));
        must(pln_schedule_state_write(b, "count", zeros, &error), &error);
        count(a, 5, sum);
        assert_true(sum[3] == 4);
        assert_int_equal(pln_schedule_state_read(a, "nothing", sum, &error), PLN_INVALID);
        pln_schedule_destroy(&a);
        pln_schedule_destroy(&b);
        pln_schedule_destroy(&own);
        pln_states_destroy(&states);
        pln_graph_destroy(&up);
        pln_graph_destroy(&down);
        pln_devices_close(&devices);
    }
}

/* With `cover` a plan that is large enough serves smaller runs, and one that is larger takes its place. */
static void test_cover(void **state)
{
    (void)state;
    for (int i = 0; i < n_devices; i++) {
        pln_error error;
        float sum[10];
        uint64_t planned[4];
        pln_devices *devices = open_devices(device_names[i]);
        pln_graph *g = counter_graph(1);
        pln_schedule *s;
        must(pln_schedule_create(g, devices, PLN_OPTIONS(pln_schedule_options, .cover = true), &s, &error), &error);
        static const uint32_t tokens[] = {5, 500, 5, 30};
        for (int j = 0; j < 4; j++) {
            pln_statistics statistics = {.size = sizeof statistics};
            count(s, tokens[j], sum);
            must(pln_schedule_statistics(s, &statistics, &error), &error);
            planned[j] = statistics.planned_bytes;
            assert_true(sum[9] == 10 * (float)(j + 1));
        }
        assert_true(planned[1] > planned[0]);
        assert_true(planned[2] == planned[1] && planned[3] == planned[1]);
        pln_schedule_destroy(&s);
        pln_graph_destroy(&g);
        pln_devices_close(&devices);
    }
}

/* The state lies on the first device, the node that writes it runs on the last one. */
static void test_states_away(void **state)
{
    (void)state;
    const char *other = device_names[n_devices - 1], *place;
    char rule[64], list[128];
    float sum[10];
    pln_error error;
    pln_statistics statistics = {.size = sizeof statistics};
    snprintf(rule, sizeof rule, "add=%s", other);
    snprintf(list, sizeof list, strcmp(other, "reference") == 0 ? "reference" : "reference,%s", other);
    place = rule;
    pln_devices *devices = open_devices(list);
    pln_graph *g = counter_graph(1);
    pln_schedule *s;
    must(pln_schedule_create(g, devices, PLN_OPTIONS(pln_schedule_options, .place = &place, .n_place = 1), &s, &error),
         &error);
    for (int i = 1; i <= 3; i++) {
        count(s, i == 2 ? 500 : 5, sum);
        must(pln_schedule_state_read(s, "count", sum, &error), &error);
        for (int j = 0; j < 10; j++)
            assert_true(sum[j] == (float)(i * (j + 1)));
    }
    must(pln_schedule_statistics(s, &statistics, &error), &error);
    assert_int_equal(statistics.copies, on_host(other) ? 0 : 2); /* there and back */
    pln_schedule_destroy(&s);
    pln_graph_destroy(&g);
    pln_devices_close(&devices);
}

static void test_refusals(void **state)
{
    (void)state;
    pln_error error;
    pln_devices *devices = NULL;
    static const char *const unknown[] = {"colour=blue"}, *const shapeless[] = {"precision"},
                             *const wrong[] = {"precision=f16"};
    static const char *const rules[] = {"layer.*=nowhere"}, *const ruin[] = {"layer"};
    assert_int_equal(pln_devices_open(runtime, "toaster", NULL, 0, &devices, &error), PLN_NO_DEVICE);
    assert_non_null(strstr(error.message, "toaster"));
    assert_int_equal(pln_devices_open(runtime, "reference:3", NULL, 0, &devices, &error), PLN_NO_DEVICE);
    assert_int_equal(pln_devices_open(runtime, "reference,", NULL, 0, &devices, &error), PLN_NO_DEVICE);
    assert_int_equal(pln_devices_open(runtime, "reference,reference", NULL, 0, &devices, &error), PLN_INVALID);
    assert_int_equal(pln_devices_open(runtime, "reference", unknown, 1, &devices, &error), PLN_INVALID);
    assert_int_equal(pln_devices_open(runtime, "reference", shapeless, 1, &devices, &error), PLN_INVALID);
    assert_int_equal(pln_devices_open(runtime, "reference", wrong, 1, &devices, &error), PLN_INVALID);
    assert_null(devices);

    devices = open_devices("reference");
    pln_graph *g = encoder();
    pln_schedule *s;
    assert_int_equal(
        pln_schedule_create(g, devices, PLN_OPTIONS(pln_schedule_options, .place = rules, .n_place = 1), &s, &error),
        PLN_INVALID);
    assert_int_equal(
        pln_schedule_create(g, devices, PLN_OPTIONS(pln_schedule_options, .place = ruin, .n_place = 1), &s, &error),
        PLN_INVALID);
    must(pln_schedule_create(g, devices, NULL, &s, &error), &error);
    const uint32_t dims[] = {0, 3, 1};
    assert_int_equal(pln_schedule_run(s, dims, 3, NULL, 0, NULL, 0, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "starts"));
    assert_int_equal(pln_schedule_run(s, dims, 1, NULL, 0, NULL, 0, &error), PLN_INVALID);
    pln_schedule_destroy(&s);
    pln_graph_destroy(&g);
    pln_devices_close(&devices);
}

/* A weight in f64 that f32 cannot hold is refused with its name; what is infinite already is not. */
static void test_range(void **state)
{
    (void)state;
    double numbers[4] = {1, -INFINITY, 3e38, 4};
    const pln_tensor tensor = {.name = "wide", .dtype = PLN_F64, .rank = 2, .shape = {1, 4}, .data = numbers};
    const pln_tensor *part = &tensor;
    const uint32_t dims[] = {0, 1};
    for (int i = 0; i < 2; i++) {
        pln_devices *devices = open_devices(device_list);
        pln_graph *g = pln_graph_create("wide");
        pln_value *x = pln_graph_input(g, "x", PLN_F32, pln_rows_of(pln_graph_symbol(g, "rows")), 4);
        pln_graph_output(g, "y", pln_linear(g, x, pln_graph_constant(g, "w", &part, 1), NULL));
        pln_schedule *s;
        pln_error error;
        must(pln_graph_finish(g, &error), &error);
        must(pln_schedule_create(g, devices, NULL, &s, &error), &error);
        if (i == 0) {
            must(pln_schedule_prepare(s, dims, 2, &error), &error);
        } else {
            assert_int_equal(pln_schedule_prepare(s, dims, 2, &error), PLN_BAD_MODEL);
            assert_non_null(strstr(error.message, "wide has -1e+300"));
        }
        pln_schedule_destroy(&s);
        pln_graph_destroy(&g);
        pln_devices_close(&devices);
        numbers[3] = -1e300;
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_device), cmocka_unit_test(test_random_split), cmocka_unit_test(test_copies),
        cmocka_unit_test(test_estimate),    cmocka_unit_test(test_states),       cmocka_unit_test(test_cover),
        cmocka_unit_test(test_refusals),    cmocka_unit_test(test_states_away),  cmocka_unit_test(test_constant_uses),
        cmocka_unit_test(test_range),
    };
    pln_error error;
    device_names = argv + 1;
    n_devices = argc - 1;
    for (int i = 1; i < argc; i++)
        snprintf(device_list + strlen(device_list), sizeof device_list - strlen(device_list), i > 1 ? ",%s" : "%s",
                 argv[i]);
    if (!n_devices || pln_runtime_create(NULL, &runtime, &error) != PLN_OK)
        return 2;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pln_runtime_destroy(&runtime);
    return failed != 0;
}
