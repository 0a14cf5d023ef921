/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione: describe an ELECTRA model once, as a static graph, and run it on whichever backend is there.
 *
 *     runtime -> devices -> model -> session -> answers          (a Hugging Face directory and a sentence)
 *     runtime -> devices -> graph -> schedule -> numbers         (a graph of your own)
 *
 * Rules: a function that can fail returns a status and, if that is not PLN_OK, fills *error (may be NULL) with one
 * sentence that names the thing. "returns new": the caller destroys it; "borrows": must live until the call returns;
 * "keeps": must outlive the object. Every destroy or close takes the address, accepts NULL and the address of NULL, and
 * sets NULL. Every pointer is required unless it is said that it may be NULL; a list may be NULL when it has no
 * entries. NULL for what is required, a number out of range, or an object of another graph or list of devices is
 * PLN_INVALID and names the argument; a function without a status then returns NULL, 0, -1 or false, or does nothing.
 * What a function returns new is NULL when it fails.
 *
 * The library never prints, exits or reads the environment but for PLEIONE_BACKEND_PATH (folders with more plugins, separated by ':') and
 * XDG_CACHE_HOME or HOME (compiled programs are kept in pleione/ below it).
 *
 * Threads: A session, a schedule (with those that share its states), a trainer, an encoder and a vocabulary trainer are
 * used by one thread at a time, and a call that finds one in use gives PLN_INVALID; different ones are used freely on
 * any number of threads, also of one runtime, devices, model, tokenizer or finished graph, which all threads share.
 */
#ifndef PLEIONE_H
#define PLEIONE_H

#include <stdbool.h>

#include "pleione_heads.h"
#include "pleione_ops.h"
#include "pleione_types.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PLN_API __attribute__((visibility("default")))
#else
#define PLN_API
#endif

typedef struct pln_runtime pln_runtime;   /* plugins and a thread team */
typedef struct pln_devices pln_devices;   /* open devices, in order of preference */
typedef struct pln_graph pln_graph;       /* nodes and values */
typedef struct pln_value pln_value;       /* what flows */
typedef struct pln_states pln_states;     /* values that outlive plans */
typedef struct pln_schedule pln_schedule; /* a graph on devices, ready to run */
typedef struct pln_model pln_model;       /* config, weights, vocabulary of a directory */
typedef struct pln_session pln_session;   /* model + head + placement, ready to run */

PLN_API const char *pln_version(void);
PLN_API const char *pln_status_string(pln_status status); /* "no such device" */
PLN_API const char *pln_dtype_string(pln_dtype dtype);    /* "f32" */
PLN_API size_t pln_dtype_bytes(pln_dtype dtype);          /* of one element; 0 for an unknown type */
/* That this process may use: by affinity and by the CPU quota of its control groups, in whole ones, at least 1. */
PLN_API uint32_t pln_processors(void);

/* ---- runtime and devices
 * ------------------------------------------------------------------------------------------------ */

typedef void pln_log_fn(void *context, pln_log_level level, const char *message);

typedef struct pln_runtime_options { /* zero is a good default */
    uint32_t threads; /* of the team, a caller included; 0: pln_processors(). Callers at the same time share it */
    pln_log_fn *log;  /* NULL: messages are dropped; called from any thread, must not call pleione */
    void *log_context;
    const char *backend_path; /* more folders with plugins, separated by ':'; borrows */
} pln_runtime_options;

/* Returns new. Looks for plugins, loads none. options may be NULL. PLN_NO_MEMORY; PLN_FAILED where a folder of plugins
 * cannot be read. */
PLN_API pln_status pln_runtime_create(const pln_runtime_options *options, pln_runtime **runtime, pln_error *error);
PLN_API void pln_runtime_destroy(pln_runtime **runtime);
PLN_API uint32_t pln_runtime_threads(const pln_runtime *runtime); /* members of the team */

/* A device that could be opened, or a backend that could not be loaded (then info.flags has PLN_DEVICE_UNUSABLE and
 * info.reason says why and what to do). */
typedef struct pln_device_entry {
    char name[32];    /* how to ask for it: "cpu", "vulkan", "vulkan:1" */
    char backend[24]; /* "vulkan" */
    char backend_version[24];
    pln_device_info info;
} pln_device_entry;

/* Loads every backend. The list belongs to the runtime. */
PLN_API pln_status pln_runtime_devices(pln_runtime *runtime, const pln_device_entry **entries, uint32_t *count,
                                       pln_error *error);

/* Names of the backends that pln_runtime_devices looks at, in its order, NULL behind the last; loads none. A driver
 * that ends its process can so be asked in a process of its own. The string belongs to the runtime. */
PLN_API const char *pln_runtime_backend(pln_runtime *runtime, uint32_t index);
/* The devices of one backend, as above; loads no other. PLN_NO_DEVICE if there is none of that name. */
PLN_API pln_status pln_runtime_backend_devices(pln_runtime *runtime, const char *backend,
                                               const pln_device_entry **entries, uint32_t *count, pln_error *error);

/* Returns new; keeps the runtime. list: device names separated by ',', the preferred first; "auto" (or NULL) is the
 * first discrete GPU, else an integrated one, else cpu, else reference; "all" is every usable device. Only the backends
 * named are loaded. options: "KEY=VALUE" for each chosen device that knows KEY, "BACKEND.KEY=VALUE" for one; borrows.
 * PLN_NO_DEVICE; PLN_INVALID for a key or value that none knows. */
PLN_API pln_status pln_devices_open(pln_runtime *runtime, const char *list, const char *const *options,
                                    uint32_t n_options, pln_devices **devices, pln_error *error);
PLN_API void pln_devices_close(pln_devices **devices); /* after everything that was made on them */
PLN_API uint32_t pln_devices_count(const pln_devices *devices);
/* As opened; NULL if out of range. */
PLN_API const pln_device_entry *pln_devices_entry(const pln_devices *devices, uint32_t index);

