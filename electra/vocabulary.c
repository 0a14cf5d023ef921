/* SPDX-License-Identifier: Apache-2.0
 *
 * What masked and causal language models end in: [tokens, vocabulary], or [targets, vocabulary]. The activation is an exact
 * gelu, whatever the config says, but for frameworks that obey it.
 */
#include "electra/describe.h"

static pln_value *output_matrix(struct electra_describe *d)
{
    const struct electra_config *c = d->config;
    bool tied = true;
    if (d->error.status == PLN_OK && !c->semantics->tied)
        electra_weights_tied(d->weights, &tied, &d->error);
    if (!tied)
        return electra_constant(d, ELECTRA_OUTPUT_MATRIX, c->vocab_size, c->embedding_size, ELECTRA_NORMAL);
    const uint32_t depth = d->depth;
    d->prefix = "embeddings.";
    d->depth = 0;
    pln_value *table = electra_constant(d, "word_embeddings.weight", c->vocab_size, c->embedding_size, ELECTRA_NORMAL);
    d->prefix = NULL;
    d->depth = depth;
    return table;
}

void electra_vocabulary(struct electra_describe *d, pln_value *x)
{
    const struct electra_config *c = d->config;
    pln_dim rows = d->tokens;
    if (d->features->targets) {
        rows = electra_rows_of(d, ELECTRA_SYMBOL_targets);
        x = electra_pick_rows(d, x, rows);
    }
    x = electra_dense(d, x, "generator_predictions.dense", c->embedding_size, c->hidden_size,
                      PLN_OPTIONS(pln_linear_options, .name = "predictions.dense", .activation = c->prediction_act));
    x = electra_norm(d, x, "generator_predictions.LayerNorm", c->embedding_size, "predictions.norm");
    pln_value *bias = electra_constant(d, "generator_lm_head.bias", c->vocab_size, 0, ELECTRA_ZEROS);
    pln_value *logits = pln_linear(d->graph, x, output_matrix(d),
                                   PLN_OPTIONS(pln_linear_options, .name = "predictions.logits", .bias = bias));
    electra_logits(d, logits);
    if (d->features->labels)
        electra_class_loss(d, logits, rows);
}
