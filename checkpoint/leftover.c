/* SPDX-License-Identifier: Apache-2.0
 *
 * Folders beside a model directory: their names, what is done with those of processes that died while they saved, and
 * how a folder that was replaced goes.
 */
#define _GNU_SOURCE /* renameat2, flock */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/save.h"
#include "common/fail.h"

enum { NAME_TRIES = 1000, DISCARD_TRIES = 100 };

bool ckpt_leftover_name(const char *target, const char *mark, char *path)
{
    struct stat about;
    for (int i = 0; i < NAME_TRIES; i++) {
        if (snprintf(path, PATH_MAX, "%s%s%ld-%d", target, mark, (long)getpid(), i) >= PATH_MAX) {
            errno = ENAMETOOLONG;
            return false;
        }
        if (lstat(path, &about) != 0)
            return errno == ENOENT;
    }
    errno = EEXIST;
    return false;
}

/* ---- what is the model's */

static bool is_shard(const char *name)
{
    int used = 0;
    return strcmp(name, "model.safetensors.index.json") == 0 ||
           (sscanf(name, "model-%*5[0-9]-of-%*5[0-9].safetensors%n", &used) == 0 && used && !name[used]);
}

/* A file of the model, or what a writer of it left. */
static bool is_model(const char *const *names, const char *name)
{
    const size_t length = strlen(name);
    for (; *names; names++) {
        const size_t n = strlen(*names);
        const bool begins = strncmp(name, *names, n) == 0;
        if (begins && (length == n || (name[n] == '.' && length > n + 5 && strcmp(name + length - 5, ".part") == 0)))
            return true;
    }
    return is_shard(name);
}

/* ---- a folder goes */

/* Never over something that has the name already. */
static bool move(const char *from, const char *to)
{
#ifdef RENAME_NOREPLACE
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != ENOSYS && errno != EINVAL)
        return false;
#endif
    struct stat about;
    if (lstat(to, &about) == 0) {
        errno = EEXIST;
        return false;
    }
    return rename(from, to) == 0;
}

/* Another process may do the same at the same time: what is no longer there is well. */
static bool take_entry(const struct ckpt_save *save, const char *folder, const char *name)
{
    char from[PATH_MAX], to[PATH_MAX];
    if (snprintf(from, sizeof from, "%s/%s", folder, name) >= PATH_MAX ||
        snprintf(to, sizeof to, "%s/%s", save->target, name) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    const bool gone = is_model(save->names, name) ? unlink(from) == 0 : move(from, to);
    struct stat about;
    return gone || (errno == ENOENT && lstat(from, &about) != 0);
}

static pln_status take_entries(const struct ckpt_save *save, const char *folder, pln_error *error)
{
    pln_status status = PLN_OK;
    DIR *list = opendir(folder);
    if (!list && errno != ENOENT)
        return pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%s: cannot be removed: %s", folder,
                        strerror(errno));
    for (struct dirent *entry; list && (entry = readdir(list));) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || take_entry(save, folder, name))
            continue;
        if (status == PLN_OK)
            status =
                pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%.150s/%.80s: cannot be moved to %.150s: %s",
                         folder, name, save->target, strerror(errno));
    }
    if (list)
        closedir(list);
    return status;
}

/* A process that saves at the same time may move something in that was meant for the directory's name: once more then.
 */
pln_status ckpt_leftover_discard(const struct ckpt_save *save, const char *folder, pln_error *error)
{
    for (int i = 0;; i++) {
        const pln_status status = take_entries(save, folder, error);
        if (status != PLN_OK || rmdir(folder) == 0 || errno == ENOENT)
            return status;
        if ((errno != ENOTEMPTY && errno != EEXIST) || i == DISCARD_TRIES)
            return pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%s: cannot be removed: %s", folder,
                            strerror(errno));
    }
}

/* ---- what dead processes left */

/* The lock goes with the process. Where a file system has no locks, the number of the process must do. */
static bool is_alive(int folder, long process)
{
    if (flock(folder, LOCK_EX | LOCK_NB) == 0)
        return false;
    return errno == EWOULDBLOCK || kill((pid_t)process, 0) == 0 || errno != ESRCH;
}

static void put_in_order(const struct ckpt_save *save, const char *mark, const char *path, long process)
{
    struct stat about;
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return;
    if (!is_alive(folder, process)) {
        const bool missing = lstat(save->target, &about) != 0 && errno == ENOENT;
        if (!missing || strcmp(mark, CKPT_ASIDE) != 0 || rename(path, save->target) != 0)
            ckpt_leftover_discard(save, path, NULL);
    }
    close(folder);
}

static void clear_marked(const struct ckpt_save *save, const char *mark)
{
    char parent[PATH_MAX], path[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", save->target);
    char *base = strrchr(parent, '/');
    *base++ = '\0';
    const size_t n = strlen(base), m = strlen(mark);
    DIR *list = opendir(*parent ? parent : "/");
    for (struct dirent *entry; list && (entry = readdir(list));) {
        const char *name = entry->d_name;
        long process;
        int used = 0;
        if (strncmp(name, base, n) != 0 || strncmp(name + n, mark, m) != 0 ||
            sscanf(name + n + m, "%9ld-%*9[0-9]%n", &process, &used) != 1 || !used || name[n + m + (size_t)used])
            continue;
        if (snprintf(path, sizeof path, "%s/%s", parent, name) < PATH_MAX)
            put_in_order(save, mark, path, process);
    }
    if (list)
        closedir(list);
}

/* Those that stepped aside first, so that the target is there when the others are looked at. */
void ckpt_leftover_clear(const struct ckpt_save *save)
{
    clear_marked(save, CKPT_ASIDE);
    clear_marked(save, CKPT_PARTIAL);
}
