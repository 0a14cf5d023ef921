/* SPDX-License-Identifier: Apache-2.0
 *
 * What a model ends in. Which activation stands where is ELECTRA's own: hidden_act in the discriminator's head, an
 * exact gelu in the generator's and the classifier's, whatever the config says.
 */
#include <string.h>

#include "electra/describe.h"

static const char *const head_names[] = {
    [PLN_HEAD_DEFAULT] = "default",
    [PLN_HEAD_MODEL] = "model",
    [PLN_HEAD_PRETRAINING] = "pretraining",
    [PLN_HEAD_CAUSAL_LM] = "causal-lm",
    [PLN_HEAD_MASKED_LM] = "masked-lm",
    [PLN_HEAD_SEQUENCE_CLASSIFICATION] = "sequence-classification",
    [PLN_HEAD_MULTIPLE_CHOICE] = "multiple-choice",
    [PLN_HEAD_TOKEN_CLASSIFICATION] = "token-classification",
    [PLN_HEAD_QUESTION_ANSWERING] = "question-answering",
};

const char *pln_head_string(pln_head head)
{
    return (size_t)head < sizeof head_names / sizeof *head_names ? head_names[head] : "unknown";
}

int pln_head_find(const char *name, pln_head *head)
{
    for (int i = PLN_HEAD_MODEL; name && head && i <= PLN_HEAD_QUESTION_ANSWERING; i++)
        if (strcmp(head_names[i], name) == 0) {
            *head = (pln_head)i;
            return 1;
        }
    return 0;
}

bool electra_picks_rows(const struct electra_config *config, pln_head head)
{
    return head == PLN_HEAD_SEQUENCE_CLASSIFICATION ||
           (head == PLN_HEAD_MULTIPLE_CHOICE && config->summary_type != ELECTRA_MEAN);
}

bool electra_sees_padding(const struct electra_config *config, pln_head head, bool labels)
{
    return (head == PLN_HEAD_QUESTION_ANSWERING && labels) ||
           (head == PLN_HEAD_MULTIPLE_CHOICE && config->summary_type != ELECTRA_FIRST);
}

static pln_value *input(struct electra_describe *d, const char *name, pln_dtype dtype, pln_dim rows, uint32_t width)
{
    return pln_graph_input(d->graph, name, dtype, rows, width);
}

/* One row of each sequence, or the targets. */
static pln_value *pick_rows(struct electra_describe *d, pln_value *x, pln_dim rows)
{
    return pln_gather(d->graph, "rows", x, input(d, "rows", PLN_I32, rows, 1));
}

/* In training nobody looks at anything but the loss: what is not kept needs no memory. */
static void mark(struct electra_describe *d, const char *name, pln_value *value)
{
    if (value && !d->features->train)
        pln_graph_output(d->graph, name, value);
}

static void mark_loss(struct electra_describe *d, pln_value *loss)
{
    d->loss = loss;
    pln_graph_output(d->graph, "loss", loss);
}

/* What a loss is divided by when a run is a part of a step: a number for each of its sums. */
static pln_loss_options loss_options(struct electra_describe *d, uint32_t sums)
{
    return (pln_loss_options){.total = d->features->total ? input(d, "total", PLN_F32, pln_rows_fixed(1), sums) : NULL};
}

/* Replaced-token detection: [tokens, 1]. */
static void pretraining_head(struct electra_describe *d, pln_value *x)
{
    const uint32_t hidden = d->config->hidden_size;
    x = electra_dense(d, x, "discriminator_predictions.dense", hidden, hidden,
                      (pln_linear_options){.name = "predictions.dense", .activation = d->config->hidden_act});
    pln_value *logits = electra_dense(d, x, "discriminator_predictions.dense_prediction", 1, hidden,
                                      (pln_linear_options){.name = "predictions.logits"});
    mark(d, "logits", logits);
    if (d->features->labels)
        mark_loss(d, pln_binary_cross_entropy(d->graph, "loss", logits, input(d, "labels", PLN_F32, d->tokens, 1),
                                              input(d, "weights", PLN_F32, d->tokens, 1), loss_options(d, 1)));
}

static pln_value *vocabulary_weight(struct electra_describe *d)
{
    const struct electra_config *c = d->config;
    bool tied = true;
    if (d->error.status == PLN_OK)
        electra_weights_tied(d->weights, &tied, &d->error);
    if (!tied)
        return electra_constant(d, ELECTRA_OUTPUT_MATRIX, c->vocab_size, c->embedding_size, ELECTRA_NORMAL);
    d->prefix = "embeddings.";
    pln_value *table = electra_constant(d, "word_embeddings.weight", c->vocab_size, c->embedding_size, ELECTRA_NORMAL);
    d->prefix = NULL;
    return table;
}

/* Masked and causal language models: [tokens, vocabulary], or [targets, vocabulary]. */
static void vocabulary_head(struct electra_describe *d, pln_value *x)
{
    const struct electra_config *c = d->config;
    pln_dim rows = d->tokens;
    if (d->features->targets) {
        rows = pln_rows_of(pln_graph_symbol(d->graph, "targets"));
        x = pick_rows(d, x, rows);
    }
    x = electra_dense(d, x, "generator_predictions.dense", c->embedding_size, c->hidden_size,
                      (pln_linear_options){.name = "predictions.dense", .activation = PLN_ACTIVATION_GELU});
    x = electra_norm(d, x, "generator_predictions.LayerNorm", c->embedding_size, "predictions.norm");
    pln_value *bias = electra_constant(d, "generator_lm_head.bias", c->vocab_size, 0, ELECTRA_ZEROS);
    pln_value *logits =
        pln_linear(d->graph, x, vocabulary_weight(d), (pln_linear_options){.name = "predictions.logits", .bias = bias});
    mark(d, "logits", logits);
    if (d->features->labels)
        mark_loss(d, pln_cross_entropy(d->graph, "loss", logits, input(d, "labels", PLN_I32, rows, 1), -100,
                                       loss_options(d, 1)));
}

