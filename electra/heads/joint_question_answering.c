/* SPDX-License-Identifier: Apache-2.0
 *
 * Google's head of answers: where one begins, [tokens]; where it ends if it begins at a given token, [starts, tokens];
 * and whether there is none, [sequences]. Only tokens of the second text, and the first token of all, may be either end.
 */
#include "electra/describe.h"

#define BEGIN "joint_qa.start"
#define END_HIDDEN "joint_qa.end_hidden"
#define END "joint_qa.end"
#define NONE_HIDDEN "joint_qa.answerable_hidden"
#define NONE "joint_qa.answerable"

enum { WIDTH = 512 }; /* of what both products behind two hidden states have, whatever the model's size */

/* A checkpoint may be without it, and one without any of the head's weights gets all of them. */
static bool judges_none(const struct electra_describe *d)
{
    return electra_has(d, NONE ".weight") || !electra_has(d, BEGIN ".weight");
}

/* Google's code can be told to score ends by themselves (joint_prediction=False): one product, whatever the start. */
static bool ends_apart(const struct electra_describe *d)
{
    return electra_has(d, END ".weight") && !electra_has(d, END_HIDDEN ".weight");
}

/* NAME_hidden on two states side by side, then NAME: a number for each row. */
static pln_value *score_pair(struct electra_describe *d, pln_value *pair, const char *hidden_name, const char *name,
                             const char *hidden_node, const char *node, pln_value *residual)
{
    pln_value *x =
        electra_dense(d, pair, hidden_name, WIDTH, 2 * d->config->hidden_size,
                      PLN_OPTIONS(pln_linear_options, .name = hidden_node, .activation = PLN_ACTIVATION_GELU));
    return electra_dense(d, x, name, 1, WIDTH, PLN_OPTIONS(pln_linear_options, .name = node, .residual = residual));
}

/* The second of two columns, beside what is there; a product, since a part of a value without the rest has no gradient. */
static pln_value *take_second(struct electra_describe *d, const char *node, pln_value *pair, pln_value *beside)
{
    static const float numbers[] = {0, 1};
    static const pln_tensor second = {"answer.second", PLN_F32, 2, {1, 2}, numbers}, *const factors = &second;
    pln_value *weight = pln_graph_constant(d->graph, second.name, &factors, 1);
    return pln_linear(d->graph, pair, weight, PLN_OPTIONS(pln_linear_options, .name = node, .residual = beside));
}

/* A row of a pair of rows: the state of the start, then that of the token. Gathered one behind the other they lie side
 * by side, so that no op has to join them. */
static pln_value *describe_ends(struct electra_describe *d, pln_value *hidden)
{
    const uint32_t starts = d->features->starts ? d->features->starts : 1, width = d->config->hidden_size;
    const pln_dim pairs = {d->tokens.symbol, starts, 0}, rows = {d->tokens.symbol, 2 * starts, 0};
    const bool apart = ends_apart(d);
    pln_value *of_tokens =
        apart ? electra_dense(d, hidden, END, 1, width, PLN_OPTIONS(pln_linear_options, .name = "answer.end_scores"))
              : hidden;
    pln_value *pair =
        pln_gather(d->graph, "answer.pairs", of_tokens, electra_input(d, ELECTRA_INPUT_span_rows, rows, 1));
    pln_value *barred = electra_input(d, ELECTRA_INPUT_barred_ends, pairs, 1);
    pair = pln_reshape(d->graph, pair, pairs, 2 * (apart ? 1 : width));
    return apart ? take_second(d, "answer.end", pair, barred)
                 : score_pair(d, pair, END_HIDDEN, END, "answer.end_hidden", "answer.end", barred);
}

/* For each sequence two rows: the first token's state, and the mean of all by the probabilities of an answer that begins
 * there. Scores that are the start's dot products make that mean by attention; a bias leaves the first row one token. */
static pln_value *describe_seen(struct electra_describe *d, pln_value *hidden, pln_value *start_weight)
{
    const uint32_t width = d->config->hidden_size;
    const pln_dim rows = {d->batch.symbol, 2, 0}, bounds = {d->batch.symbol, 1, 1};
    pln_value *begins = electra_input(d, ELECTRA_INPUT_answer_pair_starts, bounds, 1);
    const pln_dim pairs = pln_graph_pairs(d->graph, begins);
    d->out->symbols[ELECTRA_SYMBOL_answer_pairs] = pairs.symbol;
    pln_value *query =
        pln_gather(d->graph, "answer.query", start_weight, electra_input(d, ELECTRA_INPUT_answer_queries, rows, 1));
    pln_value *seen =
        pln_attention(d->graph, query,
                      PLN_OPTIONS(pln_attention_options, .name = "answer.seen", .heads = 1, .scale = 1, .key = hidden,
                                  .value = hidden, .starts = electra_input(d, ELECTRA_INPUT_answer_starts, bounds, 1),
                                  .source_starts = d->out->inputs[ELECTRA_INPUT_starts], .pair_starts = begins,
                                  .bias = electra_input(d, ELECTRA_INPUT_answer_bias, pairs, 1)));
    return pln_reshape(d->graph, seen, d->batch, 2 * width);
}

