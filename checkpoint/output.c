/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes bytes and tensors, gives a file: whole, or as it was.
 */
#define _XOPEN_SOURCE 700 /* realpath, pwrite */
#include "checkpoint/output.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fail.h"
#include "common/half.h"

enum { NAME_TRIES = 100, PIECE = 1 << 20 };

/* ---- tensors */

struct ckpt_output ckpt_output_of(const pln_tensor *tensor)
{
    return (struct ckpt_output){.name = tensor->name, .weight = weight_of(tensor, false), .dtype = tensor->dtype};
}

uint64_t ckpt_output_bytes(const struct ckpt_output *output)
{
    return weight_elements(&output->weight) * pln_dtype_bytes(output->dtype);
}

/* Nearest float, but one whose last bit is set where the number is not exact ("round to odd"): rounded once more to half
 * as many bits it becomes what the number itself would have. */
static float to_odd(double number)
{
    float value = (float)number;
    uint32_t bits;
    if (!isfinite(number) || (double)value == number)
        return value;
    memcpy(&bits, &value, sizeof bits);
    if (fabs((double)value) > fabs(number))
        bits--;
    bits |= 1;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void read_floats(const struct ckpt_output *o, uint64_t first, uint64_t n, float *out, double *wide)
{
    if (o->weight.dtype != PLN_F64) {
        weight_read(&o->weight, first, n, out);
        return;
    }
    weight_copy(&o->weight, first, n, wide);
    for (uint64_t i = 0; i < n; i++)
        out[i] = o->dtype == PLN_F32 ? (float)wide[i] : to_odd(wide[i]);
}

/* In place; false: a finite number became infinite. */
static bool narrow(const struct ckpt_output *o, uint64_t n, float *values, const double *wide)
{
    bool fits = true;
    for (uint64_t i = 0; i < n; i++) {
        const float value = values[i];
        const bool finite = o->weight.dtype == PLN_F64 ? isfinite(wide[i]) : isfinite(value);
        uint16_t half = 0;
        float back = value;
        if (o->dtype == PLN_F16)
            back = half_to_float(half = float_to_half(value));
        else if (o->dtype == PLN_BF16)
            back = bfloat_to_float(half = float_to_bfloat(value));
        fits = fits && (!finite || isfinite(back));
        if (o->dtype != PLN_F32) /* behind what is still to be read */
            memcpy((char *)values + i * sizeof half, &half, sizeof half);
    }
    return fits;
}

/* Elements of a piece: whole rows, as few columns are read twice then. */
static uint64_t piece_elements(const struct weight *weight)
{
    const uint64_t width = weight_width(weight), room = PIECE / sizeof(double);
    return width && width < room ? room / width * width : room;
}

static bool goes_on(const struct ckpt_output *o, size_t bytes)
{
    if (!o->watch || o->watch->go_on(o->watch->context, bytes))
        return true;
    errno = ECANCELED;
    return false;
}

/* What is written as it lies. */
static bool each_piece(const struct ckpt_output *o, ckpt_take *take, void *taker)
{
    const char *bytes = (const void *)o->weight.lies;
    for (uint64_t left = ckpt_output_bytes(o); left;) {
        const size_t n = left < PIECE ? (size_t)left : PIECE;
        if (!goes_on(o, n) || !take(taker, bytes, n))
            return false;
        bytes += n;
        left -= n;
    }
    return true;
}

bool ckpt_output_each(const struct ckpt_output *o, ckpt_take *take, void *taker, bool *fits)
{
    const uint64_t all = weight_elements(&o->weight), most = piece_elements(&o->weight);
    const bool same = o->dtype == o->weight.dtype;
    *fits = true;
    if (!all)
        return true;
    if (o->give)
        return o->give(o->context, take, taker);
    if (same && !o->weight.transposed)
        return each_piece(o, take, taker);
    float *piece = malloc(PIECE);
    double *wide = o->weight.dtype == PLN_F64 ? malloc(PIECE) : NULL;
    bool good = piece && (wide || o->weight.dtype != PLN_F64);
    errno = good ? 0 : ENOMEM;
    for (uint64_t first = 0; good && first < all; first += most) {
        const uint64_t n = all - first < most ? all - first : most;
        if (same) {
            weight_copy(&o->weight, first, n, piece);
        } else {
            read_floats(o, first, n, piece, wide);
            *fits = narrow(o, n, piece, wide) && *fits;
        }
        const size_t bytes = (size_t)(n * pln_dtype_bytes(o->dtype));
        good = goes_on(o, bytes) && take(taker, piece, bytes);
    }
    const int problem = errno;
    free(piece);
    free(wide);
    errno = problem;
    return good;
}

/* ---- files */

static bool open_output(struct ckpt_file *out, const char *path)
{
    struct stat about;
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

pln_status ckpt_file_begin(struct ckpt_file *file, const char *path, pln_error *error)
{
    file->temporary[0] = '\0';
    file->problem = 0;
    file->at = file->used = 0;
    file->name = NULL;
    return open_output(file, path) ? PLN_OK
                                   : pln_fail(error, pln_status_of_errno(errno, PLN_FAILED),
                                              "%s: cannot be created: %s", path, strerror(errno));
}

static void write_all(struct ckpt_file *file, const void *data, uint64_t bytes)
{
    enum { CHUNK = 1 << 30 }; /* one write takes at most 2 GiB */
    for (const char *next = data; bytes && !file->problem;) {
        const ssize_t n = write(file->fd, next, bytes < CHUNK ? (size_t)bytes : CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            file->problem = n < 0 ? errno : EIO;
            return;
        }
        next += n;
        bytes -= (uint64_t)n;
    }
}

static void flush(struct ckpt_file *file)
{
    write_all(file, file->buffer, file->used);
    file->used = 0;
}

void ckpt_file_put(struct ckpt_file *file, const void *bytes, uint64_t n)
{
    file->at += n;
    if (n > sizeof file->buffer - file->used)
        flush(file);
    if (n > sizeof file->buffer) {
        write_all(file, bytes, n);
    } else if (n) {
        memcpy(file->buffer + file->used, bytes, (size_t)n);
        file->used += (size_t)n;
    }
}

static bool put_piece(void *context, const void *bytes, size_t n)
{
    struct ckpt_file *file = context;
    ckpt_file_put(file, bytes, n);
    return !file->problem;
}

void ckpt_file_put_tensor(struct ckpt_file *file, const struct ckpt_output *output)
{
    bool fits;
    if (!ckpt_output_each(output, put_piece, file, &fits) && !file->problem)
        file->problem = errno;
    if (!fits && !file->name)
        file->name = output->name;
}

void ckpt_file_patch(struct ckpt_file *file, uint64_t at, const void *bytes, size_t n)
{
    flush(file);
    if (!file->problem && pwrite(file->fd, bytes, n, (off_t)at) != (ssize_t)n)
        file->problem = errno ? errno : EIO;
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

static bool finish_output(struct ckpt_file *out)
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

pln_status ckpt_file_end(struct ckpt_file *file, const char *path, bool good, pln_error *error)
{
    flush(file);
    good = good && !file->problem && !file->name;
    if (good && finish_output(file))
        return PLN_OK;
    if (good)
        file->problem = errno;
    else
        close(file->fd);
    if (file->temporary[0])
        unlink(file->temporary);
    if (file->problem)
        return pln_fail(error, pln_status_of_errno(file->problem, PLN_FAILED), "%s: cannot be written: %s", path,
                        strerror(file->problem));
    if (file->name)
        return pln_fail(error, PLN_INVALID, "%s: tensor '%.200s' holds a number that is too large for its type there",
                        path, file->name);
    return PLN_FAILED;
}
