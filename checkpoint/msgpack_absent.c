/* SPDX-License-Identifier: Apache-2.0
 *
 * Stands for the reader of MessagePack in a pleione that was built without libmpack.
 */
#include "checkpoint/format.h"
#include "checkpoint/msgpack.h"
#include "checkpoint/write.h"
#include "common/fail.h"

static pln_status open_msgpack(struct ckpt_content *content, pln_error *error)
{
    return pln_fail(error, PLN_BAD_MODEL,
                    "%s: a MessagePack file, as Flax writes models, and this pleione was built without libmpack, which "
                    "reads it",
                    content->path);
}

const struct ckpt_format ckpt_format_msgpack = {.name = "Flax", .sniff = msgpack_sniff, .open = open_msgpack};

static pln_status write_msgpack(const char *path, const struct ckpt_output *tensors, uint32_t count, bool shard,
                                pln_error *error)
{
    (void)tensors;
    (void)count;
    (void)shard;
    return pln_fail(error, PLN_UNSUPPORTED, "%s: this pleione was built without libmpack, which writes it", path);
}

const struct ckpt_writer ckpt_write_msgpack = {.stem = "flax_model", .extension = ".msgpack", .write = write_msgpack};
