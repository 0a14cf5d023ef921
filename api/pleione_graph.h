/* SPDX-License-Identifier: Apache-2.0
 *
 * Graphs of your own, their gradients, and schedules that run them. The rules stand in pleione.h.
 */
#ifndef PLEIONE_GRAPH_H
#define PLEIONE_GRAPH_H

#include "pleione_base.h"
#include "pleione_ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- graph */

/* Errors inside a description are sticky: a call on a failed graph, or on NULL, does nothing and returns NULL;
 * pln_graph_finish gives the first error with the node's name. Everything returned belongs to the graph. Shapes are
 * [rows, width], vectors [1, width]; a side is at most 2^31 - 1. */
PLN_API pln_graph *
pln_graph_create(const char *name); /* returns new; NULL if there is no memory; name may be NULL; any thread */
PLN_API void pln_graph_destroy(pln_graph **graph); /* alone */
/* After this it is read-only. graph NULL, which could not be created, is PLN_NO_MEMORY. One thread. */
PLN_API pln_status pln_graph_finish(pln_graph *graph, pln_error *error);

/* An open number of rows, named: "tokens", "batch". The same name is the same symbol. At most 63. One thread. */
PLN_API uint32_t pln_graph_symbol(pln_graph *graph, const char *name);
static inline pln_dim pln_rows_of(uint32_t symbol)
{
    const pln_dim dim = {symbol, 1, 0};
    return dim;
}
static inline pln_dim pln_rows_fixed(uint32_t rows)
{
    const pln_dim dim = {0, 0, rows};
    return dim;
}

/* Names of what follows get this prefix and a dot: pln_graph_begin(g, "layer.%u", i) ... pln_graph_end(g). One thread.
 */
PLN_API void pln_graph_begin(pln_graph *graph, const char *format, ...) PLN_PRINTF(2, 3);
PLN_API void pln_graph_end(pln_graph *graph); /* one thread */

/* The four kinds of value; temporaries come from ops. Input: written before each run. Constant: parts f32, f16, bf16 or
 * f64, stacked by rows ([rows, width]; rank-1 parts are joined to one [1, width]); keeps the tensors and their data.
 * State: zero at first, outlives plans, shared by the schedules of one pln_states under its name. One thread. */
PLN_API pln_value *pln_graph_input(pln_graph *graph, const char *name, pln_dtype dtype, pln_dim rows, uint32_t width);
PLN_API pln_value *pln_graph_constant(pln_graph *graph, const char *name, const pln_tensor *const *parts,
                                      uint32_t n_parts);                                               /* one thread */
PLN_API pln_value *pln_graph_state(pln_graph *graph, const char *name, uint32_t rows, uint32_t width); /* one thread */
/* Marks a value that a run gives back. The name is the one to look it up by, and no other output's. One thread. */
PLN_API void pln_graph_output(pln_graph *graph, const char *name, pln_value *value);

/* The number of pairs that starts i32 [batch+1,1] of attention's pair_starts end in: rows of a bias, times its planes.
 * One thread. */
PLN_API pln_dim pln_graph_pairs(pln_graph *graph, pln_value *pair_starts);

/* Windows: no copy. Constants have none. reshape needs a value of which no window was taken; the elements stay in
 * order, and are as many. Where that, or whether a row is there, hangs on symbols, it is checked when their numbers are
 * given. One thread. */
PLN_API pln_value *pln_columns(pln_graph *graph, pln_value *value, uint32_t first, uint32_t width);
PLN_API pln_value *pln_row(pln_graph *graph, pln_value *value, uint32_t row);                     /* one thread */
PLN_API pln_value *pln_reshape(pln_graph *graph, pln_value *value, pln_dim rows, uint32_t width); /* one thread */

/* Ops. What each computes stands in ops.def; operands are named as there. Options: `name` of the node (NULL: the op's),
 * optional operands, scalars; an address in an optional output asks for it. Zero is a good default,
 * but for what is said to be required.
 *
 * Dropout: with a rate in (0, 1) and the inputs that ops.def tells of, origin i32 [rows,2] (number of the sequence
 * within the step, position in it) and random i32 [1,3] (seed, low and high word, and step), elements are dropped and
 * the others scaled by 1/(1-rate). Without `origin` nothing is dropped. Places of dropout are numbered in the order of
 * description. */
