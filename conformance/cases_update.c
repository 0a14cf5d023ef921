/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of the ops on flat states: accumulate, global_norm, adamw.
 */
#include <math.h>
#include <stdio.h>

#include "conformance/harness.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

static const uint32_t flat_shapes[][2] = {{1, 1}, {3, 5}, {33, 64}, {7, 130}, {5, 256}, {300, 256}};

bool conf_accumulate(struct conf_case *c, uint32_t index)
{
    if (index >= COUNT(flat_shapes))
        return false;
    const uint32_t rows = flat_shapes[index][0], width = flat_shapes[index][1];
    const pln_accumulate_params params = {.scale = -0.7351f};
    snprintf(c->name, sizeof c->name, "accumulate %ux%u", rows, width);
    struct conf_node *node = conf_node(c, PLN_OP_ACCUMULATE, &params, sizeof params, 2, 1);
    node->inputs[0] = conf_state(c, rows, width, 1);
    node->inputs[1] = conf_input(c, conf_fixed(rows), width, 0, 1);
    node->outputs[0] = conf_same(c, node->inputs[0]);
    return true;
}

bool conf_global_norm(struct conf_case *c, uint32_t index)
{
    static const char *const forms[] = {"numbers",  "large numbers",   "not a number",
                                        "infinity", "a larger number", "1e20"};
    static const float odd[] = {0, 3e18f, NAN, -INFINITY, 1e30f, 0};
    const uint32_t form = index % COUNT(forms), i = index / COUNT(forms);
    if (i >= COUNT(flat_shapes))
        return false;
    const uint32_t rows = flat_shapes[i][0], width = flat_shapes[i][1];
    snprintf(c->name, sizeof c->name, "global_norm %ux%u, %s", rows, width, forms[form]);
    struct conf_node *node = conf_node(c, PLN_OP_GLOBAL_NORM, NULL, 0, PLN_GLOBAL_NORM_INPUTS, 1);
    node->inputs[0] = conf_state(c, rows, width, form == COUNT(forms) - 1 ? 1e20f : 1);
    conf_floats(c, node->inputs[0])[rows * width - 1] += odd[form];
    node->outputs[0] = conf_output(c, conf_fixed(1), 1);
    return true;
}

static int32_t add_settings(struct conf_case *c, float clip)
{
    const int32_t value = conf_input(c, conf_fixed(1), 8, 0, 1);
    static const float rounds[CONF_ROUNDS][8] = {{0.01f, 0.1f, 0.001f, 1e-6f, 0.05f, 1, 0.19f, 0.002f},
                                                 {0.02f, 0.2f, 0.002f, 1e-5f, 0.02f, 1, 0.6f, 0.01f},
                                                 {0.005f, 0.1f, 0.01f, 1e-7f, 0.5f, 1, 1, 1}};
    for (uint32_t i = 0; i < 8; i++)
        conf_floats(c, value)[i] = rounds[c->round][i];
    conf_floats(c, value)[PLN_ADAMW_SETTING_CLIP] = clip;
    return value;
}

/* Second moments are not negative. The first elements, or all, begin at zero and have a small gradient, or none: there eps
 * counts as much as the root. */
static void fill_moments(struct conf_case *c, const struct conf_node *node, uint32_t n, bool all)
{
    enum { SMALL = 4 };
    float *first = conf_floats(c, node->inputs[PLN_ADAMW_INPUT_FIRST_MOMENT]),
          *second = conf_floats(c, node->inputs[PLN_ADAMW_INPUT_SECOND_MOMENT]),
          *gradient = conf_floats(c, node->inputs[PLN_ADAMW_INPUT_GRADIENT]);
    for (uint32_t i = 0; i < n; i++)
        second[i] = fabsf(second[i]);
    for (uint32_t i = 0; i < n && (all || i < SMALL); i++) {
        first[i] = second[i] = 0;
        gradient[i] = i ? 1e-6f * conf_noise(c) : 0;
    }
}

bool conf_adamw(struct conf_case *c, uint32_t index)
{
    static const char *const forms[] = {"not clipped",   "clipped",         "no clip",       "norm not a number",
                                        "infinite norm", "clipped of 1e20", "1e20, no clip", "clipped of 1e-6"};
    static const float clips[] = {10, 1, 0, 1, 0, 1, 0, 1e-6f}, norms[] = {5, 5, 5, NAN, INFINITY, 5e20f, 5e20f, 1e-6f};
    const uint32_t form = index % COUNT(forms), i = index / COUNT(forms);
    if (i >= COUNT(flat_shapes))
        return false;
    const uint32_t rows = flat_shapes[i][0], width = flat_shapes[i][1];
    snprintf(c->name, sizeof c->name, "adamw %ux%u, %s", rows, width, forms[form]);
    struct conf_node *node = conf_node(c, PLN_OP_ADAMW, NULL, 0, PLN_ADAMW_INPUTS, PLN_ADAMW_OUTPUTS);
    for (uint32_t j = 0; j < PLN_ADAMW_OUTPUTS; j++) {
        node->inputs[j] = conf_state(c, rows, width, j == PLN_ADAMW_INPUT_GRADIENT && norms[form] == 5e20f ? 1e20f : 1);
        node->outputs[j] = conf_same(c, node->inputs[j]);
    }
    fill_moments(c, node, rows * width, norms[form] < 1);
    node->inputs[PLN_ADAMW_INPUT_SETTINGS] = add_settings(c, clips[form]);
    node->inputs[PLN_ADAMW_INPUT_FACTORS] = conf_input(c, conf_fixed(rows), 2, 0, 1);
    node->inputs[PLN_ADAMW_INPUT_NORM] = conf_input(c, conf_fixed(1), 1, 0, 1);
    conf_floats(c, node->inputs[PLN_ADAMW_INPUT_NORM])[0] = norms[form];
    return true;
}
