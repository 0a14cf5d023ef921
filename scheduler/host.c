/* SPDX-License-Identifier: Apache-2.0
 *
 * What backends get from the host: log, memory, constants, the team, the cache folder.
 */
#define _DEFAULT_SOURCE /* madvise */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fail.h"
#include "scheduler/scheduler.h"

static void host_log(void *context, pln_log_level level, const char *message)
{
    const pln_runtime *runtime = context;
    if (runtime->log)
        runtime->log(runtime->log_context, level, message);
}

static int host_goes_on(void *context, const char *what, uint64_t done, uint64_t total)
{
    const pln_runtime *runtime = context;
    return !runtime->progress || runtime->progress(runtime->progress_context, what, done, total);
}

pln_status sched_go_on(pln_runtime *runtime, const char *what, uint64_t done, uint64_t total, pln_error *error)
{
    return host_goes_on(runtime, what, done, total)
               ? PLN_OK
               : pln_fail(error, PLN_CANCELLED, "cancelled while %s, after %llu steps of %llu", what,
                          (unsigned long long)done, (unsigned long long)total);
}

/* More than the machine has is refused here: with overcommit it would be found out only by being killed. */
static bool fits_memory(size_t bytes)
{
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages < 0 || page < 0 || bytes / (size_t)page < (size_t)pages;
}

/* Large blocks ask for large pages: weights pass through the processor once a run, and small pages make it wait for
 * addresses. */
static void *host_allocate(void *context, size_t bytes)
{
    enum { LARGE_PAGE = 2 << 20 };
    (void)context;
    void *memory = NULL;
    const bool large = bytes >= LARGE_PAGE;
    const size_t alignment = large ? LARGE_PAGE : 64;
    if (!fits_memory(bytes) || posix_memalign(&memory, alignment, bytes ? bytes : 64) != 0)
        return NULL;
    if (large)
        madvise(memory, bytes / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
    return memset(memory, 0, bytes);
}

static void host_release(void *context, void *memory)
{
    (void)context;
    free(memory);
}

static uint32_t host_team_size(void *context)
{
    return team_size(((pln_runtime *)context)->team);
}

static void host_team_run(void *context, pln_team_fn *fn, void *argument)
{
    team_run(((pln_runtime *)context)->team, fn, argument);
}

static void host_team_barrier(void *context)
{
    (void)context;
    team_barrier();
}

/* Makes base/middle/pleione. */
static char *cache_below(const char *base, const char *middle)
{
    const size_t bytes = strlen(base) + strlen(middle) + sizeof "/pleione";
    char *path = malloc(bytes);
    if (!path)
        return NULL;
    snprintf(path, bytes, "%s%s", base, middle);
    mkdir(path, 0700);
    snprintf(path, bytes, "%s%s/pleione", base, middle);
    if ((mkdir(path, 0700) != 0 && errno != EEXIST) || access(path, W_OK) != 0) {
        free(path);
        return NULL;
    }
    return path;
}

static char *find_cache(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache == '/')
        return cache_below(cache, "");
    return home && *home == '/' ? cache_below(home, "/.cache") : NULL;
}

static const char *host_cache_directory(void *context)
{
    pln_runtime *runtime = context;
    pthread_mutex_lock(&runtime->lock);
    if (!runtime->cache)
        runtime->cache = find_cache();
    pthread_mutex_unlock(&runtime->lock);
    return runtime->cache;
}

void sched_host_init(pln_runtime *runtime)
{
    runtime->host = (pln_host){
        .size = sizeof runtime->host,
        .context = runtime,
        .log = host_log,
        .allocate = host_allocate,
        .release = host_release,
        .constant_read = sched_constant_read,
        .team_size = host_team_size,
        .team_run = host_team_run,
        .team_barrier = host_team_barrier,
        .cache_directory = host_cache_directory,
        .goes_on = host_goes_on,
    };
}
