/* SPDX-License-Identifier: Apache-2.0
 *
 * How often each normalized word occurs in texts. One counter belongs to one thread.
 */
#ifndef TOKENIZER_COUNTER_H
#define TOKENIZER_COUNTER_H

#include "tokenizer/strings.h"
#include "tokenizer/words.h"

/* Begin with a zeroed one whose normalizer is set. */
struct tok_counter {
    struct tok_normalizer normalizer;
    struct tok_strings pieces; /* what stood between blanks, not yet normalized */
    struct tok_strings words;  /* complete after tok_counter_settle */
    struct tok_words cutter;
};

/* Whether a text may be cut at this byte without changing its words: an ASCII blank. */
static inline bool tok_counter_boundary(char byte)
{
    return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
}

/* UTF-8; broken bytes are U+FFFD, which the normalizer takes away. False: no memory. */
bool tok_counter_add(struct tok_counter *counter, const char *text, size_t bytes);
/* Brings what was added into `words`. */
bool tok_counter_settle(struct tok_counter *counter);
void tok_counter_finish(struct tok_counter *counter);
#endif
