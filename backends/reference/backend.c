/* SPDX-License-Identifier: Apache-2.0
 *
 * The backend's table: one device, with f32 storage on host memory or f64 storage of its own.
 */
#define _GNU_SOURCE /* CLOCK_MONOTONIC under strict C */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/reference/kernel.h"
#include "backends/reference/reference.h"
#include "common/clock.h"
#include "common/settings.h"

struct row {
    uint32_t op, version, params_size, n_inputs, n_outputs;
    ref_kernel *f32, *f64;
};

#define F32(field) 4 +
#define U32(field) 4 +
#define I32(field) 4 +
#define PARAMS(fields) (fields 0)
static const struct row rows[] = {
#define PLN_OP(number, version, NAME, name, inputs, outputs, in_place, params, gradient)                               \
    {number, version, params, PLN_##NAME##_INPUTS, PLN_##NAME##_OUTPUTS, ref_f32_##name, ref_f64_##name},
#include "graph/ops.def"
#undef PLN_OP
};
enum { OPERANDS = 16 };

struct pln_device {
    const pln_host *host;
    bool wide; /* precision=f64 */
    struct settings settings;
};

struct pln_buffer {
    char *memory;
};

struct pln_constant {
    const void *rows; /* dense, of the storage type */
    void *own;        /* NULL if they are the caller's */
    uint64_t bytes;   /* of rows, also if they are the caller's */
};

struct node {
    const struct row *row;
    uint32_t params[24];
    uint32_t n_inputs, n_outputs;
    int32_t operands[2 * OPERANDS]; /* values; inputs, then outputs from OPERANDS */
};

struct value {
    void *data;
    pln_dim rows;
    uint32_t width, stride;
};

struct pln_plan {
    pln_device *device;
    bool timed;
    uint32_t n_nodes, n_values;
    struct node *nodes;
    struct value *values;
    uint64_t *ns;
    double *scratch; /* scratch_doubles a member */
    uint64_t scratch_doubles;
    const pln_run *run;
    atomic_bool cancelled; /* the run: kernels are passed over, barriers are not */
};

static const pln_setting_info table[] = {
    SETTING("precision", "f32|f64", "storage type; arithmetic is in f64 in both", "f32"),
    {0},
};

static pln_status device_count(uint32_t *count, pln_failure *error)
{
    (void)error;
    *count = 1;
    return PLN_OK;
}

static pln_status device_info(uint32_t index, const pln_device *device, pln_device_description *info,
                              pln_failure *error)
{
    if (index)
        return pln_failed(error, PLN_NO_DEVICE, -1, "reference has one device, not number %u", index);
    const bool wide = device && device->wide;
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE), free_pages = sysconf(_SC_AVPHYS_PAGES);
    pln_device_description full = {
        .size = sizeof full,
        .kind = PLN_DEVICE_KIND_CPU,
        .flags = PLN_DEVICE_FLAG_CONCURRENT | (wide ? 0u : PLN_DEVICE_FLAG_HOST_MEMORY),
        .dtypes = 1u << PLN_F32 | 1u << PLN_I32 | 1u << PLN_F64,
        .alignment = 64,
        .f32_bytes = wide ? 8 : 4,
        .row_multiple = 1,
        .free_bytes = free_pages > 0 && page > 0 ? (uint64_t)free_pages * (uint64_t)page : 0,
        .memory_bytes = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0,
        .name = "plain C, the definition of right",
        .driver = "built in",
        .version = "1",
    };
    settings_describe(table, device ? &device->settings : NULL, &full);
    pln_give(info, &full);
    return PLN_OK;
}

static pln_status device_open(uint32_t index, const pln_opening *opening, pln_device **device, pln_failure *error)
{
    if (index > 0)
        return pln_failed(error, PLN_NO_DEVICE, -1, "reference has one device");
    const pln_host *host = opening->host;
    pln_option given[SETTINGS_MOST];
    const uint32_t n = settings_take(opening, given);
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(given[i].key, "precision") != 0)
            return pln_failed(error, PLN_INVALID, -1, "reference knows no option %s", given[i].key);
    const char *precision = pln_option_value(given, n, "precision");
    if (precision && strcmp(precision, "f32") != 0 && strcmp(precision, "f64") != 0)
        return pln_failed(error, PLN_INVALID, -1, "precision of reference is f32 or f64, not %s", precision);
    *device = host->allocate(host->context, sizeof **device);
    if (!*device)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no memory to open reference");
    **device = (pln_device){.host = host, .wide = precision && strcmp(precision, "f64") == 0};
    settings_show(&(*device)->settings, table, given, n);
    return PLN_OK;
}

