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
        electra_loss(d, pln_mean_squared_error(d->graph, "loss", logits, labels,
                                               PLN_OPTIONS(pln_loss_options, .total = electra_loss_total(d, 1))));
    else
        electra_loss(d, pln_binary_cross_entropy(d->graph, "loss", logits, labels, NULL,
                                                 PLN_OPTIONS(pln_loss_options, .total = electra_loss_total(d, 1))));
}

/* The layer before the last, which Google's classifiers lack. */
static pln_value *describe_dense(struct electra_describe *d, pln_value *x)
{
    const uint32_t width = d->config->hidden_size;
    const struct electra_dropout drop = electra_dropout(d, d->config->classifier_dropout, ELECTRA_PICKED);
    return electra_dense(d, x, "classifier.dense", width, width,
                         PLN_OPTIONS(pln_linear_options, .name = "classifier.dense", .activation = PLN_ACTIVATION_GELU,
                                     .dropout = drop.rate, .origin = drop.origin, .random = drop.random));
}

static void describe(struct electra_describe *d, pln_value *hidden)
{
    pln_value *x = electra_drop(d, electra_pick_rows(d, hidden, d->batch), d->config->classifier_dropout,
                                ELECTRA_PICKED, "classifier.dropout");
    if (!electra_is_google_classifier(d))
        x = describe_dense(d, x);
    pln_value *logits = electra_classifier(d, x, "classifier.out_proj");
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
