/* SPDX-License-Identifier: Apache-2.0
 *
 * What a later library may say is refused, not guessed: test_unknown PLUGIN. Of a node that the backend takes, one number at
 * a time becomes one that this header does not have.
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/pleione_backend.h"
#include "api/pleione_ops.h"

enum { WIDTH = 8 };

static const pln_backend *backend;
static pln_device *device;

static void *allocate(void *context, size_t bytes)
{
    (void)context;
    void *memory = aligned_alloc(64, (bytes + 127) / 64 * 64);
    return memory ? memset(memory, 0, bytes) : NULL;
}

static void release(void *context, void *memory)
{
    (void)context;
    free(memory);
}

static void read_rows(void *context, const pln_constant_info *constant, uint32_t first, uint32_t rows, float *out)
{
    (void)context, (void)first;
    memset(out, 0, (size_t)rows * constant->width * sizeof *out);
}

static uint32_t team_size(void *context)
{
    (void)context;
    return 1;
}

static void team_run(void *context, pln_team_fn *fn, void *argument)
{
    (void)context;
    fn(argument, 0, 1);
}

static void team_barrier(void *context)
{
    (void)context;
}

static const char *no_cache(void *context)
{
    (void)context;
    return NULL;
}

static const pln_host host = {.size = sizeof host,
                              .allocate = allocate,
                              .release = release,
                              .constant_read = read_rows,
                              .team_size = team_size,
                              .team_run = team_run,
                              .team_barrier = team_barrier,
                              .cache_directory = no_cache};

struct asked {
    uint32_t kind, dtype, layout, value_flags, node_flags, segment_flags, op;
};

static bool takes(const struct asked *a)
{
    static const uint32_t capacity[2] = {0, 4};
    static const pln_activation_params params = {.activation = PLN_ACTIVATION_RELU};
    int32_t inputs[PLN_ACTIVATION_INPUTS], outputs[PLN_ACTIVATION_OUTPUTS];
    memset(inputs, 0xff, sizeof inputs);
    memset(outputs, 0xff, sizeof outputs);
    inputs[PLN_ACTIVATION_INPUT_X] = 0;
    outputs[0] = 1;
    pln_value_info values[2];
    for (int i = 0; i < 2; i++)
        values[i] = (pln_value_info){.size = sizeof *values,
                                     .kind = i ? PLN_VALUE_TEMPORARY : a->kind,
                                     .dtype = i ? PLN_F32 : a->dtype,
                                     .layout = i ? PLN_LAYOUT_ROWS : a->layout,
                                     .flags = i ? 0 : a->value_flags,
                                     .rows = {1, 1, 0},
                                     .width = WIDTH,
                                     .row_stride = WIDTH,
                                     .name = "value"};
    const pln_node_info node = {.size = sizeof node,
                                .op = a->op,
                                .version = PLN_ACTIVATION_VERSION,
                                .flags = a->node_flags,
                                .params_size = sizeof params,
                                .n_inputs = PLN_ACTIVATION_INPUTS,
                                .n_outputs = PLN_ACTIVATION_OUTPUTS,
                                .name = "node",
                                .params = &params,
                                .inputs = inputs,
                                .outputs = outputs};
    const pln_segment segment = {.size = sizeof segment,
                                 .flags = a->segment_flags,
                                 .n_nodes = 1,
                                 .node_stride = sizeof node,
                                 .nodes = &node,
                                 .n_values = 2,
                                 .value_stride = sizeof *values,
                                 .values = values,
                                 .n_symbols = 2,
                                 .capacity = capacity};
    pln_verdict verdict = {.size = sizeof verdict};
    pln_failure failure = {.size = sizeof failure};
    assert_int_equal(backend->supports(device, &segment, &verdict, sizeof verdict, &failure), PLN_OK);
    assert_true(verdict.supported || verdict.reason[0]);
    return verdict.supported;
}

static void test_nodes(void **state)
{
    const struct asked known = {PLN_VALUE_INPUT, PLN_F32, PLN_LAYOUT_ROWS, 0, 0, 0, PLN_OP_ACTIVATION};
    struct asked a = known;
    (void)state;
    assert_true(takes(&known));
    a.value_flags = a.node_flags = a.segment_flags = 1u << 14; /* hints */
    assert_true(takes(&a));
    for (int i = 0; i < 7; i++) {
        a = known;
        uint32_t *const numbers[] = {&a.kind,       &a.dtype,         &a.layout, &a.value_flags,
                                     &a.node_flags, &a.segment_flags, &a.op};
        static const uint32_t unknown[] = {5, PLN_BF16, 1, 1u << 16, 1u << 31, 1u << 20, 999};
        *numbers[i] = unknown[i];
        if (takes(&a))
            fail_msg("number %d: what it does not know is taken", i);
    }
}

static void test_constants(void **state)
{
    static const float rows[WIDTH];
    const pln_constant_use use = {.size = sizeof use, .op = PLN_OP_LINEAR, .input = PLN_LINEAR_INPUT_WEIGHT};
    const pln_constant_info info = {.size = sizeof info,
                                    .rows = 1,
                                    .width = WIDTH,
                                    .layout = 7,
                                    .n_uses = 1,
                                    .use_stride = sizeof use,
                                    .uses = &use,
                                    .plain = rows,
                                    .name = "weight"};
    pln_constant *constant = NULL;
    pln_failure failure = {.size = sizeof failure};
    (void)state;
    assert_int_equal(backend->constant_create(device, &info, &constant, &failure), PLN_UNSUPPORTED);
    assert_non_null(strstr(failure.message, "layout"));
    assert_null(constant);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nodes), cmocka_unit_test(test_constants)};
    const pln_opening opening = {.size = sizeof opening, .host = &host};
    pln_failure failure = {.size = sizeof failure};
    void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    void *symbol = library ? dlsym(library, PLN_BACKEND_SYMBOL) : NULL;
    pln_backend_query_fn *query = NULL;
    memcpy(&query, &symbol, sizeof query);
    backend = query ? query(PLN_ABI_VERSION, PLN_ABI_VERSION) : NULL;
    if (!backend)
        return 2;
    if (backend->device_open(0, &opening, &device, &failure) != PLN_OK)
        return getenv("CI") ? 1 : 77;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    backend->device_close(&device);
    return failed;
}
