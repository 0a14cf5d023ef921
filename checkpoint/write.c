/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes tensors, gives the files of weights of a model directory, with an index where they are several.
 */
#include "checkpoint/write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/safetensors.h"
#include "common/fail.h"

/* Tensors from `first` on that go into one file: behind the last of them. */
static uint32_t end_of_shard(const struct ckpt_output *tensors, uint32_t count, uint32_t first, uint64_t shard_bytes)
{
    uint64_t bytes = ckpt_output_bytes(&tensors[first]);
    uint32_t end = first + 1;
    while (end < count) {
        const uint64_t more = ckpt_output_bytes(&tensors[end]);
        if (shard_bytes && (bytes > shard_bytes || more > shard_bytes - bytes))
            break;
        bytes += more;
        end++;
    }
    return end;
}

uint32_t ckpt_shard_count(const struct ckpt_output *tensors, uint32_t count, uint64_t shard_bytes)
{
    uint32_t n = 0;
    for (uint32_t first = 0; first < count; n++)
        first = end_of_shard(tensors, count, first, shard_bytes);
    return n ? n : 1;
}

void ckpt_shard_name(const struct ckpt_writer *writer, uint32_t number, uint32_t count, char *name, size_t bytes)
{
    if (count == 1)
        snprintf(name, bytes, "%s%s", writer->stem, writer->extension);
    else
        snprintf(name, bytes, "%s-%05u-of-%05u%s", writer->stem, number, count, writer->extension);
}

bool ckpt_is_shard_name(const char *name)
{
    static const struct ckpt_writer *const all[] = {&ckpt_write_safetensors, &ckpt_write_torch, &ckpt_write_hdf5,
                                                    &ckpt_write_msgpack};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const size_t stem = strlen(all[i]->stem);
        unsigned number, count;
        int used = 0;
        if (strncmp(name, all[i]->stem, stem) == 0 &&
            sscanf(name + stem, "-%5u-of-%5u%n", &number, &count, &used) == 2 &&
            strcmp(name + stem + used, all[i]->extension) == 0)
            return true;
    }
    return false;
}

static pln_status save_shard(const struct ckpt_save *save, const struct ckpt_writer *writer,
                             const struct ckpt_output *tensors, uint32_t count, const char *file, bool shard,
                             pln_error *error)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", save->partial, file) >= (int)sizeof path)
        return pln_fail(error, PLN_FAILED, "%s: the path is too long", save->target);
    return writer->write(path, tensors, count, shard, error);
}

static pln_status save_index(const struct ckpt_save *save, const struct ckpt_writer *writer, json_t *map,
                             uint64_t bytes, pln_error *error)
{
    char file[64];
    snprintf(file, sizeof file, "%s%s.index.json", writer->stem, writer->extension);
    json_t *index = json_pack("{s:{s:I},s:O}", "metadata", "total_size", (json_int_t)bytes, "weight_map", map);
    const pln_status status =
        index ? ckpt_save_json(save, file, index, error) : pln_fail(error, PLN_NO_MEMORY, "no memory for %s", file);
    json_decref(index);
    return status;
}

pln_status ckpt_save_shards(const struct ckpt_save *save, const struct ckpt_writer *writer,
                            const struct ckpt_output *tensors, uint32_t count, const char *const *indexed,
                            uint64_t shard_bytes, pln_error *error)
{
    char file[64];
    const uint32_t shards = ckpt_shard_count(tensors, count, shard_bytes);
    json_t *map = json_object();
    pln_status status = map ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for an index");
    uint64_t bytes = 0;
    for (uint32_t first = 0, number = 1; number <= shards && status == PLN_OK; number++) {
        const uint32_t end = first < count ? end_of_shard(tensors, count, first, shard_bytes) : first;
        ckpt_shard_name(writer, number, shards, file, sizeof file);
        status = save_shard(save, writer, tensors + first, end - first, file, shards > 1, error);
        for (; first < end && status == PLN_OK; first++) {
            bytes += ckpt_output_bytes(&tensors[first]);
            if (json_object_set_new(map, indexed ? indexed[first] : tensors[first].name, json_string(file)) != 0)
                status = pln_fail(error, PLN_NO_MEMORY, "no memory for an index");
        }
    }
    if (status == PLN_OK && shards > 1)
        status = save_index(save, writer, map, bytes, error);
    json_decref(map);
    return status;
}

/* ---- safetensors */

static pln_status write_safetensors(const char *path, const struct ckpt_output *tensors, uint32_t count, bool shard,
                                    pln_error *error)
{
    static const pln_option metadata[] = {{"format", "pt"}}; /* the Hugging Face tools ask for it */
    (void)shard;
    return safetensors_write(path, tensors, count, metadata, 1, error);
}

const struct ckpt_writer ckpt_write_safetensors = {
    .stem = "model", .extension = ".safetensors", .write = write_safetensors};