typedef struct pln_embed_options {
    uint32_t size; /* sizeof(pln_embed_options) */
    const char *name;
    pln_value *ids, *word;           /* either these ... */
    pln_value *embeddings;           /* ... or this [T,E] */
    pln_value *positions, *position; /* both or neither */
    float eps;
    uint32_t padding; /* 1 + the id whose row of word gets no gradient; 0: none is left out */
    float dropout;
    pln_value *origin, *random;
    pln_value **mean, **rstd;
} pln_embed_options;
PLN_API pln_value *pln_embed(pln_graph *graph, pln_value *token_types, pln_value *type, pln_value *gamma,
                             pln_value *beta, const pln_embed_options *options); /* one thread */

typedef struct pln_linear_options {
    uint32_t size; /* sizeof(pln_linear_options) */
    const char *name;
    pln_value *bias, *residual;
    uint32_t activation; /* PLN_ACTIVATION_* */
    float dropout;       /* before the residual is added */
    pln_value *origin, *random;
    pln_value **preactivation;
} pln_linear_options;
PLN_API pln_value *pln_linear(pln_graph *graph, pln_value *x, pln_value *weight,
                              const pln_linear_options *options); /* one thread */

typedef struct pln_layer_norm_options {
    uint32_t size; /* sizeof(pln_layer_norm_options) */
    const char *name;
    float eps;
    pln_value **mean, **rstd;
} pln_layer_norm_options;
PLN_API pln_value *pln_layer_norm(pln_graph *graph, pln_value *x, pln_value *gamma, pln_value *beta,
                                  const pln_layer_norm_options *options); /* one thread */

typedef struct pln_attention_options {
    uint32_t size; /* sizeof(pln_attention_options) */
    const char *name;
    uint32_t heads;
    pln_value *starts;      /* required */
    pln_value *key, *value; /* NULL both: query holds query, key and value side by side */
    pln_value *source_starts;
    pln_value *key_mask;
    pln_value *bias, *pair_starts; /* pair_starts also for probabilities; bias has pln_graph_pairs rows a plane */
    uint32_t bias_heads;           /* 1 or heads; 0 means 1 */
    pln_value *distance;           /* with relative 1 or 2 */
    uint32_t relative;
    pln_value *head_mask;
    float scale; /* 0 means 1/sqrt(head size) */
    bool causal;
    float dropout;              /* of probabilities */
    pln_value *origin, *random; /* origin of the queries' rows */
    pln_value **lse, **probabilities;
    pln_value
        *key_rows; /* i32: source_starts bounds lists of rows of key and value, whose last are those of the queries */
} pln_attention_options;
PLN_API pln_value *pln_attention(pln_graph *graph, pln_value *query,
                                 const pln_attention_options *options); /* one thread */

typedef struct pln_activation_options {
    uint32_t size; /* sizeof(pln_activation_options) */
    const char *name;
    pln_value *residual; /* is added at the end */
    float dropout;
    pln_value *origin, *random;
} pln_activation_options;
PLN_API pln_value *pln_activation(pln_graph *graph, pln_value *x, uint32_t activation,
                                  const pln_activation_options *options); /* one thread */

typedef struct pln_sample_options {
    uint32_t size; /* sizeof(pln_sample_options) */
    const char *name;
    float temperature; /* 0: 1 */
    pln_value *barred; /* i32 [R,1]: a column of each row that is not drawn; NULL: all may be */
    pln_value **best;  /* i32 [R,1]: the column with the largest logit */
} pln_sample_options;
/* A column drawn for each row of logits [R,V] by its softmax, i32 [R,1]; the same for the same origin [R,2] and random
 * [1,3] (those of dropout) on every device but for rounding. One thread. */
PLN_API pln_value *pln_sample(pln_graph *graph, pln_value *logits, pln_value *origin, pln_value *random,
                              const pln_sample_options *options);
/* ids i32 [T,1] with those of the rows `index` [N,1], which are distinct, replaced by `replaced` [N,1]; *labels f32
 * [T,1] is 1 where that is another one; labels may be NULL. One thread. */
PLN_API pln_value *pln_substitute(pln_graph *graph, const char *name, pln_value *ids, pln_value *index,
                                  pln_value *replaced, pln_value **labels);

PLN_API pln_value *pln_gather(pln_graph *graph, const char *name, pln_value *x, pln_value *index); /* one thread */
PLN_API pln_value *pln_segment_mean(pln_graph *graph, const char *name, pln_value *x,
                                    pln_value *starts); /* one thread */

