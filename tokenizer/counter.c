/* SPDX-License-Identifier: Apache-2.0
 *
 * Nothing that the normalizer does reaches across an ASCII blank. So what stands between blanks is counted as it is,
 * and each distinct piece is normalized once: of English text, about one in thirty.
 */
#include "tokenizer/counter.h"

/* Longer pieces (lines of scripts without blanks) hardly come twice. A full list of pieces is settled, so that only
 * words take memory without bound. */
enum { LONG_PIECE = 48, MANY_PIECES = 1 << 20 };

static bool add_piece(struct tok_counter *c, const char *text, size_t bytes, uint64_t count)
{
    struct tok_word word;
    if (bytes > UINT32_MAX)
        return false;
    tok_words_begin(&c->cutter, &c->normalizer, (pln_text){text, bytes}, 0);
    while (tok_words_next(&c->cutter, &word))
        tok_strings_add(&c->words, (const char *)word.text, word.bytes, count);
    return !c->cutter.failed && !c->words.failed;
}

bool tok_counter_add(struct tok_counter *counter, const char *text, size_t bytes)
{
    for (size_t at = 0, begin; at < bytes; at++) {
        for (begin = at; at < bytes && !tok_counter_boundary(text[at]);)
            at++;
        if (at == begin)
            continue;
        if (at - begin > LONG_PIECE ? !add_piece(counter, text + begin, at - begin, 1)
                                    : tok_strings_add(&counter->pieces, text + begin, at - begin, 1) == TOK_NO_STRING)
            return false;
        if (counter->pieces.n >= MANY_PIECES && !tok_counter_settle(counter))
            return false;
    }
    return true;
}

bool tok_counter_settle(struct tok_counter *counter)
{
    for (size_t i = 0; i < counter->pieces.n; i++) {
        const struct tok_string *piece = &counter->pieces.items[i];
        if (!add_piece(counter, tok_strings_text(&counter->pieces, i), piece->bytes, piece->count))
            return false;
    }
    tok_strings_clear(&counter->pieces);
    return true;
}

void tok_counter_finish(struct tok_counter *counter)
{
    tok_strings_finish(&counter->pieces);
    tok_strings_finish(&counter->words);
    tok_words_finish(&counter->cutter);
}
