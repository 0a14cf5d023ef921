/* SPDX-License-Identifier: Apache-2.0
 *
 * Replaced-token detection: a number for each token, [tokens, 1]. The activation is hidden_act.
 */
#include "electra/describe.h"

static void describe(struct electra_describe *d, pln_value *hidden)
{
    const uint32_t width = d->config->hidden_size;
    pln_value *x = electra_dense(
        d, hidden, "discriminator_predictions.dense", width, width,
        PLN_OPTIONS(pln_linear_options, .name = "predictions.dense", .activation = d->config->hidden_act));
    pln_value *logits = electra_dense(d, x, "discriminator_predictions.dense_prediction", 1, width,
                                      PLN_OPTIONS(pln_linear_options, .name = "predictions.logits"));
    electra_logits(d, logits);
    if (d->features->labels)
        electra_loss(d, pln_binary_cross_entropy(d->graph, "loss", logits,
                                                 electra_input(d, ELECTRA_INPUT_label_values, d->tokens, 1),
                                                 electra_input(d, ELECTRA_INPUT_weights, d->tokens, 1),
                                                 PLN_OPTIONS(pln_loss_options, .total = electra_loss_total(d, 1))));
}

const struct electra_head electra_head_pretraining = {
    .name = "pretraining",
    .architecture = "ElectraForPreTraining",
    .describe = describe,
    .labels = PLN_LABELS_REPLACED,
    .classes = ELECTRA_OF_TWO,
    .logits = ELECTRA_ONE_A_TOKEN,
    .half = ELECTRA_DISCRIMINATOR,
};