typedef struct pln_loss_options {
    uint32_t size; /* sizeof(pln_loss_options) */
    pln_value
        *total;      /* f32 [1,1], of span_cross_entropy [1,2]: divisor of the whole step, when a run is a part of it */
    pln_value **lse; /* of the two cross entropies */
    pln_value **count;        /* what was divided by */
    pln_value *class_weights; /* f32 [1,C] of cross_entropy: what a row of each class counts for; NULL: all 1 */
    float smoothing;          /* of cross_entropy: share of a row that all classes have alike */
} pln_loss_options;
PLN_API pln_value *pln_cross_entropy(pln_graph *graph, const char *name, pln_value *logits, pln_value *labels,
                                     int32_t ignore_index, const pln_loss_options *options); /* one thread */
PLN_API pln_value *pln_binary_cross_entropy(pln_graph *graph, const char *name, pln_value *logits, pln_value *labels,
                                            pln_value *weights,
                                            const pln_loss_options *options); /* weights may be NULL; one thread */
PLN_API pln_value *pln_mean_squared_error(pln_graph *graph, const char *name, pln_value *x, pln_value *labels,
                                          const pln_loss_options *options); /* one thread */
PLN_API pln_value *pln_span_cross_entropy(pln_graph *graph, const char *name, pln_value *logits, pln_value *starts,
                                          pln_value *first, pln_value *last,
                                          const pln_loss_options *options); /* one thread */

/* These write states. One thread. */
PLN_API pln_value *pln_accumulate(pln_graph *graph, const char *name, pln_value *state, pln_value *x, float scale);
/* The rows that were there before are kept from run to run: attention reads them by key_rows. */
PLN_API pln_value *pln_scatter(pln_graph *graph, const char *name, pln_value *state, pln_value *index,
                               pln_value *x); /* one thread */
typedef struct pln_adamw_operands {           /* ops.def */
    uint32_t size;                            /* sizeof(pln_adamw_operands) */
    pln_value *parameter, *first_moment, *second_moment, *gradient;
    pln_value *settings, *factors, *norm;
} pln_adamw_operands;
PLN_API pln_value *pln_adamw(pln_graph *graph, const char *name, const pln_adamw_operands *operands); /* one thread */
PLN_API pln_value *pln_global_norm(pln_graph *graph, const char *name, pln_value *x);                 /* one thread */

/* The number of an activation by any of its names in activations.def. NULL and "" are PLN_ACTIVATION_NONE. Any thread.
 */
PLN_API bool pln_activation_find(const char *name, uint32_t *activation);

/* ---- parameters and gradients */

enum { PLN_PARAMETER_WIDTH = 256 };

/* A tensor in the flat states. All parameters of a graph lie in one state f32 [rows, 256] with the name "parameters",
 * in the order of their description, each from the beginning of a row; their gradients lie at the same places of the
 * state "gradients". Optimizers keep more states of that shape. */
typedef struct pln_parameter {
    const char *name;         /* of the tensor */
    const pln_tensor *tensor; /* that it was described with: its shape and first values */
    uint64_t first;           /* element (r, c) lies first + r * row_stride + c elements after the start of the state */
    uint32_t rows, width, row_stride;
    uint32_t flat_row, flat_rows;      /* rows of the state that it, or what it is joined with, takes */
    float weight_decay, learning_rate; /* factors of the optimizer's numbers */
} pln_parameter;

typedef struct pln_parameter_options {
    uint32_t size;                     /* sizeof(pln_parameter_options) */
    float weight_decay, learning_rate; /* factors; as they are: 0 is no decay, and no learning. options NULL: 1, 1 */
} pln_parameter_options;

/* A weight that is trained: parts as in pln_graph_constant. Returns a window of the flat state, which embed, linear,
 * layer_norm and attention take for a constant. The same name is the same parameter (tied weights). keeps the parts.
 * One thread. */
PLN_API pln_value *pln_graph_parameter(pln_graph *graph, const char *name, const pln_tensor *const *parts,
                                       uint32_t n_parts, const pln_parameter_options *options);
/* The segment table: a line for each tensor; joined ones have a line each. A line belongs to the graph; NULL if index
 * is out of range. The rows are those of the flat states. Any thread. */
PLN_API uint32_t pln_graph_parameter_count(const pln_graph *graph);
PLN_API const pln_parameter *pln_graph_parameter_at(const pln_graph *graph, uint32_t index); /* any thread */
PLN_API uint32_t pln_graph_parameter_rows(const pln_graph *graph);                           /* any thread */
/* The flat state as it is described, f32 [rows, 256], zero between parameters; and [rows, 2] for `factors` of adamw.
 * Any thread. */
