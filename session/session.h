/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a session: a request is checked at the door (request.c), packed and unpacked (batch.c), and run on the
 * graph that its features need (session.c).
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
    struct electra_weights weights;
    pln_tokenizer *tokenizer; /* opened at first use */
};

/* A graph for a set of features, placed. */
struct session_variant {
    struct session_variant *next;
    struct electra_features features;
    pln_graph *graph;
    pln_schedule *schedule;
};

/* What training adds to a session: set by its owner, read when a batch is planned and packed. */
struct session_training {
    bool on, recompute;          /* as in struct electra_features, with a total */
    double dropout, layer_decay; /* the same */
    uint32_t first_sequence;     /* of the batch, within the whole step */
    int32_t random[3];           /* seed, low and high word; step */
    float total[2];              /* what the losses are divided by */
};

struct pln_session {
    pln_model *model;
    pln_devices *devices;
    pln_session_options options;
    char **place; /* copies of the options' rules */
    pln_head head;
    enum electra_problem problem; /* of the config, or as the first labels said */
    struct session_training training;
    struct session_variant *variants, *last;
    atomic_bool in_use; /* by a public call */
    struct pool pool;   /* of one forward */
    pln_tensor *outputs;
    uint32_t n_outputs;
};

/* The tensors of a request by what they are; NULL: not given. */
struct session_request {
    const pln_tensor *input_ids, *inputs_embeds, *attention_mask, *token_type_ids, *position_ids, *head_mask, *labels,
        *start_positions, *end_positions, *encoder_hidden_states, *encoder_attention_mask;
    uint32_t examples, choices; /* choices 0: the head has none */
    uint32_t rows;              /* sequences: examples * max(choices, 1) */
    uint32_t length;            /* tokens of a sequence, padding included */
    uint32_t source_length;
    bool pair_mask; /* attention_mask is for pairs of tokens (3-D, 4-D) */
    enum electra_problem problem;
    const uint32_t *targets; /* positions row * length + token whose vocabulary logits are wanted; NULL: all */
    uint32_t n_targets;
};

/* Finds and checks the tensors. PLN_INVALID names the tensor, what was expected and what was found. */
pln_status session_request_read(const pln_session *session, const pln_tensor *tensors, uint32_t n,
                                struct session_request *request, pln_error *error);

/* PLN_INVALID names a tensor whose file became shorter, so that what was read of it may be wrong. */
pln_status session_request_check(const struct session_request *request, pln_error *error);

/* Element i of a tensor of any integer, bool or float type. */
int64_t session_integer(const pln_tensor *tensor, uint64_t i);
double session_real(const pln_tensor *tensor, uint64_t i);
bool session_is_integer(const pln_tensor *tensor);

/* A request as a graph sees it. */
struct session_batch {
    struct electra_features features;
    bool every_position;
    uint32_t tokens, *lengths; /* kept tokens of each row; they begin at starts[row] */
    int32_t *starts;
    uint32_t dims[GRAPH_SYMBOLS];
    uint32_t n_inputs, n_outputs;
    pln_binding inputs[32], *outputs;
};

/* Decides what is kept, and the features. Memory from the pool. */
pln_status session_batch_plan(pln_session *session, const struct session_request *request, struct session_batch *batch,
                              pln_error *error);
/* The number of each symbol of the graph. */
pln_status session_batch_dims(pln_session *session, const struct session_request *request, const pln_graph *graph,
                              struct session_batch *batch, pln_error *error);
/* Packs the inputs that the graph has, sets the dims, and makes room for its outputs. */
pln_status session_batch_pack(pln_session *session, const struct session_request *request, const pln_graph *graph,
                              struct session_batch *batch, pln_error *error);
/* Outputs of the graph into tensors of the session, with the shapes of the reference implementation. */
pln_status session_batch_unpack(pln_session *session, const struct session_request *request, const pln_graph *graph,
                                const struct session_batch *batch, pln_error *error);

/* What the loss of the request is a mean over: targets, labels or weights; for answers of first and last apart. */
void session_batch_totals(const pln_session *session, const struct session_request *request, float totals[2]);

/* Reads the request, finds its graph and runs it; outputs are as the graph has them. */
pln_status session_run(pln_session *session, const struct session_request *request, struct session_batch *batch,
                       pln_error *error);

/* The same as tensors [rows, width] under their names in the graph. */
pln_status session_batch_flat(pln_session *session, const pln_graph *graph, const struct session_batch *batch,
                              pln_error *error);

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

/* pln_session_forward between begin and end, with the vocabulary's rows chosen: targets[i] = row * length + token;
 * logits are [n_targets, V] then. */
pln_status session_forward_targets(pln_session *session, const pln_tensor *inputs, uint32_t n_inputs,
                                   const uint32_t *targets, uint32_t n_targets, const pln_tensor **outputs,
                                   uint32_t *n_outputs, pln_error *error);
#endif
