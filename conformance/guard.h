/* SPDX-License-Identifier: Apache-2.0
 *
 * A layer between the cases and a backend: every call of an entry goes through it, and is looked at before and after.
 */
#ifndef CONFORMANCE_GUARD_H
#define CONFORMANCE_GUARD_H

#include <stdbool.h>

#include "api/pleione_backend.h"

enum { CONF_ENTRY = 32 };

/* A library below the backend may call malloc in a run; what it keeps is a leak all the same. */
extern bool conf_runs_allocate;

/* The name of the entry that is running is written there (memory that another process sees), "" when it returned. */
void conf_guard_tell(char entry[CONF_ENTRY]);
/* For what is no entry: "dlopen". */
void conf_guard_enter(const char *name);
void conf_guard_leave(void);

/* The table with the layer over it. One backend at a time: the same table each time. */
const pln_backend *conf_guard(const pln_backend *backend);
#endif
