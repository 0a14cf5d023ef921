/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes words, gives ids. One walk down the trie finds the longest piece: no substring is hashed, nothing allocated.
 */
#include "tokenizer/wordpiece.h"

#include <stdlib.h>
#include <string.h>

#include "tokenizer/text.h"

enum { ROOT = 0, NONE = 0 }; /* the root is nobody's child */

static uint64_t edge_key(uint32_t node, uint32_t code)
{
    return ((uint64_t)node << 21 | code) + 1;
}

/* Where the edge is, or where it would be put. */
static uint32_t edge_slot(const struct tok_trie *trie, uint64_t key)
{
    const uint32_t mask = trie->edges_room - 1;
    uint32_t slot = (uint32_t)(key * 0x9e3779b97f4a7c15u >> 32) & mask;
    while (trie->keys[slot] && trie->keys[slot] != key)
        slot = (slot + 1) & mask;
    return slot;
}

static uint32_t child(const struct tok_trie *trie, uint32_t node, uint32_t code)
{
    return trie->children[edge_slot(trie, edge_key(node, code))];
}

static bool grow_edges(struct tok_trie *trie)
{
    struct tok_trie larger = *trie;
    larger.edges_room = trie->edges_room * 2;
    larger.keys = calloc(larger.edges_room, sizeof *larger.keys);
    larger.children = calloc(larger.edges_room, sizeof *larger.children);
    if (!larger.keys || !larger.children) {
        free(larger.keys);
        free(larger.children);
        return false;
    }
    for (uint32_t i = 0; i < trie->edges_room; i++) {
        if (!trie->keys[i])
            continue;
        const uint32_t slot = edge_slot(&larger, trie->keys[i]);
        larger.keys[slot] = trie->keys[i];
        larger.children[slot] = trie->children[i];
    }
    free(trie->keys);
    free(trie->children);
    *trie = larger;
    return true;
}

static bool grow_nodes(struct tok_trie *trie)
{
    int32_t *larger = realloc(trie->id, 2 * sizeof *larger * trie->nodes_room);
    if (!larger)
        return false;
    trie->id = larger;
    trie->nodes_room *= 2;
    return true;
}

/* The child by that code point, made if there is none; NONE: no memory. */
static uint32_t make_child(struct tok_trie *trie, uint32_t node, uint32_t code)
{
    const uint32_t known = child(trie, node, code);
    if (known)
        return known;
    if (trie->nodes == trie->nodes_room && !grow_nodes(trie))
        return NONE;
    if (trie->edges * 2 >= trie->edges_room && !grow_edges(trie))
        return NONE;
    const uint32_t slot = edge_slot(trie, edge_key(node, code));
    trie->keys[slot] = edge_key(node, code);
    trie->edges++;
    trie->id[trie->nodes] = -1;
    return trie->children[slot] = trie->nodes++;
}

bool tok_trie_init(struct tok_trie *trie)
{
    enum { NODES = 1024, EDGES = 2048 };
    *trie = (struct tok_trie){.nodes = 1, .nodes_room = NODES, .edges_room = EDGES};
    trie->id = malloc(NODES * sizeof *trie->id);
    trie->keys = calloc(EDGES, sizeof *trie->keys);
    trie->children = calloc(EDGES, sizeof *trie->children);
    if (!trie->id || !trie->keys || !trie->children) {
        tok_trie_finish(trie);
        return false;
    }
    trie->id[ROOT] = -1;
    return true;
}

void tok_trie_finish(struct tok_trie *trie)
{
    free(trie->id);
    free(trie->keys);
    free(trie->children);
    *trie = (struct tok_trie){0};
}

bool tok_trie_add(struct tok_trie *trie, const char *token, size_t bytes, int32_t id)
{
    uint32_t node = ROOT, code;
    for (size_t at = 0; at < bytes;) {
        at += tok_decode_utf8((const unsigned char *)token + at, bytes - at, &code, NULL);
        node = make_child(trie, node, code);
        if (!node)
            return false;
    }
    trie->id[node] = id;
    const uint32_t hash = child(trie, ROOT, '#');
    trie->continuation = hash ? child(trie, hash, '#') : NONE;
    return true;
}

int32_t tok_trie_find(const struct tok_trie *trie, const char *token, size_t bytes)
{
    uint32_t node = ROOT, code;
    for (size_t at = 0; at < bytes;) {
        at += tok_decode_utf8((const unsigned char *)token + at, bytes - at, &code, NULL);
        node = child(trie, node, code);
        if (!node)
            return -1;
    }
    return trie->id[node];
}

/* The longest piece at the front of the word, as a length; 0: none. */
static uint32_t longest(const struct tok_trie *trie, uint32_t node, const uint32_t *word, uint32_t n, int32_t *id)
{
    uint32_t length = 0;
    for (uint32_t i = 0; i < n; i++) {
        node = child(trie, node, word[i]);
        if (!node)
            break;
        if (trie->id[node] >= 0) {
            length = i + 1;
            *id = trie->id[node];
        }
    }
    return length;
}

uint32_t tok_wordpiece(const struct tok_trie *trie, const uint32_t *word, uint32_t n,
                       struct tok_piece pieces[TOK_MAX_WORD])
{
    uint32_t count = 0;
    if (n > TOK_MAX_WORD)
        return 0;
    for (uint32_t at = 0; at < n; count++) {
        if (at && !trie->continuation)
            return 0;
        struct tok_piece *piece = &pieces[count];
        const uint32_t length = longest(trie, at ? trie->continuation : ROOT, word + at, n - at, &piece->id);
        if (!length)
            return 0;
        piece->begin = at;
        piece->end = at += length;
    }
    return count;
}
