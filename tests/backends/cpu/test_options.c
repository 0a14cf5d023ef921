/* SPDX-License-Identifier: Apache-2.0
 *
 * Levels and ways of the product are chosen and refused; the kernel that a verdict names is the one of the level;
 * memory is foretold. The argument is the plugin.
 */
#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/pleione_ops.h"
#include "tests/backends/cpu/fake_host.h"
#include "tests/backends/opening.h"

static const pln_backend *backend;

static pln_status open_all(const pln_option *options, uint32_t n, pln_device **device, pln_failure *error)
{
    pln_setting settings[OPENING_SETTINGS];
    const pln_opening opening = opening_of(&fake_host, options, n, settings);
    return backend->device_open(0, &opening, device, error);
}

static pln_status open_with(const char *key, const char *value, pln_device **device, pln_failure *error)
{
    const pln_option option = {key, value};
    *device = NULL;
    return open_all(&option, key ? 1 : 0, device, error);
}

static void refuses(const char *key, const char *value, const char *named)
{
    pln_device *device;
    pln_failure error = {.size = sizeof error};
    assert_int_equal(open_with(key, value, &device, &error), PLN_INVALID);
    assert_null(device);
    assert_int_equal(error.status, PLN_INVALID);
    assert_non_null(strstr(error.message, named));
}

static void unknown_options_are_refused(void **state)
{
    (void)state;
    refuses("level", "sse9", "sse9");
    refuses("level", "", "level");
    refuses("gemm", "by-hand", "by-hand");
    refuses("colour", "red", "colour");
    assert_int_equal(fake_host_blocks, 0);
}

/* One linear node [3,5] x [7,5]. */
static const pln_value_info values[] = {
    {.kind = PLN_VALUE_INPUT, .dtype = PLN_F32, .rows = {0, 0, 3}, .width = 5, .row_stride = 5},
    {.kind = PLN_VALUE_CONSTANT, .dtype = PLN_F32, .rows = {0, 0, 7}, .width = 5, .row_stride = 5},
    {.kind = PLN_VALUE_TEMPORARY, .dtype = PLN_F32, .rows = {0, 0, 3}, .width = 7, .row_stride = 7},
};
static const pln_linear_params no_activation;
static const pln_node_info node = {.op = PLN_OP_LINEAR,
                                   .version = PLN_LINEAR_VERSION,
                                   .name = "dense",
                                   .params = &no_activation,
                                   .params_size = sizeof no_activation,
                                   .n_inputs = 2,
                                   .n_outputs = 1,
                                   .inputs = (const int32_t[]){0, 1},
                                   .outputs = (const int32_t[]){2}};
static const pln_segment segment = {.size = sizeof segment,
                                    .n_nodes = 1,
                                    .node_stride = sizeof node,
                                    .nodes = &node,
                                    .n_values = 3,
                                    .value_stride = sizeof *values,
                                    .values = values,
                                    .n_symbols = 1,
                                    .capacity = (const uint32_t[]){0}};

/* The same with a weight [7,64]. */
static const pln_value_info wide_values[] = {
    {.kind = PLN_VALUE_INPUT, .dtype = PLN_F32, .rows = {0, 0, 3}, .width = 64, .row_stride = 64},
    {.kind = PLN_VALUE_CONSTANT, .dtype = PLN_F32, .rows = {0, 0, 7}, .width = 64, .row_stride = 64},
    {.kind = PLN_VALUE_TEMPORARY, .dtype = PLN_F32, .rows = {0, 0, 3}, .width = 7, .row_stride = 7},
};
static const pln_segment wide = {.size = sizeof wide,
                                 .n_nodes = 1,
                                 .node_stride = sizeof node,
                                 .nodes = &node,
                                 .n_values = 3,
                                 .value_stride = sizeof *wide_values,
                                 .values = wide_values,
                                 .n_symbols = 1,
                                 .capacity = (const uint32_t[]){0}};

