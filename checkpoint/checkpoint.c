/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a model directory, gives its config and the tensors of all its files under one roof.
 */
#include "checkpoint/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/find.h"
#include "checkpoint/lost.h"
#include "checkpoint/shards.h"
#include "common/fail.h"
#include "common/jsonfile.h"
#include "common/notes.h"

struct ckpt {
    char *directory, *weights; /* the file or the index that was read; NULL: none */
    json_t *config;
    bool has_config;
    enum ckpt_found_by found_by;
    pln_tensor_file **files;
    uint32_t n_files;
    json_t *map;                /* of an index; NULL: there is none */
    const pln_tensor **tensors; /* sorted by name */
    uint32_t count;
    char *note; /* NULL: nothing to say */
};

static pln_status no_memory(const struct ckpt *c, pln_error *error)
{
    return pln_fail(error, PLN_NO_MEMORY, "%s: no memory", c->directory);
}

static pln_status add_note(struct ckpt *c, const char *text, pln_error *error)
{
    return notes_add(&c->note, "; ", text) ? PLN_OK : no_memory(c, error);
}

/* A directory of weights may lack it: what it would say is in the shapes of the tensors. */
static pln_status open_config(struct ckpt *c, pln_error *error)
{
    char path[PATH_MAX];
    if (snprintf(path, PATH_MAX, "%s/config.json", c->directory) >= PATH_MAX)
        return pln_fail(error, PLN_BAD_MODEL, "%s: the path is too long", c->directory);
    const bool there = access(path, F_OK) == 0;
    if (!there && !c->weights && ckpt_say_folders(c->directory, error) != PLN_OK)
        return PLN_BAD_MODEL;
    c->has_config = there || !c->weights;
    if (c->has_config)
        return jsonfile_load(path, JSONFILE_CONFIG_LIMIT, &c->config, error);
    c->config = json_object();
    return c->config ? PLN_OK : no_memory(c, error);
}

static pln_status open_single(struct ckpt *c, pln_error *error)
{
    c->files = calloc(1, sizeof *c->files);
    if (!c->files)
        return no_memory(c, error);
    const pln_status status = ckpt_tensors_open(c->weights, 0, &c->files[0], error);
    if (status != PLN_OK)
        return status;
    c->n_files = 1;
    const pln_tensor *all = ckpt_tensors(c->files[0], &c->count);
    c->tensors = calloc((size_t)c->count + 1, sizeof *c->tensors);
    if (!c->tensors)
        return no_memory(c, error);
    for (uint32_t i = 0; i < c->count; i++)
        c->tensors[i] = &all[i];
    return PLN_OK;
}

static pln_status open_sharded(struct ckpt *c, pln_error *error)
{
    struct ckpt_shards shards;
    char text[PATH_MAX + 128];
    const pln_status status = ckpt_shards_open(c->weights, &shards, error);
    c->files = shards.files;
    c->n_files = shards.n_files;
    c->map = shards.map;
    c->tensors = shards.tensors;
    c->count = shards.count;
    if (status != PLN_OK || !shards.wrong)
        return status;
    snprintf(text, sizeof text, "%s is wrong about %u tensors: they are looked for in all shards that it names",
             c->weights, shards.wrong);
    return add_note(c, text, error);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const pln_tensor *const *)a)->name, (*(const pln_tensor *const *)b)->name);
}

static pln_status open_weights(struct ckpt *c, pln_error *error)
{
    pln_status status = c->found_by == CKPT_BY_INDEX ? open_sharded(c, error) : open_single(c, error);
    for (uint32_t i = 0; status == PLN_OK && i < c->n_files; i++)
        if (ckpt_tensors_note(c->files[i]))
            status = add_note(c, ckpt_tensors_note(c->files[i]), error);
    if (status == PLN_OK && c->count)
        qsort(c->tensors, c->count, sizeof *c->tensors, by_name);
    return status;
}

