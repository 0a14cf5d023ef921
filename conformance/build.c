/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes the values and nodes of a case.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/half.h"
#include "conformance/harness.h"

void conf_begin(struct conf_case *c, uint32_t index, uint32_t round)
{
    memset(c, 0, sizeof *c);
    c->round = round;
    c->seed = index * 7919u + round * 104729u + 1;
}

uint32_t conf_below(struct conf_case *c, uint32_t n)
{
    c->seed = c->seed * 1664525u + 1013904223u;
    return n ? (c->seed >> 8) % n : 0;
}

float conf_noise(struct conf_case *c)
{
    c->seed = c->seed * 1664525u + 1013904223u;
    return (float)(c->seed >> 8) / (float)(1 << 23) - 1;
}

uint32_t conf_symbol(struct conf_case *c, uint32_t number, uint32_t capacity)
{
    if (!c->n_symbols)
        c->n_symbols = 1; /* 0 is none */
    c->numbers[c->n_symbols] = number;
    c->capacity[c->n_symbols] = capacity;
    return c->n_symbols++;
}

pln_dim conf_rows(struct conf_case *c, uint32_t full)
{
    return (pln_dim){conf_symbol(c, c->round == 1 ? (full + 1) / 2 : full, full + 5), 1, 0};
}

pln_dim conf_rows_or_none(struct conf_case *c, uint32_t full)
{
    return (pln_dim){conf_symbol(c, c->round == 1 ? 0 : full, full + 5), 1, 0};
}

pln_dim conf_fixed(uint32_t rows)
{
    return (pln_dim){0, 0, rows};
}

uint32_t conf_count(const struct conf_case *c, pln_dim rows)
{
    return pln_dim_rows(rows, c->numbers);
}

static int32_t add_value(struct conf_case *c, uint32_t kind, uint32_t dtype, pln_dim rows, uint32_t width,
                         uint32_t stride)
{
    if (!stride)
        stride = width < 4 ? width : (width + 3) & ~3u;
    c->values[c->n_values] = (struct conf_value){
        .kind = kind, .dtype = dtype, .rows = rows, .width = width, .stride = stride, .base = PLN_ABSENT};
    return (int32_t)c->n_values++;
}

enum { BEHIND = 64 }; /* numbers that are none of a constant's, which nobody reads into a result */

static float *fill_noise(struct conf_case *c, int32_t value, float scale)
{
    struct conf_value *v = &c->values[value];
    const size_t n = (size_t)conf_count(c, v->rows) * v->width;
    float *data = malloc((n + BEHIND) * sizeof *data);
    for (size_t i = 0; data && i < n; i++)
        data[i] = scale * conf_noise(c);
    for (size_t i = 0; data && i < BEHIND; i++)
        data[n + i] = NAN;
    v->data = data;
    return data;
}

int32_t conf_input(struct conf_case *c, pln_dim rows, uint32_t width, uint32_t stride, float scale)
{
    const int32_t value = add_value(c, PLN_VALUE_INPUT, PLN_F32, rows, width, stride);
    fill_noise(c, value, scale);
    return value;
}

/* Integers [rows, width], none of them set. */
static int32_t add_integers(struct conf_case *c, pln_dim rows, uint32_t width)
{
    const int32_t value = add_value(c, PLN_VALUE_INPUT, PLN_I32, rows, width, width);
    c->values[value].data = malloc(((size_t)conf_count(c, rows) * width + 1) * sizeof(int32_t));
    return value;
}

int32_t conf_integers(struct conf_case *c, pln_dim rows, const int32_t *numbers)
{
    const int32_t value = add_integers(c, rows, 1);
    if (conf_ints(c, value))
        memcpy(conf_ints(c, value), numbers, conf_count(c, rows) * sizeof *numbers);
    return value;
}

int32_t conf_random_integers(struct conf_case *c, pln_dim rows, uint32_t below)
{
    const int32_t value = add_integers(c, rows, 1);
    for (size_t i = 0; conf_ints(c, value) && i < conf_count(c, rows); i++)
        conf_ints(c, value)[i] = (int32_t)conf_below(c, below);
    return value;
}

