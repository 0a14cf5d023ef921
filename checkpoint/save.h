/* SPDX-License-Identifier: Apache-2.0
 *
 * A model directory is written whole or not at all: files go into a folder beside it, which then takes its place. What
 * lies in the directory and is not the model's stays in it.
 */
#ifndef CHECKPOINT_SAVE_H
#define CHECKPOINT_SAVE_H

#include <jansson.h>
#include <limits.h>
#include <sys/types.h>

#include "checkpoint/checkpoint.h"

/* A directory that was empty when it was looked at: it may be replaced though something has been put there since. */
struct ckpt_place {
    bool known;
    dev_t device;
    ino_t inode;
};

struct ckpt_save {
    char target[PATH_MAX], partial[PATH_MAX]; /* links are followed: the directory that they name is replaced */
    const char *const *names;                 /* files that are the model's, NULL behind the last; kept */
    struct ckpt_place place;                  /* of the target, if it was empty */
    int lock; /* the open partial folder, locked while its process lives; -1 when the save is over */
};

/* Whether the directory could be written now, with `bytes` in it: what begin checks, the folder beside it made and
 * taken away again, and room on the disk. place is filled in. */
pln_status ckpt_save_check(const char *directory, const char *const *names, uint64_t bytes, struct ckpt_place *place,
                           pln_error *error);

/* Begins to write `directory`. It may be there if it is empty, holds a config.json or is `place` (may be NULL), and if
 * it can be renamed: no mount point, not the working directory. Folders that dead processes left beside it are put in
 * order. PLN_FAILED names the path. */
pln_status ckpt_save_begin(struct ckpt_save *save, const char *directory, const char *const *names,
                           const struct ckpt_place *place, pln_error *error);

/* Files of the folder, on the disk when the call returns. ckpt_save_copy copies from another directory, where the file
 * may be missing unless it `must` be there. */
pln_status ckpt_save_tensors(const struct ckpt_save *save, const char *file, const pln_tensor *tensors, uint32_t count,
                             pln_error *error);
pln_status ckpt_save_weights(const struct ckpt_save *save, const char *file, const struct weight *weights,
                             uint32_t count, pln_error *error);
pln_status ckpt_save_json(const struct ckpt_save *save, const char *file, const json_t *object, pln_error *error);
pln_status ckpt_save_copy(const struct ckpt_save *save, const char *file, const char *from, bool must,
                          pln_error *error);
/* Whether ckpt_save_copy could read it. *there: there is such a file. */
pln_status ckpt_save_readable(const char *file, const char *from, bool *there, pln_error *error);

/* The folder takes the directory's place if `status`, that of what was written, is PLN_OK; else it is removed. A
 * process that is killed at any point leaves the old directory or the new one under the name, where the system can
 * exchange two names. Returns the first status that is not PLN_OK. */
pln_status ckpt_save_end(struct ckpt_save *save, pln_status status, pln_error *error);

/* Of the model directories `directory`.step-N with N below `step`, all but the `keep` newest are removed. */
pln_status ckpt_save_thin(const char *directory, const char *const *names, const struct ckpt_place *place,
                          uint32_t step, uint32_t keep, pln_error *error);

/* ---- replace.c */

/* Fills target; the directory there, if any, may be replaced. */
pln_status ckpt_replace_find(struct ckpt_save *save, const char *directory, const struct ckpt_place *place,
                             pln_error *error);
/* ---- leftover.c */

/* A name beside the target that is not taken: target, mark, number of the process, counter. */
bool ckpt_leftover_name(const char *target, const char *mark, char *path);
/* Folders that dead processes left are removed, or put back where the target is missing. */
void ckpt_leftover_clear(const struct ckpt_save *save);
/* Removes a folder of the model; what is not the model's moves to the target. PLN_FAILED names what could not. */
pln_status ckpt_leftover_discard(const struct ckpt_save *save, const char *folder, pln_error *error);

#define CKPT_PARTIAL ".partial-" /* not yet in place, or no longer */
#define CKPT_ASIDE ".old-"       /* the directory itself, while the new one is put in its place */

/* The partial folder takes the target's place; both stay as they are if it cannot. */
pln_status ckpt_replace_swap(const struct ckpt_save *save, pln_error *error);
#endif
