/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes bytes, gives their sum, eight bytes a step ("slicing by 8": table k is the effect of a byte k steps later).
 */
#include "checkpoint/crc.h"

#include <pthread.h>
#include <string.h>

enum { SLICES = 8 };
static uint32_t of_castagnoli[SLICES][256], of_zip[SLICES][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* polynomial: with its bits reversed. */
static void fill(uint32_t tables[SLICES][256], uint32_t polynomial)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (polynomial & (0u - (crc & 1u)));
        tables[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++)
        for (int k = 1; k < SLICES; k++)
            tables[k][byte] = tables[k - 1][byte] >> 8 ^ tables[0][tables[k - 1][byte] & 0xffu];
}

static void fill_tables(void)
{
    fill(of_castagnoli, 0x82f63b78u); /* 0x1edc6f41 */
    fill(of_zip, 0xedb88320u);        /* 0x04c11db7 */
}

static uint32_t extend(uint32_t tables[SLICES][256], uint32_t crc, const void *data, size_t bytes)
{
    const unsigned char *next = data;
    crc = ~crc;
    for (; bytes >= SLICES; bytes -= SLICES, next += SLICES) {
        uint32_t low, high;
        memcpy(&low, next, sizeof low);
        memcpy(&high, next + 4, sizeof high);
        low ^= crc;
        crc = tables[7][low & 0xffu] ^ tables[6][low >> 8 & 0xffu] ^ tables[5][low >> 16 & 0xffu] ^
              tables[4][low >> 24] ^ tables[3][high & 0xffu] ^ tables[2][high >> 8 & 0xffu] ^
              tables[1][high >> 16 & 0xffu] ^ tables[0][high >> 24];
    }
    for (; bytes; bytes--, next++)
        crc = crc >> 8 ^ tables[0][(crc ^ *next) & 0xffu];
    return ~crc;
}

uint32_t crc32c_extend(uint32_t crc, const void *data, size_t bytes)
{
    pthread_once(&once, fill_tables);
    return extend(of_castagnoli, crc, data, bytes);
}

uint32_t crc32_zip_extend(uint32_t crc, const void *data, size_t bytes)
{
    pthread_once(&once, fill_tables);
    return extend(of_zip, crc, data, bytes);
}
