/* SPDX-License-Identifier: Apache-2.0
 *
 * Variables that a TensorFlow bundle keeps in parts: those of one axis, each under a key of its own. Keys of parts stand
 * before all names.
 */
#ifndef CHECKPOINT_SLICES_H
#define CHECKPOINT_SLICES_H

#include "checkpoint/format.h"
#include "checkpoint/protobuf.h"

/* A part: what stands under its key. */
struct slice {
    const unsigned char *key; /* in memory of the content */
    size_t key_bytes;
    pln_tensor tensor; /* data where it lies, name NULL; dtype 0: none */
    uint64_t size;     /* of the data */
    uint32_t sum;      /* as it is stored */
};

/* In the order of the index, which is that of the keys. */
struct slices {
    struct slice *list;
    size_t count, room;
    uint64_t copied; /* bytes of variables that did not lie in one piece */
};

/* Keeps a part; its key is copied. */
pln_status slices_add(struct slices *slices, struct ckpt_content *content, const struct slice *slice, pln_error *error);
void slices_finish(struct slices *slices);

/* Gives the variable its data, by its entry, which lists the parts: in place where they lie one behind another, else in
 * memory of the content, of which all variables together take `most` bytes at most. The sums of parts are compared;
 * *sum is that of the whole, as it would be stored. `bytes` are those of the variable by its shape. */
pln_status slices_join(struct slices *slices, struct ckpt_content *content, struct protobuf entry, uint64_t bytes,
                       uint64_t most, pln_tensor *variable, uint32_t *sum, pln_error *error);
#endif
