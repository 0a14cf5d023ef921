/* SPDX-License-Identifier: Apache-2.0
 *
 * A text that grows, and texts as JSON strings in it.
 */
#ifndef RECORDS_QUOTE_H
#define RECORDS_QUOTE_H

#include <stdbool.h>

#include "api/pleione_rows.h"

struct records_text { /* zero is empty; text is freed by its owner */
    char *text;
    size_t bytes, room;
};

/* False, here and below: there is no memory, and it is as it was. */
bool records_put(struct records_text *out, const char *text, size_t bytes);
/* In quotes, escaped; each maximal subpart that is not UTF-8 becomes U+FFFD. */
bool records_put_quoted(struct records_text *out, pln_text text);
/* Whether it is a number as JSON writes it. */
bool records_is_number(const char *text, size_t bytes);
#endif