static void sequence_head(struct electra_describe *d, pln_value *x)
{
    const struct electra_config *c = d->config;
    x = electra_drop(d, pick_rows(d, x, d->batch), c->classifier_dropout, ELECTRA_PICKED, "classifier.dropout");
    const struct electra_dropout drop = electra_dropout(d, c->classifier_dropout, ELECTRA_PICKED);
    x = electra_dense(d, x, "classifier.dense", c->hidden_size, c->hidden_size,
                      (pln_linear_options){.name = "classifier.dense",
                                           .activation = PLN_ACTIVATION_GELU,
                                           .dropout = drop.rate,
                                           .origin = drop.origin,
                                           .random = drop.random});
    pln_value *logits = electra_dense(d, x, "classifier.out_proj", c->num_labels, c->hidden_size,
                                      (pln_linear_options){.name = "classifier.logits"});
    mark(d, "logits", logits);
    if (!d->features->labels)
        return;
    const bool single = d->features->problem == ELECTRA_SINGLE_LABEL;
    pln_value *labels = input(d, "labels", single ? PLN_I32 : PLN_F32, d->batch, single ? 1 : c->num_labels);
    if (single)
        mark_loss(d, pln_cross_entropy(d->graph, "loss", logits, labels, -100, loss_options(d, 1)));
    else if (d->features->problem == ELECTRA_REGRESSION)
        mark_loss(d, pln_mean_squared_error(d->graph, "loss", logits, labels, loss_options(d, 1)));
    else
        mark_loss(d, pln_binary_cross_entropy(d->graph, "loss", logits, labels, NULL, loss_options(d, 1)));
}

static void token_head(struct electra_describe *d, pln_value *x)
{
    x = electra_drop(d, x, d->config->classifier_dropout, ELECTRA_TOKENS, "classifier.dropout");
    pln_value *logits = electra_dense(d, x, "classifier", d->config->num_labels, d->config->hidden_size,
                                      (pln_linear_options){.name = "classifier.logits"});
    mark(d, "logits", logits);
    if (d->features->labels)
        mark_loss(d, pln_cross_entropy(d->graph, "loss", logits, input(d, "labels", PLN_I32, d->tokens, 1), -100,
                                       loss_options(d, 1)));
}

/* Where an answer begins and ends: [tokens, 2]. */
static void answer_head(struct electra_describe *d, pln_value *x)
{
    pln_value *logits =
        electra_dense(d, x, "qa_outputs", 2, d->config->hidden_size, (pln_linear_options){.name = "answer.logits"});
    mark(d, "logits", logits);
    if (d->features->labels)
        mark_loss(d,
                  pln_span_cross_entropy(d->graph, "loss", logits, d->starts, input(d, "first", PLN_I32, d->batch, 1),
                                         input(d, "last", PLN_I32, d->batch, 1), loss_options(d, 2)));
}

/* SequenceSummary: one vector for each sequence. */
static pln_value *summary(struct electra_describe *d, pln_value *x)
{
    const struct electra_config *c = d->config;
    const uint32_t width = c->summary_proj_to_labels ? c->num_labels : c->hidden_size;
    x = c->summary_type == ELECTRA_MEAN ? pln_segment_mean(d->graph, "summary.mean", x, d->starts)
                                        : pick_rows(d, x, d->batch);
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
    return c->summary_activation == PLN_ACTIVATION_NONE && !drop.origin
               ? x
               : pln_activation(d->graph, x, c->summary_activation,
                                (pln_activation_options){.name = "summary.activation",
                                                         .dropout = drop.rate,
                                                         .origin = drop.origin,
                                                         .random = drop.random});
}

/* Each sequence of the batch is a choice; `examples` of them side by side. */
static void choice_head(struct electra_describe *d, pln_value *x)
{
    const pln_dim examples = pln_rows_of(pln_graph_symbol(d->graph, "examples"));
    pln_value *scores = electra_dense(d, summary(d, x), "classifier", 1, d->config->hidden_size,
                                      (pln_linear_options){.name = "classifier.logits"});
    pln_value *logits = pln_reshape(d->graph, scores, examples, d->features->choices);
    mark(d, "logits", logits);
    if (d->features->labels)
        mark_loss(d, pln_cross_entropy(d->graph, "loss", logits, input(d, "labels", PLN_I32, examples, 1), -100,
                                       loss_options(d, 1)));
}

void electra_head(struct electra_describe *d, pln_value *x)
{
    switch (d->features->head) {
    case PLN_HEAD_PRETRAINING:
        pretraining_head(d, x);
        break;
    case PLN_HEAD_CAUSAL_LM:
    case PLN_HEAD_MASKED_LM:
        vocabulary_head(d, x);
        break;
    case PLN_HEAD_SEQUENCE_CLASSIFICATION:
        sequence_head(d, x);
        break;
    case PLN_HEAD_MULTIPLE_CHOICE:
        choice_head(d, x);
        break;
    case PLN_HEAD_TOKEN_CLASSIFICATION:
        token_head(d, x);
        break;
    case PLN_HEAD_QUESTION_ANSWERING:
        answer_head(d, x);
        break;
    case PLN_HEAD_MODEL:
    case PLN_HEAD_DEFAULT:
        mark(d, "last_hidden_state", x);
        break;
    }
}