static void level_is_honoured(const char *level)
{
    pln_device *device;
    pln_failure error = {.size = sizeof error};
    if (open_with("level", level, &device, &error)) {
        assert_string_not_equal(level, "c");
        assert_int_equal(error.status, PLN_INVALID);
        assert_non_null(strstr(error.message, level));
        return;
    }
    char kernel[48];
    snprintf(kernel, sizeof kernel, "linear %s", level);
    pln_verdict verdict = {.size = sizeof verdict};
    assert_int_equal(backend->supports(device, &segment, &verdict, sizeof verdict, &error), PLN_OK);
    assert_int_equal(verdict.supported, 1);
    assert_string_equal(verdict.kernel, kernel);
    backend->device_close(&device);
    assert_null(device);
    assert_int_equal(fake_host_blocks, 0);
}

static void levels_are_honoured(void **state)
{
    (void)state;
    level_is_honoured("c");
    level_is_honoured("avx2");
    level_is_honoured("avx512");
}

/* The kernel of a verdict under some options; false with a record where they are refused. */
static bool takes(const pln_segment *one, const pln_option *options, uint32_t n, char kernel[48], pln_failure *error)
{
    pln_device *device = NULL;
    pln_verdict verdict = {.size = sizeof verdict};
    if (open_all(options, n, &device, error))
        return false;
    assert_int_equal(backend->supports(device, one, &verdict, sizeof verdict, error), PLN_OK);
    snprintf(kernel, 48, "%s", verdict.kernel);
    backend->device_close(&device);
    return true;
}

static bool runs_on(const pln_option *options, uint32_t n, char kernel[48], pln_failure *error)
{
    return takes(&segment, options, n, kernel, error);
}

/* Weights take less memory in bf16 at every level, and the verdict names what multiplies them. Products that are not
 * deep stay in f32 unless all are to be rounded. BLIS has no such product. */
static void math_is_honoured(void **state)
{
    (void)state;
    static const char *const levels[] = {"c", "avx2", "avx512"};
    pln_device *device;
    pln_failure error = {.size = sizeof error};
    char kernel[48];
    for (int i = 0; i < 3; i++) {
        const pln_option all[] = {{"math", "bf16"}, {"level", levels[i]}, {"depth", "0"}, {"products", "fma"}};
        char wanted[48];
        snprintf(wanted, sizeof wanted, "linear %s bf16 widened", levels[i]);
        if (runs_on(all, 4, kernel, &error))
            assert_string_equal(kernel, wanted);
        else
            assert_non_null(strstr(error.message, levels[i]));
    }
    const pln_option blis[] = {{"math", "bf16"}, {"gemm", "blis"}};
    assert_int_equal(open_all(blis, 2, &device, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "gemm=own"));
    assert_int_equal(open_with("math", "f16", &device, &error), PLN_INVALID);
    static const char *const no_depths[] = {"", "deep", "-1", "12x", "4294967296"};
    for (size_t i = 0; i < sizeof no_depths / sizeof *no_depths; i++)
        assert_int_equal(open_with("depth", no_depths[i], &device, &error), PLN_INVALID);
    pln_plan_info narrow = {.size = sizeof narrow}, rounded = narrow, plain = narrow;
    assert_int_equal(open_with("math", "bf16", &device, &error), PLN_OK);
    assert_int_equal(backend->plan_info(device, &segment, NULL, &narrow, &error), PLN_OK);
    backend->device_close(&device);
    const pln_option all[] = {{"math", "bf16"}, {"depth", "0"}, {"level", "c"}};
    assert_int_equal(open_all(all, 3, &device, &error), PLN_OK);
    assert_int_equal(backend->plan_info(device, &wide, NULL, &rounded, &error), PLN_OK);
    backend->device_close(&device);
    assert_int_equal(open_with("math", "f32", &device, &error), PLN_OK);
    assert_int_equal(backend->plan_info(device, &segment, NULL, &plain, &error), PLN_OK);
    assert_int_equal(narrow.constant_bytes, plain.constant_bytes);
    backend->device_close(&device);
    assert_int_equal(open_with("level", "c", &device, &error), PLN_OK);
    assert_int_equal(backend->plan_info(device, &wide, NULL, &plain, &error), PLN_OK);
    assert_true(rounded.constant_bytes < plain.constant_bytes);
    backend->device_close(&device);
    assert_int_equal(fake_host_blocks, 0);
}

