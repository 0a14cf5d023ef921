/* SPDX-License-Identifier: Apache-2.0
 *
 * How many processors this process may use: by affinity, and by the quota of its control groups.
 */
#ifndef COMMON_PROCESSORS_H
#define COMMON_PROCESSORS_H

#include <stdint.h>

/* At least 1. */
uint32_t processors_usable(void);

/* The smallest quota of the control groups of a process and of all above them, in whole processors, rounded down but
 * at least 1 (more threads than that would all be stopped for the rest of each period); UINT32_MAX if there is none.
 * groups: a file like /proc/self/cgroup; root: where control groups are mounted, of either version. What cannot be
 * read is no quota. */
uint32_t processors_of_quota(const char *groups, const char *root);
#endif
