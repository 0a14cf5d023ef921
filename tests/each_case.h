/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests that replay every case of a folder on a list of devices, each under its own name.
 */
#ifndef TESTS_EACH_CASE_H
#define TESTS_EACH_CASE_H

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "tests/on_devices.h"

enum { MOST_CASES = 256 };

static inline int by_name(const void *a, const void *b)
{
    return strcmp(((const struct CMUnitTest *)a)->name, ((const struct CMUnitTest *)b)->name);
}

/* A case is an entry of the folder, its name what stands before the dot. */
static inline size_t list_cases(const char *folder, CMUnitTestFunction test, struct CMUnitTest *tests)
{
    size_t n = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && n < MOST_CASES && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        char *name = strndup(entry->d_name, strcspn(entry->d_name, "."));
        tests[n++] = (struct CMUnitTest){name, test, NULL, NULL, name};
    }
    if (dir)
        closedir(dir);
    qsort(tests, n, sizeof *tests, by_name);
    return n;
}

/* Opens the devices (arguments: DEVICES [OPTION...]), runs `test` with the name of each case as its state, and gives the
 * exit code. */
static inline int run_each_case(const char *folder, CMUnitTestFunction test, int n_arguments, char **arguments)
{
    static struct CMUnitTest tests[MOST_CASES];
    const size_t n = list_cases(folder, test, tests);
    const int code = run_on_devices(tests, n, n_arguments, arguments);
    for (size_t i = 0; i < n; i++)
        free((void *)(uintptr_t)tests[i].name);
    return code;
}

#endif
