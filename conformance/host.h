/* SPDX-License-Identifier: Apache-2.0
 *
 * The host that a backend under test sees: as the library's own, but it knows every block that it gave, has guards round
 * each, and can refuse one.
 */
#ifndef CONFORMANCE_HOST_H
#define CONFORMANCE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "api/pleione_backend.h"

struct conf_host;

/* Returns new: a host with a team of so many members; NULL if they cannot be started. `as_if`: the size that
 * team_size tells, where runs have fewer; 0: the team's own. */
struct conf_host *conf_host_create(uint32_t members, uint32_t as_if);
/* Whether the calling thread is in an entry from here on: only then a team may be asked. */
void conf_host_mark(bool is);
/* Its team may be asked from outside of entries: for the oracle, which is under no guard. */
void conf_host_trust(struct conf_host *host);
/* What it gave and nobody released is freed too. */
void conf_host_destroy(struct conf_host **host);
const pln_host *conf_host_table(const struct conf_host *host);

uint32_t conf_host_live(const struct conf_host *host); /* blocks */
/* The allocation with that number from now on, 1 being the next, gets no memory; 0: all do. */
void conf_host_refuse(struct conf_host *host, uint32_t number);
/* Whether that one has been asked for. */
bool conf_host_refused(const struct conf_host *host);
/* goes_on says no from its call with that number on; 0: never. */
void conf_host_cancel(struct conf_host *host, uint32_t number);
/* A violation if memory beside a block was written. */
void conf_host_check(const struct conf_host *host);

/* While a plan runs no entry may allocate; allocations are counted. */
void conf_host_watch_run(bool running);
uint32_t conf_host_take_allocations(void); /* of runs, since they were last taken */

/* How constant_read finds rows: `source` of an info. */
struct conf_source {
    const float *rows; /* dense */
    bool open;         /* constant_create is running */
};
#endif
