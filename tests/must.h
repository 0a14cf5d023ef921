/* SPDX-License-Identifier: Apache-2.0
 *
 * A call of the API that a test needs to succeed.
 */
#ifndef TESTS_MUST_H
#define TESTS_MUST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/pleione.h"

static inline void must(pln_status status, const pln_error *error)
{
    if (status != PLN_OK)
        fail_msg("%s", error->message);
}

#endif
