/* SPDX-License-Identifier: Apache-2.0
 *
 * Where an answer begins and ends: [tokens, 2].
 */
#include "electra/describe.h"

static void describe(struct electra_describe *d, pln_value *hidden)
{
    pln_value *logits = electra_dense(d, hidden, "qa_outputs", 2, d->config->hidden_size,
                                      PLN_OPTIONS(pln_linear_options, .name = "answer.logits"));
    electra_logits(d, logits);
    if (d->features->labels)
        electra_loss(d, pln_span_cross_entropy(d->graph, "loss", logits, d->out->inputs[ELECTRA_INPUT_starts],
                                               electra_input(d, ELECTRA_INPUT_first, d->batch, 1),
                                               electra_input(d, ELECTRA_INPUT_last, d->batch, 1),
                                               PLN_OPTIONS(pln_loss_options, .total = electra_loss_total(d, 2))));
}

/* The loss is a softmax over every position of the sequence, padding included. */
static bool sees_padding(const struct electra_config *config, bool labels)
{
    (void)config;
    return labels;
}

const struct electra_head electra_head_question_answering = {
    .name = "question-answering",
    .architecture = "ElectraForQuestionAnswering",
    .describe = describe,
    .labels = PLN_LABELS_SPANS,
    .logits = ELECTRA_SPANS,
    .sees_padding = sees_padding,
};
