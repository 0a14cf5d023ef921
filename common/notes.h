/* SPDX-License-Identifier: Apache-2.0
 *
 * One text of several that were noted one by one. Header-only.
 */
#ifndef COMMON_NOTES_H
#define COMMON_NOTES_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Adds a text to *notes (NULL: there is none yet; free), with `between` before it if it is not the first. False: there is
 * no memory, *notes is as it was. */
static inline bool notes_add(char **notes, const char *between, const char *text)
{
    const size_t old = *notes ? strlen(*notes) : 0, bytes = old + strlen(between) + strlen(text) + 1;
    char *longer = realloc(*notes, bytes);
    if (!longer)
        return false;
    snprintf(longer + old, bytes - old, "%s%s", old ? between : "", text);
    *notes = longer;
    return true;
}
#endif
