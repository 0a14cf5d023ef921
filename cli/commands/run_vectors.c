/* SPDX-License-Identifier: Apache-2.0
 *
 * The head of the file has room for any number of rows: it says 0 while rows are written, and how many at the end.
 */
#define _XOPEN_SOURCE 700 /* fileno, ftruncate */
#include "cli/commands/run_vectors.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEAD = 256, NPY_HEAD = 128, LENGTH = 8 /* bytes that begin a safetensors file */ };

struct vector_format {
    const char *ending;
    long head; /* bytes */
    void (*write)(char *head, uint64_t rows, uint32_t width);
    const char *shape; /* behind this stand rows and width */
};

/* ---- heads */

static void write_npy(char *head, uint64_t rows, uint32_t width)
{
    char text[NPY_HEAD];
    const int n = snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%llu, %u), }",
                           (unsigned long long)rows, width);
    memset(head, ' ', NPY_HEAD);
    memcpy(head, "\x93NUMPY\x01\0", 8);
    head[8] = NPY_HEAD - 10;
    head[9] = 0;
    memcpy(head + 10, text, (size_t)n);
    head[NPY_HEAD - 1] = '\n';
}

static void write_safetensors(char *head, uint64_t rows, uint32_t width)
{
    char text[HEAD];
    const int n = snprintf(text, sizeof text,
                           "{\"embeddings\":{\"dtype\":\"F32\",\"shape\":[%llu, %u],\"data_offsets\":[0,%llu]}}",
                           (unsigned long long)rows, width, (unsigned long long)rows * width * 4);
    memset(head, ' ', HEAD);
    memset(head, 0, LENGTH);
    head[0] = (char)(HEAD - LENGTH);
    memcpy(head + LENGTH, text, (size_t)n);
}

static const struct vector_format formats[] = {
    {".npy", NPY_HEAD, write_npy, "'shape': ("},
    {".safetensors", HEAD, write_safetensors, "\"shape\":["},
};

static const struct vector_format *find_format(const char *path)
{
    const size_t bytes = strlen(path);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const size_t n = strlen(formats[i].ending);
        if (bytes > n && strcmp(path + bytes - n, formats[i].ending) == 0)
            return &formats[i];
    }
    return NULL;
}

bool run_vectors_suit(const char *path)
{
    return find_format(path) != NULL;
}

/* ---- the file */

__attribute__((format(printf, 3, 4))) static pln_status fail(pln_error *error, pln_status status, const char *format,
                                                             ...)
{
    *error = (pln_error){.status = status, .node = -1};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return status;
}

static pln_status fail_writing(const struct run_vectors *v, pln_error *error)
{
    return fail(error, PLN_FAILED, "%s cannot be written: %s", v->path, strerror(errno ? errno : EIO));
}

static pln_status write_head(struct run_vectors *v, uint64_t rows, pln_error *error)
{
    char head[HEAD];
    v->format->write(head, rows, v->width);
    const bool written = fseek(v->file, 0, SEEK_SET) == 0 && fwrite(head, (size_t)v->format->head, 1, v->file) == 1;
    return written ? PLN_OK : fail_writing(v, error);
}

/* The width of a file that is there, if its head is one of ours. */
static bool read_width(struct run_vectors *v)
{
    char head[HEAD + 1] = "", again[HEAD + 1] = "";
    unsigned long long rows;
    const size_t bytes = (size_t)v->format->head;
    if (fread(head, bytes, 1, v->file) != 1)
        return false;
    for (size_t i = 0; i < bytes; i++) /* as a text */
        again[i] = head[i] ? head[i] : ' ';
    const char *shape = strstr(again, v->format->shape);
    if (!shape || sscanf(shape + strlen(v->format->shape), "%llu, %u", &rows, &v->width) != 2)
        return false;
    v->format->write(again, rows, v->width);
    return memcmp(head, again, bytes) == 0;
}

static pln_status find_end(struct run_vectors *v, pln_error *error)
{
    if (fseek(v->file, 0, SEEK_END) != 0)
        return fail_writing(v, error);
    const long bytes = ftell(v->file);
    rewind(v->file);
    if (bytes < v->format->head) /* not even the head was written */
        return ftruncate(fileno(v->file), 0) == 0 ? PLN_OK : fail_writing(v, error);
    if (!read_width(v))
        return fail(error, PLN_INVALID, "--resume: %s was not written by `run`", v->path);
    v->rows = v->width ? (uint64_t)(bytes - v->format->head) / 4 / v->width : 0;
    const off_t end = v->format->head + (off_t)(v->rows * v->width * 4);
    return ftruncate(fileno(v->file), end) == 0 && fseek(v->file, end, SEEK_SET) == 0 ? PLN_OK : fail_writing(v, error);
}

