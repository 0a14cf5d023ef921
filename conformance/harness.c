/* SPDX-License-Identifier: Apache-2.0
 *
 * A case on a device: one image of memory with guards round every value, written before and read after each run.
 */
#include "conformance/harness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD_WORDS = 64 };
/* Two quiet NaNs: processors hand on the payload of an operand, so that rows which are computed from what inputs hold
 * past their real rows would not show if outputs had held the same. */
static const uint32_t pattern = 0x7fc0beefu, poison = 0x7fc00001u;

/* Results hold inputs and weights of order one, so that outputs are of order one too: 2e-5 is some hundred roundings of
 * f32, what sums over a few thousand terms lose, and far below what a wrong index or a dropped term costs. */
double conf_tolerance = 2e-5;

bool conf_running;
uint32_t conf_allocations;

struct instance {
    const struct conf_target *target;
    uint32_t words; /* of the image */
    uint32_t *image, *after;
    uint32_t places[CONF_VALUES]; /* first word of each base value */
    pln_buffer *buffer;
    pln_constant *constants[CONF_VALUES];
    pln_plan *plan;
    pln_value_info values[CONF_VALUES];
    pln_node_info nodes[CONF_NODES];
    pln_segment segment;
};

static bool in_memory(const struct conf_value *v)
{
    return v->kind != PLN_VALUE_CONSTANT && v->base == PLN_ABSENT;
}

/* Offsets are in words of 4 bytes on the host; a device with 8-byte floats has twice as many bytes. */
static void place_values(struct instance *in, const struct conf_case *c)
{
    const uint32_t alignment = in->target->info.alignment / 4 ? in->target->info.alignment / 4 : 1;
    uint32_t at = 0;
    for (uint32_t i = 0; i < c->n_values; i++) {
        if (!in_memory(&c->values[i]))
            continue;
        at += GUARD_WORDS;
        at = (at + alignment - 1) / alignment * alignment;
        in->places[i] = at;
        at += pln_dim_rows(c->values[i].rows, c->capacity) * c->values[i].stride;
    }
    in->words = at + GUARD_WORDS;
}

static pln_status create_constants(struct instance *in, const struct conf_case *c, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < c->n_values; i++) {
        const struct conf_value *v = &c->values[i];
        if (v->kind != PLN_VALUE_CONSTANT)
            continue;
        pln_constant_use uses[CONF_OPERANDS];
        uint32_t n = 0;
        for (uint32_t j = 0; j < c->n_nodes; j++)
            for (uint32_t k = 0; k < c->nodes[j].n_inputs; k++)
                if (c->nodes[j].inputs[k] == (int32_t)i && n < CONF_OPERANDS)
                    uses[n++] = (pln_constant_use){c->nodes[j].op, k};
        const pln_constant_info info = {.size = sizeof info,
                                        .rows = v->rows.offset,
                                        .width = v->width,
                                        .n_uses = n,
                                        .uses = uses,
                                        .plain = v->plain ? v->data : NULL,
                                        .source = v,
                                        .name = "weight"};
        status = in->target->backend->constant_create(in->target->device, &info, &in->constants[i], error);
    }
    return status;
}

static void view_case(struct instance *in, const struct conf_case *c)
{
    const bool host = in->target->info.flags & PLN_DEVICE_HOST_MEMORY;
    const uint64_t wide = in->target->info.f32_bytes;
    for (uint32_t i = 0; i < c->n_values; i++) {
        const struct conf_value *v = &c->values[i];
        in->values[i] = (pln_value_info){.kind = v->kind,
                                         .dtype = v->dtype,
                                         .rows = v->rows,
                                         .width = v->width,
                                         .row_stride = v->stride,
                                         .constant = in->constants[i],
                                         .name = "value"};
        if (v->kind == PLN_VALUE_CONSTANT)
            continue;
        const uint32_t base = v->base == PLN_ABSENT ? i : (uint32_t)v->base;
        if (host)
            in->values[i].data = in->image + in->places[base] + v->first;
        else
            in->values[i].buffer = in->buffer;
        if (!host)
            in->values[i].offset =
                in->places[base] * (wide > 4 ? wide : 4) + v->first * (v->dtype == PLN_F32 ? wide : 4);
    }
    for (uint32_t i = 0; i < c->n_nodes; i++) {
        const struct conf_node *n = &c->nodes[i];
        in->nodes[i] = (pln_node_info){.op = n->op,
                                       .version = 1,
                                       .name = "node",
                                       .params = n->params,
                                       .params_size = n->params_size,
                                       .n_inputs = n->n_inputs,
                                       .n_outputs = n->n_outputs,
                                       .inputs = n->inputs,
                                       .outputs = n->outputs,
                                       .flops = 1000000,
                                       .bytes = 1000000};
    }
    in->segment = (pln_segment){.size = sizeof in->segment,
                                .n_nodes = c->n_nodes,
                                .node_stride = sizeof *in->nodes,
                                .nodes = in->nodes,
                                .n_values = c->n_values,
                                .value_stride = sizeof *in->values,
                                .values = in->values,
                                .n_symbols = c->n_symbols ? c->n_symbols : 1,
                                .capacity = c->capacity};
}

