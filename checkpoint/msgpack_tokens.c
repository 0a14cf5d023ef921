/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the bytes of a MessagePack file, gives its tokens.
 */
#include "checkpoint/msgpack_tokens.h"

#include <string.h>

#include "common/fail.h"

pln_status msgpack_damaged(const struct msgpack_reader *r, const char *what)
{
    return pln_fail(r->file->error, PLN_BAD_MODEL, "%s: '%.200s': %s", r->file->content->path,
                    r->file->name_bytes ? r->file->name : "the whole", what);
}

bool msgpack_is(struct msgpack_text text, const char *word)
{
    return text.bytes == strlen(word) && memcmp(text.at, word, text.bytes) == 0;
}

pln_status msgpack_token(struct msgpack_reader *r, mpack_token_t *token)
{
    mpack_tokbuf_t state = MPACK_TOKBUF_INITIAL_VALUE;
    const int read = r->left ? mpack_read(&state, &r->next, &r->left, token) : MPACK_EOF;
    if (read != MPACK_OK)
        return msgpack_damaged(r, read == MPACK_EOF ? "the file ends too early" : "a byte that MessagePack has not");
    const uint64_t need = token->type == MPACK_TOKEN_MAP ? 2 * (uint64_t)token->length : token->length;
    if (token->type >= MPACK_TOKEN_ARRAY && need > r->left)
        return msgpack_damaged(r, "claims more than the file holds");
    return PLN_OK;
}

struct msgpack_text msgpack_bytes(struct msgpack_reader *r, size_t bytes)
{
    const struct msgpack_text taken = {r->next, bytes};
    r->next += bytes;
    r->left -= bytes;
    return taken;
}

static bool has_bytes(const mpack_token_t *token)
{
    return token->type == MPACK_TOKEN_BIN || token->type == MPACK_TOKEN_STR || token->type == MPACK_TOKEN_EXT;
}

pln_status msgpack_skip_rest(struct msgpack_reader *r, mpack_token_t token, int depth)
{
    if (has_bytes(&token))
        msgpack_bytes(r, token.length);
    if (token.type != MPACK_TOKEN_ARRAY && token.type != MPACK_TOKEN_MAP)
        return PLN_OK;
    if (depth == CKPT_MAX_DEPTH)
        return msgpack_damaged(r, "nests deeper than 32");
    pln_status status = PLN_OK;
    for (uint64_t n = (uint64_t)token.length * (token.type == MPACK_TOKEN_MAP ? 2 : 1); n && status == PLN_OK; n--) {
        mpack_token_t item;
        status = msgpack_token(r, &item);
        if (status == PLN_OK)
            status = msgpack_skip_rest(r, item, depth + 1);
    }
    return status;
}

pln_status msgpack_skip(struct msgpack_reader *r, int depth)
{
    mpack_token_t token;
    const pln_status status = msgpack_token(r, &token);
    return status == PLN_OK ? msgpack_skip_rest(r, token, depth) : status;
}

pln_status msgpack_key(struct msgpack_reader *r, struct msgpack_text *text)
{
    mpack_token_t token;
    const pln_status status = msgpack_token(r, &token);
    if (status != PLN_OK)
        return status;
    if (token.type != MPACK_TOKEN_STR && token.type != MPACK_TOKEN_BIN)
        return msgpack_damaged(r, "a key or a name of a type is no text");
    *text = msgpack_bytes(r, token.length);
    return PLN_OK;
}

pln_status msgpack_count(struct msgpack_reader *r, mpack_token_type_t type, uint32_t *count)
{
    mpack_token_t token;
    const pln_status status = msgpack_token(r, &token);
    if (status != PLN_OK)
        return status;
    if (token.type != type)
        return msgpack_damaged(r, type == MPACK_TOKEN_MAP ? "is no map" : "is no array");
    *count = token.length;
    return PLN_OK;
}

pln_status msgpack_natural(struct msgpack_reader *r, uint64_t *value)
{
    mpack_token_t token;
    const pln_status status = msgpack_token(r, &token);
    if (status != PLN_OK)
        return status;
    if (token.type != MPACK_TOKEN_UINT)
        return msgpack_damaged(r, "a dimension is no whole number");
    *value = (uint64_t)token.data.value.hi << 32 | token.data.value.lo;
    return PLN_OK;
}
