/* SPDX-License-Identifier: Apache-2.0
 *
 * How deep JSON text nests, told before a parser meets it: jansson walks 2048 levels by recursion, which is more than a
 * small stack holds, when it reads and again when it frees.
 */
#ifndef COMMON_JSON_DEPTH_H
#define COMMON_JSON_DEPTH_H

#include <stdbool.h>
#include <stddef.h>

enum { JSON_DEPTH_LIMIT = 256 }; /* levels; the files of models have five */

/* Whether no more than JSON_DEPTH_LIMIT arrays and objects are open at once. The text need not be JSON. */
static inline bool json_depth_fits(const char *text, size_t bytes)
{
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < bytes && depth <= JSON_DEPTH_LIMIT; i++) {
        if (quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && (text[i] == '[' || text[i] == '{'))
            depth++;
        else if (!quoted && depth && (text[i] == ']' || text[i] == '}'))
            depth--;
    }
    return depth <= JSON_DEPTH_LIMIT;
}
#endif
