/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a session. A request is checked at the door (request.c, labels.c), what of it is kept is decided
 * (batch.c), it is packed (pack.c), run on the graph that its features need (session.c) and unpacked (unpack.c).
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include <pthread.h>

#include "common/in_use.h"
#include "electra/electra.h"
#include "graph/graph.h"
#include "session/pool.h"

struct pln_model {
    pln_runtime *runtime;
    struct ckpt *checkpoint;
    struct electra_config config;
    pthread_mutex_t lock; /* of what follows: all that changes while a model is used */
    struct electra_names names;
    struct electra_weights weights;
    pln_tokenizer *tokenizer; /* opened at first use */
};

/* A graph for a set of features, placed. */
struct session_variant {
    struct session_variant *next;
    struct electra_features features;
    struct electra_graph graph;
    pln_schedule *schedule;
};

/* A part of a training step: what is added to a batch. */
struct session_step {
    bool recompute, trace;       /* as in electra/features.def, with a total */
    double dropout, layer_decay; /* the same */
    uint32_t first_sequence;     /* of the batch, within the whole step */
    int32_t random[PLN_RANDOM_COLUMNS];
    float total[2];             /* what the losses are divided by */
    double label_smoothing;     /* as in electra/features.def */
    const float *class_weights; /* one for each class of the head; NULL: all 1 */
};

/* Row i of an input `origin` (columns.def): where the row comes from, for dropout. */
static inline void session_write_origin(int32_t *origin, uint32_t i, uint32_t sequence, uint32_t position)
{
    int32_t *row = origin + (size_t)PLN_ORIGIN_COLUMNS * i;
    row[PLN_ORIGIN_SEQUENCE] = (int32_t)sequence;
    row[PLN_ORIGIN_POSITION] = (int32_t)position;
}

struct pln_session {
    pln_model *model;
    pln_devices *devices;
    pln_session_options options;   /* without `schedule` */
    pln_schedule_options schedule; /* of the options */
    char **place;                  /* copies of the options' rules */
    struct electra_config config;  /* the model's, as the semantics have it: a view */
    pln_head head_number;
    const struct electra_head *head;
    enum electra_problem problem; /* of the config, or as the first labels said */
    struct session_variant *variants, *last;
    atomic_bool in_use; /* by a public call */
    struct pool pool;   /* of one forward */
    pln_tensor *outputs;
    uint32_t n_outputs;
};

/* The tensors of a request by what they are; NULL: not given. */
struct session_request {
    const struct electra_semantics *semantics;
    const pln_tensor *input_ids, *inputs_embeds, *attention_mask, *token_type_ids, *position_ids, *head_mask, *labels,
        *start_positions, *end_positions, *is_impossible, *last_hidden_state, *encoder_hidden_states,
        *encoder_attention_mask;
    uint32_t examples, choices; /* choices 0: the head has none */
    uint32_t rows;              /* sequences: examples * max(choices, 1) */
    uint32_t length;            /* tokens of a sequence, padding included */
    uint32_t source_length;
    uint32_t starts; /* of each sequence, whose ends are asked for; 0: none, or labels say the one */
    bool pair_mask;  /* attention_mask is for pairs of tokens (3-D, 4-D) */
    enum electra_problem problem;
    const uint32_t *targets; /* positions row * length + token whose vocabulary logits are wanted; NULL: all */
    uint32_t n_targets;
};

/* Finds and checks the tensors. PLN_INVALID names the tensor, what was expected and what was found. */
pln_status session_request_read(const pln_session *session, const pln_tensor *tensors, uint32_t n,
                                struct session_request *request, pln_error *error);

/* PLN_INVALID names a tensor whose file became shorter, so that what was read of it may be wrong. */
pln_status session_request_check(const struct session_request *request, pln_error *error);

/* ---- want.c */

/* What the door asks of a tensor. A sentence names it, what was expected and what was found. For session_want_shape,
 * _integers and _floats a tensor may be NULL: nothing is asked. */
