/* SPDX-License-Identifier: Apache-2.0
 *
 * What a model ends in: one constant for each row of heads.def, in a file of its own in heads/. It says how the graph
 * ends, what labels are, and how logits lie; whoever reads or writes tensors asks the head instead of knowing it.
 */
#ifndef ELECTRA_HEAD_H
#define ELECTRA_HEAD_H

#include "electra/config.h"

struct electra_describe;

/* How many classes labels choose from: numbers from 0 below that. */
enum electra_classes { ELECTRA_OF_VOCABULARY, ELECTRA_OF_LABELS, ELECTRA_OF_TWO };

/* How logits of the graph become tensors. */
enum electra_layout {
    ELECTRA_BY_TOKEN,    /* [T,W] to [batch, length, W] */
    ELECTRA_ONE_A_TOKEN, /* [T,1] to [batch, length] */
    ELECTRA_BY_ROW,      /* [R,W] as it is */
    ELECTRA_SPANS,       /* [T,2] to start_logits and end_logits [batch, length] */
    ELECTRA_JOINT,       /* several outputs under their names, none is `logits` */
};

/* Which token of a sequence a head looks at, where it looks at one. */
enum electra_look { ELECTRA_AT_FIRST, ELECTRA_AT_LAST };

enum electra_half { ELECTRA_EITHER_HALF, ELECTRA_GENERATOR, ELECTRA_DISCRIMINATOR };

/* Fields of config.json that not every head reads. */
enum electra_reads {
    ELECTRA_READS_ALWAYS = 1 << 0, /* by every head */
    ELECTRA_READS_SUMMARY = 1 << 1,
    ELECTRA_READS_PROBLEM = 1 << 2,
    ELECTRA_READS_CLASSIFIER = 1 << 3,
    ELECTRA_READS_VOCABULARY = 1 << 4,
};

struct electra_head {
    const char *name;         /* "masked-lm" */
    const char *architecture; /* "ElectraForMaskedLM" */
    /* The graph from the last hidden state on: marks logits and loss. */
    void (*describe)(struct electra_describe *d, pln_value *hidden);
    pln_labels labels;
    enum electra_classes classes;
    enum electra_layout logits;
    uint32_t reads;         /* enum electra_reads */
    bool shifted;           /* the label of a token is that of the one behind it */
    bool choices;           /* tensors are [examples, choices, length]: each choice is a sequence */
    bool source;            /* may look at encoder_hidden_states */
    bool causal;            /* makes sense for a decoder only */
    bool bare;              /* names of weights have no "electra." in files */
    bool own;               /* no class of transformers has this head; ours alone reads it back */
    enum electra_half half; /* of an ELECTRA that it asks for */
    /* Whether padded positions change its answer, or its loss; NULL: neither. */
    bool (*sees_padding)(const struct electra_config *config, bool labels);
    enum electra_look (*look)(const struct electra_config *config); /* NULL: ELECTRA_AT_FIRST */
};

/* PLN_HEAD_DEFAULT is nobody's: NULL, as for a number that is none. */
const struct electra_head *electra_head(pln_head head);
/* By the name of the class in Hugging Face; PLN_HEAD_DEFAULT: there is none. */
pln_head electra_head_of(const char *architecture);
uint32_t electra_classes(const struct electra_config *config, const struct electra_head *head); /* 0: labels are none */
#endif
