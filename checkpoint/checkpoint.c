/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a model directory, gives its config and the tensors of all its files under one roof.
 */
#include "checkpoint/checkpoint.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fail.h"
#include "common/jsonfile.h"

#define WEIGHTS "model.safetensors"
#define WEIGHTS_INDEX "model.safetensors.index.json"

struct ckpt {
    char *directory;
    json_t *config;
    pln_tensor_file **files;
    uint32_t n_files;
    const pln_tensor **tensors; /* sorted by name */
    uint32_t count;
    char *note; /* NULL: nothing to say */
};

/* Weights in formats that are not read, to be named in the error. */
static const char *const other_formats[] = {
    "pytorch_model.bin",  "pytorch_model.bin.index.json",  "tf_model.h5",   "tf_model.h5.index.json",
    "flax_model.msgpack", "flax_model.msgpack.index.json", "rust_model.ot",
};

static pln_status join(const struct ckpt *c, const char *name, char path[PATH_MAX], pln_error *error)
{
    if (snprintf(path, PATH_MAX, "%s/%s", c->directory, name) >= PATH_MAX)
        return pln_fail(error, PLN_BAD_MODEL, "%s: the path of '%.100s' in it is too long", c->directory, name);
    return PLN_OK;
}

static bool has_file(const struct ckpt *c, const char *name)
{
    char path[PATH_MAX];
    struct stat about;
    return join(c, name, path, NULL) == PLN_OK && stat(path, &about) == 0;
}

static pln_status open_config(struct ckpt *c, pln_error *error)
{
    char path[PATH_MAX];
    struct stat about;
    if (stat(c->directory, &about) != 0)
        return pln_fail(error, PLN_BAD_MODEL, "%s: %s", c->directory, strerror(errno));
    if (!S_ISDIR(about.st_mode))
        return pln_fail(error, PLN_BAD_MODEL, "%s: not a directory", c->directory);
    const pln_status status = join(c, "config.json", path, error);
    return status == PLN_OK ? jsonfile_load(path, JSONFILE_CONFIG_LIMIT, &c->config, error) : status;
}

static pln_status open_single(struct ckpt *c, pln_error *error)
{
    char path[PATH_MAX];
    pln_status status = join(c, WEIGHTS, path, error);
    c->files = calloc(1, sizeof *c->files);
    if (status == PLN_OK && !c->files)
        status = pln_fail(error, PLN_NO_MEMORY, "%s: no memory", path);
    if (status == PLN_OK)
        status = ckpt_tensors_open(path, 0, &c->files[0], error);
    if (status != PLN_OK)
        return status;
    c->n_files = 1;
    const pln_tensor *all = ckpt_tensors(c->files[0], &c->count);
    c->tensors = calloc((size_t)c->count + 1, sizeof *c->tensors);
    if (!c->tensors)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory", path);
    for (uint32_t i = 0; i < c->count; i++)
        c->tensors[i] = &all[i];
    return PLN_OK;
}

/* Relative, and never above the folder. */
static bool stays_inside(const char *name)
{
    if (!*name || *name == '/')
        return false;
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || !part[2]))
            return false;
    }
    return true;
}

/* Opens the shard of that name if it is new; `shards` maps names to indices of files. */
static pln_status open_shard(struct ckpt *c, json_t *shards, const char *name, pln_error *error)
{
    char path[PATH_MAX];
    if (json_object_get(shards, name))
        return PLN_OK;
    if (!stays_inside(name))
        return pln_fail(error, PLN_BAD_MODEL, "%s/" WEIGHTS_INDEX ": shard '%.200s' is not inside the folder",
                        c->directory, name);
    pln_status status = join(c, name, path, error);
    if (status == PLN_OK)
        status = ckpt_tensors_open(path, 0, &c->files[c->n_files], error);
    if (status != PLN_OK)
        return status;
    if (json_object_set_new(shards, name, json_integer((json_int_t)c->n_files++)) != 0)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory", path);
    return PLN_OK;
}

