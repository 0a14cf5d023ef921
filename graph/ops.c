/* SPDX-License-Identifier: Apache-2.0
 *
 * The builder calls of pleione.h: options in, one node each.
 */
#include <math.h>

#include "graph/graph.h"

/* Where a node drops elements: its number, the words below which they are dropped, what the others are scaled with. */
struct dropout {
    uint32_t site, below;
    float scale;
    pln_value *origin, *random;
};

static struct dropout draw_dropout(pln_graph *graph, const char *name, float rate, pln_value *origin, pln_value *random)
{
    const struct dropout none = {0};
    if (!graph || rate == 0 || !origin)
        return none;
    if (!(rate > 0 && rate < 1)) {
        graph_fail(graph, name ? name : "dropout", PLN_INVALID, "dropout is %g, expected at least 0 and below 1",
                   (double)rate);
        return none;
    }
    return (struct dropout){.site = ++graph->n_sites,
                            .below = (uint32_t)((double)rate * 0x1p32),
                            .scale = (float)(1 / (1 - (double)rate)),
                            .origin = origin,
                            .random = random};
}

pln_value *pln_embed(pln_graph *graph, pln_value *token_types, pln_value *type, pln_value *gamma, pln_value *beta,
                     const pln_embed_options *options)
{
    pln_embed_options o = {.size = sizeof o};
    if (!GRAPH_TAKE(graph, "embed", pln_embed_options, o, options))
        return NULL;
    const struct dropout drop = draw_dropout(graph, o.name, o.dropout, o.origin, o.random);
    const pln_embed_params params = {
        .eps = o.eps, .site = drop.site, .drop_below = drop.below, .keep_scale = drop.scale, .padding = o.padding};
    return graph_add(
        graph, &(struct graph_call){.op = PLN_OP_EMBED,
                                    .name = o.name,
                                    .inputs = {[PLN_EMBED_INPUT_IDS] = o.ids,
                                               [PLN_EMBED_INPUT_EMBEDDINGS] = o.embeddings,
                                               [PLN_EMBED_INPUT_TOKEN_TYPES] = token_types,
                                               [PLN_EMBED_INPUT_POSITIONS] = o.positions,
                                               [PLN_EMBED_INPUT_WORD] = o.word,
                                               [PLN_EMBED_INPUT_TYPE] = type,
                                               [PLN_EMBED_INPUT_POSITION] = o.position,
                                               [PLN_EMBED_INPUT_GAMMA] = gamma,
                                               [PLN_EMBED_INPUT_BETA] = beta,
                                               [PLN_EMBED_INPUT_ORIGIN] = drop.origin,
                                               [PLN_EMBED_INPUT_RANDOM] = drop.random},
                                    .params = &params,
                                    .wanted = {[PLN_EMBED_OUTPUT_MEAN] = o.mean, [PLN_EMBED_OUTPUT_RSTD] = o.rstd}});
}

pln_value *pln_linear(pln_graph *graph, pln_value *x, pln_value *weight, const pln_linear_options *options)
{
    pln_linear_options o = {.size = sizeof o};
    if (!GRAPH_TAKE(graph, "linear", pln_linear_options, o, options))
        return NULL;
    const struct dropout drop = draw_dropout(graph, o.name, o.dropout, o.origin, o.random);
    const pln_linear_params params = {
        .activation = o.activation, .site = drop.site, .drop_below = drop.below, .keep_scale = drop.scale};
    return graph_add(graph, &(struct graph_call){.op = PLN_OP_LINEAR,
                                                 .name = o.name,
                                                 .inputs = {[PLN_LINEAR_INPUT_X] = x,
                                                            [PLN_LINEAR_INPUT_WEIGHT] = weight,
                                                            [PLN_LINEAR_INPUT_BIAS] = o.bias,
                                                            [PLN_LINEAR_INPUT_RESIDUAL] = o.residual,
                                                            [PLN_LINEAR_INPUT_ORIGIN] = drop.origin,
                                                            [PLN_LINEAR_INPUT_RANDOM] = drop.random},
                                                 .params = &params,
                                                 .wanted = {[PLN_LINEAR_OUTPUT_PREACTIVATION] = o.preactivation}});
}

pln_value *pln_layer_norm(pln_graph *graph, pln_value *x, pln_value *gamma, pln_value *beta,
                          const pln_layer_norm_options *options)
{
    pln_layer_norm_options o = {.size = sizeof o};
    if (!GRAPH_TAKE(graph, "layer_norm", pln_layer_norm_options, o, options))
        return NULL;
    const pln_layer_norm_params params = {.eps = o.eps};
    return graph_add(
        graph,
        &(struct graph_call){.op = PLN_OP_LAYER_NORM,
                             .name = o.name,
                             .inputs = {[PLN_LAYER_NORM_INPUT_X] = x,
                                        [PLN_LAYER_NORM_INPUT_GAMMA] = gamma,
                                        [PLN_LAYER_NORM_INPUT_BETA] = beta},
                             .params = &params,
                             .wanted = {[PLN_LAYER_NORM_OUTPUT_MEAN] = o.mean, [PLN_LAYER_NORM_OUTPUT_RSTD] = o.rstd}});
}

