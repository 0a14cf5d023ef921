/* SPDX-License-Identifier: Apache-2.0
 *
 * A graph that has every op, with all its optional operands and once with none: for tests that compile but do not run.
 * Symbols: tokens, batch, pair_starts.total.
 */
#ifndef TESTS_EVERY_OP_H
#define TESTS_EVERY_OP_H

#include "api/pleione.h"

enum { EVERY_WIDTH = 128, EVERY_HEADS = 2, EVERY_POSITIONS = 16 };

static const float every_zeros[4 * EVERY_WIDTH * EVERY_WIDTH];
static pln_tensor every_tensors[32];
static uint32_t every_n;

static inline pln_value *every_weight(pln_graph *g, uint64_t rows, uint64_t width)
{
    pln_tensor *t = &every_tensors[every_n++];
    *t = (pln_tensor){.name = "w", .dtype = PLN_F32, .rank = 2, .shape = {rows, width}, .data = every_zeros};
    const pln_tensor *part = t;
    return pln_graph_constant(g, "w", &part, 1);
}

static inline pln_value *every_attention(pln_graph *g, pln_value *x, pln_value *starts, uint32_t relative,
                                         pln_dim tokens, pln_dim starts_rows)
{
    const uint32_t head_size = EVERY_WIDTH / EVERY_HEADS;
    pln_value *lse, *probabilities;
    pln_value *pair_starts =
        pln_graph_input(g, relative == 2 ? "pair_starts" : "other_pair_starts", PLN_I32, starts_rows, 1);
    pln_dim pairs = {pln_graph_symbol(g, relative == 2 ? "pair_starts.total" : "other_pair_starts.total"), EVERY_HEADS,
                     0};
    pln_value *y = pln_attention(
        g, x,
        (pln_attention_options){
            .name = relative == 2 ? "attention.all" : "attention.more",
            .heads = EVERY_HEADS,
            .starts = starts,
            .key = x,
            .value = x,
            .source_starts = starts,
            .key_mask = pln_graph_input(g, relative == 2 ? "key_mask" : "other_key_mask", PLN_I32, tokens, 1),
            .bias = pln_graph_input(g, relative == 2 ? "bias" : "other_bias", PLN_F32, pairs, 1),
            .pair_starts = pair_starts,
            .bias_heads = EVERY_HEADS,
            .distance = every_weight(g, 2 * EVERY_POSITIONS - 1, head_size),
            .relative = relative,
            .head_mask = pln_graph_input(g, relative == 2 ? "head_mask" : "other_head_mask", PLN_F32, pln_rows_fixed(1),
                                         EVERY_HEADS),
            .causal = true,
            .lse = &lse,
            .probabilities = &probabilities});
    pln_graph_output(g, relative == 2 ? "lse" : "other_lse", lse);
    pln_graph_output(g, relative == 2 ? "probabilities" : "other_probabilities", probabilities);
    return y;
}

static inline void every_loss(pln_graph *g, pln_value *x, pln_value *starts, pln_dim tokens, pln_dim batch)
{
    pln_value *labels = pln_graph_input(g, "labels", PLN_I32, tokens, 1), *lse;
    pln_value *reals = pln_graph_input(g, "reals", PLN_F32, tokens, EVERY_WIDTH);
    pln_graph_output(g, "ce", pln_cross_entropy(g, "ce", x, labels, -100, (pln_loss_options){.lse = &lse}));
    pln_graph_output(g, "ce.lse", lse);
    pln_graph_output(g, "bce",
                     pln_binary_cross_entropy(g, "bce", x, reals, pln_graph_input(g, "weights", PLN_F32, tokens, 1), (pln_loss_options){0}));
    pln_graph_output(g, "bce.plain", pln_binary_cross_entropy(g, "bce.plain", x, reals, NULL, (pln_loss_options){0}));
    pln_graph_output(g, "mse", pln_mean_squared_error(g, "mse", x, reals, (pln_loss_options){0}));
    pln_value *two = pln_linear(g, x, every_weight(g, 2, EVERY_WIDTH), (pln_linear_options){.name = "two"});
    pln_graph_output(g, "span",
                     pln_span_cross_entropy(g, "span", two, starts, pln_graph_input(g, "first", PLN_I32, batch, 1),
                                            pln_graph_input(g, "last", PLN_I32, batch, 1), (pln_loss_options){0}));
}

/* Returns new, finished; NULL after a mistake. */
static inline pln_graph *every_op_graph(pln_error *error)
{
    every_n = 0;
    pln_graph *g = pln_graph_create("every op");
    const pln_dim tokens = pln_rows_of(pln_graph_symbol(g, "tokens")),
                  batch = pln_rows_of(pln_graph_symbol(g, "batch"));
    const pln_dim starts_rows = {batch.symbol, 1, 1};
    pln_value *starts = pln_graph_input(g, "starts", PLN_I32, starts_rows, 1), *mean, *rstd, *before;
    pln_value *vector = every_weight(g, 1, EVERY_WIDTH), *table = every_weight(g, 2 * EVERY_WIDTH, EVERY_WIDTH);
    pln_value *x =
        pln_embed(g, pln_graph_input(g, "types", PLN_I32, tokens, 1), every_weight(g, 2, EVERY_WIDTH), vector, vector,
                  (pln_embed_options){.ids = pln_graph_input(g, "ids", PLN_I32, tokens, 1),
                                      .word = table,
                                      .positions = pln_graph_input(g, "positions", PLN_I32, tokens, 1),
                                      .position = every_weight(g, EVERY_POSITIONS, EVERY_WIDTH),
                                      .mean = &mean,
                                      .rstd = &rstd});
    pln_graph_output(g, "embed.mean", mean);
    x = pln_linear(g, x, every_weight(g, EVERY_WIDTH, EVERY_WIDTH),
                   (pln_linear_options){.name = "linear.all",
                                        .bias = vector,
                                        .residual = x,
                                        .activation = PLN_ACTIVATION_MISH,
                                        .preactivation = &before});
    pln_graph_output(g, "before", before);
    x = pln_layer_norm(g, x, vector, vector, (pln_layer_norm_options){.mean = &mean, .rstd = &rstd});
    pln_graph_output(g, "norm.rstd", rstd);
    x = every_attention(g, x, starts, 2, tokens, starts_rows);
    x = every_attention(g, x, starts, 1, tokens, starts_rows);
    x = pln_activation(g, x, PLN_ACTIVATION_LAPLACE, (pln_activation_options){.name = "activation"});
    every_loss(g, x, starts, tokens, batch);
    pln_value *one = pln_gather(g, "gather", x, pln_graph_input(g, "rows", PLN_I32, pln_rows_fixed(1), 1));
    pln_graph_output(g, "sum", pln_accumulate(g, "accumulate", pln_graph_state(g, "state", 1, EVERY_WIDTH), one, 1));
    pln_graph_output(g, "means", pln_segment_mean(g, "means", x, starts));
    pln_value *logits = pln_linear(g, x, table, (pln_linear_options){.name = "tied"});
    pln_graph_output(g, "logits", logits);
    if (pln_graph_finish(g, error) != PLN_OK)
        pln_graph_destroy(&g);
    return g;
}
#endif
