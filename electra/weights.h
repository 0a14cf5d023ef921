/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights by their PyTorch names: found among those of the checkpoint, checked against the config, or drawn at random
 * where the checkpoint lacks a head.
 */
#ifndef ELECTRA_WEIGHTS_H
#define ELECTRA_WEIGHTS_H

#include "electra/config.h"
#include "electra/names.h"

struct electra_weight; /* a tensor that was asked for */

enum { ELECTRA_CHAINS = 512 };

struct electra_weights {
    const struct ckpt *checkpoint;
    const struct electra_names *names;
    const struct electra_config *config;
    uint64_t seed;
    const char *half; /* what names of the tensors that are found begin with, NULL: nothing; not in the checkpoint */
    bool undrawn;   /* what the checkpoint lacks is zero and takes no memory, what it has is not read: for estimates */
    bool new_heads; /* a head with tensors of other shapes is drawn, not refused */
    struct electra_weight *list;
    struct electra_weight *chains[ELECTRA_CHAINS]; /* of the list, by name */
    const float *zeros;                            /* of undrawn tensors: a mapping that is never written */
    size_t zero_bytes;
    bool *used; /* [names] */
    enum { ELECTRA_TIE_UNKNOWN, ELECTRA_TIED, ELECTRA_APART } tie;
    const struct electra_name *same; /* the output matrix, if it is the word table once more; else NULL */
};

/* The name that a file of the class has for a tensor; bare: of ElectraModel. */
void electra_file_name(const char *name, bool bare, char *out, size_t bytes);

enum electra_fill { ELECTRA_NORMAL, ELECTRA_ZEROS, ELECTRA_ONES }; /* how a missing tensor is drawn */

/* What is asked for: "encoder.layer.0.intermediate.dense.weight" of the encoder (without ELECTRA_PREFIX), or a head's
 * tensor under its own name. width 0: a vector of `rows` elements. */
struct electra_request {
    const char *name;
    uint32_t rows, width;
    bool encoder;
    enum electra_fill fill;
};

/* Borrows all three. */
pln_status electra_weights_init(struct electra_weights *weights, const struct ckpt *checkpoint,
                                const struct electra_names *names, const struct electra_config *config, uint64_t seed,
                                pln_error *error);
void electra_weights_finish(struct electra_weights *weights);

/* The tensor; the same one each time. It lives as long as the weights. PLN_BAD_MODEL names tensor, expected, found. */
pln_status electra_weight_find(struct electra_weights *weights, const struct electra_request *request,
                               const struct weight **tensor, pln_error *error);

/* The tensors that were asked for and found, in that order; NULL behind the last. Their names are those of the requests. */
const struct weight *electra_weights_found(const struct electra_weights *weights, uint32_t index);

/* How many labels the weights of a head have; 0: there are none, or they do not say. */
uint32_t electra_weights_labels(const struct electra_weights *weights);

#define ELECTRA_OUTPUT_MATRIX "generator_lm_head.weight"

/* Whether the output matrix of the vocabulary is the word table. It is if the config ties them, unless the checkpoint
 * holds two that differ: then the file is right, and both are kept. Asked once; reads both. */
pln_status electra_weights_tied(struct electra_weights *weights, bool *tied, pln_error *error);

/* Names, separated by ", ", of tensors that were drawn at random, and of those in the checkpoint that nothing asked for
 * (what the names dropped is not counted, nor what a head that takes a source asks for only when one is given). New text,
 * freed by the caller; NULL if there are none. */
char *electra_weights_missing(const struct electra_weights *weights);
char *electra_weights_unexpected(const struct electra_weights *weights, bool takes_source);
#endif
