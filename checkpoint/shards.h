/* SPDX-License-Identifier: Apache-2.0
 *
 * The shards that an index names, and the tensors in them.
 */
#ifndef CHECKPOINT_SHARDS_H
#define CHECKPOINT_SHARDS_H

#include <jansson.h>

#include "checkpoint/tensors.h"

struct ckpt_shards {
    const char *index; /* its path, borrowed */
    json_t *map;       /* tensor to shard, as the shards call tensors; owned */
    pln_tensor_file **files;
    uint32_t n_files;
    const pln_tensor **tensors; /* [count], each name once */
    uint32_t count;
    uint32_t wrong; /* names where index and shards differ */
};

/* What is in it belongs to the caller, after an error too. PLN_BAD_MODEL names the file. */
pln_status ckpt_shards_open(const char *index, struct ckpt_shards *shards, pln_error *error);
#endif
