/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes examples, gives rows. First the members of a team tokenize, each into its own columns; then the rows are laid
 * out, which needs all lengths; then the members write them where they belong.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fail.h"
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
    struct tok_row *plan;   /* [rows] */
    uint32_t *starts, *examples;
    uint32_t parts_room, plan_room;
    struct tok_rows rows;
    pln_encodings answer;
    const pln_example *input; /* of the call */
    const pln_encode_options *options;
    uint32_t count, chunk;
    atomic_uint next;
};

pln_status pln_encoder_create(const pln_tokenizer *tokenizer, uint32_t threads, pln_encoder **encoder, pln_error *error)
{
    if (!tokenizer || !encoder)
        return pln_fail(error, PLN_INVALID, "pln_encoder_create: tokenizer and encoder must not be NULL");
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (!threads)
        threads = processors > 0 ? (uint32_t)processors : 1;
    if (threads > MAX_THREADS)
        threads = MAX_THREADS;
    pln_encoder *e = calloc(1, sizeof *e);
    *encoder = e;
    if (e) {
        e->tokenizer = tokenizer;
        e->members = calloc(threads, sizeof *e->members);
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
    free(e->plan);
    free(e->starts);
    free(e->examples);
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

static void tokenize_example(pln_encoder *e, struct member *m, uint32_t i)
{
    const pln_example *example = &e->input[i];
    struct tok_part *part = &e->parts[i];
    *part = (struct tok_part){.tokens = &m->tokens, .at = m->tokens.n, .pair = example->pair.text};
    m->failed = m->failed || !tok_encode(e->tokenizer, example->text, false, &m->scratch, &m->tokens);
    part->first = m->tokens.n - part->at;
    if (part->pair)
        m->failed = m->failed || !tok_encode(e->tokenizer, example->pair, false, &m->scratch, &m->tokens);
    part->second = m->tokens.n - part->at - part->first;
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
            tok_row_write(e->tokenizer, &e->parts[e->plan[i].example], &e->plan[i], &e->rows, e->starts[i]);
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

static bool reserve_plan(pln_encoder *e, uint32_t rows)
{
    if (e->plan_room >= rows && e->starts)
        return true;
    free(e->plan);
    free(e->starts);
    free(e->examples);
    e->plan = malloc((rows + 1ul) * sizeof *e->plan);
    e->starts = malloc((rows + 1ul) * sizeof *e->starts);
    e->examples = malloc((rows + 1ul) * sizeof *e->examples);
    e->plan_room = e->plan && e->starts && e->examples ? rows : 0;
    return e->plan && e->starts && e->examples;
}

/* Which tokens are in which row, and where each row begins. */
static pln_status plan_rows(pln_encoder *e, pln_error *error)
{
    uint64_t tokens = 0;
    if (!reserve_plan(e, e->count))
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u rows", e->count);
    for (uint32_t i = 0; i < e->count; i++) {
        e->plan[i] = tok_row_of(e->parts, i, e->options);
        e->examples[i] = i;
        e->starts[i] = (uint32_t)tokens;
        tokens += tok_row_length(&e->plan[i], &e->parts[i]);
        if (tokens > UINT32_MAX)
            return pln_fail(error, PLN_INVALID, "the %u examples have more than 2^32 tokens: give fewer at once",
                            e->count);
    }
    e->starts[e->count] = (uint32_t)tokens;
    if (!tok_rows_reserve(&e->rows, (uint32_t)tokens))
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %llu tokens", (unsigned long long)tokens);
    return PLN_OK;
}

static void set_answer(pln_encoder *e)
{
    e->answer = (pln_encodings){.rows = e->count, .starts = e->starts, .examples = e->examples};
    e->answer.tokens = e->starts[e->count];
#define SET(type, name) e->answer.name = e->rows.name;
    TOK_TEXT_COLUMNS(SET)
    TOK_ROW_COLUMNS(SET)
#undef SET
}

static pln_status check(const pln_example *examples, uint32_t count, pln_error *error)
{
    for (uint32_t i = 0; i < count; i++) {
        const pln_example *x = &examples[i];
        if ((!x->text.text && x->text.bytes) || (!x->pair.text && x->pair.bytes))
            return pln_fail(error, PLN_INVALID, "example %u: its text is NULL", i);
        if (x->text.bytes >= UINT32_MAX || x->pair.bytes >= UINT32_MAX)
            return pln_fail(error, PLN_INVALID, "example %u: a text of %zu bytes is longer than 4 GiB", i,
                            x->text.bytes >= UINT32_MAX ? x->text.bytes : x->pair.bytes);
    }
    return PLN_OK;
}

pln_status pln_encoder_encode(pln_encoder *encoder, const pln_example *examples, uint32_t count,
                              const pln_encode_options *options, const pln_encodings **encodings, pln_error *error)
{
    static const pln_encode_options defaults = {0};
    if (!encoder || (!examples && count) || !encodings)
        return pln_fail(error, PLN_INVALID, "pln_encoder_encode: an argument must not be NULL");
    pln_encoder *e = encoder;
    pln_status status = check(examples, count, error);
    if (status != PLN_OK)
        return status;
    if (!reserve_parts(e, count))
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u examples", count);
    e->input = examples;
    e->count = count;
    e->options = options ? options : &defaults;
    bool failed = false;
    for (uint32_t i = 0; i < team_size(e->team); i++) {
        e->members[i].tokens.n = 0;
        e->members[i].failed = false;
    }
    share_out(e, count, tokenize_share);
    for (uint32_t i = 0; i < team_size(e->team); i++)
        failed = failed || e->members[i].failed;
    if (failed)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the tokens of %u examples", count);
    status = plan_rows(e, error);
    if (status != PLN_OK)
        return status;
    set_answer(e);
    share_out(e, e->answer.rows, write_share);
    *encodings = &e->answer;
    return PLN_OK;
}
