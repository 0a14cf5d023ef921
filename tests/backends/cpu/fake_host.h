/* SPDX-License-Identifier: Apache-2.0
 *
 * A host with a team of one, that counts what is allocated and run.
 */
#ifndef TESTS_BACKENDS_CPU_FAKE_HOST_H
#define TESTS_BACKENDS_CPU_FAKE_HOST_H

#include "api/pleione_backend.h"

extern const pln_host fake_host;

/* Blocks of fake_host that were not released. */
extern int fake_host_blocks;
/* Runs of its team. */
extern int fake_host_team_runs;
#endif
