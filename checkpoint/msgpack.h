/* SPDX-License-Identifier: Apache-2.0
 *
 * How a MessagePack file is known, whether pleione was built with what reads it or not. Header-only.
 */
#ifndef CHECKPOINT_MSGPACK_H
#define CHECKPOINT_MSGPACK_H

#include <stdbool.h>
#include <stddef.h>

/* A map whose first key is a text or bytes; the format has no mark of its own. */
static inline bool msgpack_sniff(const unsigned char *bytes, size_t size)
{
    size_t key = 0; /* where the first key is */
    if (size && (bytes[0] & 0xf0u) == 0x80)
        key = 1;
    else if (size && (bytes[0] == 0xde || bytes[0] == 0xdf))
        key = bytes[0] == 0xde ? 3 : 5;
    if (!key || key >= size)
        return false;
    const unsigned char first = bytes[key];
    return (first & 0xe0u) == 0xa0 || (first >= 0xd9 && first <= 0xdb) || (first >= 0xc4 && first <= 0xc6);
}
#endif
