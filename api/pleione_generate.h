/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens in, more tokens out: a decoder that writes on. The rules stand in pleione.h.
 */
#ifndef PLEIONE_GENERATE_H
#define PLEIONE_GENERATE_H

#include "pleione_model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A decoder that writes: it keeps the keys and values of what it has read and written, so each step computes only what
 * is new. Tokens are those that `generate` of transformers 5 gives for each prompt alone. */
typedef struct pln_generator pln_generator;

/* Of the tokens of the vocabulary first the scores are changed (repetition_penalty, no_repeat_ngram, min_new_tokens),
 * then, to sample, divided (temperature) and sifted (top_k, top_p, typical_p), in this order. Of equal scores the lower
 * token comes first. With beams that are sampled each step draws the continuations of all of them, none twice, by their
 * sums of scores; sifting leaves a token more than n_stop, so that one can go on. */
typedef struct pln_generator_options {
    uint32_t size;           /* sizeof(pln_generator_options) */
    uint32_t max_new_tokens; /* at least 1; fewer where the model's positions end before */
    uint32_t min_new_tokens; /* before that no token stops */
    uint32_t beams;          /* at least 1; more: the most probable whole sequences are looked for */
    uint32_t n_best;         /* sequences of each prompt, at most `beams`, or of one beam any number to be sampled */
    float length_penalty;    /* of beams: a sum of log probabilities is divided by (new tokens)^length_penalty */
    bool early_stopping;     /* of beams: ends when there are `beams` whole sequences, whatever might become better */
    bool sample;             /* tokens are drawn, else the most probable one is taken */
    float temperature;       /* above 0 */
    uint32_t top_k;          /* so many of the most probable tokens stay; 0: all */
    float top_p;             /* the most probable tokens that together reach this stay; 1: all */
    float typical_p; /* those whose surprise is nearest to the expected one and that together reach this; 1: all */
    float repetition_penalty; /* above 0: scores of tokens that are there already are divided by it if positive, else
                                 multiplied; 1: none */
    uint32_t no_repeat_ngram; /* no token that would complete so many tokens as they stand there already; 0: any */
    /* Tokens after which a sequence ends; borrows. NULL: eos_token_id of the model, that of generation_config.json if
     * it has this file, else that of config.json. None: any pointer, and n_stop 0. */
    const int32_t *stop;
    uint32_t n_stop;
    uint64_t seed; /* a draw hangs on it, the prompt's number, the sequence's rank (of beams the draw's in its step) and
                       the step, and on nothing else */
    uint32_t batch; /* prompts that are worked on at the same time; 0: 8. Changes no answer */
} pln_generator_options;

/* In C; elsewhere pln_generator_defaults fills them in, given the size. */
#define PLN_GENERATOR_DEFAULTS                                                                                         \
    {                                                                                                                  \
        .size = sizeof(pln_generator_options), .max_new_tokens = 20, .beams = 1, .n_best = 1, .length_penalty = 1,     \
        .temperature = 1, .top_k = 50, .top_p = 1, .typical_p = 1, .repetition_penalty = 1                             \
    }

PLN_API pln_status pln_generator_defaults(pln_generator_options *options, pln_error *error); /* any thread */

/* A text to go on from. What it looks at, for a decoder with cross-attention: encoder_hidden_states [S, hidden] of one
 * sequence and encoder_attention_mask [S] (NULL: all), for all prompts of a run or for none. */
typedef struct pln_prompt {
    const int32_t *ids; /* at least one, special tokens included */
    uint32_t n_ids;
    const pln_tensor *source, *source_mask;
    uint64_t number; /* of the prompt, for draws: the same number and seed give the same tokens in any company */
} pln_prompt;

typedef struct pln_generated {
    const int32_t *ids; /* the new ones, with the one that stopped it */
    uint32_t n_ids;
    bool stopped; /* by a token that ends it, not by its length */
    float score;  /* sum of the log probabilities of its tokens, as they were chosen by; of beams over length^penalty */
} pln_generated;

/* Returns new; keeps the session, whose head is causal-lm, and whose config has is_decoder. options NULL:
 * PLN_GENERATOR_DEFAULTS. PLN_INVALID names the option that is out of range; PLN_BAD_MODEL: the model's eos_token_id is
 * none. One thread. */
PLN_API pln_status pln_generator_create(pln_session *session, const pln_generator_options *options,
                                        pln_generator **generator, pln_error *error);
PLN_API void pln_generator_destroy(pln_generator **generator); /* alone */

/* A token as it is settled: at once, or of beams when all are. rank: of the sequence among the n_best of its prompt.
 * false ends the run, whose sequences are as long as they are then. */
typedef bool pln_token_fn(void *context, uint32_t prompt, uint32_t rank, int32_t token);

/* Goes on from each prompt. Borrows; token may be NULL. PLN_INVALID names the prompt that is empty, has a token that is
 * none, or leaves no position for a new one, before anything is run; PLN_FAILED if scores are no numbers. One thread.
 */
PLN_API pln_status pln_generator_run(pln_generator *generator, const pln_prompt *prompts, uint32_t n_prompts,
                                     pln_token_fn *token, void *context, pln_error *error);
/* What the last run gave, the best first; holds until the next one. NULL if there is none. One thread. */
PLN_API const pln_generated *pln_generator_result(const pln_generator *generator, uint32_t prompt, uint32_t rank);

#ifdef __cplusplus
}
#endif
#endif
