/* SPDX-License-Identifier: Apache-2.0
 *
 * Graphs that ask a device for every kernel at the sizes of an ELECTRA model: an encoder layer, the heads, the losses,
 * and attention with what masks and outputs it may have; the same when it is trained, with dropout; and the update of a
 * step. Weights are zeros that nothing reads.
 */
#include <stdio.h>

#include "cli/commands/kernel_graph.h"

enum { POSITIONS = 512, LABELS = 2, MOST_LOSSES = 8 };

const struct cli_sizes cli_model_sizes[] = {
    {"small", 30522, 128, 256, 1024, 4},
    {"base", 30522, 768, 768, 3072, 12},
};
const uint32_t cli_n_model_sizes = sizeof cli_model_sizes / sizeof *cli_model_sizes;

struct description {
    pln_graph *graph;
    const struct cli_sizes *sizes;
    struct cli_kernel_weights *weights;
    bool trains;
    pln_dim tokens, batch, targets, starts_rows;
    pln_value *starts;
    float dropout; /* where it trains, with origins of rows */
    pln_value *origin, *random;
    uint32_t n_losses;
    pln_loss losses[MOST_LOSSES];
};

static pln_value *weight(struct description *d, uint64_t rows, uint64_t width)
{
    struct cli_kernel_weights *w = d->weights;
    if (w->n == CLI_KERNEL_WEIGHTS)
        return NULL;
    char *name = w->names[w->n];
    snprintf(name, sizeof w->names[0], "weight.%u", w->n);
    pln_tensor *tensor = &w->tensors[w->n++];
    *tensor = (pln_tensor){.name = name, .dtype = PLN_F32, .rank = 2, .shape = {rows, width}, .data = w->zeros};
    const pln_tensor *part = tensor;
    return d->trains ? pln_graph_parameter(d->graph, name, &part, 1,
                                           PLN_OPTIONS(pln_parameter_options, .weight_decay = 1, .learning_rate = 1))
                     : pln_graph_constant(d->graph, name, &part, 1);
}

static pln_value *linear(struct description *d, const char *name, pln_value *x, uint32_t from, uint32_t to,
                         uint32_t activation, pln_value *residual)
{
    return pln_linear(d->graph, x, weight(d, to, from),
                      PLN_OPTIONS(pln_linear_options, .name = name, .bias = weight(d, 1, to), .residual = residual,
                                  .activation = activation));
}

/* As it ends a block: dropout, then the residual. */
static pln_value *linear_of_block(struct description *d, const char *name, pln_value *x, uint32_t from,
                                  pln_value *residual)
{
    const uint32_t to = d->sizes->hidden;
    return pln_linear(d->graph, x, weight(d, to, from),
                      PLN_OPTIONS(pln_linear_options, .name = name, .bias = weight(d, 1, to), .residual = residual,
                                  .dropout = d->dropout, .origin = d->origin, .random = d->random));
}

static pln_value *norm(struct description *d, const char *name, pln_value *x, uint32_t width)
{
    return pln_layer_norm(d->graph, x, weight(d, 1, width), weight(d, 1, width),
                          PLN_OPTIONS(pln_layer_norm_options, .name = name, .eps = 1e-12f));
}

static pln_value *describe_embeddings(struct description *d, pln_value *word)
{
    pln_graph *g = d->graph;
    const struct cli_sizes *s = d->sizes;
    pln_value *x = pln_embed(g, pln_graph_input(g, "types", PLN_I32, d->tokens, 1), weight(d, 2, s->embedding),
                             weight(d, 1, s->embedding), weight(d, 1, s->embedding),
                             PLN_OPTIONS(pln_embed_options, .name = "embeddings",
                                         .ids = pln_graph_input(g, "ids", PLN_I32, d->tokens, 1), .word = word,
                                         .positions = pln_graph_input(g, "positions", PLN_I32, d->tokens, 1),
                                         .position = weight(d, POSITIONS, s->embedding), .eps = 1e-12f,
                                         .dropout = d->dropout, .origin = d->origin, .random = d->random));
    return s->embedding == s->hidden ? x : linear(d, "embeddings_project", x, s->embedding, s->hidden, 0, NULL);
}

/* Attention as every layer has it, and what may be asked of it besides. */
static const struct {
    const char *kind;
    bool key_mask, causal, bias, head_mask, shown, drops;
    uint32_t relative;
} attentions[] = {
    {.kind = "plain"},
    {.kind = "dropped", .drops = true},
    {.kind = "masked", .key_mask = true},
    {.kind = "causal", .causal = true},
    {.kind = "biased", .bias = true},
    {.kind = "heads", .head_mask = true},
    {.kind = "shown", .shown = true},
    {.kind = "relative_key", .relative = 1},
    {.kind = "relative_key_query", .relative = 2},
};

