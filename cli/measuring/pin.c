/* SPDX-License-Identifier: Apache-2.0
 *
 * Which processor is whose: the first of each core, then those that share one.
 */
#define _GNU_SOURCE /* sched_setaffinity */
#include "cli/measuring/pin.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_THREADS = 1024 };

static cpu_set_t allowed; /* of the process, before anything was pinned */
static bool is_known;

static pln_status fail(pln_error *error, const char *what)
{
    *error = (pln_error){.status = PLN_FAILED, .node = -1};
    snprintf(error->message, sizeof error->message, "threads cannot be pinned: %s: %s", what, strerror(errno));
    return PLN_FAILED;
}

static bool is_first_of_core(int processor)
{
    char path[96];
    int first = processor;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", processor);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%d", &first) != 1)
        first = processor;
    if (file)
        fclose(file);
    return first == processor;
}

static uint32_t order_processors(size_t order[CPU_SETSIZE])
{
    uint32_t n = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < CPU_SETSIZE; i++)
            if (CPU_ISSET(i, &allowed) && is_first_of_core((int)i) == (pass == 0))
                order[n++] = i;
    return n;
}

static int ascending(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return x < y ? -1 : x > y;
}

static uint32_t list_threads(int threads[MOST_THREADS])
{
    uint32_t n = 0;
    DIR *folder = opendir("/proc/self/task");
    for (const struct dirent *entry; folder && n < MOST_THREADS && (entry = readdir(folder));)
        if (*entry->d_name != '.')
            threads[n++] = atoi(entry->d_name);
    if (folder)
        closedir(folder);
    qsort(threads, n, sizeof *threads, ascending);
    return n;
}

pln_status pin_threads(pln_error *error)
{
    int threads[MOST_THREADS];
    size_t order[CPU_SETSIZE];
    if (!is_known && sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return fail(error, "which processors there are is not told");
    is_known = true;
    const uint32_t n = list_threads(threads), processors = order_processors(order);
    for (uint32_t i = 0; i < n && processors; i++) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(order[i % processors], &one);
        if (sched_setaffinity(threads[i], sizeof one, &one) != 0)
            return fail(error, "the system refuses");
    }
    return PLN_OK;
}

pln_status pin_release(pln_error *error)
{
    if (is_known && sched_setaffinity(0, sizeof allowed, &allowed) != 0)
        return fail(error, "the system refuses");
    return PLN_OK;
}
