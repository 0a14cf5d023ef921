/* SPDX-License-Identifier: Apache-2.0
 *
 * A persistent team of threads that several callers share: one call runs a function on some of its members, barriers
 * inside it are cheap. The caller is member 0.
 */
#ifndef COMMON_TEAM_H
#define COMMON_TEAM_H

#include <stdint.h>

struct team;

enum { TEAM_MOST = 1024 }; /* members: what is asked for beyond is no number of processors */

/* Returns new: `members` threads (at least 1), the caller included; NULL if they cannot be started. */
struct team *team_create(uint32_t members);
void team_destroy(struct team **team);

uint32_t team_size(const struct team *team);

/* Runs fn(argument, index, members) with every index below `members` and returns when all returned. `members` is at
 * most team_size: callers at the same time share the team, whoever finds nobody free works alone, and an argument whose
 * members mostly waited for each other, because others use the processors too, gets fewer for a while. Any thread, not
 * from inside fn. */
void team_run(struct team *team, void (*fn)(void *argument, uint32_t index, uint32_t members), void *argument);

/* Inside fn, by every member of the run: returns when all have called it. Anywhere else it returns at once. */
void team_barrier(void);
#endif
