/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the files of a model directory, gives the directory: whole, or as it was.
 */
#define _GNU_SOURCE /* flock */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "checkpoint/save.h"
#include "common/fail.h"
#include "common/jsontext.h"
#include "common/regular.h"

enum { LOCK_TRIES = 10 };

static bool join(char *path, const char *directory, const char *file)
{
    return (size_t)snprintf(path, PATH_MAX, "%s/%s", directory, file) < PATH_MAX;
}

static pln_status path_of(const struct ckpt_save *save, const char *file, char *path, pln_error *error)
{
    return join(path, save->partial, file) ? PLN_OK
                                           : pln_fail(error, PLN_FAILED, "%s: the path is too long", save->target);
}

/* ---- the folder */

/* Whoever clears leftovers between mkdir and lock takes it for one: then it is made again. */
static bool make_partial(struct ckpt_save *save)
{
    struct stat about;
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (!ckpt_leftover_name(save->target, CKPT_PARTIAL, save->partial) || mkdir(save->partial, 0777) != 0)
            return false;
        save->lock = open(save->partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (save->lock < 0)
            continue;
        flock(save->lock, LOCK_EX | LOCK_NB); /* a file system without locks has the number of the process */
        if (fstat(save->lock, &about) == 0 && about.st_nlink)
            return true;
        close(save->lock);
        save->lock = -1;
    }
    return false;
}

pln_status ckpt_save_begin(struct ckpt_save *save, const char *directory, const char *const *names,
                           const struct ckpt_place *place, pln_error *error)
{
    struct stat about;
    *save = (struct ckpt_save){.names = names, .lock = -1};
    const pln_status status = ckpt_replace_find(save, directory, place, error);
    if (status != PLN_OK)
        return status;
    ckpt_leftover_clear(save);
    if (!make_partial(save))
        return pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%.200s: its folder cannot be written: %s",
                        directory, strerror(errno));
    if (stat(save->target, &about) == 0) /* who may read it stays */
        fchmod(save->lock, about.st_mode & 07777);
    return PLN_OK;
}

static void take_away(struct ckpt_save *save)
{
    ckpt_leftover_discard(save, save->partial, NULL);
    close(save->lock);
    save->lock = -1;
}

/* A system that does not count its room says 0 blocks. */
static pln_status check_room(const struct ckpt_save *save, uint64_t bytes, pln_error *error)
{
    struct statvfs about;
    if (fstatvfs(save->lock, &about) != 0 || !about.f_blocks)
        return PLN_OK;
    const uint64_t room = (uint64_t)about.f_bavail * about.f_frsize;
    return bytes <= room ? PLN_OK
                         : pln_fail(error, PLN_FAILED, "%s: the disk has room for %llu bytes, and %llu are needed",
                                    save->target, (unsigned long long)room, (unsigned long long)bytes);
}

pln_status ckpt_save_check(const char *directory, const char *const *names, uint64_t bytes, struct ckpt_place *place,
                           pln_error *error)
{
    struct ckpt_save save;
    pln_status status = ckpt_save_begin(&save, directory, names, NULL, error);
    if (status != PLN_OK)
        return status;
    *place = save.place;
    status = check_room(&save, bytes, error);
    take_away(&save);
    return status;
}

/* The new name is on the disk only when the folder is. */
static bool sync_parent(const struct ckpt_save *save)
{
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", save->target);
    char *slash = strrchr(parent, '/');
    slash[slash == parent] = '\0';
    const int folder = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return true; /* one that cannot be opened for reading is left to the system */
    const bool good = fsync(folder) == 0 || errno == EINVAL;
    close(folder);
    return good;
}

pln_status ckpt_save_end(struct ckpt_save *save, pln_status status, pln_error *error)
{
    if (status == PLN_OK && fsync(save->lock) != 0 && errno != EINVAL)
        status = pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%s: cannot be written: %s", save->target,
                          strerror(errno));
    if (status != PLN_OK) {
        take_away(save);
        return status;
    }
    status = ckpt_replace_swap(save, error);
    if (status == PLN_OK && !sync_parent(save))
        status = pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%s: cannot be written: %s", save->target,
                          strerror(errno));
    if (status != PLN_OK) /* never what is not the model's: that is what could not be moved */
        ckpt_leftover_discard(save, save->partial, NULL);
    close(save->lock);
    save->lock = -1;
    return status;
}

/* ---- files */

static const pln_option metadata[] = {{"format", "pt"}}; /* the Hugging Face tools ask for it */

pln_status ckpt_save_weights(const struct ckpt_save *save, const char *file, const struct weight *weights,
                             uint32_t count, pln_error *error)
{
    char path[PATH_MAX];
    const pln_status status = path_of(save, file, path, error);
    return status == PLN_OK ? ckpt_weights_write(path, weights, count, metadata, 1, error) : status;
}

pln_status ckpt_save_tensors(const struct ckpt_save *save, const char *file, const pln_tensor *tensors, uint32_t count,
                             pln_error *error)
{
    char path[PATH_MAX];
    const pln_status status = path_of(save, file, path, error);
    return status == PLN_OK ? ckpt_tensors_write(path, tensors, count, metadata, 1, error) : status;
}

static pln_status say_unwritten(const char *path, int problem, pln_error *error)
{
    return pln_fail(error, pln_status_of_errno(problem, PLN_FAILED), "%s: cannot be written: %s", path,
                    strerror(problem));
}

