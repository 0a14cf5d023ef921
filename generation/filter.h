/* SPDX-License-Identifier: Apache-2.0
 *
 * From scores of the vocabulary to a token, as transformers does it: what is changed for every search, what is sifted
 * before a draw, and the draw.
 */
#ifndef GENERATION_FILTER_H
#define GENERATION_FILTER_H

#include "api/pleione.h"

/* A token that may be drawn. */
struct generate_choice {
    int32_t id;
    uint32_t beam; /* that it would follow, of several */
    float score;   /* after temperature */
    double p;      /* all choices together have 1 */
};

/* What a sequence holds so far, of which the last n_new tokens are new. */
struct generate_sequence {
    const int32_t *ids;
    uint32_t n, n_new;
};

/* Scores [vocabulary] in place: repetition_penalty, no_repeat_ngram, min_new_tokens. What is barred becomes -infinity. */
void generate_process(const pln_generator_options *options, const struct generate_sequence *sequence, float *scores,
                      uint32_t vocabulary);
/* Scores become log probabilities. False: one is NaN, or none is above -infinity. */
bool generate_log_softmax(float *scores, uint32_t vocabulary);
/* Continuations that are looked at for each beam, so that one is left to go on with if all others end. */
uint32_t generate_beam_width(const pln_generator_options *options);
/* The tokens that temperature, top_k, top_p and typical_p leave, by their ids; returns how many, 0: scores are no numbers.
 * Room in choices for the whole vocabulary. With beams at least n_stop + 1 are left, as one of them must go on. */
uint32_t generate_sift(const pln_generator_options *options, const float *scores, uint32_t vocabulary,
                       struct generate_choice *choices);

/* Where a draw stands among all of a seed. */
struct generate_place {
    uint64_t seed, number;
    uint32_t rank, step;
};
/* From 0 up to below 1: Philox of the seed and the counter (step, rank, number). */
double generate_draw(const struct generate_place *place);
/* All choices together have 1 again. */
void generate_weigh(struct generate_choice *choices, uint32_t n);
/* The choice at u of the way through the probabilities above 0, in their order; NULL: there is none. */
struct generate_choice *generate_pick(struct generate_choice *choices, uint32_t n, double u);
#endif
