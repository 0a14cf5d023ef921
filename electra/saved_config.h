/* SPDX-License-Identifier: Apache-2.0
 *
 * The config.json of a model that is written for other packages.
 */
#ifndef ELECTRA_SAVED_CONFIG_H
#define ELECTRA_SAVED_CONFIG_H

#include "electra/head.h"

/* Everything that was read, with the class of the head, sizes and labels as they are, and the type of the weights: F32,
 * F64, F16 or BF16. empty_activation: no summary_activation is "" and not null, which transformers 5 refuses (and its
 * classes of TensorFlow want). Returns a new reference; NULL: there is no memory. */
json_t *electra_config_saved(const struct electra_config *config, const struct electra_head *head, pln_dtype dtype,
                             bool empty_activation);
#endif
