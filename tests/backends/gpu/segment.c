/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tests/backends/gpu/segment.h"

const pln_dim tokens = {TOKENS, 1, 0}, starts_of_batch = {BATCH, 1, 1}, one = {0, 0, 1};

bool cpu_texts;

const struct gpu_text *gpu_text_find(const char *kernel)
{
    static const struct gpu_text text = {"any", "", 0};
    return strstr(kernel, "_cpu") && !cpu_texts ? NULL : &text;
}

struct fixture f;

void begin(uint32_t op, const void *params, uint32_t params_size)
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

int32_t value(pln_value_kind kind, pln_dim rows, uint32_t width, uint32_t row_stride, uint64_t offset)
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

int32_t temporary(pln_dim rows, uint32_t width)
{
    return value(PLN_VALUE_TEMPORARY, rows, width, width, (uint64_t)f.segment.n_values << 24);
}

int32_t constant(uint32_t rows, uint32_t width)
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

pln_status lower(void)
{
    f.n_launches = 0;
    return gpu_lower(&f.limits, &f.segment, 0, keep, NULL, &f.error);
}

void check_bindings(const struct gpu_launch *launch, uint32_t slot, uint32_t first, uint32_t end)
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

void make_linear(uint32_t n, uint32_t k, const pln_linear_params *params)
{
    begin(PLN_OP_LINEAR, params, sizeof *params);
    f.inputs[PLN_LINEAR_INPUT_X] = value(PLN_VALUE_INPUT, tokens, k, 3 * k, 4 * k);
    f.inputs[PLN_LINEAR_INPUT_WEIGHT] = constant(n, k);
    f.outputs[PLN_LINEAR_OUTPUT_Y] = temporary(tokens, n);
}

void make_attention(const pln_attention_params *params)
{
    const uint32_t width = params->heads * params->head_size;
    begin(PLN_OP_ATTENTION, params, sizeof *params);
    for (int32_t i = 0; i < 3; i++)
        f.inputs[i] = value(PLN_VALUE_TEMPORARY, tokens, width, 3 * width, (uint64_t)i * width * 4);
    f.inputs[PLN_ATTENTION_INPUT_STARTS] = temporary(starts_of_batch, 1);
    f.inputs[PLN_ATTENTION_INPUT_PAIR_STARTS] = temporary(starts_of_batch, 1);
    f.outputs[PLN_ATTENTION_OUTPUT_Y] = temporary(tokens, width);
}

void *allocate(void *context, size_t bytes)
{
    (void)context;
    return test_calloc(1, bytes);
}

void release(void *context, void *memory)
{
    (void)context;
    if (memory)
        test_free(memory);
}
