/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes tensors, gives a safetensors file: the whole file or nothing.
 */
#define _XOPEN_SOURCE 700 /* realpath */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/format.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/tensors.h"
#include "common/fail.h"
#include "common/jsontext.h"
#include "common/round.h"

enum { NAME_TRIES = 100, HEADER_ALIGNMENT = 8 };

struct output {
    char target[PATH_MAX];    /* where the bytes belong at the end, links followed */
    char temporary[PATH_MAX]; /* where they are written; "" if in place */
    int fd;
};

static pln_status say_no_memory(pln_error *error)
{
    return pln_fail(error, PLN_NO_MEMORY, "no memory for the header of a safetensors file");
}

static pln_status add_metadata(json_t *header, const pln_option *metadata, uint32_t n, pln_error *error)
{
    if (!n)
        return PLN_OK;
    json_t *strings = json_object();
    int failed = json_object_set_new(header, SAFETENSORS_METADATA, strings);
    for (uint32_t i = 0; i < n && !failed; i++) {
        if (!jsontext_is_utf8(metadata[i].key) || !jsontext_is_utf8(metadata[i].value))
            return pln_fail(error, PLN_INVALID, "metadata is not UTF-8");
        failed = json_object_set_new(strings, metadata[i].key, json_string(metadata[i].value));
    }
    return failed ? say_no_memory(error) : PLN_OK;
}

static pln_status add_tensor(json_t *header, const pln_tensor *tensor, uint64_t *offset, pln_error *error)
{
    const char *dtype = safetensors_dtype_name(tensor->dtype);
    const char *name = tensor->name ? tensor->name : "";
    uint64_t bytes;
    if (!dtype)
        return pln_fail(error, PLN_INVALID, "tensor '%s': element type %d cannot be stored", name, (int)tensor->dtype);
    if (tensor->rank > PLN_MAX_RANK)
        return pln_fail(error, PLN_INVALID, "tensor '%s': %u dimensions, at most %d", name, tensor->rank, PLN_MAX_RANK);
    if (!ckpt_tensor_bytes(tensor, &bytes) || bytes > (uint64_t)INT64_MAX - *offset)
        return pln_fail(error, PLN_INVALID, "tensor '%s': larger than 64 bits can count", name);
    if (!tensor->name || strcmp(name, SAFETENSORS_METADATA) == 0 || json_object_get(header, name))
        return pln_fail(error, PLN_INVALID, "tensor '%s': the name is missing, reserved or used twice", name);
    if (!jsontext_is_utf8(name))
        return pln_fail(error, PLN_INVALID, "tensor '%s': the name is not UTF-8", name);
    json_t *shape = json_array();
    for (uint32_t i = 0; i < tensor->rank; i++)
        if (json_array_append_new(shape, json_integer((json_int_t)tensor->shape[i])) != 0) {
            json_decref(shape);
            return say_no_memory(error);
        }
    json_t *entry = json_pack("{s:s, s:o, s:[I,I]}", "dtype", dtype, "shape", shape, "data_offsets",
                              (json_int_t)*offset, (json_int_t)(*offset + bytes));
    if (json_object_set_new(header, name, entry) != 0)
        return say_no_memory(error);
    *offset += bytes;
    return PLN_OK;
}

static int by_element_size(const void *a, const void *b)
{
    const pln_tensor *x = *(const pln_tensor *const *)a, *y = *(const pln_tensor *const *)b;
    const size_t xs = pln_dtype_bytes(x->dtype), ys = pln_dtype_bytes(y->dtype);
    if (xs != ys)
        return xs > ys ? -1 : 1;
    return (x > y) - (x < y); /* qsort is not stable */
}

/* The text of the header for tensors in this order, padded so that data begins aligned. Returns new *text (free). */
static pln_status make_header(const pln_tensor *const *order, uint32_t count, const pln_option *metadata,
                              uint32_t n_metadata, char **text, pln_error *error)
{
    uint64_t offset = 0;
    json_t *header = json_object();
    if (!header)
        return say_no_memory(error);
    pln_status status = add_metadata(header, metadata, n_metadata, error);
    for (uint32_t i = 0; i < count && status == PLN_OK; i++)
        status = add_tensor(header, order[i], &offset, error);
    char *dumped = status == PLN_OK ? jsontext_dump(header, JSON_COMPACT) : NULL;
    json_decref(header);
    if (status != PLN_OK)
        return status;
    const size_t bytes = dumped ? strlen(dumped) : 0;
    const size_t padded = round_up(bytes, HEADER_ALIGNMENT);
    char *larger = dumped ? realloc(dumped, padded + 1) : NULL;
    if (!larger) {
        free(dumped);
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the header of %u tensors", count);
    }
    memset(larger + bytes, ' ', padded - bytes);
    larger[padded] = '\0';
    *text = larger;
    if (padded <= SAFETENSORS_MAX_HEADER)
        return PLN_OK;
    free(larger);
    return pln_fail(error, PLN_INVALID, "header of %zu bytes is larger than %d", padded, SAFETENSORS_MAX_HEADER);
}

