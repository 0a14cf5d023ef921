/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of the ops that make fakes: tokens drawn by logits, and put in the place of others.
 */
#include <math.h>
#include <stdio.h>

#include "conformance/harness.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

/* rows, columns: with more than one counter and vector, and widths that are no multiple of four */
static const uint32_t sample_shapes[][2] = {{1, 1},    {3, 2},    {7, 5},     {33, 16},   {20, 31},   {65, 33},
                                            {12, 257}, {130, 50}, {19, 1000}, {5, 30522}, {2, 66000}, {70000, 3}};

enum { DRAWN, BEST, BARRED, COOL, WINDOW, NO_NUMBERS, SAMPLE_FORMS };
static const char *const sample_forms[] = {"drawn",           "best",   "barred",
                                           "temperature 0.3", "window", "NaN and infinite, barred"};

/* Elements of wide rows are counted in 32 bits: far positions must be nearer there. */
static int32_t near_origin(struct conf_case *c, pln_dim rows)
{
    enum { FAR = 250000 };
    const int32_t origin = conf_origin(c, rows, NULL);
    for (uint32_t r = 0; r < conf_count(c, rows); r++) {
        int32_t *position = &conf_ints(c, origin)[2 * r + 1];
        *position -= *position > FAR ? FAR : 0;
    }
    return origin;
}

/* Some rows without a number, some with the least and the largest, and one infinite one. */
static void spoil(struct conf_case *c, int32_t logits, pln_dim rows, uint32_t width)
{
    for (uint32_t i = 0; i < conf_count(c, rows) * width; i++)
        if (i % 3 != 1)
            conf_floats(c, logits)[i] = i % 5 ? -INFINITY : NAN;
    for (uint32_t r = 1; r < conf_count(c, rows); r += 4)
        conf_floats(c, logits)[r * width + r % width] = INFINITY;
}

bool conf_sample(struct conf_case *c, uint32_t index)
{
    const uint32_t form = index % SAMPLE_FORMS, i = index / SAMPLE_FORMS;
    if (i >= (conf_quick ? 5 : COUNT(sample_shapes)))
        return false;
    const uint32_t width = sample_shapes[i][1];
    const pln_dim rows = conf_rows(c, sample_shapes[i][0]);
    const pln_sample_params params = {.site = CONF_SITE, .temperature = form == COOL ? 0.3f : 1};
    snprintf(c->name, sizeof c->name, "sample %ux%u, %s", sample_shapes[i][0], width, sample_forms[form]);
    const int32_t logits = conf_input(c, rows, form == WINDOW ? width + 9 : width, 0, 3);
    for (uint32_t r = 0; form == DRAWN && r < conf_count(c, rows); r += 3)
        conf_floats(c, logits)[(r + 1) * width - 1] += 20; /* the last column is drawn */
    if (form == NO_NUMBERS)
        spoil(c, logits, rows, width);
    struct conf_node *node = conf_node(c, PLN_OP_SAMPLE, &params, sizeof params, PLN_SAMPLE_INPUTS, PLN_SAMPLE_OUTPUTS);
    node->inputs[PLN_SAMPLE_INPUT_LOGITS] = form == WINDOW ? conf_window(c, logits, 5, width) : logits;
    if (form == BARRED || form == NO_NUMBERS)
        node->inputs[PLN_SAMPLE_INPUT_BARRED] = conf_random_integers(c, rows, width);
    for (uint32_t r = 0; form == BARRED && r < conf_count(c, rows); r++) /* a token that is as good as certain */
        conf_floats(c, logits)[r * width + (uint32_t)conf_ints(c, node->inputs[PLN_SAMPLE_INPUT_BARRED])[r]] = 300;
    node->inputs[PLN_SAMPLE_INPUT_ORIGIN] = near_origin(c, rows);
    node->inputs[PLN_SAMPLE_INPUT_RANDOM] = conf_random(c);
    node->outputs[PLN_SAMPLE_OUTPUT_IDS] = conf_integer_output(c, rows);
    if (form == BEST || form == BARRED || form == NO_NUMBERS)
        node->outputs[PLN_SAMPLE_OUTPUT_BEST] = conf_integer_output(c, rows);
    return true;
}

bool conf_substitute(struct conf_case *c, uint32_t index)
{
    static const uint32_t shapes[][2] = {{1, 1},      {5, 1},       {33, 5},     {64, 64}, {130, 19},
                                         {1000, 150}, {3000, 1100}, {70000, 60}, {70, 7}};
    if (index >= COUNT(shapes))
        return false;
    enum { VOCABULARY = 7 };                              /* so small that some stay what they were */
    const int32_t apart = index % 3 == 2 ? 0x2000003 : 1; /* ids of many bits */
    const pln_dim tokens = conf_rows(c, shapes[index][0]), slots = conf_rows_or_none(c, shapes[index][1]);
    snprintf(c->name, sizeof c->name, "substitute %u of %u", shapes[index][1], shapes[index][0]);
    struct conf_node *node = conf_node(c, PLN_OP_SUBSTITUTE, NULL, 0, PLN_SUBSTITUTE_INPUTS, PLN_SUBSTITUTE_OUTPUTS);
    node->inputs[PLN_SUBSTITUTE_INPUT_IDS] = conf_random_integers(c, tokens, VOCABULARY);
    const int32_t rows = node->inputs[PLN_SUBSTITUTE_INPUT_INDEX] = conf_random_integers(c, slots, 1);
    const uint32_t n = conf_count(c, tokens), step = n / shapes[index][1] ? n / shapes[index][1] : 1;
    for (uint32_t i = 0; i < conf_count(c, slots); i++)
        conf_ints(c, rows)[i] = (int32_t)(i * step % n);
    node->inputs[PLN_SUBSTITUTE_INPUT_REPLACED] = conf_random_integers(c, slots, VOCABULARY);
    for (uint32_t i = 0; i < conf_count(c, tokens); i++)
        conf_ints(c, node->inputs[PLN_SUBSTITUTE_INPUT_IDS])[i] *= apart;
    for (uint32_t i = 0; i < conf_count(c, slots); i++)
        conf_ints(c, node->inputs[PLN_SUBSTITUTE_INPUT_REPLACED])[i] *= apart;
    node->outputs[PLN_SUBSTITUTE_OUTPUT_Y] = conf_integer_output(c, tokens);
    node->outputs[PLN_SUBSTITUTE_OUTPUT_LABELS] = conf_output(c, tokens, 1);
    return true;
}
