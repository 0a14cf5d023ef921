/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the files of a model directory, gives the directory: whole, or as it was.
 */
#define _XOPEN_SOURCE 700 /* nftw */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/save.h"
#include "common/fail.h"
#include "common/jsontext.h"

enum { OPEN_FOLDERS = 8 };

static bool join(char *path, const char *directory, const char *file)
{
    return (size_t)snprintf(path, PATH_MAX, "%s/%s", directory, file) < PATH_MAX;
}

static pln_status path_of(const struct ckpt_save *save, const char *file, char *path, pln_error *error)
{
    return join(path, save->partial, file) ? PLN_OK
                                           : pln_fail(error, PLN_FAILED, "%s: the path is too long", save->target);
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *place)
{
    (void)about;
    (void)type;
    (void)place;
    return remove(path);
}

static void remove_folder(const char *path)
{
    nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
}

/* A directory that may be replaced: there is none, it is empty, or it is a model's. */
static pln_status check_target(const char *target, pln_error *error)
{
    char config[PATH_MAX];
    struct stat about;
    if (stat(target, &about) != 0)
        return errno == ENOENT ? PLN_OK
                               : pln_fail(error, PLN_FAILED, "%s: cannot be looked at: %s", target, strerror(errno));
    if (!S_ISDIR(about.st_mode))
        return pln_fail(error, PLN_FAILED, "%s: is not a directory", target);
    if (join(config, target, "config.json") && access(config, F_OK) == 0)
        return PLN_OK;
    if (rmdir(target) == 0)
        return PLN_OK;
    return pln_fail(error, PLN_FAILED, "%s: holds something that is no model (no config.json), and is left as it is",
                    target);
}

pln_status ckpt_save_begin(struct ckpt_save *save, const char *directory, pln_error *error)
{
    size_t length = strlen(directory);
    while (length > 1 && directory[length - 1] == '/')
        length--;
    const int fits = snprintf(save->target, sizeof save->target, "%.*s", (int)length, directory);
    const int also =
        snprintf(save->partial, sizeof save->partial, "%.*s.partial-%ld", (int)length, directory, (long)getpid());
    if (fits < 1 || also >= (int)sizeof save->partial)
        return pln_fail(error, PLN_FAILED, "the path of the directory is %s", fits < 1 ? "empty" : "too long");
    const pln_status status = check_target(save->target, error);
    if (status != PLN_OK)
        return status;
    remove_folder(save->partial);
    return mkdir(save->partial, 0777) == 0
               ? PLN_OK
               : pln_fail(error, PLN_FAILED, "%s: cannot be made: %s", save->partial, strerror(errno));
}

pln_status ckpt_save_tensors(const struct ckpt_save *save, const char *file, const pln_tensor *tensors, uint32_t count,
                             pln_error *error)
{
    static const pln_option metadata[] = {{"format", "pt"}}; /* the Hugging Face tools ask for it */
    char path[PATH_MAX];
    const pln_status status = path_of(save, file, path, error);
    return status == PLN_OK ? ckpt_tensors_write(path, tensors, count, metadata, 1, error) : status;
}

pln_status ckpt_save_json(const struct ckpt_save *save, const char *file, const json_t *object, pln_error *error)
{
    char path[PATH_MAX];
    const pln_status status = path_of(save, file, path, error);
    if (status != PLN_OK)
        return status;
    char *text = jsontext_dump(object, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    if (!text)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for it", path);
    FILE *out = fopen(path, "wb");
    bool good = out && fputs(text, out) >= 0;
    if (out && fclose(out) != 0)
        good = false;
    free(text);
    return good ? PLN_OK
                : pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%s: cannot be written: %s", path,
                           strerror(errno));
}

static pln_status copy_bytes(FILE *in, const char *path, pln_error *error)
{
    char bytes[1 << 14];
    FILE *out = fopen(path, "wb");
    bool good = out != NULL;
    for (size_t n; good && (n = fread(bytes, 1, sizeof bytes, in)) > 0;)
        good = fwrite(bytes, 1, n, out) == n;
    good = good && !ferror(in);
    if (out && fclose(out) != 0)
        good = false;
    return good ? PLN_OK
                : pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%s: cannot be written: %s", path,
                           strerror(errno));
}

pln_status ckpt_save_copy(const struct ckpt_save *save, const char *file, const char *from, pln_error *error)
{
    char source[PATH_MAX], path[PATH_MAX];
    pln_status status = path_of(save, file, path, error);
    FILE *in = status == PLN_OK && join(source, from, file) ? fopen(source, "rb") : NULL;
    if (!in && status == PLN_OK && errno != ENOENT)
        status =
            pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%s: cannot be read: %s", source, strerror(errno));
    if (!in)
        return status;
    status = copy_bytes(in, path, error);
    fclose(in);
    return status;
}

/* The old directory steps aside first, since a folder cannot be renamed over one that has files. */
static pln_status swap(const struct ckpt_save *save, pln_error *error)
{
    char old[PATH_MAX + 8];
    snprintf(old, sizeof old, "%s.old", save->partial);
    const bool there = rename(save->target, old) == 0;
    if (rename(save->partial, save->target) == 0) {
        if (there)
            remove_folder(old);
        return PLN_OK;
    }
    const int why = errno;
    if (there)
        rename(old, save->target);
    return pln_fail(error, PLN_FAILED, "%s: cannot be put in place: %s", save->target, strerror(why));
}

pln_status ckpt_save_end(struct ckpt_save *save, pln_status status, pln_error *error)
{
    if (status == PLN_OK)
        status = swap(save, error);
    if (status != PLN_OK)
        remove_folder(save->partial);
    return status;
}