static void device_close(pln_device **device)
{
    if (*device)
        (*device)->host->release((*device)->host->context, *device);
    *device = NULL;
}

static pln_status buffer_create(pln_device *device, uint64_t bytes, pln_buffer **buffer, pln_failure *error)
{
    const pln_host *host = device->host;
    *buffer = host->allocate(host->context, sizeof **buffer);
    if (*buffer)
        (*buffer)->memory = host->allocate(host->context, bytes);
    if (*buffer && (*buffer)->memory)
        return PLN_OK;
    host->release(host->context, *buffer);
    *buffer = NULL;
    return pln_failed(error, PLN_NO_MEMORY, -1, "reference: no memory for a buffer of %llu bytes",
                      (unsigned long long)bytes);
}

static void buffer_destroy(pln_device *device, pln_buffer **buffer)
{
    if (*buffer) {
        device->host->release(device->host->context, (*buffer)->memory);
        device->host->release(device->host->context, *buffer);
    }
    *buffer = NULL;
}

static pln_status buffer_write(pln_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t count,
                               const void *data, pln_failure *error)
{
    (void)error;
    if (dtype == PLN_F32 && device->wide) {
        double *out = (double *)(void *)(buffer->memory + offset);
        for (uint64_t i = 0; i < count; i++)
            out[i] = (double)((const float *)data)[i];
    } else {
        memcpy(buffer->memory + offset, data, count * 4);
    }
    return PLN_OK;
}

static pln_status buffer_read(pln_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t count,
                              void *data, pln_failure *error)
{
    (void)error;
    if (dtype == PLN_F32 && device->wide) {
        const double *in = (const double *)(const void *)(buffer->memory + offset);
        for (uint64_t i = 0; i < count; i++)
            ((float *)data)[i] = (float)in[i];
    } else {
        memcpy(data, buffer->memory + offset, count * 4);
    }
    return PLN_OK;
}

static const struct row *find_row(uint32_t op)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].op == op)
            return &rows[i];
    return NULL;
}

/* NULL if the node is taken, else why not. */
static const char *refusal(const pln_segment *segment, const pln_node_info *node)
{
    const struct row *row = find_row(node->op);
    if (!row)
        return "an op that this build does not know";
    if (!pln_node_fits(segment, node, row->version, row->params_size, row->n_inputs, row->n_outputs))
        return "it uses more of the op than this build knows";
    return NULL;
}

static pln_status supports(pln_device *device, const pln_segment *segment, pln_verdict *verdicts,
                           uint32_t verdict_stride, pln_failure *error)
{
    (void)error;
    for (uint32_t i = 0; i < segment->n_nodes; i++) {
        const pln_node_info *node = pln_segment_node(segment, i);
        const char *reason = refusal(segment, node);
        pln_verdict *verdict = (pln_verdict *)(void *)((char *)verdicts + (size_t)i * verdict_stride);
        verdict->supported = !reason;
        verdict->estimated_ns = node->flops + node->bytes; /* about one operation or byte a nanosecond */
        snprintf(verdict->kernel, sizeof verdict->kernel, "reference %s", device->wide ? "f64" : "f32");
        snprintf(verdict->reason, sizeof verdict->reason, "%s", reason ? reason : "");
    }
    return PLN_OK;
}

/* f32 rows are used where they lie when they can be. */
static pln_status constant_create(pln_device *device, const pln_constant_info *info, pln_constant **constant,
                                  pln_failure *error)
{
    const pln_host *host = device->host;
    const size_t n = (size_t)info->rows * info->width;
    if (info->layout != PLN_LAYOUT_ROWS)
        return pln_failed(error, PLN_UNSUPPORTED, -1,
                          "reference: constant %s has a layout that this build does not know", info->name);
    pln_constant *c = host->allocate(host->context, sizeof *c);
    if (c)
        c->bytes = n * (device->wide ? sizeof(double) : sizeof(float));
    if (c && info->plain && !device->wide) {
        c->rows = info->plain;
    } else if (c) {
        c->own = host->allocate(host->context, c->bytes);
        c->rows = c->own;
    }
    if (!c || !c->rows) {
        host->release(host->context, c);
        return pln_failed(error, PLN_NO_MEMORY, -1, "reference: no memory for constant %s", info->name);
    }
    if (c->own) {
        host->constant_read(host->context, info, 0, info->rows, c->own);
        for (size_t i = n; device->wide && i-- > 0;) { /* from the end: the doubles grow over the floats */
            float f;
            memcpy(&f, (const char *)c->own + i * sizeof f, sizeof f);
            ((double *)c->own)[i] = (double)f;
        }
    }
    *constant = c;
    return PLN_OK;
}