bool session_has_shape(const pln_tensor *tensor, const uint64_t *shape, uint32_t rank);
pln_status session_want_shape(const pln_tensor *tensor, const uint64_t *shape, uint32_t rank, pln_error *error);
/* Each side is that of shape or 1, as PyTorch stretches it. */
bool session_stretches(const pln_tensor *tensor, const uint64_t *shape, uint32_t rank);
pln_status session_want_stretched(const pln_tensor *tensor, const uint64_t *shape, uint32_t rank, pln_error *error);
pln_status session_want_integers(const pln_tensor *tensor, int64_t least, int64_t most, int64_t also, pln_error *error);
pln_status session_want_floats(const pln_tensor *tensor, pln_error *error);
void session_print_shape(char *text, size_t bytes, const uint64_t *shape, uint32_t rank); /* "[2, 3]" */

/* ---- elements.c: element i of a tensor of any integer, bool or float type */

int64_t session_integer(const pln_tensor *tensor, uint64_t i);
double session_real(const pln_tensor *tensor, uint64_t i);
bool session_is_integer(const pln_tensor *tensor);

/* ---- batch.c: a request as a graph sees it */

struct session_turn;

struct session_batch {
    const struct session_step *step;  /* NULL: nothing is trained */
    const struct session_turn *turns; /* of a decoder that goes on (cache.h), one a row; NULL: none does */
    struct electra_features features;
    bool every_position;
    uint32_t tokens, *lengths; /* kept tokens of each row; they begin at starts[row] */
    int32_t *starts;
    uint32_t dims[GRAPH_SYMBOLS];
    const void **inputs; /* by id of the value in the graph, as sched_run wants them */
    void **outputs;      /* by output of the graph */
};

/* Decides what is kept, and the features. keeps the step (NULL: a forward pass). Memory from the pool. */
pln_status session_batch_plan(pln_session *session, const struct session_request *request,
                              const struct session_step *step, struct session_batch *batch, pln_error *error);
/* Whether the mask lets others look at a token. */
bool session_attends(const struct session_request *request, uint32_t row, uint32_t token);
/* The same of element i of the source's mask, which is there. */
bool session_attends_source(const struct session_request *request, uint64_t i);
/* Whether a mask of tokens becomes numbers that are added to the scores. */
bool session_adds_mask(const struct session_request *request);

/* ---- pack.c, and pack_*.c by what is packed */

/* What a packer looks at, and what it writes: as many rows as the graph's input has at the batch's numbers. */
struct session_packing {
    pln_session *session;
    const struct session_request *r;
    const struct session_batch *b;
};
typedef void session_packer(const struct session_packing *p, void *out);
#define INPUT(name, dtype) session_packer session_pack_##name;
#include "electra/inputs.def"
#undef INPUT
#define SYMBOL(name) uint32_t session_count_##name(const struct session_packing *p);
#include "electra/symbols.def"
#undef SYMBOL

/* Of a kept token the integer of a tensor [rows or 1, length or 1], or what is said without one: a number or (below 0) the
 * position. */
int32_t session_token_integer(const pln_tensor *tensor, uint32_t row, uint32_t token, int32_t unsaid);
/* (1 - m) times what hides a key; 0 for m = 1 also where the product would be -0. */
float session_added_by_mask(const struct session_packing *p, double m);

/* The number of each symbol of the graph. */
pln_status session_batch_dims(pln_session *session, const struct session_request *request,
                              const struct electra_graph *graph, struct session_batch *batch, pln_error *error);
/* Packs the inputs that the graph has, sets the dims, and makes room for its outputs. */
pln_status session_batch_pack(pln_session *session, const struct session_request *request,
                              const struct electra_graph *graph, struct session_batch *batch, pln_error *error);

/* ---- unpack.c */

/* Outputs of the graph into tensors of the session, with the shapes of the reference implementation. */
pln_status session_batch_unpack(pln_session *session, const struct session_request *request,
                                const struct electra_graph *graph, const struct session_batch *batch, pln_error *error);
