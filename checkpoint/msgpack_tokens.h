/* SPDX-License-Identifier: Apache-2.0
 *
 * A MessagePack file, token by token: libmpack reads them and asks for no memory, and every length and count is held
 * against the bytes that are left before it is believed. Whatever is broken is PLN_BAD_MODEL in a sentence that names the
 * file and the place.
 */
#ifndef CHECKPOINT_MSGPACK_TOKENS_H
#define CHECKPOINT_MSGPACK_TOKENS_H

#include <mpack.h>

#include "checkpoint/format.h"

/* What is being read, and the keys on the way to where in it. */
struct msgpack_file {
    struct ckpt_content *content;
    pln_error *error;
    size_t name_bytes;
    char name[CKPT_MAX_NAME + 1];
};

/* A place in it; a copy looks ahead. */
struct msgpack_reader {
    const char *next;
    size_t left;
    struct msgpack_file *file;
};

struct msgpack_text {
    const char *at;
    size_t bytes;
};

pln_status msgpack_damaged(const struct msgpack_reader *r, const char *what);
bool msgpack_is(struct msgpack_text text, const char *word);

/* A token; its bytes (text, bin, ext) or items (array, map: two a pair) are there, so far as one byte each goes. */
pln_status msgpack_token(struct msgpack_reader *r, mpack_token_t *token);
/* That many bytes, which are there. */
struct msgpack_text msgpack_bytes(struct msgpack_reader *r, size_t bytes);
/* A text, or bytes as the oldest files have them. */
pln_status msgpack_key(struct msgpack_reader *r, struct msgpack_text *text);
/* The head of an array or a map: how many items or pairs follow. */
pln_status msgpack_count(struct msgpack_reader *r, mpack_token_type_t type, uint32_t *count);
pln_status msgpack_natural(struct msgpack_reader *r, uint64_t *value);
/* A value, whatever it is, that lies in `depth` others; or what follows its head, `token`. */
pln_status msgpack_skip(struct msgpack_reader *r, int depth);
pln_status msgpack_skip_rest(struct msgpack_reader *r, mpack_token_t token, int depth);
#endif
