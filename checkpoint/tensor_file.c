/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the path of a safetensors file, gives its tensors on a read-only mapping of it.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/safetensors.h"
#include "checkpoint/tensors.h"
#include "common/door.h"
#include "common/jsonfile.h"
#include "common/mapped.h"
#include "common/regular.h"

struct pln_tensor_file {
    struct mapped *mapped;
    const unsigned char *bytes; /* the mapping */
    size_t size;
    json_t *header; /* owns the names */
    pln_tensor *tensors;
    uint32_t count;
    const pln_tensor **by_name;
    void **copies; /* of data that lies unaligned in the file, one a tensor or NULL */
};

/* Something else under the name is said as what it is. */
static pln_status check_kind(const pln_tensor_file *file, const char *path, uint64_t header, pln_error *error)
{
    if (file->size > 8 && header <= SAFETENSORS_MAX_HEADER && header <= file->size - 8 && file->bytes[8] == '{')
        return PLN_OK;
    const char *kind = regular_kind(file->bytes, file->size < 512 ? file->size : 512);
    if (kind)
        return pln_fail(error, PLN_BAD_MODEL, "%s: not a safetensors file, but %s", path, kind);
    if (file->size < 8)
        return pln_fail(error, PLN_BAD_MODEL, "%s: too short for a safetensors file (%zu bytes)", path, file->size);
    if (header > SAFETENSORS_MAX_HEADER)
        return pln_fail(error, PLN_BAD_MODEL, "%s: header of %" PRIu64 " bytes is larger than %d", path, header,
                        SAFETENSORS_MAX_HEADER);
    if (header > file->size - 8)
        return pln_fail(error, PLN_BAD_MODEL, "%s: header of %" PRIu64 " bytes in a file of %zu", path, header,
                        file->size);
    return PLN_OK;
}

static pln_status read_header(pln_tensor_file *file, const char *path, uint64_t *data_begin, pln_error *error)
{
    uint64_t bytes = 0;
    char where[PATH_MAX + 16];
    memcpy(&bytes, file->bytes, file->size < sizeof bytes ? file->size : sizeof bytes);
    pln_status status = check_kind(file, path, bytes, error);
    if (status != PLN_OK)
        return status;
    snprintf(where, sizeof where, "%s: header", path);
    const char *text = (const char *)file->bytes + 8;
    status = jsonfile_parse(text, (size_t)bytes, JSON_REJECT_DUPLICATES, where, &file->header, error);
    if (status != PLN_OK)
        return status;
    if (!json_is_object(file->header))
        return pln_fail(error, PLN_BAD_MODEL, "%s: header is not a JSON object", path);
    *data_begin = 8 + bytes;
    return PLN_OK;
}

/* Files may put f32 at odd addresses; kernels may not read it there. */
static pln_status align_data(pln_tensor_file *file, const char *path, pln_error *error)
{
    file->copies = calloc(file->count + 1, sizeof *file->copies);
    if (!file->copies)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory", path);
    for (uint32_t i = 0; i < file->count; i++) {
        pln_tensor *tensor = &file->tensors[i];
        uint64_t bytes;
        const size_t element = pln_dtype_bytes(tensor->dtype);
        if (!element || (uintptr_t)tensor->data % element == 0 || !safetensors_bytes(tensor, &bytes))
            continue;
        file->copies[i] = malloc(bytes + 1);
        if (!file->copies[i])
            return pln_fail(error, PLN_NO_MEMORY, "%s: tensor '%s': no memory for an aligned copy", path, tensor->name);
        memcpy(file->copies[i], tensor->data, bytes);
        tensor->data = file->copies[i];
    }
    return PLN_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const pln_tensor *const *)a)->name, (*(const pln_tensor *const *)b)->name);
}

static pln_status sort_names(pln_tensor_file *file, const char *path, pln_error *error)
{
    file->by_name = calloc(file->count + 1, sizeof *file->by_name);
    if (!file->by_name)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory", path);
    for (uint32_t i = 0; i < file->count; i++)
        file->by_name[i] = &file->tensors[i];
    qsort(file->by_name, file->count, sizeof *file->by_name, by_name);
    return PLN_OK;
}

pln_status ckpt_tensors_open(const char *path, pln_tensor_file **file, pln_error *error)
{
    uint64_t data = 0;
    pln_tensor_file *f = calloc(1, sizeof *f);
    if (!f)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory", path);
    pln_status status = mapped_open(path, &f->mapped, error);
    if (status == PLN_OK) {
        f->bytes = mapped_bytes(f->mapped, &f->size);
        status = read_header(f, path, &data, error);
    }
    if (status == PLN_OK)
        status = safetensors_describe(f->header, path, f->bytes + data, f->size - data, &f->tensors, &f->count, error);
    if (status == PLN_OK)
        status = align_data(f, path, error);
    if (status == PLN_OK)
        status = sort_names(f, path, error);
    if (f->mapped && status != PLN_NO_MEMORY) /* what was wrong may have been that the file was cut meanwhile */
        status = mapped_check(f->mapped, error) == PLN_OK ? status : PLN_BAD_MODEL;
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
    for (uint32_t i = 0; f->copies && i < f->count; i++)
        free(f->copies[i]);
    free(f->copies);
    free(f->by_name);
    free(f->tensors);
    json_decref(f->header);
    mapped_close(&f->mapped);
    free(f);
    *file = NULL;
}

const pln_tensor *ckpt_tensors(const pln_tensor_file *file, uint32_t *count)
{
    *count = file->count;
    return file->tensors;
}

const pln_tensor *ckpt_tensors_find(const pln_tensor_file *file, const char *name)
{
    const pln_tensor key = {.name = name}, *wanted = &key;
    const pln_tensor **found = bsearch(&wanted, file->by_name, file->count, sizeof *file->by_name, by_name);
    return found ? *found : NULL;
}

const json_t *ckpt_tensors_metadata(const pln_tensor_file *file)
{
    const json_t *metadata = json_object_get(file->header, SAFETENSORS_METADATA);
    return json_is_object(metadata) ? metadata : NULL;
}

pln_status ckpt_tensors_check(const pln_tensor_file *file, pln_error *error)
{
    return mapped_check(file->mapped, error);
}

bool ckpt_tensors_type(const pln_tensor_file *file, const pln_tensor *tensor, char *text, size_t bytes)
{
    if (tensor < file->tensors || tensor >= file->tensors + file->count)
        return false;
    const json_t *entry = json_object_get(file->header, tensor->name);
    const size_t rank = json_array_size(json_object_get(entry, "shape"));
    snprintf(text, bytes, "%.40s of %zu dimensions", json_string_value(json_object_get(entry, "dtype")), rank);
    return true;
}

void ckpt_tensors_release_pages(const pln_tensor_file *file)
{
    mapped_release_pages(file->mapped);
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
    return as_argument(ckpt_tensors_open(path, file, error), error);
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

const pln_tensor *pln_tensor_file_tensors(const pln_tensor_file *file, uint32_t *count)
{
    return file && count ? ckpt_tensors(file, count) : NULL;
}

pln_status pln_tensor_file_write(const char *path, const pln_tensor *tensors, uint32_t count, pln_error *error)
{
    NEED(error, path);
    const pln_status status = door_tensors(__func__, tensors, count, error);
    if (status != PLN_OK)
        return status;
    return ckpt_tensors_write(path, tensors, count, NULL, 0, error);
}