pln_value *pln_attention(pln_graph *graph, pln_value *query, const pln_attention_options *options)
{
    pln_attention_options o = {.size = sizeof o};
    if (!GRAPH_TAKE(graph, "attention", pln_attention_options, o, options))
        return NULL;
    if (!graph_usable(graph, o.name) || !graph_owns(graph, query, o.name ? o.name : "attention"))
        return NULL;
    if (o.probabilities && !o.pair_starts)
        graph_fail(graph, o.name ? o.name : "attention", PLN_INVALID, "probabilities need pair_starts");
    if (!o.key && !o.value) {
        const uint32_t width = query->width / 3;
        if (width * 3 != query->width)
            graph_fail(graph, o.name ? o.name : "attention", PLN_INVALID,
                       "query holds query, key and value, but its width %u is no multiple of 3", query->width);
        o.key = pln_columns(graph, query, width, width);
        o.value = pln_columns(graph, query, 2 * width, width);
        query = pln_columns(graph, query, 0, width);
        if (!query)
            return NULL;
    }
    const struct dropout drop = draw_dropout(graph, o.name, o.dropout, o.origin, o.random);
    const bool divides = o.heads && query->width % o.heads == 0;
    const uint32_t head_size = divides ? query->width / o.heads : 0; /* 0 is refused by the shape rule */
    const float usual_scale = 1.0f / sqrtf((float)(head_size ? head_size : 1));
    const pln_attention_params params = {
        .heads = o.heads,
        .head_size = head_size,
        .scale = o.scale != 0 ? o.scale : usual_scale,
        .causal = o.causal,
        .relative = o.relative,
        .max_positions = o.distance ? (o.distance->rows.offset + 1) / 2 : 0,
        .bias_heads = o.bias_heads ? o.bias_heads : 1,
        .site = drop.site,
        .drop_below = drop.below,
        .keep_scale = drop.scale,
    };
    return graph_add(
        graph,
        &(struct graph_call){
            .op = PLN_OP_ATTENTION,
            .name = o.name,
            .inputs = {[PLN_ATTENTION_INPUT_QUERY] = query,
                       [PLN_ATTENTION_INPUT_KEY] = o.key,
                       [PLN_ATTENTION_INPUT_VALUE] = o.value,
                       [PLN_ATTENTION_INPUT_STARTS] = o.starts,
                       [PLN_ATTENTION_INPUT_SOURCE_STARTS] = o.source_starts,
                       [PLN_ATTENTION_INPUT_KEY_MASK] = o.key_mask,
                       [PLN_ATTENTION_INPUT_BIAS] = o.bias,
                       [PLN_ATTENTION_INPUT_PAIR_STARTS] = o.pair_starts,
                       [PLN_ATTENTION_INPUT_DISTANCE] = o.distance,
                       [PLN_ATTENTION_INPUT_HEAD_MASK] = o.head_mask,
                       [PLN_ATTENTION_INPUT_ORIGIN] = drop.origin,
                       [PLN_ATTENTION_INPUT_RANDOM] = drop.random,
                       [PLN_ATTENTION_INPUT_KEY_ROWS] = o.key_rows},
            .params = &params,
            .wanted = {[PLN_ATTENTION_OUTPUT_LSE] = o.lse, [PLN_ATTENTION_OUTPUT_PROBABILITIES] = o.probabilities}});
}

pln_value *pln_activation(pln_graph *graph, pln_value *x, uint32_t activation, const pln_activation_options *options)
{
    pln_activation_options o = {.size = sizeof o};
    if (!GRAPH_TAKE(graph, "activation", pln_activation_options, o, options))
        return NULL;
    const struct dropout drop = draw_dropout(graph, o.name, o.dropout, o.origin, o.random);
    const pln_activation_params params = {
        .activation = activation, .site = drop.site, .drop_below = drop.below, .keep_scale = drop.scale};
    return graph_add(graph, &(struct graph_call){.op = PLN_OP_ACTIVATION,
                                                 .name = o.name,
                                                 .inputs = {[PLN_ACTIVATION_INPUT_X] = x,
                                                            [PLN_ACTIVATION_INPUT_RESIDUAL] = o.residual,
                                                            [PLN_ACTIVATION_INPUT_ORIGIN] = drop.origin,
                                                            [PLN_ACTIVATION_INPUT_RANDOM] = drop.random},
                                                 .params = &params});
}

