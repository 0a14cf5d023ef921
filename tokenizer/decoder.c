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

/* Once through the text: what a replacement makes is not looked at again. */
static void replace_all(char *text, const char *from, const char *to)
{
    const size_t from_bytes = strlen(from), to_bytes = strlen(to);
    char *at = strstr(text, from), *out = at;
    while (at) {
        memcpy(out, to, to_bytes);
        out += to_bytes;
        at += from_bytes;
        char *next = strstr(at, from);
        const size_t between = next ? (size_t)(next - at) : strlen(at) + 1;
        memmove(out, at, between);
        out += between;
        at = next;
    }
}

static void clean_up_all(char *text, const struct clean_up *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        replace_all(text, list[i].from, list[i].to);
}

void tok_decoder_add(struct tok_decoder *decoder, const char *token)
{
    const bool joins = decoder->begun && strncmp(token, "##", 2) == 0;
    const char *blank = decoder->begun && !joins ? " " : "";
    token += joins ? 2 : 0;
    if (!reserve(decoder, strlen(token) + 1))
        return;
    char *added = decoder->text + decoder->bytes;
    strcpy(strcpy(added, blank) + strlen(blank), token);
    if (!decoder->keep_spaces)
        clean_up_all(added, of_token, sizeof of_token / sizeof *of_token);
    decoder->bytes += strlen(added);
    decoder->begun = true;
}

char *tok_decoder_finish(struct tok_decoder *decoder, bool clean_up)
{
    if (!reserve(decoder, 0)) {
        free(decoder->text);
        return NULL;
    }
    decoder->text[decoder->bytes] = '\0';
    if (clean_up)
        clean_up_all(decoder->text, of_text, sizeof of_text / sizeof *of_text);
    return decoder->text;
}
