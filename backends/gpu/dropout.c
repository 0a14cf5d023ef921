/* SPDX-License-Identifier: Apache-2.0
 *
 * Dropout of linear and embed: a pass of its own over y, by the kernel of `activation`, which adds the residual too.
 */
#include "backends/gpu/derive.h"

struct drop {
    uint32_t y, residual, origin, random; /* slots; residual SLOT_NONE: the op has none */
    pln_activation_params params;
};

enum { SLOT_NONE = UINT32_MAX };

static struct drop drop_of(const struct gpu_view *view)
{
    if (view->node->op == PLN_OP_LINEAR) {
        const pln_linear_params *p = (const void *)view->params;
        return (struct drop){PLN_LINEAR_INPUTS + PLN_LINEAR_OUTPUT_Y,
                             PLN_LINEAR_INPUT_RESIDUAL,
                             PLN_LINEAR_INPUT_ORIGIN,
                             PLN_LINEAR_INPUT_RANDOM,
                             {.site = p->site, .drop_below = p->drop_below, .keep_scale = p->keep_scale}};
    }
    const pln_embed_params *p = (const void *)view->params;
    return (struct drop){PLN_EMBED_INPUTS + PLN_EMBED_OUTPUT_Y,
                         SLOT_NONE,
                         PLN_EMBED_INPUT_ORIGIN,
                         PLN_EMBED_INPUT_RANDOM,
                         {.site = p->site, .drop_below = p->drop_below, .keep_scale = p->keep_scale}};
}

bool gpu_drops(const struct gpu_view *view)
{
    const struct drop d = drop_of(view);
    return d.params.drop_below && gpu_slot_here(&view->slots[d.origin]) && gpu_slot_here(&view->slots[d.random]);
}

void gpu_derive_dropout(const struct gpu_view *node, struct gpu_view *view)
{
    const struct drop d = drop_of(node);
    struct gpu_slot x = node->slots[d.y];
    x.output = false;
    gpu_set_slots(view, 5,
                  (struct gpu_slot[]){x, d.residual == SLOT_NONE ? gpu_absent() : node->slots[d.residual],
                                      node->slots[d.origin], node->slots[d.random], node->slots[d.y]});
    gpu_set_params(view, &d.params, sizeof d.params);
}
