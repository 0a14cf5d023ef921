/* SPDX-License-Identifier: Apache-2.0
 *
 * Fills an error record. Header-only, so that plugins can use it too.
 */
#ifndef COMMON_FAIL_H
#define COMMON_FAIL_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "api/pleione_types.h"

/* Writes the sentence and returns the status: `return pln_fail(error, PLN_INVALID, "...", ...)`. error may be NULL. */
__attribute__((format(printf, 3, 4))) static inline pln_status pln_fail(pln_error *error, pln_status status,
                                                                        const char *format, ...)
{
    if (error) {
        error->status = status;
        error->node = -1;
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
    }
    return status;
}

/* The same for a node of a segment or graph. */
__attribute__((format(printf, 4, 5))) static inline pln_status pln_fail_node(pln_error *error, pln_status status,
                                                                             int32_t node, const char *format, ...)
{
    if (error) {
        error->status = status;
        error->node = node;
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
    }
    return status;
}

/* What it comes to that the system refused a file or a folder with this errno. */
static inline pln_status pln_status_of_errno(int problem, pln_status otherwise)
{
    return problem == ENOMEM ? PLN_NO_MEMORY : otherwise;
}
#endif
