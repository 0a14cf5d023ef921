/* SPDX-License-Identifier: Apache-2.0
 *
 * A backend on oneDNN 2.6: `linear` and `layer_norm`, on host memory, by the library's own threads.
 */
#ifndef ONEDNN_H
#define ONEDNN_H

#include <oneapi/dnnl/dnnl.h>
#include <pleione_backend.h>
#include <pleione_ops.h>

struct pln_device {
    const pln_host *host;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    int bf16; /* products multiply numbers that are rounded to bf16; sums are f32 */
};

struct pln_constant {
    const float *rows; /* dense, where somebody reads it by rows; else NULL */
    float *own;        /* the same, if they are ours */
    void *packed;      /* for products, as `layout` says; or NULL */
    dnnl_memory_desc_t layout;
};

/* An operand; data NULL: it is absent. */
struct matrix {
    char *data;
    pln_dim rows;
    uint32_t width, stride;
    const pln_constant *constant; /* whose packed form data is, or NULL */
};

/* A primitive of oneDNN is made for a number of rows, a plan for a capacity: a node has primitives for the capacity and for
 * powers of two below it, and a run cuts its rows into these. */
enum { MOST_SIZES = 34, MOST_ARGUMENTS = 6 };

struct primitive {
    uint32_t rows;
    dnnl_primitive_t run, round; /* round: x to bf16 first, or NULL */
    dnnl_memory_t wide, half;    /* x, and x in bf16 */
    int n;
    dnnl_exec_arg_t arguments[MOST_ARGUMENTS];
    char *at[MOST_ARGUMENTS];      /* the first row of each */
    uint64_t step[MOST_ARGUMENTS]; /* bytes from row to row, 0: it is the same for all rows */
};

struct node {
    uint32_t op, activation;
    float eps;
    uint64_t ns;                                /* of the last run, if it is timed */
    struct matrix x, weight, bias, residual, y; /* of layer_norm gamma and beta are weight and bias */
    uint32_t n_primitives;
    struct primitive primitives[MOST_SIZES];
};

struct pln_plan {
    pln_device *device;
    uint32_t n_nodes, timed;
    void *scratch, *halves;
    uint64_t scratch_bytes, half_bytes;
    struct node nodes[];
};

/* ---- primitives.c */

/* Whether oneDNN has the activation. */
int activation_is_known(uint32_t activation);
/* The layout in which products of [N, K] like their weight best; 0: none can be made. */
int weight_layout(const pln_device *device, uint32_t n, uint32_t k, dnnl_memory_desc_t *layout);
/* A dense weight into that layout, which has room at `to`. 0: it failed. */
int pack_weight(const pln_device *device, uint32_t n, uint32_t k, const float *rows, const dnnl_memory_desc_t *layout,
                void *to);
/* The next primitive of a node, for so many rows; the plan's needs of scratch grow. 0: there is none. */
int add_primitive(pln_plan *plan, struct node *node, uint32_t rows);
void destroy_primitive(struct primitive *p);
/* Rows [first, first + p->rows). 0: it failed. */
int run_primitive(const pln_device *device, const struct node *node, const struct primitive *p, uint32_t first);

/* ---- plans.c */

pln_status plan_create(pln_device *device, const pln_segment *segment, pln_plan **plan, pln_failure *failure);
pln_status plan_run(pln_plan *plan, const pln_run *run, pln_failure *failure);
void plan_destroy(pln_plan **plan);
pln_status plan_timing(pln_plan *plan, uint64_t *node_ns, uint32_t n_nodes, pln_failure *failure);

/* ---- constants.c */

pln_status constant_create(pln_device *device, const pln_constant_info *info, pln_constant **constant,
                           pln_failure *failure);
void constant_destroy(pln_device *device, pln_constant **constant);

/* ---- devices.c */

/* Why node i is not taken, or NULL. */
const char *refusal(const pln_segment *segment, uint32_t i);
#endif