/* Where bf16 is widened: weights that stay in cache are in f32 and take as much as there, larger ones half; those that are
 * packed in each run are in f32 too. */
static void weights_are_widened_where_that_gains(void **state)
{
    (void)state;
    static const struct {
        uint32_t n;
        bool constant, widened;
    } cases[] = {{128, true, false}, {256, true, true}, {256, false, false}};
    const pln_option options[] = {{"level", "c"}, {"products", "fma"}, {"math", "bf16"}};
    pln_failure error = {.size = sizeof error};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char kernel[48];
        pln_device *device;
        pln_plan_info small = {.size = sizeof small}, plain = small;
        pln_value_info own[3] = {values[0], values[1], values[2]};
        pln_segment one = segment;
        own[0].width = own[0].row_stride = own[1].width = own[1].row_stride = 512;
        own[1].rows.offset = cases[i].n;
        own[1].kind = cases[i].constant ? PLN_VALUE_CONSTANT : PLN_VALUE_INPUT;
        own[2].width = own[2].row_stride = cases[i].n;
        one.values = own;
        assert_true(takes(&one, options, 3, kernel, &error));
        assert_int_equal(strstr(kernel, "bf16 widened") != NULL, cases[i].widened);
        assert_int_equal(open_all(options, 3, &device, &error), PLN_OK);
        assert_int_equal(backend->plan_info(device, &one, NULL, &small, &error), PLN_OK);
        backend->device_close(&device);
        assert_int_equal(open_all(options, 2, &device, &error), PLN_OK);
        assert_int_equal(backend->plan_info(device, &one, NULL, &plain, &error), PLN_OK);
        backend->device_close(&device);
        assert_true(cases[i].widened ? small.constant_bytes <= plain.constant_bytes / 2 + 256
                                     : small.constant_bytes == plain.constant_bytes);
    }
    assert_int_equal(fake_host_blocks, 0);
}

/* By what the products of attention and of its gradients are made under bf16, unless they are shallow. */
static void gradients_of_attention_are_in_bf16(void **state)
{
    (void)state;
    static const uint32_t ops[][2] = {{PLN_OP_ATTENTION, PLN_ATTENTION_VERSION},
                                      {PLN_OP_ATTENTION_BACKWARD, PLN_ATTENTION_BACKWARD_VERSION},
                                      {PLN_OP_ATTENTION_BACKWARD_DISTANCE, PLN_ATTENTION_BACKWARD_DISTANCE_VERSION}};
    const pln_option options[] = {{"level", "amx-twin"}, {"math", "bf16"}};
    pln_failure error = {.size = sizeof error};
    for (size_t i = 0; i < 6; i++) {
        char kernel[48];
        const pln_attention_params params = {.heads = i % 2 ? 2 : 1, .head_size = 64, .scale = 1};
        pln_node_info attention = node;
        pln_segment one = segment;
        attention.op = ops[i / 2][0];
        attention.version = ops[i / 2][1];
        attention.params = &params;
        attention.params_size = sizeof params;
        one.nodes = &attention;
        assert_true(takes(&one, options, 2, kernel, &error));
        assert_int_equal(strstr(kernel, "tdpbf16ps") != NULL, i % 2);
    }
    assert_int_equal(fake_host_blocks, 0);
}

