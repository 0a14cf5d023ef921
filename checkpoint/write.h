/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of weights as other packages read them, and how a model's weights are spread over files.
 */
#ifndef CHECKPOINT_WRITE_H
#define CHECKPOINT_WRITE_H

#include "checkpoint/output.h"
#include "checkpoint/save.h"

/* A format that is written. */
struct ckpt_writer {
    const char *stem, *extension; /* of its file in a directory: "model" and ".safetensors" */
    /* A file of these tensors, the whole file or nothing. shard: one of several. PLN_INVALID for what no such file can
     * hold, PLN_UNSUPPORTED if what writes it is missing, PLN_FAILED names the path. */
    pln_status (*write)(const char *path, const struct ckpt_output *tensors, uint32_t count, bool shard,
                        pln_error *error);
};

extern const struct ckpt_writer ckpt_write_safetensors, ckpt_write_torch, ckpt_write_hdf5, ckpt_write_msgpack;

/* Writes the tensors in one file, or, where they are larger than shard_bytes (0: no limit), in several with an index
 * beside them, which are as large as that at most unless a tensor is larger. indexed: their names in the index; NULL: as
 * in the files. */
pln_status ckpt_save_shards(const struct ckpt_save *save, const struct ckpt_writer *writer,
                            const struct ckpt_output *tensors, uint32_t count, const char *const *indexed,
                            uint64_t shard_bytes, pln_error *error);

/* The name of file `number` of `count` (from 1), or of the only one (count 1). */
void ckpt_shard_name(const struct ckpt_writer *writer, uint32_t number, uint32_t count, char *name, size_t bytes);
/* Whether a file is called as one of several is, in any format. */
bool ckpt_is_shard_name(const char *name);
/* How many files that makes. */
uint32_t ckpt_shard_count(const struct ckpt_output *tensors, uint32_t count, uint64_t shard_bytes);
#endif