/* The same as tensors [rows, width] under their names in the graph. */
pln_status session_batch_flat(pln_session *session, const pln_graph *graph, const struct session_batch *batch,
                              pln_error *error);

/* Of every graph: memory of runs is given back until the next one. */
void session_rest(pln_session *session);

/* ---- labels.c */

/* Types, shapes and ranges of the labels that are there; settles request->problem. */
pln_status session_labels_check(const pln_session *session, struct session_request *request, pln_error *error);
/* Whether all that a loss needs is there, and how to ask for it. */
bool session_labels_whole(const struct session_request *request);
const char *session_labels_names(const pln_session *session);
/* What the loss of the request is a mean over: targets, labels or weights; for answers of first and last apart.
 * class_weights: what a label of each class counts for; NULL: 1. */
void session_labels_totals(const pln_session *session, const struct session_request *request,
                           const float *class_weights, float totals[2]);
/* Why there is nothing to divide by; NULL: there is something. */
const char *session_labels_missing(const pln_session *session, const float totals[2]);
/* The label that the logits of a token are held against. */
int32_t session_token_label(const pln_session *session, const struct session_request *request, uint32_t row,
                            uint32_t token);

/* ---- losses.c: the loss of one sequence or example, which the graph has the mean of; logits as the graph has them,
 * `width` a row. */
double session_row_loss(const struct session_packing *p, const float *logits, uint32_t width, uint64_t i);

/* ---- session.c */

/* Runs a request that was read; outputs are as the graph has them. step NULL: a forward pass. */
pln_status session_run(pln_session *session, const struct session_request *request, const struct session_step *step,
                       struct session_batch *batch, pln_error *error);
/* The graph for these features, of a list: the session's, or that of a cache. It is the last one from then on. */
pln_status session_variant_get(pln_session *session, struct session_variant **list,
                               const struct electra_features *features, const pln_schedule_options *options,
                               struct session_variant **variant, pln_error *error);
void session_variants_destroy(pln_session *session, struct session_variant **list);
/* pln_session_prepare, of a step if it is not NULL. */
pln_status session_prepare(pln_session *session, const struct session_step *step, uint32_t batch, uint32_t length,
                           uint32_t *dims, uint32_t *n_dims, pln_error *error);
/* The first labels say what kind of problem it is, and that stays. */
void session_settle_problem(pln_session *session, const struct session_request *request);
/* The graph of the last run. */
const struct electra_graph *session_graph(const pln_session *session);

/* Around every public call that runs a session: PLN_INVALID if another thread is inside one. Outputs may be read until
 * the end. */
static inline pln_status session_begin(pln_session *session, pln_error *error)
{
    return in_use_begin(&session->in_use, "the session", error);
}

static inline void session_end(pln_session *session)
{
    in_use_end(&session->in_use);
}

/* From now on every sequence has the same bits whatever else is in its batch, and plans serve all batches that they have
 * room for. Between begin and end. */
void session_be_steady(pln_session *session);

/* pln_session_forward between begin and end, with the vocabulary's rows chosen: targets[i] = row * length + token;
 * logits are [n_targets, V] then. */
pln_status session_forward_targets(pln_session *session, const pln_tensor *inputs, uint32_t n_inputs,
                                   const uint32_t *targets, uint32_t n_targets, const pln_tensor **outputs,
                                   uint32_t *n_outputs, pln_error *error);

/* The same with outputs as the graph has them: [rows, width] under their names; spans have `logits` of width 2. */
struct session_flat {
    const pln_tensor *outputs; /* the session's until its next forward */
    const enum electra_output *kinds;
    uint32_t n_outputs;
    const int32_t *starts; /* [sequences + 1]: where the tokens of each begin in rows of tokens */
};
pln_status session_forward_flat(pln_session *session, const pln_tensor *inputs, uint32_t n_inputs,
                                const uint32_t *targets, uint32_t n_targets, struct session_flat *flat,
                                pln_error *error);
#endif