static pln_status open_shards(struct ckpt *c, json_t *map, json_t *shards, const char *index, pln_error *error)
{
    const char *name;
    json_t *shard;
    json_object_foreach(map, name, shard)
    {
        if (!json_is_string(shard))
            return pln_fail(error, PLN_BAD_MODEL, "%s: tensor '%s': its shard is not a string", index, name);
        const pln_status status = open_shard(c, shards, json_string_value(shard), error);
        if (status != PLN_OK)
            return status;
    }
    return c->n_files ? PLN_OK : pln_fail(error, PLN_BAD_MODEL, "%s: its weight_map names no shard", index);
}

/* Where the index says that a tensor lies; NULL if it does not lie there. */
static const pln_tensor *find_indexed(const struct ckpt *c, json_t *map, json_t *shards, const char *name)
{
    const json_t *file = json_object_get(shards, json_string_value(json_object_get(map, name)));
    return file ? ckpt_tensors_find(c->files[json_integer_value(file)], name) : NULL;
}

/* What the index says of names that it has right is taken from where it says; of all others, what a shard holds. A
 * tensor in two shards that the index has wrong is the first's. Counts the names where index and shards differ. */
static pln_status take_tensors(struct ckpt *c, json_t *map, json_t *shards, uint32_t *wrong, pln_error *error)
{
    json_t *seen = json_object();
    size_t room = 0;
    for (uint32_t i = 0; i < c->n_files; i++) {
        uint32_t n;
        ckpt_tensors(c->files[i], &n);
        room += n;
    }
    c->tensors = calloc(room + 1, sizeof *c->tensors);
    bool good = seen && c->tensors;
    for (uint32_t i = 0, n; i < c->n_files; i++) {
        const pln_tensor *all = ckpt_tensors(c->files[i], &n);
        for (uint32_t j = 0; good && j < n; j++) {
            if (json_object_get(seen, all[j].name))
                continue;
            const pln_tensor *indexed = find_indexed(c, map, shards, all[j].name);
            good = json_object_set_new(seen, all[j].name, json_true()) == 0;
            c->tensors[c->count++] = indexed ? indexed : &all[j];
            *wrong += !indexed;
        }
    }
    const char *name;
    json_t *shard;
    json_object_foreach(map, name, shard) *wrong += good && !json_object_get(seen, name);
    json_decref(seen);
    return good ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "%s: no memory for %zu tensors", c->directory, room);
}

static pln_status note_index(struct ckpt *c, const char *index, uint32_t wrong, pln_error *error)
{
    const size_t bytes = strlen(index) + 128;
    c->note = malloc(bytes);
    if (!c->note)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory", index);
    snprintf(c->note, bytes, "%s is wrong about %u tensors: they are looked for in all shards that it names", index,
             wrong);
    return PLN_OK;
}

static pln_status open_mapped(struct ckpt *c, json_t *map, const char *index, pln_error *error)
{
    pln_status status = PLN_OK;
    uint32_t wrong = 0;
    json_t *shards = json_object();
    c->files = calloc(json_object_size(map) + 1, sizeof *c->files); /* at most one file a tensor */
    if (!c->files || !shards)
        status = pln_fail(error, PLN_NO_MEMORY, "%s: no memory", index);
    if (status == PLN_OK)
        status = open_shards(c, map, shards, index, error);
    if (status == PLN_OK)
        status = take_tensors(c, map, shards, &wrong, error);
    json_decref(shards);
    return status == PLN_OK && wrong ? note_index(c, index, wrong, error) : status;
}

static pln_status open_sharded(struct ckpt *c, pln_error *error)
{
    char path[PATH_MAX];
    json_t *index = NULL;
    pln_status status = join(c, WEIGHTS_INDEX, path, error);
    if (status == PLN_OK)
        status = jsonfile_load(path, JSONFILE_LIMIT, &index, error);
    if (status != PLN_OK)
        return status;
    json_t *map = json_object_get(index, "weight_map");
    if (json_is_object(map))
        status = open_mapped(c, map, path, error);
    else
        status = pln_fail(error, PLN_BAD_MODEL, "%s: has no weight_map", path);
    json_decref(index);
    return status;
}

