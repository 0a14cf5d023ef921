/* SPDX-License-Identifier: Apache-2.0
 *
 * Folders checkpoint-N below a run's own: whole as soon as they bear their name, the newest kept.
 */
#define _POSIX_C_SOURCE 200809L /* dirfd, fsync */
#include "cli/checkpoints.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/folders.h"

#define PARTIAL ".partial-checkpoint"

/* N of checkpoint-N; 0: it is no such name. */
static uint32_t number_of(const char *name)
{
    char *end = NULL;
    if (strncmp(name, CLI_CHECKPOINT, sizeof CLI_CHECKPOINT - 1) != 0 || name[sizeof CLI_CHECKPOINT - 1] < '1' ||
        name[sizeof CLI_CHECKPOINT - 1] > '9')
        return 0;
    const unsigned long n = strtoul(name + sizeof CLI_CHECKPOINT - 1, &end, 10);
    return *end || n > UINT32_MAX ? 0 : (uint32_t)n;
}

/* The newest checkpoint below `below`; 0: there is none. */
static uint32_t newest_below(const char *out, uint32_t below)
{
    uint32_t newest = 0;
    DIR *folder = opendir(out);
    for (const struct dirent *e; folder && (e = readdir(folder));) {
        const uint32_t n = number_of(e->d_name);
        newest = n > newest && n < below ? n : newest;
    }
    if (folder)
        closedir(folder);
    return newest;
}

uint32_t cli_checkpoint_newest(const char *out)
{
    return newest_below(out, UINT32_MAX);
}

/* The newest `keep` stay. */
static void remove_old(const char *out, uint32_t keep)
{
    char path[PATH_MAX];
    uint32_t n = UINT32_MAX;
    for (uint32_t i = 0; i < keep && n; i++)
        n = newest_below(out, n);
    while (n && (n = newest_below(out, n)) != 0) {
        snprintf(path, sizeof path, "%s/" CLI_CHECKPOINT "%u", out, n);
        cli_remove_folder(path);
    }
}

static pln_status sync_folder(const char *path, pln_error *error)
{
    DIR *folder = opendir(path);
    const int failed = !folder || (fsync(dirfd(folder)) != 0 && errno != EINVAL);
    const pln_status status = failed ? cli_path_fail(error, path, strerror(errno)) : PLN_OK;
    if (folder)
        closedir(folder);
    return status;
}

pln_status cli_checkpoint_make(const char *out, uint32_t steps, uint32_t keep,
                               pln_status (*write)(void *context, const char *folder, pln_error *error), void *context,
                               pln_error *error)
{
    char partial[PATH_MAX], path[PATH_MAX], name[32];
    struct stat about;
    snprintf(name, sizeof name, CLI_CHECKPOINT "%u", steps);
    pln_status status = cli_path_join(out, PARTIAL, partial, error);
    if (status == PLN_OK)
        status = cli_path_join(out, name, path, error);
    if (status != PLN_OK || stat(path, &about) == 0)
        return status;
    cli_remove_folder(partial);
    if (mkdir(partial, 0777) != 0)
        return cli_path_fail(error, partial, strerror(errno));
    status = write(context, partial, error);
    if (status == PLN_OK)
        status = sync_folder(partial, error);
    if (status == PLN_OK && rename(partial, path) != 0)
        status = cli_path_fail(error, path, strerror(errno));
    if (status == PLN_OK)
        status = sync_folder(out, error);
    if (status == PLN_OK)
        remove_old(out, keep);
    else
        cli_remove_folder(partial);
    return status;
}
