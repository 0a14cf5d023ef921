/* SPDX-License-Identifier: Apache-2.0
 *
 * What constants are used for: which operands of which ops they are, each once, in the order in which they are met, as
 * many as there are. Header-only, so that plugins can use it too.
 */
#ifndef COMMON_USES_H
#define COMMON_USES_H

#include <stdbool.h>
#include <string.h>

#include "api/pleione_backend.h"

/* Of one value: n entries of a list that has room for all its operands. */
struct uses {
    pln_constant_use *list;
    uint32_t n;
};

static inline void uses_add(struct uses *uses, uint32_t op, uint32_t input)
{
    for (uint32_t i = 0; i < uses->n; i++)
        if (uses->list[i].op == op && uses->list[i].input == input)
            return;
    uses->list[uses->n++] = (pln_constant_use){.size = sizeof *uses->list, .op = op, .input = input};
}

/* An entry that is there is used for at least so many rows. */
static inline void uses_hint(struct uses *uses, uint32_t op, uint32_t input, uint32_t rows)
{
    for (uint32_t i = 0; i < uses->n; i++)
        if (uses->list[i].op == op && uses->list[i].input == input && uses->list[i].rows < rows)
            uses->list[i].rows = rows;
}

/* Of each value of a segment: new, uses_release gives it back; NULL if there is no memory. One walk over the nodes. */
static inline struct uses *uses_create(const pln_host *host, const pln_segment *segment)
{
    size_t operands = 0;
    for (uint32_t i = 0; i < segment->n_nodes; i++)
        operands += pln_segment_node(segment, i)->n_inputs;
    const size_t bytes = segment->n_values * sizeof(struct uses);
    struct uses *uses = host->allocate(host->context, bytes + operands * sizeof(pln_constant_use) + 1);
    if (!uses)
        return NULL;
    memset(uses, 0, bytes);
    for (uint32_t i = 0; i < segment->n_nodes; i++)
        for (uint32_t j = 0; j < pln_segment_node(segment, i)->n_inputs; j++)
            if (pln_segment_node(segment, i)->inputs[j] >= 0)
                uses[pln_segment_node(segment, i)->inputs[j]].n++;
    pln_constant_use *list = (pln_constant_use *)(void *)(uses + segment->n_values);
    for (uint32_t i = 0; i < segment->n_values; i++) {
        uses[i].list = list;
        list += uses[i].n;
        uses[i].n = 0;
    }
    for (uint32_t i = 0; i < segment->n_nodes; i++) {
        const pln_node_info *node = pln_segment_node(segment, i);
        for (uint32_t j = 0; j < node->n_inputs; j++)
            if (node->inputs[j] >= 0)
                uses_add(&uses[node->inputs[j]], node->op, j);
    }
    return uses;
}

static inline void uses_release(const pln_host *host, struct uses *uses)
{
    if (uses)
        host->release(host->context, uses);
}
#endif
