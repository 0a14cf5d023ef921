/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of tensors as other packages want them: what names.h reads, the other way round.
 */
#ifndef ELECTRA_FOREIGN_H
#define ELECTRA_FOREIGN_H

#include "electra/head.h"

enum electra_package { ELECTRA_FOR_PYTORCH, ELECTRA_FOR_TF, ELECTRA_FOR_FLAX };
enum { ELECTRA_FOREIGN_BYTES = 512 };

/* What a tensor of the head is called there; name is that of PyTorch, with ELECTRA_PREFIX. *turned: it lies [in, out]
 * there if it is a matrix. False: it has no such tensor. */
bool electra_foreign_name(enum electra_package package, const struct electra_head *head, const char *name,
                          char out[ELECTRA_FOREIGN_BYTES], bool *turned);

/* The layer that lists it once more, as Keras does with what layers share; NULL: none does. */
const char *electra_foreign_again(enum electra_package package, const struct electra_head *head, const char *name);

/* Why a model of this config and head would compute something else there, or cannot be kept there; NULL: it can. */
const char *electra_foreign_refusal(enum electra_package package, const struct electra_config *config,
                                    const struct electra_head *head, bool tied);
/* What it computes differently there, for a warning; NULL: nothing that the weights have to do with. */
const char *electra_foreign_difference(enum electra_package package, const struct electra_config *config,
                                       const struct electra_head *head);
#endif
