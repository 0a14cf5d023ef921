/* SPDX-License-Identifier: Apache-2.0
 *
 * A graph that asks a device for every kernel of the forward pass at the sizes of an ELECTRA model: an encoder layer,
 * the heads, the losses, and attention with what masks and outputs it may have. Weights are zeros that nothing reads.
 */
#include "cli/kernel_graph.h"

enum { POSITIONS = 512, LABELS = 2 };

const struct cli_sizes cli_model_sizes[] = {
    {"small", 30522, 128, 256, 1024, 4},
    {"base", 30522, 768, 768, 3072, 12},
};
const uint32_t cli_n_model_sizes = sizeof cli_model_sizes / sizeof *cli_model_sizes;

struct description {
    pln_graph *graph;
    const struct cli_sizes *sizes;
    struct cli_kernel_weights *weights;
    pln_dim tokens, batch, starts_rows;
    pln_value *starts;
};

static pln_value *weight(struct description *d, uint64_t rows, uint64_t width)
{
    struct cli_kernel_weights *w = d->weights;
    if (w->n == CLI_KERNEL_WEIGHTS)
        return NULL;
    pln_tensor *tensor = &w->tensors[w->n++];
    *tensor = (pln_tensor){.name = "weight", .dtype = PLN_F32, .rank = 2, .shape = {rows, width}, .data = w->zeros};
    const pln_tensor *part = tensor;
    return pln_graph_constant(d->graph, "weight", &part, 1);
}

static pln_value *linear(struct description *d, const char *name, pln_value *x, uint32_t from, uint32_t to,
                         uint32_t activation, pln_value *residual)
{
    return pln_linear(
        d->graph, x, weight(d, to, from),
        (pln_linear_options){.name = name, .bias = weight(d, 1, to), .residual = residual, .activation = activation});
}

static pln_value *norm(struct description *d, const char *name, pln_value *x, uint32_t width)
{
    return pln_layer_norm(d->graph, x, weight(d, 1, width), weight(d, 1, width),
                          (pln_layer_norm_options){.name = name, .eps = 1e-12f});
}

static pln_value *describe_embeddings(struct description *d, pln_value *word)
{
    pln_graph *g = d->graph;
    const struct cli_sizes *s = d->sizes;
    pln_value *x = pln_embed(g, pln_graph_input(g, "types", PLN_I32, d->tokens, 1), weight(d, 2, s->embedding),
                             weight(d, 1, s->embedding), weight(d, 1, s->embedding),
                             (pln_embed_options){.name = "embeddings",
                                                 .ids = pln_graph_input(g, "ids", PLN_I32, d->tokens, 1),
                                                 .word = word,
                                                 .positions = pln_graph_input(g, "positions", PLN_I32, d->tokens, 1),
                                                 .position = weight(d, POSITIONS, s->embedding),
                                                 .eps = 1e-12f});
    return s->embedding == s->hidden ? x : linear(d, "embeddings_project", x, s->embedding, s->hidden, 0, NULL);
}

/* Attention as every layer has it, with holes in its mask, causal, with a bias for pairs, and giving probabilities. */
static pln_value *describe_attention(struct description *d, pln_value *qkv)
{
    pln_graph *g = d->graph;
    const uint32_t heads = d->sizes->heads;
    pln_value *mask = pln_graph_input(g, "key_mask", PLN_I32, d->tokens, 1);
    pln_value *pairs = pln_graph_input(g, "pair_starts", PLN_I32, d->starts_rows, 1);
    const pln_dim all = {pln_graph_symbol(g, "pair_starts.total"), 1, 0};
    pln_value *bias = pln_graph_input(g, "bias", PLN_F32, all, 1), *probabilities;
    const pln_attention_options plain = {.name = "attention", .heads = heads, .starts = d->starts};
    pln_attention_options masked = plain, causal = plain, biased = plain, shown = plain;
    masked.name = "attention.masked";
    causal.name = "attention.causal";
    biased.name = "attention.biased";
    shown.name = "attention.shown";
    masked.key_mask = mask;
    causal.causal = true;
    biased.bias = bias;
    biased.pair_starts = shown.pair_starts = pairs;
    shown.probabilities = &probabilities;
    pln_graph_output(g, "masked", pln_attention(g, qkv, masked));
    pln_graph_output(g, "causal", pln_attention(g, qkv, causal));
    pln_graph_output(g, "biased", pln_attention(g, qkv, biased));
    pln_graph_output(g, "shown", pln_attention(g, qkv, shown));
    pln_graph_output(g, "probabilities", probabilities);
    return pln_attention(g, qkv, plain);
}

