/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of groups of cases: one an op, and those of several.
 */
#include "conformance/harness.h"

bool conf_quick;

const struct conf_group conf_groups[] = {
#define PLN_OP(number, version, NAME, name, inputs, outputs, in_place, params, gradient)                               \
    {PLN_OP_##NAME, #name, conf_##name},
#include "graph/ops.def"
#undef PLN_OP
    {0, "tied", conf_tied},
    {0, "chain", conf_chain},
    {0, "masked", conf_masked},
    {0, "means", conf_means},
    {0, "equal_numbers", conf_equal_numbers},
    {0, "kept", conf_kept},
};
const uint32_t conf_n_groups = sizeof conf_groups / sizeof *conf_groups;
