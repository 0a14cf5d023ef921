/* SPDX-License-Identifier: Apache-2.0
 *
 * Stands in for backends/gpu/ so that the host side of the Vulkan plugin is tested alone: a node of any op is
 * y = 2 x + bias, in two passes over scratch, each in windows of rows that fit max_range.
 */
#include <string.h>

#include "backends/gpu/gpu.h"

enum { THREADS = 64 };

static const uint32_t affine[] =
#include "affine.inc"
    ;

const struct gpu_text *gpu_text_find(const char *kernel)
{
    static const struct gpu_text text = {"affine", affine, sizeof affine};
    return strcmp(kernel, text.kernel) == 0 ? &text : NULL;
}

const char gpu_matrix_kernel[] = "linear_matrix"; /* which is none of its texts */

bool gpu_matrix_fits(const struct gpu_matrix *matrix)
{
    return matrix->lanes > 0;
}

uint32_t gpu_launch_groups(const struct gpu_launch *launch, const uint32_t *dims)
{
    uint32_t rows = pln_dim_rows(launch->rows, dims);
    uint32_t left = rows > launch->first_row ? rows - launch->first_row : 0;
    return left < launch->window_rows ? left : launch->window_rows;
}

void gpu_supports(const struct gpu_limits *limits, const pln_segment *segment, uint32_t node, pln_verdict *verdict)
{
    (void)limits;
    verdict->supported = pln_segment_node(segment, node)->n_inputs == 2;
}

static struct gpu_launch describe(const pln_value_info *x, uint32_t pass, uint32_t first, uint32_t window)
{
    return (struct gpu_launch){
        .kernel = "affine",
        .workgroup = THREADS,
        .n_specs = 2,
        .specs = {THREADS, pass},
        .n_bindings = 4,
        .n_words = 5,
        .record = {x->rows.symbol, first, window, x->width, 0},
        .rows = x->rows,
        .first_row = first,
        .window_rows = window,
        .rows_per_group = 1,
        .columns = 1,
        .flops = (uint64_t)window * x->width,
        .bytes = (uint64_t)window * x->width * 8,
    };
}

pln_status gpu_lower(const struct gpu_limits *limits, const pln_segment *segment, uint32_t node, gpu_emit_fn *emit,
                     void *context, pln_failure *error)
{
    const pln_node_info *info = pln_segment_node(segment, node);
    const pln_value_info *x = pln_segment_value(segment, info->inputs[0]);
    const pln_value_info *y = pln_segment_value(segment, info->outputs[0]);
    const uint64_t row = x->width * sizeof(float);
    const uint32_t rows = pln_dim_rows(x->rows, segment->capacity);
    const uint32_t fit = limits->max_range / row < rows ? (uint32_t)(limits->max_range / row) / 64 * 64 : rows;
    for (uint32_t pass = 0; pass < 2; pass++)
        for (uint32_t first = 0; first < rows; first += fit) {
            uint32_t window = rows - first < fit ? rows - first : fit;
            struct gpu_launch launch = describe(x, pass, first, window);
            struct gpu_binding scratch = {GPU_BIND_SCRATCH, first * row, window * row, pass == 0, sizeof(float)};
            struct gpu_binding none = {.value = GPU_BIND_NONE};
            launch.scratch_bytes = rows * row;
            launch.bindings[0] = pass ? scratch
                                      : (struct gpu_binding){info->inputs[0], x->offset + first * row, window * row,
                                                             false, sizeof(float)};
            launch.bindings[1] = pass ? (struct gpu_binding){info->inputs[1], 0, row, false, sizeof(float)} : none;
            launch.bindings[2] = pass ? (struct gpu_binding){info->outputs[0], y->offset + first * row, window * row,
                                                             true, sizeof(float)}
                                      : scratch;
            launch.bindings[3] = (struct gpu_binding){.value = GPU_BIND_NONE, .written = true};
            pln_status status = emit(context, &launch, error);
            if (status != PLN_OK)
                return status;
        }
    return PLN_OK;
}

struct gpu_constant_layout gpu_constant_layout(const struct gpu_limits *limits, const pln_constant_info *info)
{
    (void)limits;
    return (struct gpu_constant_layout){.rows = info->rows, .width = info->width, .stride = info->width};
}

uint64_t gpu_constant_bytes(const struct gpu_constant_layout *layout)
{
    return (uint64_t)layout->rows * layout->width * sizeof(float);
}

pln_status gpu_constant_pack(const pln_host *host, const pln_constant_info *info,
                             const struct gpu_constant_layout *layout, void *out, pln_failure *error)
{
    (void)host, (void)error;
    memcpy(out, info->plain, gpu_constant_bytes(layout));
    return PLN_OK;
}