static void close_instance(struct instance *in)
{
    const pln_backend *b = in->target->backend;
    if (in->plan)
        b->plan_destroy(&in->plan);
    for (uint32_t i = 0; i < CONF_VALUES; i++)
        if (in->constants[i])
            b->constant_destroy(in->target->device, &in->constants[i]);
    if (in->buffer)
        b->buffer_destroy(in->target->device, &in->buffer);
    free(in->image);
    free(in->after);
}

/* CONF_REFUSED when the device takes a node not. */
static enum conf_verdict open_instance(struct instance *in, const struct conf_case *c, char *why, size_t bytes)
{
    const pln_backend *b = in->target->backend;
    pln_error error = {0};
    pln_verdict verdicts[CONF_NODES] = {{0}};
    place_values(in, c);
    void *image = NULL;
    if (posix_memalign(&image, 4096, (in->words + 16) * sizeof(uint32_t)) != 0)
        image = NULL;
    in->image = image;
    in->after = malloc(in->words * sizeof *in->after);
    view_case(in, c);
    for (uint32_t i = 0; i < CONF_NODES; i++)
        verdicts[i].size = sizeof *verdicts;
    pln_status status = in->image && in->after ? PLN_OK : PLN_NO_MEMORY;
    if (status == PLN_OK)
        status = b->supports(in->target->device, &in->segment, verdicts, sizeof *verdicts, &error);
    for (uint32_t i = 0; status == PLN_OK && i < c->n_nodes; i++)
        if (!verdicts[i].supported) {
            snprintf(why, bytes, "refused: %s", verdicts[i].reason);
            return CONF_REFUSED;
        }
    if (status == PLN_OK && !(in->target->info.flags & PLN_DEVICE_HOST_MEMORY))
        status = b->buffer_create(in->target->device, (uint64_t)in->words * (in->target->info.f32_bytes > 4 ? 8 : 4),
                                  &in->buffer, &error);
    if (status == PLN_OK)
        status = create_constants(in, c, &error);
    view_case(in, c);
    pln_plan_info dry = {.size = sizeof dry}, made = dry;
    if (status == PLN_OK && b->plan_info)
        status = b->plan_info(in->target->device, &in->segment, NULL, &dry, &error);
    if (status == PLN_OK)
        status = b->plan_create(in->target->device, &in->segment, &in->plan, &error);
    if (status == PLN_OK && b->plan_info)
        status = b->plan_info(in->target->device, &in->segment, in->plan, &made, &error);
    if (status == PLN_OK && dry.scratch_bytes == made.scratch_bytes)
        return CONF_PASSED;
    if (status == PLN_OK)
        snprintf(error.message, sizeof error.message, "%llu bytes of scratch were foretold, the plan took %llu",
                 (unsigned long long)dry.scratch_bytes, (unsigned long long)made.scratch_bytes);
    snprintf(why, bytes, "%s", error.message);
    return CONF_FAILED;
}

/* Whether a node reads column k of a value, itself or through a window; the parts of a flat state know no columns. */
static bool is_read(const struct conf_case *c, int32_t value, uint32_t k)
{
    for (uint32_t i = 0; i < c->n_nodes; i++)
        for (uint32_t j = 0; j < c->nodes[i].n_inputs; j++) {
            const int32_t at = c->nodes[i].inputs[j];
            const struct conf_value *v = at == PLN_ABSENT ? NULL : &c->values[at];
            if (v && (at == value || (v->base == value && (v->part || (k >= v->first && k - v->first < v->width)))))
                return true;
        }
    return false;
}

