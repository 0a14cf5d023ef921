/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a text, gives its words as normalized UTF-8.
 */
#include "tokenizer/words.h"

#include <stdlib.h>

#include "tokenizer/pretokenizer.h"

bool tok_words_begin(struct tok_words *words, const struct tok_normalizer *normalizer, pln_text text)
{
    words->normalizer = normalizer;
    words->raw.n = words->normalized.n = words->at = 0;
    tok_text_decode(&words->raw, text.text, (uint32_t)text.bytes);
    if (!words->raw.failed)
        tok_normalize(normalizer, &words->raw, 0, words->raw.n, &words->normalized);
    return !words->raw.failed && !words->normalized.failed;
}

bool tok_words_next(struct tok_words *words, struct tok_word *word)
{
    uint32_t begin, end = words->at;
    if (words->failed || !tok_next_word(&words->normalized, &begin, &end))
        return false;
    words->at = end;
    const size_t room = 4 * (size_t)(end - begin);
    if (room > words->room) {
        free(words->buffer);
        words->buffer = malloc(room);
        words->room = words->buffer ? room : 0;
        words->failed = !words->buffer;
    }
    if (words->failed)
        return false;
    size_t bytes = 0;
    for (uint32_t i = begin; i < end; i++)
        bytes += tok_encode_utf8(words->normalized.code[i], words->buffer + bytes);
    *word = (struct tok_word){words->buffer, (uint32_t)bytes, end - begin};
    return true;
}

void tok_words_finish(struct tok_words *words)
{
    tok_text_finish(&words->raw);
    tok_text_finish(&words->normalized);
    free(words->buffer);
    *words = (struct tok_words){0};
}