pln_value *pln_sample(pln_graph *graph, pln_value *logits, pln_value *origin, pln_value *random,
                      const pln_sample_options *options)
{
    pln_sample_options o = {.size = sizeof o};
    if (!GRAPH_TAKE(graph, "sample", pln_sample_options, o, options))
        return NULL;
    const pln_sample_params params = {.site = ++graph->n_sites, .temperature = o.temperature == 0 ? 1 : o.temperature};
    return graph_add(graph, &(struct graph_call){.op = PLN_OP_SAMPLE,
                                                 .name = o.name,
                                                 .inputs = {[PLN_SAMPLE_INPUT_LOGITS] = logits,
                                                            [PLN_SAMPLE_INPUT_BARRED] = o.barred,
                                                            [PLN_SAMPLE_INPUT_ORIGIN] = origin,
                                                            [PLN_SAMPLE_INPUT_RANDOM] = random},
                                                 .params = &params,
                                                 .wanted = {[PLN_SAMPLE_OUTPUT_BEST] = o.best}});
}

pln_value *pln_substitute(pln_graph *graph, const char *name, pln_value *ids, pln_value *index, pln_value *replaced,
                          pln_value **labels)
{
    return graph_add(graph, &(struct graph_call){.op = PLN_OP_SUBSTITUTE,
                                                 .name = name,
                                                 .inputs = {[PLN_SUBSTITUTE_INPUT_IDS] = ids,
                                                            [PLN_SUBSTITUTE_INPUT_INDEX] = index,
                                                            [PLN_SUBSTITUTE_INPUT_REPLACED] = replaced},
                                                 .wanted = {[PLN_SUBSTITUTE_OUTPUT_LABELS] = labels}});
}

pln_value *pln_gather(pln_graph *graph, const char *name, pln_value *x, pln_value *index)
{
    return graph_add(graph,
                     &(struct graph_call){.op = PLN_OP_GATHER,
                                          .name = name,
                                          .inputs = {[PLN_GATHER_INPUT_X] = x, [PLN_GATHER_INPUT_INDEX] = index}});
}

pln_value *pln_segment_mean(pln_graph *graph, const char *name, pln_value *x, pln_value *starts)
{
    return graph_add(graph, &(struct graph_call){
                                .op = PLN_OP_SEGMENT_MEAN,
                                .name = name,
                                .inputs = {[PLN_SEGMENT_MEAN_INPUT_X] = x, [PLN_SEGMENT_MEAN_INPUT_STARTS] = starts}});
}

/* The options of a loss that is no softmax over classes. */
static bool take_loss(pln_graph *graph, const char *name, pln_loss_options *o, const pln_loss_options *options)
{
    if (!GRAPH_TAKE(graph, name, pln_loss_options, *o, options))
        return false;
    if (o->class_weights || o->smoothing != 0)
        graph_fail(graph, name, PLN_INVALID, "class_weights and smoothing are of cross_entropy alone");
    return true;
}

pln_value *pln_cross_entropy(pln_graph *graph, const char *name, pln_value *logits, pln_value *labels,
                             int32_t ignore_index, const pln_loss_options *options)
{
    pln_loss_options o = {.size = sizeof o};
    if (!GRAPH_TAKE(graph, name, pln_loss_options, o, options))
        return NULL;
    const pln_cross_entropy_params params = {.ignore_index = ignore_index, .smoothing = o.smoothing};
    return graph_add(
        graph, &(struct graph_call){
                   .op = PLN_OP_CROSS_ENTROPY,
                   .name = name,
                   .inputs = {[PLN_CROSS_ENTROPY_INPUT_LOGITS] = logits,
                              [PLN_CROSS_ENTROPY_INPUT_LABELS] = labels,
                              [PLN_CROSS_ENTROPY_INPUT_TOTAL] = o.total,
                              [PLN_CROSS_ENTROPY_INPUT_WEIGHTS] = o.class_weights},
                   .params = &params,
                   .wanted = {[PLN_CROSS_ENTROPY_OUTPUT_LSE] = o.lse, [PLN_CROSS_ENTROPY_OUTPUT_COUNT] = o.count}});
}

pln_value *pln_binary_cross_entropy(pln_graph *graph, const char *name, pln_value *logits, pln_value *labels,
                                    pln_value *weights, const pln_loss_options *options)
{
    pln_loss_options o = {.size = sizeof o};
    if (!take_loss(graph, name, &o, options))
        return NULL;
    return graph_add(graph, &(struct graph_call){.op = PLN_OP_BINARY_CROSS_ENTROPY,
                                                 .name = name,
                                                 .inputs = {[PLN_BINARY_CROSS_ENTROPY_INPUT_LOGITS] = logits,
                                                            [PLN_BINARY_CROSS_ENTROPY_INPUT_LABELS] = labels,
                                                            [PLN_BINARY_CROSS_ENTROPY_INPUT_WEIGHTS] = weights,
                                                            [PLN_BINARY_CROSS_ENTROPY_INPUT_TOTAL] = o.total},
                                                 .wanted = {[PLN_BINARY_CROSS_ENTROPY_OUTPUT_COUNT] = o.count}});
}

