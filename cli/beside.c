/* SPDX-License-Identifier: Apache-2.0
 *
 * The command's own folder is that of /proc/self/exe.
 */
#define _POSIX_C_SOURCE 200809L /* readlink */
#include "cli/beside.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool cli_find_beside(const char *const *folders, size_t n_folders, const char *name, int access_mode,
                     char path[CLI_BESIDE_BYTES])
{
    char self[CLI_BESIDE_BYTES / 2];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n < 0 ? 0 : n] = '\0';
    char *last = strrchr(self, '/');
    if (last)
        *last = '\0';
    for (size_t i = 0; i < n_folders; i++) {
        snprintf(path, CLI_BESIDE_BYTES, "%s/%s/%s", self, folders[i], name);
        if (access(path, access_mode) == 0)
            return true;
    }
    return false;
}
