/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens and their ids: from vocab.txt, one token a line, the id is the line's index; or from a list.
 */
#ifndef TOKENIZER_VOCABULARY_H
#define TOKENIZER_VOCABULARY_H

#include <jansson.h>

#include "api/pleione.h"
#include "tokenizer/automaton.h"

enum { TOK_MAX_ID = 1 << 24 }; /* ids are below it */

struct tok_length { /* of a token */
    uint32_t chars, bytes;
};

struct tok_vocabulary {
    char *text;                  /* all tokens; each ends in NUL */
    const char **tokens;         /* by id; NULL: there is none, or a later line holds the same token */
    const char **lines;          /* the same, but with repeated tokens */
    struct tok_length *lengths;  /* by id */
    uint32_t n;                  /* ids */
    uint32_t distinct;           /* tokens */
    struct tok_automaton pieces; /* of all tokens */
};

/* The caller's memory. Whitespace at the end of a line is no part of its token; of equal lines the last one counts.
 * PLN_BAD_MODEL names the file and the line. */
pln_status tok_vocabulary_read(struct tok_vocabulary *vocabulary, const char *path, pln_error *error);
/* The same from tokenizer.json: {"model": {"type": "WordPiece", "vocab": {"[PAD]": 0, ...}}}. Ids may have gaps. */
pln_status tok_vocabulary_take(struct tok_vocabulary *vocabulary, const json_t *tokenizer, const char *path,
                               pln_error *error);
void tok_vocabulary_finish(struct tok_vocabulary *vocabulary);

/* -1 if there is none. */
int32_t tok_vocabulary_id(const struct tok_vocabulary *vocabulary, const char *token);
#endif