PLN_API void pln_graph_parameter_values(const pln_graph *graph, float *values);
PLN_API void pln_graph_parameter_factors(const pln_graph *graph, float *factors); /* any thread */

typedef struct pln_loss {
    pln_value *value; /* output of a loss op */
    float scale;      /* its weight in the sum of losses */
} pln_loss;

typedef struct pln_gradient_options { /* zero is a good default */
    uint32_t size;                    /* sizeof(pln_gradient_options) */
    /* Inputs whose gradient is wanted too; their gradients are stored there (NULL if the loss does not hang on one). */
    pln_value *const *inputs;
    uint32_t n_inputs;
    pln_value **gradients;
    /* Scopes ("layer.3") whose values are not kept for the backward pass but computed again in it, as
     * recompute.layer.3.*: time for memory. */
    const char *const *recompute;
    uint32_t n_recompute;
} pln_gradient_options;

/* Adds the backward nodes: a run of the graph then adds the gradient of the sum of losses by each parameter to the
 * state "gradients". Last call of a description. Names: NODE.backward, and NODE.backward_WHAT where a node needs
 * several. What has no gradient (a mask that is trained, an op that writes states) is PLN_UNSUPPORTED and names the
 * node. One thread. */
PLN_API void pln_graph_gradients(pln_graph *graph, const pln_loss *losses, uint32_t n_losses,
                                 const pln_gradient_options *options);

/* Printing: text (one line a node) and Graphviz. Returns new text, freed by pln_free; NULL if there is no memory. Any
 * thread. */
PLN_API char *pln_graph_text(const pln_graph *graph);
PLN_API char *pln_graph_dot(const pln_graph *graph); /* any thread */

/* ---- schedule */

/* Returns new; keeps the devices. Values of kind state live here, by name. Any thread. */
PLN_API pln_status pln_states_create(pln_devices *devices, pln_states **states, pln_error *error);
PLN_API void pln_states_destroy(pln_states **states); /* alone */

/* What a run does when a device of it is lost. Nothing of the run counts; it is made once more from its beginning. */
typedef enum pln_on_loss {
    PLN_ON_LOSS_FAIL = 0,   /* PLN_DEVICE_LOST; the list of devices has to be closed */
    PLN_ON_LOSS_REOPEN = 1, /* the device is opened again, with the options that it had, and gets its weights again */
    PLN_ON_LOSS_FAILOVER =
        2, /* from now on the schedule does without it: the next device of the list that takes a node */
} pln_on_loss;

typedef struct pln_schedule_options { /* zero is a good default */
    uint32_t size;                    /* sizeof(pln_schedule_options) */
    const char *const *place;         /* "PATTERN=DEVICE": first match by node name decides ('*' and '?'); borrows */
    uint32_t n_place;
    bool no_fallback;   /* a node that no device of the list takes is an error, not run on reference */
    bool timed;         /* nodes are timed in every run */
    uint32_t plans;     /* kept, one a bucket; 0 means 8 */
    pln_states *states; /* keeps; NULL: the schedule has its own */
    bool cover; /* a kept plan with room for a run is taken whatever its bucket, a new one replaces all smaller */
    /* A sequence gives the same bits whatever else is in the run. Tasks set it. It costs GPUs the slices of K, with
     * which products of few rows fill them. */
    bool steady;
    pln_on_loss on_loss; /* of a device, in a run that writes no states */
} pln_schedule_options;

/* Returns new; keeps graph (finished) and devices. Decides who runs what; weights are handed over with the first plan.
 * PLN_UNSUPPORTED names the node and each device's reason, PLN_INVALID a rule that names no device. Any thread. */
PLN_API pln_status pln_schedule_create(pln_graph *graph, pln_devices *devices, const pln_schedule_options *options,
                                       pln_schedule **schedule, pln_error *error);
PLN_API void pln_schedule_destroy(pln_schedule **schedule); /* alone */

/* Dense rows in host memory: f32 or i32 [rows, width] of an input or an output. */
typedef struct pln_binding {
    const char *name;
    void *data; /* an input is only read */
} pln_binding;