/* ---- tensors and files of tensors
 * --------------------------------------------------------------------------------------- */

enum { PLN_MAX_RANK = 8 };

/* Dense, row-major. Who owns name and data is said where one is handed over. */
typedef struct pln_tensor {
    const char *name;
    pln_dtype dtype;
    uint32_t rank; /* 0 is a scalar */
    uint64_t shape[PLN_MAX_RANK];
    const void *data;
} pln_tensor;

PLN_API uint64_t pln_tensor_elements(const pln_tensor *tensor); /* 0 for a rank above PLN_MAX_RANK */

typedef struct pln_tensor_file pln_tensor_file;

/* Returns new: a .safetensors file, memory-mapped; its tensors live as long as it is open. One of an element type or a
 * rank that is not known here has dtype 0, rank 0 and no data. PLN_INVALID names file and tensor.
 * While a file of tensors or weights is open, a handler of SIGBUS stands in the process, which passes on what is not
 * about these files: if somebody makes one shorter, what is gone reads as zero. A call of the library that read from it
 * then fails; who reads the tensors himself asks pln_tensor_file_check afterwards. */
PLN_API pln_status pln_tensor_file_open(const char *path, pln_tensor_file **file, pln_error *error);
/* PLN_INVALID: the file has become shorter since it was opened. */
PLN_API pln_status pln_tensor_file_check(const pln_tensor_file *file, pln_error *error);
PLN_API void pln_tensor_file_close(pln_tensor_file **file);
PLN_API const pln_tensor *pln_tensor_file_tensors(const pln_tensor_file *file, uint32_t *count);

/* Writes a .safetensors file: the whole file or nothing. Borrows. PLN_FAILED names the path. */
PLN_API pln_status pln_tensor_file_write(const char *path, const pln_tensor *tensors, uint32_t count, pln_error *error);

/* ---- graph
 * -------------------------------------------------------------------------------------------------------------- */

/* Errors inside a description are sticky: a call on a failed graph, or on NULL, does nothing and returns NULL;
 * pln_graph_finish gives the first error with the node's name. Everything returned belongs to the graph. Shapes are
 * [rows, width], vectors [1, width]; a side is at most 2^31 - 1. */
PLN_API pln_graph *pln_graph_create(const char *name); /* returns new; NULL if there is no memory; name may be NULL */
PLN_API void pln_graph_destroy(pln_graph **graph);
/* After this it is read-only. graph NULL, which could not be created, is PLN_NO_MEMORY. */
PLN_API pln_status pln_graph_finish(pln_graph *graph, pln_error *error);

/* An open number of rows, named: "tokens", "batch". The same name is the same symbol. At most 63. */
PLN_API uint32_t pln_graph_symbol(pln_graph *graph, const char *name);
static inline pln_dim pln_rows_of(uint32_t symbol)
{
    return (pln_dim){symbol, 1, 0};
}
static inline pln_dim pln_rows_fixed(uint32_t rows)
{
    return (pln_dim){0, 0, rows};
}

/* Names of what follows get this prefix and a dot: pln_graph_begin(g, "layer.%u", i) ... pln_graph_end(g). */
PLN_API void pln_graph_begin(pln_graph *graph, const char *format, ...) __attribute__((format(printf, 2, 3)));
PLN_API void pln_graph_end(pln_graph *graph);

/* The four kinds of value; temporaries come from ops. Input: written before each run. Constant: parts f32, f16, bf16 or
 * f64, stacked by rows ([rows, width]; rank-1 parts are joined to one [1, width]); keeps the tensors and their data.
 * State: zero at first, outlives plans, shared by the schedules of one pln_states under its name. */
PLN_API pln_value *pln_graph_input(pln_graph *graph, const char *name, pln_dtype dtype, pln_dim rows, uint32_t width);
PLN_API pln_value *pln_graph_constant(pln_graph *graph, const char *name, const pln_tensor *const *parts,
                                      uint32_t n_parts);
PLN_API pln_value *pln_graph_state(pln_graph *graph, const char *name, uint32_t rows, uint32_t width);
/* Marks a value that a run gives back. The name is the one to look it up by. */
PLN_API void pln_graph_output(pln_graph *graph, const char *name, pln_value *value);

/* The number of pairs that starts i32 [batch+1,1] of attention's pair_starts end in: rows of a bias, times its planes. */
PLN_API pln_dim pln_graph_pairs(pln_graph *graph, pln_value *pair_starts);

/* Windows: no copy. Constants have none. reshape needs a value of which no window was taken; the elements stay in
 * order, and are as many. Where that, or whether a row is there, hangs on symbols, it is checked when their numbers are
 * given. */
PLN_API pln_value *pln_columns(pln_graph *graph, pln_value *value, uint32_t first, uint32_t width);
PLN_API pln_value *pln_row(pln_graph *graph, pln_value *value, uint32_t row);
PLN_API pln_value *pln_reshape(pln_graph *graph, pln_value *value, pln_dim rows, uint32_t width);

/* Ops. What each computes stands in ops.def; operands are named as there. Options: `name` of the node (NULL: the op's),
 * optional operands, scalars; an address in an optional output asks for it. Zero is a good default,
 * but for what is said to be required.
 *
 * Dropout: with a rate in (0, 1) and the inputs that ops.def tells of, origin i32 [rows,2] (number of the sequence
 * within the step, position in it) and random i32 [1,3] (seed, low and high word, and step), elements are dropped and
 * the others scaled by 1/(1-rate). Without `origin` nothing is dropped. Places of dropout are numbered in the order of
 * description. */
typedef struct pln_embed_options {
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
                             pln_value *beta, pln_embed_options options);

