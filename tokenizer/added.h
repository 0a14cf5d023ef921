/* SPDX-License-Identifier: Apache-2.0
 *
 * Added tokens: strings such as [MASK] that are split off the text before anything else is done, in exact case; or,
 * if they are to be normalized, off the normalized text.
 */
#ifndef TOKENIZER_ADDED_H
#define TOKENIZER_ADDED_H

#include "tokenizer/automaton.h"
#include "tokenizer/normalizer.h"

struct tok_added {
    char *content;
    int32_t id;
    bool special;
    bool takes_left, takes_right; /* "lstrip", "rstrip": whitespace beside it belongs to it */
    bool single_word;             /* not within a word */
    bool normalized;
    bool unseen; /* not looked for in text */
};

enum { TOK_NO_TOKEN = -2, TOK_SEVERAL_STARTS = -1 };

struct tok_matcher { /* finds some of them in a text; the ids of the automaton are places in the list */
    struct tok_automaton automaton;
    bool starts[256]; /* by first byte */
    int only_start;   /* the first byte that all have, or one of the above */
    char *text;       /* of the automaton, normalized */
};

struct tok_added_list { /* a zeroed one is empty */
    struct tok_added *tokens;
    uint32_t n, room;
    uint32_t *slots; /* [2 * room]: hashed by content; place + 1, 0: free */
    struct tok_matcher raw, normalized;
};

/* The content is copied; one that is there already is left as it is. False: no memory. */
bool tok_added_add(struct tok_added_list *list, const struct tok_added *token);
/* The token is special, whatever was said before. */
void tok_added_mark_special(struct tok_added_list *list, const char *content);
/* After the last of them. False: no memory. */
bool tok_added_index(struct tok_added_list *list, const struct tok_normalizer *normalizer);
void tok_added_finish(struct tok_added_list *list);
const struct tok_added *tok_added_find(const struct tok_added_list *list, const char *content);

struct tok_match {
    const struct tok_added *token; /* NULL: there is none */
    uint32_t begin, end;           /* bytes that it takes; both the end of the text if there is none */
};

/* The first added token at or behind byte `at` of text [0, bytes), the longest if several begin there. split_special:
 * special tokens are plain text. */
struct tok_match tok_added_next(const struct tok_added_list *list, const struct tok_matcher *matcher,
                                const unsigned char *text, uint32_t at, uint32_t bytes, bool split_special);
#endif
