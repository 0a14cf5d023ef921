/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and folders are compared by what they are, not by their names.
 */
#define _XOPEN_SOURCE 700 /* realpath */
#include "cli/apart.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool look(const char *input, struct stat *about)
{
    return input && (strcmp(input, "-") == 0 ? fstat(STDIN_FILENO, about) : stat(input, about)) == 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Cuts the last name off; false: there is none. */
static bool go_up(char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        path[--n] = '\0';
    char *slash = strrchr(path, '/');
    if (n <= 1 || (!slash && strcmp(path, ".") == 0))
        return false;
    if (slash)
        slash[slash == path] = '\0';
    else
        strcpy(path, ".");
    return true;
}

/* Whether the path, which need not be there, lies in the folder. */
static bool lies_in(const char *path, const struct stat *folder)
{
    char at[PATH_MAX], real[PATH_MAX];
    struct stat about;
    if (snprintf(at, sizeof at, "%s", path) >= (int)sizeof at)
        return false;
    while (!realpath(at, real)) /* up to what is there */
        if (errno != ENOENT || !go_up(at))
            return false;
    for (bool first = strcmp(at, path) == 0; stat(real, &about) == 0; first = false) {
        if (!first && is_same(&about, folder))
            return true;
        if (!go_up(real))
            return false;
    }
    return false;
}

static int check(const char *option, const char *output, const char *const *inputs, uint32_t n_inputs, bool outside)
{
    struct stat out, in;
    if (!output)
        return 0;
    const bool there = stat(output, &out) == 0;
    for (uint32_t i = 0; i < n_inputs; i++) {
        if (!look(inputs[i], &in))
            continue;
        const bool same = there && is_same(&out, &in);
        if (same && S_ISREG(in.st_mode))
            return cli_usage_error("option %s: %s is read too, and would be lost", option, output);
        if (outside && S_ISDIR(in.st_mode) && (same || lies_in(output, &in)))
            return cli_usage_error("option %s: %s lies in %s, which is read", option, output, inputs[i]);
    }
    return 0;
}

int cli_check_apart(const char *option, const char *output, const char *const *inputs, uint32_t n_inputs)
{
    return check(option, output, inputs, n_inputs, false);
}

int cli_check_outside(const char *option, const char *output, const char *const *inputs, uint32_t n_inputs)
{
    return check(option, output, inputs, n_inputs, true);
}
