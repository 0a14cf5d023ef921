/* SPDX-License-Identifier: Apache-2.0
 *
 * A model directory is written whole or not at all: files go into a folder beside it, which then takes its place.
 */
#ifndef CHECKPOINT_SAVE_H
#define CHECKPOINT_SAVE_H

#include <jansson.h>
#include <limits.h>

#include "checkpoint/checkpoint.h"

struct ckpt_save {
    char target[PATH_MAX], partial[PATH_MAX];
};

/* Begins to write `directory`, which may be there if it is empty or holds a config.json. PLN_FAILED names the path. */
pln_status ckpt_save_begin(struct ckpt_save *save, const char *directory, pln_error *error);

/* Files of the folder. ckpt_save_copy copies from another directory, where the file may be missing. */
pln_status ckpt_save_tensors(const struct ckpt_save *save, const char *file, const pln_tensor *tensors, uint32_t count,
                             pln_error *error);
pln_status ckpt_save_json(const struct ckpt_save *save, const char *file, const json_t *object, pln_error *error);
pln_status ckpt_save_copy(const struct ckpt_save *save, const char *file, const char *from, pln_error *error);

/* The folder takes the directory's place if `status`, that of what was written, is PLN_OK; else it is removed. Returns
 * the first status that is not PLN_OK. */
pln_status ckpt_save_end(struct ckpt_save *save, pln_status status, pln_error *error);
#endif
