/* SPDX-License-Identifier: Apache-2.0
 *
 * From a case to a segment on a device: places in memory, constants, plan; the image that is written before and read
 * after each run.
 */
#include "conformance/instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD_WORDS = 64 };

bool conf_running;
uint32_t conf_allocations;

bool conf_in_memory(const struct conf_value *v)
{
    return v->kind != PLN_VALUE_CONSTANT && v->base == PLN_ABSENT;
}

/* Offsets are in words of 4 bytes on the host; a device with 8-byte floats has twice as many bytes. */
static void place_values(struct conf_instance *in, const struct conf_case *c)
{
    const uint32_t alignment = in->target->info.alignment / 4 ? in->target->info.alignment / 4 : 1;
    uint32_t at = 0;
    for (uint32_t i = 0; i < c->n_values; i++) {
        if (!conf_in_memory(&c->values[i]))
            continue;
        at += GUARD_WORDS;
        at = (at + alignment - 1) / alignment * alignment;
        in->places[i] = at;
        at += pln_dim_rows(c->values[i].rows, c->capacity) * c->values[i].stride;
    }
    in->words = at + GUARD_WORDS;
}

static pln_status create_constants(struct conf_instance *in, const struct conf_case *c, pln_failure *error)
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
                    uses[n++] = (pln_constant_use){.size = sizeof *uses, .op = c->nodes[j].op, .input = k};
        const pln_constant_info info = {.size = sizeof info,
                                        .rows = v->rows.offset,
                                        .width = v->width,
                                        .n_uses = n,
                                        .use_stride = sizeof *uses,
                                        .uses = uses,
                                        .plain = v->plain ? v->data : NULL,
                                        .source = v,
                                        .name = "weight"};
        status = in->target->backend->constant_create(in->target->device, &info, &in->constants[i], error);
    }
    return status;
}

/* As the host knows it. */
static uint32_t version_of(uint32_t op)
{
    switch (op) {
#define PLN_OP(number, version, NAME, name, inputs, outputs, in_place, params, gradient)                               \
    case number:                                                                                                       \
        return version;
#include "graph/ops.def"
#undef PLN_OP
    default:
        return 1;
    }
}

