/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums over bytes: CRC-32C (Castagnoli) of TensorFlow's bundles, and the CRC-32 of zip archives.
 */
#ifndef CHECKPOINT_CRC_H
#define CHECKPOINT_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Of `bytes` more bytes behind those that gave `crc`; 0 at first. */
uint32_t crc32c_extend(uint32_t crc, const void *data, size_t bytes);
uint32_t crc32_zip_extend(uint32_t crc, const void *data, size_t bytes);

/* As it is stored: turned and moved, so that a sum over bytes that hold a sum is not a trivial one. */
static inline uint32_t crc32c_mask(uint32_t crc)
{
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}
#endif