/* Tiles are refused in one sentence where they are not, products by them too; their twin in plain C is always there. */
static void products_are_honoured(void **state)
{
    (void)state;
    static const struct {
        pln_option options[3];
        const char *kernel; /* or a part of the sentence */
        bool refused;
    } cases[] = {
        {{{"level", "amx-twin"}, {"depth", "0"}}, "tdpbf16ps x6", false},
        {{{"level", "amx-twin"}, {"products", "split6"}}, "tdpbf16ps x6", false},
        {{{"level", "amx-twin"}, {"products", "split3"}}, "tdpbf16ps x3", false},
        {{{"level", "amx-twin"}, {"math", "bf16"}, {"depth", "0"}}, "linear ", false},
        {{{"level", "avx2"}, {"products", "split6"}}, "products=split6 of cpu needs AMX", true},
        {{{"level", "amx-twin"}, {"math", "bf16"}, {"products", "split6"}}, "for math=f32", true},
        {{{"level", "amx-twin"}, {"gemm", "blis"}}, "gemm=own", true},
        {{{"level", "c"}, {"products", "most"}}, "not most", true},
    };
    char kernel[48];
    pln_failure error = {.size = sizeof error};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint32_t n = cases[i].options[2].key ? 3 : 2;
        assert_int_equal(runs_on(cases[i].options, n, kernel, &error), !cases[i].refused);
        assert_non_null(strstr(cases[i].refused ? error.message : kernel, cases[i].kernel));
    }
    const pln_option fma[] = {{"level", "amx-twin"}, {"products", "fma"}};
    assert_true(runs_on(fma, 2, kernel, &error));
    assert_null(strstr(kernel, "tdp"));
    const pln_option amx = {"level", "amx"};
    if (!runs_on(&amx, 1, kernel, &error))
        assert_non_null(strstr(error.message, "level=amx of cpu needs AMX with bf16, wh"));
    assert_int_equal(fake_host_blocks, 0);
}

/* The command holds a device against the rate of the instruction that its driver ends with: the twin has none. */
static void the_twin_names_no_instruction(void **state)
{
    (void)state;
    static const pln_option maths[] = {{"math", "f32"}, {"math", "bf16"}, {"math", "int8"}};
    static const char *const levels[] = {"amx-twin", "amx"}, *const ends[] = {"in plain C", "tdpb"};
    pln_failure error = {.size = sizeof error};
    for (size_t i = 0; i < 6; i++) {
        const pln_option options[] = {{"level", levels[i % 2]}, maths[i / 2]};
        pln_device_description told = {.size = sizeof told};
        pln_device *device;
        if (open_all(options, 2, &device, &error))
            continue;
        assert_int_equal(backend->device_info(0, device, &told, &error), PLN_OK);
        const char *end = strrchr(told.driver, ',');
        assert_non_null(end);
        assert_non_null(strstr(end, ends[i % 2]));
        assert_int_equal(strstr(end, "in plain C") != NULL, i % 2 == 0);
        backend->device_close(&device);
    }
    assert_int_equal(fake_host_blocks, 0);
}

/* A weight [1,4] by the name of dense. */
static pln_constant_info dense_weight(const float elements[4])
{
    static const pln_constant_use use = {sizeof use, PLN_OP_LINEAR, PLN_LINEAR_INPUT_WEIGHT, 0};
    return (pln_constant_info){.size = sizeof(pln_constant_info),
                               .name = "dense",
                               .rows = 1,
                               .width = 4,
                               .n_uses = 1,
                               .use_stride = sizeof use,
                               .uses = &use,
                               .plain = elements};
}

/* What bf16 would round to infinity is refused with its name, where weights are rounded; infinity itself is kept. */
static void what_bf16_cannot_hold_is_refused(void **state)
{
    (void)state;
    static const float within[4] = {0x1.fep127f, -0x1.fep127f, INFINITY, 1}, beyond[4] = {0, -0x1.ffp127f, 0, 0};
    const pln_option options[] = {{"math", "bf16"}, {"depth", "0"}};
    pln_constant_info info = dense_weight(within);
    pln_device *device;
    pln_constant *constant;
    pln_failure error = {.size = sizeof error};
    if (open_all(options, 2, &device, &error))
        skip();
    assert_int_equal(backend->constant_create(device, &info, &constant, &error), PLN_OK);
    backend->constant_destroy(device, &constant);
    info.plain = beyond;
    assert_int_equal(backend->constant_create(device, &info, &constant, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "dense has -3.39"));
    backend->device_close(&device);
    assert_int_equal(fake_host_blocks, 0);
}

/* Of int8 weights take a quarter of the memory at every level, and the verdict names what multiplies them. A row without
 * a scale is refused with its name; there are no gradients. */
