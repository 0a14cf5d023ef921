/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes of whatever kind as a JSON string: what is not UTF-8 is U+FFFD for each maximal subpart, as the tokenizer reads
 * it.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* What the first byte of a character says: how many follow, and the bounds of the second (Unicode, table 3-7). */
struct lead {
    unsigned following, low, high;
};

static const struct {
    unsigned first, last; /* bytes that begin such a character */
    struct lead lead;
} leads[] = {
    {0xc2, 0xdf, {1, 0x80, 0xbf}}, {0xe0, 0xe0, {2, 0xa0, 0xbf}}, {0xe1, 0xec, {2, 0x80, 0xbf}},
    {0xed, 0xed, {2, 0x80, 0x9f}}, {0xee, 0xef, {2, 0x80, 0xbf}}, {0xf0, 0xf0, {3, 0x90, 0xbf}},
    {0xf1, 0xf3, {3, 0x80, 0xbf}}, {0xf4, 0xf4, {3, 0x80, 0x8f}},
};

/* following 0: a byte that begins no character of several. */
static struct lead read_lead(unsigned char byte)
{
    for (size_t i = 0; i < sizeof leads / sizeof *leads; i++)
        if (byte >= leads[i].first && byte <= leads[i].last)
            return leads[i].lead;
    return (struct lead){0, 0, 0};
}

size_t cli_utf8_cut(const char *text, size_t bytes, bool *valid)
{
    const unsigned char *s = (const unsigned char *)text;
    const struct lead lead = read_lead(s[0]);
    size_t n = 1;
    *valid = s[0] < 0x80;
    if (!lead.following || bytes < 2 || s[1] < lead.low || s[1] > lead.high)
        return n;
    for (n = 2; n <= lead.following && n < bytes && (s[n] & 0xc0) == 0x80;)
        n++;
    *valid = n == lead.following + 1;
    return n;
}

json_t *cli_json_text(const char *text, size_t bytes)
{
    char *copy = malloc(3 * bytes + 1); /* each byte is a replacement at worst */
    size_t used = 0;
    for (size_t at = 0, n; copy && at < bytes; at += n) {
        bool valid;
        n = cli_utf8_cut(text + at, bytes - at, &valid);
        const size_t put = valid ? n : strlen(CLI_REPLACEMENT);
        memcpy(copy + used, valid ? text + at : CLI_REPLACEMENT, put);
        used += put;
    }
    json_t *json = copy ? json_stringn_nocheck(copy, used) : NULL;
    free(copy);
    return json;
}
