/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON as text, whole or not at all.
 */
#ifndef COMMON_JSONTEXT_H
#define COMMON_JSONTEXT_H

#include <jansson.h>

/* New text (free) with the flags of json_dumps; NULL: no memory. json_dumps of jansson 2.14 leaves a key out, without a
 * word, when memory ends at it. */
char *jsontext_dump(const json_t *json, size_t flags);
#endif
