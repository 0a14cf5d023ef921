/* SPDX-License-Identifier: Apache-2.0
 *
 * What both containers of PyTorch share: from the object of a pickle to tensors of a file.
 */
#ifndef CHECKPOINT_TORCH_H
#define CHECKPOINT_TORCH_H

#include "checkpoint/format.h"
#include "checkpoint/pickle.h"

/* Adds the tensors of a dictionary, of dictionaries in it too, their keys joined by '/'. The storages of the pickle have
 * their data. What is not contiguous is copied. */
pln_status torch_add_tensors(struct ckpt_content *content, const struct pickle_object *root, pln_error *error);
/* The elements that a storage claims are there, once its data is known. */
pln_status torch_check_storage(const struct ckpt_content *content, const struct pickle_storage *storage,
                               pln_error *error);
#endif
