/* SPDX-License-Identifier: Apache-2.0
 *
 * Batches to measure with: random ids of a shape, or texts; what a run of one costs.
 */
#ifndef CLI_MEASURING_BATCH_H
#define CLI_MEASURING_BATCH_H

#include "cli/cli.h"

/* Input tensors of one batch, owned. */
struct cli_batch {
    uint32_t batch, length, shortest; /* shortest: of the shape */
    uint32_t *lengths;                /* [batch] real tokens */
    int64_t *ids, *mask, *types;
    pln_tensor tensors[3];
};
/* Random ids and lengths, the same for the same seed. PLN_NO_MEMORY. */
pln_status cli_batch_random(struct cli_batch *b, struct cli_shape shape, const pln_model *model, uint64_t seed,
                            pln_error *error);
/* Texts, padded to the longest. */
pln_status cli_batch_texts(struct cli_batch *b, pln_model *model, const struct cli_list *texts, pln_error *error);
void cli_batch_finish(struct cli_batch *b);
uint64_t cli_batch_tokens(const struct cli_batch *b); /* real ones */
/* Arithmetic of ForPreTraining on the real tokens, the formula that the peers are measured with. */
double cli_batch_flops(const struct cli_batch *b, const pln_model *model);
/* Bytes of the matrices that each run of the encoder reads, in f32. */
double cli_weight_bytes(const pln_model *model);

/* How many times as large weights are that a device keeps in a type, "int8" for one. */
double cli_weight_share(const char *dtype);
const char *cli_batch_shape(const struct cli_batch *b, char *text, size_t bytes); /* "32x16-128" */
#endif
