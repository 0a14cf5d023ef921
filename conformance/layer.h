/* SPDX-License-Identifier: Apache-2.0
 *
 * The backend under test behind the seam of the host (common/seam.h), where faults are made: entries that fail, a device
 * that is lost, calls that come late, wrong bits.
 */
#ifndef CONFORMANCE_LAYER_H
#define CONFORMANCE_LAYER_H

#include "api/pleione_backend.h"
#include "common/faults.h"

/* The table, whose handles of devices and plans are the seam's. One backend at a time: the same table each time; NULL: the
 * seam does not take it, *why says why not. */
const pln_backend *conf_layer(const pln_backend *backend, const char **why);
/* The faults of all calls from now on, borrowed; NULL: none. */
void conf_layer_use(struct faults *faults);
#endif
