/* SPDX-License-Identifier: Apache-2.0
 *
 * Which file of a directory holds the weights.
 */
#ifndef CHECKPOINT_FIND_H
#define CHECKPOINT_FIND_H

#include <limits.h>
#include <stdbool.h>

#include "api/pleione_types.h"

/* How weights were found. */
enum ckpt_found_by {
    CKPT_BY_NAME,
    CKPT_BY_INDEX,  /* the file lists shards */
    CKPT_BY_LATEST, /* the text "checkpoint" of TensorFlow named the bundle */
};

/* A model as people name it: a directory, a file of weights in one, or the prefix of a bundle in one. Fills in the
 * directory, and the file ("" if it is a directory). PLN_BAD_MODEL: nothing is there. */
pln_status ckpt_find_model(const char *model, char directory[PATH_MAX], char file[PATH_MAX], pln_error *error);

/* The weights in a directory: `chosen` (a name in it, or a path; NULL or "": none was), else the first in the order of
 * known files, else the newest bundle. path "" : there are none. */
pln_status ckpt_find_weights(const char *directory, const char *chosen, char path[PATH_MAX], enum ckpt_found_by *by,
                             pln_error *error);

/* Names of files of weights that are looked for, in this order; NULL behind the last. Bundles have any name. */
extern const char *const ckpt_weight_names[];
#endif
