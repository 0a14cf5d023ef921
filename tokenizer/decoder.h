/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens back to text: "##" joins, all else is set off by a blank, blanks before punctuation are taken out.
 */
#ifndef TOKENIZER_DECODER_H
#define TOKENIZER_DECODER_H

#include <stdbool.h>
#include <stddef.h>

struct tok_decoder { /* a zeroed one is empty */
    char *text;
    size_t bytes, room;
    bool begun, failed;
    bool keep_spaces; /* before punctuation within a token; they are few */
};

void tok_decoder_add(struct tok_decoder *decoder, const char *token, size_t bytes);
/* Returns new text of decoder->bytes (free), NULL if there was no memory. clean_up: blanks before punctuation go. */
char *tok_decoder_finish(struct tok_decoder *decoder, bool clean_up);
#endif
