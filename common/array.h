/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays that grow by doubling. Header-only.
 */
#ifndef COMMON_ARRAY_H
#define COMMON_ARRAY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Room for `need` items of `bytes` each: returns the array, at its place or moved, with *room as it is then. NULL:
 * there is no memory, the array is as it was. */
static inline void *array_reserve(void *items, size_t *room, size_t need, size_t bytes)
{
    if (items && need <= *room)
        return items;
    const size_t doubled = *room > SIZE_MAX / 2 ? SIZE_MAX : *room * 2;
    const size_t wanted = need > doubled ? need : doubled;
    const size_t rooms = wanted > 16 ? wanted : 16;
    void *grown = rooms <= SIZE_MAX / bytes ? realloc(items, rooms * bytes) : NULL;
    if (grown)
        *room = rooms;
    return grown;
}
#endif
