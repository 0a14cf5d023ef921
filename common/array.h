/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays that grow by doubling. Header-only.
 */
#ifndef COMMON_ARRAY_H
#define COMMON_ARRAY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* The next room of an array that has room for `room` items and must have it for `need`, which is more. */
static inline size_t array_room(size_t room, size_t need)
{
    const size_t doubled = room > SIZE_MAX / 2 ? SIZE_MAX : room * 2;
    const size_t wanted = need > doubled ? need : doubled;
    return wanted > 16 ? wanted : 16;
}

/* The array with room for `room` items of `bytes` each, at its place or moved. NULL: there is no memory, it is as it
 * was. For arrays that share a room: array_room says which, once. */
static inline void *array_resize(void *items, size_t room, size_t bytes)
{
    return room <= SIZE_MAX / bytes ? realloc(items, room * bytes) : NULL;
}

/* Room for `need` items of `bytes` each: returns the array, at its place or moved, with *room as it is then. NULL:
 * there is no memory, the array is as it was. */
static inline void *array_reserve(void *items, size_t *room, size_t need, size_t bytes)
{
    if (items && need <= *room)
        return items;
    const size_t larger = array_room(*room, need);
    void *grown = array_resize(items, larger, bytes);
    if (grown)
        *room = larger;
    return grown;
}
#endif
