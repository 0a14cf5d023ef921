/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes names, gives paths of what is installed beside the library.
 */
#define _GNU_SOURCE /* dladdr */
#include "common/beside.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool beside_library(char *folder, size_t bytes)
{
    Dl_info info;
    char resolved[PATH_MAX];
    if (!dladdr((const void *)(uintptr_t)beside_library, &info) || !realpath(info.dli_fname, resolved))
        return false;
    char *slash = strrchr(resolved, '/');
    if (!slash || (size_t)(slash - resolved) >= bytes)
        return false;
    *slash = '\0';
    memcpy(folder, resolved, strlen(resolved) + 1);
    return true;
}

const char *beside_refusal(const char *folder)
{
    struct stat about;
    if (*folder != '/')
        return "it is not absolute";
    if (stat(folder, &about) == 0 && about.st_mode & (S_IWGRP | S_IWOTH))
        return "others than its owner may write there";
    return NULL;
}

static bool is_program(const char *folder, const char *name, char *path, size_t bytes)
{
    struct stat about;
    return (size_t)snprintf(path, bytes, "%s/%s", folder, name) < bytes && stat(path, &about) == 0 &&
           S_ISREG(about.st_mode) && access(path, X_OK) == 0;
}

static bool find_in_list(const char *list, const char *name, char *path, size_t bytes)
{
    char folder[PATH_MAX];
    while (list && *list) {
        const size_t n = strcspn(list, ":");
        if (n && n < sizeof folder) {
            memcpy(folder, list, n);
            folder[n] = '\0';
            if (!beside_refusal(folder) && is_program(folder, name, path, bytes))
                return true;
        }
        list += n + (list[n] == ':');
    }
    return false;
}

bool beside_find(const char *name, const char *built, char *path, size_t bytes)
{
    char library[PATH_MAX - 300], folder[PATH_MAX];
    if (beside_library(library, sizeof library)) {
        snprintf(folder, sizeof folder, "%s/%s", library, built);
        if (is_program(folder, name, path, bytes))
            return true;
        snprintf(folder, sizeof folder, "%s/pleione", library);
        if (is_program(folder, name, path, bytes))
            return true;
    }
    return find_in_list(getenv(BESIDE_PATH), name, path, bytes);
}
