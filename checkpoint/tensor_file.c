/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the path of a safetensors file, gives its tensors on a read-only mapping of it.
 */
#define _DEFAULT_SOURCE /* madvise: glibc's posix_madvise ignores "don't need" */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/safetensors.h"
#include "checkpoint/tensors.h"
#include "common/fail.h"
#include "common/jsontext.h"

struct pln_tensor_file {
    unsigned char *bytes; /* the mapping */
    size_t size;
    json_t *header; /* owns the names */
    pln_tensor *tensors;
    uint32_t count;
    const pln_tensor **by_name;
    void **copies; /* of data that lies unaligned in the file, one a tensor or NULL */
};

static pln_status map_file(pln_tensor_file *file, const char *path, pln_error *error)
{
    pln_status status = PLN_OK;
    struct stat about;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return pln_fail(error, pln_status_of_errno(errno, PLN_BAD_MODEL), "%s: cannot be opened: %s", path,
                        strerror(errno));
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        status = pln_fail(error, PLN_BAD_MODEL, "%s: not a regular file", path);
        goto done;
    }
    if (about.st_size < 8) {
        status = pln_fail(error, PLN_BAD_MODEL, "%s: too short for a safetensors file (%jd bytes)", path,
                          (intmax_t)about.st_size);
        goto done;
    }
    file->size = (size_t)about.st_size;
    void *bytes = mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        status = pln_fail(error, pln_status_of_errno(errno, PLN_BAD_MODEL), "%s: cannot be mapped: %s", path,
                          strerror(errno));
    else
        file->bytes = bytes;
done:
    close(fd);
    return status;
}

static pln_status read_header(pln_tensor_file *file, const char *path, uint64_t *data_begin, pln_error *error)
{
    uint64_t bytes;
    memcpy(&bytes, file->bytes, sizeof bytes);
    if (bytes > SAFETENSORS_MAX_HEADER)
        return pln_fail(error, PLN_BAD_MODEL, "%s: header of %" PRIu64 " bytes is larger than %d", path, bytes,
                        SAFETENSORS_MAX_HEADER);
    if (bytes > file->size - 8)
        return pln_fail(error, PLN_BAD_MODEL, "%s: header of %" PRIu64 " bytes in a file of %zu", path, bytes,
                        file->size);
    const char *text = (const char *)file->bytes + 8;
    json_error_t problem;
    file->header = jsontext_load(text, (size_t)bytes, JSON_REJECT_DUPLICATES, &problem);
    if (!file->header)
        return pln_fail(error, jsontext_status(&problem), "%s: header: %s", path, problem.text);
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
        if ((uintptr_t)tensor->data % pln_dtype_bytes(tensor->dtype) == 0 || !safetensors_bytes(tensor, &bytes))
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
    pln_status status = map_file(f, path, error);
    if (status == PLN_OK)
        status = read_header(f, path, &data, error);
    if (status == PLN_OK)
        status = safetensors_describe(f->header, path, f->bytes + data, f->size - data, &f->tensors, &f->count, error);
    if (status == PLN_OK)
        status = align_data(f, path, error);
    if (status == PLN_OK)
        status = sort_names(f, path, error);
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
    if (f->bytes)
        munmap(f->bytes, f->size);
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
    return json_object_get(file->header, SAFETENSORS_METADATA);
}

void ckpt_tensors_release_pages(const pln_tensor_file *file)
{
    madvise(file->bytes, file->size, MADV_DONTNEED);
}

/* The public doors: a file of tensors that a caller hands over is an argument, not a model. */

pln_status pln_tensor_file_open(const char *path, pln_tensor_file **file, pln_error *error)
{
    if (!path || !file)
        return pln_fail(error, PLN_INVALID, "pln_tensor_file_open: path and file must not be NULL");
    *file = NULL;
    const pln_status status = ckpt_tensors_open(path, file, error);
    if (status != PLN_BAD_MODEL)
        return status;
    if (error)
        error->status = PLN_INVALID;
    return PLN_INVALID;
}

void pln_tensor_file_close(pln_tensor_file **file)
{
    if (file)
        ckpt_tensors_close(file);
}

const pln_tensor *pln_tensor_file_tensors(const pln_tensor_file *file, uint32_t *count)
{
    return ckpt_tensors(file, count);
}

pln_status pln_tensor_file_write(const char *path, const pln_tensor *tensors, uint32_t count, pln_error *error)
{
    if (!path || (count && !tensors))
        return pln_fail(error, PLN_INVALID, "pln_tensor_file_write: path and tensors must not be NULL");
    return ckpt_tensors_write(path, tensors, count, NULL, 0, error);
}
