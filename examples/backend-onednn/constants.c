/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights: packed for products, by rows for all else, both where both use them.
 */
#include "onednn.h"

void constant_destroy(pln_device *device, pln_constant **constant)
{
    const pln_host *host = device->host;
    if (*constant) {
        host->release(host->context, (*constant)->own);
        host->release(host->context, (*constant)->packed);
        host->release(host->context, *constant);
    }
    *constant = NULL;
}

/* Dense rows: the host's, or our own copy. */
static int take_rows(pln_constant *c, const pln_host *host, const pln_constant_info *info)
{
    c->rows = info->plain;
    if (c->rows)
        return 1;
    c->rows = c->own = host->allocate(host->context, (size_t)info->rows * info->width * sizeof *c->own);
    if (c->own)
        host->constant_read(host->context, info, 0, info->rows, c->own);
    return c->own != NULL;
}

static int pack(pln_device *device, pln_constant *c, const pln_constant_info *info)
{
    if (!weight_layout(device, info->rows, info->width, &c->layout))
        return 0;
    c->packed = device->host->allocate(device->host->context, dnnl_memory_desc_get_size(&c->layout));
    return c->packed && pack_weight(device, info->rows, info->width, c->rows, &c->layout, c->packed);
}

pln_status constant_create(pln_device *device, const pln_constant_info *info, pln_constant **constant,
                           pln_failure *failure)
{
    const pln_host *host = device->host;
    int matrix = 0, by_rows = 0;
    for (uint32_t i = 0; i < info->n_uses; i++) {
        const pln_constant_use *use = pln_constant_use_at(info, i);
        const int product = use->op == PLN_OP_LINEAR && use->input == PLN_LINEAR_INPUT_WEIGHT;
        matrix |= product;
        by_rows |= !product;
    }
    if (info->layout != PLN_LAYOUT_ROWS)
        return pln_failed(failure, PLN_UNSUPPORTED, -1, "onednn: %s lies in a layout that is not known", info->name);
    pln_constant *c = host->allocate(host->context, sizeof *c);
    if (!c || !take_rows(c, host, info) || (matrix && !pack(device, c, info))) {
        constant_destroy(device, &c);
        return pln_failed(failure, PLN_NO_MEMORY, -1, "onednn: %s cannot be packed", info->name);
    }
    if (!by_rows && c->own) {
        host->release(host->context, c->own);
        c->own = NULL;
        c->rows = NULL;
    }
    *constant = c;
    return PLN_OK;
}
