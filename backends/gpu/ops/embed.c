/* SPDX-License-Identifier: Apache-2.0
 *
 * embed: a work-group a token; dropout is a pass of its own.
 */
#include "backends/gpu/ops/passes.h"
#include "backends/gpu/slots.h"

static const uint8_t tables[] = {IN(EMBED, TYPE), IN(EMBED, POSITION), IN(EMBED, GAMMA), IN(EMBED, BETA),
                                 IN(EMBED, WORD)};

/* Columns of panels are no groups of four: the kernel has another way to them. */
static bool has_whole_tables(const struct gpu_view *view)
{
    bool whole = true;
    for (uint32_t i = 0; i < sizeof tables; i++)
        whole &= view->slots[tables[i]].panel || gpu_slot_whole(&view->slots[tables[i]]);
    return whole;
}

static const char *accepts_embed(const struct gpu_view *view)
{
    for (uint32_t i = 0; i < sizeof tables; i++)
        if (view->slots[tables[i]].panel && tables[i] != IN(EMBED, WORD))
            return "a table other than that of words lies in panels";
    return NULL;
}

static const char *tile_embed(const struct gpu_view *view, struct gpu_launch *launch)
{
    const uint32_t flags = WHOLE(view, OUT(EMBED, Y), IN(EMBED, EMBEDDINGS)) |
                           flag(gpu_slot_here(INPUT(view, EMBED, IDS)), GPU_EMBED_IDS) |
                           flag(gpu_slot_here(INPUT(view, EMBED, POSITIONS)), GPU_EMBED_POSITIONS) |
                           flag(gpu_slot_here(OUTPUT(view, EMBED, MEAN)), GPU_EMBED_MEAN) |
                           flag(gpu_slot_here(OUTPUT(view, EMBED, RSTD)), GPU_EMBED_RSTD) |
                           flag(INPUT(view, EMBED, WORD)->panel != 0, GPU_EMBED_PANELS) |
                           flag(has_whole_tables(view), GPU_EMBED_TABLES);
    return gpu_tile_row(view, launch, OUTPUT(view, EMBED, Y)->width, flags);
}

static const struct gpu_kernel embed = {
    .name = "embed",
    .slots = {BIND_INPUT(EMBED, EMBED, IDS, GPU_ROWS), BIND_INPUT(EMBED, EMBED, EMBEDDINGS, GPU_ROWS),
              BIND_INPUT(EMBED, EMBED, TOKEN_TYPES, GPU_ROWS), BIND_INPUT(EMBED, EMBED, POSITIONS, GPU_ROWS),
              BIND_INPUT(EMBED, EMBED, WORD, GPU_TABLE), BIND_INPUT(EMBED, EMBED, TYPE, GPU_ALL),
              BIND_INPUT(EMBED, EMBED, POSITION, GPU_ALL), BIND_INPUT(EMBED, EMBED, GAMMA, GPU_ALL),
              BIND_INPUT(EMBED, EMBED, BETA, GPU_ALL), BIND_OUTPUT(EMBED, EMBED, Y, GPU_ROWS),
              BIND_OUTPUT(EMBED, EMBED, MEAN, GPU_ROWS), BIND_OUTPUT(EMBED, EMBED, RSTD, GPU_ROWS)},
    .rows = OUT(EMBED, Y),
    .count = OUT(EMBED, Y),
    .tile = tile_embed,
};

static bool drops_nothing(const struct gpu_view *node)
{
    const pln_embed_params *p = (const void *)node->params;
    return !gpu_drops(p->drop_below, INPUT(node, EMBED, ORIGIN), INPUT(node, EMBED, RANDOM));
}

static void derive_dropout(const struct gpu_view *node, struct gpu_view *view)
{
    const pln_embed_params *p = (const void *)node->params;
    gpu_derive_dropout(view, &(struct gpu_dropout){.y = OUTPUT(node, EMBED, Y),
                                                   .origin = INPUT(node, EMBED, ORIGIN),
                                                   .random = INPUT(node, EMBED, RANDOM),
                                                   .site = p->site,
                                                   .drop_below = p->drop_below,
                                                   .keep_scale = p->keep_scale});
}

const struct gpu_row gpu_row_embed = {
    .trains = true,
    .accepts = accepts_embed,
    .passes = {{.kernel = &embed}, {.kernel = &gpu_kernel_activation, .derive = derive_dropout, .skip = drops_nothing}},
};
