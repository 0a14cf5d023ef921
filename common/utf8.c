/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes bytes, gives code points; broken bytes become U+FFFD.
 */
#include "common/utf8.h"

/* Lead bytes by range: how many bytes follow, and what the first of them may be (Unicode 15, table 3-7). */
static const struct lead {
    unsigned char first, last, follow, low, high;
} leads[] = {
    {0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf}, {0xe1, 0xec, 2, 0x80, 0xbf}, {0xed, 0xed, 2, 0x80, 0x9f},
    {0xee, 0xef, 2, 0x80, 0xbf}, {0xf0, 0xf0, 3, 0x90, 0xbf}, {0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f},
};

static uint32_t broken(uint32_t taken, uint32_t *code, bool *good)
{
    *code = 0xfffd;
    if (good)
        *good = false;
    return taken;
}

uint32_t utf8_decode(const unsigned char *text, size_t bytes, uint32_t *code, bool *good)
{
    if (text[0] < 0x80) {
        *code = text[0];
        return 1;
    }
    const struct lead *lead = leads, *end = leads + sizeof leads / sizeof *leads;
    while (lead < end && (text[0] < lead->first || text[0] > lead->last))
        lead++;
    if (lead == end)
        return broken(1, code, good);
    uint32_t value = text[0] & (0x3fu >> lead->follow);
    for (uint32_t i = 1; i <= lead->follow; i++) {
        const unsigned char low = i == 1 ? lead->low : 0x80;
        const unsigned char high = i == 1 ? lead->high : 0xbf;
        if (i == bytes || text[i] < low || text[i] > high)
            return broken(i, code, good);
        value = value << 6 | (text[i] & 0x3fu);
    }
    *code = value;
    return lead->follow + 1u;
}
