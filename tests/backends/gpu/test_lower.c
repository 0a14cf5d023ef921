/* SPDX-License-Identifier: Apache-2.0
 *
 * Lowering, without a device: windows cover every row once and stay within the limits, records find the rows, tiles fit
 * the smallest work-group memory, what cannot be done is refused with a reason.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "backends/gpu/slots.h"
#include "backends/gpu/steps.h"
#include "backends/gpu/table.h"

enum { ALIGNMENT = 64, MAX_LAUNCHES = 512, TOKENS = 1, BATCH = 2, SYMBOLS = 3 };

static bool cpu_texts;

const struct gpu_text *gpu_text_find(const char *kernel)
{
    static const struct gpu_text text = {"any", "", 0};
    return strstr(kernel, "_cpu") && !cpu_texts ? NULL : &text;
}

/* A segment of one node, built operand by operand. */
struct fixture {
    struct gpu_limits limits;
    uint32_t capacity[SYMBOLS];
    pln_value_info values[16];
    int32_t inputs[PLN_ATTENTION_INPUTS], outputs[4];
    pln_node_info node;
    pln_segment segment;
    struct gpu_launch launches[MAX_LAUNCHES];
    uint32_t n_launches;
    pln_failure error;
};
static struct fixture f;

static void begin(uint32_t op, const void *params, uint32_t params_size)
{
    memset(&f, 0, sizeof f);
    memset(f.inputs, 0xff, sizeof f.inputs);
    memset(f.outputs, 0xff, sizeof f.outputs);
    f.limits = (struct gpu_limits){
        .max_workgroup = 256, .shared_bytes = 16384, .offset_alignment = ALIGNMENT, .max_range = 1u << 27};
    f.capacity[TOKENS] = 1000;
    f.capacity[BATCH] = 10;
    f.node = (pln_node_info){.op = op,
                             .version = 1,
                             .name = "node",
                             .params = params,
                             .params_size = params_size,
                             .n_inputs = PLN_ATTENTION_INPUTS,
                             .n_outputs = 4,
                             .inputs = f.inputs,
                             .outputs = f.outputs,
                             .flops = 1000000,
                             .bytes = 4000};
    f.segment = (pln_segment){.size = sizeof f.segment,
                              .n_nodes = 1,
                              .node_stride = sizeof f.node,
                              .nodes = &f.node,
                              .value_stride = sizeof f.values[0],
                              .values = f.values,
                              .n_symbols = SYMBOLS,
                              .capacity = f.capacity};
}

static int32_t value(pln_value_kind kind, pln_dim rows, uint32_t width, uint32_t row_stride, uint64_t offset)
{
    f.values[f.segment.n_values] = (pln_value_info){.kind = kind,
                                                    .dtype = PLN_F32,
                                                    .rows = rows,
                                                    .width = width,
                                                    .row_stride = row_stride,
                                                    .offset = offset,
                                                    .name = "value"};
    return (int32_t)f.segment.n_values++;
}

static const pln_dim tokens = {TOKENS, 1, 0}, starts_of_batch = {BATCH, 1, 1}, one = {0, 0, 1};

static int32_t temporary(pln_dim rows, uint32_t width)
{
    return value(PLN_VALUE_TEMPORARY, rows, width, width, (uint64_t)f.segment.n_values << 24);
}

static int32_t constant(uint32_t rows, uint32_t width)
{
    return value(PLN_VALUE_CONSTANT, (pln_dim){0, 0, rows}, width, width, 0);
}

static pln_status keep(void *context, const struct gpu_launch *launch, pln_failure *error)
{
    (void)context;
    (void)error;
    assert_true(f.n_launches < MAX_LAUNCHES);
    f.launches[f.n_launches++] = *launch;
    return PLN_OK;
}

static pln_status lower(void)
{
    f.n_launches = 0;
    return gpu_lower(&f.limits, &f.segment, 0, keep, NULL, &f.error);
}

/* Every binding is aligned, within the range, and row r of its window lies where the value has it. */
static void check_bindings(const struct gpu_launch *launch, uint32_t slot, uint32_t first, uint32_t end)
{
    const struct gpu_binding *b = &launch->bindings[slot];
    const pln_value_info *info = &f.values[b->value];
    const uint32_t *words = &launch->record[GPU_RECORD_SLOTS + GPU_SLOT_WORDS * slot];
    const bool is_constant = info->kind == PLN_VALUE_CONSTANT;
    const uint32_t stride = is_constant ? (info->width + 3) / 4 * 4 : info->row_stride;
    assert_int_equal(b->offset % ALIGNMENT, 0);
    assert_true(b->bytes <= f.limits.max_range);
    assert_int_equal(words[1], stride);
    assert_int_equal(words[2], info->width);
    for (uint32_t r = first; r < end; r++) {
        const uint32_t at = words[0] + r * words[1];
        assert_int_equal(b->offset + (uint64_t)at * 4, (is_constant ? 0 : info->offset) + (uint64_t)r * stride * 4);
        assert_true(((uint64_t)at + info->width) * 4 <= b->bytes);
    }
}

