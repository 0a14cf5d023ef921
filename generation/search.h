/* SPDX-License-Identifier: Apache-2.0
 *
 * The search for what follows one prompt: sequences that are alive, each with its past, and those that are whole. It asks
 * for the scores of the next token of each living one, and takes them.
 */
#ifndef GENERATION_SEARCH_H
#define GENERATION_SEARCH_H

#include "generation/filter.h"
#include "session/cache.h"

/* A sequence: the prompt, then what is new. */
struct generate_line {
    struct session_past past; /* of all tokens but those that are still to be run */
    int32_t *ids;             /* [n], room for the longest */
    uint32_t n;
    float score;
    bool whole, stopped; /* nothing comes any more; a token of `stop` was the last */
};

struct generate_search {
    const pln_generator_options *options;
    struct session_cache *cache;
    const pln_prompt *prompt;
    uint32_t vocabulary, longest; /* tokens of a sequence, the prompt included */
    uint32_t n;                   /* lines: beams, or sequences to be drawn */
    struct generate_line *lines;  /* [n] alive, or whole already */
    bool parted;                  /* the lines are apart; before that the first stands for all */
    bool ended;
    /* Of beams. */
    struct generate_line *best, *next; /* [n] whole ones, the best first; [n] room for the next step */
    bool hopeless;                     /* no living one can become better */
    struct generate_choice *choices;   /* [vocabulary], of whoever searches; shared by all searches */
    float *scores;                     /* [n, vocabulary], the same */
    /* A token is settled; false: the caller has seen enough. May be NULL. */
    pln_token_fn *token;
    void *context;
    uint32_t index; /* of the prompt */
};

/* Fills what is not set: cache, options, prompt, vocabulary, longest, choices, scores, token, context and index are.
 * PLN_NO_MEMORY; generate_search_finish frees what there is. */
pln_status generate_search_init(struct generate_search *search, pln_error *error);
void generate_search_finish(struct generate_search *search);

/* The turns of the next run, at most n; returns how many. */
uint32_t generate_search_turns(struct generate_search *search, struct session_turn *turns);
/* logits of those turns, in their order. *enough becomes true if the caller wants no more. PLN_FAILED if they are no
 * numbers. */
pln_status generate_search_take(struct generate_search *search, const float *logits, bool *enough, pln_error *error);
/* The sequence of that rank, when the search has ended or was broken off. */
const struct generate_line *generate_search_line(const struct generate_search *search, uint32_t rank);

/* beams.c: the step of a search with several beams; logits of each living line. */
pln_status generate_beams_take(struct generate_search *search, const float *logits, pln_error *error);
/* search.c, for beams.c: whether the token ends a sequence. */
bool generate_stops(const pln_generator_options *options, int32_t token);
#endif
