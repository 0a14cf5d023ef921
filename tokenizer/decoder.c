/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes tokens one by one, gives the text; every token is cleaned on its own, as the reference does.
 */
#include "tokenizer/decoder.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"

struct clean_up { /* the answer is shorter than what it replaces */
    const char *from, *to;
};

/* In this order: of each token, as the reference's decoder does, and of the whole text. */
static const struct clean_up of_token[] = {
    {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},    {" n't", "n't"},
    {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
};
static const struct clean_up of_text[] = {
    {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
    {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
};

static bool reserve(struct tok_decoder *d, size_t bytes)
{
    char *text = d->failed ? NULL : array_reserve(d->text, &d->room, d->bytes + bytes + 1, 1);
    d->failed = !text;
    if (text)
        d->text = text;
    return !d->failed;
}

/* Where `from`, which begins with a blank, first stands in [at, end); NULL: nowhere. */
static char *find(char *at, const char *end, const char *from, size_t bytes)
{
    while (at && (size_t)(end - at) >= bytes) {
        at = memchr(at, ' ', (size_t)(end - at) - bytes + 1);
        if (!at || memcmp(at, from, bytes) == 0)
            return at;
        at++;
    }
    return NULL;
}

/* Once through the text: what a replacement makes is not looked at again. Gives the bytes that are left. */
static size_t replace_all(char *text, size_t bytes, const char *from, const char *to)
{
    const size_t from_bytes = strlen(from), to_bytes = strlen(to);
    const char *end = text + bytes;
    char *at = find(text, end, from, from_bytes), *out = at;
    while (at) {
        memcpy(out, to, to_bytes);
        out += to_bytes;
        at += from_bytes;
        char *next = find(at, end, from, from_bytes);
        const size_t between = (size_t)((next ? next : end) - at);
        memmove(out, at, between);
        out += between;
        at = next;
        bytes -= from_bytes - to_bytes;
    }
    return bytes;
}

static size_t clean_up_all(char *text, size_t bytes, const struct clean_up *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes = replace_all(text, bytes, list[i].from, list[i].to);
    return bytes;
}

void tok_decoder_add(struct tok_decoder *decoder, const char *token, size_t bytes)
{
    const bool joins = decoder->begun && bytes >= 2 && memcmp(token, "##", 2) == 0;
    const size_t skipped = joins ? 2 : 0, blank = decoder->begun && !joins;
    if (!reserve(decoder, bytes + 1))
        return;
    char *added = decoder->text + decoder->bytes;
    memset(added, ' ', blank);
    memcpy(added + blank, token + skipped, bytes - skipped);
    size_t n = bytes - skipped + blank;
    if (!decoder->keep_spaces)
        n = clean_up_all(added, n, of_token, sizeof of_token / sizeof *of_token);
    decoder->bytes += n;
    decoder->begun = true;
}

char *tok_decoder_finish(struct tok_decoder *decoder, bool clean_up)
{
    if (!reserve(decoder, 0)) {
        free(decoder->text);
        return NULL;
    }
    if (clean_up)
        decoder->bytes = clean_up_all(decoder->text, decoder->bytes, of_text, sizeof of_text / sizeof *of_text);
    decoder->text[decoder->bytes] = '\0';
    return decoder->text;
}