/* Everything is the pattern, inputs and states are the poison but for the real rows, and there beside a window too. */
static void fill_image(const struct instance *in, const struct conf_case *c, uint32_t *image)
{
    for (uint32_t i = 0; i < in->words; i++)
        image[i] = pattern;
    for (uint32_t i = 0; i < c->n_values; i++) {
        const struct conf_value *v = &c->values[i];
        if (!in_memory(v) || !v->data)
            continue;
        for (uint32_t j = 0; j < pln_dim_rows(v->rows, c->capacity) * v->stride; j++)
            image[in->places[i] + j] = poison;
        for (uint32_t k = 0; k < v->width; k++)
            for (uint32_t r = 0; is_read(c, (int32_t)i, k) && r < conf_count(c, v->rows); r++)
                image[in->places[i] + (size_t)r * v->stride + k] =
                    ((const uint32_t *)v->data)[(size_t)r * v->width + k];
    }
}

/* Moves the image to the device or from it; value by value where elements are wider there. */
static pln_status move_image(struct instance *in, const struct conf_case *c, bool write, pln_error *error)
{
    const struct conf_target *t = in->target;
    if (t->info.flags & PLN_DEVICE_HOST_MEMORY) {
        if (!write)
            memcpy(in->after, in->image, in->words * 4);
        return PLN_OK;
    }
    if (t->info.f32_bytes == 4)
        return write ? t->backend->buffer_write(t->device, in->buffer, 0, PLN_I32, in->words, in->image, error)
                     : t->backend->buffer_read(t->device, in->buffer, 0, PLN_I32, in->words, in->after, error);
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < c->n_values; i++) {
        const struct conf_value *v = &c->values[i];
        if (!in_memory(v))
            continue;
        const uint64_t offset = (uint64_t)in->places[i] * 8,
                       n = (uint64_t)pln_dim_rows(v->rows, c->capacity) * v->stride;
        status = write ? t->backend->buffer_write(t->device, in->buffer, offset, (pln_dtype)v->dtype, n,
                                                  in->image + in->places[i], error)
                       : t->backend->buffer_read(t->device, in->buffer, offset, (pln_dtype)v->dtype, n,
                                                 in->after + in->places[i], error);
    }
    return status;
}

static pln_status run_instance(struct instance *in, const struct conf_case *c, pln_error *error)
{
    const pln_run run = {.size = sizeof run, .n_dims = c->n_symbols ? c->n_symbols : 1, .dims = c->numbers};
    fill_image(in, c, in->image);
    pln_status status = move_image(in, c, true, error);
    conf_running = true;
    if (status == PLN_OK)
        status = in->target->backend->plan_run(in->plan, &run, error);
    conf_running = false;
    return status == PLN_OK ? move_image(in, c, false, error) : status;
}

/* ---- comparing
 * ---------------------------------------------------------------------------------------------------------------- */

static bool is_output(const struct conf_case *c, uint32_t value)
{
    for (uint32_t i = 0; i < c->n_nodes; i++)
        for (uint32_t j = 0; j < c->nodes[i].n_outputs; j++)
            if (c->nodes[i].outputs[j] == (int32_t)value)
                return true;
    return false;
}

/* The first word of a value or window in the image. */
static uint32_t place_of(const struct instance *in, const struct conf_case *c, uint32_t value)
{
    const struct conf_value *v = &c->values[value];
    return in->places[v->base == PLN_ABSENT ? value : (uint32_t)v->base] + v->first;
}

/* Marks the words that nodes may write. */
static void mark_written(const struct instance *in, const struct conf_case *c, bool *written)
{
    for (uint32_t i = 0; i < c->n_values; i++) {
        const struct conf_value *v = &c->values[i];
        for (uint32_t r = 0; is_output(c, i) && r < conf_count(c, v->rows); r++)
            for (uint32_t k = 0; k < v->width; k++)
                written[place_of(in, c, i) + r * v->stride + k] = true;
    }
}