static void view_case(struct conf_instance *in, const struct conf_case *c)
{
    const bool host = in->target->info.flags & PLN_DEVICE_FLAG_HOST_MEMORY;
    const uint64_t wide = in->target->info.f32_bytes;
    const uint64_t place_bytes = wide > 4 ? wide : 4;
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
        if (host && in->image)
            in->values[i].data = in->image + in->places[base] + v->first;
        else if (!host)
            in->values[i].buffer = in->buffer;
        if (!host)
            in->values[i].offset = in->places[base] * place_bytes + v->first * (v->dtype == PLN_F32 ? wide : 4);
    }
    for (uint32_t i = 0; i < c->n_nodes; i++) {
        const struct conf_node *n = &c->nodes[i];
        in->nodes[i] = (pln_node_info){.op = n->op,
                                       .version = version_of(n->op),
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

void conf_instance_close(struct conf_instance *in)
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

enum conf_verdict conf_instance_view(struct conf_instance *in, const struct conf_case *c, char *why, size_t bytes)
{
    pln_failure error = {.size = sizeof error};
    pln_verdict verdicts[CONF_NODES] = {{0}};
    place_values(in, c);
    view_case(in, c);
    for (uint32_t i = 0; i < c->n_values; i++) { /* the contract: without memory */
        in->values[i].data = NULL;
        in->values[i].buffer = NULL;
        in->values[i].offset = 0;
    }
    for (uint32_t i = 0; i < CONF_NODES; i++)
        verdicts[i].size = sizeof *verdicts;
    if (in->target->backend->supports(in->target->device, &in->segment, verdicts, sizeof *verdicts, &error) != PLN_OK) {
        snprintf(why, bytes, "%s", error.message);
        return CONF_FAILED;
    }
    for (uint32_t i = 0; i < c->n_nodes; i++)
        if (!verdicts[i].supported) {
            snprintf(why, bytes, "refused: %s", verdicts[i].reason);
            return CONF_REFUSED;
        }
    return CONF_PASSED;
}

/* Memory and constants for what was looked at. */
static pln_status allocate(struct conf_instance *in, const struct conf_case *c, pln_failure *error)
{
    const pln_backend *b = in->target->backend;
    void *image = NULL;
    if (posix_memalign(&image, 4096, (in->words + 16) * sizeof(uint32_t)) != 0)
        image = NULL;
    in->image = image;
    in->after = malloc(in->words * sizeof *in->after);
    pln_status status = in->image && in->after ? PLN_OK : PLN_NO_MEMORY;
    if (status == PLN_OK && !(in->target->info.flags & PLN_DEVICE_FLAG_HOST_MEMORY))
        status = b->buffer_create(in->target->device, (uint64_t)in->words * (in->target->info.f32_bytes > 4 ? 8 : 4),
                                  &in->buffer, error);
    if (status == PLN_OK)
        status = create_constants(in, c, error);
    view_case(in, c);
    return status;
}

enum conf_verdict conf_instance_open(struct conf_instance *in, const struct conf_case *c, char *why, size_t bytes)
{
    const pln_backend *b = in->target->backend;
    pln_failure error = {.size = sizeof error};
    pln_plan_info dry = {.size = sizeof dry}, made = dry;
    const enum conf_verdict verdict = conf_instance_view(in, c, why, bytes);
    if (verdict != CONF_PASSED)
        return verdict;
    pln_status status = PLN_OK;
    if (b->plan_info)
        status = b->plan_info(in->target->device, &in->segment, NULL, &dry, &error);
    if (status == PLN_OK)
        status = allocate(in, c, &error);
    if (status == PLN_OK)
        status = b->plan_create(in->target->device, &in->segment, &in->plan, &error);
    if (status == PLN_OK && b->plan_info)
        status = b->plan_info(in->target->device, &in->segment, in->plan, &made, &error);
    if (status == PLN_OK && dry.scratch_bytes == made.scratch_bytes && dry.constant_bytes == made.constant_bytes)
        return CONF_PASSED;
    if (status == PLN_OK)
        snprintf(error.message, sizeof error.message,
                 "%llu bytes of scratch and %llu of constants were foretold, the plan took %llu and %llu",
                 (unsigned long long)dry.scratch_bytes, (unsigned long long)dry.constant_bytes,
                 (unsigned long long)made.scratch_bytes, (unsigned long long)made.constant_bytes);
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
void conf_fill_image(const struct conf_instance *in, const struct conf_case *c, uint32_t *image)
{
    for (uint32_t i = 0; i < in->words; i++)
        image[i] = CONF_PATTERN;
    for (uint32_t i = 0; i < c->n_values; i++) {
        const struct conf_value *v = &c->values[i];
        if (!conf_in_memory(v) || !v->data)
            continue;
        for (uint32_t j = 0; j < pln_dim_rows(v->rows, c->capacity) * v->stride; j++)
            image[in->places[i] + j] = CONF_POISON;
        for (uint32_t k = 0; k < v->width; k++)
            for (uint32_t r = 0; is_read(c, (int32_t)i, k) && r < conf_count(c, v->rows); r++)
                image[in->places[i] + (size_t)r * v->stride + k] =
                    ((const uint32_t *)v->data)[(size_t)r * v->width + k];
    }
}

/* Moves the image to the device or from it; value by value where elements are wider there. */
static pln_status move_image(struct conf_instance *in, const struct conf_case *c, bool write, pln_failure *error)
{
    const struct conf_target *t = in->target;
    if (t->info.flags & PLN_DEVICE_FLAG_HOST_MEMORY) {
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
        if (!conf_in_memory(v))
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

pln_status conf_instance_run(struct conf_instance *in, const struct conf_case *c, pln_failure *error)
{
    const pln_run run = {.size = sizeof run, .n_dims = c->n_symbols ? c->n_symbols : 1, .dims = c->numbers};
    conf_fill_image(in, c, in->image);
    pln_status status = move_image(in, c, true, error);
    conf_running = true;
    if (status == PLN_OK)
        status = in->target->backend->plan_run(in->plan, &run, error);
    conf_running = false;
    return status == PLN_OK ? move_image(in, c, false, error) : status;
}
