/* SPDX-License-Identifier: Apache-2.0
 *
 * The builder calls of pleione.h: options in, one node each.
 */
#include <math.h>
#include <string.h>

#include "graph/graph.h"

pln_value *pln_embed(pln_graph *graph, pln_value *token_types, pln_value *type, pln_value *gamma, pln_value *beta,
                     pln_embed_options o)
{
    const pln_embed_params params = {.eps = o.eps};
    return graph_add(graph, &(struct graph_call){.op = PLN_OP_EMBED,
                                                 .name = o.name,
                                                 .inputs = {[PLN_EMBED_INPUT_IDS] = o.ids,
                                                            [PLN_EMBED_INPUT_EMBEDDINGS] = o.embeddings,
                                                            [PLN_EMBED_INPUT_TOKEN_TYPES] = token_types,
                                                            [PLN_EMBED_INPUT_POSITIONS] = o.positions,
                                                            [PLN_EMBED_INPUT_WORD] = o.word,
                                                            [PLN_EMBED_INPUT_TYPE] = type,
                                                            [PLN_EMBED_INPUT_POSITION] = o.position,
                                                            [PLN_EMBED_INPUT_GAMMA] = gamma,
                                                            [PLN_EMBED_INPUT_BETA] = beta},
                                                 .params = &params,
                                                 .wanted = {NULL, o.mean, o.rstd}});
}

pln_value *pln_linear(pln_graph *graph, pln_value *x, pln_value *weight, pln_linear_options o)
{
    const pln_linear_params params = {.activation = o.activation};
    return graph_add(graph, &(struct graph_call){.op = PLN_OP_LINEAR,
                                                 .name = o.name,
                                                 .inputs = {x, weight, o.bias, o.residual},
                                                 .params = &params,
                                                 .wanted = {NULL, o.preactivation}});
}

pln_value *pln_layer_norm(pln_graph *graph, pln_value *x, pln_value *gamma, pln_value *beta, pln_layer_norm_options o)
{
    const pln_layer_norm_params params = {.eps = o.eps};
    return graph_add(graph, &(struct graph_call){.op = PLN_OP_LAYER_NORM,
                                                 .name = o.name,
                                                 .inputs = {x, gamma, beta},
                                                 .params = &params,
                                                 .wanted = {NULL, o.mean, o.rstd}});
}

pln_value *pln_attention(pln_graph *graph, pln_value *query, pln_attention_options o)
{
    if (!query)
        return NULL;
    if (o.probabilities && !o.pair_starts)
        graph_fail(graph, o.name ? o.name : "attention", PLN_INVALID, "probabilities need pair_starts");
    if (!o.key && !o.value) {
        const uint32_t width = query->width / 3;
        o.key = pln_columns(graph, query, width, width);
        o.value = pln_columns(graph, query, 2 * width, width);
        query = pln_columns(graph, query, 0, width);
        if (!query)
            return NULL;
    }
    const bool divides = o.heads && query->width % o.heads == 0;
    const uint32_t head_size = divides ? query->width / o.heads : 0; /* 0 is refused by the shape rule */
    const pln_attention_params params = {
        .heads = o.heads,
        .head_size = head_size,
        .scale = o.scale != 0 ? o.scale : 1.0f / sqrtf((float)(head_size ? head_size : 1)),
        .causal = o.causal,
        .relative = o.relative,
        .max_positions = o.distance ? (o.distance->rows.offset + 1) / 2 : 0,
        .bias_heads = o.bias_heads ? o.bias_heads : 1,
    };
    return graph_add(graph, &(struct graph_call){.op = PLN_OP_ATTENTION,
                                                 .name = o.name,
                                                 .inputs = {query, o.key, o.value, o.starts, o.source_starts,
                                                            o.key_mask, o.bias, o.pair_starts, o.distance, o.head_mask},
                                                 .params = &params,
                                                 .wanted = {NULL, o.lse, o.probabilities}});
}

pln_value *pln_activation(pln_graph *graph, const char *name, pln_value *x, uint32_t activation)
{
    const pln_activation_params params = {.activation = activation};
    return graph_add(graph,
                     &(struct graph_call){.op = PLN_OP_ACTIVATION, .name = name, .inputs = {x}, .params = &params});
}

pln_value *pln_gather(pln_graph *graph, const char *name, pln_value *x, pln_value *index)
{
    return graph_add(graph, &(struct graph_call){.op = PLN_OP_GATHER, .name = name, .inputs = {x, index}});
}

pln_value *pln_segment_mean(pln_graph *graph, const char *name, pln_value *x, pln_value *starts)
{
    return graph_add(graph, &(struct graph_call){.op = PLN_OP_SEGMENT_MEAN, .name = name, .inputs = {x, starts}});
}

pln_value *pln_cross_entropy(pln_graph *graph, const char *name, pln_value *logits, pln_value *labels,
                             int32_t ignore_index, pln_value **lse)
{
    const pln_cross_entropy_params params = {.ignore_index = ignore_index};
    return graph_add(graph, &(struct graph_call){.op = PLN_OP_CROSS_ENTROPY,
                                                 .name = name,
                                                 .inputs = {logits, labels},
                                                 .params = &params,
                                                 .wanted = {NULL, lse}});
}

pln_value *pln_binary_cross_entropy(pln_graph *graph, const char *name, pln_value *logits, pln_value *labels,
                                    pln_value *weights)
{
    return graph_add(graph, &(struct graph_call){
                                .op = PLN_OP_BINARY_CROSS_ENTROPY, .name = name, .inputs = {logits, labels, weights}});
}

pln_value *pln_mean_squared_error(pln_graph *graph, const char *name, pln_value *x, pln_value *labels)
{
    return graph_add(graph, &(struct graph_call){.op = PLN_OP_MEAN_SQUARED_ERROR, .name = name, .inputs = {x, labels}});
}

pln_value *pln_span_cross_entropy(pln_graph *graph, const char *name, pln_value *logits, pln_value *starts,
                                  pln_value *first, pln_value *last)
{
    return graph_add(
        graph,
        &(struct graph_call){.op = PLN_OP_SPAN_CROSS_ENTROPY, .name = name, .inputs = {logits, starts, first, last}});
}

pln_value *pln_accumulate(pln_graph *graph, const char *name, pln_value *state, pln_value *x, float scale)
{
    const pln_accumulate_params params = {.scale = scale};
    return graph_add(
        graph, &(struct graph_call){.op = PLN_OP_ACCUMULATE, .name = name, .inputs = {state, x}, .params = &params});
}

static const struct {
    int32_t number;
    const char *names;
} activations[] = {
#define PLN_ACTIVATION(number, NAME, names, formula) {number, names},
#include "graph/activations.def"
#undef PLN_ACTIVATION
};

int32_t pln_activation_find(const char *name)
{
    if (!name || !*name)
        return PLN_ACTIVATION_NONE;
    const size_t length = strlen(name);
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++)
        for (const char *s = activations[i].names; s; s = strchr(s, ' ')) {
            s += *s == ' ';
            if (strncmp(s, name, length) == 0 && (s[length] == '\0' || s[length] == ' '))
                return activations[i].number;
        }
    return -1;
}