static pln_status open_weights(struct ckpt *c, uint32_t flags, pln_error *error)
{
    if (has_file(c, WEIGHTS))
        return open_single(c, error);
    if (has_file(c, WEIGHTS_INDEX))
        return open_sharded(c, error);
    if (flags & CKPT_MAY_LACK_WEIGHTS)
        return PLN_OK;
    for (size_t i = 0; i < sizeof other_formats / sizeof *other_formats; i++) {
        if (has_file(c, other_formats[i]))
            return pln_fail(error, PLN_BAD_MODEL, "%s: holds %s, but only safetensors is read: save the model as %s",
                            c->directory, other_formats[i], WEIGHTS);
    }
    return pln_fail(error, PLN_BAD_MODEL, "%s: holds neither " WEIGHTS " nor " WEIGHTS_INDEX, c->directory);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const pln_tensor *const *)a)->name, (*(const pln_tensor *const *)b)->name);
}

pln_status ckpt_open(const char *directory, uint32_t flags, struct ckpt **checkpoint, pln_error *error)
{
    pln_status status = PLN_OK;
    if (!*directory)
        return pln_fail(error, PLN_INVALID, "the path of a model directory is empty");
    struct ckpt *c = calloc(1, sizeof *c);
    if (!c || !(c->directory = strdup(directory)))
        status = pln_fail(error, PLN_NO_MEMORY, "%s: no memory", directory);
    if (status == PLN_OK)
        status = open_config(c, error);
    if (status == PLN_OK)
        status = open_weights(c, flags, error);
    if (status != PLN_OK) {
        ckpt_close(&c);
        return status;
    }
    if (c->count)
        qsort(c->tensors, c->count, sizeof *c->tensors, by_name);
    *checkpoint = c;
    return PLN_OK;
}

void ckpt_close(struct ckpt **checkpoint)
{
    struct ckpt *c = *checkpoint;
    if (!c)
        return;
    for (uint32_t i = 0; i < c->n_files; i++)
        ckpt_tensors_close(&c->files[i]);
    free(c->files);
    free(c->tensors);
    free(c->note);
    json_decref(c->config);
    free(c->directory);
    free(c);
    *checkpoint = NULL;
}

const char *ckpt_note(const struct ckpt *checkpoint)
{
    return checkpoint->note;
}

pln_status ckpt_check(const struct ckpt *checkpoint, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < checkpoint->n_files; i++)
        status = ckpt_tensors_check(checkpoint->files[i], error);
    return status;
}

void ckpt_tensor_type(const struct ckpt *checkpoint, const pln_tensor *tensor, char *text, size_t bytes)
{
    for (uint32_t i = 0; i < checkpoint->n_files; i++)
        if (ckpt_tensors_type(checkpoint->files[i], tensor, text, bytes))
            return;
    snprintf(text, bytes, "%s", pln_dtype_string(tensor->dtype));
}

const char *ckpt_directory(const struct ckpt *checkpoint)
{
    return checkpoint->directory;
}

const json_t *ckpt_config(const struct ckpt *checkpoint)
{
    return checkpoint->config;
}

bool ckpt_has_weights(const struct ckpt *checkpoint)
{
    return checkpoint->n_files > 0;
}

uint32_t ckpt_count(const struct ckpt *checkpoint)
{
    return checkpoint->count;
}

const pln_tensor *ckpt_tensor(const struct ckpt *checkpoint, uint32_t index)
{
    return checkpoint->tensors[index];
}

const pln_tensor *ckpt_find(const struct ckpt *checkpoint, const char *name)
{
    const pln_tensor key = {.name = name}, *wanted = &key;
    if (!checkpoint->count)
        return NULL;
    const pln_tensor **found = bsearch(&wanted, checkpoint->tensors, checkpoint->count, sizeof wanted, by_name);
    return found ? *found : NULL;
}

void ckpt_release_pages(const struct ckpt *checkpoint)
{
    for (uint32_t i = 0; i < checkpoint->n_files; i++)
        ckpt_tensors_release_pages(checkpoint->files[i]);
}