typedef struct pln_linear_options {
    const char *name;
    pln_value *bias, *residual;
    uint32_t activation; /* PLN_ACTIVATION_* */
    float dropout;       /* before the residual is added */
    pln_value *origin, *random;
    pln_value **preactivation;
} pln_linear_options;
PLN_API pln_value *pln_linear(pln_graph *graph, pln_value *x, pln_value *weight, pln_linear_options options);

typedef struct pln_layer_norm_options {
    const char *name;
    float eps;
    pln_value **mean, **rstd;
} pln_layer_norm_options;
PLN_API pln_value *pln_layer_norm(pln_graph *graph, pln_value *x, pln_value *gamma, pln_value *beta,
                                  pln_layer_norm_options options);

typedef struct pln_attention_options {
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
} pln_attention_options;
PLN_API pln_value *pln_attention(pln_graph *graph, pln_value *query, pln_attention_options options);

typedef struct pln_activation_options {
    const char *name;
    pln_value *residual; /* is added at the end */
    float dropout;
    pln_value *origin, *random;
} pln_activation_options;
PLN_API pln_value *pln_activation(pln_graph *graph, pln_value *x, uint32_t activation, pln_activation_options options);

PLN_API pln_value *pln_gather(pln_graph *graph, const char *name, pln_value *x, pln_value *index);
PLN_API pln_value *pln_segment_mean(pln_graph *graph, const char *name, pln_value *x, pln_value *starts);

typedef struct pln_loss_options {
    pln_value
        *total;      /* f32 [1,1], of span_cross_entropy [1,2]: divisor of the whole step, when a run is a part of it */
    pln_value **lse; /* of the two cross entropies */
    pln_value **count; /* what was divided by */
} pln_loss_options;
PLN_API pln_value *pln_cross_entropy(pln_graph *graph, const char *name, pln_value *logits, pln_value *labels,
                                     int32_t ignore_index, pln_loss_options options);
PLN_API pln_value *pln_binary_cross_entropy(pln_graph *graph, const char *name, pln_value *logits, pln_value *labels,
                                            pln_value *weights, pln_loss_options options); /* weights may be NULL */
PLN_API pln_value *pln_mean_squared_error(pln_graph *graph, const char *name, pln_value *x, pln_value *labels,
                                          pln_loss_options options);
PLN_API pln_value *pln_span_cross_entropy(pln_graph *graph, const char *name, pln_value *logits, pln_value *starts,
                                          pln_value *first, pln_value *last, pln_loss_options options);

/* These write states. */
PLN_API pln_value *pln_accumulate(pln_graph *graph, const char *name, pln_value *state, pln_value *x, float scale);
typedef struct pln_adamw_operands { /* ops.def */
    pln_value *parameter, *first_moment, *second_moment, *gradient;
    pln_value *settings, *factors, *norm;
} pln_adamw_operands;
PLN_API pln_value *pln_adamw(pln_graph *graph, const char *name, pln_adamw_operands operands);
PLN_API pln_value *pln_global_norm(pln_graph *graph, const char *name, pln_value *x);

/* The number of an activation by any of its names in activations.def, or -1. NULL and "" are PLN_ACTIVATION_NONE. */
PLN_API int32_t pln_activation_find(const char *name);

/* ---- training
 * ----------------------------------------------------------------------------------------------------------- */

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
    float weight_decay, learning_rate; /* factors; as they are: 0 is no decay, and no learning */
} pln_parameter_options;

/* A weight that is trained: parts as in pln_graph_constant. Returns a window of the flat state, which embed, linear,
 * layer_norm and attention take for a constant. The same name is the same parameter (tied weights). keeps the parts. */
PLN_API pln_value *pln_graph_parameter(pln_graph *graph, const char *name, const pln_tensor *const *parts,
                                       uint32_t n_parts, pln_parameter_options options);
/* The segment table: a line for each tensor; joined ones have a line each. *rows are those of the flat states. */
PLN_API const pln_parameter *pln_graph_parameters(const pln_graph *graph, uint32_t *count, uint32_t *rows);
/* The flat state as it is described, f32 [rows, 256], zero between parameters; and [rows, 2] for `factors` of adamw. */
PLN_API void pln_graph_parameter_values(const pln_graph *graph, float *values);
PLN_API void pln_graph_parameter_factors(const pln_graph *graph, float *factors);

typedef struct pln_loss {
    pln_value *value; /* output of a loss op */
    float scale;      /* its weight in the sum of losses */
} pln_loss;

