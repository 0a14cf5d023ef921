/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes tokens, gives the automaton: sorted, so that the children of a state are neighbours; the trie breadth first,
 * into a double array; then the failure links, those within the continuations before all others, since all links lead
 * there.
 */
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "tokenizer/automaton.h"

enum { BLOCK = 256, TRIED_BLOCKS = 8 };

struct node {                 /* of the trie, in the order in which it grows */
    uint32_t state, parent;   /* index of a state, of a node */
    uint32_t first, end;      /* entries that go through it */
    uint32_t child, children; /* nodes [child, child + children) */
    uint32_t depth;
    unsigned char byte;
    bool continuation; /* "##" or behind it */
};

struct block { /* of states */
    uint64_t used[BLOCK / 64];
    uint32_t n_used;
};

struct builder {
    struct tok_automaton *automaton;
    const struct tok_entry *entries;
    struct node *nodes;
    uint32_t n_nodes, nodes_room;
    struct block *blocks;
    uint32_t n_blocks, blocks_room;
    uint32_t first_open; /* no block before it has a free state */
    uint32_t n_cells, cells_room;
};

static int by_text(const void *a, const void *b)
{
    const struct tok_entry *x = a, *y = b;
    const int order = memcmp(x->text, y->text, x->bytes < y->bytes ? x->bytes : y->bytes);
    if (order)
        return order;
    return x->bytes != y->bytes ? (x->bytes > y->bytes) - (x->bytes < y->bytes) : (x->id > y->id) - (x->id < y->id);
}

static void *grow(void *memory, uint32_t *room, size_t size)
{
    const size_t larger_room = array_room(*room, *room + 1ul);
    void *larger = larger_room <= UINT32_MAX ? array_resize(memory, larger_room, size) : NULL;
    if (larger)
        *room = (uint32_t)larger_room;
    return larger;
}

static bool add_block(struct builder *b)
{
    struct tok_automaton *a = b->automaton;
    if (b->n_blocks == b->blocks_room) {
        struct block *blocks = grow(b->blocks, &b->blocks_room, sizeof *blocks);
        b->blocks = blocks ? blocks : b->blocks;
        struct tok_state *states =
            blocks ? array_resize(a->states, (size_t)b->blocks_room * BLOCK, sizeof *states) : NULL;
        a->states = states ? states : a->states;
        if (!states || b->blocks_room > UINT32_MAX / BLOCK)
            return false;
    }
    b->blocks[b->n_blocks] = (struct block){0};
    for (uint32_t i = 0; i < BLOCK; i++)
        a->states[b->n_blocks * BLOCK + i] = (struct tok_state){0, TOK_NONE};
    a->n = ++b->n_blocks * BLOCK;
    return true;
}

static bool is_used(const struct block *block, uint32_t slot)
{
    return block->used[slot / 64] >> slot % 64 & 1;
}

/* A base within the block at which all the bytes fall on free states. */
static bool fit(const struct block *block, const unsigned char *bytes, uint32_t n, uint32_t *base)
{
    for (uint32_t slot = 0; slot < BLOCK; slot++) {
        uint32_t i = 0;
        while (i < n && !is_used(block, slot ^ bytes[0] ^ bytes[i]))
            i++;
        *base = slot ^ bytes[0];
        if (i == n)
            return true;
    }
    return false;
}

/* Finds states for the children by n > 0 bytes; one child fills a hole in an old block, several go into a late one. */
static bool place(struct builder *b, const unsigned char *bytes, uint32_t n, uint32_t *base)
{
    while (b->first_open < b->n_blocks && b->blocks[b->first_open].n_used == BLOCK)
        b->first_open++;
    uint32_t i = b->n_blocks > TRIED_BLOCKS ? b->n_blocks - TRIED_BLOCKS : 0;
    if (n == 1 || i < b->first_open)
        i = b->first_open;
    while (i < b->n_blocks && (b->blocks[i].n_used + n > BLOCK || !fit(&b->blocks[i], bytes, n, base)))
        i++;
    if (i == b->n_blocks) {
        *base = 0;
        if (!add_block(b))
            return false;
    }
    for (uint32_t k = 0; k < n; k++) {
        const uint32_t slot = *base ^ bytes[k];
        b->blocks[i].used[slot / 64] |= (uint64_t)1 << slot % 64;
    }
    b->blocks[i].n_used += n;
    *base += i * BLOCK;
    return true;
}