static pln_value *describe_none(struct electra_describe *d, pln_value *hidden, pln_value *start_weight)
{
    if (electra_has(d, NONE ".weight") && !electra_has(d, NONE_HIDDEN ".weight"))
        return electra_dense(d, electra_pick_rows(d, hidden, d->batch), NONE, 1, d->config->hidden_size,
                             PLN_OPTIONS(pln_linear_options, .name = "answer.none"));
    return score_pair(d, describe_seen(d, hidden, start_weight), NONE_HIDDEN, NONE, "answer.none_hidden", "answer.none",
                      NULL);
}

/* A [rows, 1] times a constant, beside what is there. */
static pln_value *place(struct electra_describe *d, const char *node, pln_value *x, const pln_tensor *factors,
                        pln_value *beside)
{
    pln_value *weight = pln_graph_constant(d->graph, factors->name, &factors, 1);
    return pln_linear(d->graph, x, weight, PLN_OPTIONS(pln_linear_options, .name = node, .residual = beside));
}

/* Half of the cross-entropies of begin and end, and half of the binary one of there being no answer. */
static void describe_loss(struct electra_describe *d, pln_value *start, pln_value *end, pln_value *none)
{
    static const float numbers[] = {1, 0, 0, 1, 0.5f};
    static const pln_tensor first = {"answer.first_column", PLN_F32, 2, {2, 1}, numbers},
                            second = {"answer.second_column", PLN_F32, 2, {2, 1}, numbers + 2},
                            half = {"answer.half", PLN_F32, 2, {1, 1}, numbers + 4};
    pln_value *total = electra_loss_total(d, 2);
    pln_value *both = place(d, "answer.logits", end, &second, place(d, "answer.start_column", start, &first, NULL));
    pln_value *span = pln_span_cross_entropy(
        d->graph, none ? "span_loss" : "loss", both, d->out->inputs[ELECTRA_INPUT_starts],
        electra_input(d, ELECTRA_INPUT_first, d->batch, 1), electra_input(d, ELECTRA_INPUT_last, d->batch, 1),
        PLN_OPTIONS(pln_loss_options, .total = total));
    if (!none) {
        electra_loss(d, span);
        return;
    }
    pln_value *judged = pln_binary_cross_entropy(
        d->graph, "none_loss", none, electra_input(d, ELECTRA_INPUT_label_values, d->batch, 1), NULL,
        PLN_OPTIONS(pln_loss_options, .total = total ? pln_columns(d->graph, total, 0, 1) : NULL));
    electra_loss(d, place(d, "loss", judged, &half, span));
    d->losses[0] = (pln_loss){span, 1};
    d->losses[1] = (pln_loss){judged, 0.5f};
    d->n_losses = 2;
}

/* The graph of a session's beginning asks for all weights, though it has no starts. */
static void find_ends(struct electra_describe *d)
{
    const uint32_t hidden = d->config->hidden_size;
    if (!ends_apart(d)) {
        electra_tensor(d, END_HIDDEN ".weight", WIDTH, 2 * hidden, ELECTRA_NORMAL);
        electra_tensor(d, END_HIDDEN ".bias", WIDTH, 0, ELECTRA_ZEROS);
    }
    electra_tensor(d, END ".weight", 1, ends_apart(d) ? hidden : WIDTH, ELECTRA_NORMAL);
    electra_tensor(d, END ".bias", 1, 0, ELECTRA_ZEROS);
}

static void describe(struct electra_describe *d, pln_value *hidden)
{
    const struct electra_features *f = d->features;
    pln_value *weight = electra_constant(d, BEGIN ".weight", 1, d->config->hidden_size, ELECTRA_NORMAL);
    pln_value *bias = electra_constant(d, BEGIN ".bias", 1, 0, ELECTRA_ZEROS);
    if (!weight || !bias)
        return;
    pln_value *barred = electra_input(d, ELECTRA_INPUT_barred, d->tokens, 1), *end = NULL;
    pln_value *start =
        pln_linear(d->graph, hidden, weight,
                   PLN_OPTIONS(pln_linear_options, .name = "answer.start", .bias = bias, .residual = barred));
    pln_value *none = judges_none(d) ? describe_none(d, hidden, weight) : NULL;
    if (f->labels || f->starts)
        end = describe_ends(d, hidden);
    else
        find_ends(d);
    if (!f->train) {
        electra_output(d, ELECTRA_TOKEN_SCORES, "start_logits", start);
        electra_output(d, ELECTRA_PAIR_SCORES, "end_logits", end);
        electra_output(d, ELECTRA_ROW_SCORES, "answerable_logits", none);
        electra_output(d, ELECTRA_STATE, "last_hidden_state", hidden);
    }
    if (f->labels)
        describe_loss(d, start, end, none);
}

/* The loss is a softmax over every position of the sequence, padding included. */
static bool sees_padding(const struct electra_config *config, bool labels)
{
    (void)config;
    return labels;
}

const struct electra_head electra_head_joint_question_answering = {
    .name = "joint-question-answering",
    .architecture = "ElectraForJointQuestionAnswering",
    .describe = describe,
    .labels = PLN_LABELS_SPANS,
    .logits = ELECTRA_JOINT,
    .own = true,
    .sees_padding = sees_padding,
};
