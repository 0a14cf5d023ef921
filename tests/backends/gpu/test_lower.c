/* SPDX-License-Identifier: Apache-2.0
 *
 * Lowering, without a device: windows cover every row once and stay within the limits, records find the rows, what cannot
 * be done is refused with a reason.
 */
#include <string.h>

#include "backends/gpu/slots.h"
#include "tests/backends/gpu/segment.h"

static void windows_of_linear_cover_every_element_once(void **state)
{
    (void)state;
    static const pln_linear_params params = {.activation = PLN_ACTIVATION_GELU};
    static uint8_t covered[1000][100];
    make_linear(100, 36, &params);
    f.limits.max_range = 8000;
    memset(covered, 0, sizeof covered);
    assert_int_equal(lower(), PLN_OK);
    assert_true(f.n_launches > 2);
    for (uint32_t i = 0; i < f.n_launches; i++) {
        const struct gpu_launch *l = &f.launches[i];
        const uint32_t row_end = l->first_row + l->window_rows, first = l->record[GPU_RECORD_TABLE_FIRST],
                       end = l->record[GPU_RECORD_TABLE_END];
        assert_int_equal(l->record[GPU_RECORD_ROW_FIRST], l->first_row);
        assert_int_equal(l->record[GPU_RECORD_ROW_END], row_end);
        check_bindings(l, 0, l->first_row, row_end);
        check_bindings(l, 1, first, end);
        check_bindings(l, 4, l->first_row, row_end);
        for (uint32_t r = l->first_row; r < row_end; r++)
            for (uint32_t c = first; c < end; c++)
                covered[r][c]++;
        assert_true(l->columns * l->specs[2] >= end - first);
        assert_int_equal(first % 4, 0);
    }
    for (uint32_t r = 0; r < 1000; r++)
        for (uint32_t c = 0; c < 100; c++)
            assert_int_equal(covered[r][c], 1);
}

static void work_of_windows_adds_up(void **state)
{
    (void)state;
    static const pln_linear_params params = {0};
    make_linear(64, 64, &params);
    f.limits.max_flops = 100000;
    assert_int_equal(lower(), PLN_OK);
    assert_true(f.n_launches >= 10);
    uint64_t flops = 0;
    for (uint32_t i = 0; i < f.n_launches; i++) {
        assert_true(f.launches[i].flops <= f.limits.max_flops);
        flops += f.launches[i].flops;
    }
    assert_true(flops + f.n_launches >= f.node.flops && flops <= f.node.flops);
}

static void groups_follow_the_real_rows(void **state)
{
    (void)state;
    const struct gpu_launch launch = {
        .rows = tokens, .first_row = 64, .window_rows = 64, .rows_per_group = 32, .columns = 3};
    const uint32_t cases[][2] = {{0, 0}, {64, 0}, {65, 3}, {96, 3}, {97, 6}, {128, 6}, {1000, 6}};
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(gpu_launch_groups(&launch, (uint32_t[SYMBOLS]){0, cases[i][0], 0}), cases[i][1]);
}

static void windows_of_the_word_table_cover_it(void **state)
{
    (void)state;
    static const pln_embed_params params = {.eps = 1e-12f};
    begin(PLN_OP_EMBED, &params, sizeof params);
    f.inputs[PLN_EMBED_INPUT_IDS] = temporary(tokens, 1);
    f.inputs[PLN_EMBED_INPUT_TOKEN_TYPES] = temporary(tokens, 1);
    f.inputs[PLN_EMBED_INPUT_WORD] = constant(5000, 30);
    f.inputs[PLN_EMBED_INPUT_TYPE] = constant(2, 30);
    f.inputs[PLN_EMBED_INPUT_GAMMA] = constant(1, 30);
    f.inputs[PLN_EMBED_INPUT_BETA] = constant(1, 30);
    f.outputs[PLN_EMBED_OUTPUT_Y] = temporary(tokens, 30);
    f.limits.max_range = 1u << 18;
    assert_int_equal(lower(), PLN_OK);
    uint32_t next = 0;
    for (uint32_t i = 0; i < f.n_launches; i++) {
        assert_int_equal(f.launches[i].record[GPU_RECORD_TABLE_FIRST], next);
        next = f.launches[i].record[GPU_RECORD_TABLE_END];
        check_bindings(&f.launches[i], 4, f.launches[i].record[GPU_RECORD_TABLE_FIRST], next);
    }
    assert_true(f.n_launches > 1);
    assert_int_equal(next, 5000);
}

