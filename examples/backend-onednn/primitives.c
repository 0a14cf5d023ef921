/* SPDX-License-Identifier: Apache-2.0
 *
 * From a node to primitives of oneDNN: descriptors, memories, scratch.
 */
#include "onednn.h"

static dnnl_memory_desc_t described(uint32_t rows, uint32_t width, uint32_t down, uint32_t across)
{
    dnnl_memory_desc_t md;
    dnnl_memory_desc_init_by_strides(&md, 2, (dnnl_dims_t){rows, width}, dnnl_f32, (dnnl_dims_t){down, across});
    return md;
}

/* ---- activations */

struct eltwise {
    uint32_t activation;
    dnnl_alg_kind_t kind;
    float alpha;
};
/* Not its logistic, which makes 0 of what is no number (2.6). */
static const struct eltwise eltwises[] = {
    {PLN_ACTIVATION_NONE, dnnl_alg_kind_undef, 0},         {PLN_ACTIVATION_GELU, dnnl_eltwise_gelu_erf, 0},
    {PLN_ACTIVATION_GELU_TANH, dnnl_eltwise_gelu_tanh, 0}, {PLN_ACTIVATION_RELU, dnnl_eltwise_relu, 0},
    {PLN_ACTIVATION_TANH, dnnl_eltwise_tanh, 0},           {PLN_ACTIVATION_SILU, dnnl_eltwise_swish, 1},
};

static const struct eltwise *eltwise_of(uint32_t activation)
{
    for (size_t i = 0; i < sizeof eltwises / sizeof *eltwises; i++)
        if (eltwises[i].activation == activation)
            return &eltwises[i];
    return NULL;
}

int activation_is_known(uint32_t activation)
{
    return eltwise_of(activation) != NULL;
}

/* ---- descriptors */

/* y = activation(x w + b) + r, by what stands behind a product. */
static dnnl_primitive_attr_t attributes(const struct node *node, const dnnl_memory_desc_t *residual)
{
    const struct eltwise *eltwise = eltwise_of(node->activation);
    dnnl_primitive_attr_t attr;
    dnnl_post_ops_t ops;
    dnnl_primitive_attr_create(&attr);
    dnnl_post_ops_create(&ops);
    dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (eltwise && eltwise->kind != dnnl_alg_kind_undef)
        dnnl_post_ops_append_eltwise(ops, 1, eltwise->kind, eltwise->alpha, 0);
    if (node->residual.data)
        dnnl_post_ops_append_binary(ops, dnnl_binary_add, residual);
    dnnl_primitive_attr_set_post_ops(attr, ops);
    dnnl_post_ops_destroy(ops);
    return attr;
}

/* weight NULL leaves its layout to the library. */
static dnnl_primitive_desc_t describe_product(const pln_device *device, const struct node *node, uint32_t rows,
                                              const dnnl_memory_desc_t *weight)
{
    const uint32_t k = node->x.width, n = node->y.width;
    const int half = device->bf16 && (!weight || weight->data_type == dnnl_bf16);
    dnnl_memory_desc_t x = described(rows, k, node->x.stride, 1), y = described(rows, n, node->y.stride, 1), any,
                       bias = described(1, n, n, 1), residual = described(rows, n, node->residual.stride, 1);
    if (half)
        dnnl_memory_desc_init_by_tag(&x, 2, (dnnl_dims_t){rows, k}, dnnl_bf16, dnnl_ab);
    dnnl_memory_desc_init_by_tag(&any, 2, (dnnl_dims_t){k, n}, half ? dnnl_bf16 : dnnl_f32, dnnl_format_tag_any);
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t pd = NULL;
    if (dnnl_matmul_desc_init(&desc, &x, weight ? weight : &any, node->bias.data ? &bias : NULL, &y) != dnnl_success)
        return NULL;
    dnnl_primitive_attr_t attr = attributes(node, &residual);
    if (dnnl_primitive_desc_create(&pd, &desc, attr, device->engine, NULL) != dnnl_success)
        pd = NULL;
    dnnl_primitive_attr_destroy(attr);
    return pd;
}

