/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes words, gives ids. A byte costs one look into the states; nothing is allocated, no byte is read twice.
 */
#include "tokenizer/automaton.h"

#include <stdlib.h>

/* Puts out the pieces of a failure, gives the new count. */
static inline uint32_t put(const struct tok_automaton *a, int32_t pieces, int32_t *ids, uint32_t count)
{
    if (pieces >= 0) {
        ids[count] = pieces;
        return count + 1;
    }
    uint32_t cell = ~(uint32_t)pieces;
    const uint32_t all = a->cells[cell].count;
    for (uint32_t i = all; i-- > 0; cell = a->cells[cell].previous)
        ids[count + i] = a->cells[cell].id;
    return count + all;
}

uint32_t tok_automaton_cut(const struct tok_automaton *automaton, const unsigned char *word, uint32_t bytes,
                           int32_t *ids)
{
    const struct tok_state *states = automaton->states;
    const struct tok_failure *failures = automaton->failures;
    uint32_t state = 0, count = 0;
    if (bytes > 1 && word[0] == '#' && word[1] == '#')
        return tok_automaton_cut_plainly(automaton, word, bytes, ids);
    for (uint32_t i = 0; i < bytes; i++) {
        uint32_t next = states[state].base ^ word[i];
        while (states[next].parent != state) {
            const struct tok_failure failure = failures[state];
            if (failure.state == TOK_NONE)
                return 0;
            count = put(automaton, failure.pieces, ids, count);
            state = failure.state;
            next = states[state].base ^ word[i];
        }
        state = next;
    }
    while (state != automaton->continuation) {
        const struct tok_failure failure = failures[state];
        if (failure.state == TOK_NONE)
            return 0;
        count = put(automaton, failure.pieces, ids, count);
        state = failure.state;
    }
    return count;
}

/* A state is a token's if its failure puts out one piece and nothing is left over. */
static int32_t token_of(const struct tok_automaton *a, uint32_t state)
{
    if (state == a->continuation)
        return a->continuation_id;
    const struct tok_failure failure = a->failures[state];
    return failure.state == a->continuation && failure.pieces >= 0 ? failure.pieces : -1;
}

static uint32_t longest_from(const struct tok_automaton *a, uint32_t state, const unsigned char *text, size_t bytes,
                             int32_t *id)
{
    uint32_t length = 0;
    for (size_t i = 0; i < bytes; i++) {
        const uint32_t next = a->states[state].base ^ text[i];
        if (a->states[next].parent != state)
            break;
        state = next;
        const int32_t token = token_of(a, state);
        if (token >= 0) {
            *id = token;
            length = (uint32_t)i + 1;
        }
    }
    return length;
}

uint32_t tok_automaton_longest(const struct tok_automaton *automaton, const unsigned char *text, size_t bytes,
                               int32_t *id)
{
    return longest_from(automaton, 0, text, bytes, id);
}

int32_t tok_automaton_find(const struct tok_automaton *automaton, const unsigned char *token, size_t bytes)
{
    int32_t id = -1;
    return bytes && longest_from(automaton, 0, token, bytes, &id) == bytes ? id : -1;
}

uint32_t tok_automaton_cut_plainly(const struct tok_automaton *automaton, const unsigned char *word, uint32_t bytes,
                                   int32_t *ids)
{
    uint32_t count = 0;
    for (uint32_t at = 0; at < bytes; count++) {
        const uint32_t length =
            longest_from(automaton, at ? automaton->continuation : 0, word + at, bytes - at, &ids[count]);
        if (!length)
            return 0;
        at += length;
    }
    return count;
}

void tok_automaton_finish(struct tok_automaton *automaton)
{
    free(automaton->states);
    free(automaton->failures);
    free(automaton->cells);
    *automaton = (struct tok_automaton){0};
}