/* Where the directory and its weights are; weights NULL: it holds none. */
static pln_status find(struct ckpt *c, const char *model, const char *chosen, pln_error *error)
{
    char directory[PATH_MAX], file[PATH_MAX], path[PATH_MAX];
    pln_status status = ckpt_find_model(model, directory, file, error);
    if (status != PLN_OK)
        return status;
    /* A file in the working directory is chosen by a path all the same. */
    if (*file && !strchr(file, '/') && snprintf(path, sizeof path, "./%s", file) < PATH_MAX)
        snprintf(file, sizeof file, "%s", path);
    status = ckpt_find_weights(directory, chosen && *chosen ? chosen : file, path, &c->found_by, error);
    c->directory = strdup(directory);
    c->weights = status == PLN_OK && *path ? strdup(path) : NULL;
    if (status == PLN_OK && (!c->directory || (*path && !c->weights)))
        status = pln_fail(error, PLN_NO_MEMORY, "%s: no memory", model);
    return status;
}

static pln_status open_model(struct ckpt *c, const char *model, const char *weights, uint32_t flags, pln_error *error)
{
    pln_status status = find(c, model, weights, error);
    if (status == PLN_OK)
        status = open_config(c, error);
    if (status == PLN_OK && c->weights)
        status = open_weights(c, error);
    if (status == PLN_OK && !c->weights && !(flags & CKPT_MAY_LACK_WEIGHTS))
        status = ckpt_say_no_weights(c->directory, error);
    return status;
}

pln_status ckpt_open(const char *model, const char *weights, uint32_t flags, struct ckpt **checkpoint, pln_error *error)
{
    if (!*model)
        return pln_fail(error, PLN_INVALID, "the path of a model directory is empty");
    struct ckpt *c = calloc(1, sizeof *c);
    if (!c)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory", model);
    const pln_status status = open_model(c, model, weights, flags, error);
    if (status == PLN_OK)
        *checkpoint = c;
    else
        ckpt_close(&c);
    return status;
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
    json_decref(c->map);
    json_decref(c->config);
    free(c->directory);
    free(c->weights);
    free(c);
    *checkpoint = NULL;
}

pln_status ckpt_generation_config(const struct ckpt *c, json_t **config, pln_error *error)
{
    char path[PATH_MAX];
    *config = NULL;
    if (snprintf(path, PATH_MAX, "%s/" CKPT_GENERATION_CONFIG, c->directory) >= PATH_MAX)
        return pln_fail(error, PLN_BAD_MODEL, "%s: the path is too long", c->directory);
    return access(path, F_OK) == 0 ? jsonfile_load(path, JSONFILE_CONFIG_LIMIT, config, error) : PLN_OK;
}

bool ckpt_has_config(const struct ckpt *checkpoint)
{
    return checkpoint->has_config;
}

bool ckpt_reads(const struct ckpt *checkpoint, const char *path)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    if (strcmp(name, "config.json") == 0)
        return checkpoint->has_config;
    if (strcmp(name, "checkpoint") == 0 && checkpoint->found_by == CKPT_BY_LATEST)
        return true;
    for (uint32_t i = 0; i < checkpoint->n_files; i++)
        if (ckpt_tensors_read(checkpoint->files[i], path))
            return true;
    return checkpoint->weights && strcmp(checkpoint->weights, path) == 0;
}

const char *ckpt_weights(const struct ckpt *checkpoint)
{
    return checkpoint->weights;
}

const pln_tensor_file *ckpt_file(const struct ckpt *checkpoint, uint32_t index)
{
    return index < checkpoint->n_files ? checkpoint->files[index] : NULL;
}

bool ckpt_promises(const struct ckpt *checkpoint, const char *name)
{
    return json_object_get(checkpoint->map, name) && !ckpt_find(checkpoint, name);
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

pln_status ckpt_verify(const struct ckpt *checkpoint, const pln_tensor *tensor, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; i < checkpoint->n_files && status == PLN_OK; i++)
        status = ckpt_tensors_verify(checkpoint->files[i], tensor, error);
    return status;
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
