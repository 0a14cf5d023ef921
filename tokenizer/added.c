/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a text, gives the added tokens in it.
 */
#include "tokenizer/added.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "common/array.h"
#include "common/hash.h"
#include "tokenizer/unicode.h"
#include "tokenizer/utf8.h"

/* Where the content is in the hash, or where it would be put. The room is a power of two. */
static uint32_t slot_of(const struct tok_added_list *list, const char *content)
{
    const uint32_t mask = 2 * list->room - 1;
    uint32_t slot = (uint32_t)(hash_bytes(hash_begin, content, strlen(content)) >> 24) & mask;
    while (list->slots[slot] && strcmp(list->tokens[list->slots[slot] - 1].content, content) != 0)
        slot = (slot + 1) & mask;
    return slot;
}

static bool grow(struct tok_added_list *list)
{
    const size_t room = array_room(list->room, list->n + 1ul);
    struct tok_added *tokens = array_resize(list->tokens, room, sizeof *tokens);
    list->tokens = tokens ? tokens : list->tokens;
    uint32_t *slots = tokens && room <= UINT32_MAX / 2 ? calloc(2 * room, sizeof *slots) : NULL;
    if (!slots)
        return false;
    free(list->slots);
    list->slots = slots;
    list->room = (uint32_t)room;
    for (uint32_t i = 0; i < list->n; i++)
        slots[slot_of(list, tokens[i].content)] = i + 1;
    return true;
}

bool tok_added_add(struct tok_added_list *list, const struct tok_added *token)
{
    if (!*token->content || tok_added_find(list, token->content))
        return true;
    char *content = strdup(token->content);
    if (!content || (list->n == list->room && !grow(list))) {
        free(content);
        return false;
    }
    list->slots[slot_of(list, content)] = list->n + 1;
    list->tokens[list->n] = *token;
    list->tokens[list->n++].content = content;
    return true;
}

const struct tok_added *tok_added_find(const struct tok_added_list *list, const char *content)
{
    const uint32_t place = list->room ? list->slots[slot_of(list, content)] : 0;
    return place ? &list->tokens[place - 1] : NULL;
}

void tok_added_mark_special(struct tok_added_list *list, const char *content)
{
    const uint32_t place = list->room ? list->slots[slot_of(list, content)] : 0;
    if (place)
        list->tokens[place - 1].special = true;
}

static void finish_matcher(struct tok_matcher *matcher)
{
    tok_automaton_finish(&matcher->automaton);
    free(matcher->text);
}

void tok_added_finish(struct tok_added_list *list)
{
    for (uint32_t i = 0; i < list->n; i++)
        free(list->tokens[i].content);
    finish_matcher(&list->raw);
    finish_matcher(&list->normalized);
    free(list->tokens);
    free(list->slots);
    *list = (struct tok_added_list){0};
}

/* Writes the content as the normalizer leaves it, gives its bytes. */
static uint32_t normalize(const char *content, const struct tok_normalizer *normalizer, unsigned char *out,
                          bool *failed)
{
    struct tok_source source = {.normalizer = normalizer, .text = (const unsigned char *)content};
    uint32_t bytes = 0;
    source.end = (uint32_t)strlen(content);
    while (source.at < source.end && !source.failed) {
        tok_source_read(&source);
        for (uint32_t i = 0; i < source.ready; i++)
            bytes += tok_char_write(&source.chars[i], out + bytes);
    }
    *failed = *failed || source.failed;
    tok_source_finish(&source);
    return bytes;
}

/* Room for a token in UTF-8 after any normalization: three code points of four bytes for one byte, blanks round it. */
enum { GROWTH = 16 };

