/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes of a host that is newer than the backend, and whether it takes them.
 */
#include <stdio.h>

#include "conformance/harness.h"

/* What is more than this build knows of activation. */
struct newer {
    const char *what;
    uint32_t op, version, extra_params, extra_inputs, extra_outputs;
    bool filled; /* the params behind the known ones are not zero */
    bool taken;
};
static const struct newer newer_nodes[] = {
    {"activation as it is", PLN_OP_ACTIVATION, 1, 0, 0, 0, false, true},
    {"longer params, zero", PLN_OP_ACTIVATION, 1, 1, 0, 0, false, true},
    {"longer params, not zero", PLN_OP_ACTIVATION, 1, 1, 0, 0, true, false},
    {"an input more", PLN_OP_ACTIVATION, 1, 0, 1, 0, false, false},
    {"an output more", PLN_OP_ACTIVATION, 1, 0, 0, 1, false, false},
    {"a later version", PLN_OP_ACTIVATION, 1000, 0, 0, 0, false, false},
    {"an unknown op", 9999, 1, 0, 0, 0, false, false},
};

static bool takes(const struct conf_target *t, const struct newer *n)
{
    enum { KNOWN = sizeof(pln_activation_params) / sizeof(uint32_t) };
    static const uint32_t capacity[2] = {0, 8};
    uint32_t params[KNOWN + 1] = {PLN_ACTIVATION_RELU};
    params[KNOWN] = n->filled;
    const pln_value_info value = {
        .kind = PLN_VALUE_TEMPORARY, .dtype = PLN_F32, .rows = {1, 1, 0}, .width = 8, .row_stride = 8, .name = "value"};
    const pln_value_info values[4] = {value, value, value, value};
    int32_t inputs[PLN_ACTIVATION_INPUTS + 1];
    for (uint32_t i = 0; i < PLN_ACTIVATION_INPUTS; i++)
        inputs[i] = i == PLN_ACTIVATION_INPUT_X ? 0 : PLN_ABSENT;
    inputs[PLN_ACTIVATION_INPUTS] = 1;
    static const int32_t outputs[PLN_ACTIVATION_OUTPUTS + 1] = {2, 3};
    const pln_node_info node = {.op = n->op,
                                .version = n->version,
                                .name = "node",
                                .params = params,
                                .params_size = (uint32_t)((KNOWN + n->extra_params) * sizeof(uint32_t)),
                                .n_inputs = PLN_ACTIVATION_INPUTS + n->extra_inputs,
                                .n_outputs = PLN_ACTIVATION_OUTPUTS + n->extra_outputs,
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
    pln_failure error = {.size = sizeof error};
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
