/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of ops and kernels: no op and no slot is forgotten, processors have rows and options of their own.
 */
#include <string.h>

#include "backends/gpu/slots.h"
#include "backends/gpu/table.h"
#include "tests/backends/gpu/segment.h"

static const uint32_t all_ops[] = {
#define PLN_OP(number, version, NAME, name, inputs, outputs, in_place, params, gradient) number,
#include "graph/ops.def"
#undef PLN_OP
};
enum { OPS = sizeof all_ops / sizeof *all_ops };

/* How many operands the text of a kernel has. */
static uint32_t slots_of_text(const char *kernel)
{
#define COUNT(name, n)                                                                                                 \
    if (strcmp(kernel, #name) == 0)                                                                                    \
        return n;
    GPU_TEXTS(COUNT)
    return 0;
}

/* No slot is forgotten, or holds what an op without a derived view does not have. */
static void check_slots(const struct gpu_kernel *kernel, uint32_t most)
{
    const uint32_t n = slots_of_text(kernel->name);
    assert_int_not_equal(n, 0);
    for (uint32_t i = 0; i < GPU_SLOTS; i++) {
        assert_int_equal(kernel->slots[i].access != GPU_UNBOUND, i < n);
        assert_true(kernel->slots[i].operand < most);
    }
}

static void check_passes(const struct gpu_op *op, const struct gpu_row *row)
{
    const uint32_t most = op->n_inputs + op->n_outputs + (row->scratch_width != NULL);
    assert_true(!row->scratch_width || !row->scratch_bytes);
    for (uint32_t p = 0; p < GPU_PASSES && row->passes[p].kernel; p++) {
        const struct gpu_kernel *kernel = row->passes[p].kernel;
        assert_non_null(kernel->name);
        assert_non_null(kernel->tile);
        check_slots(kernel, row->passes[p].derive ? GPU_SLOTS : most);
    }
}

static void every_op_has_a_kernel(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < OPS; i++) {
        const struct gpu_op *op = gpu_op_find(all_ops[i]);
        assert_non_null(op);
        check_passes(op, op->row);
        if (op->row->processor)
            check_passes(op, op->row->processor);
    }
    assert_null(gpu_op_find(9999));
}

static void the_list_of_ops_tells_params_and_states(void **state)
{
    (void)state;
    assert_int_equal(gpu_op_find(PLN_OP_LINEAR)->params_size, sizeof(pln_linear_params));
    assert_int_equal(gpu_op_find(PLN_OP_ATTENTION)->params_size, sizeof(pln_attention_params));
    assert_int_equal(gpu_op_find(PLN_OP_GATHER)->params_size, 0);
    assert_int_equal(gpu_op_find(PLN_OP_ADAMW)->states, 4);
    assert_int_equal(gpu_op_find(PLN_OP_LAYER_NORM)->states, 0);
    assert_int_equal(gpu_op_find(PLN_OP_EMBED)->version, PLN_EMBED_VERSION);
}

static void the_processor_has_rows_where_its_texts_are(void **state)
{
    (void)state;
    const struct gpu_op *linear = gpu_op_find(PLN_OP_LINEAR);
    const struct gpu_limits gpu = {0}, processor = {.cpu_variant = true};
    cpu_texts = false;
    assert_ptr_equal(gpu_row_choose(&processor, linear), linear->row);
    assert_false(gpu_panels(&processor));
    cpu_texts = true;
    assert_ptr_equal(gpu_row_choose(&processor, linear), linear->row->processor);
    assert_ptr_equal(gpu_row_choose(&gpu, linear), linear->row);
    assert_true(gpu_panels(&processor) && !gpu_panels(&gpu));
    cpu_texts = false;
}

static void count_message(void *context, pln_log_level level, const char *message)
{
    assert_int_equal(level, PLN_LOG_LEVEL_WARNING);
    assert_non_null(strstr(message, "tile"));
    ++*(int *)context;
}

/* The texts for processors read f32, so f16 takes those for GPUs, unless both are asked for. */
static void options_of_other_kernels_are_said(void **state)
{
    (void)state;
    int messages = 0;
    const pln_host host = {.size = sizeof host, .context = &messages, .log = count_message};
    struct gpu_limits limits = {.cpu_variant = true};
    pln_failure error = {.size = sizeof error};
    assert_int_equal(gpu_variant_choose(&limits, &host, true, false, &error), PLN_OK);
    assert_true(limits.cpu_variant);
    assert_int_equal(messages, 0);
    assert_int_equal(gpu_variant_choose(&limits, &host, true, true, &error), PLN_OK);
    assert_int_equal(messages, 1);
    limits.half = true;
    assert_int_equal(gpu_variant_choose(&limits, &host, true, false, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "storage=f16"));
    assert_int_equal(gpu_variant_choose(&limits, &host, false, true, &error), PLN_OK);
    assert_false(limits.cpu_variant);
    assert_int_equal(messages, 1);
}

static void the_cpu_variant_needs_its_text(void **state)
{
    (void)state;
    static const pln_linear_params params = {0};
    make_linear(40, 8, &params);
    f.limits.cpu_variant = true;
    assert_int_equal(lower(), PLN_OK);
    assert_string_equal(f.launches[0].kernel, "linear");
    cpu_texts = true;
    assert_int_equal(lower(), PLN_OK);
    cpu_texts = false;
    assert_string_equal(f.launches[0].kernel, "linear_cpu");
    assert_int_equal(f.launches[0].record[GPU_RECORD_TABLE_PANEL], 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_op_has_a_kernel),
        cmocka_unit_test(the_list_of_ops_tells_params_and_states),
        cmocka_unit_test(the_processor_has_rows_where_its_texts_are),
        cmocka_unit_test(options_of_other_kernels_are_said),
        cmocka_unit_test(the_cpu_variant_needs_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
