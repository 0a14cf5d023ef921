/* SPDX-License-Identifier: Apache-2.0
 *
 * Words as the tokenizers in Python cut them, that of transformers 4 and that of google-research/electra: the same
 * steps in another order, by the Unicode data of utf8proc. Unassigned code points go, words keep the order of their
 * accents, a final sigma is one, and text is composed (transformers only) before it is split.
 */
#ifndef TOKENIZER_SLOW_H
#define TOKENIZER_SLOW_H

#include "api/pleione.h"
#include "tokenizer/words.h"

struct tok_slow_rules {
    bool lower_case, strip_accents, space_chinese;
    bool compose;            /* to NFC */
    bool only_words;         /* split at whitespace, change nothing */
    const char *const *kept; /* words that are not changed and not split */
    uint32_t n_kept;
};

struct tok_codes { /* code points with their places */
    uint32_t *code;
    struct tok_place *place;
    uint32_t n, room;
};

struct tok_slow { /* kept between texts; a zeroed one is empty */
    struct tok_codes token, changed;
    unsigned char *text; /* of a word, or of a token */
    size_t text_room;
};

void tok_slow_finish(struct tok_slow *slow);

/* Gives each word of bytes [begin, end) of the text to the function, which returns false if it has no memory. places:
 * of the code points from `begin` on. False: no memory. */
bool tok_slow_cut(struct tok_slow *slow, const struct tok_slow_rules *rules, const unsigned char *text, uint32_t begin,
                  uint32_t end, const struct tok_place *places,
                  bool (*take)(void *context, const struct tok_word *word), void *context);
#endif