static bool add_node(struct builder *b, struct node node)
{
    if (b->n_nodes == b->nodes_room) {
        struct node *nodes = grow(b->nodes, &b->nodes_room, sizeof *nodes);
        if (!nodes)
            return false;
        b->nodes = nodes;
    }
    b->nodes[b->n_nodes++] = node;
    return true;
}

static bool is_continuation(const struct builder *b, const struct node *node)
{
    return node->depth >= 2 && memcmp(b->entries[node->first].text, "##", 2) == 0;
}

/* The children of a node: runs of its entries with the same next byte. */
static bool add_children(struct builder *b, uint32_t index)
{
    const struct node node = b->nodes[index];
    b->nodes[index].child = b->n_nodes;
    for (uint32_t i = node.first, end; i < node.end; i = end) {
        end = i + 1;
        if (b->entries[i].bytes == node.depth)
            continue;
        const unsigned char byte = b->entries[i].text[node.depth];
        while (end < node.end && b->entries[end].text[node.depth] == byte)
            end++;
        struct node child = {.parent = index, .first = i, .end = end, .depth = node.depth + 1, .byte = byte};
        child.continuation = is_continuation(b, &child);
        if (!add_node(b, child))
            return false;
        b->nodes[index].children++;
    }
    return true;
}

/* States for the children of a node. */
static bool place_children(struct builder *b, const struct node *node)
{
    struct node *children = b->nodes + node->child;
    unsigned char bytes[BLOCK];
    uint32_t base = 0;
    for (uint32_t i = 0; i < node->children; i++)
        bytes[i] = children[i].byte;
    if (!node->children)
        return true;
    if (!place(b, bytes, node->children, &base))
        return false;
    struct tok_state *states = b->automaton->states;
    states[node->state].base = base;
    for (uint32_t i = 0; i < node->children; i++) {
        children[i].state = base ^ bytes[i];
        states[base ^ bytes[i]].parent = node->state;
    }
    return true;
}

/* Depth first: what a word walks through lies close together. */
static bool place_nodes(struct builder *b)
{
    uint32_t index = 0;
    for (;;) {
        if (!place_children(b, &b->nodes[index]))
            return false;
        if (b->nodes[index].children) {
            index = b->nodes[index].child;
            continue;
        }
        while (index && index + 1 == b->nodes[b->nodes[index].parent].child + b->nodes[b->nodes[index].parent].children)
            index = b->nodes[index].parent;
        if (index == 0)
            return true;
        index++;
    }
}

static bool build_trie(struct builder *b, uint32_t n_entries)
{
    if (!add_block(b) || !add_node(b, (struct node){.end = n_entries}))
        return false;
    b->blocks[0].used[0] = b->blocks[0].n_used = 1; /* the root */
    for (uint32_t i = 0; i < b->n_nodes; i++)
        if (!add_children(b, i))
            return false;
    return place_nodes(b);
}

/* n more cells behind the list that ends in *last, which then ends in the last of them; they are filled by the caller.
 */
static bool append(struct builder *b, uint32_t *last, uint32_t n)
{
    struct tok_automaton *a = b->automaton;
    while (b->cells_room - b->n_cells < n) {
        struct tok_cell *cells = grow(a->cells, &b->cells_room, sizeof *cells);
        if (!cells)
            return false;
        a->cells = cells;
    }
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t before = *last == TOK_NONE ? 0 : a->cells[*last].count;
        a->cells[b->n_cells] = (struct tok_cell){.count = before + 1, .previous = *last};
        *last = b->n_cells++;
    }
    return true;
}