static void int8_is_honoured(void **state)
{
    (void)state;
    static const char *const levels[] = {"c", "avx2", "avx512", "amx-twin"};
    static const struct {
        pln_option option;
        const char *sentence;
    } refused[] = {{{"gemm", "blis"}, "gemm=own"},
                   {{"products", "fma"}, "not for math=int8"},
                   {{"products", "split6"}, "not for"}};
    pln_value_info large[3] = {values[0], values[1], values[2]};
    pln_segment product = segment;
    pln_device *device;
    pln_failure error = {.size = sizeof error};
    char kernel[48];
    large[0].width = large[0].row_stride = large[1].width = large[1].row_stride = 1024;
    large[1].rows.offset = 768;
    large[2].width = large[2].row_stride = 768;
    product.values = large;
    for (int i = 0; i < 4; i++) {
        const pln_option all[] = {{"math", "int8"}, {"level", levels[i]}, {"depth", "0"}};
        const pln_option plain[] = {{"level", levels[i]}};
        pln_plan_info bytes = {.size = sizeof bytes}, floats = bytes;
        if (!runs_on(all, 3, kernel, &error)) {
            assert_non_null(strstr(error.message, levels[i]));
            continue;
        }
        assert_non_null(strstr(kernel, i == 3 ? "tdpbusd" : i == 2 ? "avx512 " : "int8 widened"));
        assert_int_equal(open_all(all, 3, &device, &error), PLN_OK);
        assert_int_equal(backend->plan_info(device, &product, NULL, &bytes, &error), PLN_OK);
        backend->device_close(&device);
        assert_int_equal(open_all(plain, 1, &device, &error), PLN_OK);
        assert_int_equal(backend->plan_info(device, &product, NULL, &floats, &error), PLN_OK);
        backend->device_close(&device);
        assert_true(bytes.constant_bytes < floats.constant_bytes / 4 + 768 * 16);
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const pln_option both[] = {{"math", "int8"}, refused[i].option};
        assert_int_equal(open_all(both, 2, &device, &error), PLN_INVALID);
        assert_non_null(strstr(error.message, refused[i].sentence));
    }
    assert_int_equal(fake_host_blocks, 0);
}

static void int8_has_no_gradients(void **state)
{
    (void)state;
    const pln_option options[] = {{"math", "int8"}, {"depth", "0"}};
    pln_device *device;
    pln_failure error = {.size = sizeof error};
    pln_verdict verdict = {.size = sizeof verdict};
    pln_node_info backward = node;
    pln_segment one = segment;
    backward.op = PLN_OP_LINEAR_BACKWARD_X;
    backward.version = PLN_LINEAR_BACKWARD_X_VERSION;
    backward.params_size = 0;
    one.nodes = &backward;
    assert_int_equal(open_all(options, 2, &device, &error), PLN_OK);
    assert_int_equal(backend->supports(device, &one, &verdict, sizeof verdict, &error), PLN_OK);
    assert_int_equal(verdict.supported, 0);
    assert_string_equal(verdict.reason, "math=int8 has no gradients");
    backend->device_close(&device);
    assert_int_equal(fake_host_blocks, 0);
}

static void what_int8_cannot_hold_is_refused(void **state)
{
    (void)state;
    static const float beyond[4] = {0, INFINITY, 0, 0};
    const pln_option options[] = {{"math", "int8"}, {"depth", "0"}};
    const pln_constant_info info = dense_weight(beyond);
    pln_device *device;
    pln_constant *constant;
    pln_failure error = {.size = sizeof error};
    assert_int_equal(open_all(options, 2, &device, &error), PLN_OK);
    assert_int_equal(backend->constant_create(device, &info, &constant, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "dense has inf"));
    backend->device_close(&device);
    assert_int_equal(fake_host_blocks, 0);
}

static void newer_ops_are_refused(void **state)
{
    (void)state;
    pln_device *device;
    pln_failure error = {.size = sizeof error};
    assert_int_equal(open_with(NULL, NULL, &device, &error), PLN_OK);
    pln_node_info nodes[2] = {node, node};
    nodes[0].op = 9999;
    nodes[1].version = PLN_LINEAR_VERSION + 1;
    pln_segment both = segment;
    both.n_nodes = 2;
    both.nodes = nodes;
    pln_verdict verdicts[2] = {{.size = sizeof *verdicts}, {.size = sizeof *verdicts}};
    assert_int_equal(backend->supports(device, &both, verdicts, sizeof *verdicts, &error), PLN_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(verdicts[i].supported, 0);
        assert_true(verdicts[i].reason[0] != 0);
    }
    pln_plan *plan = NULL;
    assert_int_equal(backend->plan_create(device, &both, &plan, &error), PLN_UNSUPPORTED);
    assert_int_equal(error.node, 0);
    backend->device_close(&device);
    assert_int_equal(fake_host_blocks, 0);
}

