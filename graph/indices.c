/* SPDX-License-Identifier: Apache-2.0
 *
 * indices.def as a table.
 */
#include "graph/graph.h"

#define NONE 0
#define PARAM(name, field) (uint32_t)(1 + offsetof(pln_##name##_params, field) / sizeof(uint32_t))

static const struct graph_index rows[] = {
#define PLN_INDEX(NAME, OPERAND, RULE, OTHER, param)                                                                   \
    {PLN_OP_##NAME, PLN_##NAME##_INPUT_##OPERAND, GRAPH_INDEX_##RULE, PLN_##NAME##_INPUT_##OTHER, param},
#include "graph/indices.def"
#undef PLN_INDEX
};

const struct graph_index *graph_index(const struct graph_node *node, uint32_t input)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].op == node->op && rows[i].input == input && node->inputs[rows[i].other])
            return &rows[i];
    return NULL;
}
