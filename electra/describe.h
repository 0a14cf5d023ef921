/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the description share: the graph under way, its inputs, and layers by the names of their weights.
 */
#ifndef ELECTRA_DESCRIBE_H
#define ELECTRA_DESCRIBE_H

#include "electra/electra.h"

struct electra_describe {
    const struct electra_config *config;
    const struct electra_features *features;
    struct electra_weights *weights;
    pln_graph *graph;
    pln_error error;    /* the first of a weight; the graph keeps its own */
    const char *prefix; /* of names of weights: "encoder.layer.3." */
    pln_dim tokens, batch, starts_rows;
    pln_value *starts, *key_mask, *bias, *pair_starts, *head_mask;
    pln_value *source, *source_starts, *source_mask, *source_pair_starts;
    pln_value *origin, *row_origin, *random; /* NULL until something is dropped */
    pln_value *loss;
};

/* A tensor of the encoder under the prefix, or of a head; NULL after an error. */
const pln_tensor *electra_tensor(struct electra_describe *d, const char *name, uint32_t rows, uint32_t width,
                                 enum electra_fill fill);
/* Such a weight: a constant, in training a parameter. */
pln_value *electra_constant(struct electra_describe *d, const char *name, uint32_t rows, uint32_t width,
                            enum electra_fill fill);
/* The same of several tensors as one; `name` is the first one's. */
pln_value *electra_joined(struct electra_describe *d, const char *name, const pln_tensor *const *tensors, uint32_t n);

/* What an op needs to drop elements of rows that are tokens, or those that a head picked. All zero outside of training.
 */
struct electra_dropout {
    float rate;
    pln_value *origin, *random;
};
enum electra_rows { ELECTRA_TOKENS, ELECTRA_PICKED };
struct electra_dropout electra_dropout(struct electra_describe *d, double probability, enum electra_rows rows);
/* An op of its own for it; x itself outside of training. */
pln_value *electra_drop(struct electra_describe *d, pln_value *x, double probability, enum electra_rows rows,
                        const char *node);

/* NAME.weight [width, inner] and NAME.bias; options.bias is filled in. */
pln_value *electra_dense(struct electra_describe *d, pln_value *x, const char *name, uint32_t width, uint32_t inner,
                         pln_linear_options options);
/* NAME.weight and NAME.bias of a LayerNorm. */
pln_value *electra_norm(struct electra_describe *d, pln_value *x, const char *name, uint32_t width, const char *node);

/* The encoder: the last hidden state [tokens, hidden]. */
pln_value *electra_encoder(struct electra_describe *d);
/* The head of the features on top of it; marks logits and loss. */
void electra_head(struct electra_describe *d, pln_value *x);
#endif
