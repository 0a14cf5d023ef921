/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes of a host that is newer than the backend, and whether it takes them: of every op that it takes at all.
 */
#include <stdio.h>
#include <stdlib.h>

#include "conformance/bench.h"
#include "conformance/instance.h"

/* What is more than this build knows of an op. */
struct newer {
    const char *what;
    uint32_t version, op, extra_params, extra_inputs, extra_outputs;
    uint32_t kind, dtype, layout, value_flags, node_flags; /* of its first input, and of itself */
    bool filled;                                           /* the params behind the known ones are not zero */
    bool taken;
};
static const struct newer newer_nodes[] = {
    {"as it is", .taken = true},
    {"params that are longer, by zeros", .extra_params = 2, .taken = true},
    {"an input more that is absent", .extra_inputs = 1, .taken = true},
    {"params that are longer, and not zero", .extra_params = 2, .filled = true},
    {"an input more", .extra_inputs = 1, .filled = true},
    {"an output more", .extra_outputs = 1, .filled = true},
    {"a later version", .version = 1000},
    {"an op of an unknown number", .op = 9999},
    {"op number 0", .op = UINT32_MAX},
    {"a hint on its x that is not known", .value_flags = 1u << 15, .taken = true},
    {"a hint on itself that is not known", .node_flags = 1u << 15, .taken = true},
    {"a flag on its x that it must know", .value_flags = 1u << 16},
    {"a flag on itself that it must know", .node_flags = 1u << 31},
    {"an x of a kind that is none", .kind = 77},
    {"an x of f16", .dtype = PLN_F16},
    {"an x of a dtype that is none", .dtype = 77},
    {"an x of another layout", .layout = 5},
};

static enum conf_verdict ask(const struct conf_target *t, const struct conf_case *c, const struct newer *n, char *why,
                             size_t bytes)
{
    struct conf_instance in = {.target = t};
    struct conf_case *more = malloc(sizeof *more);
    if (!more)
        return CONF_FAILED;
    *more = *c;
    struct conf_node *node = &more->nodes[more->n_nodes - 1];
    for (uint32_t i = 0; i < n->extra_params; i++)
        node->params[node->params_size / 4 + i] = n->filled && i ? 7 : 0;
    node->params_size += 4 * n->extra_params;
    for (uint32_t i = 0; i < n->extra_inputs; i++)
        node->inputs[node->n_inputs++] = n->filled ? 0 : PLN_ABSENT;
    for (uint32_t i = 0; i < n->extra_outputs; i++)
        node->outputs[node->n_outputs++] = 0;
    node->version = n->version;
    node->flags = n->node_flags;
    for (uint32_t i = 0; i < node->n_inputs; i++)
        if (node->inputs[i] != PLN_ABSENT) {
            struct conf_value *x = &more->values[node->inputs[i]];
            x->kind = n->kind ? n->kind : x->kind;
            x->dtype = n->dtype ? n->dtype : x->dtype;
            x->layout = n->layout;
            x->flags = n->value_flags;
            break;
        }
    if (n->op)
        node->op = n->op == UINT32_MAX ? 0 : n->op;
    const enum conf_verdict verdict = conf_instance_view(&in, more, why, bytes);
    conf_instance_close(&in);
    free(more);
    return verdict;
}

/* Operands that a case leaves out at the end are there as absent ones, so that one more is one that nobody knows. */
static void complete(struct conf_case *c)
{
    static const struct {
        uint32_t op, inputs, outputs;
    } known[] = {
#define PLN_OP(number, version, NAME, name, inputs, outputs, in_place, params, gradient)                               \
    {number, PLN_##NAME##_INPUTS, PLN_##NAME##_OUTPUTS},
#include "graph/ops.def"
#undef PLN_OP
    };
    struct conf_node *node = &c->nodes[c->n_nodes - 1];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].op == node->op) {
            node->n_inputs = known[i].inputs;
            node->n_outputs = known[i].outputs;
        }
}

enum conf_verdict conf_try_growth(struct conf_bench *bench, const struct conf_test *test, char *why, size_t bytes)
{
    struct conf_case *c = malloc(sizeof *c);
    uint32_t index;
    if (!c || !conf_first_taken(&bench->target, test->group, 0, c, &index, why, bytes)) {
        free(c);
        return CONF_REFUSED;
    }
    enum conf_verdict verdict = CONF_PASSED;
    complete(c);
    for (size_t i = 0; verdict == CONF_PASSED && i < sizeof newer_nodes / sizeof *newer_nodes; i++) {
        const enum conf_verdict asked = ask(&bench->target, c, &newer_nodes[i], why, bytes);
        if (asked == (newer_nodes[i].taken ? CONF_PASSED : CONF_REFUSED))
            continue;
        snprintf(why, bytes, "%s with %s is %s", conf_op_name(c->nodes[c->n_nodes - 1].op), newer_nodes[i].what,
                 asked == CONF_PASSED    ? "taken"
                 : asked == CONF_REFUSED ? "refused"
                                         : "not judged");
        verdict = CONF_FAILED;
    }
    conf_free(c);
    free(c);
    return verdict;
}
