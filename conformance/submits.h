/* SPDX-License-Identifier: Apache-2.0
 *
 * A backend's table whose plan_run is something else, so that any case runs submitted, in an order, or cancelled. One table
 * of a worker is in use at a time: plan_run has no context to carry what it needs.
 */
#ifndef CONFORMANCE_SUBMITS_H
#define CONFORMANCE_SUBMITS_H

#include "conformance/bench.h"

typedef pln_status conf_plan_run(pln_plan *plan, const pln_run *run, pln_failure *failure);

/* Of the table in use. */
struct conf_submitted {
    const pln_backend *real; /* whose functions the others are */
    pln_plan *second;        /* what a run submits beside its own plan; borrowed, kept from table to table */
    uint32_t runs;           /* through the table since it was made */
};
extern struct conf_submitted conf_submitted;

/* Makes the table of a backend with another plan_run, and takes it in use. */
void conf_table_make(pln_backend *table, const pln_backend *backend, conf_plan_run *run);

/* Submitted and waited for, but every second time, when it blocks. */
pln_status conf_run_submitted(pln_plan *plan, const pln_run *run, pln_failure *failure);

/* Waits for a submitted run: looks first, then with a limit, then without. */
pln_status conf_await(pln_plan *plan, pln_failure *failure);

/* conf_fill of one case: a product that takes long enough to be looked at, or cancelled, on its way. */
bool conf_fill_long(struct conf_case *c, uint32_t index);

#endif