static pln_value *describe_layer(struct description *d, pln_value *x)
{
    const struct cli_sizes *s = d->sizes;
    pln_value *qkv = linear(d, "query_key_value", x, s->hidden, 3 * s->hidden, 0, NULL);
    pln_value *y = linear(d, "attention.output", describe_attention(d, qkv), s->hidden, s->hidden, 0, x);
    x = norm(d, "attention.norm", y, s->hidden);
    y = linear(d, "intermediate", x, s->hidden, s->inner, PLN_ACTIVATION_GELU, NULL);
    y = linear(d, "output", y, s->inner, s->hidden, 0, x);
    return norm(d, "norm", y, s->hidden);
}

static void describe_losses(struct description *d, pln_value *x, pln_value *logits)
{
    pln_graph *g = d->graph;
    const uint32_t width = d->sizes->hidden;
    const pln_loss_options none = {0};
    pln_value *labels = pln_graph_input(g, "labels", PLN_I32, d->tokens, 1);
    pln_value *reals = pln_graph_input(g, "reals", PLN_F32, d->tokens, width);
    pln_value *one = pln_graph_input(g, "real", PLN_F32, d->tokens, 1);
    pln_value *of_words = pln_graph_input(g, "words", PLN_I32, pln_rows_of(pln_graph_symbol(g, "targets")), 1);
    pln_value *detected = linear(d, "predictions.logits", x, width, 1, 0, NULL);
    pln_value *answer = linear(d, "answer.logits", x, width, LABELS, 0, NULL);
    pln_graph_output(g, "words.loss", pln_cross_entropy(g, "cross_entropy", logits, of_words, -100, none));
    pln_graph_output(g, "labels.loss", pln_cross_entropy(g, "cross_entropy.labels", answer, labels, -100, none));
    pln_graph_output(g, "detected.loss",
                     pln_binary_cross_entropy(g, "binary_cross_entropy", detected, one,
                                              pln_graph_input(g, "weights", PLN_F32, d->tokens, 1), none));
    pln_graph_output(g, "reals.loss", pln_mean_squared_error(g, "mean_squared_error", x, reals, none));
    pln_graph_output(g, "span.loss",
                     pln_span_cross_entropy(g, "span_cross_entropy", answer, d->starts,
                                            pln_graph_input(g, "first", PLN_I32, d->batch, 1),
                                            pln_graph_input(g, "last", PLN_I32, d->batch, 1), none));
}

static void describe_heads(struct description *d, pln_value *x, pln_value *word)
{
    pln_graph *g = d->graph;
    const struct cli_sizes *s = d->sizes;
    const pln_dim targets = pln_rows_of(pln_graph_symbol(g, "targets"));
    pln_value *rows = pln_gather(g, "rows", x, pln_graph_input(g, "target_rows", PLN_I32, targets, 1));
    pln_value *y = linear(d, "predictions.dense", rows, s->hidden, s->embedding, PLN_ACTIVATION_GELU, NULL);
    y = norm(d, "predictions.norm", y, s->embedding);
    pln_value *logits =
        pln_linear(g, y, word, (pln_linear_options){.name = "predictions.words", .bias = weight(d, 1, s->vocab)});
    pln_graph_output(g, "mean", pln_segment_mean(g, "summary.mean", x, d->starts));
    pln_graph_output(
        g, "tanh",
        pln_activation(g, rows, PLN_ACTIVATION_TANH, (pln_activation_options){.name = "summary.activation"}));
    pln_graph_output(g, "state",
                     pln_accumulate(g, "accumulate", pln_graph_state(g, "sum", 1, s->hidden), pln_row(g, x, 0), 1));
    describe_losses(d, x, logits);
}

pln_graph *cli_kernel_graph(const struct cli_sizes *sizes, struct cli_kernel_weights *weights)
{
    pln_graph *g = pln_graph_create(sizes->name);
    if (!g)
        return NULL;
    weights->n = 0;
    struct description d = {.graph = g,
                            .sizes = sizes,
                            .weights = weights,
                            .tokens = pln_rows_of(pln_graph_symbol(g, "tokens")),
                            .batch = pln_rows_of(pln_graph_symbol(g, "batch"))};
    pln_graph_symbol(g, "targets");
    d.starts_rows = (pln_dim){d.batch.symbol, 1, 1};
    d.starts = pln_graph_input(g, "starts", PLN_I32, d.starts_rows, 1);
    pln_value *word = weight(&d, sizes->vocab, sizes->embedding);
    describe_heads(&d, describe_layer(&d, describe_embeddings(&d, word)), word);
    return g;
}
