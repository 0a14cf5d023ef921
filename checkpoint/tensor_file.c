/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the path of a file of weights, gives its tensors by the format that its bytes are of.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/content.h"
#include "checkpoint/tensors.h"
#include "common/door.h"
#include "common/mapped.h"
#include "common/regular.h"

struct pln_tensor_file {
    char *path;
    const struct ckpt_format *format;
    struct ckpt_content content;
    const pln_tensor **by_name;
    void **copies; /* of data that lies unaligned in the file, one a tensor or NULL; NULL: none was asked for */
};

static const struct ckpt_format *const formats[] = {
#define FORMAT(name) &ckpt_format_##name,
#include "checkpoint/formats.def"
#undef FORMAT
};

/* What people confuse with weights is said as what it is. */
static pln_status find_format(pln_tensor_file *file, pln_error *error)
{
    const struct ckpt_content *c = &file->content;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i]->sniff(c->bytes, c->size)) {
            file->format = formats[i];
            return PLN_OK;
        }
    const char *kind = regular_kind(c->bytes, c->size < 512 ? c->size : 512);
    if (kind)
        return pln_fail(error, PLN_BAD_MODEL, "%s: not a file of weights, but %s", file->path, kind);
    if (c->size < 9)
        return pln_fail(error, PLN_BAD_MODEL, "%s: too short for a file of weights (%zu bytes)", file->path, c->size);
    return pln_fail(error, PLN_BAD_MODEL, "%s: not a file of weights in a format that is known", file->path);
}

/* Files may put f32 at odd addresses; who reads a tensor by its address may not meet it there. */
static pln_status align_data(pln_tensor_file *file, pln_error *error)
{
    struct ckpt_content *c = &file->content;
    file->copies = calloc(c->count + 1, sizeof *file->copies);
    if (!file->copies)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory", file->path);
    for (uint32_t i = 0; i < c->count; i++) {
        pln_tensor *tensor = &c->tensors[i];
        uint64_t bytes;
        const size_t element = pln_dtype_bytes(tensor->dtype);
        if (!element || (uintptr_t)tensor->data % element == 0 || !ckpt_tensor_bytes(tensor, &bytes))
            continue;
        file->copies[i] = malloc(bytes + 1);
        if (!file->copies[i])
            return pln_fail(error, PLN_NO_MEMORY, "%s: tensor '%s': no memory for an aligned copy", file->path,
                            tensor->name);
        memcpy(file->copies[i], tensor->data, bytes);
        tensor->data = file->copies[i];
    }
    return PLN_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const pln_tensor *const *)a)->name, (*(const pln_tensor *const *)b)->name);
}

static pln_status sort_names(pln_tensor_file *file, pln_error *error)
{
    const struct ckpt_content *c = &file->content;
    file->by_name = calloc(c->count + 1, sizeof *file->by_name);
    if (!file->by_name)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory", file->path);
    for (uint32_t i = 0; i < c->count; i++)
        file->by_name[i] = &c->tensors[i];
    qsort(file->by_name, c->count, sizeof *file->by_name, by_name);
    for (uint32_t i = 1; i < c->count; i++)
        if (strcmp(file->by_name[i - 1]->name, file->by_name[i]->name) == 0)
            return pln_fail(error, PLN_BAD_MODEL, "%s: two tensors have the name '%s'", file->path,
                            file->by_name[i]->name);
    return PLN_OK;
}

static pln_status open_content(pln_tensor_file *file, uint32_t flags, pln_error *error)
{
    pln_status status = find_format(file, error);
    if (status == PLN_OK)
        status = file->format->open(&file->content, error);
    if (status == PLN_OK && flags & CKPT_ALIGNED)
        status = align_data(file, error);
    if (status == PLN_OK)
        status = sort_names(file, error);
    if (status != PLN_NO_MEMORY) /* what was wrong may have been that a file was cut meanwhile */
        status = ckpt_content_check(&file->content, error) == PLN_OK ? status : PLN_BAD_MODEL;
    return status;
}

pln_status ckpt_tensors_open(const char *path, uint32_t flags, pln_tensor_file **file, pln_error *error)
{
    pln_tensor_file *f = calloc(1, sizeof *f);
    if (!f || !(f->path = strdup(path))) {
        free(f);
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory", path);
    }
    pln_status status = ckpt_content_init(&f->content, f->path, error);
    if (status == PLN_OK)
        status = open_content(f, flags, error);
    if (status == PLN_OK)
        *file = f;
    else
        ckpt_tensors_close(&f);
    return status;
}

