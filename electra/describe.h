/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of a description share: the graph under way, and what it is described with.
 */
#ifndef ELECTRA_DESCRIBE_H
#define ELECTRA_DESCRIBE_H

#include "electra/electra.h"

struct electra_describe {
    const struct electra_config *config;
    const struct electra_features *features;
    struct electra_weights *weights;
    pln_graph *graph;
    struct electra_graph *out; /* what is known of it so far */
    pln_error error;           /* the first of a weight; the graph keeps its own */
    const char *prefix;        /* of names of weights: "encoder.layer.3."; NULL in a head */
    uint32_t depth;            /* for layer-wise learning rates: embeddings 0, layer i has i + 1, heads layers + 2 */
    pln_dim tokens, batch;
    pln_value *loss, *logits; /* of the head */
    pln_loss losses[2];       /* that `loss` is made of, where it is no loss of an op itself */
    uint32_t n_losses;
    const char *loss_name;          /* that the graph has for it; NULL: "loss" */
    pln_value *ids;                 /* what is looked up; NULL: the input of that name */
    struct electra_weights *tables; /* where the embeddings' tables and LayerNorm come from; NULL: `weights` */
};

/* What every graph begins with: rows of tokens and sequences, where sequences begin, and what the features say of masks and of a
 * source. */
void electra_begin(struct electra_describe *d);
/* The backward pass of losses; layers of these scopes (NULL at the end) are computed again in it if the features say so. */
void electra_gradients(struct electra_describe *d, const pln_loss *losses, uint32_t n_losses, const char *const *scopes,
                       const uint32_t *layers);
/* The first error of description or graph; marks every node if the features ask for it. */
pln_status electra_finish(struct electra_describe *d, pln_error *error);

/* ---- parts.c */

/* An input of the graph; the same one each time. Open rows are those of a symbol. */
pln_value *electra_input(struct electra_describe *d, enum electra_input what, pln_dim rows, uint32_t width);
pln_dim electra_rows_of(struct electra_describe *d, enum electra_symbol symbol);

/* A tensor of the encoder under the prefix, or of a head; NULL after an error. */
const struct weight *electra_tensor(struct electra_describe *d, const char *name, uint32_t rows, uint32_t width,
                                    enum electra_fill fill);
/* Whether the checkpoint has a tensor of a head. */
bool electra_has(const struct electra_describe *d, const char *name);
/* Such a weight: a constant, in training a parameter. */
pln_value *electra_constant(struct electra_describe *d, const char *name, uint32_t rows, uint32_t width,
                            enum electra_fill fill);
/* The same of several tensors as one; `name` is the first one's. */
pln_value *electra_joined(struct electra_describe *d, const char *name, const struct weight *const *tensors,
                          uint32_t n);

/* What an op needs to drop elements of rows that are tokens, or those that a head picked. All zero outside of training. */
struct electra_dropout {
    float rate;
    pln_value *origin, *random;
};
enum electra_rows { ELECTRA_TOKENS, ELECTRA_PICKED };
struct electra_dropout electra_dropout(struct electra_describe *d, double probability, enum electra_rows rows);
/* An op of its own for it; x itself outside of training. */
pln_value *electra_drop(struct electra_describe *d, pln_value *x, double probability, enum electra_rows rows,
                        const char *node);

/* NAME.weight [width, inner] and NAME.bias, which options (required) need not have. */
pln_value *electra_dense(struct electra_describe *d, pln_value *x, const char *name, uint32_t width, uint32_t inner,
                         const pln_linear_options *options);
/* NAME.weight and NAME.bias of a LayerNorm. */
pln_value *electra_norm(struct electra_describe *d, pln_value *x, const char *name, uint32_t width, const char *node);

/* Marks what the graph gives, at any place. */
void electra_output(struct electra_describe *d, enum electra_output kind, const char *name, pln_value *value);

/* ---- encoder.c */

/* The last hidden state [tokens, hidden]; and the same where the caller gives it, and nothing has to be encoded. */
pln_value *electra_encoder(struct electra_describe *d);
pln_value *electra_given(struct electra_describe *d);

/* ---- heads.c: what heads are made of */

/* The row of each sequence that the head looks at, or the targets. */
pln_value *electra_pick_rows(struct electra_describe *d, pln_value *x, pln_dim rows);
/* Marks them as the graph's; in training, where only the loss is looked at, not at all. */
void electra_logits(struct electra_describe *d, pln_value *logits);
/* Losses that several heads share: cross-entropy of classes, and any loss as the graph's. */
void electra_class_loss(struct electra_describe *d, pln_value *logits, pln_dim rows);
void electra_loss(struct electra_describe *d, pln_value *loss);
/* What a loss is divided by when a run is a part of a step: a number for each of its sums; else NULL. */
pln_value *electra_loss_total(struct electra_describe *d, uint32_t sums);
/* A number for each label of each row, from a layer under its usual name or, of Google's, under that of a task. */
pln_value *electra_classifier(struct electra_describe *d, pln_value *x, const char *name);
/* Whether the checkpoint's classifier is Google's, a single layer that fits the labels. */
bool electra_is_google_classifier(const struct electra_describe *d);
/* The head of language models. */
void electra_vocabulary(struct electra_describe *d, pln_value *x);
#endif
