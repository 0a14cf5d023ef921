/* SPDX-License-Identifier: Apache-2.0
 *
 * Added tokens: strings such as [MASK] that are split off the raw text, in exact case, before anything else is done.
 */
#ifndef TOKENIZER_ADDED_H
#define TOKENIZER_ADDED_H

#include "tokenizer/text.h"

struct tok_added {
    char *content;
    struct tok_text code;
    int32_t id;
    bool takes_left, takes_right; /* "lstrip", "rstrip": whitespace beside it belongs to it */
};

struct tok_added_list { /* a zeroed one is empty */
    struct tok_added *tokens;
    uint32_t n;
};

/* The strings are copied; one that is there already is left as it is. False: no memory. */
bool tok_added_add(struct tok_added_list *list, const char *content, int32_t id, bool takes_left, bool takes_right);
void tok_added_finish(struct tok_added_list *list);
const struct tok_added *tok_added_find_id(const struct tok_added_list *list, int32_t id);
const struct tok_added *tok_added_find(const struct tok_added_list *list, const char *content);

/* The first added token in raw code points [at, n), the longest if several begin there; *begin, *end: what it takes of
 * the text. NULL: there is none, *begin = n. */
const struct tok_added *tok_added_next(const struct tok_added_list *list, const struct tok_text *raw, uint32_t at,
                                       uint32_t *begin, uint32_t *end);
#endif
