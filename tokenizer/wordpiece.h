/* SPDX-License-Identifier: Apache-2.0
 *
 * A vocabulary as a trie of code points, and words cut into its pieces, the longest first.
 */
#ifndef TOKENIZER_WORDPIECE_H
#define TOKENIZER_WORDPIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOK_MAX_WORD = 100 }; /* code points; a longer word is unknown */

struct tok_trie {
    int32_t *id; /* of the token that ends at a node, or -1 */
    uint32_t nodes, nodes_room;
    uint64_t *keys; /* open addressing: node and code point of an edge, plus 1; 0 is free */
    uint32_t *children;
    uint32_t edges, edges_room; /* room is a power of two */
    uint32_t continuation;      /* node of "##", 0 if no token begins so */
};

/* The caller's memory. False: no memory. */
bool tok_trie_init(struct tok_trie *trie);
void tok_trie_finish(struct tok_trie *trie);

/* UTF-8; a token that is there gets the new id. */
bool tok_trie_add(struct tok_trie *trie, const char *token, size_t bytes, int32_t id);
/* -1 if there is none. */
int32_t tok_trie_find(const struct tok_trie *trie, const char *token, size_t bytes);

struct tok_piece {
    int32_t id;
    uint32_t begin, end; /* code points of the word */
};

/* Pieces of a word of n > 0 code points; 0: it is unknown (a part of it has no piece, or it is too long). */
uint32_t tok_wordpiece(const struct tok_trie *trie, const uint32_t *word, uint32_t n,
                       struct tok_piece pieces[TOK_MAX_WORD]);
#endif
