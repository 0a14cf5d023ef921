/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a text, gives its words as a tokenizer in Python does: a token between blanks at a time, each composed,
 * lowered, stripped and then split at punctuation.
 */
#include "tokenizer/slow.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "common/array.h"
#include "tokenizer/unicode.h"
#include "tokenizer/utf8.h"

enum { CAPITAL_SIGMA = 0x3a3, SMALL_SIGMA = 0x3c3, FINAL_SIGMA = 0x3c2 };
enum { LONGEST_RUN = 1024 }; /* of combining marks */

struct cutter {
    struct tok_slow *slow;
    const struct tok_slow_rules *rules;
    bool (*take)(void *, const struct tok_word *);
    void *context;
};

static void finish_codes(struct tok_codes *codes)
{
    free(codes->code);
    free(codes->place);
}

void tok_slow_finish(struct tok_slow *slow)
{
    finish_codes(&slow->token);
    finish_codes(&slow->changed);
    free(slow->text);
    *slow = (struct tok_slow){0};
}

static bool grow(struct tok_codes *codes)
{
    const size_t room = array_room(codes->room, codes->n + 1ul);
    uint32_t *code = array_resize(codes->code, room, sizeof *code);
    codes->code = code ? code : codes->code;
    struct tok_place *places = code ? array_resize(codes->place, room, sizeof *places) : NULL;
    codes->place = places ? places : codes->place;
    if (!places || room > UINT32_MAX / 8)
        return false;
    codes->room = (uint32_t)room;
    return true;
}

static bool add(struct tok_codes *codes, uint32_t code, struct tok_place place)
{
    if (codes->n == codes->room && !grow(codes))
        return false;
    codes->code[codes->n] = code;
    codes->place[codes->n++] = place;
    return true;
}

static utf8proc_category_t category(uint32_t code)
{
    return utf8proc_category((utf8proc_int32_t)code);
}

static bool is_blank(uint32_t code)
{
    const utf8proc_category_t c = category(code);
    return code == '\t' || code == '\n' || code == '\r' || c == UTF8PROC_CATEGORY_ZS || c == UTF8PROC_CATEGORY_ZL ||
           c == UTF8PROC_CATEGORY_ZP;
}

/* What Python splits at, where controls are not taken out before. */
static bool splits(uint32_t code)
{
    return is_blank(code) || (code >= 0xb && code <= 0xc) || (code >= 0x1c && code <= 0x1f) || code == 0x85;
}

/* Controls, unassigned ones and what stands for nothing. */
static bool is_removed(uint32_t code)
{
    switch (category(code)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
        return true;
    default:
        return code == TOK_REPLACEMENT;
    }
}

/* The same ranges as the fast tokenizer, but without its slip of one digit. */
static bool is_chinese(uint32_t code)
{
    return (tok_flags(code) & TOK_CHINESE) || (code >= 0x2b820 && code <= 0x2ceaf);
}

static bool is_punctuation(uint32_t code)
{
    if (code < 0x80)
        return tok_flags(code) & TOK_PUNCTUATION;
    switch (category(code)) {
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
        return true;
    default:
        return false;
    }
}

/* Writes code points [begin, end) as UTF-8; NULL: no memory. */
static const unsigned char *write_text(struct tok_slow *slow, const struct tok_codes *codes, uint32_t begin,
                                       uint32_t end, uint32_t *bytes)
{
    const size_t room = 4 * (size_t)(end - begin) + 1;
    if (room > slow->text_room) {
        free(slow->text);
        slow->text = malloc(2 * room);
        slow->text_room = slow->text ? 2 * room : 0;
    }
    *bytes = 0;
    for (uint32_t i = begin; slow->text && i < end; i++)
        *bytes += tok_utf8_encode(codes->code[i], slow->text + *bytes);
    return slow->text;
}

static bool emit(struct cutter *c, const struct tok_codes *codes, uint32_t begin, uint32_t end)
{
    if (begin == end)
        return true;
    struct tok_word word = {.chars = end - begin, .places = codes->place + begin};
    word.text = write_text(c->slow, codes, begin, end, &word.bytes);
    word.index = codes->place[begin].index;
    word.byte = codes->place[begin].byte;
    word.end_index = codes->place[end - 1].index + 1;
    word.end_byte = codes->place[end - 1].end_byte;
    return word.text && c->take(c->context, &word);
}

