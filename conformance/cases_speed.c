/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases that are timed: the ops of an encoder at about the sizes of ELECTRA-base, 512 tokens.
 */
#include <math.h>
#include <stdio.h>

#include "conformance/harness.h"

enum { TOKENS = 512, HIDDEN = 768, INNER = 3072, HEADS = 12, SEQUENCES = 4, VOCABULARY = 30522, EMBEDDED = 128 };

static bool fill_linear(struct conf_case *c, uint32_t index)
{
    const pln_linear_params params = {.activation = PLN_ACTIVATION_GELU};
    const pln_dim rows = conf_rows(c, TOKENS);
    if (index)
        return false;
    struct conf_node *node = conf_node(c, PLN_OP_LINEAR, &params, sizeof params, PLN_LINEAR_INPUTS, PLN_LINEAR_OUTPUTS);
    node->inputs[PLN_LINEAR_INPUT_X] = conf_input(c, rows, HIDDEN, 0, 1);
    node->inputs[PLN_LINEAR_INPUT_WEIGHT] = conf_constant(c, INNER, HIDDEN, 0.03f, true);
    node->inputs[PLN_LINEAR_INPUT_BIAS] = conf_constant(c, 1, INNER, 1, true);
    node->outputs[0] = conf_output(c, rows, INNER);
    return true;
}

static double work_linear(void)
{
    return 2.0 * TOKENS * HIDDEN * INNER;
}

static bool fill_layer_norm(struct conf_case *c, uint32_t index)
{
    const pln_layer_norm_params params = {.eps = 1e-12f};
    const pln_dim rows = conf_rows(c, TOKENS);
    if (index)
        return false;
    struct conf_node *node =
        conf_node(c, PLN_OP_LAYER_NORM, &params, sizeof params, PLN_LAYER_NORM_INPUTS, PLN_LAYER_NORM_OUTPUTS);
    node->inputs[PLN_LAYER_NORM_INPUT_X] = conf_input(c, rows, HIDDEN, 0, 1);
    node->inputs[PLN_LAYER_NORM_INPUT_GAMMA] = conf_constant(c, 1, HIDDEN, 1, true);
    node->inputs[PLN_LAYER_NORM_INPUT_BETA] = conf_constant(c, 1, HIDDEN, 1, true);
    node->outputs[0] = conf_output(c, rows, HIDDEN);
    return true;
}

static double work_rows(void)
{
    return 2.0 * TOKENS * HIDDEN * sizeof(float);
}

static bool fill_activation(struct conf_case *c, uint32_t index)
{
    const pln_activation_params params = {.activation = PLN_ACTIVATION_GELU};
    const pln_dim rows = conf_rows(c, TOKENS);
    if (index)
        return false;
    struct conf_node *node =
        conf_node(c, PLN_OP_ACTIVATION, &params, sizeof params, PLN_ACTIVATION_INPUTS, PLN_ACTIVATION_OUTPUTS);
    node->inputs[PLN_ACTIVATION_INPUT_X] = conf_input(c, rows, HIDDEN, 0, 3);
    node->outputs[0] = conf_output(c, rows, HIDDEN);
    return true;
}

static bool fill_attention(struct conf_case *c, uint32_t index)
{
    static const uint32_t lengths[SEQUENCES] = {128, 128, 128, 128};
    const struct conf_packed p = conf_pack(c, lengths, SEQUENCES, true);
    const pln_attention_params params = {
        .heads = HEADS, .head_size = HIDDEN / HEADS, .scale = 1 / sqrtf((float)HIDDEN / HEADS), .bias_heads = 1};
    if (index)
        return false;
    const int32_t qkv = conf_input(c, p.rows, 3 * HIDDEN, 0, 1);
    struct conf_node *node =
        conf_node(c, PLN_OP_ATTENTION, &params, sizeof params, PLN_ATTENTION_INPUTS, PLN_ATTENTION_OUTPUTS);
    for (uint32_t i = 0; i < 3; i++)
        node->inputs[i] = conf_window(c, qkv, i * HIDDEN, HIDDEN);
    node->inputs[PLN_ATTENTION_INPUT_STARTS] = conf_integers(c, p.starts_rows, p.starts);
    node->outputs[0] = conf_output(c, p.rows, HIDDEN);
    return true;
}

