/* SPDX-License-Identifier: Apache-2.0
 *
 * A number for each label, from the first token of each sequence: [sequences, labels]. The activation is an exact gelu,
 * whatever the config says; the problem type says which loss.
 */
#include "electra/describe.h"

static void describe_loss(struct electra_describe *d, pln_value *logits)
{
    if (d->features->problem == ELECTRA_SINGLE_LABEL) {
        electra_class_loss(d, logits, d->batch);
        return;
    }
    pln_value *labels = electra_input(d, ELECTRA_INPUT_label_values, d->batch, d->config->num_labels);
    if (d->features->problem == ELECTRA_REGRESSION)
        electra_loss(d, pln_mean_squared_error(d->graph, "loss", logits, labels, electra_loss_options(d, 1)));
    else
        electra_loss(d, pln_binary_cross_entropy(d->graph, "loss", logits, labels, NULL, electra_loss_options(d, 1)));
}

static void describe(struct electra_describe *d, pln_value *hidden)
{
    const struct electra_config *c = d->config;
    pln_value *x = electra_drop(d, electra_pick_rows(d, hidden, d->batch), c->classifier_dropout, ELECTRA_PICKED,
                                "classifier.dropout");
    const struct electra_dropout drop = electra_dropout(d, c->classifier_dropout, ELECTRA_PICKED);
    x = electra_dense(d, x, "classifier.dense", c->hidden_size, c->hidden_size,
                      (pln_linear_options){.name = "classifier.dense",
                                           .activation = PLN_ACTIVATION_GELU,
                                           .dropout = drop.rate,
                                           .origin = drop.origin,
                                           .random = drop.random});
    pln_value *logits = electra_dense(d, x, "classifier.out_proj", c->num_labels, c->hidden_size,
                                      (pln_linear_options){.name = "classifier.logits"});
    electra_logits(d, logits);
    if (d->features->labels)
        describe_loss(d, logits);
}

const struct electra_head electra_head_sequence_classification = {
    .name = "sequence-classification",
    .architecture = "ElectraForSequenceClassification",
    .describe = describe,
    .labels = PLN_LABELS_SEQUENCES,
    .classes = ELECTRA_OF_LABELS,
    .logits = ELECTRA_BY_ROW,
    .reads = ELECTRA_READS_CLASSIFIER | ELECTRA_READS_PROBLEM,
};
