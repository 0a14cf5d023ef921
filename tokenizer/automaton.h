/* SPDX-License-Identifier: Apache-2.0
 *
 * A vocabulary as an automaton over bytes that cuts words into pieces, the longest first, in one pass: a trie of all
 * tokens, and from each of its states a failure link with the pieces that are certain once no edge goes on (Song et
 * al. 2021, "Fast WordPiece Tokenization"). The trie is a double array.
 */
#ifndef TOKENIZER_AUTOMATON_H
#define TOKENIZER_AUTOMATON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOK_NONE UINT32_MAX

struct tok_entry { /* a token; text borrows while the automaton is made */
    const unsigned char *text;
    uint32_t bytes;
    int32_t id; /* not negative */
};

struct tok_state {   /* apart from failures, so that what every byte looks at is small */
    uint32_t base;   /* the child by byte b is state base ^ b, if its parent is this one */
    uint32_t parent; /* TOK_NONE: of the root, and where there is no state */
};

struct tok_failure {
    uint32_t state; /* the one within the continuations to go on from; TOK_NONE: the word is unknown */
    int32_t pieces; /* to put out before: one id, or ~ the index of the last of several cells */
};

struct tok_cell { /* a list of pieces, from its end */
    int32_t id;
    uint32_t count; /* cells from here to the front */
    uint32_t previous;
};

struct tok_automaton {
    struct tok_state *states;     /* [n]; 0 is the root */
    struct tok_failure *failures; /* [n] */
    struct tok_cell *cells;
    uint32_t n;
    uint32_t continuation;   /* the state of "##", from which pieces inside a word are found */
    int32_t continuation_id; /* of the token "##" itself, -1 if there is none */
};

/* The caller's memory. Reorders the entries; of equal ones the last one counts, and an empty one is passed over. False:
 * no memory. */
bool tok_automaton_init(struct tok_automaton *automaton, struct tok_entry *entries, uint32_t n);
void tok_automaton_finish(struct tok_automaton *automaton);

/* The id of a token as it is written, -1 if there is none. */
int32_t tok_automaton_find(const struct tok_automaton *automaton, const unsigned char *token, size_t bytes);

/* The longest token at the front of bytes bytes: its length and id. 0: there is none. */
uint32_t tok_automaton_longest(const struct tok_automaton *automaton, const unsigned char *text, size_t bytes,
                               int32_t *id);

/* Ids of the pieces of a word of bytes > 0 bytes; there are at most as many as code points in it. 0: it is unknown. */
uint32_t tok_automaton_cut(const struct tok_automaton *automaton, const unsigned char *word, uint32_t bytes,
                           int32_t *ids);

/* The same by trying again from each piece, the slow way: what the other is compared with, and the way for words that
 * begin with "##" themselves. */
uint32_t tok_automaton_cut_plainly(const struct tok_automaton *automaton, const unsigned char *word, uint32_t bytes,
                                   int32_t *ids);
#endif