bool conf_half_constants;

static void round_to_half(struct conf_case *c, int32_t value)
{
    const struct conf_value *v = &c->values[value];
    float *data = v->data;
    const size_t n = conf_count(c, v->rows) * v->width;
    for (size_t i = 0; data && i < n; i++)
        data[i] = half_to_float(float_to_half(data[i]));
}

/* Weights lie in files at any place that four divides. */
static void put_aside(struct conf_value *v)
{
    const size_t n = (size_t)v->rows.offset * v->width + BEHIND;
    float *block = malloc((n + 1) * sizeof *block);
    if (!block || !v->data) {
        free(block);
        return;
    }
    memcpy(block + 1, v->data, n * sizeof *block);
    free(v->data);
    v->block = block;
    v->data = block + 1;
}

int32_t conf_constant(struct conf_case *c, uint32_t rows, uint32_t width, float scale, bool plain)
{
    const int32_t value = add_value(c, PLN_VALUE_CONSTANT, PLN_F32, conf_fixed(rows), width, width);
    const uint32_t seed = c->seed;
    c->seed = rows * 31 + width * 17 + (uint32_t)value; /* the same in every round */
    fill_noise(c, value, scale);
    c->seed = seed;
    if (conf_half_constants)
        round_to_half(c, value);
    c->values[value].plain = plain;
    if (plain)
        put_aside(&c->values[value]);
    return value;
}

int32_t conf_state(struct conf_case *c, uint32_t rows, uint32_t width, float scale)
{
    const int32_t value = add_value(c, PLN_VALUE_STATE, PLN_F32, conf_fixed(rows), width, 0);
    fill_noise(c, value, scale);
    return value;
}

int32_t conf_output(struct conf_case *c, pln_dim rows, uint32_t width)
{
    return add_value(c, PLN_VALUE_TEMPORARY, PLN_F32, rows, width, 0);
}

int32_t conf_integer_output(struct conf_case *c, pln_dim rows)
{
    return add_value(c, PLN_VALUE_TEMPORARY, PLN_I32, rows, 1, 0);
}

int32_t conf_window(struct conf_case *c, int32_t of, uint32_t column, uint32_t width)
{
    const struct conf_value *base = &c->values[of];
    const int32_t value = add_value(c, base->kind, base->dtype, base->rows, width, base->stride);
    c->values[value].base = of;
    c->values[value].first = column;
    return value;
}

int32_t conf_part(struct conf_case *c, int32_t of, uint32_t row, uint32_t rows, uint32_t width)
{
    const int32_t value = add_value(c, c->values[of].kind, PLN_F32, conf_fixed(rows), width, 0);
    c->values[value].base = of;
    c->values[value].first = row * c->values[of].stride;
    c->values[value].part = true;
    return value;
}

int32_t conf_same(struct conf_case *c, int32_t of)
{
    const int32_t value = (int32_t)c->n_values++;
    c->values[value] = c->values[of];
    c->values[value].data = c->values[value].block = NULL;
    if (c->values[of].base == PLN_ABSENT)
        c->values[value].base = of;
    if (c->values[of].kind != PLN_VALUE_STATE)
        c->values[value].kind = PLN_VALUE_TEMPORARY;
    if (c->values[of].kind != PLN_VALUE_STATE)
        c->values[value].kind = PLN_VALUE_TEMPORARY;
    return value;
}

void conf_put_ends(struct conf_case *c, int32_t x, uint32_t first)
{
    static const float ends[] = {90, -90, 0, 6, 3};
    const struct conf_value *v = &c->values[x];
    float *data = v->data;
    for (uint32_t r = 1; data && r < conf_count(c, v->rows); r += 4)
        for (uint32_t k = 0; k < v->width; k++)
            data[(size_t)r * v->width + k] *= 3;
    if (data)
        memcpy(data + first, ends, sizeof ends);
}

