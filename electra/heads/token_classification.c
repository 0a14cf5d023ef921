/* SPDX-License-Identifier: Apache-2.0
 *
 * A number for each label of each token: [tokens, labels].
 */
#include "electra/describe.h"

static void describe(struct electra_describe *d, pln_value *hidden)
{
    pln_value *x = electra_drop(d, hidden, d->config->classifier_dropout, ELECTRA_TOKENS, "classifier.dropout");
    pln_value *logits = electra_classifier(d, x, "classifier");
    electra_logits(d, logits);
    if (d->features->labels)
        electra_class_loss(d, logits, d->tokens);
}

const struct electra_head electra_head_token_classification = {
    .name = "token-classification",
    .architecture = "ElectraForTokenClassification",
    .describe = describe,
    .labels = PLN_LABELS_TOKENS,
    .classes = ELECTRA_OF_LABELS,
    .logits = ELECTRA_BY_TOKEN,
    .reads = ELECTRA_READS_CLASSIFIER,
};