static dnnl_primitive_desc_t describe_norm(const pln_device *device, const struct node *node, uint32_t rows)
{
    const dnnl_memory_desc_t x = described(rows, node->x.width, node->x.stride, 1);
    dnnl_layer_normalization_desc_t desc;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr;
    dnnl_primitive_attr_create(&attr);
    dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (dnnl_layer_normalization_forward_desc_init(&desc, dnnl_forward_inference, &x, NULL, node->eps,
                                                   dnnl_use_scale | dnnl_use_shift) != dnnl_success ||
        dnnl_primitive_desc_create(&pd, &desc, attr, device->engine, NULL) != dnnl_success)
        pd = NULL;
    dnnl_primitive_attr_destroy(attr);
    return pd;
}

/* ---- weights */

/* The layout hangs on the rows of a product, which are not known yet: that of some is taken. */
int weight_layout(const pln_device *device, uint32_t n, uint32_t k, dnnl_memory_desc_t *layout)
{
    enum { SOME_ROWS = 128 };
    const struct node node = {.x = {.width = k, .stride = k}, .y = {.width = n, .stride = n}};
    dnnl_primitive_desc_t pd = describe_product(device, &node, SOME_ROWS, NULL);
    if (!pd)
        return 0;
    *layout = *dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    dnnl_primitive_desc_destroy(pd);
    return 1;
}

int pack_weight(const pln_device *device, uint32_t n, uint32_t k, const float *rows, const dnnl_memory_desc_t *layout,
                void *to)
{
    const dnnl_memory_desc_t plain = described(k, n, 1, k); /* [N, K] by rows is [K, N] by columns */
    dnnl_memory_t in = NULL, out = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t reorder = NULL;
    const int done =
        dnnl_memory_create(&in, &plain, device->engine, (void *)(uintptr_t)rows) == dnnl_success &&
        dnnl_memory_create(&out, layout, device->engine, to) == dnnl_success &&
        dnnl_reorder_primitive_desc_create(&pd, &plain, device->engine, layout, device->engine, NULL) == dnnl_success &&
        dnnl_primitive_create(&reorder, pd) == dnnl_success &&
        dnnl_primitive_execute(reorder, device->stream, 2,
                               (dnnl_exec_arg_t[]){{DNNL_ARG_FROM, in}, {DNNL_ARG_TO, out}}) == dnnl_success &&
        dnnl_stream_wait(device->stream) == dnnl_success;
    dnnl_primitive_destroy(reorder);
    dnnl_primitive_desc_destroy(pd);
    dnnl_memory_destroy(in);
    dnnl_memory_destroy(out);
    return done;
}

/* ---- a primitive and what it is run with */

static int add(const pln_device *device, struct primitive *p, int argument, const dnnl_memory_desc_t *md, char *at,
               uint64_t step)
{
    dnnl_memory_t memory = NULL;
    if (dnnl_memory_create(&memory, md, device->engine, at) != dnnl_success)
        return 0;
    p->arguments[p->n] = (dnnl_exec_arg_t){argument, memory};
    p->at[p->n] = at;
    p->step[p->n++] = step;
    return 1;
}

/* x, argument 0, is rounded into memory of the plan first. */
static int add_rounding(pln_plan *plan, const struct node *node, struct primitive *p, const dnnl_memory_desc_t *half)
{
    const pln_device *device = plan->device;
    const dnnl_memory_desc_t wide = described(p->rows, node->x.width, node->x.stride, 1);
    const uint64_t bytes = dnnl_memory_desc_get_size(half);
    dnnl_primitive_desc_t pd = NULL;
    plan->half_bytes = bytes > plan->half_bytes ? bytes : plan->half_bytes;
    const int done =
        dnnl_reorder_primitive_desc_create(&pd, &wide, device->engine, half, device->engine, NULL) == dnnl_success &&
        dnnl_primitive_create(&p->round, pd) == dnnl_success &&
        dnnl_memory_create(&p->wide, &wide, device->engine, node->x.data) == dnnl_success;
    dnnl_primitive_desc_destroy(pd);
    p->half = p->arguments[0].memory;
    p->step[0] = 0;
    return done;
}