pln_value *pln_mean_squared_error(pln_graph *graph, const char *name, pln_value *x, pln_value *labels,
                                  const pln_loss_options *options)
{
    pln_loss_options o = {.size = sizeof o};
    if (!take_loss(graph, name, &o, options))
        return NULL;
    return graph_add(graph, &(struct graph_call){.op = PLN_OP_MEAN_SQUARED_ERROR,
                                                 .name = name,
                                                 .inputs = {[PLN_MEAN_SQUARED_ERROR_INPUT_X] = x,
                                                            [PLN_MEAN_SQUARED_ERROR_INPUT_LABELS] = labels,
                                                            [PLN_MEAN_SQUARED_ERROR_INPUT_TOTAL] = o.total},
                                                 .wanted = {[PLN_MEAN_SQUARED_ERROR_OUTPUT_COUNT] = o.count}});
}

pln_value *pln_span_cross_entropy(pln_graph *graph, const char *name, pln_value *logits, pln_value *starts,
                                  pln_value *first, pln_value *last, const pln_loss_options *options)
{
    pln_loss_options o = {.size = sizeof o};
    if (!take_loss(graph, name, &o, options))
        return NULL;
    return graph_add(
        graph,
        &(struct graph_call){
            .op = PLN_OP_SPAN_CROSS_ENTROPY,
            .name = name,
            .inputs = {[PLN_SPAN_CROSS_ENTROPY_INPUT_LOGITS] = logits,
                       [PLN_SPAN_CROSS_ENTROPY_INPUT_STARTS] = starts,
                       [PLN_SPAN_CROSS_ENTROPY_INPUT_FIRST] = first,
                       [PLN_SPAN_CROSS_ENTROPY_INPUT_LAST] = last,
                       [PLN_SPAN_CROSS_ENTROPY_INPUT_TOTAL] = o.total},
            .wanted = {[PLN_SPAN_CROSS_ENTROPY_OUTPUT_LSE] = o.lse, [PLN_SPAN_CROSS_ENTROPY_OUTPUT_COUNT] = o.count}});
}

pln_value *pln_scatter(pln_graph *graph, const char *name, pln_value *state, pln_value *index, pln_value *x)
{
    return graph_add(
        graph,
        &(struct graph_call){
            .op = PLN_OP_SCATTER,
            .name = name,
            .inputs = {
                [PLN_SCATTER_INPUT_STATE] = state, [PLN_SCATTER_INPUT_INDEX] = index, [PLN_SCATTER_INPUT_X] = x}});
}

pln_value *pln_accumulate(pln_graph *graph, const char *name, pln_value *state, pln_value *x, float scale)
{
    const pln_accumulate_params params = {.scale = scale};
    return graph_add(
        graph, &(struct graph_call){.op = PLN_OP_ACCUMULATE,
                                    .name = name,
                                    .inputs = {[PLN_ACCUMULATE_INPUT_STATE] = state, [PLN_ACCUMULATE_INPUT_X] = x},
                                    .params = &params});
}

pln_value *pln_global_norm(pln_graph *graph, const char *name, pln_value *x)
{
    return graph_add(
        graph, &(struct graph_call){.op = PLN_OP_GLOBAL_NORM, .name = name, .inputs = {[PLN_GLOBAL_NORM_INPUT_X] = x}});
}

pln_value *pln_adamw(pln_graph *graph, const char *name, const pln_adamw_operands *operands)
{
    pln_adamw_operands o = {.size = sizeof o};
    if (!GRAPH_TAKE(graph, name, pln_adamw_operands, o, operands))
        return NULL;
    return graph_add(graph, &(struct graph_call){.op = PLN_OP_ADAMW,
                                                 .name = name,
                                                 .inputs = {[PLN_ADAMW_INPUT_PARAMETER] = o.parameter,
                                                            [PLN_ADAMW_INPUT_FIRST_MOMENT] = o.first_moment,
                                                            [PLN_ADAMW_INPUT_SECOND_MOMENT] = o.second_moment,
                                                            [PLN_ADAMW_INPUT_GRADIENT] = o.gradient,
                                                            [PLN_ADAMW_INPUT_SETTINGS] = o.settings,
                                                            [PLN_ADAMW_INPUT_FACTORS] = o.factors,
                                                            [PLN_ADAMW_INPUT_NORM] = o.norm}});
}