static void make_linear(uint32_t n, uint32_t k, const pln_linear_params *params)
{
    begin(PLN_OP_LINEAR, params, sizeof *params);
    f.inputs[PLN_LINEAR_INPUT_X] = value(PLN_VALUE_INPUT, tokens, k, 3 * k, 4 * k);
    f.inputs[PLN_LINEAR_INPUT_WEIGHT] = constant(n, k);
    f.outputs[PLN_LINEAR_OUTPUT_Y] = temporary(tokens, n);
}

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

static void make_attention(const pln_attention_params *params)
{
    const uint32_t width = params->heads * params->head_size;
    begin(PLN_OP_ATTENTION, params, sizeof *params);
    for (int32_t i = 0; i < 3; i++)
        f.inputs[i] = value(PLN_VALUE_TEMPORARY, tokens, width, 3 * width, (uint64_t)i * width * 4);
    f.inputs[PLN_ATTENTION_INPUT_STARTS] = temporary(starts_of_batch, 1);
    f.inputs[PLN_ATTENTION_INPUT_PAIR_STARTS] = temporary(starts_of_batch, 1);
    f.outputs[PLN_ATTENTION_OUTPUT_Y] = temporary(tokens, width);
}

/* As the text of `attention` declares its shared arrays. */
static uint64_t attention_shared(const struct gpu_launch *l)
{
    const uint64_t rows = 8 * l->specs[1], quads = (l->specs[2] + 31) / 32 * 8;
    const uint64_t keys = 8 * 33, values = 8 * (rows + 1) + l->specs[3] * quads;
    return 16 * (rows * quads + (keys > values ? keys : values) + 72);
}

static void tiles_fit_16_kib(void **state)
{
    (void)state;
    static const pln_linear_params linear = {0};
    for (uint32_t tiles = 0; tiles < 8; tiles++) {
        make_linear(512, 64, &linear);
        f.limits.tiles = tiles;
        assert_int_equal(lower(), PLN_OK);
        const uint32_t *s = f.launches[0].specs;
        assert_true(s[3] * (s[1] + 4 + s[2] + 4) * 4 <= f.limits.shared_bytes);
        assert_int_equal(s[0], s[1] / s[4] * (s[2] / s[5]));
    }
    for (uint32_t head_size = 1; head_size <= 288; head_size++) {
        const pln_attention_params params = {.heads = 2, .head_size = head_size, .scale = 1};
        make_attention(&params);
        assert_int_equal(lower(), PLN_OK);
        assert_true(attention_shared(&f.launches[0]) <= f.limits.shared_bytes);
    }
}

static void each_word_of_tile_asks_for_that_tile(void **state)
{
    (void)state;
    static const pln_linear_params linear = {0};
    static const uint32_t vendors[] = {GPU_VENDOR_AMD, GPU_VENDOR_INTEL, GPU_VENDOR_NVIDIA, 0};
    static const char *const words[] = {"linear:128x128", "linear:64x64", "linear:32x32"};
    static const uint32_t rows[] = {128, 64, 32};
    for (uint32_t i = 0; i < 12; i++) {
        make_linear(512, 64, &linear);
        f.limits.shared_bytes = 32768;
        f.limits.vendor_id = vendors[i / 3];
        f.limits.tiles = 1u << gpu_find_word(gpu_tile_words, words[i % 3]);
        assert_int_equal(lower(), PLN_OK);
        assert_int_equal(f.launches[0].tile_rows, rows[i % 3]);
        assert_int_equal(f.launches[0].tile_columns, rows[i % 3]);
    }
    assert_int_equal(gpu_find_word(gpu_tile_words, "linear:64"), GPU_NO_WORD);
    assert_int_equal(gpu_find_word(gpu_tile_words, ""), GPU_NO_WORD);
}

