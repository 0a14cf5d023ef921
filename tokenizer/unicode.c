/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a code point, gives what it turns into: utf8proc, overruled where the reference has other Unicode data.
 */
#include "tokenizer/unicode.h"

#include <stdlib.h>
#include <utf8proc.h>

static int by_code(const void *code, const void *mapping)
{
    const uint32_t a = *(const uint32_t *)code, b = ((const struct tok_mapping *)mapping)->from;
    return (a > b) - (a < b);
}

uint32_t tok_lower(uint32_t code, uint32_t out[TOK_LOWERED])
{
    uint32_t n = 0;
    out[0] = code;
    if (!(tok_flags(code) & TOK_UPPER))
        return 1;
    const struct tok_mapping *apart =
        bsearch(&code, tok_lowered_apart, tok_lowered_apart_count, sizeof *tok_lowered_apart, by_code);
    if (!apart) {
        out[0] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)code);
        return 1;
    }
    for (; n < TOK_LOWERED && apart->to[n]; n++)
        out[n] = apart->to[n];
    return n;
}

uint32_t tok_decompose(uint32_t code, uint32_t out[TOK_DECOMPOSED])
{
    utf8proc_int32_t parts[TOK_DECOMPOSED];
    int boundary = 0;
    out[0] = code;
    if (!(tok_flags(code) & (TOK_COMPOSED | TOK_MARK)))
        return 1;
    const utf8proc_ssize_t n =
        utf8proc_decompose_char((utf8proc_int32_t)code, parts, TOK_DECOMPOSED, UTF8PROC_DECOMPOSE, &boundary);
    if (n < 1 || n > TOK_DECOMPOSED)
        return 1;
    for (utf8proc_ssize_t i = 0; i < n; i++)
        out[i] = (uint32_t)parts[i];
    return (uint32_t)n;
}

uint32_t tok_class(uint32_t code)
{
    if (!(tok_flags(code) & TOK_NONSTARTER))
        return 0;
    return (uint32_t)utf8proc_get_property((utf8proc_int32_t)code)->combining_class;
}
