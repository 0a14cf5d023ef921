/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest honest backend: `linear` as inference has it, in plain C, on host memory.
 */
#include <math.h>
#include <stdio.h>

#include <pleione_backend.h>
#include <pleione_ops.h>

struct pln_device {
    const pln_host *host;
};
struct pln_constant { /* dense rows: the host's, where they stay, else our own */
    const float *rows;
    float own[];
};

struct matrix { /* an operand; data NULL: it is absent */
    const void *data;
    pln_dim rows;
    uint32_t width, stride;
};
struct node {
    uint32_t activation;
    struct matrix x, weight, bias, residual, y;
};
struct pln_plan {
    const pln_host *host;
    const uint32_t *dims; /* of the run in progress */
    uint32_t n_nodes;
    struct node nodes[];
};

static pln_status device_count(uint32_t *count, pln_failure *failure)
{
    (void)failure;
    *count = 1;
    return PLN_OK;
}

static pln_status device_info(uint32_t index, const pln_device *device, pln_device_description *info,
                              pln_failure *failure)
{
    (void)device;
    if (index)
        return pln_failed(failure, PLN_NO_DEVICE, -1, "mini: there is one device");
    pln_give(info, &(pln_device_description){.size = sizeof *info,
                                             .kind = PLN_DEVICE_KIND_CPU,
                                             .flags = PLN_DEVICE_FLAG_HOST_MEMORY,
                                             .dtypes = 1u << PLN_F32 | 1u << PLN_I32,
                                             .alignment = 64,
                                             .f32_bytes = 4,
                                             .row_multiple = 1,
                                             .name = "linear in plain C",
                                             .driver = "none",
                                             .version = "1"});
    return PLN_OK;
}

static pln_status device_open(uint32_t index, const pln_opening *opening, pln_device **device, pln_failure *failure)
{
    const pln_host *host = opening->host;
    if (index || opening->n_settings)
        return pln_failed(failure, index ? PLN_NO_DEVICE : PLN_INVALID, -1, "mini: one device, without settings");
    *device = host->allocate(host->context, sizeof **device);
    if (!*device)
        return pln_failed(failure, PLN_NO_MEMORY, -1, "mini: no memory for a device");
    (*device)->host = host;
    return PLN_OK;
}

static void device_close(pln_device **device)
{
    if (*device)
        (*device)->host->release((*device)->host->context, *device);
    *device = NULL;
}

static float activate(uint32_t activation, float x)
{
    if (activation == PLN_ACTIVATION_GELU)
        return 0.5f * x * (1 + erff(x * 0.70710678f));
    if (activation == PLN_ACTIVATION_RELU)
        return x < 0 ? 0 : x;
    return activation == PLN_ACTIVATION_TANH ? tanhf(x) : x;
}

/* Why node i is not taken, or NULL. */
static const char *refusal(const pln_segment *segment, uint32_t i)
{
    const pln_node_info *node = pln_segment_node(segment, i);
    if (node->op != PLN_OP_LINEAR)
        return "only linear is taken";
    /* linear has one output that inference needs: who gives no pre-activation knows one output. */
    if (!pln_node_fits(segment, node, PLN_LINEAR_VERSION, sizeof(pln_linear_params), PLN_LINEAR_INPUTS, 1))
        return "a newer linear than this build knows, or its pre-activation";
    const pln_linear_params *params = node->params;
    const uint32_t a = params->activation;
    if (a != PLN_ACTIVATION_NONE && a != PLN_ACTIVATION_GELU && a != PLN_ACTIVATION_RELU && a != PLN_ACTIVATION_TANH)
        return "only the activations none, gelu, relu and tanh are taken";
    return params->drop_below ? "dropout is not taken" : NULL;
}

static pln_status supports(pln_device *device, const pln_segment *segment, pln_verdict *verdicts,
                           uint32_t verdict_stride, pln_failure *failure)
{
    (void)device, (void)failure;
    for (uint32_t i = 0; i < segment->n_nodes; i++) {
        const pln_node_info *node = pln_segment_node(segment, i);
        const char *reason = refusal(segment, i);
        pln_verdict *verdict = (pln_verdict *)(void *)((char *)verdicts + (size_t)i * verdict_stride);
        verdict->supported = !reason;
        verdict->estimated_ns = node->flops / 2;
        snprintf(verdict->kernel, sizeof verdict->kernel, "linear plain C");
        snprintf(verdict->reason, sizeof verdict->reason, "%s", reason ? reason : "");
    }
    return PLN_OK;
}

static pln_status constant_create(pln_device *device, const pln_constant_info *info, pln_constant **constant,
                                  pln_failure *failure)
{
    const pln_host *host = device->host;
    const size_t bytes = info->plain ? 0 : (size_t)info->rows * info->width * sizeof(float);
    pln_constant *c = host->allocate(host->context, sizeof *c + bytes);
    if (!c)
        return pln_failed(failure, PLN_NO_MEMORY, -1, "mini: no memory for a constant");
    if (!info->plain)
        host->constant_read(host->context, info, 0, info->rows, c->own);
    c->rows = info->plain ? info->plain : c->own;
    *constant = c;
    return PLN_OK;
}