/* A new file beside the target; the target itself if that is a device or a pipe. */
static bool open_output(struct output *out, const char *path)
{
    struct stat about;
    out->temporary[0] = '\0';
    errno = 0;
    if (!realpath(path, out->target) && snprintf(out->target, sizeof out->target, "%s", path) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (errno == ENOMEM) /* a link could not be followed, and must not be replaced */
        return false;
    if (stat(out->target, &about) == 0 && !S_ISREG(about.st_mode)) {
        out->fd = open(out->target, O_WRONLY | O_CLOEXEC);
        return out->fd >= 0;
    }
    for (int i = 0; i < NAME_TRIES; i++) {
        if (snprintf(out->temporary, sizeof out->temporary, "%s.%ld-%d.part", out->target, (long)getpid(), i) >=
            PATH_MAX) {
            errno = ENAMETOOLONG;
            return false;
        }
        out->fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (out->fd >= 0 || errno != EEXIST)
            return out->fd >= 0;
    }
    return false;
}

static bool write_all(int fd, const void *data, uint64_t bytes)
{
    enum { CHUNK = 1 << 30 }; /* one write takes at most 2 GiB */
    for (const char *next = data; bytes;) {
        const ssize_t n = write(fd, next, bytes < CHUNK ? (size_t)bytes : CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        next += n;
        bytes -= (uint64_t)n;
    }
    return true;
}

static bool write_content(int fd, const char *header, const pln_tensor *const *order, uint32_t count)
{
    const uint64_t header_bytes = strlen(header);
    bool good = write_all(fd, &header_bytes, sizeof header_bytes) && write_all(fd, header, header_bytes);
    for (uint32_t i = 0; i < count && good; i++) {
        uint64_t bytes = 0;
        good = ckpt_tensor_bytes(order[i], &bytes) && write_all(fd, order[i]->data, bytes);
    }
    return good;
}

/* The new name is on the disk only when the folder is. A folder that cannot be opened for reading is left to the
 * system. */
static void sync_folder(const char *path)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    const int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

static bool finish_output(struct output *out)
{
    if (!out->temporary[0]) /* devices and pipes refuse fsync */
        return close(out->fd) == 0;
    const bool synced = fsync(out->fd) == 0;
    const int problem = errno;
    if (close(out->fd) != 0 || !synced) {
        errno = synced ? errno : problem;
        return false;
    }
    if (rename(out->temporary, out->target) != 0)
        return false;
    sync_folder(out->target);
    return true;
}

static pln_status write_file(const char *path, const char *header, const pln_tensor *const *order, uint32_t count,
                             pln_error *error)
{
    struct output out;
    if (!open_output(&out, path))
        return pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%s: cannot be created: %s", path,
                        strerror(errno));
    bool good = write_content(out.fd, header, order, count);
    int problem = errno;
    if (good) {
        good = finish_output(&out);
        problem = errno;
    } else {
        close(out.fd);
    }
    if (good)
        return PLN_OK;
    if (out.temporary[0])
        unlink(out.temporary);
    return pln_fail(error, pln_status_of_errno(problem, PLN_FAILED), "%s: cannot be written: %s", path,
                    strerror(problem));
}

pln_status ckpt_tensors_write(const char *path, const pln_tensor *tensors, uint32_t count, const pln_option *metadata,
                              uint32_t n_metadata, pln_error *error)
{
    char *header = NULL;
    const pln_tensor **order = calloc((size_t)count + 1, sizeof *order);
    if (!order)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for %u tensors", path, count);
    for (uint32_t i = 0; i < count; i++)
        order[i] = &tensors[i];
    qsort(order, count, sizeof *order, by_element_size);
    pln_status status = make_header(order, count, metadata, n_metadata, &header, error);
    if (status == PLN_OK) {
        status = write_file(path, header, order, count, error);
        free(header);
    }
    free(order);
    return status;
}