static double work_attention(void)
{
    return 4.0 * TOKENS * (TOKENS / SEQUENCES) * HIDDEN;
}

static bool fill_embed(struct conf_case *c, uint32_t index)
{
    const pln_embed_params params = {.eps = 1e-12f};
    const pln_dim rows = conf_rows(c, TOKENS);
    if (index)
        return false;
    struct conf_node *node = conf_node(c, PLN_OP_EMBED, &params, sizeof params, PLN_EMBED_INPUTS, PLN_EMBED_OUTPUTS);
    node->inputs[PLN_EMBED_INPUT_IDS] = conf_random_integers(c, rows, VOCABULARY);
    node->inputs[PLN_EMBED_INPUT_WORD] = conf_constant(c, VOCABULARY, EMBEDDED, 1, true);
    node->inputs[PLN_EMBED_INPUT_TOKEN_TYPES] = conf_random_integers(c, rows, 2);
    node->inputs[PLN_EMBED_INPUT_TYPE] = conf_constant(c, 2, EMBEDDED, 1, true);
    node->inputs[PLN_EMBED_INPUT_GAMMA] = conf_constant(c, 1, EMBEDDED, 1, true);
    node->inputs[PLN_EMBED_INPUT_BETA] = conf_constant(c, 1, EMBEDDED, 1, true);
    node->outputs[0] = conf_output(c, rows, EMBEDDED);
    return true;
}

static double work_embed(void)
{
    return 2.0 * TOKENS * EMBEDDED * sizeof(float);
}

static bool fill_gather(struct conf_case *c, uint32_t index)
{
    const pln_dim from = conf_rows(c, TOKENS), to = conf_rows(c, TOKENS);
    if (index)
        return false;
    struct conf_node *node = conf_node(c, PLN_OP_GATHER, NULL, 0, PLN_GATHER_INPUTS, PLN_GATHER_OUTPUTS);
    node->inputs[PLN_GATHER_INPUT_X] = conf_input(c, from, HIDDEN, 0, 1);
    node->inputs[PLN_GATHER_INPUT_INDEX] = conf_random_integers(c, to, conf_count(c, from));
    node->outputs[0] = conf_output(c, to, HIDDEN);
    return true;
}

static bool fill_linear_backward_x(struct conf_case *c, uint32_t index)
{
    const pln_dim rows = conf_rows(c, TOKENS);
    if (index)
        return false;
    struct conf_node *node =
        conf_node(c, PLN_OP_LINEAR_BACKWARD_X, NULL, 0, PLN_LINEAR_BACKWARD_X_INPUTS, PLN_LINEAR_BACKWARD_X_OUTPUTS);
    node->inputs[PLN_LINEAR_BACKWARD_X_INPUT_D_Y] = conf_input(c, rows, INNER, 0, 1);
    node->inputs[PLN_LINEAR_BACKWARD_X_INPUT_WEIGHT] = conf_state(c, INNER, HIDDEN, 0.03f);
    node->outputs[0] = conf_output(c, rows, HIDDEN);
    return true;
}

const struct conf_speed conf_speeds[] = {
    {PLN_OP_EMBED, fill_embed, work_embed, false},
    {PLN_OP_LINEAR, fill_linear, work_linear, true},
    {PLN_OP_LAYER_NORM, fill_layer_norm, work_rows, false},
    {PLN_OP_ATTENTION, fill_attention, work_attention, true},
    {PLN_OP_ACTIVATION, fill_activation, work_rows, false},
    {PLN_OP_GATHER, fill_gather, work_rows, false},
    {PLN_OP_LINEAR_BACKWARD_X, fill_linear_backward_x, work_linear, true},
};
const uint32_t conf_n_speeds = sizeof conf_speeds / sizeof *conf_speeds;
