/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes tokens one by one, gives the text; every token is cleaned on its own, as the reference does.
 */
#include "tokenizer/decoder.h"

#include <stdlib.h>
#include <string.h>

/* In this order; each answer is shorter than what it replaces. */
static const char *const clean_ups[][2] = {
    {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},    {" n't", "n't"},
    {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
};

static bool reserve(struct tok_decoder *d, size_t bytes)
{
    if (d->bytes + bytes + 1 > d->room && !d->failed) {
        const size_t room = 2 * (d->bytes + bytes) + 64;
        char *larger = realloc(d->text, room);
        d->failed = !larger;
        if (larger) {
            d->text = larger;
            d->room = room;
        }
    }
    return !d->failed;
}

static void replace_all(char *text, const char *from, const char *to)
{
    const size_t from_bytes = strlen(from), to_bytes = strlen(to);
    for (char *at = text; (at = strstr(at, from)); at += to_bytes) {
        memcpy(at, to, to_bytes);
        memmove(at + to_bytes, at + from_bytes, strlen(at + from_bytes) + 1);
    }
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
    for (size_t i = 0; i < sizeof clean_ups / sizeof *clean_ups; i++)
        replace_all(added, clean_ups[i][0], clean_ups[i][1]);
    decoder->bytes += strlen(added);
    decoder->begun = true;
}

char *tok_decoder_finish(struct tok_decoder *decoder)
{
    if (!reserve(decoder, 0)) {
        free(decoder->text);
        return NULL;
    }
    decoder->text[decoder->bytes] = '\0';
    return decoder->text;
}