/* One run. dims[symbol] are the real numbers (dims[0] is 0); every input of the graph must be bound, outputs as wished,
 * no name twice. The plan of the bucket is built when it is met first. Inputs of type i32 are looked at before
 * anything runs: PLN_INVALID names the row whose number an op that reads it cannot take (ids, positions, starts,
 * labels: graph/indices.def). One thread. */
PLN_API pln_status pln_schedule_run(pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims,
                                    const pln_binding *inputs, uint32_t n_inputs, const pln_binding *outputs,
                                    uint32_t n_outputs, pln_error *error);

/* Makes the plan of the bucket before its first run: weights are packed, kernels compiled, nothing is run. One thread.
 */
PLN_API pln_status pln_schedule_prepare(pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims,
                                        pln_error *error);

/* Reads or writes a state of the graph, or of another schedule with the same pln_states, by name: dense [rows, width].
 * One thread. */
PLN_API pln_status pln_schedule_state_read(pln_schedule *schedule, const char *name, float *data, pln_error *error);
PLN_API pln_status pln_schedule_state_write(pln_schedule *schedule, const char *name, const float *data,
                                            pln_error *error); /* one thread */

/* Bytes on one device of the schedule. */
typedef struct pln_memory {
    uint32_t size;           /* sizeof(pln_memory) */
    uint64_t arena_bytes;    /* inputs, outputs and temporaries of the plan, as allocated */
    uint64_t scratch_bytes;  /* the device's own for the plan */
    uint64_t constant_bytes; /* packed weights */
    uint64_t state_bytes;
} pln_memory;

/* Exact bytes on device `index` of the list (the last one is the fallback `reference`) for a bucket, before anything is
 * allocated. One thread. */
PLN_API pln_status pln_schedule_estimate(pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims, uint32_t index,
                                         pln_memory *memory, pln_error *error);

/* Arithmetic of all nodes for a bucket, of which nothing is allocated: a multiply and an add are two, an exponential
 * ten; sequences count as if all were equally long. One thread. */
PLN_API pln_status pln_schedule_flops(const pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims,
                                      uint64_t *flops, pln_error *error);

typedef struct pln_statistics { /* of the last run */
    uint32_t size;              /* sizeof(pln_statistics) */
    uint32_t nodes, segments;
    uint32_t copies;        /* values moved between devices */
    uint64_t copied_bytes;  /* by them */
    uint64_t planned_bytes; /* arenas and scratch of the plan, all devices */
    uint64_t flops;         /* arithmetic of the nodes at the real numbers */
} pln_statistics;
PLN_API pln_status pln_schedule_statistics(const pln_schedule *schedule, pln_statistics *statistics,
                                           pln_error *error); /* one thread */

/* A node of the schedule, for people. Text belongs to the schedule. */
typedef struct pln_node_report {
    uint32_t size; /* sizeof(pln_node_report) */
    const char *name, *op;
    const char *device; /* "vulkan:1" */
    const char *kernel;
    const char *refusals; /* "vulkan: reason; cpu: reason", "" if the first device took it */
    uint32_t segment;
    uint64_t estimated_ns, measured_ns; /* measured: last run, when timed and the device can tell; else 0 */
    uint64_t copied_bytes;              /* copied to its device right before it, at capacity of the last plan */
    uint64_t flops;                     /* at the real numbers of the last run */
} pln_node_report;
PLN_API uint32_t pln_schedule_node_count(const pln_schedule *schedule); /* one thread */
PLN_API pln_status pln_schedule_node(const pln_schedule *schedule, uint32_t index, pln_node_report *report,
                                     pln_error *error); /* one thread */

/* Kernels of the last plan on device `index` of the list, one per launch: fills up to `room`, *n_kernels is how many
 * there are. kernels may be NULL when room is 0; kernel i is `stride` bytes, sizeof(pln_kernel_info), behind kernel i
 * - 1. One thread. */
PLN_API pln_status pln_schedule_kernels(const pln_schedule *schedule, uint32_t index, pln_kernel_info *kernels,
                                        uint32_t stride, uint32_t room, uint32_t *n_kernels, pln_error *error);

/* Programs of a bucket on device `index` of the list, one per launch, before anything is compiled or allocated: as
 * kernels, with `stride` sizeof(pln_program). On a device that compiles nothing there may be none, or their text is
 * NULL. One thread. */
PLN_API pln_status pln_schedule_programs(pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims, uint32_t index,
                                         pln_program *programs, uint32_t stride, uint32_t room, uint32_t *n_programs,
                                         pln_error *error);

#ifdef __cplusplus
}
#endif
#endif