/* The sum of them all. */
static pln_value *describe_attention(struct description *d, pln_value *qkv)
{
    pln_graph *g = d->graph;
    const struct cli_sizes *s = d->sizes;
    pln_value *mask = pln_graph_input(g, "key_mask", PLN_I32, d->tokens, 1);
    pln_value *heads = pln_graph_input(g, "head_mask", PLN_F32, pln_rows_fixed(1), s->heads);
    pln_value *pairs = pln_graph_input(g, "pair_starts", PLN_I32, d->starts_rows, 1);
    const pln_dim all = {pln_graph_symbol(g, "pair_starts.total"), 1, 0};
    pln_value *bias = pln_graph_input(g, "bias", PLN_F32, all, 1), *sum = NULL;
    for (uint32_t i = 0; i < sizeof attentions / sizeof *attentions; i++) {
        pln_value *probabilities = NULL;
        pln_graph_begin(g, "attention.%s", attentions[i].kind);
        const bool drops = attentions[i].drops && d->trains;
        pln_value *y = pln_attention(
            g, qkv,
            PLN_OPTIONS(pln_attention_options, .name = "attention", .heads = s->heads, .starts = d->starts,
                        .key_mask = attentions[i].key_mask ? mask : NULL, .bias = attentions[i].bias ? bias : NULL,
                        .pair_starts = attentions[i].bias || attentions[i].shown ? pairs : NULL,
                        .distance = attentions[i].relative ? weight(d, 2 * POSITIONS - 1, s->hidden / s->heads) : NULL,
                        .relative = attentions[i].relative, .head_mask = attentions[i].head_mask ? heads : NULL,
                        .causal = attentions[i].causal, .dropout = drops ? d->dropout : 0,
                        .origin = drops ? d->origin : NULL, .random = drops ? d->random : NULL,
                        .probabilities = attentions[i].shown && !d->trains ? &probabilities : NULL));
        if (probabilities)
            pln_graph_output(g, "probabilities", probabilities);
        sum = sum ? pln_activation(g, y, PLN_ACTIVATION_NONE,
                                   PLN_OPTIONS(pln_activation_options, .name = "add", .residual = sum))
                  : y;
        pln_graph_end(g);
    }
    return sum;
}

static pln_value *describe_layer(struct description *d, pln_value *x)
{
    const struct cli_sizes *s = d->sizes;
    pln_value *qkv = linear(d, "query_key_value", x, s->hidden, 3 * s->hidden, 0, NULL);
    pln_value *y = linear_of_block(d, "attention.output", describe_attention(d, qkv), s->hidden, x);
    x = norm(d, "attention.norm", y, s->hidden);
    y = linear(d, "intermediate", x, s->hidden, s->inner, PLN_ACTIVATION_GELU, NULL);
    y = linear_of_block(d, "output", y, s->inner, x);
    return norm(d, "norm", y, s->hidden);
}

static void add_loss(struct description *d, pln_value *loss)
{
    if (d->n_losses == MOST_LOSSES)
        return;
    char name[16];
    snprintf(name, sizeof name, "loss.%u", d->n_losses);
    pln_graph_output(d->graph, name, loss);
    d->losses[d->n_losses++] = (pln_loss){loss, 1};
}

/* How far x is from reals. */
static void add_distance(struct description *d, const char *name, pln_value *x, pln_dim rows)
{
    char node[32];
    snprintf(node, sizeof node, "mean_squared_error.%s", name);
    add_loss(d, pln_mean_squared_error(d->graph, node, x,
                                       pln_graph_input(d->graph, name, PLN_F32, rows, d->sizes->hidden), NULL));
}

static void describe_losses(struct description *d, pln_value *x)
{
    pln_graph *g = d->graph;
    const uint32_t width = d->sizes->hidden;
    pln_value *labels = pln_graph_input(g, "labels", PLN_I32, d->tokens, 1);
    pln_value *one = pln_graph_input(g, "real", PLN_F32, d->tokens, 1);
    pln_value *detected = linear(d, "predictions.logits", x, width, 1, 0, NULL);
    pln_value *answer = linear(d, "answer.logits", x, width, LABELS, 0, NULL);
    add_loss(d, pln_cross_entropy(g, "cross_entropy.labels", answer, labels, -100, NULL));
    add_loss(d, pln_binary_cross_entropy(g, "binary_cross_entropy", detected, one,
                                         pln_graph_input(g, "weights", PLN_F32, d->tokens, 1), NULL));
    add_loss(d, pln_span_cross_entropy(g, "span_cross_entropy", answer, d->starts,
                                       pln_graph_input(g, "first", PLN_I32, d->batch, 1),
                                       pln_graph_input(g, "last", PLN_I32, d->batch, 1), NULL));
    add_distance(d, "reals", x, d->tokens);
}

