/* SPDX-License-Identifier: Apache-2.0
 *
 * Both halves in one graph over one flat state of parameters.
 */
#include "electra/rtd.h"

#include <stdio.h>

#include "common/fail.h"
#include "electra/describe.h"
#include "graph/graph.h"

static pln_status check_equal(const char *field, uint32_t generator, uint32_t discriminator, pln_error *error)
{
    return generator == discriminator
               ? PLN_OK
               : pln_fail(error, PLN_INVALID, "%s is %u in the generator and %u in the discriminator, which share it",
                          field, generator, discriminator);
}

static pln_status check_shared(const struct electra_config *g, const struct electra_config *d,
                               enum electra_sharing sharing, pln_error *error)
{
    const struct {
        const char *name;
        uint32_t generator, discriminator;
        enum electra_sharing from; /* of none less than this */
    } fields[] = {
        {"vocab_size", g->vocab_size, d->vocab_size, ELECTRA_SHARING_NONE},
        {"embedding_size", g->embedding_size, d->embedding_size, ELECTRA_SHARING_EMBEDDINGS},
        {"max_position_embeddings", g->max_position_embeddings, d->max_position_embeddings, ELECTRA_SHARING_EMBEDDINGS},
        {"type_vocab_size", g->type_vocab_size, d->type_vocab_size, ELECTRA_SHARING_EMBEDDINGS},
        {"hidden_size", g->hidden_size, d->hidden_size, ELECTRA_SHARING_ALL},
        {"num_hidden_layers", g->num_hidden_layers, d->num_hidden_layers, ELECTRA_SHARING_ALL},
        {"num_attention_heads", g->num_attention_heads, d->num_attention_heads, ELECTRA_SHARING_ALL},
        {"intermediate_size", g->intermediate_size, d->intermediate_size, ELECTRA_SHARING_ALL},
    };
    static const uint32_t shares[] = {
        [ELECTRA_SHARING_NONE] = 0, [ELECTRA_SHARING_EMBEDDINGS] = 1, [ELECTRA_SHARING_ALL] = 2};
    pln_status status = PLN_OK;
    for (size_t i = 0; status == PLN_OK && i < sizeof fields / sizeof *fields; i++)
        if (shares[sharing] >= shares[fields[i].from])
            status = check_equal(fields[i].name, fields[i].generator, fields[i].discriminator, error);
    return status;
}

static void mark(struct electra_describe *d, struct electra_rtd *rtd, enum electra_rtd_output output, const char *name,
                 pln_value *value)
{
    rtd->outputs[output] = d->graph->n_outputs;
    electra_output(d, output == ELECTRA_RTD_DISC_LOSS ? ELECTRA_LOSS : ELECTRA_LOGITS, name, value);
}

/* Logits of the masked tokens, and their loss. */
static pln_value *describe_generator(struct electra_describe *d, const struct electra_rtd_half *own,
                                     const struct electra_rtd_half *discriminator, const struct electra_rtd_options *o,
                                     struct electra_rtd *rtd)
{
    d->config = own->config;
    d->tables = o->sharing == ELECTRA_SHARING_NONE ? NULL : discriminator->weights;
    d->weights = o->sharing == ELECTRA_SHARING_ALL ? discriminator->weights : own->weights;
    d->loss_name = "masked_lm_loss";
    pln_graph_begin(d->graph, "generator");
    pln_value *hidden = electra_encoder(d);
    d->weights = own->weights;
    rtd->outputs[ELECTRA_RTD_MASKED_LM_LOSS] = d->graph->n_outputs;
    electra_vocabulary(d, hidden);
    pln_graph_end(d->graph);
    return d->loss;
}

static pln_value *draw(struct electra_describe *d, pln_value *logits, const struct electra_rtd_options *o,
                       struct electra_rtd *rtd)
{
    pln_value *best = NULL, *drawn;
    const pln_dim rows = electra_rows_of(d, ELECTRA_SYMBOL_targets);
    pln_value *barred = o->disallow_correct ? electra_input(d, ELECTRA_INPUT_labels, rows, 1) : NULL;
    drawn = pln_sample(d->graph, logits, electra_input(d, ELECTRA_INPUT_row_origin, rows, 2),
                       electra_input(d, ELECTRA_INPUT_random, pln_rows_fixed(1), 3),
                       PLN_OPTIONS(pln_sample_options, .name = "sampled", .temperature = o->temperature,
                                   .barred = barred, .best = &best));
    mark(d, rtd, ELECTRA_RTD_BEST, "best", best);
    mark(d, rtd, ELECTRA_RTD_SAMPLED, "sampled", drawn);
    return drawn;
}

