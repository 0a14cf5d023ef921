/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a text, sends it through the stages, gives tokens.
 */
#include "tokenizer/encode.h"

#include "tokenizer/pretokenizer.h"

struct encoding {
    const pln_tokenizer *tokenizer;
    struct tok_text *raw, *normalized;
    struct tok_tokens *out;
    int32_t words;
    bool failed;
};

void tok_scratch_finish(struct tok_scratch *scratch)
{
    tok_text_finish(&scratch->raw);
    tok_text_finish(&scratch->normalized);
}

/* A token that covers raw code points [begin, end), of the word that is counted now. */
static void add_token(struct encoding *e, int32_t id, uint32_t begin, uint32_t end)
{
    struct tok_tokens *out = e->out;
    e->failed = e->failed || !tok_tokens_reserve(out, 1);
    if (e->failed)
        return;
    out->ids[out->n] = id;
    out->words[out->n] = e->words;
    out->begins[out->n] = begin;
    out->ends[out->n] = end;
    out->begin_bytes[out->n] = e->raw->from[begin];
    out->end_bytes[out->n++] = e->raw->from[end];
}

static void add_word(struct encoding *e, uint32_t begin, uint32_t end)
{
    struct tok_piece pieces[TOK_MAX_WORD];
    const struct tok_text *text = e->normalized;
    uint32_t n = tok_wordpiece(&e->tokenizer->vocabulary.trie, text->code + begin, end - begin, pieces);
    if (!n)
        pieces[n++] = (struct tok_piece){e->tokenizer->special[PLN_UNK_TOKEN], 0, end - begin};
    for (uint32_t i = 0; i < n && !e->failed; i++)
        add_token(e, pieces[i].id, text->from[begin + pieces[i].begin], text->from[begin + pieces[i].end - 1] + 1);
    e->words++;
}

/* Raw code points [begin, end), in which no added token is. */
static void add_plain(struct encoding *e, uint32_t begin, uint32_t end)
{
    uint32_t first, last = 0;
    e->normalized->n = 0;
    tok_normalize(&e->tokenizer->config.normalizer, e->raw, begin, end, e->normalized);
    e->failed = e->failed || e->normalized->failed;
    while (!e->failed && tok_next_word(e->normalized, &first, &last))
        add_word(e, first, last);
}

bool tok_encode(const pln_tokenizer *tokenizer, pln_text text, struct tok_scratch *scratch, struct tok_tokens *out)
{
    struct encoding e = {.tokenizer = tokenizer, .raw = &scratch->raw, .normalized = &scratch->normalized, .out = out};
    e.raw->n = 0;
    tok_text_decode(e.raw, text.text, (uint32_t)text.bytes);
    e.failed = e.raw->failed;
    for (uint32_t at = 0, begin, end; !e.failed && at < e.raw->n; at = end) {
        const struct tok_added *added = tok_added_next(&tokenizer->config.added, e.raw, at, &begin, &end);
        add_plain(&e, at, begin);
        if (added && !e.failed)
            add_token(&e, added->id, begin, end);
        e.words += added != NULL;
    }
    return !e.failed;
}
