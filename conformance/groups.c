/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of groups of cases: one an op, and those of several; and the level that a case belongs to.
 */
#include "conformance/harness.h"

bool conf_quick;

const struct conf_group conf_groups[] = {
#define PLN_OP(number, version, NAME, name, inputs, outputs, in_place, params, gradient)                               \
    {PLN_OP_##NAME, #name, conf_##name},
#include "graph/ops.def"
#undef PLN_OP
    {PLN_OP_LINEAR, "linear_forms", conf_linear_forms},
    {PLN_OP_LINEAR, "linear_sizes", conf_linear_sizes},
    {PLN_OP_LINEAR, "linear_pairs", conf_linear_pairs},
    {0, "sizes", conf_sizes},
    {0, "trained", conf_trained},
    {0, "specials", conf_specials},
    {0, "empty", conf_empty},
    {0, "tied", conf_tied},
    {0, "chain", conf_chain},
    {0, "masked", conf_masked},
    {0, "means", conf_means},
    {0, "equal_numbers", conf_equal_numbers},
    {0, "kept", conf_kept},
};
const uint32_t conf_n_groups = sizeof conf_groups / sizeof *conf_groups;

/* Judged in a half type: products, alone and with what stands round them. */
conf_fill *const conf_half_groups[] = {conf_halves, conf_linear, conf_linear_forms, conf_chain};
const uint32_t conf_n_half_groups = sizeof conf_half_groups / sizeof *conf_half_groups;

/* Which input of an op that has dropout brings its words. */
static uint32_t random_input_of(uint32_t op)
{
    switch (op) {
    case PLN_OP_EMBED:
        return PLN_EMBED_INPUT_RANDOM;
    case PLN_OP_LINEAR:
        return PLN_LINEAR_INPUT_RANDOM;
    case PLN_OP_ATTENTION:
        return PLN_ATTENTION_INPUT_RANDOM;
    case PLN_OP_ACTIVATION:
        return PLN_ACTIVATION_INPUT_RANDOM;
    default:
        return CONF_OPERANDS;
    }
}

/* What inference keeps in states: rows that are written, and the keys and values that are read from them. */
static bool keeps(const struct conf_node *n, uint32_t input)
{
    return n->op == PLN_OP_SCATTER ||
           (n->op == PLN_OP_ATTENTION && (input == PLN_ATTENTION_INPUT_KEY || input == PLN_ATTENTION_INPUT_VALUE));
}

static bool is_for_training(const struct conf_case *c, const struct conf_node *n)
{
    if (n->op > PLN_OP_SEGMENT_MEAN && n->op != PLN_OP_SCATTER)
        return true;
    const uint32_t random = random_input_of(n->op);
    if (random < CONF_OPERANDS && n->inputs[random] != PLN_ABSENT)
        return true;
    for (uint32_t i = 1; i < n->n_outputs; i++)
        if (n->outputs[i] != PLN_ABSENT)
            return true;
    for (uint32_t i = 0; i < n->n_inputs; i++)
        if (n->inputs[i] != PLN_ABSENT && c->values[n->inputs[i]].kind == PLN_VALUE_STATE && !keeps(n, i))
            return true;
    return false;
}

uint32_t conf_level_of(const struct conf_case *c)
{
    for (uint32_t i = 0; i < c->n_nodes; i++)
        if (is_for_training(c, &c->nodes[i]))
            return 2;
    return 1;
}