static void constant_destroy(pln_device *device, pln_constant **constant)
{
    if (*constant) {
        device->host->release(device->host->context, (*constant)->own);
        device->host->release(device->host->context, *constant);
    }
    *constant = NULL;
}

/* Doubles that a member needs: a row of the widest value, the scores of one query against all keys, or the sums of
 * attention_backward. */
static uint64_t scratch_doubles(const pln_segment *segment)
{
    uint64_t most = 8;
    for (uint32_t i = 0; i < segment->n_values; i++) {
        const pln_value_info *value = pln_segment_value(segment, (int32_t)i);
        most = value->width > most ? value->width : most;
    }
    for (uint32_t i = 0; i < segment->n_nodes; i++) {
        const pln_node_info *node = pln_segment_node(segment, i);
        if (node->op != PLN_OP_ATTENTION && node->op != PLN_OP_ATTENTION_BACKWARD)
            continue;
        const pln_attention_params *params = node->params;
        const bool listed = node->op == PLN_OP_ATTENTION && node->n_inputs > PLN_ATTENTION_INPUT_KEY_ROWS &&
                            node->inputs[PLN_ATTENTION_INPUT_KEY_ROWS] != PLN_ABSENT;
        const pln_value_info *key =
            pln_segment_value(segment, node->inputs[listed ? PLN_ATTENTION_INPUT_KEY_ROWS : PLN_ATTENTION_INPUT_KEY]);
        const uint64_t keys = pln_dim_rows(key->rows, segment->capacity);
        const uint64_t n = node->op == PLN_OP_ATTENTION ? keys : (2 * keys + 1) * params->head_size;
        most = n > most ? n : most;
    }
    return (most + 7) & ~(uint64_t)7;
}

static void *value_data(const pln_value_info *value)
{
    if (value->constant)
        return (void *)(uintptr_t)value->constant->rows;
    return value->buffer ? value->buffer->memory + value->offset : value->data;
}

static void copy_segment(pln_plan *plan, const pln_segment *segment)
{
    for (uint32_t i = 0; i < segment->n_values; i++) {
        const pln_value_info *v = pln_segment_value(segment, (int32_t)i);
        plan->values[i] = (struct value){value_data(v), v->rows, v->width, v->row_stride};
    }
    for (uint32_t i = 0; i < segment->n_nodes; i++) {
        const pln_node_info *n = pln_segment_node(segment, i);
        struct node *node = &plan->nodes[i];
        node->row = find_row(n->op);
        const uint32_t known = node->row->params_size, bytes = n->params_size < known ? n->params_size : known;
        if (bytes)
            memcpy(node->params, n->params, bytes);
        for (uint32_t j = 0; j < OPERANDS; j++) {
            node->operands[j] = j < n->n_inputs && j < node->row->n_inputs ? n->inputs[j] : PLN_ABSENT;
            node->operands[OPERANDS + j] = j < n->n_outputs && j < node->row->n_outputs ? n->outputs[j] : PLN_ABSENT;
        }
    }
}

static void plan_destroy(pln_plan **plan)
{
    pln_plan *p = *plan;
    *plan = NULL;
    if (!p)
        return;
    const pln_host *host = p->device->host;
    host->release(host->context, p->nodes);
    host->release(host->context, p->values);
    host->release(host->context, p->ns);
    host->release(host->context, p->scratch);
    host->release(host->context, p);
}

static pln_status plan_create(pln_device *device, const pln_segment *segment, pln_plan **plan, pln_failure *error)
{
    const pln_host *host = device->host;
    for (uint32_t i = 0; i < segment->n_nodes; i++) {
        const char *reason = refusal(segment, pln_segment_node(segment, i));
        if (reason)
            return pln_failed(error, PLN_UNSUPPORTED, (int32_t)i, "reference refuses %s: %s",
                              pln_segment_node(segment, i)->name, reason);
    }
    pln_plan *p = host->allocate(host->context, sizeof *p);
    if (!p)
        return pln_failed(error, PLN_NO_MEMORY, -1, "reference: no memory for a plan");
    *p = (pln_plan){.device = device,
                    .timed = segment->flags & PLN_SEGMENT_TIMED,
                    .n_nodes = segment->n_nodes,
                    .n_values = segment->n_values,
                    .scratch_doubles = scratch_doubles(segment)};
    p->nodes = host->allocate(host->context, segment->n_nodes * sizeof *p->nodes);
    p->values = host->allocate(host->context, segment->n_values * sizeof *p->values);
    p->ns = host->allocate(host->context, segment->n_nodes * sizeof *p->ns);
    p->scratch =
        host->allocate(host->context, p->scratch_doubles * host->team_size(host->context) * sizeof *p->scratch);
    if (!p->nodes || !p->values || !p->ns || !p->scratch) {
        plan_destroy(&p);
        return pln_failed(error, PLN_NO_MEMORY, -1, "reference: no memory for a plan of %u nodes", segment->n_nodes);
    }
    copy_segment(p, segment);
    *plan = p;
    return PLN_OK;
}

