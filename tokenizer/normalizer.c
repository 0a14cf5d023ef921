/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes raw code points, gives normalized ones, one pass, each with its place in the raw text.
 */
#include "tokenizer/normalizer.h"

#include <stdlib.h>

#include "tokenizer/unicode.h"

/* Hangul syllables: leading consonant, vowel, trailing consonant (Unicode 15, section 3.12). */
enum { HANGUL_FIRST = 0xac00, HANGUL_LAST = 0xd7a3, JAMO_L = 0x1100, JAMO_V = 0x1161, JAMO_T = 0x11a7 };
enum { JAMO_V_COUNT = 21, JAMO_T_COUNT = 28 };

static int by_code(const void *code, const void *mapping)
{
    const uint32_t a = *(const uint32_t *)code, b = ((const struct tok_mapping *)mapping)->from;
    return (a > b) - (a < b);
}

static const struct tok_mapping *find(const struct tok_mapping *table, uint32_t count, uint32_t code)
{
    return bsearch(&code, table, count, sizeof *table, by_code);
}

static void add_lowered(const struct tok_normalizer *normalizer, uint32_t code, uint32_t from, struct tok_text *out)
{
    if (!normalizer->lower_case || !(tok_flags(code) & TOK_UPPER)) {
        tok_text_add(out, code, from);
        return;
    }
    const struct tok_mapping *lower = find(tok_lowered, tok_lowered_count, code);
    for (int i = 0; i < 3 && lower->to[i]; i++)
        tok_text_add(out, lower->to[i], from);
}

static uint32_t combining_class(uint32_t code)
{
    if (code < 0x300) /* Latin is not looked up */
        return 0;
    for (uint32_t i = 0; i < tok_classes_count; i++) {
        if (code >= tok_classes[i].first && code <= tok_classes[i].last)
            return tok_classes[i].class;
    }
    return 0;
}

/* Adds a decomposed code point in canonical order: behind others of at most its class. Places stay in order, as in the
 * reference (there stripped marks take part too, which moves places in text that is not in canonical order). */
static void add_ordered(const struct tok_normalizer *normalizer, uint32_t code, uint32_t from, struct tok_text *out)
{
    const uint32_t first = out->n, class = combining_class(code);
    add_lowered(normalizer, code, from, out);
    if (!class || out->failed)
        return;
    for (uint32_t i = first; i > 0 && combining_class(out->code[i - 1]) > class; i--) {
        out->code[i] = out->code[i - 1];
        out->code[i - 1] = code;
    }
}

static void add_stripped(const struct tok_normalizer *normalizer, uint32_t code, uint32_t from, struct tok_text *out)
{
    if (code >= HANGUL_FIRST && code <= HANGUL_LAST) {
        const uint32_t i = code - HANGUL_FIRST, trailing = i % JAMO_T_COUNT;
        tok_text_add(out, JAMO_L + i / (JAMO_V_COUNT * JAMO_T_COUNT), from);
        tok_text_add(out, JAMO_V + i / JAMO_T_COUNT % JAMO_V_COUNT, from);
        if (trailing)
            tok_text_add(out, JAMO_T + trailing, from);
        return;
    }
    const struct tok_mapping *base = find(tok_stripped, tok_stripped_count, code);
    for (int i = 0; i < 3 && base->to[i]; i++)
        add_ordered(normalizer, base->to[i], from, out);
}

void tok_normalize(const struct tok_normalizer *normalizer, const struct tok_text *raw, uint32_t begin, uint32_t end,
                   struct tok_text *out)
{
    for (uint32_t i = begin; i < end && !out->failed; i++) {
        const uint32_t code = raw->code[i], flags = tok_flags(code);
        const bool alone = normalizer->space_chinese && (flags & TOK_CHINESE);
        if (flags & TOK_REMOVED)
            continue;
        if (alone)
            tok_text_add(out, ' ', i);
        if (flags & TOK_SPACE)
            tok_text_add(out, ' ', i);
        else if (!normalizer->strip_accents)
            add_lowered(normalizer, code, i, out);
        else if (flags & TOK_ACCENTED)
            add_stripped(normalizer, code, i, out);
        else if (!(flags & TOK_MARK))
            add_ordered(normalizer, code, i, out);
        if (alone)
            tok_text_add(out, ' ', i);
    }
}
