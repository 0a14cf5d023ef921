/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes of a host that is newer than the backend, and whether it takes them.
 */
#include <stdio.h>

#include "conformance/harness.h"

struct newer {
    const char *what;
    uint32_t op, version, params_size, extra_inputs, extra_outputs;
    bool filled; /* the params behind the known ones are not zero */
    bool taken;
};
static const struct newer newer_nodes[] = {
    {"activation as it is", PLN_OP_ACTIVATION, 1, 4, 0, 0, false, true},
    {"longer params, zero", PLN_OP_ACTIVATION, 1, 8, 0, 0, false, true},
    {"longer params, not zero", PLN_OP_ACTIVATION, 1, 8, 0, 0, true, false},
    {"an input more", PLN_OP_ACTIVATION, 1, 4, 1, 0, false, false},
    {"an output more", PLN_OP_ACTIVATION, 1, 4, 0, 1, false, false},
    {"a later version", PLN_OP_ACTIVATION, 1000, 4, 0, 0, false, false},
    {"an unknown op", 9999, 1, 4, 0, 0, false, false},
};

static bool takes(const struct conf_target *t, const struct newer *n)
{
    static const uint32_t capacity[2] = {0, 8};
    const uint32_t params[2] = {PLN_ACTIVATION_RELU, n->filled ? 1 : 0};
    const pln_value_info value = {
        .kind = PLN_VALUE_TEMPORARY, .dtype = PLN_F32, .rows = {1, 1, 0}, .width = 8, .row_stride = 8, .name = "value"};
    const pln_value_info values[4] = {value, value, value, value};
    static const int32_t inputs[2] = {0, 1}, outputs[2] = {2, 3};
    const pln_node_info node = {.op = n->op,
                                .version = n->version,
                                .name = "node",
                                .params = params,
                                .params_size = n->params_size,
                                .n_inputs = 1 + n->extra_inputs,
                                .n_outputs = 1 + n->extra_outputs,
                                .inputs = inputs,
                                .outputs = outputs};
    const pln_segment segment = {.size = sizeof segment,
                                 .n_nodes = 1,
                                 .node_stride = sizeof node,
                                 .nodes = &node,
                                 .n_values = 4,
                                 .value_stride = sizeof value,
                                 .values = values,
                                 .n_symbols = 2,
                                 .capacity = capacity};
    pln_verdict verdict = {.size = sizeof verdict};
    pln_error error = {0};
    return t->backend->supports(t->device, &segment, &verdict, sizeof verdict, &error) == PLN_OK && verdict.supported;
}

enum conf_verdict conf_check_growth(const struct conf_target *target, char *why, size_t why_bytes)
{
    if (!takes(target, &newer_nodes[0])) {
        snprintf(why, why_bytes, "refused: %s", newer_nodes[0].what);
        return CONF_REFUSED;
    }
    for (size_t i = 0; i < sizeof newer_nodes / sizeof *newer_nodes; i++) {
        const bool taken = takes(target, &newer_nodes[i]);
        if (taken == newer_nodes[i].taken)
            continue;
        snprintf(why, why_bytes, "%s is %s", newer_nodes[i].what, taken ? "taken" : "refused");
        return CONF_FAILED;
    }
    return CONF_PASSED;
}
