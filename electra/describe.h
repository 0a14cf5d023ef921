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
};

/* A weight of the encoder under the prefix, or of a head. */
pln_value *electra_constant(struct electra_describe *d, const char *name, uint32_t rows, uint32_t width,
                            enum electra_fill fill);
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
