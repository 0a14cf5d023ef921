/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes code points, gives bytes.
 */
#include "tokenizer/utf8.h"

uint32_t tok_utf8_encode(uint32_t code, unsigned char out[4])
{
    if (code < 0x80) {
        out[0] = (unsigned char)code;
        return 1;
    }
    uint32_t bytes = 4;
    if (code < 0x10000)
        bytes = code < 0x800 ? 2 : 3;
    for (uint32_t i = bytes - 1; i > 0; i--, code >>= 6)
        out[i] = (unsigned char)(0x80 | (code & 0x3f));
    out[0] = (unsigned char)((0xf00u >> bytes & 0xf0) | code);
    return bytes;
}