static bool index_tokens(const struct tok_added_list *list, struct tok_matcher *matcher, bool normalized,
                         const struct tok_normalizer *normalizer)
{
    size_t room = 1;
    uint32_t n = 0;
    bool failed = false;
    for (uint32_t i = 0; i < list->n; i++)
        room += list->tokens[i].normalized == normalized ? GROWTH * strlen(list->tokens[i].content) : 0;
    struct tok_entry *entries = malloc((list->n + 1ul) * sizeof *entries);
    unsigned char *at = malloc(room);
    matcher->text = (char *)at;
    matcher->only_start = TOK_NO_TOKEN;
    for (uint32_t i = 0; entries && at && i < list->n; i++) {
        const char *content = list->tokens[i].content;
        if (list->tokens[i].normalized != normalized || list->tokens[i].unseen)
            continue;
        uint32_t bytes = (uint32_t)strlen(content);
        if (normalized)
            bytes = normalize(content, normalizer, at, &failed);
        else
            memcpy(at, content, bytes);
        if (!bytes)
            continue;
        entries[n++] = (struct tok_entry){at, bytes, (int32_t)i};
        matcher->starts[at[0]] = true;
        matcher->only_start = n == 1 || matcher->only_start == at[0] ? at[0] : TOK_SEVERAL_STARTS;
        at += bytes;
    }
    failed = failed || !entries || !at || !tok_automaton_init(&matcher->automaton, entries, n);
    free(entries);
    return !failed;
}

bool tok_added_index(struct tok_added_list *list, const struct tok_normalizer *normalizer)
{
    return index_tokens(list, &list->raw, false, normalizer) && index_tokens(list, &list->normalized, true, normalizer);
}

/* The next byte from `at` on that one of the tokens begins with, or the end. */
static uint32_t next_start(const struct tok_matcher *matcher, const unsigned char *text, uint32_t at, uint32_t bytes)
{
    if (matcher->only_start == TOK_NO_TOKEN || at >= bytes)
        return bytes;
    if (matcher->only_start >= 0) {
        const unsigned char *found = memchr(text + at, matcher->only_start, bytes - at);
        return found ? (uint32_t)(found - text) : bytes;
    }
    while (at < bytes && !matcher->starts[text[at]])
        at++;
    return at;
}

/* The bytes of the code point that ends at `end` > 0; broken bytes are looked at one by one. */
static uint32_t code_before(const unsigned char *text, uint32_t end, uint32_t *code)
{
    uint32_t begin = end - 1;
    while (begin > 0 && end - begin < 4 && (text[begin] & 0xc0) == 0x80)
        begin--;
    if (tok_utf8_decode(text + begin, end - begin, code) == end - begin)
        return end - begin;
    *code = TOK_REPLACEMENT;
    return 1;
}

static bool is_blank(uint32_t code)
{
    return tok_flags(code) & TOK_WHITESPACE;
}

/* What a regular expression calls \w: letters, marks, decimal digits, connectors, joiners, and symbols that are
 * letters in a circle or a square. */
static bool is_word(uint32_t code)
{
    switch (utf8proc_category((utf8proc_int32_t)code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
        return true;
    case UTF8PROC_CATEGORY_CF:
        return code == 0x200c || code == 0x200d;
    case UTF8PROC_CATEGORY_SO:
        return (code >= 0x24b6 && code <= 0x24e9) || (code >= 0x1f130 && code <= 0x1f149) ||
               (code >= 0x1f150 && code <= 0x1f169) || (code >= 0x1f170 && code <= 0x1f189);
    default:
        return false;
    }
}

static bool is_within_word(const unsigned char *text, uint32_t begin, uint32_t end, uint32_t bytes)
{
    uint32_t code;
    if (begin > 0 && code_before(text, begin, &code) && is_word(code))
        return true;
    return end < bytes && tok_utf8_decode(text + end, bytes - end, &code) && is_word(code);
}

struct tok_match tok_added_next(const struct tok_added_list *list, const struct tok_matcher *matcher,
                                const unsigned char *text, uint32_t at, uint32_t bytes, bool split_special)
{
    const uint32_t from = at;
    uint32_t length, code, taken;
    for (; (at = next_start(matcher, text, at, bytes)) < bytes; at += length) {
        int32_t index = 0;
        length = tok_automaton_longest(&matcher->automaton, text + at, bytes - at, &index);
        if (!length) {
            length = 1;
            continue;
        }
        const struct tok_added *token = &list->tokens[index];
        if ((split_special && token->special) || (token->single_word && is_within_word(text, at, at + length, bytes)))
            continue;
        struct tok_match match = {token, at, at + length};
        while (token->takes_left && match.begin > from &&
               (taken = code_before(text, match.begin, &code), is_blank(code)))
            match.begin -= taken;
        while (token->takes_right && match.end < bytes &&
               (taken = tok_utf8_decode(text + match.end, bytes - match.end, &code), is_blank(code)))
            match.end += taken;
        return match;
    }
    return (struct tok_match){NULL, bytes, bytes};
}