/* The binding behind inputs and outputs. */
enum { ATTENTION_SCRATCH = PLN_ATTENTION_INPUTS + PLN_ATTENTION_OUTPUTS };

static void probabilities_take_a_second_pass(void **state)
{
    (void)state;
    static const pln_attention_params params = {.heads = 2, .head_size = 64, .scale = 1};
    make_attention(&params);
    assert_int_equal(lower(), PLN_OK);
    assert_int_equal(f.n_launches, 1);
    assert_int_equal(f.launches[0].scratch_bytes, 0);
    f.outputs[PLN_ATTENTION_OUTPUT_PROBABILITIES] = temporary(tokens, 1);
    assert_int_equal(lower(), PLN_OK);
    assert_int_equal(f.n_launches, 2);
    assert_int_equal(f.launches[1].scratch_bytes, 1000 * 2 * 2 * 4);
    assert_true(f.launches[0].bindings[ATTENTION_SCRATCH].written);
    assert_false(f.launches[1].bindings[ATTENTION_SCRATCH].written);
}

/* Every row window sees all keys in order, K and V alike, and keeps maximum, sum and y from one to the next. */
static void windows_of_keys_are_walked_in_order(void **state)
{
    (void)state;
    static const pln_attention_params params = {.heads = 2, .head_size = 64, .scale = 1};
    make_attention(&params);
    f.limits.max_range = 1u << 19;
    assert_int_equal(lower(), PLN_OK);
    uint32_t row = 0, key = 0;
    for (uint32_t i = 0; i < f.n_launches; i++) {
        const struct gpu_launch *l = &f.launches[i];
        assert_int_equal(l->first_row, row);
        assert_int_equal(l->record[GPU_RECORD_TABLE_FIRST], key);
        key = l->record[GPU_RECORD_TABLE_END];
        check_bindings(l, 0, row, row + l->window_rows);
        check_bindings(l, PLN_ATTENTION_INPUT_KEY, l->record[GPU_RECORD_TABLE_FIRST], key);
        check_bindings(l, PLN_ATTENTION_INPUT_VALUE, l->record[GPU_RECORD_TABLE_FIRST], key);
        assert_int_equal(l->bindings[ATTENTION_SCRATCH].value, GPU_BIND_SCRATCH);
        assert_true(l->bindings[ATTENTION_SCRATCH].written);
        assert_int_equal(l->scratch_bytes, 1000 * 2 * 2 * 4);
        if (key == 1000) {
            row += l->window_rows;
            key = 0;
        }
    }
    assert_int_equal(row, 1000);
    assert_true(f.n_launches > 6);
}

/* A list names rows anywhere, so keys are bound whole or not at all. */
static void listed_keys_are_never_cut(void **state)
{
    (void)state;
    static const pln_attention_params params = {.heads = 2, .head_size = 64, .scale = 1};
    make_attention(&params);
    f.inputs[PLN_ATTENTION_INPUT_SOURCE_STARTS] = temporary(starts_of_batch, 1);
    f.inputs[PLN_ATTENTION_INPUT_KEY_ROWS] = temporary(tokens, 1);
    assert_int_equal(lower(), PLN_OK);
    assert_int_equal(f.n_launches, 1);
    f.limits.max_range = 1u << 19;
    assert_int_equal(lower(), PLN_UNSUPPORTED);
}

static void a_loss_ends_in_one_group_that_sees_all_rows(void **state)
{
    (void)state;
    static const pln_cross_entropy_params params = {.ignore_index = -100};
    begin(PLN_OP_CROSS_ENTROPY, &params, sizeof params);
    f.inputs[PLN_CROSS_ENTROPY_INPUT_LOGITS] = temporary(tokens, 50);
    f.inputs[PLN_CROSS_ENTROPY_INPUT_LABELS] = temporary(tokens, 1);
    f.outputs[PLN_CROSS_ENTROPY_OUTPUT_LOSS] = temporary(one, 1);
    f.limits.max_range = 16384;
    assert_int_equal(lower(), PLN_OK);
    const struct gpu_launch *last = &f.launches[f.n_launches - 1];
    assert_string_equal(last->kernel, "loss_mean");
    assert_int_equal(last->n_bindings, 4); /* loss, terms, total, count */
    assert_int_equal(last->bindings[1].value, GPU_BIND_SCRATCH);
    assert_int_equal(last->record[GPU_RECORD_SYMBOL], TOKENS);
    assert_int_equal(gpu_launch_groups(last, (uint32_t[SYMBOLS]){0}), 1);
    uint32_t rows = 0;
    for (uint32_t i = 0; i + 1 < f.n_launches; i++)
        rows += f.launches[i].window_rows;
    assert_int_equal(rows, 1000);
}