static void attention_takes_the_tile_that_is_asked_for(void **state)
{
    (void)state;
    static const pln_attention_params params = {.heads = 2, .head_size = 64, .scale = 1};
    static const char *const words[] = {"attention:32x32", "attention:16x32", "attention:8x32"};
    static const uint32_t rows[] = {32, 16, 8};
    for (uint32_t i = 0; i < 3; i++) {
        make_attention(&params);
        f.limits.shared_bytes = 32768;
        f.limits.tiles = 1u << gpu_find_word(gpu_tile_words, words[i]);
        assert_int_equal(lower(), PLN_OK);
        assert_int_equal(f.launches[0].tile_rows, rows[i]);
        assert_int_equal(f.launches[0].rows_per_group, rows[i]);
    }
}

static void few_tiles_are_cut_along_k(void **state)
{
    (void)state;
    static const pln_linear_params linear = {.activation = PLN_ACTIVATION_GELU};
    make_linear(90, 1024, &linear);
    f.capacity[TOKENS] = 40;
    assert_int_equal(lower(), PLN_OK);
    assert_int_equal(f.n_launches, 2);
    const struct gpu_launch *parts = &f.launches[0], *sum = &f.launches[1];
    const uint32_t slices = parts->specs[8];
    assert_int_equal(slices, 4); /* 32 groups are wanted, there are 2 x 3 tiles */
    assert_int_equal(parts->columns, 3 * slices);
    assert_int_equal(parts->specs[6], PLN_ACTIVATION_NONE);
    assert_true(parts->bindings[6].written);
    assert_string_equal(sum->kernel, "linear_sum");
    assert_int_equal(sum->specs[3], slices);
    assert_int_equal(sum->specs[4], PLN_ACTIVATION_GELU);
    assert_int_equal(sum->scratch_bytes, 40 * slices * 92 * sizeof(float));
    assert_int_equal(sum->bindings[4].value, GPU_BIND_SCRATCH);
    assert_false(sum->bindings[4].written);
    f.limits.compute_units = 1;
    assert_int_equal(lower(), PLN_OK);
    assert_int_equal(f.n_launches, 1);
    assert_int_equal(f.launches[0].scratch_bytes, 0);
}

/* Whatever the rows, K is not cut, and its order is the same: as it is where the depth of the tile divides it, else that
 * of one tile. */
static void steady_sums_hang_on_no_rows(void **state)
{
    (void)state;
    static const pln_linear_params linear = {0};
    static const uint32_t rows[] = {1, 40, 70, 200, 1000, 5000}, widths[] = {60, 72, 256, 1024};
    for (uint32_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        uint32_t depth = 0;
        for (uint32_t j = 0; j < sizeof rows / sizeof *rows; j++) {
            make_linear(768, widths[i], &linear);
            f.limits.shared_bytes = 32768;
            f.segment.flags = PLN_SEGMENT_STEADY;
            f.capacity[TOKENS] = rows[j];
            assert_int_equal(lower(), PLN_OK);
            assert_int_equal(f.n_launches, 1);
            assert_int_equal(f.launches[0].specs[8], 1);
            const uint32_t of_tile = f.launches[0].specs[3];
            assert_true(widths[i] % of_tile == 0 || !depth || depth == of_tile);
            depth = widths[i] % of_tile ? of_tile : depth;
        }
    }
}

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

static void *allocate(void *context, size_t bytes)
{
    (void)context;
    return test_calloc(1, bytes);
}

