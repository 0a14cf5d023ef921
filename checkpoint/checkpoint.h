/* SPDX-License-Identifier: Apache-2.0
 *
 * A model directory as the Hugging Face tools write it: config.json, and the weights in model.safetensors or in the
 * shards that model.safetensors.index.json names.
 */
#ifndef CHECKPOINT_CHECKPOINT_H
#define CHECKPOINT_CHECKPOINT_H

#include <jansson.h>
#include <stdbool.h>

#include "api/pleione.h"
#include "checkpoint/tensors.h"

struct ckpt;

enum { CKPT_MAY_LACK_WEIGHTS = 1u << 0 }; /* a directory without weights opens too, with no tensors */

/* Returns new. Read-only afterwards: any thread. PLN_BAD_MODEL names the file, and the tensor if there is one. */
pln_status ckpt_open(const char *directory, uint32_t flags, struct ckpt **checkpoint, pln_error *error);
void ckpt_close(struct ckpt **checkpoint);

const char *ckpt_directory(const struct ckpt *checkpoint);
/* The object in config.json, borrowed. */
const json_t *ckpt_config(const struct ckpt *checkpoint);
/* False: the directory holds none (CKPT_MAY_LACK_WEIGHTS). */
bool ckpt_has_weights(const struct ckpt *checkpoint);

/* Sorted by name; they live as long as the checkpoint is open. */
uint32_t ckpt_count(const struct ckpt *checkpoint);
const pln_tensor *ckpt_tensor(const struct ckpt *checkpoint, uint32_t index);
/* NULL if there is none of that name. */
const pln_tensor *ckpt_find(const struct ckpt *checkpoint, const char *name);

/* Gives pages of the mapped weights back to the system; they are read again when they are touched. */
void ckpt_release_pages(const struct ckpt *checkpoint);
#endif
