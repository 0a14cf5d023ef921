/* SPDX-License-Identifier: Apache-2.0
 *
 * One number for each choice, from a summary of its sequence: [examples, choices]. Each sequence of the batch is a choice;
 * those of an example lie side by side.
 */
#include "electra/describe.h"

/* SequenceSummary: one vector for each sequence. */
static pln_value *summary(struct electra_describe *d, pln_value *x)
{
    const struct electra_config *c = d->config;
    const uint32_t width = c->summary_proj_to_labels ? c->num_labels : c->hidden_size;
    x = c->summary_type == ELECTRA_MEAN
            ? pln_segment_mean(d->graph, "summary.mean", x, d->out->inputs[ELECTRA_INPUT_starts])
            : electra_pick_rows(d, x, d->batch);
    if (d->features->dropout != 0 && c->summary_first_dropout > 0)
        x = electra_drop(d, x, c->summary_first_dropout, ELECTRA_PICKED, "summary.dropout");
    const struct electra_dropout drop = electra_dropout(d, c->summary_last_dropout, ELECTRA_PICKED);
    if (c->summary_use_proj)
        return electra_dense(d, x, "sequence_summary.summary", width, c->hidden_size,
                             (pln_linear_options){.name = "summary.dense",
                                                  .activation = c->summary_activation,
                                                  .dropout = drop.rate,
                                                  .origin = drop.origin,
                                                  .random = drop.random});
    if (c->summary_activation == PLN_ACTIVATION_NONE && !drop.origin)
        return x;
    return pln_activation(d->graph, x, c->summary_activation,
                          (pln_activation_options){.name = "summary.activation",
                                                   .dropout = drop.rate,
                                                   .origin = drop.origin,
                                                   .random = drop.random});
}

static void describe(struct electra_describe *d, pln_value *hidden)
{
    const pln_dim examples = electra_rows_of(d, ELECTRA_SYMBOL_examples);
    pln_value *scores = electra_dense(d, summary(d, hidden), "classifier", 1, d->config->hidden_size,
                                      (pln_linear_options){.name = "classifier.logits"});
    pln_value *logits = pln_reshape(d->graph, scores, examples, d->features->choices);
    electra_logits(d, logits);
    if (d->features->labels)
        electra_class_loss(d, logits, examples);
}

/* Every summary but that of the first token looks at the padding of short choices. */
static bool sees_padding(const struct electra_config *config, bool labels)
{
    (void)labels;
    return config->summary_type != ELECTRA_FIRST;
}

static enum electra_look look(const struct electra_config *config)
{
    return config->summary_type == ELECTRA_FIRST ? ELECTRA_AT_FIRST : ELECTRA_AT_LAST;
}

const struct electra_head electra_head_multiple_choice = {
    .name = "multiple-choice",
    .architecture = "ElectraForMultipleChoice",
    .describe = describe,
    .labels = PLN_LABELS_CHOICES,
    .classes = ELECTRA_OF_TWO,
    .logits = ELECTRA_BY_ROW,
    .reads = ELECTRA_READS_SUMMARY,
    .choices = true,
    .sees_padding = sees_padding,
    .look = look,
};
