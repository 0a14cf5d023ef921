/* SPDX-License-Identifier: Apache-2.0
 *
 * Sentences that all formats share.
 */
#include "records/format.h"

#include "common/fail.h"

pln_status records_bad(const struct records_source *source, uint64_t line, pln_error *error, const char *sentence, ...)
{
    char text[sizeof error->message];
    va_list arguments;
    va_start(arguments, sentence);
    vsnprintf(text, sizeof text, sentence, arguments);
    va_end(arguments);
    return pln_fail(error, PLN_INVALID, "%s:%llu: %s", source->lines.stream.name, (unsigned long long)line, text);
}

pln_status records_no_memory(const struct records_source *source, pln_error *error)
{
    return pln_fail(error, PLN_NO_MEMORY, "%s:%llu: no memory for the row", source->lines.stream.name,
                    (unsigned long long)source->line);
}