static void constant_destroy(pln_device *device, pln_constant **constant)
{
    device->host->release(device->host->context, *constant);
    *constant = NULL;
}

/* Where an operand of the list lies; data NULL: it is absent. A constant has no padding, since it was made dense. */
static struct matrix operand(const pln_segment *segment, const int32_t *list, uint32_t n, uint32_t i)
{
    const pln_value_info *v = i < n ? pln_segment_value(segment, list[i]) : NULL;
    if (!v)
        return (struct matrix){0};
    if (v->constant)
        return (struct matrix){v->constant->rows, v->rows, v->width, v->width};
    return (struct matrix){v->data, v->rows, v->width, v->row_stride};
}

static void plan_destroy(pln_plan **plan)
{
    if (*plan)
        (*plan)->host->release((*plan)->host->context, *plan);
    *plan = NULL;
}

static pln_status plan_create(pln_device *device, const pln_segment *segment, pln_plan **plan, pln_failure *failure)
{
    const pln_host *host = device->host;
    for (uint32_t i = 0; i < segment->n_nodes; i++)
        if (refusal(segment, i))
            return pln_failed(failure, PLN_UNSUPPORTED, (int32_t)i, "mini: %s", refusal(segment, i));
    pln_plan *p = host->allocate(host->context, sizeof *p + segment->n_nodes * sizeof *p->nodes);
    if (!p)
        return pln_failed(failure, PLN_NO_MEMORY, -1, "mini: no memory for a plan");
    *p = (pln_plan){.host = host, .n_nodes = segment->n_nodes};
    for (uint32_t i = 0; i < segment->n_nodes; i++) {
        const pln_node_info *node = pln_segment_node(segment, i);
        p->nodes[i].activation = ((const pln_linear_params *)node->params)->activation;
        p->nodes[i].x = operand(segment, node->inputs, node->n_inputs, PLN_LINEAR_INPUT_X);
        p->nodes[i].weight = operand(segment, node->inputs, node->n_inputs, PLN_LINEAR_INPUT_WEIGHT);
        p->nodes[i].bias = operand(segment, node->inputs, node->n_inputs, PLN_LINEAR_INPUT_BIAS);
        p->nodes[i].residual = operand(segment, node->inputs, node->n_inputs, PLN_LINEAR_INPUT_RESIDUAL);
        p->nodes[i].y = operand(segment, node->outputs, node->n_outputs, PLN_LINEAR_OUTPUT_Y);
    }
    *plan = p;
    return PLN_OK;
}

static const float *row(const struct matrix *m, uint32_t r)
{
    return m->data ? (const float *)m->data + (size_t)r * m->stride : NULL;
}

static void linear_row(const struct node *node, uint32_t r)
{
    const float *x = row(&node->x, r), *bias = row(&node->bias, 0), *residual = row(&node->residual, r);
    float *y = (float *)(uintptr_t)row(&node->y, r);
    for (uint32_t c = 0; c < node->y.width; c++) {
        const float *w = row(&node->weight, c);
        float sum[8] = {0}, s;
        uint32_t k = 0;
        for (; k + 8 <= node->x.width; k += 8)
            for (uint32_t j = 0; j < 8; j++)
                sum[j] += x[k + j] * w[k + j];
        s = ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
        for (; k < node->x.width; k++)
            s += x[k] * w[k];
        y[c] = activate(node->activation, s + (bias ? bias[c] : 0)) + (residual ? residual[c] : 0);
    }
}

static void run_member(void *argument, uint32_t index, uint32_t members)
{
    const pln_plan *p = argument;
    for (uint32_t i = 0; i < p->n_nodes; i++) {
        const uint32_t rows = pln_dim_rows(p->nodes[i].y.rows, p->dims);
        for (uint32_t r = index; r < rows; r += members)
            linear_row(&p->nodes[i], r);
        p->host->team_barrier(p->host->context);
    }
}

static pln_status plan_run(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    (void)failure;
    plan->dims = run->dims;
    plan->host->team_run(plan->host->context, run_member, plan);
    return PLN_OK;
}

static const pln_backend backend = {.size = sizeof backend,
                                    .abi = PLN_ABI_VERSION,
                                    .name = "mini",
                                    .version = "1",
                                    .device_count = device_count,
                                    .device_info = device_info,
                                    .device_open = device_open,
                                    .device_close = device_close,
                                    .supports = supports,
                                    .constant_create = constant_create,
                                    .constant_destroy = constant_destroy,
                                    .plan_create = plan_create,
                                    .plan_run = plan_run,
                                    .plan_destroy = plan_destroy};

PLN_BACKEND_EXPORT const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max)
{
    return abi_min <= PLN_ABI_VERSION && PLN_ABI_VERSION <= abi_max ? &backend : NULL;
}