/* Takes `out`, which may be NULL: it could not be opened. */
static pln_status finish_file(FILE *out, bool good, const char *path, pln_error *error)
{
    good = good && fflush(out) == 0 && fsync(fileno(out)) == 0;
    int problem = errno;
    if (out && fclose(out) != 0 && good) {
        good = false;
        problem = errno;
    }
    return good ? PLN_OK : say_unwritten(path, problem, error);
}

pln_status ckpt_save_json(const struct ckpt_save *save, const char *file, const json_t *object, pln_error *error)
{
    char path[PATH_MAX];
    const pln_status status = path_of(save, file, path, error);
    if (status != PLN_OK)
        return status;
    char *text = jsontext_dump(object, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    if (!text)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %s", path);
    FILE *out = fopen(path, "wb");
    const pln_status written = finish_file(out, out && fputs(text, out) != EOF && fputc('\n', out) != EOF, path, error);
    free(text);
    return written;
}

/* *in is -1 if there is none. */
static pln_status open_source(const char *source, int *in, pln_error *error)
{
    uint64_t bytes;
    *in = -1;
    return access(source, F_OK) != 0 && errno == ENOENT ? PLN_OK : regular_open(source, in, &bytes, error);
}

static pln_status say_unreadable(const char *source, pln_error *error)
{
    return pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%s: cannot be read: %s", source, strerror(errno));
}

static pln_status copy_bytes(int in, const char *source, const char *path, pln_error *error)
{
    char bytes[1 << 13];
    ssize_t n = 0;
    FILE *out = fopen(path, "wb");
    bool good = out != NULL;
    while (good && (n = read(in, bytes, sizeof bytes)) > 0)
        good = fwrite(bytes, 1, (size_t)n, out) == (size_t)n;
    if (!good || n == 0)
        return finish_file(out, good, path, error);
    const pln_status status = say_unreadable(source, error);
    fclose(out);
    return status;
}

pln_status ckpt_save_readable(const char *file, const char *from, bool *there, pln_error *error)
{
    char source[PATH_MAX], byte;
    int in;
    *there = false;
    if (!join(source, from, file))
        return say_unreadable(from, error);
    pln_status status = open_source(source, &in, error);
    *there = in >= 0;
    if (!*there)
        return status;
    status = read(in, &byte, 1) < 0 ? say_unreadable(source, error) : PLN_OK;
    close(in);
    return status;
}

pln_status ckpt_save_copy(const struct ckpt_save *save, const char *file, const char *from, bool must, pln_error *error)
{
    char source[PATH_MAX], path[PATH_MAX];
    pln_status status = path_of(save, file, path, error);
    if (status != PLN_OK)
        return status;
    int in;
    if (!join(source, from, file))
        return say_unreadable(from, error);
    status = open_source(source, &in, error);
    if (in < 0)
        return status != PLN_OK || !must ? status : say_unreadable(source, error);
    status = copy_bytes(in, source, path, error);
    close(in);
    return status;
}

/* ---- directories by step */

/* The number behind `base`.step-; false for other names. */
static bool is_step(const char *name, const char *base, uint32_t *step)
{
    const size_t n = strlen(base);
    int used = 0;
    return strncmp(name, base, n) == 0 && sscanf(name + n, ".step-%9u%n", step, &used) == 1 && !name[n + (size_t)used];
}

/* The oldest model below `step`, and how many there are. */
static uint32_t count_steps(const char *parent, const char *base, uint32_t step, uint32_t *oldest)
{
    char config[PATH_MAX];
    uint32_t n = 0, found;
    DIR *list = opendir(parent);
    *oldest = step;
    for (struct dirent *entry; list && (entry = readdir(list));) {
        if (!is_step(entry->d_name, base, &found) || found >= step ||
            snprintf(config, sizeof config, "%s/%s/config.json", parent, entry->d_name) >= PATH_MAX ||
            access(config, F_OK) != 0)
            continue;
        n++;
        *oldest = found < *oldest ? found : *oldest;
    }
    if (list)
        closedir(list);
    return n;
}

/* It loses its name first, so that no half of it is ever taken for a whole one. */
pln_status ckpt_save_thin(const char *directory, const char *const *names, const struct ckpt_place *place,
                          uint32_t step, uint32_t keep, pln_error *error)
{
    struct ckpt_save save = {.names = names, .lock = -1};
    char parent[PATH_MAX], path[PATH_MAX];
    uint32_t oldest;
    pln_status status = ckpt_replace_find(&save, directory, place, error);
    snprintf(parent, sizeof parent, "%s", save.target);
    char *slash = status == PLN_OK ? strrchr(parent, '/') : NULL;
    if (!slash)
        return status;
    *slash = '\0';
    while (status == PLN_OK && count_steps(*parent ? parent : "/", slash + 1, step, &oldest) > keep) {
        if (snprintf(path, sizeof path, "%s.step-%u", save.target, oldest) >= PATH_MAX ||
            !ckpt_leftover_name(save.target, CKPT_PARTIAL, save.partial) || rename(path, save.partial) != 0)
            return pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%s: cannot be removed: %s", path,
                            strerror(errno));
        status = ckpt_leftover_discard(&save, save.partial, error);
    }
    return status;
}
