/* SPDX-License-Identifier: Apache-2.0
 *
 * embed_backward: the sum that was normalised is made again, d_y passes dropout, and the rest is a layer_norm_backward.
 */
#include "backends/gpu/ops/passes.h"
#include "backends/gpu/slots.h"

/* ---- scratch: the sum of rows of embed, then d_y behind dropout */

static struct gpu_slot sum_of(const struct gpu_view *node)
{
    const struct gpu_slot *d_y = INPUT(node, EMBED_BACKWARD, D_Y);
    struct gpu_slot sum = gpu_scratch(0, d_y->rows, d_y->width, d_y);
    sum.stride = round_up32(d_y->width, 4);
    return sum;
}

static struct gpu_slot dropped_d_y(const struct gpu_view *node)
{
    struct gpu_slot d_y = sum_of(node);
    d_y.offset = gpu_area(d_y.rows, d_y.stride);
    return d_y;
}

static bool drops_nothing(const struct gpu_view *node)
{
    const pln_embed_backward_params *p = (const void *)node->params;
    return !gpu_drops(p->drop_below, INPUT(node, EMBED_BACKWARD, ORIGIN), INPUT(node, EMBED_BACKWARD, RANDOM));
}

static uint64_t scratch_bytes(const struct gpu_view *node)
{
    const uint64_t sum = dropped_d_y(node).offset;
    return drops_nothing(node) ? sum : 2 * sum;
}

/* ---- the sum */

static void derive_sum(const struct gpu_view *node, struct gpu_view *view)
{
    SET_SLOTS(view, SLOTS_OF(EMBED_SUM), [SLOT(EMBED_SUM, IDS)] = *INPUT(node, EMBED_BACKWARD, IDS),
              [SLOT(EMBED_SUM, EMBEDDINGS)] = *INPUT(node, EMBED_BACKWARD, EMBEDDINGS),
              [SLOT(EMBED_SUM, TOKEN_TYPES)] = *INPUT(node, EMBED_BACKWARD, TOKEN_TYPES),
              [SLOT(EMBED_SUM, POSITIONS)] = *INPUT(node, EMBED_BACKWARD, POSITIONS),
              [SLOT(EMBED_SUM, WORD)] = *INPUT(node, EMBED_BACKWARD, WORD),
              [SLOT(EMBED_SUM, TYPE)] = *INPUT(node, EMBED_BACKWARD, TYPE),
              [SLOT(EMBED_SUM, POSITION)] = *INPUT(node, EMBED_BACKWARD, POSITION),
              [SLOT(EMBED_SUM, SUM)] = gpu_written(sum_of(node)));
}

static const char *tile_sum(const struct gpu_view *view, struct gpu_launch *launch)
{
    static const uint8_t tables[] = {SLOT(EMBED_SUM, WORD), SLOT(EMBED_SUM, TYPE), SLOT(EMBED_SUM, POSITION)};
    for (uint32_t i = 0; i < sizeof tables; i++)
        if (gpu_slot_here(&view->slots[tables[i]]) && view->slots[tables[i]].panel)
            return "a table lies in panels";
    gpu_tile_elements(view, launch, view->slots[SLOT(EMBED_SUM, TYPE)].width);
    SPECS(launch, flag(gpu_slot_here(&view->slots[SLOT(EMBED_SUM, IDS)]), GPU_EMBED_IDS) |
                      flag(gpu_slot_here(&view->slots[SLOT(EMBED_SUM, POSITIONS)]), GPU_EMBED_POSITIONS));
    return NULL;
}