static int add_product_operands(const pln_device *device, const struct node *node, struct primitive *p,
                                dnnl_primitive_desc_t pd)
{
    const dnnl_memory_desc_t residual = described(p->rows, node->y.width, node->residual.stride, 1);
    const int behind = node->activation != PLN_ACTIVATION_NONE; /* the addition's place among what follows */
    return add(device, p, DNNL_ARG_WEIGHTS, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0),
               node->weight.data, 0) &&
           (!node->bias.data || add(device, p, DNNL_ARG_BIAS,
                                    dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 1), node->bias.data, 0)) &&
           (!node->residual.data || add(device, p, DNNL_ARG_ATTR_MULTIPLE_POST_OP(behind) | DNNL_ARG_SRC_1, &residual,
                                        node->residual.data, 4ull * node->residual.stride));
}

static int add_norm_operands(const pln_device *device, const struct node *node, struct primitive *p)
{
    dnnl_memory_desc_t vector;
    dnnl_memory_desc_init_by_tag(&vector, 1, (dnnl_dims_t){node->x.width}, dnnl_f32, dnnl_a);
    return add(device, p, DNNL_ARG_SCALE, &vector, node->weight.data, 0) &&
           add(device, p, DNNL_ARG_SHIFT, &vector, node->bias.data, 0);
}

int add_primitive(pln_plan *plan, struct node *node, uint32_t rows)
{
    const pln_device *device = plan->device;
    struct primitive *p = &node->primitives[node->n_primitives++];
    const int linear = node->op == PLN_OP_LINEAR;
    const dnnl_memory_desc_t plain = described(node->x.width, node->y.width, 1, node->weight.stride);
    const pln_constant *c = node->weight.constant;
    dnnl_primitive_desc_t pd = linear ? describe_product(device, node, rows, c && c->packed ? &c->layout : &plain)
                                      : describe_norm(device, node, rows);
    p->rows = rows;
    if (!pd || dnnl_primitive_create(&p->run, pd) != dnnl_success) {
        dnnl_primitive_desc_destroy(pd);
        return 0;
    }
    const dnnl_memory_desc_t *x = dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0),
                             *y = dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0),
                             *scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    const uint64_t bytes = dnnl_memory_desc_get_size(scratch);
    plan->scratch_bytes = bytes > plan->scratch_bytes ? bytes : plan->scratch_bytes;
    const int done = add(device, p, DNNL_ARG_SRC, x, node->x.data, 4ull * node->x.stride) &&
                     add(device, p, DNNL_ARG_DST, y, node->y.data, 4ull * node->y.stride) &&
                     (x->data_type != dnnl_bf16 || add_rounding(plan, node, p, x)) &&
                     (linear ? add_product_operands(device, node, p, pd) : add_norm_operands(device, node, p)) &&
                     add(device, p, DNNL_ARG_SCRATCHPAD, scratch, DNNL_MEMORY_NONE, 0); /* the last: see plans.c */
    dnnl_primitive_desc_destroy(pd);
    return done;
}

void destroy_primitive(struct primitive *p)
{
    for (int i = 0; i < p->n; i++)
        dnnl_memory_destroy(p->arguments[i].memory);
    dnnl_memory_destroy(p->wide);
    dnnl_primitive_destroy(p->round);
    dnnl_primitive_destroy(p->run);
}

int run_primitive(const pln_device *device, const struct node *node, const struct primitive *p, uint32_t first)
{
    for (int i = 0; i < p->n; i++)
        if (p->step[i])
            dnnl_memory_set_data_handle(p->arguments[i].memory, p->at[i] + first * p->step[i]);
    if (p->round) {
        const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, p->wide}, {DNNL_ARG_TO, p->half}};
        dnnl_memory_set_data_handle(p->wide, node->x.data + first * 4ull * node->x.stride);
        if (dnnl_primitive_execute(p->round, device->stream, 2, arguments) != dnnl_success)
            return 0;
    }
    return dnnl_primitive_execute(p->run, device->stream, p->n, p->arguments) == dnnl_success;
}
