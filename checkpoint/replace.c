/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a folder that is ready, gives it the name of a model directory: whether that may be replaced, and how.
 */
#define _GNU_SOURCE /* renameat2, statx, realpath */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/save.h"
#include "common/fail.h"

/* ---- may it be replaced? */

/* realpath for what is not there yet: its folder must be. */
static pln_status resolve_new(struct ckpt_save *save, const char *directory, pln_error *error)
{
    char parent[PATH_MAX];
    struct stat about;
    size_t length = strlen(directory);
    while (length > 1 && directory[length - 1] == '/')
        length--;
    if (snprintf(parent, sizeof parent, "%.*s", (int)length, directory) >= PATH_MAX)
        return pln_fail(error, PLN_FAILED, "the path of the directory is too long");
    if (lstat(parent, &about) == 0)
        return pln_fail(error, PLN_FAILED, "%s: is a link to what is not there", directory);
    char *slash = strrchr(parent, '/');
    const char *base = slash ? slash + 1 : directory;
    const int base_length = (int)(length - (size_t)(slash ? slash + 1 - parent : 0));
    const char *folder = ".";
    if (slash) {
        *slash = '\0';
        folder = *parent ? parent : "/";
    }
    char *resolved = realpath(folder, NULL);
    if (!resolved)
        return pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%s: its folder cannot be written: %s",
                        directory, strerror(errno));
    const int n = snprintf(save->target, sizeof save->target, "%s/%.*s", strcmp(resolved, "/") == 0 ? "" : resolved,
                           base_length, base);
    free(resolved);
    return n < PATH_MAX ? PLN_OK : pln_fail(error, PLN_FAILED, "the path of the directory is too long");
}

/* The root of what is mounted there cannot be renamed, nor the root of all paths, which in a chroot is no mount. */
static bool is_mount_point(const char *path, const struct stat *about)
{
    char above[PATH_MAX];
    struct stat parent;
    if (snprintf(above, sizeof above, "%s/..", path) >= PATH_MAX || stat(above, &parent) != 0)
        return false;
    if (parent.st_dev == about->st_dev && parent.st_ino == about->st_ino)
        return true;
#ifdef STATX_ATTR_MOUNT_ROOT
    struct statx more;
    if (statx(AT_FDCWD, path, 0, STATX_TYPE, &more) == 0 && (more.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
        return (more.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
#endif
    return parent.st_dev != about->st_dev;
}

/* In a folder like /tmp only the owner renames. */
static bool is_others(const char *path, const struct stat *about)
{
    char above[PATH_MAX];
    struct stat parent;
    return geteuid() != 0 && about->st_uid != geteuid() && snprintf(above, sizeof above, "%s/..", path) < PATH_MAX &&
           stat(above, &parent) == 0 && (parent.st_mode & S_ISVTX) && parent.st_uid != geteuid();
}

static bool is_empty(const char *path)
{
    bool empty = true;
    DIR *list = opendir(path);
    if (!list)
        return false;
    for (struct dirent *entry; (entry = readdir(list));)
        empty = empty && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
    closedir(list);
    return empty;
}

static bool has_config(const char *path)
{
    char config[PATH_MAX];
    return snprintf(config, sizeof config, "%s/config.json", path) < PATH_MAX && access(config, F_OK) == 0;
}

static pln_status check_existing(struct ckpt_save *save, const char *directory, const struct ckpt_place *place,
                                 pln_error *error)
{
    struct stat about, here;
    if (stat(save->target, &about) != 0)
        return pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%s: cannot be looked at: %s", directory,
                        strerror(errno));
    if (!S_ISDIR(about.st_mode))
        return pln_fail(error, PLN_FAILED, "%s: is not a directory", directory);
    if (is_mount_point(save->target, &about))
        return pln_fail(error, PLN_FAILED, "%s: is a mount point, which cannot be replaced whole; name a folder in it",
                        directory);
    if (stat(".", &here) == 0 && here.st_dev == about.st_dev && here.st_ino == about.st_ino)
        return pln_fail(error, PLN_FAILED, "%s: is the working directory, which would be taken away; name another",
                        directory);
    if (access(save->target, R_OK | W_OK | X_OK) != 0 || is_others(save->target, &about))
        return pln_fail(error, PLN_FAILED, "%s: cannot be written: %s", directory, strerror(EACCES));
    const bool empty = is_empty(save->target);
    const bool known = place && place->known && place->device == about.st_dev && place->inode == about.st_ino;
    if (!empty && !known && !has_config(save->target))
        return pln_fail(error, PLN_FAILED,
                        "%s: holds something that is no model (no config.json), and is left as it is", directory);
    save->place = (struct ckpt_place){.known = empty || known, .device = about.st_dev, .inode = about.st_ino};
    return PLN_OK;
}

pln_status ckpt_replace_find(struct ckpt_save *save, const char *directory, const struct ckpt_place *place,
                             pln_error *error)
{
    if (!*directory)
        return pln_fail(error, PLN_FAILED, "the path of the directory is empty");
    char *resolved = realpath(directory, NULL);
    if (!resolved && errno != ENOENT)
        return pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%.300s: cannot be looked at: %s", directory,
                        strerror(errno));
    if (!resolved)
        return resolve_new(save, directory, error);
    const int n = snprintf(save->target, sizeof save->target, "%s", resolved);
    free(resolved);
    return n < PATH_MAX ? check_existing(save, directory, place, error)
                        : pln_fail(error, PLN_FAILED, "the path of the directory is too long");
}

/* ---- the place changes hands */

static pln_status say_not_in_place(const struct ckpt_save *save, pln_error *error)
{
    return pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%s: cannot be put in place: %s", save->target,
                    strerror(errno));
}

/* Without an exchange there is a moment with no directory under the name: whoever saves there next puts it back. */
static pln_status step_aside(const struct ckpt_save *save, pln_error *error)
{
    char aside[PATH_MAX];
    if (!ckpt_leftover_name(save->target, CKPT_ASIDE, aside) || rename(save->target, aside) != 0)
        return say_not_in_place(save, error);
    if (rename(save->partial, save->target) == 0)
        return ckpt_leftover_discard(save, aside, error);
    const pln_status status = say_not_in_place(save, error);
    rename(aside, save->target);
    return status;
}

static bool exchange(const char *a, const char *b)
{
#ifdef RENAME_EXCHANGE
    return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0;
#else
    errno = ENOSYS;
    return false;
#endif
}

pln_status ckpt_replace_swap(const struct ckpt_save *save, pln_error *error)
{
    if (rename(save->partial, save->target) == 0) /* there was none, or an empty one */
        return PLN_OK;
    if (errno != ENOTEMPTY && errno != EEXIST)
        return say_not_in_place(save, error);
    if (exchange(save->partial, save->target))
        return ckpt_leftover_discard(save, save->partial, error);
    return errno == ENOSYS || errno == EINVAL ? step_aside(save, error) : say_not_in_place(save, error);
}