static const struct gpu_kernel embed_sum = {
    .name = "embed_sum",
    .slots = {BIND(EMBED_SUM, IDS, GPU_ROWS), BIND(EMBED_SUM, EMBEDDINGS, GPU_ROWS),
              BIND(EMBED_SUM, TOKEN_TYPES, GPU_ROWS), BIND(EMBED_SUM, POSITIONS, GPU_ROWS),
              BIND(EMBED_SUM, WORD, GPU_ALL), BIND(EMBED_SUM, TYPE, GPU_ALL), BIND(EMBED_SUM, POSITION, GPU_ALL),
              BIND(EMBED_SUM, SUM, GPU_ROWS)},
    .rows = SLOT(EMBED_SUM, SUM),
    .count = SLOT(EMBED_SUM, SUM),
    .tile = tile_sum,
};

/* ---- the other passes */

static void derive_dropout(const struct gpu_view *node, struct gpu_view *view)
{
    const pln_embed_backward_params *p = (const void *)node->params;
    const pln_activation_backward_params params = {
        .site = p->site, .drop_below = p->drop_below, .keep_scale = p->keep_scale};
    SET_SLOTS(view, SCRATCH(ACTIVATION_BACKWARD), [IN(ACTIVATION_BACKWARD, D_Y)] = *INPUT(node, EMBED_BACKWARD, D_Y),
              [IN(ACTIVATION_BACKWARD, ORIGIN)] = *INPUT(node, EMBED_BACKWARD, ORIGIN),
              [IN(ACTIVATION_BACKWARD, RANDOM)] = *INPUT(node, EMBED_BACKWARD, RANDOM),
              [OUT(ACTIVATION_BACKWARD, D_X)] = gpu_written(dropped_d_y(node)));
    gpu_set_params(view, &params, sizeof params);
}

static void derive_norm(const struct gpu_view *node, struct gpu_view *view)
{
    SET_SLOTS(view, SCRATCH(LAYER_NORM_BACKWARD),
              [IN(LAYER_NORM_BACKWARD, D_Y)] =
                  drops_nothing(node) ? *INPUT(node, EMBED_BACKWARD, D_Y) : dropped_d_y(node),
              [IN(LAYER_NORM_BACKWARD, X)] = sum_of(node),
              [IN(LAYER_NORM_BACKWARD, GAMMA)] = *INPUT(node, EMBED_BACKWARD, GAMMA),
              [IN(LAYER_NORM_BACKWARD, MEAN)] = *INPUT(node, EMBED_BACKWARD, MEAN),
              [IN(LAYER_NORM_BACKWARD, RSTD)] = *INPUT(node, EMBED_BACKWARD, RSTD),
              [OUT(LAYER_NORM_BACKWARD, D_GAMMA)] = *OUTPUT(node, EMBED_BACKWARD, D_GAMMA),
              [OUT(LAYER_NORM_BACKWARD, D_BETA)] = *OUTPUT(node, EMBED_BACKWARD, D_BETA),
              [OUT(LAYER_NORM_BACKWARD, D_X)] = *OUTPUT(node, EMBED_BACKWARD, D_X));
}

static void derive_sums(const struct gpu_view *node, struct gpu_view *view)
{
    struct gpu_view norm = *node;
    derive_norm(node, &norm);
    gpu_derive_norm_sums(&norm, view);
}

static bool has_no_d_x(const struct gpu_view *node)
{
    return !gpu_slot_here(OUTPUT(node, EMBED_BACKWARD, D_X));
}

static bool has_no_sums(const struct gpu_view *node)
{
    return !gpu_slot_here(OUTPUT(node, EMBED_BACKWARD, D_GAMMA)) &&
           !gpu_slot_here(OUTPUT(node, EMBED_BACKWARD, D_BETA));
}

const struct gpu_row gpu_row_embed_backward = {
    .trains = true,
    .scratch_bytes = scratch_bytes,
    .passes = {{.kernel = &embed_sum, .derive = derive_sum},
               {.kernel = &gpu_kernel_activation_backward, .derive = derive_dropout, .skip = drops_nothing},
               {.kernel = &gpu_kernel_layer_norm_backward, .derive = derive_norm, .skip = has_no_d_x},
               {.kernel = &gpu_kernel_column_sums, .derive = derive_sums, .skip = has_no_sums}},
};