typedef struct pln_gradient_options { /* zero is a good default */
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
 * node. */
PLN_API void pln_graph_gradients(pln_graph *graph, const pln_loss *losses, uint32_t n_losses,
                                 pln_gradient_options options);

/* Printing: text (one line a node) and Graphviz. Returns new text, freed by pln_free; NULL if there is no memory. */
PLN_API char *pln_graph_text(const pln_graph *graph);
PLN_API char *pln_graph_dot(const pln_graph *graph);
PLN_API void pln_free(void *memory);

/* ---- schedule
 * ----------------------------------------------------------------------------------------------------------- */

/* Returns new; keeps the devices. Values of kind state live here, by name. */
PLN_API pln_status pln_states_create(pln_devices *devices, pln_states **states, pln_error *error);
PLN_API void pln_states_destroy(pln_states **states);

typedef struct pln_schedule_options { /* zero is a good default */
    const char *const *place;         /* "PATTERN=DEVICE": first match by node name decides ('*' and '?'); borrows */
    uint32_t n_place;
    bool no_fallback;   /* a node that no device of the list takes is an error, not run on reference */
    bool timed;         /* nodes are timed in every run */
    uint32_t plans;     /* kept, one a bucket; 0 means 8 */
    pln_states *states; /* keeps; NULL: the schedule has its own */
    bool cover;         /* a kept plan with room for a run is taken whatever its bucket, a new one replaces all smaller */
} pln_schedule_options;

/* Returns new; keeps graph (finished) and devices. Decides who runs what; weights are handed over with the first plan.
 * PLN_UNSUPPORTED names the node and each device's reason, PLN_INVALID a rule that names no device. */
PLN_API pln_status pln_schedule_create(pln_graph *graph, pln_devices *devices, const pln_schedule_options *options,
                                       pln_schedule **schedule, pln_error *error);
PLN_API void pln_schedule_destroy(pln_schedule **schedule);

/* Dense rows in host memory: f32 or i32 [rows, width] of an input or an output. */
typedef struct pln_binding {
    const char *name;
    void *data; /* an input is only read */
} pln_binding;

/* One run. dims[symbol] are the real numbers (dims[0] is 0); every input of the graph must be bound, outputs as wished.
 * The plan of the bucket is built when it is met first. Inputs of type i32 are looked at before anything runs:
 * PLN_INVALID names the row whose number an op that reads it cannot take (ids, positions, starts, labels:
 * graph/indices.def). */
PLN_API pln_status pln_schedule_run(pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims,
                                    const pln_binding *inputs, uint32_t n_inputs, const pln_binding *outputs,
                                    uint32_t n_outputs, pln_error *error);

/* Makes the plan of the bucket before its first run: weights are packed, kernels compiled, nothing is run. */
PLN_API pln_status pln_schedule_prepare(pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims,
                                        pln_error *error);

/* Reads or writes a state of the graph, or of another schedule with the same pln_states, by name: dense [rows, width].
 */
PLN_API pln_status pln_schedule_state_read(pln_schedule *schedule, const char *name, float *data, pln_error *error);
PLN_API pln_status pln_schedule_state_write(pln_schedule *schedule, const char *name, const float *data,
                                            pln_error *error);

/* Bytes on one device of the schedule. */
typedef struct pln_memory {
    uint64_t arena_bytes;    /* inputs, outputs and temporaries of the plan, as allocated */
    uint64_t scratch_bytes;  /* the device's own for the plan */
    uint64_t constant_bytes; /* packed weights */
    uint64_t state_bytes;
} pln_memory;

/* Exact bytes on device `index` of the list (the last one is the fallback `reference`) for a bucket, before anything is
 * allocated. */
PLN_API pln_status pln_schedule_estimate(pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims, uint32_t index,
                                         pln_memory *memory, pln_error *error);

typedef struct pln_statistics { /* of the last run */
    uint32_t nodes, segments;
    uint32_t copies;        /* values moved between devices */
    uint64_t copied_bytes;  /* by them */
    uint64_t planned_bytes; /* arenas and scratch of the plan, all devices */
    uint64_t flops;         /* arithmetic of the nodes at the real numbers */
} pln_statistics;
PLN_API void pln_schedule_statistics(const pln_schedule *schedule, pln_statistics *statistics);

/* A node of the schedule, for people. Text belongs to the schedule. */
typedef struct pln_node_report {
    const char *name, *op;
    const char *device; /* "vulkan:1" */
    const char *kernel;
    const char *refusals; /* "vulkan: reason; cpu: reason", "" if the first device took it */
    uint32_t segment;
    uint64_t estimated_ns, measured_ns; /* measured: last run, when timed and the device can tell; else 0 */
    uint64_t copied_bytes;              /* copied to its device right before it, at capacity of the last plan */
    uint64_t flops;                     /* at the real numbers of the last run */
} pln_node_report;
PLN_API uint32_t pln_schedule_nodes(const pln_schedule *schedule);
/* All zero if index is out of range. */
PLN_API void pln_schedule_node(const pln_schedule *schedule, uint32_t index, pln_node_report *report);

/* Kernels of the last plan on device `index` of the list, one per launch: fills up to n, *count is how many there are.
 */
PLN_API pln_status pln_schedule_kernels(const pln_schedule *schedule, uint32_t index, pln_kernel_info *kernels,
                                        uint32_t n, uint32_t *count, pln_error *error);

/* Programs of a bucket on device `index` of the list, one per launch, before anything is compiled or allocated: fills
 * up to n, *count is how many there are. */
PLN_API pln_status pln_schedule_programs(pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims, uint32_t index,
                                         pln_program *programs, uint32_t n, uint32_t *count, pln_error *error);

/* ---- tokenizer
 * ---------------------------------------------------------------------------------------------------------- */

typedef struct pln_tokenizer pln_tokenizer; /* vocabulary and rules; read-only once it is open: any thread */
typedef struct pln_encoder pln_encoder;     /* threads, scratch and the last answer: one caller at a time */

typedef enum pln_tokenizer_mode {
    PLN_TOKENIZER_FAST = 0, /* as ElectraTokenizerFast: the reference */
    PLN_TOKENIZER_SLOW,     /* as the tokenizer in Python of transformers 4 */
    PLN_TOKENIZER_GOOGLE,   /* as google-research/electra: words of up to 200 characters */
} pln_tokenizer_mode;

/* By name: "fast", "slow", "google". False: there is no such mode. */
PLN_API bool pln_tokenizer_mode_find(const char *name, pln_tokenizer_mode *mode);

typedef enum pln_choice { PLN_UNSET = 0, PLN_NO, PLN_YES } pln_choice;

/* A token that is split off the text. normalized: it is looked for in the normalized text, not in the raw one. */
typedef struct pln_added_token {
    const char *content;
    bool special, lstrip, rstrip, single_word, normalized;
} pln_added_token;

typedef struct pln_tokenizer_options { /* zero is a good default */
    pln_log_fn *log;                   /* NULL: warnings are dropped */
    void *log_context;
    pln_tokenizer_mode mode;
    bool strict; /* of tokenizer.json only what transformers 5 takes for ELECTRA: vocabulary, truncation, padding */
    pln_choice lower_case, strip_accents, space_chinese; /* overrule the files */
    uint32_t max_word; /* code points; a longer word is unknown; 0: as the files say, else 100 (Google 200) */
    const pln_added_token *added; /* beside those of the files; borrows */
    uint32_t n_added;
    const char *const *never_split; /* words that stay whole, in mode slow; beside those of the files; borrows */
    uint32_t n_never_split;
} pln_tokenizer_options;

/* Returns new. path: a directory, or a vocabulary or a tokenizer.json beside which the other files are looked for.
 * The vocabulary is tokenizer.json's, else vocab.txt's (the other way round in modes slow and google). Settings:
 * tokenizer.json, overruled by tokenizer_config.json, overruled by the options. Added tokens: added_tokens_decoder of
 * tokenizer_config.json; without one special_tokens_map.json, added_tokens.json and tokenizer.json. options may be
 * NULL. PLN_BAD_MODEL names file and key, or what is no BERT tokenizer. */
PLN_API pln_status pln_tokenizer_open(const char *path, const pln_tokenizer_options *options, pln_tokenizer **tokenizer,
                                      pln_error *error);
PLN_API void pln_tokenizer_close(pln_tokenizer **tokenizer); /* after its encoders */

typedef enum pln_tokenizer_layout {
    PLN_LAYOUT_5, /* transformers 5: tokenizer.json, tokenizer_config.json */
    PLN_LAYOUT_4, /* and vocab.txt, special_tokens_map.json and, if there are tokens behind it, added_tokens.json */
} pln_tokenizer_layout;

/* Writes the files into the directory, which is made if there is none. PLN_FAILED names the path; what cannot be
 * written, as on a full disk, leaves the files that were there. */
PLN_API pln_status pln_tokenizer_save(const pln_tokenizer *tokenizer, const char *directory,
                                      pln_tokenizer_layout layout, pln_error *error);

typedef enum pln_special { PLN_UNK_TOKEN, PLN_SEP_TOKEN, PLN_PAD_TOKEN, PLN_CLS_TOKEN, PLN_MASK_TOKEN } pln_special;

PLN_API const char *pln_tokenizer_token(const pln_tokenizer *tokenizer, int32_t id); /* NULL if there is none */
PLN_API int32_t pln_tokenizer_id(const pln_tokenizer *tokenizer, const char *token); /* -1 if there is none */
PLN_API int32_t pln_tokenizer_special_id(const pln_tokenizer *tokenizer, pln_special special); /* -1: none */
PLN_API uint32_t pln_tokenizer_count(const pln_tokenizer *tokenizer);      /* ids are below this number */
PLN_API uint32_t pln_tokenizer_max_length(const pln_tokenizer *tokenizer); /* that the files name; 0: none */

typedef struct pln_decode_options { /* zero is a good default */
    bool skip_special;              /* special tokens are left out */
    pln_choice clean_up;            /* blanks before punctuation go, in the text as a whole; unset: as the files say */
} pln_decode_options;

/* Returns new text (pln_free), NULL if there is no memory. Ids that do not exist are passed over. options may be NULL.
 */
PLN_API char *pln_tokenizer_decode(const pln_tokenizer *tokenizer, const int32_t *ids, uint32_t n,
                                   const pln_decode_options *options);

/* UTF-8, need not end in NUL. Invalid bytes are one U+FFFD each maximal subpart. At most 4 GiB. */
typedef struct pln_text {
    const char *text;
    size_t bytes;
} pln_text;

typedef struct pln_example { /* zero is nothing */
    pln_text text;
    pln_text pair;         /* text NULL: there is none */
    const pln_text *words; /* not NULL: `text` is split into these already; offsets count within each */
    const pln_text *pair_words;
    uint32_t n_words, n_pair_words;
} pln_example;

typedef enum pln_truncation { /* which text is cut */
                              PLN_LONGEST_FIRST =
                                  0, /* the longer one; of equal ones the first is, and keeps less by the odd token */
                              PLN_ONLY_FIRST,
                              PLN_ONLY_SECOND,
} pln_truncation;

typedef enum pln_padding { PLN_NO_PADDING = 0, PLN_PAD_LONGEST, PLN_PAD_LENGTH } pln_padding;

typedef struct pln_encode_options { /* zero is a good default */
    uint32_t max_length;            /* of a row, special tokens included; 0, or too little for them: nothing is cut */
    pln_truncation truncation;
    bool truncate_left;  /* the beginnings go, not the ends */
    bool overflow;       /* what is cut off comes too, as more rows of the same example: windows of the same size */
    uint32_t stride;     /* tokens that a window shares with the one before it */
    pln_padding padding; /* to the longest row, or to pad_length */
    bool pad_left;
    uint32_t pad_length;   /* 0: max_length */
    uint32_t pad_multiple; /* padded lengths are rounded up to a multiple of it; 0: they are not */
    bool no_special;       /* [CLS] and [SEP] are not added */
    bool split_special;    /* special tokens written in a text are plain text */
} pln_encode_options;

/* What the files of the tokenizer say of truncation and padding (tokenizer.json; sides also tokenizer_config.json). */
PLN_API pln_encode_options pln_tokenizer_defaults(const pln_tokenizer *tokenizer);

/* Rows of tokens, one after the other: row r is tokens [starts[r], starts[r + 1]). One entry a token in each column:
 * what a model reads can be bound to it as it lies. Padded rows are all as long, but for those that are longer than was
 * asked for: each column is a matrix. */
typedef struct pln_encodings {
    uint32_t rows, tokens;
    const uint32_t *starts;        /* [rows + 1] */
    const uint32_t *examples;      /* [rows], the example that the row is of */
    const int32_t *ids;            /* [tokens], as all that follow */
    const int32_t *types;          /* 0 in the first text and round it, 1 in the second and behind it, 0 in padding */
    const int32_t *words;          /* number of the word in its text; -1: added by the encoder */
    const int8_t *sequences;       /* 0 in the first text, 1 in the second; -1: added by the encoder */
    const uint8_t *attention_mask; /* 1: a token, 0: padding */
    const uint8_t *special_mask;   /* 1: added by the encoder: [CLS], [SEP], padding */
    const uint32_t *begins, *ends; /* code points of its text (of its word, if words were given); 0, 0: added */
    const uint32_t *begin_bytes, *end_bytes;
} pln_encodings;

/* Look-ups in a row; sequence: 0 or 1. False: there is none. A token's word, sequence and characters stand in the
 * columns, so the word of a character is words[] of its token, and the characters of a word go from begins[] of its
 * first token to ends[] of its last. Tokens are places in the columns. */
PLN_API bool pln_encodings_char_to_token(const pln_encodings *encodings, uint32_t row, int sequence, uint32_t character,
                                         uint32_t *token);
PLN_API bool pln_encodings_word_to_tokens(const pln_encodings *encodings, uint32_t row, int sequence, int32_t word,
                                          uint32_t *begin, uint32_t *end);

/* Returns new; keeps the tokenizer. threads: the caller included; 0: pln_processors(). PLN_NO_MEMORY. */
PLN_API pln_status pln_encoder_create(const pln_tokenizer *tokenizer, uint32_t threads, pln_encoder **encoder,
                                      pln_error *error);
PLN_API void pln_encoder_destroy(pln_encoder **encoder);

/* [CLS] text [SEP], and with a pair: pair [SEP]; rows in the order of the examples, whatever the threads. Windows: the
 * first of both texts, then each later one of the first with all of the second, then the first with the later ones of
 * the second. Borrows; the answer belongs to the encoder until its next call. options may be NULL. Memory is kept for
 * the next call: many small calls allocate nothing. PLN_INVALID names the example that is too short to be cut as asked,
 * or a stride that is not smaller than its window. */
PLN_API pln_status pln_encoder_encode(pln_encoder *encoder, const pln_example *examples, uint32_t count,
                                      const pln_encode_options *options, const pln_encodings **encodings,
                                      pln_error *error);

/* ---- training a vocabulary
 * ---------------------------------------------------------------------------------------------- */

enum { PLN_VOCABULARY_TOKEN_BYTES = 256 }; /* a special token is no longer */

typedef struct pln_vocabulary_trainer pln_vocabulary_trainer;

typedef struct pln_vocabulary_options { /* zero is a good default */
    uint32_t size;                      /* entries, special tokens and alphabet included; 0 means 30000 */
    uint32_t min_frequency;             /* pairs that occur less often are not joined; 0 means 2 */
    uint32_t limit_alphabet;            /* characters kept, the most frequent ones; 0 means 1000 */
    bool cased;                         /* letters are not lowered, accents stay */
    bool keep_accents;                  /* letters are lowered, accents stay */
    bool join_chinese;                  /* Chinese characters are not set apart */
    const char *const *special;         /* first entries, in order; NULL: [PAD] [UNK] [CLS] [SEP] [MASK]; borrows */
    uint32_t n_special;
    uint32_t threads; /* 0: pln_processors() */
    /* Called while pairs are joined, with the entries there are and the size; false stops. May be NULL. */
    bool (*progress)(void *context, uint32_t entries, uint32_t size);
    void *progress_context;
} pln_vocabulary_options;

/* Returns new. options may be NULL. A WordPiece vocabulary as the WordPieceTrainer of Hugging Face's tokenizers makes
 * it: the alphabet, then pairs of neighbours joined, the most frequent first; of equal ones that with the lower ids.
 * The same texts give the same vocabulary on any number of threads. PLN_INVALID names a special token that is empty,
 * longer than PLN_VOCABULARY_TOKEN_BYTES or holds a blank. */
PLN_API pln_status pln_vocabulary_trainer_create(const pln_vocabulary_options *options,
                                                 pln_vocabulary_trainer **trainer, pln_error *error);
PLN_API void pln_vocabulary_trainer_destroy(pln_vocabulary_trainer **trainer);

/* Counts the words of a text: UTF-8, bytes long; invalid bytes are U+FFFD, which the normalizer takes away. It begins
 * and ends a word. Borrows. Memory grows with the distinct words only. PLN_NO_MEMORY. */
PLN_API pln_status pln_vocabulary_trainer_add(pln_vocabulary_trainer *trainer, const char *text, size_t bytes,
                                              pln_error *error);

/* Returns new text, freed by pln_free: a vocab.txt of *entries lines, *bytes long. There are fewer entries than asked
 * for when no pair is left, and more when special tokens and alphabet alone are more. Texts can be added afterwards and
 * the training repeated. PLN_FAILED: stopped by progress. PLN_NO_MEMORY. */
PLN_API pln_status pln_vocabulary_trainer_train(pln_vocabulary_trainer *trainer, char **text, size_t *bytes,
                                                uint32_t *entries, pln_error *error);

/* ---- models
 * ------------------------------------------------------------------------------------------------------------- */

PLN_API const char *pln_head_string(pln_head head);          /* "masked-lm" */
PLN_API int pln_head_find(const char *name, pln_head *head); /* 0 if there is no such name */

/* What the labels of a head belong to, as pln_session_forward takes them: B batch, S length, N labels. */
typedef enum pln_labels {
    PLN_LABELS_NONE = 0,
    PLN_LABELS_TOKENS,    /* a class of each token [B,S]; -100 is none */
    PLN_LABELS_REPLACED,  /* 0 or 1 for each token [B,S], weighed by the mask */
    PLN_LABELS_SEQUENCES, /* by problem type: a class [B], or numbers [B,N] */
    PLN_LABELS_CHOICES,   /* which of the choices is right [B]; -100 is none */
    PLN_LABELS_SPANS,     /* start_positions and end_positions [B] */
} pln_labels;
PLN_API pln_labels pln_head_labels(pln_head head);

typedef struct pln_model_options { /* zero is a good default */
    uint64_t seed;                 /* for weights that the checkpoint lacks */
    bool without_weights;          /* for estimates: what the directory lacks is zero, and takes no memory */
} pln_model_options;

/* Returns new; keeps the runtime. Reads config.json and maps the weights. PLN_BAD_MODEL names file, tensor, expected,
 * found. */
PLN_API pln_status pln_model_open(pln_runtime *runtime, const char *directory, const pln_model_options *options,
                                  pln_model **model, pln_error *error);
PLN_API void pln_model_close(pln_model **model);
PLN_API pln_head pln_model_head(const pln_model *model); /* the default one */
/* A whole number of the config ("hidden_size", with defaults filled in), or -1 if there is no such field. */
PLN_API int64_t pln_model_number(const pln_model *model, const char *field);
/* How many classes the labels of a head choose from; of a choice it is the batch that says (2 here), without labels 0. */
PLN_API uint32_t pln_model_classes(const pln_model *model, pln_head head);
PLN_API const char *pln_model_label(const pln_model *model, uint32_t index); /* id2label; NULL if out of range */
/* The model's tokenizer, opened at the first call; belongs to the model. */
PLN_API pln_status pln_model_tokenizer(pln_model *model, const pln_tokenizer **tokenizer, pln_error *error);

/* ---- sessions
 * ----------------------------------------------------------------------------------------------------------- */

typedef struct pln_session_options { /* zero is a good default */
    pln_head head;
    bool every_position; /* padded positions are computed too; else what the mask drops on the right is, and reads as 0
                          */
    bool hidden_states;  /* outputs hidden_states.0 .. hidden_states.L */
    bool attentions;     /* outputs attentions.N, cross_attentions.N; implies every_position */
    bool trace;          /* every node's first output comes back too, packed, as "node:NAME" */
    pln_schedule_options schedule;
} pln_session_options;

/* Returns new; keeps model and devices. options may be NULL. Weights that the checkpoint lacks are drawn at random and
 * named in a warning, unexpected ones too. */
PLN_API pln_status pln_session_create(pln_model *model, pln_devices *devices, const pln_session_options *options,
                                      pln_session **session, pln_error *error);
PLN_API void pln_session_destroy(pln_session **session);

/* The forward pass of the reference implementation: tensors in and out by its names and shapes.
 * In: input_ids or inputs_embeds, attention_mask, token_type_ids, position_ids, head_mask, labels, start_positions,
 * end_positions, encoder_hidden_states, encoder_attention_mask; integers i64 or i32 (masks also bool, u8 or floats),
 * the rest any float type. Borrows. Out: loss, logits, last_hidden_state, start_logits, end_logits, hidden_states.N,
 * attentions.N, cross_attentions.N, f32; they belong to the session until its next forward. PLN_INVALID names the
 * tensor, what was expected and what was found. */
PLN_API pln_status pln_session_forward(pln_session *session, const pln_tensor *inputs, uint32_t n_inputs,
                                       const pln_tensor **outputs, uint32_t *n_outputs, pln_error *error);

/* The schedule of the last forward (or of the last pln_session_prepare), for explain and statistics; NULL before. */
PLN_API pln_schedule *pln_session_schedule(pln_session *session);
/* Describes and places the graph that a batch of that shape needs, without running: dims (64 numbers) are its symbols'.
 */
PLN_API pln_status pln_session_prepare(pln_session *session, uint32_t batch, uint32_t length, uint32_t *dims,
                                       uint32_t *n_dims, pln_error *error);
/* Text of the graph of the last forward or prepare, by pln_graph_text or pln_graph_dot. */
PLN_API const pln_graph *pln_session_graph(const pln_session *session);

/* ---- tasks
 * -------------------------------------------------------------------------------------------------------------- */

/* A word of the text and how likely it is to have been replaced: the highest of its pieces. Bytes of the text. */
typedef struct pln_word {
    uint32_t begin, end;
    float probability;
} pln_word;

/* Replaced-token detection (head pretraining). Returns new words, freed by pln_free. Text that is longer than the model
 * can take is PLN_INVALID. PLN_FAILED, here and below, if a logit is NaN or infinite: then there is no answer. */
PLN_API pln_status pln_detect(pln_session *session, const char *text, pln_word **words, uint32_t *count,
                              pln_error *error);

/* Candidates for one [MASK], best first. */
typedef struct pln_fill {
    uint32_t mask; /* which [MASK] of the text, from 0 */
    int32_t id;
    float probability;
    const char *token; /* belongs to the model */
} pln_fill;

/* Fill-mask (head masked-lm): `top` candidates for each [MASK], at most as many as there are tokens. Returns new, freed
 * by pln_free. No [MASK] is PLN_INVALID. A logit of minus infinity is a token that is barred, with probability 0. */
PLN_API pln_status pln_fill_mask(pln_session *session, const char *text, uint32_t top, pln_fill **fills,
                                 uint32_t *count, pln_error *error);

/* A label with its probability (softmax; sigmoid for multi-label; the raw value for regression). */
typedef struct pln_class {
    const char *label; /* belongs to the model */
    float score;
} pln_class;

/* Classification (head sequence-classification), labels in the config's order. pair may be NULL. Returns new, freed by
 * pln_free. */
PLN_API pln_status pln_classify(pln_session *session, const char *text, const char *pair, pln_class **classes,
                                uint32_t *count, pln_error *error);

/* ---- training
 * ----------------------------------------------------------------------------------------------------------- */

/* A model under training: parameters, their gradients and the moments of AdamW on the devices, and where it stands. A
 * step is: the batch forward and backward, in `accumulate` parts; the global norm of the gradients, clipped; AdamW. */
typedef struct pln_trainer pln_trainer;

typedef enum pln_rate_schedule {
    PLN_RATE_CONSTANT = 0, /* rate * min(1, t / warmup), t the steps made before this one */
    PLN_RATE_LINEAR,       /* that times 1 - min(t, steps) / steps: ELECTRA's own, where warm-up and decay multiply */
} pln_rate_schedule;

typedef struct pln_trainer_options {
    pln_head head;
    double learning_rate, beta1, beta2, eps;
    double weight_decay; /* decoupled; biases and LayerNorm excluded */
    double clip;         /* of the global norm of the gradients; 0: none (norms above 1e15 are clipped to that) */
    bool no_bias_correction;
    pln_rate_schedule schedule;
    uint32_t warmup, steps; /* of the schedule; constant needs no steps */
    /* The learning rate of depth d is multiplied by layer_decay^(layers + 2 - d): embeddings and their projection have
     * depth 0, layer i has i + 1, the head has layers + 2. */
    double layer_decay;
    uint32_t accumulate;            /* a batch is run in as many equal parts; changes no number but for rounding */
    double dropout;                 /* everywhere; negative: the config's rates */
    uint64_t seed;                  /* of dropout, and of weights that the checkpoint lacks */
    bool recompute;                 /* layers are computed again in the backward pass: less memory, a third more time */
    pln_schedule_options placement; /* `states` is ignored */
} pln_trainer_options;

#define PLN_TRAINER_DEFAULTS                                                                                           \
    {                                                                                                                  \
        .learning_rate = 1e-4, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-6, .weight_decay = 0.01, .clip = 1,             \
        .layer_decay = 1, .accumulate = 1, .dropout = -1                                                               \
    }

typedef struct pln_trainer_report { /* of a step */
    uint32_t step;                  /* from 1 */
    float loss;                     /* of the whole batch, before the update */
    float gradient_norm;            /* before clipping */
    float learning_rate;            /* of this step, without layer_decay */
    uint64_t tokens;                /* real ones */
} pln_trainer_report;

/* Returns new; keeps model and devices. options NULL: PLN_TRAINER_DEFAULTS. PLN_INVALID names the option that is out of
 * range; PLN_INVALID too for the head `model`, which has no loss. */
PLN_API pln_status pln_trainer_create(pln_model *model, pln_devices *devices, const pln_trainer_options *options,
                                      pln_trainer **trainer, pln_error *error);
PLN_API void pln_trainer_destroy(pln_trainer **trainer);

/* One step on a batch: tensors as pln_session_forward takes them, labels (or start_positions and end_positions)
 * included. Borrows. PLN_INVALID for a batch without a label, and as pln_session_forward. PLN_FAILED for a loss or
 * gradient that is NaN or infinite, where the sentence names the step and the first node that is not finite, and for an
 * update that would leave such a weight or moment, where it names the tensor: parameters, moments and the number of steps
 * are as before the step. report may be NULL. */
PLN_API pln_status pln_trainer_step(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs,
                                    pln_trainer_report *report, pln_error *error);
PLN_API uint32_t pln_trainer_steps(const pln_trainer *trainer); /* made so far */
PLN_API uint64_t pln_trainer_seed(const pln_trainer *trainer);  /* of the options, or of what was restored */
/* Whether a step on that batch would begin: what pln_trainer_step refuses before anything runs. */
PLN_API pln_status pln_trainer_check(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs,
                                     pln_error *error);

/* Writes a Hugging Face directory (model.safetensors, config.json, the tokenizer's files) with the trainer's own state
 * beside it (trainer.json, first_moment.safetensors, second_moment.safetensors). These files are replaced together or not
 * at all, also if the process is killed; what else lies in the directory stays in it. PLN_FAILED names what could not be
 * written, read or moved; a number that is not finite is never written. Not replaced is a directory that holds something
 * but no config.json, a mount point, and the working directory; a link stays, and the directory that it names is
 * replaced. Folders `directory`.partial-... that dead processes left are put in order. */
PLN_API pln_status pln_trainer_save(pln_trainer *trainer, const char *directory, pln_error *error);
/* Saves into `directory`.step-N, N the steps made, and removes those with smaller N but for the newest: `keep` stay. */
PLN_API pln_status pln_trainer_save_step(pln_trainer *trainer, const char *directory, uint32_t keep, pln_error *error);
/* Whether pln_trainer_save could save there now; nothing is left behind. A directory that is empty now may be saved in
 * later though something else was put there. Before the first step, it saves the work of many. */
PLN_API pln_status pln_trainer_check_save(pln_trainer *trainer, const char *directory, pln_error *error);
/* Takes weights, moments, steps and seed from a directory that pln_trainer_save wrote: what follows is bit-exactly what
 * would have followed there, on the same device with the same options and batches. PLN_BAD_MODEL names file and tensor;
 * the trainer can only be destroyed then. */
PLN_API pln_status pln_trainer_restore(pln_trainer *trainer, const char *directory, pln_error *error);

/* Parameters, or gradients of the last batch, by their Hugging Face names: f32, in host memory; they belong to the
 * trainer until its next call. Gradients need pln_trainer_gradients instead of a step. */
PLN_API pln_status pln_trainer_parameters(pln_trainer *trainer, const pln_tensor **tensors, uint32_t *count,
                                          pln_error *error);
/* Loss and gradients of a batch, nothing updated: for checks. tensors as above. */
PLN_API pln_status pln_trainer_gradients(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs, float *loss,
                                         const pln_tensor **tensors, uint32_t *count, pln_error *error);

/* Every node's first output of one forward and backward pass, packed [rows, width], as "node:NAME" in the order of the
 * graph: for finding the first that is wrong. They belong to the trainer until its next call. */
PLN_API pln_status pln_trainer_trace(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs,
                                     const pln_tensor **tensors, uint32_t *count, pln_error *error);

/* Exact bytes on device `index` of the list for steps on batches of that shape (every position real), before anything
 * is allocated: states, arena, scratch, packed constants of both plans. */
PLN_API pln_status pln_trainer_estimate(pln_trainer *trainer, uint32_t batch, uint32_t length, uint32_t index,
                                        pln_memory *memory, pln_error *error);

#ifdef __cplusplus
}
#endif
#endif
