/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes an index of shards, gives the tensors of all shards that it names. An index that is old, swapped or short is right
 * about the names of shards, and tensors are found in them by their own.
 */
#include "checkpoint/shards.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "common/jsonfile.h"

/* A name of this folder, and of no other one. */
static bool is_base_name(const char *name)
{
    return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Opens the shard of that name if it is new; `shards` maps names to indices of files. */
static pln_status open_shard(struct ckpt_shards *s, json_t *shards, const char *name, pln_error *error)
{
    char path[PATH_MAX];
    const char *slash = strrchr(s->index, '/');
    if (json_object_get(shards, name))
        return PLN_OK;
    if (!is_base_name(name))
        return pln_fail(error, PLN_BAD_MODEL, "%s: shard '%.200s' is not inside the folder", s->index, name);
    if (snprintf(path, PATH_MAX, "%.*s%s", slash ? (int)(slash - s->index) + 1 : 0, s->index, name) >= PATH_MAX)
        return pln_fail(error, PLN_BAD_MODEL, "%s: the path of shard '%.100s' is too long", s->index, name);
    const pln_status status = ckpt_tensors_open(path, 0, &s->files[s->n_files], error);
    if (status != PLN_OK)
        return status;
    if (json_object_set_new(shards, name, json_integer((json_int_t)s->n_files++)) != 0)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory", path);
    return PLN_OK;
}

static pln_status open_files(struct ckpt_shards *s, json_t *shards, pln_error *error)
{
    const char *name;
    json_t *shard;
    json_object_foreach(s->map, name, shard)
    {
        if (!json_is_string(shard))
            return pln_fail(error, PLN_BAD_MODEL, "%s: tensor '%s': its shard is not a string", s->index, name);
        const pln_status status = open_shard(s, shards, json_string_value(shard), error);
        if (status != PLN_OK)
            return status;
    }
    return s->n_files ? PLN_OK : pln_fail(error, PLN_BAD_MODEL, "%s: its weight_map names no shard", s->index);
}

/* Where the index says that a tensor lies; NULL if it does not lie there. */
static const pln_tensor *find_indexed(const struct ckpt_shards *s, json_t *shards, const char *name)
{
    const json_t *file = json_object_get(shards, json_string_value(json_object_get(s->map, name)));
    return file ? ckpt_tensors_find(s->files[json_integer_value(file)], name) : NULL;
}

/* Indexes of TensorFlow have the model's name before each tensor's, and its shards have not: these are the names in the
 * index without it. */
static json_t *without_model(json_t *map)
{
    const char *name;
    json_t *shard;
    json_t *shorter = json_object();
    json_object_foreach(map, name, shard)
    {
        const char *slash = strchr(name, '/');
        if (slash && json_object_set(shorter, slash + 1, shard) != 0) {
            json_decref(shorter);
            return NULL;
        }
    }
    return shorter;
}

/* How many of the names in the index are tensors of the shards that it says. */
static size_t count_right(const struct ckpt_shards *s, json_t *shards, json_t *map)
{
    const char *name;
    json_t *shard;
    size_t n = 0;
    json_object_foreach(map, name, shard)
    {
        const json_t *file = json_object_get(shards, json_string_value(shard));
        n += file && ckpt_tensors_find(s->files[json_integer_value(file)], name);
    }
    return n;
}

/* The map whose names are those of the shards. */
static pln_status choose_map(struct ckpt_shards *s, json_t *shards, pln_error *error)
{
    json_t *shorter = without_model(s->map);
    if (!shorter)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory", s->index);
    if (count_right(s, shards, shorter) > count_right(s, shards, s->map)) {
        json_decref(s->map);
        s->map = json_incref(shorter);
    }
    json_decref(shorter);
    return PLN_OK;
}

/* What the index says of names that it has right is taken from where it says; of all others, what a shard holds. A
 * tensor in two shards that the index has wrong is the first's. Counts the names where index and shards differ. */
static pln_status take_tensors(struct ckpt_shards *s, json_t *shards, pln_error *error)
{
    json_t *seen = json_object();
    size_t room = 0;
    for (uint32_t i = 0; i < s->n_files; i++) {
        uint32_t n;
        ckpt_tensors(s->files[i], &n);
        room += n;
    }
    s->tensors = calloc(room + 1, sizeof *s->tensors);
    bool good = seen && s->tensors;
    for (uint32_t i = 0, n; i < s->n_files; i++) {
        const pln_tensor *all = ckpt_tensors(s->files[i], &n);
        for (uint32_t j = 0; good && j < n; j++) {
            if (json_object_get(seen, all[j].name))
                continue;
            const pln_tensor *indexed = find_indexed(s, shards, all[j].name);
            good = json_object_set_new(seen, all[j].name, json_true()) == 0;
            s->tensors[s->count++] = indexed ? indexed : &all[j];
            s->wrong += !indexed;
        }
    }
    const char *name;
    json_t *shard;
    json_object_foreach(s->map, name, shard) s->wrong += good && !json_object_get(seen, name);
    json_decref(seen);
    return good ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "%s: no memory for %zu tensors", s->index, room);
}

static pln_status open_mapped(struct ckpt_shards *s, pln_error *error)
{
    pln_status status = PLN_OK;
    json_t *shards = json_object();
    s->files = calloc(json_object_size(s->map) + 1, sizeof *s->files); /* at most one file a tensor */
    if (!s->files || !shards)
        status = pln_fail(error, PLN_NO_MEMORY, "%s: no memory", s->index);
    if (status == PLN_OK)
        status = open_files(s, shards, error);
    if (status == PLN_OK)
        status = choose_map(s, shards, error);
    if (status == PLN_OK)
        status = take_tensors(s, shards, error);
    json_decref(shards);
    return status;
}

pln_status ckpt_shards_open(const char *index, struct ckpt_shards *shards, pln_error *error)
{
    json_t *text = NULL;
    *shards = (struct ckpt_shards){.index = index};
    pln_status status = jsonfile_load(index, JSONFILE_LIMIT, &text, error);
    if (status != PLN_OK)
        return status;
    json_t *map = json_object_get(text, "weight_map");
    shards->map = json_incref(map);
    if (json_is_object(map))
        status = open_mapped(shards, error);
    else
        status = pln_fail(error, PLN_BAD_MODEL, "%s: has no weight_map", index);
    json_decref(text);
    return status;
}
