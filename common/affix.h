/* SPDX-License-Identifier: Apache-2.0
 *
 * What a name begins and ends with. Header-only.
 */
#ifndef COMMON_AFFIX_H
#define COMMON_AFFIX_H

#include <stdbool.h>
#include <string.h>

static inline bool begins(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

static inline bool ends(const char *name, const char *with)
{
    const size_t n = strlen(name), tail = strlen(with);
    return n >= tail && strcmp(name + n - tail, with) == 0;
}
#endif