float *conf_floats(struct conf_case *c, int32_t value)
{
    return c->values[value].data;
}

int32_t *conf_ints(struct conf_case *c, int32_t value)
{
    return c->values[value].data;
}

struct conf_node *conf_node(struct conf_case *c, uint32_t op, const void *params, uint32_t params_size,
                            uint32_t n_inputs, uint32_t n_outputs)
{
    struct conf_node *node = &c->nodes[c->n_nodes++];
    *node = (struct conf_node){.op = op, .params_size = params_size, .n_inputs = n_inputs, .n_outputs = n_outputs};
    if (params_size)
        memcpy(node->params, params, params_size);
    for (uint32_t i = 0; i < CONF_OPERANDS; i++)
        node->inputs[i] = node->outputs[i] = PLN_ABSENT;
    return node;
}

void conf_name_after(struct conf_case *c, const char *op)
{
    char name[sizeof c->name];
    snprintf(name, sizeof name, "%s%s", op, c->name + strcspn(c->name, " ,"));
    memcpy(c->name, name, sizeof name);
}

void conf_free(struct conf_case *c)
{
    for (uint32_t i = 0; i < c->n_values; i++)
        free(c->values[i].block ? c->values[i].block : c->values[i].data);
    c->n_values = c->n_nodes = c->n_symbols = 0;
}

struct conf_packed conf_pack(struct conf_case *c, const uint32_t *lengths, uint32_t n, bool one)
{
    struct conf_packed p = {.n = n};
    uint32_t full = 0;
    for (uint32_t i = 0; i < n; i++)
        full += lengths[i];
    if (c->round == 1 && n > 1)
        p.n--;
    for (uint32_t i = 0; i < p.n; i++) {
        const bool shortened = c->round == 1 && (i % 2 || n == 1);
        const uint32_t length = shortened ? (lengths[i] + (one || n == 1)) / 2 : lengths[i];
        p.starts[i + 1] = p.starts[i] + (int32_t)length;
    }
    p.rows = (pln_dim){conf_symbol(c, (uint32_t)p.starts[p.n], full + 3), 1, 0};
    p.starts_rows = (pln_dim){conf_symbol(c, p.n, n + 2), 1, 1};
    return p;
}

/* From numbers of sequences and positions on that 16 bits, and what floats count, do not hold. */
int32_t conf_origin(struct conf_case *c, pln_dim rows, const struct conf_packed *packed)
{
    enum { ROWS_OF_A_SEQUENCE = 6 };
    static const int32_t firsts[CONF_ROUNDS][2] = {{11, 0}, {70001, 3}, {0x1000005, 300001}};
    const int32_t *first = firsts[c->round % CONF_ROUNDS], value = add_integers(c, rows, 2);
    int32_t *data = conf_ints(c, value), sequence = 0, position = 0;
    for (uint32_t r = 0; data && r < conf_count(c, rows); r++, position++) {
        while (packed ? (int32_t)r >= packed->starts[sequence + 1] : position == ROWS_OF_A_SEQUENCE) {
            sequence++;
            position = 0;
        }
        data[2 * r] = first[0] + sequence;
        data[2 * r + 1] = first[1] + position;
    }
    return value;
}

/* The seed, low and high word, and the step, which are numbers of each run. */
int32_t conf_random(struct conf_case *c)
{
    static const int32_t numbers[CONF_ROUNDS][3] = {{-77, 12345, 3}, {77, -12345, 0x10004}, {5, 0, 0x1000007}};
    const int32_t value = add_integers(c, conf_fixed(1), 3);
    if (conf_ints(c, value))
        memcpy(conf_ints(c, value), numbers[c->round % CONF_ROUNDS], sizeof *numbers);
    return value;
}

const char *conf_op_name(uint32_t op)
{
    switch (op) {
#define PLN_OP(number, version, NAME, name, inputs, outputs, in_place, params, gradient)                               \
    case number:                                                                                                       \
        return #name;
#include "graph/ops.def"
#undef PLN_OP
    default:
        return "no op";
    }
}
