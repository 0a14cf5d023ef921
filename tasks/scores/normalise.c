/* SPDX-License-Identifier: Apache-2.0
 *
 * A text as the SQuAD script normalises it: lower case, without ASCII punctuation, without the words a, an and the, single
 * blanks. Letters, capitals and white space are Python's: that of Unicode.
 */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "tasks/scores/score.h"
#include "tokenizer/utf8.h"

enum { CAPITAL_SIGMA = 0x3a3, SIGMA = 0x3c3, FINAL_SIGMA = 0x3c2, CAPITAL_DOTTED_I = 0x130, DOT_ABOVE = 0x307 };

static bool is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

static bool is_punctuation(uint32_t c)
{
    return c < 0x80 && c && strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", (int)c);
}

static utf8proc_category_t category(uint32_t c)
{
    return utf8proc_category((utf8proc_int32_t)c);
}

/* A letter or a number. */
static bool is_of_word(uint32_t c)
{
    const utf8proc_category_t k = category(c);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) ||
           (k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO);
}

/* ---- lower case: a capital sigma at the end of a word becomes a final one (Unicode, table 3-17) */

static bool is_ignorable(uint32_t c)
{
    static const uint32_t inside_words[] = {'\'',   '.',    ':',    '^',    '`',    0xa8,   0xad,   0xaf,
                                            0xb4,   0xb7,   0xb8,   0x387,  0x55f,  0x5f4,  0x2018, 0x2019,
                                            0x2024, 0x2027, 0xfe13, 0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a};
    const utf8proc_category_t k = category(c);
    for (size_t i = 0; i < sizeof inside_words / sizeof *inside_words; i++)
        if (c == inside_words[i])
            return true;
    return k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_ME || k == UTF8PROC_CATEGORY_CF ||
           k == UTF8PROC_CATEGORY_LM || k == UTF8PROC_CATEGORY_SK;
}

static bool is_cased(uint32_t c)
{
    const utf8proc_category_t k = category(c);
    return k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT;
}

static bool ends_word(const uint32_t *codes, size_t n, size_t at)
{
    size_t before = at, behind = at + 1;
    while (before && is_ignorable(codes[before - 1]))
        before--;
    while (behind < n && is_ignorable(codes[behind]))
        behind++;
    return before && is_cased(codes[before - 1]) && !(behind < n && is_cased(codes[behind]));
}

/* Returns how many code points of lower were written: at most 2 n. */
static size_t lower(const uint32_t *codes, size_t n, uint32_t *lowered)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        if (codes[i] == CAPITAL_SIGMA)
            lowered[used++] = ends_word(codes, n, i) ? FINAL_SIGMA : SIGMA;
        else if (codes[i] == CAPITAL_DOTTED_I) {
            lowered[used++] = 'i';
            lowered[used++] = DOT_ABOVE;
        } else
            lowered[used++] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)codes[i]);
    }
    return used;
}

/* ---- articles */

static bool ends_at(const uint32_t *codes, size_t n, size_t at)
{
    return at == n || !is_of_word(codes[at]);
}

/* The length of the article that begins here, a word of its own; 0: none. */
static size_t article_at(const uint32_t *codes, size_t n, size_t at)
{
    static const char *const articles[] = {"a", "an", "the"};
    if (at && is_of_word(codes[at - 1]))
        return 0;
    for (size_t i = 0; i < sizeof articles / sizeof *articles; i++) {
        const size_t length = strlen(articles[i]);
        bool equal = at + length <= n && ends_at(codes, n, at + length);
        for (size_t j = 0; equal && j < length; j++)
            equal = codes[at + j] == (unsigned char)articles[i][j];
        if (equal)
            return length;
    }
    return 0;
}

static size_t decode(pln_text text, uint32_t *codes)
{
    size_t n = 0;
    for (size_t at = 0; at < text.bytes; n++)
        at += tok_utf8_decode((const unsigned char *)text.text + at, text.bytes - at, &codes[n]);
    return n;
}

static size_t drop_punctuation(uint32_t *codes, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!is_punctuation(codes[i]))
            codes[kept++] = codes[i];
    return kept;
}

/* Articles are blanks; blanks are one between words. text: room for 4 bytes a code point and a NUL. */
static void write_words(const uint32_t *codes, size_t n, char *text)
{
    size_t used = 0;
    bool apart = false;
    for (size_t i = 0; i < n;) {
        const size_t article = article_at(codes, n, i);
        if (article || is_space(codes[i])) {
            apart = used > 0;
            i += article ? article : 1;
            continue;
        }
        if (apart)
            text[used++] = ' ';
        apart = false;
        used += tok_utf8_encode(codes[i++], (unsigned char *)text + used);
    }
    text[used] = '\0';
}

char *score_normalise(pln_text text)
{
    const size_t most = text.bytes; /* code points; twice as many in lower case */
    uint32_t *codes = most < SIZE_MAX / 16 ? malloc((3 * most + 1) * sizeof *codes) : NULL;
    char *normal = codes ? malloc(8 * most + 1) : NULL;
    if (normal) {
        uint32_t *lowered = codes + most;
        size_t n = lower(codes, decode(text, codes), lowered);
        n = drop_punctuation(lowered, n);
        write_words(lowered, n, normal);
    }
    free(codes);
    return normal;
}