static void run_member(void *argument, uint32_t index, uint32_t members)
{
    pln_plan *p = argument;
    const pln_host *host = p->device->host;
    for (uint32_t i = 0; i < p->n_nodes; i++) {
        const uint64_t begin = p->timed && !index ? clock_ns() : 0;
        struct ref_operand operands[2 * OPERANDS] = {{0}};
        for (uint32_t j = 0; j < 2 * OPERANDS; j++) {
            const int32_t at = p->nodes[i].operands[j];
            if (at == PLN_ABSENT)
                continue;
            const struct value *v = &p->values[at];
            operands[j] = (struct ref_operand){v->data, pln_dim_rows(v->rows, p->run->dims), v->width, v->stride};
        }
        const struct ref_call call = {
            operands, operands + OPERANDS, p->nodes[i].params, p->scratch + index * p->scratch_doubles, index, members};
        if (!atomic_load_explicit(&p->cancelled, memory_order_relaxed))
            (p->device->wide ? p->nodes[i].row->f64 : p->nodes[i].row->f32)(&call);
        host->team_barrier(host->context);
        if (p->timed && !index)
            p->ns[i] = clock_ns() - begin;
    }
}

static pln_status plan_run(pln_plan *plan, const pln_run *run, pln_failure *error)
{
    plan->run = run;
    atomic_store(&plan->cancelled, false);
    plan->device->host->team_run(plan->device->host->context, run_member, plan);
    plan->run = NULL;
    return atomic_load(&plan->cancelled) ? pln_failed(error, PLN_CANCELLED, -1, "reference: the run was cancelled")
                                         : PLN_OK;
}

static void plan_cancel(pln_plan *plan)
{
    atomic_store(&plan->cancelled, true);
}

static pln_status plan_timing(pln_plan *plan, uint64_t *node_ns, uint32_t n_nodes, pln_failure *error)
{
    if (!plan->timed || n_nodes != plan->n_nodes)
        return pln_failed(error, PLN_INVALID, -1, "reference: the plan was not made to be timed for %u nodes", n_nodes);
    memcpy(node_ns, plan->ns, n_nodes * sizeof *node_ns);
    return PLN_OK;
}

/* Rows that are used where they lie count too: they are in memory while the model is. */
static uint64_t constant_bytes(const pln_device *device, const pln_segment *segment, const pln_value_info *value)
{
    if (value->kind != PLN_VALUE_CONSTANT)
        return 0;
    return (uint64_t)pln_dim_rows(value->rows, segment->capacity) * value->width *
           (device->wide ? sizeof(double) : sizeof(float));
}

static pln_status plan_info(pln_device *device, const pln_segment *segment, pln_plan *plan, pln_plan_info *info,
                            pln_failure *error)
{
    (void)error;
    const uint64_t doubles = plan ? plan->scratch_doubles : scratch_doubles(segment);
    info->n_kernels = 0;
    info->scratch_bytes = doubles * device->host->team_size(device->host->context) * sizeof(double);
    info->constant_bytes = 0;
    for (uint32_t i = 0; segment && i < segment->n_values; i++) {
        const pln_value_info *value = pln_segment_value(segment, (int32_t)i);
        if (!plan)
            info->constant_bytes += constant_bytes(device, segment, value);
        else if (value->kind == PLN_VALUE_CONSTANT)
            info->constant_bytes += value->constant->bytes;
    }
    return PLN_OK;
}

static const pln_backend backend = {
    .size = sizeof backend,
    .abi = PLN_ABI_VERSION,
    .name = "reference",
    .version = "1",
    .device_count = device_count,
    .device_info = device_info,
    .device_open = device_open,
    .device_close = device_close,
    .buffer_create = buffer_create,
    .buffer_destroy = buffer_destroy,
    .buffer_write = buffer_write,
    .buffer_read = buffer_read,
    .supports = supports,
    .constant_create = constant_create,
    .constant_destroy = constant_destroy,
    .plan_create = plan_create,
    .plan_run = plan_run,
    .plan_destroy = plan_destroy,
    .plan_timing = plan_timing,
    .plan_info = plan_info,
    .plan_cancel = plan_cancel,
};

const pln_backend *pln_reference_query(uint32_t abi_min, uint32_t abi_max)
{
    return abi_min <= PLN_ABI_VERSION && PLN_ABI_VERSION <= abi_max ? &backend : NULL;
}