static bool append_pieces(struct builder *b, uint32_t *last, int32_t pieces)
{
    struct tok_cell *cells = b->automaton->cells;
    uint32_t from = ~(uint32_t)pieces;
    if (!append(b, last, pieces < 0 ? cells[from].count : 1))
        return false;
    cells = b->automaton->cells;
    if (pieces >= 0)
        cells[*last].id = pieces;
    for (uint32_t to = *last; pieces < 0 && from != TOK_NONE; from = cells[from].previous)
        cells[to--].id = cells[from].id;
    return true;
}

/* Where a node fails to: what its parent puts out and, as long as no edge by its byte is found, what the states on the
 * way put out. */
static bool link_node(struct builder *b, const struct node *node)
{
    struct tok_automaton *a = b->automaton;
    struct tok_failure from = a->failures[b->nodes[node->parent].state];
    uint32_t last = TOK_NONE;
    if (from.state == TOK_NONE)
        return true;
    if (from.pieces < 0)
        last = ~(uint32_t)from.pieces; /* shared: a list is read from its end */
    else if (!append_pieces(b, &last, from.pieces))
        return false;
    while (from.state != TOK_NONE) {
        const uint32_t at = from.state, child = a->states[at].base ^ node->byte;
        if (a->states[child].parent == at) {
            const struct tok_cell *cell = &a->cells[last];
            const int32_t pieces = cell->count == 1 ? cell->id : (int32_t)~last;
            a->failures[node->state] = (struct tok_failure){child, pieces};
            return true;
        }
        from = a->failures[at];
        if (from.state != TOK_NONE && !append_pieces(b, &last, from.pieces))
            return false;
    }
    return true;
}

/* The token that ends at a node: the last of the equal entries. */
static int32_t token_at(const struct builder *b, const struct node *node)
{
    int32_t id = -1;
    for (uint32_t i = node->first; i < node->end && b->entries[i].bytes == node->depth; i++)
        id = b->entries[i].id;
    return id;
}

static bool link_nodes(struct builder *b, bool continuations)
{
    struct tok_automaton *a = b->automaton;
    for (uint32_t i = 1; i < b->n_nodes; i++) {
        const struct node *node = &b->nodes[i];
        if (node->continuation != continuations || node->state == a->continuation)
            continue;
        const int32_t id = token_at(b, node);
        if (id >= 0)
            a->failures[node->state] = (struct tok_failure){a->continuation, id};
        else if (!link_node(b, node))
            return false;
    }
    return true;
}

static bool build_links(struct builder *b)
{
    struct tok_automaton *a = b->automaton;
    a->failures = malloc(a->n * sizeof *a->failures);
    if (!a->failures)
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        a->failures[i] = (struct tok_failure){TOK_NONE, -1};
    for (uint32_t i = 0; i < b->n_nodes; i++)
        if (b->nodes[i].depth == 2 && b->nodes[i].continuation) {
            a->continuation = b->nodes[i].state;
            a->continuation_id = token_at(b, &b->nodes[i]);
        }
    return link_nodes(b, true) && link_nodes(b, false);
}

bool tok_automaton_init(struct tok_automaton *automaton, struct tok_entry *entries, uint32_t n)
{
    *automaton = (struct tok_automaton){0};
    struct tok_entry *all = malloc((n + 1ul) * sizeof *all);
    struct builder b = {.automaton = automaton, .entries = all};
    if (!all)
        return false;
    memcpy(all, entries, n * sizeof *all);
    all[n] =
        (struct tok_entry){(const unsigned char *)"##", 2, -1}; /* its state must be there; sorts before the token */
    qsort(all, n + 1ul, sizeof *all, by_text);
    const bool built = build_trie(&b, n + 1) && build_links(&b);
    free(b.nodes);
    free(b.blocks);
    free(all);
    if (!built)
        tok_automaton_finish(automaton);
    return built;
}