/* Says which word of the image was written that is no element of an output. */
static void name_place(const struct instance *in, const struct conf_case *c, uint32_t word, char *why, size_t bytes)
{
    int32_t value = PLN_ABSENT; /* that the word is in or follows: places rise with the index */
    for (uint32_t i = 0; i < c->n_values; i++)
        if (in_memory(&c->values[i]) && in->places[i] <= word)
            value = (int32_t)i;
    if (value == PLN_ABSENT) {
        snprintf(why, bytes, "round %u: word %u was written, before the first value", c->round, word);
        return;
    }
    const struct conf_value *v = &c->values[value];
    const uint32_t at = word - in->places[value], row = at / v->stride, column = at % v->stride;
    const char *what = "beside what is written";
    if (row >= pln_dim_rows(v->rows, c->capacity))
        what = "a guard behind the value";
    else if (row >= conf_count(c, v->rows))
        what = "past the real rows";
    else if (column >= v->width)
        what = "padding";
    else if (v->data)
        what = "an input";
    snprintf(why, bytes, "round %u: value %d, row %u, column %u was written: %s", c->round, value, row, column, what);
}

static bool check_untouched(const struct instance *in, const struct conf_case *c, char *why, size_t bytes)
{
    bool *written = calloc(in->words, sizeof *written);
    uint32_t *before = malloc(in->words * sizeof *before), i = 0;
    if (written && before) {
        mark_written(in, c, written);
        fill_image(in, c, before);
        while (i < in->words && (written[i] || in->after[i] == before[i]))
            i++;
    }
    const bool untouched = i == in->words;
    if (!untouched)
        name_place(in, c, i, why, bytes);
    free(written);
    free(before);
    return untouched;
}

/* A NaN is right where the oracle has one, but not the pattern: then the element was not written. */
static bool check_outputs(const struct instance *in, const struct instance *oracle, const struct conf_case *c,
                          char *why, size_t bytes)
{
    for (uint32_t i = 0; i < c->n_values; i++) {
        const struct conf_value *v = &c->values[i];
        for (uint32_t r = 0; is_output(c, i) && r < conf_count(c, v->rows); r++)
            for (uint32_t k = 0; k < v->width; k++) {
                const uint32_t at = r * v->stride + k, *word = &in->after[place_of(in, c, i) + at];
                float y, right;
                memcpy(&y, word, 4);
                memcpy(&right, &oracle->after[place_of(oracle, c, i) + at], 4);
                const double bound = v->bound > 0 ? v->bound : conf_tolerance * (1 + fabs((double)right));
                const bool same = (isnan(y) && isnan(right)) || y == right || fabs((double)y - (double)right) <= bound;
                if (same && *word != pattern)
                    continue;
                snprintf(why, bytes, "round %u: value %u, row %u, column %u is %.8g%s, expected %.8g", c->round, i, r,
                         k, (double)y, *word == pattern ? " as before the run" : "", (double)right);
                return false;
            }
    }
    return true;
}

/* The case of round 0 lives on: a device may use its constants where they lie. */
static enum conf_verdict run_rounds(struct instance *in, struct instance *oracle, conf_fill *fill, uint32_t index,
                                    char *why, size_t bytes)
{
    enum conf_verdict verdict = CONF_PASSED;
    for (uint32_t round = 0; verdict == CONF_PASSED && round < CONF_ROUNDS; round++) {
        pln_error error = {0};
        struct conf_case now;
        conf_begin(&now, index, round);
        fill(&now, index);
        if (run_instance(in, &now, &error) != PLN_OK || run_instance(oracle, &now, &error) != PLN_OK) {
            snprintf(why, bytes, "round %u: %s", round, error.message);
            verdict = CONF_FAILED;
        } else if (conf_allocations) {
            snprintf(why, bytes, "round %u: %u allocations while the plan ran", round, conf_allocations);
            conf_allocations = 0;
            verdict = CONF_FAILED;
        } else if (!check_outputs(in, oracle, &now, why, bytes) ||
                   (in->target->info.f32_bytes == 4 && !check_untouched(in, &now, why, bytes))) {
            verdict = CONF_FAILED;
        }
        conf_free(&now);
    }
    return verdict;
}

enum conf_verdict conf_check(const struct conf_target *target, const struct conf_target *oracle, conf_fill *fill,
                             uint32_t index, const struct conf_case *c, char *why, size_t why_bytes)
{
    struct instance in = {.target = target}, right = {.target = oracle};
    enum conf_verdict verdict = open_instance(&in, c, why, why_bytes);
    if (verdict == CONF_PASSED)
        verdict = open_instance(&right, c, why, why_bytes);
    if (verdict == CONF_PASSED)
        verdict = run_rounds(&in, &right, fill, index, why, why_bytes);
    close_instance(&in);
    close_instance(&right);
    return verdict;
}
