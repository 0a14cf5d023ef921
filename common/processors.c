/* SPDX-License-Identifier: Apache-2.0
 *
 * Version 2 of control groups says it in one file, "max 100000" or "150000 100000" (quota and period in microseconds);
 * version 1 in two, with -1 for no quota.
 */
#define _GNU_SOURCE /* sched_getaffinity */
#include "common/processors.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/pleione.h"

static bool read_line(const char *folder, const char *name, char *line, int bytes)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return false;
    FILE *file = fopen(path, "r");
    const bool read = file && fgets(line, bytes, file);
    if (file)
        fclose(file);
    return read;
}

/* Of one group. */
static uint32_t quota_of(const char *folder)
{
    char line[64], period_line[64];
    long long quota = -1, period = 0;
    if (read_line(folder, "cpu.max", line, sizeof line)) {
        if (sscanf(line, "%lld %lld", &quota, &period) != 2)
            quota = -1; /* "max" */
    } else if (read_line(folder, "cpu.cfs_quota_us", line, sizeof line) &&
               read_line(folder, "cpu.cfs_period_us", period_line, sizeof period_line)) {
        quota = strtoll(line, NULL, 10);
        period = strtoll(period_line, NULL, 10);
    }
    if (quota <= 0 || period <= 0 || quota / period >= UINT32_MAX)
        return UINT32_MAX;
    return quota < period ? 1 : (uint32_t)(quota / period);
}

/* Of the group and all above it. In a container the path may be that of the machine, which is not there: then the
 * mount itself is the group. */
static uint32_t quota_above(const char *mount, const char *group)
{
    char folder[PATH_MAX];
    uint32_t least = UINT32_MAX;
    if (snprintf(folder, sizeof folder, "%s%s", mount, group) >= (int)sizeof folder)
        return least;
    for (char *slash; strlen(folder) >= strlen(mount); *slash = '\0') {
        const uint32_t quota = quota_of(folder);
        least = quota < least ? quota : least;
        slash = strrchr(folder, '/');
        if (!slash)
            break;
    }
    return least;
}

static bool names_cpu(const char *controllers, size_t length)
{
    for (const char *end = controllers + length; controllers < end;) {
        const size_t n = strcspn(controllers, ",:");
        if (n == 3 && memcmp(controllers, "cpu", 3) == 0)
            return true;
        controllers += n + 1;
    }
    return false;
}

/* A line is NUMBER:CONTROLLERS:GROUP, where version 2 has no controllers. */
static uint32_t quota_of_line(char *line, const char *root)
{
    char mount[PATH_MAX];
    const char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
    line[strcspn(line, "\n")] = '\0';
    if (!group)
        return UINT32_MAX;
    const int length = (int)(group - ++controllers);
    if (!length)
        return quota_above(root, group + 1);
    if (!names_cpu(controllers, (size_t)length))
        return UINT32_MAX;
    snprintf(mount, sizeof mount, "%s/%.*s", root, length, controllers);
    if (access(mount, F_OK) != 0) /* cpu beside cpuacct has a link of its own */
        snprintf(mount, sizeof mount, "%s/cpu", root);
    return quota_above(mount, group + 1);
}

uint32_t processors_of_quota(const char *groups, const char *root)
{
    char line[PATH_MAX + 64];
    uint32_t least = UINT32_MAX;
    FILE *file = fopen(groups, "r");
    while (file && fgets(line, sizeof line, file)) {
        const uint32_t quota = quota_of_line(line, root);
        least = quota < least ? quota : least;
    }
    if (file)
        fclose(file);
    return least;
}

/* The set of a large machine may need more room than the usual one: it is asked for with more until it fits. */
static uint32_t processors_of_affinity(void)
{
    for (int room = CPU_SETSIZE; room <= CPU_SETSIZE << 8; room *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)room);
        const size_t bytes = CPU_ALLOC_SIZE((size_t)room);
        const bool fits = set && sched_getaffinity(0, bytes, set) == 0;
        const int n = fits ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (n > 0)
            return (uint32_t)n;
    }
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (uint32_t)online : 1;
}

uint32_t processors_usable(void)
{
    const uint32_t quota = processors_of_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    const uint32_t allowed = processors_of_affinity();
    return quota < allowed ? quota : allowed;
}

uint32_t pln_processors(void)
{
    return processors_usable();
}
