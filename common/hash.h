/* SPDX-License-Identifier: Apache-2.0
 *
 * FNV-1a of 64 bits: names of files in caches, sums that tell whether something changed; nothing that anybody may attack.
 * Header-only, so that plugins can use it too.
 */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>

static const uint64_t hash_begin = 0xcbf29ce484222325u;

/* Goes on from `hash`, hash_begin at first. */
static inline uint64_t hash_bytes(uint64_t hash, const void *data, size_t bytes)
{
    for (const unsigned char *at = data; bytes; at++, bytes--)
        hash = (hash ^ *at) * 0x100000001b3u;
    return hash;
}
#endif