static pln_value *describe_discriminator(struct electra_describe *d, const struct electra_rtd_half *own,
                                         pln_value *drawn, struct electra_rtd *rtd)
{
    pln_value *labels = NULL;
    rtd->originals = pln_graph_input(d->graph, "originals", PLN_I32, d->tokens, 1);
    rtd->total = pln_graph_input(d->graph, "tokens_total", PLN_F32, pln_rows_fixed(1), 1);
    d->ids = pln_substitute(d->graph, "fakes", rtd->originals,
                            electra_input(d, ELECTRA_INPUT_rows, electra_rows_of(d, ELECTRA_SYMBOL_targets), 1), drawn,
                            &labels);
    d->config = own->config;
    d->weights = own->weights;
    d->tables = NULL;
    pln_graph_begin(d->graph, "discriminator");
    electra_head(PLN_HEAD_PRETRAINING)->describe(d, electra_encoder(d));
    pln_value *loss = pln_binary_cross_entropy(d->graph, "loss", d->logits, labels, NULL,
                                               PLN_OPTIONS(pln_loss_options, .total = rtd->total));
    pln_graph_end(d->graph);
    mark(d, rtd, ELECTRA_RTD_DISC_LOSS, "disc_loss", loss);
    mark(d, rtd, ELECTRA_RTD_DISC_LOGITS, "disc_logits", d->logits);
    mark(d, rtd, ELECTRA_RTD_LABELS, "labels", labels);
    return loss;
}

static void describe(struct electra_describe *d, const struct electra_rtd_half *generator,
                     const struct electra_rtd_half *discriminator, const struct electra_rtd_options *o,
                     struct electra_rtd *rtd)
{
    struct electra_features judged = *d->features;
    pln_loss losses[2] = {{.scale = o->generator_weight}, {.scale = o->discriminator_weight}};
    electra_begin(d);
    losses[0].value = describe_generator(d, generator, discriminator, o, rtd);
    pln_value *drawn = draw(d, d->logits, o, rtd);
    judged.labels = judged.targets = false;
    d->features = &judged;
    if (!o->masked_lm_only)
        losses[1].value = describe_discriminator(d, discriminator, drawn, rtd);
    if (d->error.status == PLN_OK && !o->forward_only)
        electra_gradients(
            d, losses, o->masked_lm_only ? 1 : 2,
            (const char *const[]){"generator.", o->masked_lm_only ? NULL : "discriminator.", NULL},
            (const uint32_t[]){generator->config->num_hidden_layers, discriminator->config->num_hidden_layers});
}

pln_status electra_rtd_describe(const struct electra_rtd_half *generator, const struct electra_rtd_half *discriminator,
                                const struct electra_rtd_options *options, struct electra_rtd *rtd, pln_error *error)
{
    const struct electra_features features = {.labels = true,
                                              .targets = true,
                                              .train = true,
                                              .total = true,
                                              .dropout = options->dropout,
                                              .layer_decay = options->layer_decay,
                                              .recompute = options->recompute,
                                              .trace = options->trace};
    *rtd = (struct electra_rtd){0};
    for (uint32_t i = 0; i < ELECTRA_RTD_OUTPUTS; i++)
        rtd->outputs[i] = UINT32_MAX;
    pln_status status = check_shared(generator->config, discriminator->config, options->sharing, error);
    if (status == PLN_OK)
        status = electra_config_judge(generator->config, PLN_HEAD_MASKED_LM, true, error);
    if (status == PLN_OK)
        status = electra_config_judge(discriminator->config, PLN_HEAD_PRETRAINING, true, error);
    if (status != PLN_OK)
        return status;
    rtd->graph = (struct electra_graph){.graph = pln_graph_create("replaced-token-detection"), .loss = UINT32_MAX};
    if (!rtd->graph.graph)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a graph");
    struct electra_describe d = {.config = generator->config,
                                 .features = &features,
                                 .weights = generator->weights,
                                 .graph = rtd->graph.graph,
                                 .out = &rtd->graph};
    describe(&d, generator, discriminator, options, rtd);
    d.features = &features;
    status = electra_finish(&d, error);
    if (status != PLN_OK)
        electra_graph_finish(&rtd->graph);
    return status;
}