/* A token that changes: what comes out cannot be traced to its code points, so each has the place of the whole. */
static bool replace_token(struct tok_codes *token, const utf8proc_int32_t *codes, utf8proc_ssize_t n)
{
    const uint32_t before = token->n;
    const struct tok_place first = token->place[0], last = token->place[before - 1];
    token->n = 0;
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        struct tok_place place = {first.index, first.byte, last.end_byte};
        if (i == n - 1)
            place.index = last.index; /* ends are counted from the last one */
        if (!add(token, (uint32_t)codes[i], place))
            return false;
    }
    return true;
}

static uint32_t class_of(uint32_t code)
{
    return code < 0x300 ? 0 : (uint32_t)utf8proc_get_property((utf8proc_int32_t)code)->combining_class;
}

/* Composing sorts marks with a time that grows by the square; a run of so many is left as it is. */
static bool has_endless_run(const struct tok_codes *token)
{
    uint32_t run = 0;
    for (uint32_t i = 0; i < token->n && run <= LONGEST_RUN; i++)
        run = class_of(token->code[i]) ? run + 1 : 0;
    return run > LONGEST_RUN;
}

static bool compose(struct cutter *c)
{
    struct tok_codes *token = &c->slow->token;
    uint32_t bytes, high = 0;
    for (uint32_t i = 0; i < token->n; i++)
        high |= token->code[i];
    if (high < 0x300 || has_endless_run(token))
        return true;
    const unsigned char *text = write_text(c->slow, token, 0, token->n, &bytes);
    const utf8proc_ssize_t room = 4 * (utf8proc_ssize_t)token->n + 16;
    utf8proc_int32_t *codes = text ? malloc((size_t)room * sizeof *codes) : NULL;
    utf8proc_ssize_t n = codes ? utf8proc_decompose(text, bytes, codes, room, UTF8PROC_STABLE | UTF8PROC_COMPOSE) : -1;
    if (n >= 0 && n <= room)
        n = utf8proc_normalize_utf32(codes, n, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    bool good = codes != NULL;
    if (n > 0 && n <= room && ((uint32_t)n != token->n || memcmp(codes, token->code, (size_t)n * sizeof *codes) != 0))
        good = replace_token(token, codes, n);
    free(codes);
    return good;
}

static bool is_cased(uint32_t code)
{
    const utf8proc_category_t c = category(code);
    return c == UTF8PROC_CATEGORY_LU || c == UTF8PROC_CATEGORY_LL || c == UTF8PROC_CATEGORY_LT;
}

static bool is_case_ignorable(uint32_t code)
{
    const utf8proc_category_t c = category(code);
    return c == UTF8PROC_CATEGORY_MN || c == UTF8PROC_CATEGORY_ME || c == UTF8PROC_CATEGORY_CF ||
           c == UTF8PROC_CATEGORY_LM || c == UTF8PROC_CATEGORY_SK || code == '\'' || code == '.' || code == ':' ||
           code == 0xb7 || code == 0x2018 || code == 0x2019;
}

/* Behind a letter and before none (Unicode 15, section 3.13, Final_Sigma). */
static bool is_final(const struct tok_codes *token, uint32_t at)
{
    uint32_t before = at, behind = at + 1;
    while (before > 0 && is_case_ignorable(token->code[before - 1]))
        before--;
    while (behind < token->n && is_case_ignorable(token->code[behind]))
        behind++;
    return before > 0 && is_cased(token->code[before - 1]) && (behind == token->n || !is_cased(token->code[behind]));
}

static uint32_t lower(const struct tok_codes *token, uint32_t at, uint32_t out[TOK_LOWERED])
{
    const uint32_t code = token->code[at];
    if (code == CAPITAL_SIGMA) {
        out[0] = is_final(token, at) ? FINAL_SIGMA : SMALL_SIGMA;
        return 1;
    }
    return tok_lower(code, out);
}

/* Adds a lowered code point, without its accents if they are stripped. */
static bool add_changed(struct cutter *c, uint32_t code, struct tok_place place)
{
    utf8proc_int32_t parts[TOK_DECOMPOSED] = {(utf8proc_int32_t)code};
    int boundary = 0;
    utf8proc_ssize_t n = 1;
    if (c->rules->strip_accents && code >= 0x80)
        n = utf8proc_decompose_char((utf8proc_int32_t)code, parts, TOK_DECOMPOSED, UTF8PROC_DECOMPOSE, &boundary);
    for (utf8proc_ssize_t i = 0; i < n && i < TOK_DECOMPOSED; i++)
        if (!(c->rules->strip_accents && category((uint32_t)parts[i]) == UTF8PROC_CATEGORY_MN) &&
            !add(&c->slow->changed, (uint32_t)parts[i], place))
            return false;
    return true;
}

struct mark {
    uint32_t code, class, order;
};

static int by_class(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;
    if (x->class != y->class)
        return x->class < y->class ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* Puts code points [begin, end), none of which is a starter, into canonical order. */
static bool sort_marks(struct tok_codes *codes, uint32_t begin, uint32_t end)
{
    struct mark *marks = malloc((end - begin) * sizeof *marks);
    for (uint32_t i = begin; marks && i < end; i++)
        marks[i - begin] = (struct mark){codes->code[i], class_of(codes->code[i]), i};
    if (marks)
        qsort(marks, end - begin, sizeof *marks, by_class);
    for (uint32_t i = begin; marks && i < end; i++) /* places stay in order */
        codes->code[i] = marks[i - begin].code;
    const bool good = marks;
    free(marks);
    return good;
}

/* What stripping leaves of accents (few of them are no nonspacing marks), in canonical order. */
static bool order_marks(struct tok_codes *codes)
{
    for (uint32_t i = 1, begin; i < codes->n; i++) {
        const uint32_t class = class_of(codes->code[i]);
        if (!class || class_of(codes->code[i - 1]) <= class)
            continue;
        for (begin = i - 1; begin > 0 && class_of(codes->code[begin - 1]); begin--) {
        }
        while (i < codes->n && class_of(codes->code[i]))
            i++;
        if (!sort_marks(codes, begin, i))
            return false;
    }
    return true;
}

static bool change(struct cutter *c)
{
    const struct tok_codes *token = &c->slow->token;
    c->slow->changed.n = 0;
    for (uint32_t i = 0; i < token->n; i++) {
        uint32_t lowered[TOK_LOWERED] = {token->code[i]}, n = 1;
        if (c->rules->lower_case)
            n = lower(token, i, lowered);
        for (uint32_t k = 0; k < n; k++)
            if (!add_changed(c, lowered[k], token->place[i]))
                return false;
    }
    return !c->rules->strip_accents || order_marks(&c->slow->changed);
}

static bool split(struct cutter *c, const struct tok_codes *codes)
{
    uint32_t begin = 0;
    for (uint32_t i = 0; i < codes->n; i++) {
        const bool blank = is_blank(codes->code[i]);
        if (!blank && !is_punctuation(codes->code[i]))
            continue;
        if (!emit(c, codes, begin, i) || (!blank && !emit(c, codes, i, i + 1)))
            return false;
        begin = i + 1;
    }
    return emit(c, codes, begin, codes->n);
}

static bool is_kept(struct cutter *c, bool *failed)
{
    const struct tok_codes *token = &c->slow->token;
    uint32_t bytes;
    if (!c->rules->n_kept)
        return false;
    const unsigned char *text = write_text(c->slow, token, 0, token->n, &bytes);
    *failed = !text;
    for (uint32_t i = 0; text && i < c->rules->n_kept; i++)
        if (strlen(c->rules->kept[i]) == bytes && memcmp(c->rules->kept[i], text, bytes) == 0)
            return true;
    return false;
}

/* The token has ended: its words go out. */
static bool end_token(struct cutter *c)
{
    struct tok_codes *token = &c->slow->token;
    bool good = true, failed = false;
    if (token->n == 0)
        return true;
    if (c->rules->compose && !c->rules->only_words)
        good = compose(c);
    if (c->rules->only_words || (good && is_kept(c, &failed)))
        good = good && emit(c, token, 0, token->n);
    else
        good = good && !failed && change(c) && split(c, &c->slow->changed);
    token->n = 0;
    return good;
}

bool tok_slow_cut(struct tok_slow *slow, const struct tok_slow_rules *rules, const unsigned char *text, uint32_t begin,
                  uint32_t end, const struct tok_place *places,
                  bool (*take)(void *context, const struct tok_word *word), void *context)
{
    struct cutter c = {slow, rules, take, context};
    bool good = true;
    slow->token.n = 0;
    for (uint32_t at = begin, i = 0, code; good && at < end; i++) {
        at += tok_utf8_decode(text + at, end - at, &code);
        if (rules->only_words ? splits(code) : is_blank(code)) {
            good = end_token(&c);
        } else if (rules->only_words) {
            good = add(&slow->token, code, places[i]);
        } else if (is_removed(code)) {
            continue;
        } else if (rules->space_chinese && is_chinese(code)) {
            good = end_token(&c) && add(&slow->token, code, places[i]) && end_token(&c);
        } else {
            good = add(&slow->token, code, places[i]);
        }
    }
    return good && end_token(&c);
}
