/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes JSON strings. (jansson would need a value of its own for each, and a text that is UTF-8.)
 */
#include "records/quote.h"

#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "common/utf8.h"

static bool reserve(struct records_text *out, size_t more)
{
    char *text = more <= SIZE_MAX - out->bytes ? array_reserve(out->text, &out->room, out->bytes + more, 1) : NULL;
    if (text)
        out->text = text;
    return text != NULL;
}

bool records_put(struct records_text *out, const char *text, size_t bytes)
{
    if (!reserve(out, bytes))
        return false;
    memcpy(out->text + out->bytes, text, bytes);
    out->bytes += bytes;
    return true;
}

/* The escape of an ASCII letter that must not stand in a string; returns its bytes, 0 if the letter may. */
static size_t escape(char letter, char out[8])
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* letter, name */
    for (const char *n = named; *n; n += 2)
        if (*n == letter)
            return (size_t)snprintf(out, 8, "\\%c", n[1]);
    const unsigned code = (unsigned char)letter;
    return code < 0x20 ? (size_t)snprintf(out, 8, "\\u%04x", code) : 0;
}

/* One letter from the front of bytes > 0 bytes; there is room for six more. */
static size_t put_letter(struct records_text *out, const char *text, size_t bytes)
{
    char escaped[8];
    bool good = true;
    uint32_t code;
    const size_t taken = utf8_decode((const unsigned char *)text, bytes, &code, &good);
    const size_t n = good && taken == 1 ? escape(*text, escaped) : 0;
    const char *from = n ? escaped : text;
    size_t put = n ? n : taken;
    if (!good) {
        from = UTF8_REPLACEMENT;
        put = sizeof UTF8_REPLACEMENT - 1;
    }
    memcpy(out->text + out->bytes, from, put);
    out->bytes += put;
    return taken;
}

bool records_put_quoted(struct records_text *out, pln_text text)
{
    if (text.bytes > (SIZE_MAX - 2) / 6 || !reserve(out, text.bytes * 6 + 2)) /* "\u0000" is the longest of a byte */
        return false;
    out->text[out->bytes++] = '"';
    for (size_t at = 0; at < text.bytes;)
        at += put_letter(out, text.text + at, text.bytes - at);
    out->text[out->bytes++] = '"';
    return true;
}

static size_t count_digits(const char *text, size_t bytes)
{
    size_t n = 0;
    while (n < bytes && text[n] >= '0' && text[n] <= '9')
        n++;
    return n;
}

bool records_is_number(const char *text, size_t bytes)
{
    size_t at = bytes && text[0] == '-', digits = count_digits(text + at, bytes - at);
    if (!digits || (digits > 1 && text[at] == '0'))
        return false;
    at += digits;
    if (at < bytes && text[at] == '.') {
        digits = count_digits(text + at + 1, bytes - at - 1);
        if (!digits)
            return false;
        at += 1 + digits;
    }
    if (at < bytes && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        at += at < bytes && (text[at] == '+' || text[at] == '-');
        digits = count_digits(text + at, bytes - at);
        if (!digits)
            return false;
        at += digits;
    }
    return at == bytes;
}
