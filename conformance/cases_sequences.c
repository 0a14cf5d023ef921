/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of the ops over sequences other than attention: segment_mean, the loss of question answering, and their
 * gradients.
 */
#include <stdio.h>

#include "conformance/harness.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

static const uint32_t some_lengths[][CONF_SEQUENCES] = {
    {1}, {5, 2, 9}, {33, 1, 64, 3}, {7, 7, 7, 7, 7, 7, 7}, {129, 40}};
static const uint32_t some_counts[] = {1, 3, 4, 7, 2};

enum { LENGTHS = COUNT(some_counts) };

bool conf_segment_mean(struct conf_case *c, uint32_t index)
{
    static const uint32_t widths[] = {1, 12, 33, 64, 130};
    if (index >= COUNT(widths))
        return false;
    const struct conf_packed p = conf_pack(c, some_lengths[index], some_counts[index], false);
    snprintf(c->name, sizeof c->name, "segment_mean, %u sequences x %u", some_counts[index], widths[index]);
    struct conf_node *node = conf_node(c, PLN_OP_SEGMENT_MEAN, NULL, 0, 2, 1);
    node->inputs[0] = conf_input(c, p.rows, widths[index], 0, 1);
    node->inputs[1] = conf_integers(c, p.starts_rows, p.starts);
    node->outputs[0] = conf_output(c, (pln_dim){p.starts_rows.symbol, 1, 0}, widths[index]);
    return true;
}

bool conf_segment_mean_backward(struct conf_case *c, uint32_t index)
{
    static const uint32_t widths[] = {130, 64, 33, 5, 1};
    if (index >= COUNT(widths))
        return false;
    const struct conf_packed p = conf_pack(c, some_lengths[index], some_counts[index], false);
    snprintf(c->name, sizeof c->name, "segment_mean_backward, %u sequences x %u", some_counts[index], widths[index]);
    struct conf_node *node = conf_node(c, PLN_OP_SEGMENT_MEAN_BACKWARD, NULL, 0, PLN_SEGMENT_MEAN_BACKWARD_INPUTS, 1);
    node->inputs[PLN_SEGMENT_MEAN_BACKWARD_INPUT_D_Y] =
        conf_input(c, (pln_dim){p.starts_rows.symbol, 1, 0}, widths[index], 0, 1);
    node->inputs[PLN_SEGMENT_MEAN_BACKWARD_INPUT_STARTS] = conf_integers(c, p.starts_rows, p.starts);
    node->inputs[PLN_SEGMENT_MEAN_BACKWARD_INPUT_X] = conf_input(c, p.rows, widths[index], 0, 1);
    node->outputs[0] = conf_output(c, p.rows, widths[index]);
    return true;
}

enum { INSIDE, OUTSIDE, KEPT, PART, SPAN_FORMS };
static const char *const span_forms[] = {"inside", "all outside", "lse and count", "total, lse and count"};

/* Logits, starts, first and last: all positions outside, or some before the first row and some past the last. */
static void add_answers(struct conf_case *c, struct conf_node *node, const struct conf_packed *p, uint32_t form)
{
    int32_t first[CONF_SEQUENCES], last[CONF_SEQUENCES];
    const pln_dim batch = {p->starts_rows.symbol, 1, 0};
    for (uint32_t b = 0; b < p->n; b++) {
        const int32_t length = p->starts[b + 1] - p->starts[b];
        if (form == OUTSIDE)
            first[b] = length;
        else
            first[b] = b % 3 == 1 ? -3 : (int32_t)conf_below(c, (uint32_t)length);
        last[b] = b % 3 == 2 ? length + (b % 2 ? 3 : 0) : (int32_t)conf_below(c, (uint32_t)length);
    }
    const int32_t logits = conf_input(c, p->rows, form >= KEPT ? 7 : 2, 0, 3);
    node->inputs[PLN_SPAN_CROSS_ENTROPY_INPUT_LOGITS] = form >= KEPT ? conf_window(c, logits, 3, 2) : logits;
    node->inputs[PLN_SPAN_CROSS_ENTROPY_INPUT_STARTS] = conf_integers(c, p->starts_rows, p->starts);
    node->inputs[PLN_SPAN_CROSS_ENTROPY_INPUT_FIRST] = conf_integers(c, batch, first);
    node->inputs[PLN_SPAN_CROSS_ENTROPY_INPUT_LAST] = conf_integers(c, batch, last);
}

