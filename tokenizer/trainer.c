/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts in, a vocabulary out: words are counted on threads, then the alphabet is taken and pairs are merged.
 */
#include <stdlib.h>
#include <string.h>

#include "common/door.h"
#include "common/in_use.h"
#include "common/processors.h"
#include "common/team.h"
#include "tokenizer/counter.h"
#include "tokenizer/merges.h"

/* Bytes that a thread takes at once. */
enum { SHARE = 1 << 18 };

static const char *const usual_special[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

struct pln_vocabulary_trainer {
    struct tok_merge_options merge;
    uint32_t limit_alphabet;
    struct tok_strings special;
    struct team *team;
    struct tok_counter *counters; /* one a member of the team */
    atomic_bool in_use;
};

/* Texts of one call, taken piece by piece by the members. */
struct feed {
    pln_vocabulary_trainer *trainer;
    const char *text;
    size_t bytes;
    atomic_size_t next;
    atomic_bool failed;
};

static pln_status add_special(pln_vocabulary_trainer *t, const pln_vocabulary_options *options, pln_error *error)
{
    const char *const *tokens = options->special ? options->special : usual_special;
    const uint32_t n = options->special ? options->n_special : sizeof usual_special / sizeof *usual_special;
    for (uint32_t i = 0; i < n; i++) {
        if (!tokens[i])
            return pln_fail(error, PLN_INVALID, "special token %u is NULL", i);
        const size_t bytes = strlen(tokens[i]);
        if (!bytes || bytes > PLN_VOCABULARY_TOKEN_BYTES || strpbrk(tokens[i], " \t\r\n\v\f"))
            return pln_fail(error, PLN_INVALID, "special token \"%.64s\" is empty, too long or holds a blank",
                            tokens[i]);
        tok_strings_add(&t->special, tokens[i], bytes, 0);
    }
    return t->special.failed ? pln_fail(error, PLN_NO_MEMORY, "no memory for special tokens") : PLN_OK;
}

pln_status pln_vocabulary_trainer_create(const pln_vocabulary_options *options, pln_vocabulary_trainer **trainer,
                                         pln_error *error)
{
    pln_vocabulary_options taken = {.size = sizeof taken};
    const pln_vocabulary_options *o = &taken;
    NEED(error, trainer);
    *trainer = NULL;
    TAKE(error, pln_vocabulary_options, taken, options);
    if (o->threads > TEAM_MOST)
        return pln_fail(error, PLN_INVALID, "%u threads: expected at most %d", o->threads, TEAM_MOST);
    pln_vocabulary_trainer *t = calloc(1, sizeof *t);
    if (!t)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a vocabulary");
    t->merge.size = o->n_entries ? o->n_entries : 30000;
    t->merge.min_frequency = o->min_frequency ? o->min_frequency : 2;
    t->merge.progress = o->progress;
    t->merge.context = o->progress_context;
    t->limit_alphabet = o->limit_alphabet ? o->limit_alphabet : 1000;
    const uint32_t threads = o->threads ? o->threads : processors_usable();
    t->team = team_create(threads);
    t->counters = calloc(threads, sizeof *t->counters);
    pln_status status = t->team && t->counters ? add_special(t, o, error)
                                               : pln_fail(error, PLN_NO_MEMORY, "no memory for %u threads", threads);
    for (uint32_t i = 0; status == PLN_OK && i < threads; i++)
        tok_normalizer_init(&t->counters[i].normalizer, true, !o->join_chinese, !o->cased && !o->keep_accents,
                            !o->cased);
    if (status == PLN_OK)
        *trainer = t;
    else
        pln_vocabulary_trainer_destroy(&t);
    return status;
}

void pln_vocabulary_trainer_destroy(pln_vocabulary_trainer **trainer)
{
    pln_vocabulary_trainer *t = trainer ? *trainer : NULL;
    if (!t)
        return;
    for (uint32_t i = 0; t->team && t->counters && i < team_size(t->team); i++)
        tok_counter_finish(&t->counters[i]);
    free(t->counters);
    team_destroy(&t->team);
    tok_strings_finish(&t->special);
    free(t);
    *trainer = NULL;
}

/* Just behind the first blank in [at, end), or `end` if there is none. */
static size_t boundary(const struct feed *f, size_t at, size_t end)
{
    while (at < end && !tok_counter_boundary(f->text[at]))
        at++;
    return at < end ? at + 1 : end;
}

/* A member takes what begins in its share, up to the end of its last word: shares meet, whoever takes them. */
static void count_shares(void *argument, uint32_t index, uint32_t members)
{
    struct feed *f = argument;
    (void)members;
    for (size_t at; (at = atomic_fetch_add(&f->next, SHARE)) < f->bytes && !atomic_load(&f->failed);) {
        const size_t last = f->bytes - at > SHARE ? at + SHARE : f->bytes;
        const size_t begin = at ? boundary(f, at, last) : 0;
        const size_t end = begin < last ? boundary(f, last, f->bytes) : begin;
        if (!tok_counter_add(&f->trainer->counters[index], f->text + begin, end - begin))
            atomic_store(&f->failed, true);
    }
}

pln_status pln_vocabulary_trainer_add(pln_vocabulary_trainer *trainer, const char *text, size_t bytes, pln_error *error)
{
    NEED(error, trainer);
    if (!text && bytes)
        return pln_fail(error, PLN_INVALID, "%s: text is NULL and bytes is %zu", __func__, bytes);
    struct feed feed = {.trainer = trainer, .text = text, .bytes = bytes};
    const pln_status status = in_use_begin(&trainer->in_use, "the vocabulary trainer", error);
    if (status != PLN_OK)
        return status;
    team_run(trainer->team, count_shares, &feed);
    in_use_end(&trainer->in_use);
    return atomic_load(&feed.failed) ? pln_fail(error, PLN_NO_MEMORY, "no memory to count words") : PLN_OK;
}

static void settle_words(void *argument, uint32_t index, uint32_t members)
{
    struct feed *f = argument;
    for (uint32_t i = index; i < team_size(f->trainer->team); i += members)
        if (!tok_counter_settle(&f->trainer->counters[i]))
            atomic_store(&f->failed, true);
}

/* All words of all members in the first one's list. */
static bool gather_words(pln_vocabulary_trainer *t)
{
    struct feed feed = {.trainer = t};
    team_run(t->team, settle_words, &feed);
    struct tok_strings *all = &t->counters[0].words;
    for (uint32_t i = 1; i < team_size(t->team) && !atomic_load(&feed.failed); i++) {
        struct tok_strings *words = &t->counters[i].words;
        for (size_t w = 0; w < words->n; w++)
            tok_strings_add(all, tok_strings_text(words, w), words->items[w].bytes, words->items[w].count);
        tok_strings_clear(words);
    }
    return !atomic_load(&feed.failed) && !all->failed;
}

/* The tokens, a line each. */
static pln_status write_tokens(const struct tok_strings *tokens, char **text, size_t *bytes, pln_error *error)
{
    char *to = *text = malloc(tokens->bytes + tokens->n + 1);
    if (!to)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the vocabulary");
    for (size_t i = 0; i < tokens->n; i++) {
        memcpy(to, tok_strings_text(tokens, i), tokens->items[i].bytes);
        to += tokens->items[i].bytes;
        *to++ = '\n';
    }
    *to = '\0';
    *bytes = (size_t)(to - *text);
    return PLN_OK;
}

static pln_status train(pln_vocabulary_trainer *t, struct tok_strings *tokens, pln_error *error)
{
    struct tok_alphabet alphabet = {0};
    for (size_t i = 0; i < t->special.n; i++)
        tok_strings_add(tokens, tok_strings_text(&t->special, i), t->special.items[i].bytes, 0);
    pln_status status = PLN_NO_MEMORY;
    if (gather_words(t) && tok_alphabet_init(&alphabet, &t->counters[0].words, t->limit_alphabet, tokens))
        status = tok_merge(&t->counters[0].words, &alphabet, &t->merge, tokens);
    tok_alphabet_finish(&alphabet);
    if (status == PLN_NO_MEMORY)
        return pln_fail(error, status, "no memory for a vocabulary of %zu words", t->counters[0].words.n);
    return status == PLN_OK ? PLN_OK : pln_fail(error, status, "the training of the vocabulary was stopped");
}

pln_status pln_vocabulary_trainer_train(pln_vocabulary_trainer *trainer, char **text, size_t *bytes,
                                        uint32_t *n_entries, pln_error *error)
{
    struct tok_strings tokens = {0};
    NEED(error, text);
    *text = NULL;
    NEED(error, trainer, bytes, n_entries);
    pln_status status = in_use_begin(&trainer->in_use, "the vocabulary trainer", error);
    if (status != PLN_OK)
        return status;
    status = train(trainer, &tokens, error);
    in_use_end(&trainer->in_use);
    if (status == PLN_OK)
        status = write_tokens(&tokens, text, bytes, error);
    *n_entries = (uint32_t)tokens.n;
    tok_strings_finish(&tokens);
    return status;
}