pln_status run_vectors_open(struct run_vectors *v, const char *path, bool resume, pln_error *error)
{
    *v = (struct run_vectors){.path = path, .format = find_format(path)};
    v->file = fopen(path, "r+b"); /* what is there stays until there is a vector */
    const bool there = resume && v->file;
    if (!v->file && errno == ENOENT)
        v->file = fopen(path, "w+b");
    if (!v->file)
        return fail(error, PLN_INVALID, "%s cannot be opened: %s", path, strerror(errno));
    return there ? find_end(v, error) : PLN_OK;
}

void run_vectors_close(struct run_vectors *v)
{
    if (v->file)
        fclose(v->file);
    *v = (struct run_vectors){0};
}

pln_status run_vectors_count_failures(struct run_vectors *v, uint64_t *failed, uint64_t *first, pln_error *error)
{
    bool read = fseek(v->file, v->format->head, SEEK_SET) == 0;
    *failed = 0;
    for (uint64_t row = 0; read && row < v->rows; row++) {
        bool missing = false;
        float x = 0;
        for (uint32_t i = 0; read && i < v->width; i++) {
            read = fread(&x, sizeof x, 1, v->file) == 1;
            missing |= isnan(x);
        }
        if (missing && !(*failed)++)
            *first = row;
    }
    read = read && fseek(v->file, 0, SEEK_END) == 0;
    return read ? PLN_OK : fail(error, PLN_FAILED, "%s cannot be read: %s", v->path, strerror(errno));
}

bool run_vectors_end_with(const struct run_vectors *v, const pln_answer *answer)
{
    const long bytes = (long)(v->width * sizeof(float));
    const bool good = answer->status == PLN_OK;
    float x;
    bool same = (!good || answer->n_numbers == v->width) && fseek(v->file, -bytes, SEEK_END) == 0;
    for (uint32_t i = 0; same && i < v->width; i++)
        same =
            fread(&x, sizeof x, 1, v->file) == 1 && (good ? memcmp(&x, &answer->numbers[i], sizeof x) == 0 : isnan(x));
    return fseek(v->file, 0, SEEK_END) == 0 && same;
}

/* ---- rows */

static pln_status put_missing(struct run_vectors *v, uint64_t n, pln_error *error)
{
    static const float none = NAN;
    for (uint64_t i = 0; i < n * v->width; i++)
        if (fwrite(&none, sizeof none, 1, v->file) != 1)
            return fail_writing(v, error);
    return PLN_OK;
}

/* The first vector says how wide all are; rows before it had none. */
static pln_status set_width(struct run_vectors *v, uint32_t width, pln_error *error)
{
    v->width = width;
    if (ftruncate(fileno(v->file), 0) != 0 && errno != EINVAL) /* which a device is */
        return fail_writing(v, error);
    const pln_status status = write_head(v, 0, error);
    return status == PLN_OK ? put_missing(v, v->rows, error) : status;
}

pln_status run_vectors_put(struct run_vectors *v, const pln_answer *answer, pln_error *error)
{
    pln_status status = PLN_OK;
    const bool good = answer->status == PLN_OK;
    if (good && (!answer->n_numbers || answer->n_numbers != answer->width || (v->width && v->width != answer->width)))
        return fail(
            error, PLN_INVALID,
            "%s takes one vector a row, as embed gives with the pooling mean, cls or max; a .jsonl file takes all",
            v->path);
    if (good && !v->width)
        status = set_width(v, answer->width, error);
    if (status == PLN_OK && !good)
        status = put_missing(v, 1, error); /* of a width that is not known yet it has no numbers */
    if (status == PLN_OK && good && fwrite(answer->numbers, sizeof(float), v->width, v->file) != v->width)
        status = fail_writing(v, error);
    v->rows += status == PLN_OK;
    return status;
}

pln_status run_vectors_flush(struct run_vectors *v, pln_error *error)
{
    return fflush(v->file) == 0 ? PLN_OK : fail_writing(v, error);
}

pln_status run_vectors_finish(struct run_vectors *v, pln_error *error)
{
    pln_status status = v->width ? PLN_OK : set_width(v, 0, error);
    errno = 0;
    if (status == PLN_OK)
        status = write_head(v, v->rows, error);
    if (status != PLN_OK)
        return status;
    const bool written = fflush(v->file) == 0 && fsync(fileno(v->file)) == 0;
    return written || errno == EINVAL ? PLN_OK : fail_writing(v, error); /* a pipe has no disk */
}