/* What only a forward pass has here: rows that are kept, tokens that are drawn and put in the place of others. */
static void describe_kept(struct description *d, pln_value *x, pln_value *logits)
{
    pln_graph *g = d->graph;
    pln_value *drawn = pln_sample(g, logits, pln_graph_input(g, "target_origin", PLN_I32, d->targets, 2),
                                  pln_graph_input(g, "draws", PLN_I32, pln_rows_fixed(1), 3), NULL);
    pln_graph_output(g, "fakes",
                     pln_substitute(g, "fakes", pln_graph_input(g, "originals", PLN_I32, d->tokens, 1),
                                    pln_graph_input(g, "replaced", PLN_I32, d->targets, 1), drawn, NULL));
    pln_graph_output(g, "kept",
                     pln_scatter(g, "kept", pln_graph_state(g, "rows_kept", d->sizes->vocab, d->sizes->hidden),
                                 pln_graph_input(g, "places", PLN_I32, d->tokens, 1), x));
}

static void describe_heads(struct description *d, pln_value *x, pln_value *word)
{
    pln_graph *g = d->graph;
    const struct cli_sizes *s = d->sizes;
    pln_value *rows = pln_gather(g, "rows", x, pln_graph_input(g, "target_rows", PLN_I32, d->targets, 1));
    pln_value *y = linear(d, "predictions.dense", rows, s->hidden, s->embedding, PLN_ACTIVATION_GELU, NULL);
    y = norm(d, "predictions.norm", y, s->embedding);
    pln_value *logits = pln_linear(
        g, y, word, PLN_OPTIONS(pln_linear_options, .name = "predictions.words", .bias = weight(d, 1, s->vocab)));
    add_loss(d, pln_cross_entropy(g, "cross_entropy", logits, pln_graph_input(g, "words", PLN_I32, d->targets, 1), -100,
                                  NULL));
    if (!d->trains)
        describe_kept(d, x, logits);
    add_distance(d, "means", pln_segment_mean(g, "summary.mean", x, d->starts), d->batch);
    y = pln_activation(g, rows, PLN_ACTIVATION_TANH, PLN_OPTIONS(pln_activation_options, .name = "summary.activation"));
    add_distance(d, "activated", y, d->targets);
    describe_losses(d, x);
}

static void describe_model(struct description *d)
{
    pln_graph *g = d->graph;
    d->tokens = pln_rows_of(pln_graph_symbol(g, "tokens"));
    d->batch = pln_rows_of(pln_graph_symbol(g, "batch"));
    d->targets = pln_rows_of(pln_graph_symbol(g, "targets"));
    d->starts_rows = (pln_dim){d->batch.symbol, 1, 1};
    d->starts = pln_graph_input(g, "starts", PLN_I32, d->starts_rows, 1);
    if (d->trains) {
        d->dropout = 0.1f;
        d->origin = pln_graph_input(g, "origin", PLN_I32, d->tokens, 2);
        d->random = pln_graph_input(g, "random", PLN_I32, pln_rows_fixed(1), 3);
    }
    pln_value *word = weight(d, d->sizes->vocab, d->sizes->embedding);
    pln_value *x = describe_layer(d, describe_embeddings(d, word));
    describe_heads(d, x, word);
    if (d->trains)
        pln_graph_gradients(g, d->losses, d->n_losses, NULL);
    else
        pln_graph_output(
            g, "state",
            pln_accumulate(g, "accumulate", pln_graph_state(g, "sum", 1, d->sizes->hidden), pln_row(g, x, 0), 1));
}

static void describe_update(struct description *d)
{
    pln_graph *g = d->graph;
    const uint32_t rows = d->sizes->vocab; /* any number */
    pln_value *gradient = pln_graph_state(g, "gradients", rows, PLN_PARAMETER_WIDTH);
    pln_value *norm_of_all = pln_global_norm(g, "norm", gradient);
    pln_adamw(g, "adamw",
              PLN_OPTIONS(pln_adamw_operands, .parameter = pln_graph_state(g, "parameters", rows, PLN_PARAMETER_WIDTH),
                          .first_moment = pln_graph_state(g, "first_moment", rows, PLN_PARAMETER_WIDTH),
                          .second_moment = pln_graph_state(g, "second_moment", rows, PLN_PARAMETER_WIDTH),
                          .gradient = gradient,
                          .settings = pln_graph_input(g, "settings", PLN_F32, pln_rows_fixed(1), 8),
                          .factors = weight(d, rows, 2), .norm = norm_of_all));
    pln_graph_output(g, "norm", norm_of_all);
}

pln_graph *cli_kernel_graph(enum cli_kernel_graph which, const struct cli_sizes *sizes,
                            struct cli_kernel_weights *weights)
{
    pln_graph *g = pln_graph_create(sizes->name);
    if (!g)
        return NULL;
    weights->n = 0;
    struct description d = {.graph = g, .sizes = sizes, .weights = weights, .trains = which == CLI_KERNELS_TRAINING};
    if (which == CLI_KERNELS_UPDATE)
        describe_update(&d);
    else
        describe_model(&d);
    return g;
}
