/* SPDX-License-Identifier: Apache-2.0
 *
 * What a decoder keeps from run to run: keys and values of tokens, a row of states each. A past lists the rows of a
 * sequence; copies of it share them, so beams part and change places without a copy of what they have seen. When states
 * have too few rows, larger ones take over what is kept.
 */
#ifndef SESSION_CACHE_H
#define SESSION_CACHE_H

#include "session/session.h"

struct session_cache;

/* Rows of states, oldest first. Zero is an empty list. */
struct session_rows {
    uint32_t *rows;
    uint32_t n;
    size_t room;
};

/* What a sequence has seen: its tokens, and what it looks at (at no time, or from its first turn on). Zero is nothing. */
struct session_past {
    struct session_rows tokens, source;
};

/* What a sequence brings to a run. Borrows everything. */
struct session_turn {
    struct session_past *past; /* no two turns of a run have the same; the run adds to it */
    const int32_t *ids;        /* [n_ids], at least one: the tokens behind the past */
    uint32_t n_ids;
    const pln_tensor *source,
        *source_mask; /* [S, hidden] floats, [S] or NULL: all; the first turn alone may have them */
};

/* Of a session whose head is a causal language model and whose config says is_decoder. keeps the session. */
pln_status session_cache_create(pln_session *session, struct session_cache **cache, pln_error *error);
/* Accepts NULL. Pasts may be dropped before, or only freed after. */
void session_cache_destroy(struct session_cache **cache);

/* A past that is the same so far; `to` is empty. */
pln_status session_past_copy(struct session_cache *cache, const struct session_past *from, struct session_past *to,
                             pln_error *error);
/* Gives its rows back, and its memory; it is empty then. cache NULL: that is gone already. */
void session_past_drop(struct session_cache *cache, struct session_past *past);

/* Between session_begin and session_end. logits [n, vocabulary] are those of the last token of each turn, and hold until
 * the next run of the session. After an error pasts are as they were. PLN_INVALID for tokens that are none, for a sequence
 * that is longer than the model takes, or if some sequences look at something and others do not. */
pln_status session_cache_run(struct session_cache *cache, const struct session_turn *turns, uint32_t n,
                             const float **logits, pln_error *error);

/* Whether the mask lets others look at a token of the source; how many there are. */
static inline bool session_turn_sees(const struct session_turn *turn, uint64_t i)
{
    return !turn->source_mask || session_real(turn->source_mask, i) != 0;
}

static inline uint32_t session_turn_sources(const struct session_turn *turn)
{
    uint32_t n = 0;
    for (uint64_t i = 0; turn->source && i < turn->source->shape[0]; i++)
        n += session_turn_sees(turn, i);
    return n;
}
#endif
