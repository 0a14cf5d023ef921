/* SPDX-License-Identifier: Apache-2.0
 *
 * A table of LevelDB ("SSTable"), which the .index of a TensorFlow bundle is: keys in order, each with a value.
 */
#ifndef CHECKPOINT_SSTABLE_H
#define CHECKPOINT_SSTABLE_H

#include <stdbool.h>

#include "api/pleione_types.h"
#include "checkpoint/protobuf.h"

/* Called with each key, of `bytes` bytes and ended with a zero, and its value; both end with the call. Another status
 * than PLN_OK ends the reading. */
typedef pln_status sstable_take(void *context, const char *key, size_t bytes, struct protobuf value, pln_error *error);

/* Whether the last bytes are those of a table. */
bool sstable_is(const unsigned char *bytes, size_t size);

/* All entries in order. Every block is checked against its sum and the bytes that are there; blocks lie one behind the
 * other, and keys ascend, so a table is read once and no key comes twice. PLN_BAD_MODEL names path. */
pln_status sstable_read(const char *path, const unsigned char *bytes, size_t size, sstable_take *take, void *context,
                        pln_error *error);
#endif
