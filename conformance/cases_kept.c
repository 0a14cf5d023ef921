/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of what is kept from run to run: scatter, and a step of a decoder, whose attention reads what was written before
 * it.
 */
#include <math.h>
#include <stdio.h>

#include "conformance/harness.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

/* A list of distinct rows of `table`, in no order; step and table have no common factor. */
static int32_t distinct_rows(struct conf_case *c, pln_dim rows, uint32_t table, uint32_t step)
{
    const int32_t index = conf_random_integers(c, rows, table);
    int32_t *data = conf_ints(c, index);
    for (uint32_t i = 1; data && i < conf_count(c, rows); i++)
        data[i] = (int32_t)(((uint32_t)data[i - 1] + step) % table);
    return index;
}

static int32_t add_scatter(struct conf_case *c, int32_t state, int32_t index, int32_t x)
{
    struct conf_node *node = conf_node(c, PLN_OP_SCATTER, NULL, 0, PLN_SCATTER_INPUTS, PLN_SCATTER_OUTPUTS);
    node->inputs[PLN_SCATTER_INPUT_STATE] = state;
    node->inputs[PLN_SCATTER_INPUT_INDEX] = index;
    node->inputs[PLN_SCATTER_INPUT_X] = x;
    return node->outputs[PLN_SCATTER_OUTPUT_Y] = conf_same(c, state);
}

bool conf_scatter(struct conf_case *c, uint32_t index)
{
    /* rows of the state, rows, width, step */
    static const uint32_t shapes[][4] = {{1, 1, 1, 1},    {9, 5, 7, 4},      {40, 40, 64, 7},
                                         {65, 3, 130, 2}, {300, 200, 33, 7}, {128, 1, 768, 5}};
    const uint32_t form = index % 2, i = index / 2;
    if (i >= COUNT(shapes))
        return false;
    const uint32_t table = shapes[i][0], width = shapes[i][2];
    const pln_dim rows = form ? conf_rows_or_none(c, shapes[i][1]) : conf_rows(c, shapes[i][1]);
    snprintf(c->name, sizeof c->name, "scatter %ux%u to %u, %s", shapes[i][1], width, table,
             form ? "windows" : "whole");
    const int32_t x = conf_input(c, rows, form ? width + 5 : width, 0, 1), state = conf_state(c, table, width, 1);
    add_scatter(c, state, distinct_rows(c, rows, table, shapes[i][3]), form ? conf_window(c, x, 3, width) : x);
    return true;
}

/* Each sequence has a past that lies in the states already; its new keys and values are written, then read. */
bool conf_kept(struct conf_case *c, uint32_t index)
{
    static const struct {
        uint32_t heads, head_size, n, lengths[CONF_SEQUENCES], pasts[CONF_SEQUENCES];
    } shapes[] = {{2, 4, 1, {1}, {6}},
                  {3, 8, 3, {1, 4, 1}, {5, 0, 17}},
                  {2, 16, 2, {9, 1}, {3, 40}},
                  {1, 64, 3, {1, 1, 1}, {60, 61, 3}}};
    enum { STATE_ROWS = 149, STEP = 37 };
    if (index >= COUNT(shapes))
        return false;
    const uint32_t n = shapes[index].n, width = shapes[index].heads * shapes[index].head_size;
    uint32_t all[CONF_SEQUENCES];
    for (uint32_t i = 0; i < n; i++)
        all[i] = shapes[index].lengths[i] + shapes[index].pasts[i];
    const struct conf_packed q = conf_pack(c, shapes[index].lengths, n, true), k = conf_pack(c, all, n, true);
    snprintf(c->name, sizeof c->name, "kept %ux%u, %u sequences", shapes[index].heads, shapes[index].head_size, n);
    const int32_t list = distinct_rows(c, k.rows, STATE_ROWS, STEP);
    const int32_t fresh = conf_random_integers(c, q.rows, 1);
    for (uint32_t b = 0; conf_ints(c, fresh) && b < q.n; b++)
        for (int32_t i = q.starts[b], at = k.starts[b + 1] - q.starts[b + 1]; i < q.starts[b + 1]; i++)
            conf_ints(c, fresh)[i] = conf_ints(c, list)[i + at];
    const int32_t qkv = conf_input(c, q.rows, 3 * width, 0, 1);
    int32_t kept[2];
    for (uint32_t j = 0; j < 2; j++)
        kept[j] =
            add_scatter(c, conf_state(c, STATE_ROWS, width, 1), fresh, conf_window(c, qkv, (j + 1) * width, width));
    const pln_attention_params params = {.heads = shapes[index].heads,
                                         .head_size = shapes[index].head_size,
                                         .scale = 1 / sqrtf((float)shapes[index].head_size),
                                         .causal = 1,
                                         .bias_heads = 1};
    struct conf_node *node =
        conf_node(c, PLN_OP_ATTENTION, &params, sizeof params, PLN_ATTENTION_INPUTS, PLN_ATTENTION_OUTPUTS);
    node->inputs[PLN_ATTENTION_INPUT_QUERY] = conf_window(c, qkv, 0, width);
    node->inputs[PLN_ATTENTION_INPUT_KEY] = kept[0];
    node->inputs[PLN_ATTENTION_INPUT_VALUE] = kept[1];
    node->inputs[PLN_ATTENTION_INPUT_STARTS] = conf_integers(c, q.starts_rows, q.starts);
    node->inputs[PLN_ATTENTION_INPUT_SOURCE_STARTS] = conf_integers(c, k.starts_rows, k.starts);
    node->inputs[PLN_ATTENTION_INPUT_KEY_ROWS] = list;
    node->outputs[PLN_ATTENTION_OUTPUT_Y] = conf_output(c, q.rows, width);
    return true;
}
