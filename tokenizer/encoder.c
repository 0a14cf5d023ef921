/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes examples, gives rows. First the members of a team tokenize, each into its own columns; then the rows are laid
 * out, which needs all lengths; then the members write them where they belong.
 */
#include <stdlib.h>
#include <string.h>

#include "common/door.h"
#include "common/in_use.h"
#include "common/processors.h"
#include "common/team.h"
#include "tokenizer/encode.h"
#include "tokenizer/postprocessor.h"

enum { MAX_THREADS = 256, CHUNKS_A_MEMBER = 16, LARGEST_CHUNK = 256 };

struct member {
    struct tok_scratch scratch;
    struct tok_tokens tokens;
    _Alignas(64) bool failed; /* no memory; a line of the cache for each */
};

struct pln_encoder {
    const pln_tokenizer *tokenizer;
    struct team *team;
    struct member *members; /* [team_size] */
    struct tok_part *parts; /* [count], of the call */
    uint32_t parts_room;
    struct tok_plan plan;
    struct tok_rows rows;
    pln_encodings answer;
    const pln_example *input; /* of the call */
    const pln_encode_options *options;
    uint32_t count, chunk;
    atomic_uint next;
    atomic_bool in_use;
};

/* Aligned as their type asks, which calloc does not promise. */
static struct member *create_members(uint32_t n)
{
    struct member *members = aligned_alloc(_Alignof(struct member), n * sizeof *members);
    if (members)
        memset(members, 0, n * sizeof *members);
    return members;
}

pln_status pln_encoder_create(const pln_tokenizer *tokenizer, uint32_t threads, pln_encoder **encoder, pln_error *error)
{
    NEED(error, encoder);
    *encoder = NULL;
    NEED(error, tokenizer);
    if (!threads)
        threads = processors_usable();
    if (threads > MAX_THREADS)
        threads = MAX_THREADS;
    pln_encoder *e = calloc(1, sizeof *e);
    *encoder = e;
    if (e) {
        e->tokenizer = tokenizer;
        e->members = create_members(threads);
        e->team = team_create(threads);
    }
    if (e && e->members && e->team)
        return PLN_OK;
    pln_encoder_destroy(encoder);
    return pln_fail(error, PLN_NO_MEMORY, "no memory for an encoder of %u threads", threads);
}

void pln_encoder_destroy(pln_encoder **encoder)
{
    pln_encoder *e = encoder ? *encoder : NULL;
    if (!e)
        return;
    for (uint32_t i = 0; e->members && e->team && i < team_size(e->team); i++) {
        tok_scratch_finish(&e->members[i].scratch);
        tok_tokens_finish(&e->members[i].tokens);
    }
    team_destroy(&e->team);
    tok_rows_finish(&e->rows);
    free(e->members);
    free(e->parts);
    tok_plan_finish(&e->plan);
    free(e);
    *encoder = NULL;
}

/* The next chunk of [0, n) that no member has taken. */
static bool take(pln_encoder *e, uint32_t n, uint32_t *begin, uint32_t *end)
{
    const uint32_t chunk = atomic_fetch_add(&e->next, 1);
    if ((uint64_t)chunk * e->chunk >= n)
        return false;
    *begin = chunk * e->chunk;
    *end = n - *begin < e->chunk ? n : *begin + e->chunk;
    return true;
}

static void share_out(pln_encoder *e, uint32_t n, void (*fn)(void *, uint32_t, uint32_t))
{
    const uint32_t chunk = n / (team_size(e->team) * CHUNKS_A_MEMBER) + 1;
    e->chunk = chunk < LARGEST_CHUNK ? chunk : LARGEST_CHUNK;
    atomic_store(&e->next, 0);
    if (n == 1)
        fn(e, 0, 1); /* nobody is woken for it */
    else
        team_run(e->team, fn, e);
}

/* One text, split into words or not; gives how many tokens it has. */
static uint32_t tokenize(pln_encoder *e, struct member *m, pln_text text, const pln_text *words, uint32_t n)
{
    const uint32_t before = m->tokens.n;
    const bool split = e->options->split_special;
    if (!words && !m->failed)
        m->failed = !tok_encode(e->tokenizer, text, TOK_COUNT_WORDS, split, &m->scratch, &m->tokens);
    for (uint32_t i = 0; words && i < n && !m->failed; i++)
        m->failed = !tok_encode(e->tokenizer, words[i], (int32_t)i, split, &m->scratch, &m->tokens);
    return m->tokens.n - before;
}

static void tokenize_example(pln_encoder *e, struct member *m, uint32_t i)
{
    const pln_example *x = &e->input[i];
    struct tok_part *part = &e->parts[i];
    *part = (struct tok_part){.tokens = &m->tokens, .at = m->tokens.n, .pair = x->pair.text || x->pair_words};
    part->first = tokenize(e, m, x->text, x->words, x->n_words);
    if (part->pair)
        part->second = tokenize(e, m, x->pair, x->pair_words, x->n_pair_words);
}

