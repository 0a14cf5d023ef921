/* SPDX-License-Identifier: Apache-2.0
 *
 * A case as a segment, in pages that a backend is lent: nodes, values and all that they point to, further apart than they
 * are long.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "conformance/instance.h"

enum { NAME_BYTES = 16 };

/* As the host knows it. */
static uint32_t version_of(uint32_t op)
{
    switch (op) {
#define PLN_OP(number, version, NAME, name, inputs, outputs, in_place, params, gradient)                               \
    case number:                                                                                                       \
        return version;
#include "graph/ops.def"
#undef PLN_OP
    default:
        return 1;
    }
}

static pln_value_info value_of(const struct conf_instance *in, const struct conf_case *c, uint32_t i, bool placed)
{
    const bool host = in->target->info.flags & PLN_DEVICE_FLAG_HOST_MEMORY;
    const uint64_t wide = in->target->info.f32_bytes, place_bytes = wide > 4 ? wide : 4;
    const struct conf_value *v = &c->values[i];
    pln_value_info value = {.size = sizeof value + CONF_GROWN,
                            .kind = v->kind,
                            .dtype = v->dtype,
                            .layout = v->layout,
                            .flags = v->flags | (v->kind == PLN_VALUE_TEMPORARY ? PLN_VALUE_READ_OUTSIDE : 0),
                            .width = v->width,
                            .row_stride = v->stride,
                            .rows = v->rows};
    if (!placed)
        return value;
    const uint32_t base = v->base == PLN_ABSENT ? i : (uint32_t)v->base;
    value.constant = in->constants[i];
    if (v->kind == PLN_VALUE_CONSTANT)
        return value;
    if (host)
        value.data = in->image + in->places[base] + v->first;
    else {
        value.buffer = in->buffer;
        value.offset = in->places[base] * place_bytes + v->first * (v->dtype == PLN_F32 ? wide : 4);
    }
    return value;
}

/* Room at the end of what is lent, aligned to 16. */
static void *take(char **at, size_t bytes)
{
    void *room = *at;
    *at += (bytes + 15) & ~(size_t)15;
    return room;
}

static void *copy(char **at, const void *from, size_t bytes)
{
    void *room = take(at, bytes);
    if (bytes)
        memcpy(room, from, bytes);
    return room;
}

static char *name(char **at, const char *what, uint32_t i)
{
    char *room = take(at, NAME_BYTES);
    snprintf(room, NAME_BYTES, "%s %u", what, i);
    return room;
}

static pln_node_info node_of(const struct conf_node *n, uint32_t i, char **at)
{
    return (pln_node_info){.size = sizeof(pln_node_info) + CONF_GROWN,
                           .op = n->op,
                           .version = n->version ? n->version : version_of(n->op),
                           .flags = n->flags,
                           .name = name(at, "node", i),
                           .params = copy(at, n->params, n->params_size),
                           .params_size = n->params_size,
                           .n_inputs = n->n_inputs,
                           .n_outputs = n->n_outputs,
                           .inputs = copy(at, n->inputs, n->n_inputs * sizeof *n->inputs),
                           .outputs = copy(at, n->outputs, n->n_outputs * sizeof *n->outputs),
                           .flops = 1000000,
                           .bytes = 1000000};
}

static bool borrow_pages(struct conf_instance *in)
{
    enum { BYTES = 1 << 16 };
    if (in->lent)
        return mprotect(in->lent, in->lent_bytes, PROT_READ | PROT_WRITE) == 0;
    void *pages = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    in->lent = pages == MAP_FAILED ? NULL : pages;
    in->lent_bytes = BYTES;
    return in->lent;
}

bool conf_lend(struct conf_instance *in, const struct conf_case *c, bool placed)
{
    enum { NODE_STRIDE = sizeof(pln_node_info) + CONF_GROWN, VALUE_STRIDE = sizeof(pln_value_info) + CONF_GROWN };
    if (!borrow_pages(in))
        return false;
    memset(in->lent, CONF_GROWN_BYTE, in->lent_bytes);
    char *at = in->lent;
    in->segment = take(&at, sizeof *in->segment + CONF_GROWN);
    char *values = take(&at, (size_t)c->n_values * VALUE_STRIDE), *nodes = take(&at, (size_t)c->n_nodes * NODE_STRIDE);
    for (uint32_t i = 0; i < c->n_values; i++) {
        pln_value_info value = value_of(in, c, i, placed);
        value.name = name(&at, "value", i);
        memcpy(values + (size_t)i * VALUE_STRIDE, &value, sizeof value);
    }
    for (uint32_t i = 0; i < c->n_nodes; i++) {
        const pln_node_info node = node_of(&c->nodes[i], i, &at);
        memcpy(nodes + (size_t)i * NODE_STRIDE, &node, sizeof node);
    }
    const uint32_t n_symbols = c->n_symbols ? c->n_symbols : 1;
    *in->segment = (pln_segment){.size = sizeof *in->segment + CONF_GROWN,
                                 .flags = in->flags,
                                 .n_nodes = c->n_nodes,
                                 .node_stride = NODE_STRIDE,
                                 .nodes = (const pln_node_info *)(void *)nodes,
                                 .n_values = c->n_values,
                                 .value_stride = VALUE_STRIDE,
                                 .values = (const pln_value_info *)(void *)values,
                                 .n_symbols = n_symbols,
                                 .capacity = copy(&at, c->capacity, n_symbols * sizeof *c->capacity)};
    return true;
}
