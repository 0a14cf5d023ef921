/* SPDX-License-Identifier: Apache-2.0
 *
 * What one thread at a time may use says so to the second one, instead of racing with it.
 */
#ifndef COMMON_IN_USE_H
#define COMMON_IN_USE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "common/fail.h"

/* what: "the session". PLN_INVALID if it is in use; else it is, until in_use_end. */
static inline pln_status in_use_begin(atomic_bool *in_use, const char *what, pln_error *error)
{
    return atomic_exchange_explicit(in_use, true, memory_order_acquire)
               ? pln_fail(error, PLN_INVALID, "%s is in use: only one thread at a time may use it", what)
               : PLN_OK;
}

static inline void in_use_end(atomic_bool *in_use)
{
    atomic_store_explicit(in_use, false, memory_order_release);
}
#endif
