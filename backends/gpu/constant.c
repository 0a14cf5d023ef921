/* SPDX-License-Identifier: Apache-2.0
 *
 * How weights lie in device memory: rows padded with zeros to groups of four, f32 or f16, or panels of rows, K-major,
 * for `linear` on a CPU-type device.
 */
#include <math.h>
#include <string.h>

#include "backends/gpu/table.h"
#include "common/half.h"
#include "common/round.h"

bool gpu_panels(const struct gpu_limits *limits)
{
    return limits->cpu_variant && gpu_text_find("linear_cpu");
}

static bool is_product(const pln_constant_use *use)
{
    return use->op == PLN_OP_LINEAR && use->input == PLN_LINEAR_INPUT_WEIGHT;
}

struct gpu_constant_layout gpu_constant_layout(const struct gpu_limits *limits, const pln_constant_info *info)
{
    struct gpu_constant_layout layout = {.rows = info->rows, .width = round_up32(info->width, 4)};
    uint32_t products = 0, words = 0;
    for (uint32_t i = 0; i < info->n_uses; i++) {
        const pln_constant_use *use = pln_constant_use_at(info, i);
        products += is_product(use);
        words += use->op == PLN_OP_EMBED && use->input == PLN_EMBED_INPUT_WORD;
    }
    /* Others read rows; a product makes panels of them for each run. */
    if (products && products + words == info->n_uses && gpu_panels(limits))
        layout.panel = GPU_PANEL_ROWS;
    layout.half = limits->half && !layout.panel && products && products == info->n_uses;
    if (layout.panel)
        layout.rows = round_up32(info->rows, GPU_PANEL_ROWS);
    else
        layout.stride = layout.width;
    return layout;
}

uint64_t gpu_constant_bytes(const struct gpu_constant_layout *layout)
{
    return (uint64_t)layout->rows * layout->width * (layout->half ? sizeof(uint16_t) : sizeof(float));
}

/* False, and which column, for a number that f16 would make infinite. */
static bool place_half_row(const struct gpu_constant_layout *layout, uint32_t r, const float *row, uint32_t width,
                           uint16_t *out, uint32_t *at)
{
    for (*at = 0; *at < width; ++*at) {
        const uint16_t half = float_to_half(row[*at]);
        if ((half & 0x7fffu) == 0x7c00u && !isinf(row[*at]))
            return false;
        out[(uint64_t)r * layout->stride + *at] = half;
    }
    return true;
}

static void place_row(const struct gpu_constant_layout *layout, uint32_t r, const float *row, uint32_t width,
                      float *out)
{
    const uint32_t panel = layout->panel ? layout->panel : 1;
    float *to = out + (uint64_t)(r / panel) * panel * layout->width + r % panel;
    for (uint32_t c = 0; c < width; c++)
        to[(uint64_t)c * panel] = row[c];
}

pln_status gpu_constant_pack(const pln_host *host, const pln_constant_info *info,
                             const struct gpu_constant_layout *layout, void *out, pln_failure *error)
{
    pln_status status = PLN_OK;
    uint32_t column;
    if (info->layout != PLN_LAYOUT_ROWS)
        return pln_failed(error, PLN_UNSUPPORTED, -1, "constant %s has a layout that this build does not know",
                          info->name ? info->name : "without a name");
    float *row = info->plain ? NULL : host->allocate(host->context, info->width * sizeof(float));
    if (!info->plain && !row)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no host memory for a row of %u numbers", info->width);
    memset(out, 0, gpu_constant_bytes(layout));
    for (uint32_t r = 0; status == PLN_OK && r < info->rows; r++) {
        if (row)
            host->constant_read(host->context, info, r, 1, row);
        const float *from = row ? row : info->plain + (uint64_t)r * info->width;
        if (!layout->half)
            place_row(layout, r, from, info->width, out);
        else if (!place_half_row(layout, r, from, info->width, out, &column))
            status =
                pln_failed(error, PLN_INVALID, -1,
                           "option storage=f16: %s has %g in row %u, and f16 ends at 65504: keep the weights in f32",
                           info->name ? info->name : "a weight", (double)from[column], r);
    }
    host->release(host->context, row);
    return status;
}