static struct conf_node *add_span_cross_entropy(struct conf_case *c, uint32_t index, bool kept)
{
    const uint32_t form = index % SPAN_FORMS, i = index / SPAN_FORMS;
    if (i >= LENGTHS)
        return NULL;
    const struct conf_packed p = conf_pack(c, some_lengths[i], some_counts[i], true);
    snprintf(c->name, sizeof c->name, "span_cross_entropy, %u sequences, %s", some_counts[i], span_forms[form]);
    struct conf_node *node =
        conf_node(c, PLN_OP_SPAN_CROSS_ENTROPY, NULL, 0, PLN_SPAN_CROSS_ENTROPY_INPUTS, PLN_SPAN_CROSS_ENTROPY_OUTPUTS);
    add_answers(c, node, &p, form);
    if (form == PART) {
        const int32_t total = node->inputs[PLN_SPAN_CROSS_ENTROPY_INPUT_TOTAL] = conf_input(c, conf_fixed(1), 2, 0, 1);
        conf_floats(c, total)[0] = 9;
        conf_floats(c, total)[1] = 7;
    }
    node->outputs[PLN_SPAN_CROSS_ENTROPY_OUTPUT_LOSS] = conf_output(c, conf_fixed(1), 1);
    if (kept || form == KEPT || form == PART) {
        node->outputs[PLN_SPAN_CROSS_ENTROPY_OUTPUT_LSE] = conf_output(c, (pln_dim){p.starts_rows.symbol, 1, 0}, 2);
        node->outputs[PLN_SPAN_CROSS_ENTROPY_OUTPUT_COUNT] = conf_output(c, conf_fixed(1), 2);
    }
    return node;
}

bool conf_span_cross_entropy(struct conf_case *c, uint32_t index)
{
    return add_span_cross_entropy(c, index, false);
}

bool conf_span_cross_entropy_backward(struct conf_case *c, uint32_t index)
{
    const struct conf_node *loss = add_span_cross_entropy(c, index, true);
    if (!loss)
        return false;
    conf_name_after(c, "span_cross_entropy_backward");
    const pln_span_cross_entropy_backward_params params = {.scale = 2};
    struct conf_node *node = conf_node(c, PLN_OP_SPAN_CROSS_ENTROPY_BACKWARD, &params, sizeof params,
                                       PLN_SPAN_CROSS_ENTROPY_BACKWARD_INPUTS, PLN_SPAN_CROSS_ENTROPY_BACKWARD_OUTPUTS);
    const int32_t logits = loss->inputs[PLN_SPAN_CROSS_ENTROPY_INPUT_LOGITS];
    for (uint32_t i = 0; i < PLN_SPAN_CROSS_ENTROPY_BACKWARD_INPUT_LSE; i++)
        node->inputs[i] = loss->inputs[i]; /* logits, starts, first, last */
    node->inputs[PLN_SPAN_CROSS_ENTROPY_BACKWARD_INPUT_LSE] = loss->outputs[PLN_SPAN_CROSS_ENTROPY_OUTPUT_LSE];
    node->inputs[PLN_SPAN_CROSS_ENTROPY_BACKWARD_INPUT_COUNT] = loss->outputs[PLN_SPAN_CROSS_ENTROPY_OUTPUT_COUNT];
    node->outputs[0] = index % 2 ? conf_output(c, c->values[logits].rows, 2) : conf_same(c, logits);
    return true;
}
