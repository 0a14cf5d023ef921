/* SPDX-License-Identifier: Apache-2.0
 *
 * The loss comes back in f32. So that differences keep their digits, the graph ends in a magnifying glass: 2^20 times
 * what the loss is more than at the middle.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/graph/differences.h"
#include "tests/must.h"

static const double zoom = 1 << 20;

struct experiment {
    struct diff *d;
    pln_schedule *schedule;
    const char *name;
    float *parameters, *moved;
    uint64_t n_parameters;
    float center;
};

uint32_t diff_below(struct diff *d, uint32_t n)
{
    d->seed = d->seed * 1664525u + 1013904223u;
    return n ? (d->seed >> 8) % n : 0;
}

static float noise(struct diff *d)
{
    return ((float)diff_below(d, 2049) - 1024) / 1024;
}

pln_dim diff_rows(uint32_t symbol)
{
    return (pln_dim){symbol, 1, 0};
}

pln_value *diff_input(struct diff *d, const char *name, pln_dim rows, uint32_t width, enum diff_fill fill,
                      uint32_t number)
{
    for (uint32_t i = 0; i < d->n_inputs; i++)
        if (strcmp(d->inputs[i].value->name, name) == 0)
            return d->inputs[i].value;
    const bool reals =
        fill == DIFF_REALS || fill == DIFF_SPREAD || fill == DIFF_ONES || fill == DIFF_TOTAL || fill == DIFF_POSITIVE;
    pln_value *value = pln_graph_input(d->g, name, reals ? PLN_F32 : PLN_I32, rows, width);
    d->inputs[d->n_inputs++] = (struct diff_input){.value = value, .fill = fill, .number = number};
    d->pairs |= fill == DIFF_PAIR_STARTS;
    return value;
}

pln_value *diff_wanted(struct diff *d, const char *name, pln_dim rows, uint32_t width, enum diff_fill fill)
{
    pln_value *value = diff_input(d, name, rows, width, fill, 0);
    d->inputs[d->n_inputs - 1].wanted = true;
    return value;
}

static const pln_tensor *draw_tensor(struct diff *d, const char *name, uint32_t rows, uint32_t width)
{
    const size_t n = (size_t)rows * width;
    float *data = malloc(n * sizeof *data);
    assert_non_null(data);
    for (size_t i = 0; i < n; i++)
        data[i] = noise(d);
    char *copy = d->names[d->n_weights];
    snprintf(copy, sizeof d->names[0], "%s", name);
    pln_tensor *tensor = &d->weights[d->n_weights++];
    *tensor = (pln_tensor){.name = copy, .dtype = PLN_F32, .rank = 2, .shape = {rows, width}, .data = data};
    return tensor;
}

pln_value *diff_weight(struct diff *d, const char *name, uint32_t rows, uint32_t width)
{
    const pln_tensor *tensor = draw_tensor(d, name, rows, width);
    return pln_graph_parameter(d->g, name, &tensor, 1,
                               PLN_OPTIONS(pln_parameter_options, .weight_decay = 1, .learning_rate = 1));
}

pln_value *diff_constant(struct diff *d, uint32_t rows, uint32_t width)
{
    const pln_tensor *tensor = draw_tensor(d, "constant", rows, width);
    return pln_graph_constant(d->g, "constant", &tensor, 1);
}

pln_value *diff_starts(struct diff *d)
{
    return diff_input(d, "starts", (pln_dim){DIFF_BATCH, 1, 1}, 1, DIFF_STARTS, 0);
}

pln_value *diff_origin(struct diff *d)
{
    return diff_input(d, "origin", diff_rows(DIFF_TOKENS), 2, DIFF_ORIGIN, 0);
}

pln_value *diff_random(struct diff *d)
{
    return diff_input(d, "random", pln_rows_fixed(1), 3, DIFF_BELOW, 1 << 20);
}

pln_value *diff_loss(struct diff *d, pln_value *x)
{
    if (!x)
        return NULL;
    return pln_mean_squared_error(d->g, "loss", x, diff_input(d, "labels", x->rows, x->width, DIFF_REALS, 0), NULL);
}

/* ---- inputs */

static void fill_starts(struct diff *d, int32_t *out, bool sources, bool pairs)
{
    int32_t at = 0;
    for (uint32_t i = 0; i < d->dims[DIFF_BATCH]; i++) {
        out[i] = at;
        const int32_t s = sources ? d->sources[i] : d->lengths[i];
        at += pairs ? s * d->lengths[i] : s;
    }
    out[d->dims[DIFF_BATCH]] = at;
}

