/* SPDX-License-Identifier: Apache-2.0
 *
 * Stands in for backends/gpu/ so that the OpenCL host code is tested alone: every node becomes one launch of a kernel
 * that doubles the rows of its only input into its only output.
 */
#include <string.h>

#include "backends/gpu/gpu.h"
#include "tests/backends/opencl/fake_gpu.h"

enum { THREADS = 64 };

const char *fake_source =
    "kernel void twice(global const uint *words, global const float *x, global float *y, uint record)\n"
    "{\n"
    "    global const uint *slot = words + record + 32;\n"
    "    uint row = get_group_id(0), rows = words[1];\n"
    "    for (uint c = get_local_id(0); row < rows && c < 100; c += get_local_size(0))\n"
    "        y[slot[3] + row * slot[4] + c] = 2.0f * x[slot[0] + row * slot[1] + c];\n"
    "}\n";
const char *fake_kernel = "twice";

uint32_t gpu_launch_groups(const struct gpu_launch *launch, const uint32_t *dims)
{
    return pln_dim_rows(launch->rows, dims);
}

void gpu_supports(const struct gpu_limits *limits, const pln_segment *segment, uint32_t node, pln_verdict *verdict)
{
    (void)limits;
    verdict->supported = pln_segment_node(segment, node)->op == FAKE_OP;
}

pln_status gpu_lower(const struct gpu_limits *limits, const pln_segment *segment, uint32_t node, gpu_emit_fn *emit,
                     void *context, pln_failure *error)
{
    const pln_node_info *info = pln_segment_node(segment, node);
    int32_t values[2] = {info->inputs[0], info->outputs[0]};
    struct gpu_launch launch = {
        .kernel = fake_kernel,
        .workgroup = THREADS,
        .n_specs = 1,
        .specs = {THREADS},
        .n_bindings = 2,
        .n_words = GPU_RECORD_SLOTS + 2 * GPU_SLOT_WORDS,
        .scratch_bytes = 1024,
    };
    (void)limits;
    for (uint32_t i = 0; i < 2; i++) {
        const pln_value_info *value = pln_segment_value(segment, values[i]);
        launch.bindings[i] =
            (struct gpu_binding){.value = values[i], .offset = value->offset, .element = sizeof(float)};
        launch.record[GPU_RECORD_STRIDE + i * GPU_SLOT_WORDS] = value->row_stride;
        launch.rows = value->rows;
    }
    return emit(context, &launch, error);
}

struct gpu_constant_layout gpu_constant_layout(const struct gpu_limits *limits, const pln_constant_info *info)
{
    (void)limits;
    return (struct gpu_constant_layout){.rows = info->rows, .width = info->width, .stride = info->width};
}

uint64_t gpu_constant_bytes(const struct gpu_constant_layout *layout)
{
    return (uint64_t)layout->rows * layout->width * 4;
}

pln_status gpu_constant_pack(const pln_host *host, const pln_constant_info *info,
                             const struct gpu_constant_layout *layout, void *out, pln_failure *error)
{
    (void)host, (void)error;
    memcpy(out, info->plain, gpu_constant_bytes(layout));
    return PLN_OK;
}

const struct gpu_text *gpu_text_find(const char *kernel)
{
    static struct gpu_text text;
    text = (struct gpu_text){.kernel = kernel, .bytes = fake_source, .size = strlen(fake_source)};
    return strcmp(kernel, "absent") == 0 ? NULL : &text;
}
