/* SPDX-License-Identifier: Apache-2.0
 *
 * Replaced-token detection as one graph: a generator fills masked tokens, what is drawn of its answers takes their
 * place, and a discriminator says which tokens are fakes. Both learn in one backward pass; nothing flows back through
 * what was drawn. Numbers of sections are those of the ELECTRA specification.
 */
#ifndef ELECTRA_RTD_H
#define ELECTRA_RTD_H

#include "electra/electra.h"

/* What both halves have in common, section 6.4. */
enum electra_sharing {
    ELECTRA_SHARING_EMBEDDINGS, /* tables and LayerNorm of the embeddings, and so the output matrix */
    ELECTRA_SHARING_NONE,
    ELECTRA_SHARING_ALL, /* the whole encoder: the configs are equal */
};

/* What names of the generator's own weights begin with in the flat state. */
#define ELECTRA_OF_GENERATOR "generator."

struct electra_rtd_half {
    const struct electra_config *config;
    struct electra_weights *weights; /* of the generator: `half` is ELECTRA_OF_GENERATOR */
};

struct electra_rtd_options {
    enum electra_sharing sharing;
    bool masked_lm_only;   /* there is no discriminator: the plain objective of BERT */
    bool disallow_correct; /* what is drawn is never what stood there */
    float temperature, generator_weight, discriminator_weight;
    double dropout; /* below 0: as the configs say */
    double
        layer_decay; /* as in features.def, in each half by its own layers; what is shared learns as the generator's */
    bool recompute, trace;
    bool forward_only; /* no gradients; the flat state is the same */
};

/* Outputs of the graph, T tokens, R masked ones. Those of the discriminator are absent (UINT32_MAX) without one. */
enum electra_rtd_output {
    ELECTRA_RTD_MASKED_LM_LOSS, /* [1,1] */
    ELECTRA_RTD_BEST,           /* i32 [R,1]: the likeliest tokens */
    ELECTRA_RTD_SAMPLED,        /* i32 [R,1] */
    ELECTRA_RTD_DISC_LOSS,      /* [1,1] */
    ELECTRA_RTD_DISC_LOGITS,    /* [T,1] */
    ELECTRA_RTD_LABELS,         /* [T,1] */
    ELECTRA_RTD_OUTPUTS,
};

struct electra_rtd {
    struct electra_graph
        graph;            /* inputs: ids as the generator reads them, labels and rows of the masked, total of these */
    pln_value *originals; /* i32 [T,1] */
    pln_value *total;     /* f32 [1,1]: tokens of the whole step, which the discriminator's loss is divided by */
    uint32_t outputs[ELECTRA_RTD_OUTPUTS];
};

/* Fills *rtd; empty after an error. PLN_INVALID names what the halves do not have in common though it is shared. */
pln_status electra_rtd_describe(const struct electra_rtd_half *generator, const struct electra_rtd_half *discriminator,
                                const struct electra_rtd_options *options, struct electra_rtd *rtd, pln_error *error);
#endif