static void fill_origin(const struct diff *d, int32_t *out)
{
    for (int32_t b = 0; b < (int32_t)d->dims[DIFF_BATCH]; b++)
        for (int32_t i = 0; i < d->lengths[b]; i++) {
            *out++ = 7 * b + 3; /* as if other sequences of the step ran elsewhere */
            *out++ = i;
        }
}

static void fill_integers(struct diff *d, const struct diff_input *in, int32_t *out, uint32_t n)
{
    if (in->fill == DIFF_STARTS || in->fill == DIFF_SOURCE_STARTS)
        fill_starts(d, out, in->fill == DIFF_SOURCE_STARTS, false);
    else if (in->fill == DIFF_PAIR_STARTS)
        fill_starts(d, out, false, true);
    else if (in->fill == DIFF_ORIGIN)
        fill_origin(d, out);
    else
        for (uint32_t i = 0; i < n; i++)
            out[i] = in->fill == DIFF_LABELS && i && !diff_below(d, 4) ? -100 : (int32_t)diff_below(d, in->number);
}

static void fill_input(struct diff *d, struct diff_input *in)
{
    const uint32_t n = pln_dim_rows(in->value->rows, d->dims) * in->value->width;
    float *reals = in->data;
    if (in->value->dtype == PLN_I32) {
        fill_integers(d, in, in->data, n);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        reals[i] = in->fill == DIFF_SPREAD     ? ((float)diff_below(d, 192) - 96) / 8 + 0.0625f
                   : in->fill == DIFF_ONES     ? (float)(!i || diff_below(d, 4))
                   : in->fill == DIFF_TOTAL    ? (float)in->number + 0.5f
                   : in->fill == DIFF_POSITIVE ? (float)(512 + diff_below(d, 1025)) / 1024
                                               : noise(d);
}

static void draw_lengths(struct diff *d, bool full)
{
    const uint32_t batch = full ? DIFF_SEQUENCES : DIFF_SEQUENCES - diff_below(d, 2);
    uint32_t tokens = 0, sources = 0, pairs = 0;
    for (uint32_t i = 0; i < batch; i++) {
        d->lengths[i] = full ? DIFF_LENGTH : 2 + (int32_t)diff_below(d, DIFF_LENGTH - 1);
        d->sources[i] = full ? DIFF_LENGTH : 2 + (int32_t)diff_below(d, DIFF_LENGTH - 1);
        tokens += (uint32_t)d->lengths[i];
        sources += (uint32_t)d->sources[i];
        pairs += (uint32_t)(d->lengths[i] * d->lengths[i]);
    }
    const uint32_t dims[] = {0, tokens, batch, sources, pairs, full ? 16 : 5 + diff_below(d, 9)};
    memcpy(d->dims, dims, sizeof dims);
}

static void allocate_inputs(struct diff *d)
{
    static const uint32_t most[8] = {0, 16, 4, 16, 64, 16};
    for (uint32_t i = 0; i < d->n_inputs; i++) {
        const pln_value *value = d->inputs[i].value;
        free(d->inputs[i].data);
        d->inputs[i].data = calloc((size_t)pln_dim_rows(value->rows, most) * value->width + 4, 4);
        assert_non_null(d->inputs[i].data);
    }
}

/* ---- runs */

static double run(struct experiment *e, float **gradients)
{
    struct diff *d = e->d;
    pln_binding inputs[DIFF_INPUTS + 1], outputs[DIFF_INPUTS + 1];
    uint32_t n_outputs = 1;
    float zoomed = NAN;
    pln_error error;
    for (uint32_t i = 0; i < d->n_inputs; i++) {
        inputs[i] = (pln_binding){d->inputs[i].value->name, d->inputs[i].data};
        if (gradients && d->inputs[i].gradient)
            outputs[n_outputs++] = (pln_binding){d->inputs[i].value->name, gradients[i]};
    }
    inputs[d->n_inputs] = (pln_binding){"center", &e->center};
    outputs[0] = (pln_binding){"zoomed", &zoomed};
    must(pln_schedule_run(e->schedule, d->dims, DIFF_SYMBOLS, inputs, d->n_inputs + 1, outputs, n_outputs, &error),
         &error);
    return (double)zoomed;
}

static void write_state(struct experiment *e, const char *name, const float *data)
{
    pln_error error;
    if (e->n_parameters)
        must(pln_schedule_state_write(e->schedule, name, data, &error), &error);
}

/* What the loss is when `at` is moved: along a direction of +1 and -1 drawn by a seed, or at one element (n = 1). */
static double moved_loss(struct experiment *e, float *at, uint64_t n, uint32_t direction, float step)
{
    float *old = malloc(n * sizeof *old);
    assert_non_null(old);
    memcpy(old, at, n * sizeof *old);
    for (uint64_t i = 0; i < n; i++)
        at[i] += (direction >> (i % 29) & 1) != 0 ? step : -step;
    write_state(e, "parameters", e->parameters);
    const double loss = run(e, NULL);
    memcpy(at, old, n * sizeof *old);
    free(old);
    return loss;
}

/* Fourth order: what is left is of the order of the step to the fourth. */
static void expect_slope(struct experiment *e, float *at, const float *gradient, uint64_t n, const char *of)
{
    const float step = n > 1 ? 0x1p-10f : 0x1p-7f;
    const uint32_t direction = n > 1 ? diff_below(e->d, 1 << 24) * 32 + 5 : 1;
    double expected = 0;
    for (uint64_t i = 0; i < n; i++)
        expected += (direction >> (i % 29) & 1) != 0 ? (double)gradient[i] : -(double)gradient[i];
    const double near = moved_loss(e, at, n, direction, step) - moved_loss(e, at, n, direction, -step);
    const double far = moved_loss(e, at, n, direction, 2 * step) - moved_loss(e, at, n, direction, -2 * step);
    const double slope = (8 * near - far) / (12 * (double)step * zoom);
    const double off = fabs(slope - expected) / (1 + fabs(expected));
    e->d->worst = off > e->d->worst ? off : e->d->worst;
    if (!(off < 2e-6))
        fail_msg("%s: gradient by %s is %.9g, differences say %.9g", e->name, of, expected, slope);
}

static void expect_slopes(struct experiment *e, float *at, const float *gradient, uint64_t n, const char *of)
{
    expect_slope(e, at, gradient, n, of);
    for (int i = 0; i < 3; i++) {
        const uint64_t one = diff_below(e->d, (uint32_t)n);
        expect_slope(e, at + one, gradient + one, 1, of);
    }
}

/* NaN everywhere in the rows that the next batch does not have. */
static void poison(struct experiment *e)
{
    struct diff *d = e->d;
    if (d->pairs)
        return;
    draw_lengths(d, true);
    for (uint32_t i = 0; i < d->n_inputs; i++) {
        struct diff_input *in = &d->inputs[i];
        fill_input(d, in);
        for (uint32_t j = 0;
             in->value->dtype == PLN_F32 && j < pln_dim_rows(in->value->rows, d->dims) * in->value->width; j++)
            ((float *)in->data)[j] = NAN;
    }
    run(e, NULL);
}

static void prepare(struct experiment *e)
{
    struct diff *d = e->d;
    pln_error error;
    e->n_parameters = (uint64_t)pln_graph_parameter_rows(d->g) * PLN_PARAMETER_WIDTH;
    e->parameters = calloc(e->n_parameters + 1, sizeof *e->parameters);
    e->moved = calloc(e->n_parameters + 1, sizeof *e->moved);
    d->n_gradients = e->n_parameters;
    free(d->gradients);
    d->gradients = calloc(e->n_parameters + 1, sizeof *d->gradients);
    assert_true(e->parameters && e->moved && d->gradients);
    pln_graph_parameter_values(d->g, e->parameters);
    allocate_inputs(d);
    draw_lengths(d, true);
    must(pln_schedule_prepare(e->schedule, d->dims, DIFF_SYMBOLS, &error), &error);
    write_state(e, "parameters", e->parameters);
    poison(e);
    draw_lengths(d, false);
    for (uint32_t i = 0; i < d->n_inputs; i++)
        fill_input(d, &d->inputs[i]);
}

/* A second run adds the same again; what belongs to no parameter stays zero. */
static void take_gradients(struct experiment *e, float **of_inputs)
{
    struct diff *d = e->d;
    pln_error error;
    e->center = (float)-run(e, NULL);
    write_state(e, "gradients", d->gradients);
    run(e, of_inputs);
    if (!e->n_parameters)
        return;
    must(pln_schedule_state_read(e->schedule, "gradients", d->gradients, &error), &error);
    run(e, NULL);
    must(pln_schedule_state_read(e->schedule, "gradients", e->moved, &error), &error);
    for (uint64_t i = 0; i < e->n_parameters; i++)
        if (!(fabsf(e->moved[i] - 2 * d->gradients[i]) <= 1e-6f * fabsf(e->moved[i])))
            fail_msg("%s: element %llu is %g and then %g", e->name, (unsigned long long)i, (double)d->gradients[i],
                     (double)e->moved[i]);
}

static void compare(struct experiment *e)
{
    struct diff *d = e->d;
    float *of_inputs[DIFF_INPUTS] = {0};
    for (uint32_t i = 0; i < d->n_inputs; i++)
        if (d->inputs[i].gradient) {
            of_inputs[i] = calloc(64 * 64, sizeof(float));
            assert_non_null(of_inputs[i]);
        }
    take_gradients(e, of_inputs);
    for (uint32_t i = 0; i < pln_graph_parameter_count(d->g); i++) {
        const pln_parameter *p = pln_graph_parameter_at(d->g, i);
        const uint32_t r = diff_below(d, p->rows);
        for (uint32_t row = 0; row < p->rows; row += r + 1) {
            const uint64_t at = p->first + (uint64_t)row * p->row_stride;
            expect_slopes(e, e->parameters + at, d->gradients + at, p->width, p->name);
        }
    }
    for (uint32_t i = 0; i < d->n_inputs; i++)
        if (of_inputs[i])
            expect_slopes(e, d->inputs[i].data, of_inputs[i],
                          pln_dim_rows(d->inputs[i].value->rows, d->dims) * d->inputs[i].value->width,
                          d->inputs[i].value->name);
    for (uint32_t i = 0; i < d->n_inputs; i++)
        free(of_inputs[i]);
}

/* ---- cases */

static void forget_graph(struct diff *d)
{
    for (uint32_t i = 0; i < d->n_inputs; i++)
        free(d->inputs[i].data);
    for (uint32_t i = 0; i < d->n_weights; i++)
        free((void *)(uintptr_t)d->weights[i].data);
    pln_graph_destroy(&d->g);
    memset(d->inputs, 0, sizeof d->inputs);
    d->n_inputs = d->n_weights = 0;
    d->pairs = false;
}

void diff_finish(struct diff *d)
{
    forget_graph(d);
    free(d->gradients);
}

/* The loss under the magnifying glass, and the gradients of inputs. */
static void add_outputs(struct diff *d, pln_value *loss)
{
    static const float power = 1 << 20;
    static const pln_tensor tensor = {.name = "zoom", .dtype = PLN_F32, .rank = 2, .shape = {1, 1}, .data = &power};
    const pln_tensor *part = &tensor;
    pln_value *wanted[DIFF_INPUTS], *gradients[DIFF_INPUTS];
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->n_inputs; i++)
        if (d->inputs[i].wanted)
            wanted[n++] = d->inputs[i].value;
    pln_graph_gradients(d->g, &(pln_loss){loss, 1}, 1,
                        PLN_OPTIONS(pln_gradient_options, .inputs = wanted, .n_inputs = n, .gradients = gradients,
                                    .recompute = &d->recompute, .n_recompute = d->recompute != NULL));
    n = 0;
    for (uint32_t i = 0; i < d->n_inputs; i++) {
        d->inputs[i].gradient = d->inputs[i].wanted ? gradients[n++] : NULL;
        if (d->inputs[i].gradient)
            pln_graph_output(d->g, d->inputs[i].value->name, d->inputs[i].gradient);
    }
    pln_value *center = pln_graph_input(d->g, "center", PLN_F32, pln_rows_fixed(1), 1);
    pln_graph_output(d->g, "zoomed",
                     pln_linear(d->g, loss, pln_graph_constant(d->g, "zoom", &part, 1),
                                PLN_OPTIONS(pln_linear_options, .name = "zoom", .bias = center)));
}

bool diff_check(struct diff *d, pln_devices *f64, const char *name, diff_case *describe, uint32_t variant,
                uint32_t seed)
{
    static const char *const symbols[] = {"tokens", "batch", "source_tokens", "pair_starts.total", "targets"};
    struct experiment e = {.d = d, .name = name};
    pln_error error;
    forget_graph(d);
    d->seed = seed;
    d->worst = 0;
    d->g = pln_graph_create(name);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(pln_graph_symbol(d->g, symbols[i]), i + 1);
    pln_value *loss = describe(d, variant);
    if (!loss && pln_graph_finish(d->g, &error) == PLN_INVALID && strstr(error.message, "no output"))
        return false;
    for (uint32_t i = 0; loss && i < d->g->n_nodes; i++)
        d->used[d->g->nodes[i]->op] = true;
    if (loss)
        add_outputs(d, loss);
    must(pln_graph_finish(d->g, &error), &error);
    must(pln_schedule_create(d->g, f64, NULL, &e.schedule, &error), &error);
    prepare(&e);
    compare(&e);
    pln_schedule_destroy(&e.schedule);
    free(e.parameters);
    free(e.moved);
    return true;
}
