/* SPDX-License-Identifier: Apache-2.0
 *
 * A model directory: config.json, and the weights in a file of any format, in the shards that an index names, or in a
 * bundle. Tensors are found in shards by their names: an index that is old, swapped or short is right about the names of
 * shards, and no more is asked of it.
 */
#ifndef CHECKPOINT_CHECKPOINT_H
#define CHECKPOINT_CHECKPOINT_H

#include <jansson.h>
#include <stdbool.h>

#include "api/pleione.h"
#include "checkpoint/tensors.h"

struct ckpt;

enum { CKPT_MAY_LACK_WEIGHTS = 1u << 0 }; /* a directory without weights opens too, with no tensors */

/* Returns new. model: a directory, a file of weights in one, or the prefix of a bundle. weights: which file of the
 * directory, NULL: the first of those that are known (find.h). Read-only afterwards: any thread. PLN_BAD_MODEL names the
 * file, and the tensor if there is one. */
pln_status ckpt_open(const char *model, const char *weights, uint32_t flags, struct ckpt **checkpoint,
                     pln_error *error);
void ckpt_close(struct ckpt **checkpoint);

/* Sentences about what is odd in index or files, for a warning; NULL: there are none. */
const char *ckpt_note(const struct ckpt *checkpoint);
/* PLN_BAD_MODEL names a file of weights that became shorter since it was opened. */
pln_status ckpt_check(const struct ckpt *checkpoint, pln_error *error);

const char *ckpt_directory(const struct ckpt *checkpoint);
/* The object in config.json, borrowed; an empty one if the directory has weights only. */
const json_t *ckpt_config(const struct ckpt *checkpoint);
bool ckpt_has_config(const struct ckpt *checkpoint);
#define CKPT_GENERATION_CONFIG "generation_config.json"
/* The object in that file, which is read now; returns a new reference, NULL if the directory has no such file.
 * PLN_BAD_MODEL. */
pln_status ckpt_generation_config(const struct ckpt *checkpoint, json_t **config, pln_error *error);
/* Whether the file of that path was read: the config, weights, and what says where they are. */
bool ckpt_reads(const struct ckpt *checkpoint, const char *path);
/* The path of the file or index that was read; NULL: there are no weights. */
const char *ckpt_weights(const struct ckpt *checkpoint);
/* The files that are open, borrowed; NULL behind the last. */
const pln_tensor_file *ckpt_file(const struct ckpt *checkpoint, uint32_t index);
/* Whether an index has a tensor of that name, and no shard does. */
bool ckpt_promises(const struct ckpt *checkpoint, const char *name);
/* False: the directory holds none (CKPT_MAY_LACK_WEIGHTS). */
bool ckpt_has_weights(const struct ckpt *checkpoint);

/* Sorted by name, each name once; they live as long as the checkpoint is open. */
uint32_t ckpt_count(const struct ckpt *checkpoint);
const pln_tensor *ckpt_tensor(const struct ckpt *checkpoint, uint32_t index);
/* NULL if there is none of that name. */
const pln_tensor *ckpt_find(const struct ckpt *checkpoint, const char *name);
/* Compares the tensor's data with the sum that its file has of it, if it has one: PLN_BAD_MODEL names both. */
pln_status ckpt_verify(const struct ckpt *checkpoint, const pln_tensor *tensor, pln_error *error);
/* What the file calls the type of a tensor that has dtype 0. */
void ckpt_tensor_type(const struct ckpt *checkpoint, const pln_tensor *tensor, char *text, size_t bytes);

/* Gives pages of the mapped weights back to the system; they are read again when they are touched. */
void ckpt_release_pages(const struct ckpt *checkpoint);
#endif