/* Scratch is the same before and after; the weight takes no less than its rows. */
static void memory_is_foretold(void **state)
{
    (void)state;
    static const char *const ways[] = {"own", "blis", "sgemm"};
    for (int i = 0; i < 3; i++) {
        pln_device *device;
        pln_failure error = {.size = sizeof error};
        if (open_with("gemm", ways[i], &device, &error)) {
            assert_int_equal(error.status, PLN_INVALID);
            continue;
        }
        pln_plan_info dry = {.size = sizeof dry}, made = {.size = sizeof made};
        assert_int_equal(backend->plan_info(device, &segment, NULL, &dry, &error), PLN_OK);
        assert_true(dry.constant_bytes >= 7 * 5 * sizeof(float));
        assert_int_equal(dry.n_kernels, 1);
        pln_plan *plan = NULL;
        assert_int_equal(backend->plan_create(device, &segment, &plan, &error), PLN_OK);
        assert_int_equal(backend->plan_info(device, NULL, plan, &made, &error), PLN_OK);
        assert_int_equal(made.scratch_bytes, dry.scratch_bytes);
        backend->plan_destroy(&plan);
        backend->device_close(&device);
        assert_int_equal(fake_host_blocks, 0);
    }
}

/* Whether a product of that much work, as the host tells it, wakes the team. */
static bool wakes_team(uint64_t flops)
{
    static float x[3][5], weight[7][5], y[3][7];
    pln_value_info own[] = {values[0], values[1], values[2]};
    own[0].data = x;
    own[1].kind = PLN_VALUE_INPUT;
    own[1].data = weight;
    own[2].data = y;
    pln_node_info told = node;
    told.flops = flops;
    pln_segment one = segment;
    one.nodes = &told;
    one.values = own;
    pln_device *device;
    pln_plan *plan;
    pln_failure error = {.size = sizeof error};
    const pln_run numbers = {.size = sizeof numbers, .n_dims = 1, .dims = segment.capacity};
    assert_int_equal(open_with(NULL, NULL, &device, &error), PLN_OK);
    assert_int_equal(backend->plan_create(device, &one, &plan, &error), PLN_OK);
    const int before = fake_host_team_runs;
    assert_int_equal(backend->plan_run(plan, &numbers, &error), PLN_OK);
    const bool woken = fake_host_team_runs > before;
    backend->plan_destroy(&plan);
    backend->device_close(&device);
    return woken;
}

static void small_plans_run_on_the_caller(void **state)
{
    (void)state;
    assert_false(wakes_team(2 * 3 * 5 * 7));
    assert_true(wakes_team(100000000));
    assert_int_equal(fake_host_blocks, 0);
}

int main(int argc, char **argv)
{
    void *plugin = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    void *symbol = plugin ? dlsym(plugin, PLN_BACKEND_SYMBOL) : NULL;
    if (!symbol)
        return 2;
    pln_backend_query_fn *query;
    memcpy(&query, &symbol, sizeof query);
    backend = query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_options_are_refused),
        cmocka_unit_test(levels_are_honoured),
        cmocka_unit_test(math_is_honoured),
        cmocka_unit_test(weights_are_widened_where_that_gains),
        cmocka_unit_test(gradients_of_attention_are_in_bf16),
        cmocka_unit_test(products_are_honoured),
        cmocka_unit_test(the_twin_names_no_instruction),
        cmocka_unit_test(what_bf16_cannot_hold_is_refused),
        cmocka_unit_test(int8_is_honoured),
        cmocka_unit_test(int8_has_no_gradients),
        cmocka_unit_test(what_int8_cannot_hold_is_refused),
        cmocka_unit_test(newer_ops_are_refused),
        cmocka_unit_test(memory_is_foretold),
        cmocka_unit_test(small_plans_run_on_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL); /* the plugin stays loaded, as in the host */
}