static void release(void *context, void *memory)
{
    (void)context;
    if (memory)
        test_free(memory);
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

static void read_rows(void *context, const pln_constant_info *constant, uint32_t first, uint32_t rows, float *out)
{
    (void)context;
    memcpy(out, (const float *)constant->source + first * constant->width, rows * constant->width * sizeof *out);
}

static void constants_are_padded_or_in_panels(void **state)
{
    (void)state;
    const pln_host host = {.size = sizeof host, .allocate = allocate, .release = release, .constant_read = read_rows};
    const pln_constant_use uses[] = {{sizeof *uses, PLN_OP_EMBED, PLN_EMBED_INPUT_WORD, 0},
                                     {sizeof *uses, PLN_OP_LINEAR, PLN_LINEAR_INPUT_WEIGHT, 0}};
    float source[35 * 6], out[64 * 8];
    for (uint32_t i = 0; i < 35 * 6; i++)
        source[i] = (float)(i + 1);
    for (uint32_t variant = 0; variant < 4; variant++) {
        const struct gpu_limits limits = {.cpu_variant = variant & 1};
        const pln_constant_info info = {.size = sizeof info,
                                        .rows = 35,
                                        .width = 6,
                                        .n_uses = 2,
                                        .use_stride = sizeof *uses,
                                        .uses = uses,
                                        .plain = variant & 2 ? source : NULL,
                                        .source = source};
        cpu_texts = true;
        const struct gpu_constant_layout layout = gpu_constant_layout(&limits, &info);
        assert_int_equal(layout.panel, variant & 1 ? 32 : 0);
        assert_int_equal(gpu_constant_bytes(&layout), (variant & 1 ? 64u : 35u) * 8 * sizeof(float));
        assert_int_equal(gpu_constant_pack(&host, &info, &layout, out, NULL), PLN_OK);
        cpu_texts = false;
        for (uint32_t r = 0; r < layout.rows; r++)
            for (uint32_t c = 0; c < layout.width; c++) {
                const uint32_t at = layout.panel ? r / 32 * 32 * 8 + c * 32 + r % 32 : r * 8 + c;
                assert_true(out[at] == (r < 35 && c < 6 ? source[r * 6 + c] : 0));
            }
    }
}

static void weights_of_linear_alone_are_halved(void **state)
{
    (void)state;
    const pln_constant_use uses[] = {{sizeof *uses, PLN_OP_LINEAR, PLN_LINEAR_INPUT_WEIGHT, 0},
                                     {sizeof *uses, PLN_OP_EMBED, PLN_EMBED_INPUT_WORD, 0}};
    const pln_host host = {.size = sizeof host, .allocate = allocate, .release = release, .constant_read = read_rows};
    const float source[2 * 5] = {1, -2, 0.5f, 65504, 0, 0x1p-24f, 1 + 0x1p-11f, 3, 4, 5};
    const uint16_t expected[2 * 8] = {0x3c00, 0xc000, 0x3800, 0x7bff, 0, 0, 0, 0, 1, 0x3c00, 0x4200, 0x4400, 0x4500};
    uint16_t out[2 * 8];
    static const pln_linear_params linear = {0};
    pln_constant_info info = {.size = sizeof info,
                              .rows = 2,
                              .width = 5,
                              .n_uses = 1,
                              .use_stride = sizeof *uses,
                              .uses = uses,
                              .plain = source};
    const struct gpu_limits limits = {.half = true};
    struct gpu_constant_layout layout = gpu_constant_layout(&limits, &info);
    assert_true(layout.half);
    assert_int_equal(gpu_constant_bytes(&layout), sizeof out);
    assert_int_equal(gpu_constant_pack(&host, &info, &layout, out, NULL), PLN_OK);
    assert_memory_equal(out, expected, sizeof out);
    info.n_uses = 2;
    assert_false(gpu_constant_layout(&limits, &info).half);
    make_linear(100, 36, &linear);
    f.limits.half = true;
    f.limits.max_range = 8000;
    assert_int_equal(lower(), PLN_OK);
    for (uint32_t i = 0; i < f.n_launches; i++) {
        const struct gpu_launch *l = &f.launches[i];
        assert_int_equal(l->bindings[1].element, 2);
        assert_int_equal(l->bindings[1].offset + 2 * (uint64_t)(l->record[GPU_RECORD_FIRST + GPU_SLOT_WORDS] +
                                                                l->record[GPU_RECORD_TABLE_FIRST] * 36),
                         l->record[GPU_RECORD_TABLE_FIRST] * 36 * 2);
        assert_true(l->specs[7] & GPU_LINEAR_HALF);
    }
}

static void what_f16_cannot_hold_is_refused(void **state)
{
    (void)state;
    const pln_constant_use use = {sizeof use, PLN_OP_LINEAR, PLN_LINEAR_INPUT_WEIGHT, 0};
    const pln_host host = {.size = sizeof host, .allocate = allocate, .release = release, .constant_read = read_rows};
    const float within[4] = {65519, -65504, -INFINITY, NAN}, beyond[4] = {0, 0, 65520, 0};
    const struct gpu_limits limits = {.half = true};
    pln_constant_info info = {.size = sizeof info,
                              .name = "dense",
                              .rows = 1,
                              .width = 4,
                              .n_uses = 1,
                              .use_stride = sizeof use,
                              .uses = &use,
                              .plain = within};
    const struct gpu_constant_layout layout = gpu_constant_layout(&limits, &info);
    uint16_t out[4];
    pln_failure error = {.size = sizeof error};
    assert_int_equal(gpu_constant_pack(&host, &info, &layout, out, &error), PLN_OK);
    assert_int_equal(out[2], 0xfc00);
    info.plain = beyond;
    assert_int_equal(gpu_constant_pack(&host, &info, &layout, out, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "storage=f16: dense has 65520"));
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

/* As the text of `linear_matrix` declares its shared arrays. */
static uint32_t matrix_shared(const uint32_t *s)
{
    const uint32_t subgroups = s[1] / s[4] * (s[2] / s[5]);
    return 8 * (s[3] / 4 + 2) * (s[1] + s[2]) + 4 * subgroups * s[9] * s[10];
}

static void f16_weights_are_multiplied_as_matrices(void **state)
{
    (void)state;
    static const pln_linear_params linear = {0};
    static const char *const words[] = {"linear:128x128", "linear:64x64", "linear:32x32"};
    static const struct gpu_matrix matrices[] = {{16, 16, 16, 64}, {16, 16, 16, 32}, {8, 16, 16, 16}, {8, 8, 8, 8}};
    for (uint32_t i = 0; i < 12; i++) {
        const struct gpu_matrix *matrix = &matrices[i / 3];
        assert_true(gpu_matrix_fits(matrix));
        make_linear(512, 64, &linear);
        f.limits.shared_bytes = 32768;
        f.limits.half = true;
        f.limits.matrix = *matrix;
        f.limits.tiles = 1u << gpu_find_word(gpu_tile_words, words[i % 3]);
        assert_int_equal(lower(), PLN_OK);
        const struct gpu_launch *l = &f.launches[0];
        const uint32_t *s = l->specs;
        assert_string_equal(l->kernel, "linear_matrix");
        assert_int_equal(l->tile_rows, 128 >> i % 3);
        assert_int_equal(s[0], s[1] / s[4] * (s[2] / s[5]) * matrix->lanes);
        assert_int_equal(s[1] * s[3] / 4 % s[0], 0); /* each thread loads as many groups of four */
        assert_true(s[4] % s[9] == 0 && s[5] % s[10] == 0 && s[3] % s[11] == 0);
        assert_true(matrix_shared(s) <= f.limits.shared_bytes);
        f.limits.shared_bytes = matrix_shared(s) - 1;
        assert_true(lower() != PLN_OK || f.launches[0].tile_rows < 128u >> i % 3);
    }
    f.limits.half = false; /* a weight in f32 */
    f.limits.shared_bytes = 32768;
    assert_int_equal(lower(), PLN_OK);
    assert_string_equal(f.launches[0].kernel, "linear");
}

static void matrices_that_do_not_fit_are_not_taken(void **state)
{
    (void)state;
    static const struct gpu_matrix matrices[] = {{0, 16, 16, 64},   {16, 16, 16, 0},  {32, 32, 16, 64},
                                                 {16, 16, 16, 128}, {12, 16, 16, 32}, {16, 16, 64, 32}};
    for (uint32_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
        assert_false(gpu_matrix_fits(&matrices[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_of_linear_cover_every_element_once),
        cmocka_unit_test(work_of_windows_adds_up),
        cmocka_unit_test(groups_follow_the_real_rows),
        cmocka_unit_test(windows_of_the_word_table_cover_it),
        cmocka_unit_test(tiles_fit_16_kib),
        cmocka_unit_test(each_word_of_tile_asks_for_that_tile),
        cmocka_unit_test(attention_takes_the_tile_that_is_asked_for),
        cmocka_unit_test(few_tiles_are_cut_along_k),
        cmocka_unit_test(steady_sums_hang_on_no_rows),
        cmocka_unit_test(probabilities_take_a_second_pass),
        cmocka_unit_test(windows_of_keys_are_walked_in_order),
        cmocka_unit_test(listed_keys_are_never_cut),
        cmocka_unit_test(a_loss_ends_in_one_group_that_sees_all_rows),
        cmocka_unit_test(what_cannot_be_bound_is_refused),
        cmocka_unit_test(unknown_operands_are_refused),
        cmocka_unit_test(every_op_has_a_kernel),
        cmocka_unit_test(the_list_of_ops_tells_params_and_states),
        cmocka_unit_test(the_processor_has_rows_where_its_texts_are),
        cmocka_unit_test(steps_have_room_for_the_plugin),
        cmocka_unit_test(constants_are_padded_or_in_panels),
        cmocka_unit_test(weights_of_linear_alone_are_halved),
        cmocka_unit_test(what_f16_cannot_hold_is_refused),
        cmocka_unit_test(options_of_other_kernels_are_said),
        cmocka_unit_test(the_cpu_variant_needs_its_text),
        cmocka_unit_test(f16_weights_are_multiplied_as_matrices),
        cmocka_unit_test(matrices_that_do_not_fit_are_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
