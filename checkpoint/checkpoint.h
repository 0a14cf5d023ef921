/* SPDX-License-Identifier: Apache-2.0
 *
 * A model directory as the Hugging Face tools write it: config.json, and the weights in model.safetensors or in the
 * shards that model.safetensors.index.json names. Tensors are found in the shards by their names: an index that is old,
 * swapped or short is right about the names of shards, and no more is asked of it.
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

/* A sentence about an index that is wrong, for a warning; NULL: there is none. */
const char *ckpt_note(const struct ckpt *checkpoint);
/* PLN_BAD_MODEL names a file of weights that became shorter since it was opened. */
pln_status ckpt_check(const struct ckpt *checkpoint, pln_error *error);

const char *ckpt_directory(const struct ckpt *checkpoint);
/* The object in config.json, borrowed. */
const json_t *ckpt_config(const struct ckpt *checkpoint);
/* False: the directory holds none (CKPT_MAY_LACK_WEIGHTS). */
bool ckpt_has_weights(const struct ckpt *checkpoint);

/* Sorted by name, each name once; they live as long as the checkpoint is open. */
uint32_t ckpt_count(const struct ckpt *checkpoint);
const pln_tensor *ckpt_tensor(const struct ckpt *checkpoint, uint32_t index);
/* NULL if there is none of that name. */
const pln_tensor *ckpt_find(const struct ckpt *checkpoint, const char *name);
/* What the file calls the type of a tensor that has dtype 0. */
void ckpt_tensor_type(const struct ckpt *checkpoint, const pln_tensor *tensor, char *text, size_t bytes);

/* Gives pages of the mapped weights back to the system; they are read again when they are touched. */
void ckpt_release_pages(const struct ckpt *checkpoint);
#endif