static void what_cannot_be_bound_is_refused(void **state)
{
    (void)state;
    static const pln_attention_params params = {.heads = 2, .head_size = 64, .scale = 1};
    pln_verdict verdict = {.size = sizeof verdict};
    make_attention(&params);
    gpu_supports(&f.limits, &f.segment, 0, &verdict);
    assert_int_equal(verdict.supported, 1);
    assert_string_equal(verdict.kernel, "attention");
    f.inputs[PLN_ATTENTION_INPUT_BIAS] = temporary((pln_dim){TOKENS, 1000, 0}, 1);
    f.limits.max_range = 1u << 20;
    gpu_supports(&f.limits, &f.segment, 0, &verdict);
    assert_int_equal(verdict.supported, 0);
    assert_non_null(strstr(verdict.reason, "larger than a binding"));
    f.node.op = 9999;
    gpu_supports(&f.limits, &f.segment, 0, &verdict);
    assert_non_null(strstr(verdict.reason, "no kernel"));
}

static void unknown_operands_are_refused(void **state)
{
    (void)state;
    static const pln_linear_params params = {0};
    make_linear(8, 8, &params);
    f.inputs[PLN_LINEAR_INPUTS] = f.inputs[0];
    assert_int_equal(lower(), PLN_UNSUPPORTED);
    f.inputs[PLN_LINEAR_INPUTS] = PLN_ABSENT;
    f.node.version = 99;
    assert_int_equal(lower(), PLN_UNSUPPORTED);
}
/* What the plugin keeps behind each step is 0, also after the array has grown; records follow each other. */
static void steps_have_room_for_the_plugin(void **state)
{
    (void)state;
    enum { NODES = 200, MULTIPLE = 4 };
    struct own_step {
        struct gpu_step step;
        void *own[3];
    };
    static const pln_linear_params params = {.activation = PLN_ACTIVATION_GELU};
    const pln_host host = {.size = sizeof host, .allocate = allocate, .release = release};
    struct gpu_steps_rules rules = {
        .host = &host, .limits = &f.limits, .step_bytes = sizeof(struct own_step), .record_multiple = MULTIPLE};
    struct gpu_steps steps;
    make_linear(100, 36, &params);
    f.segment.n_nodes = NODES;
    f.segment.node_stride = 0; /* the same node again and again */
    assert_int_equal(gpu_steps_create(&rules, &f.segment, &steps, &f.error), PLN_OK);
    assert_int_equal(steps.n, NODES);
    uint32_t word = GPU_DIMS;
    for (uint32_t i = 0; i < steps.n; i++) {
        const struct own_step *step = gpu_step_at(&steps, i);
        assert_int_equal(step->step.node, i);
        assert_int_equal(step->step.record, word);
        assert_true(step->step.groups > 1 && !step->own[0] && !step->own[2]);
        word += (step->step.launch.n_words + MULTIPLE - 1) / MULTIPLE * MULTIPLE;
    }
    assert_int_equal(gpu_steps_bytes(&steps), word * sizeof(uint32_t));
    gpu_steps_release(&host, &steps);
    rules.most_groups = 1;
    assert_int_equal(gpu_steps_create(&rules, &f.segment, &steps, &f.error), PLN_UNSUPPORTED);
    assert_int_equal(f.error.node, 0);
    assert_non_null(strstr(f.error.message, "kernel linear needs"));
    assert_null(steps.items);
    f.segment.n_symbols = GPU_DIMS + 1;
    assert_int_equal(gpu_steps_create(&rules, &f.segment, &steps, &f.error), PLN_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_of_linear_cover_every_element_once),
        cmocka_unit_test(work_of_windows_adds_up),
        cmocka_unit_test(groups_follow_the_real_rows),
        cmocka_unit_test(windows_of_the_word_table_cover_it),
        cmocka_unit_test(probabilities_take_a_second_pass),
        cmocka_unit_test(windows_of_keys_are_walked_in_order),
        cmocka_unit_test(listed_keys_are_never_cut),
        cmocka_unit_test(a_loss_ends_in_one_group_that_sees_all_rows),
        cmocka_unit_test(what_cannot_be_bound_is_refused),
        cmocka_unit_test(unknown_operands_are_refused),
        cmocka_unit_test(steps_have_room_for_the_plugin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
