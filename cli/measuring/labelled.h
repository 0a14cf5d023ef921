/* SPDX-License-Identifier: Apache-2.0
 *
 * Batches with labels for any head, drawn at random: for checks, not for learning.
 */
#ifndef CLI_MEASURING_LABELLED_H
#define CLI_MEASURING_LABELLED_H

#include "cli/measuring/batch.h"

struct cli_labelled {
    struct cli_batch batch;
    int64_t *labels[2]; /* [batch, length] at most; of answers first and last */
    uint32_t n;
    pln_tensor tensors[5];
};

/* A batch of ragged rows for the model's head, with labels that its loss takes. PLN_NO_MEMORY. */
pln_status cli_labelled_random(struct cli_labelled *l, const pln_model *model, pln_head head, struct cli_shape shape,
                               uint64_t seed, pln_error *error);
void cli_labelled_finish(struct cli_labelled *l);
#endif