void ckpt_tensors_close(pln_tensor_file **file)
{
    pln_tensor_file *f = *file;
    if (!f)
        return;
    for (uint32_t i = 0; f->copies && i < f->content.count; i++)
        free(f->copies[i]);
    free(f->copies);
    free(f->by_name);
    ckpt_content_finish(&f->content);
    free(f->path);
    free(f);
    *file = NULL;
}

const pln_tensor *ckpt_tensors(const pln_tensor_file *file, uint32_t *count)
{
    *count = file->content.count;
    return file->content.tensors;
}

const pln_tensor *ckpt_tensors_find(const pln_tensor_file *file, const char *name)
{
    const pln_tensor key = {.name = name}, *wanted = &key;
    const pln_tensor **found = bsearch(&wanted, file->by_name, file->content.count, sizeof *file->by_name, by_name);
    return found ? *found : NULL;
}

const json_t *ckpt_tensors_metadata(const pln_tensor_file *file)
{
    return file->content.metadata;
}

const char *ckpt_tensors_format(const pln_tensor_file *file)
{
    return file->format->name;
}

const char *ckpt_tensors_path(const pln_tensor_file *file)
{
    return file->path;
}

bool ckpt_tensors_read(const pln_tensor_file *file, const char *path)
{
    bool read = strcmp(file->path, path) == 0;
    for (uint32_t i = 0; !read && i < file->content.n_parts; i++)
        read = strcmp(mapped_path(file->content.parts[i]), path) == 0;
    return read;
}

const char *ckpt_tensors_note(const pln_tensor_file *file)
{
    return file->content.note;
}

pln_status ckpt_tensors_check(const pln_tensor_file *file, pln_error *error)
{
    return ckpt_content_check(&file->content, error);
}

pln_status ckpt_tensors_verify(const pln_tensor_file *file, const pln_tensor *tensor, pln_error *error)
{
    const struct ckpt_content *c = &file->content;
    const bool own = c->count && tensor >= c->tensors && tensor < c->tensors + c->count;
    return own && file->format->verify ? file->format->verify(c, (uint32_t)(tensor - c->tensors), error) : PLN_OK;
}

bool ckpt_tensors_type(const pln_tensor_file *file, const pln_tensor *tensor, char *text, size_t bytes)
{
    const struct ckpt_content *c = &file->content;
    if (!c->count || tensor < c->tensors || tensor >= c->tensors + c->count)
        return false;
    const char *type = c->types[tensor - c->tensors];
    snprintf(text, bytes, "%s", type ? type : pln_dtype_string(tensor->dtype));
    return true;
}

void ckpt_tensors_release_pages(const pln_tensor_file *file)
{
    ckpt_content_release_pages(&file->content);
}

/* The public doors: a file of tensors that a caller hands over is an argument, not a model. */

static pln_status as_argument(pln_status status, pln_error *error)
{
    if (status != PLN_BAD_MODEL)
        return status;
    if (error)
        error->status = PLN_INVALID;
    return PLN_INVALID;
}

pln_status pln_tensor_file_open(const char *path, pln_tensor_file **file, pln_error *error)
{
    NEED(error, file);
    *file = NULL;
    NEED(error, path);
    return as_argument(ckpt_tensors_open(path, CKPT_ALIGNED, file, error), error);
}

pln_status pln_tensor_file_check(const pln_tensor_file *file, pln_error *error)
{
    NEED(error, file);
    return as_argument(ckpt_tensors_check(file, error), error);
}

void pln_tensor_file_close(pln_tensor_file **file)
{
    if (file)
        ckpt_tensors_close(file);
}

const pln_tensor *pln_tensor_file_tensors(const pln_tensor_file *file, uint32_t *n_tensors)
{
    return file && n_tensors ? ckpt_tensors(file, n_tensors) : NULL;
}

pln_status pln_tensor_file_write(const char *path, const pln_tensor *tensors, uint32_t n_tensors, pln_error *error)
{
    NEED(error, path);
    const pln_status status = door_tensors(__func__, tensors, n_tensors, error);
    if (status != PLN_OK)
        return status;
    return ckpt_tensors_write(path, tensors, n_tensors, NULL, 0, error);
}