static void tokenize_share(void *encoder, uint32_t index, uint32_t members)
{
    (void)members;
    pln_encoder *e = encoder;
    struct member *m = &e->members[index];
    for (uint32_t begin, end; !m->failed && take(e, e->count, &begin, &end);)
        for (uint32_t i = begin; i < end && !m->failed; i++)
            tokenize_example(e, m, i);
}

static void write_share(void *encoder, uint32_t index, uint32_t members)
{
    (void)index;
    (void)members;
    pln_encoder *e = encoder;
    for (uint32_t begin, end; take(e, e->answer.rows, &begin, &end);)
        for (uint32_t i = begin; i < end; i++)
            tok_row_write(e->tokenizer, &e->plan, i, &e->parts[e->plan.examples[i]], e->options, &e->rows);
}

static bool reserve_parts(pln_encoder *e, uint32_t count)
{
    if (e->parts_room >= count)
        return true;
    free(e->parts);
    e->parts = malloc(count * sizeof *e->parts);
    e->parts_room = e->parts ? count : 0;
    return e->parts;
}

static void set_answer(pln_encoder *e)
{
    e->answer = (pln_encodings){.rows = e->plan.n, .starts = e->plan.starts, .examples = e->plan.examples};
    e->answer.tokens = e->plan.starts[e->plan.n];
#define SET(type, name) e->answer.name = e->rows.name;
    TOK_TEXT_COLUMNS(SET)
    TOK_ROW_COLUMNS(SET)
#undef SET
}

static pln_status check_text(pln_text text, uint32_t example, pln_error *error)
{
    if (!text.text && text.bytes)
        return pln_fail(error, PLN_INVALID, "example %u: its text is NULL", example);
    if (text.bytes >= UINT32_MAX)
        return pln_fail(error, PLN_INVALID, "example %u: a text of %zu bytes is longer than 4 GiB", example,
                        text.bytes);
    return PLN_OK;
}

static pln_status check(const pln_example *examples, uint32_t count, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; i < count && status == PLN_OK; i++) {
        const pln_example *x = &examples[i];
        status = check_text(x->text, i, error);
        if (status == PLN_OK)
            status = check_text(x->pair, i, error);
        for (uint32_t k = 0; x->words && k < x->n_words && status == PLN_OK; k++)
            status = check_text(x->words[k], i, error);
        for (uint32_t k = 0; x->pair_words && k < x->n_pair_words && status == PLN_OK; k++)
            status = check_text(x->pair_words[k], i, error);
    }
    return status;
}

/* Every text to tokens, by the team. False: no memory. */
static bool tokenize_all(pln_encoder *e)
{
    bool failed = false;
    for (uint32_t i = 0; i < team_size(e->team); i++) {
        tok_tokens_begin(&e->members[i].tokens, e->options->no_places);
        e->members[i].failed = false;
    }
    share_out(e, e->count, tokenize_share);
    for (uint32_t i = 0; i < team_size(e->team); i++)
        failed = failed || e->members[i].failed;
    return !failed;
}

static pln_status encode(pln_encoder *e, const pln_example *examples, uint32_t count, const pln_encode_options *options,
                         const pln_encodings **encodings, pln_error *error)
{
    pln_status status = check(examples, count, error);
    if (status != PLN_OK)
        return status;
    e->input = examples;
    e->count = count;
    e->options = options;
    if (!reserve_parts(e, count) || !tokenize_all(e))
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the tokens of %u examples", count);
    status = tok_plan_rows(&e->plan, e->tokenizer, e->parts, count, e->options, error);
    if (status != PLN_OK)
        return status;
    if (!tok_rows_reserve(&e->rows, e->plan.starts[e->plan.n], e->options->no_places))
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u tokens", e->plan.starts[e->plan.n]);
    set_answer(e);
    share_out(e, e->plan.n, write_share);
    *encodings = &e->answer;
    return PLN_OK;
}

pln_status pln_encoder_encode(pln_encoder *encoder, const pln_example *examples, uint32_t n_examples,
                              const pln_encode_options *options, const pln_encodings **encodings, pln_error *error)
{
    NEED(error, encoder, encodings);
    NEED_LIST(error, examples, n_examples);
    pln_encode_options o = {.size = sizeof o};
    TAKE(error, pln_encode_options, o, options);
    if (o.truncation > PLN_TRUNCATION_ONLY_SECOND || o.padding > PLN_PADDING_LENGTH)
        return pln_fail(error, PLN_INVALID, "there is no truncation %u with padding %u", (unsigned)o.truncation,
                        (unsigned)o.padding);
    pln_status status = in_use_begin(&encoder->in_use, "the encoder", error);
    if (status != PLN_OK)
        return status;
    status = encode(encoder, examples, n_examples, &o, encodings, error);
    in_use_end(&encoder->in_use);
    return status;
}
