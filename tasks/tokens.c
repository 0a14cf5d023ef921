/* SPDX-License-Identifier: Apache-2.0
 *
 * Examples of a window to sequences of tokens, and what makes a row of them impossible.
 */
#include "common/fail.h"
#include "tasks/engine.h"

/* Columns of tokens, copied into the window: those of the encoder are gone with its next call. */
static bool copy_tokens(struct arena *memory, const pln_encodings *e, struct task_tokens *t)
{
#define COLUMN(to, from)                                                                                               \
    t->to = NULL;                                                                                                      \
    if (e->from) {                                                                                                     \
        void *copy = arena_allocate(memory, ((size_t)e->tokens + 1) * sizeof *e->from);                                \
        if (!copy)                                                                                                     \
            return false;                                                                                              \
        memcpy(copy, e->from, e->tokens * sizeof *e->from);                                                            \
        t->to = copy;                                                                                                  \
    }
    COLUMN(ids, ids)
    COLUMN(types, types)
    COLUMN(words, words)
    COLUMN(sequences, sequences)
    COLUMN(special_mask, special_mask)
    COLUMN(begins, begins)
    COLUMN(ends, ends)
    COLUMN(begin_bytes, begin_bytes)
    COLUMN(end_bytes, end_bytes)
#undef COLUMN
    t->n = e->tokens;
    return true;
}

static struct task_tokens part_of(const struct task_tokens *all, uint32_t begin, uint32_t end)
{
    struct task_tokens part = {.n = end - begin, .ids = all->ids + begin, .types = all->types + begin};
    if (!all->words) /* a task without places */
        return part;
    part.words = all->words + begin;
    part.sequences = all->sequences + begin;
    part.special_mask = all->special_mask + begin;
    part.begins = all->begins + begin;
    part.ends = all->ends + begin;
    part.begin_bytes = all->begin_bytes + begin;
    part.end_bytes = all->end_bytes + begin;
    return part;
}

/* Encodings of the examples of rows [first, last) become their sequences, which lie where the window's end. */
static pln_status take_encodings(struct task_window *w, uint32_t first, uint32_t last, const pln_encodings *e,
                                 struct task_sequence *sequences, pln_error *error)
{
    struct task_tokens all;
    if (!copy_tokens(&w->asked, e, &all))
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u tokens", e->tokens);
    const uint32_t before = w->rows[first].first_example;
    uint32_t at = first;
    for (uint32_t i = 0; i < e->rows; i++) {
        const uint32_t example = before + e->examples[i];
        while (at < last && example >= w->rows[at].first_example + w->rows[at].n_examples)
            at++;
        struct task_row *row = &w->rows[at];
        if (!row->n_sequences++)
            row->sequences = &sequences[i];
        sequences[i] = (struct task_sequence){.row = row,
                                              .tokens = part_of(&all, e->starts[i], e->starts[i + 1]),
                                              .example = example - row->first_example,
                                              .length = e->starts[i + 1] - e->starts[i]};
    }
    return PLN_OK;
}

/* ---- what a row must not have */

static pln_status check_tokens(const struct task_setup *setup, const struct task_tokens *t, pln_error *error)
{
    const struct electra_config *c = setup->config;
    if (!t->n)
        return pln_fail(error, PLN_INVALID, "the text has no token");
    if (t->n > c->max_position_embeddings)
        return pln_fail(error, PLN_INVALID, "the text has %u tokens, the model takes at most %u", t->n,
                        c->max_position_embeddings);
    if (c->chunk_size_feed_forward && t->n % c->chunk_size_feed_forward)
        return pln_fail(error, PLN_INVALID, "the text has %u tokens, no multiple of chunk_size_feed_forward %u", t->n,
                        c->chunk_size_feed_forward);
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->ids[i] < 0 || (uint32_t)t->ids[i] >= c->vocab_size)
            return pln_fail(error, PLN_INVALID, "the text has the token %d, the model's are below %u", t->ids[i],
                            c->vocab_size);
        if ((uint32_t)t->types[i] >= c->type_vocab_size)
            return pln_fail(error, PLN_INVALID, "two texts need two types of tokens, the model has %u",
                            c->type_vocab_size);
    }
    return PLN_OK;
}

static pln_status check_row(struct task_row *row, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < row->n_sequences; i++)
        status = check_tokens(row->setup, &row->sequences[i].tokens, error);
    for (uint32_t i = 0; status == PLN_OK && row->kind->mark && i < row->n_sequences; i++)
        status = row->kind->mark(row, &row->sequences[i], error);
    return status;
}

/* The reference pads the sequences of a row to the longest of them. */
static void pad_row(const struct task_window *w, struct task_row *row)
{
    const pln_session *s = w->task->session;
    uint32_t longest = 0;
    if (!s) /* lessons are padded where they become batches */
        return;
    for (uint32_t i = 0; i < row->n_sequences; i++)
        longest = row->sequences[i].length > longest ? row->sequences[i].length : longest;
    if (s->head->sees_padding && s->head->sees_padding(&s->config, false))
        for (uint32_t i = 0; i < row->n_sequences; i++)
            row->sequences[i].length = longest;
}

static pln_status finish_rows(struct task_window *w, pln_error *error)
{
    for (uint32_t i = 0; i < w->n_rows; i++) {
        struct task_row *row = &w->rows[i];
        pln_error problem;
        if (row->answer.status != PLN_OK)
            continue;
        const pln_status status = check_row(row, &problem);
        if (status == PLN_NO_MEMORY) {
            if (error)
                *error = problem;
            return status;
        }
        if (status != PLN_OK)
            task_refuse_row(row, &problem);
        pad_row(w, row);
        row->missing = row->n_sequences;
        row->memory = &w->answered; /* from here on it is the thread that answers who takes memory */
    }
    return PLN_OK;
}

/* ---- encoding */

static pln_status encode(struct task_window *w, pln_encoder *encoder, uint32_t first, uint32_t last,
                         const pln_encodings **encodings, pln_error *error)
{
    const struct task_row *a = &w->rows[first], *b = &w->rows[last - 1];
    const uint32_t n = b->first_example + b->n_examples - a->first_example;
    return pln_encoder_encode(encoder, w->examples.items + a->first_example, n, &w->task->setup.encode, encodings,
                              error);
}

/* "example 3: its ..." counts what went to the encoder together, of which whoever gave the row knows nothing. */
static void name_row(pln_error *problem)
{
    static const char begins[] = "example ", its[] = ": its ";
    const char *behind = strstr(problem->message, its);
    char sentence[sizeof problem->message];
    if (strncmp(problem->message, begins, sizeof begins - 1) != 0 || !behind)
        return;
    snprintf(sentence, sizeof sentence, "the row's %.400s", behind + sizeof its - 1);
    memcpy(problem->message, sentence, sizeof sentence);
}

/* Where one example cannot be encoded, that keeps no other row from its tokens. */
static pln_status encode_each(struct task_window *w, pln_encoder *encoder, pln_error *error)
{
    for (uint32_t i = 0; i < w->n_rows; i++) {
        const pln_encodings *encodings;
        pln_error problem;
        if (!w->rows[i].n_examples)
            continue;
        pln_status status = encode(w, encoder, i, i + 1, &encodings, &problem);
        if (status == PLN_INVALID) {
            name_row(&problem);
            task_refuse_row(&w->rows[i], &problem);
            continue;
        }
        struct task_sequence *sequences =
            status == PLN_OK ? arena_allocate(&w->asked, (encodings->rows + 1) * sizeof *sequences) : NULL;
        if (!sequences)
            return pln_fail(error, PLN_NO_MEMORY, "no memory for the tokens of a row");
        status = take_encodings(w, i, i + 1, encodings, sequences, error);
        if (status != PLN_OK)
            return status;
    }
    return PLN_OK;
}

pln_status task_window_encode(struct task_window *window, pln_encoder *encoder, pln_error *error)
{
    const pln_encodings *encodings;
    pln_error problem;
    pln_status status = PLN_OK;
    if (window->examples.n) {
        status = encode(window, encoder, 0, window->n_rows, &encodings, &problem);
        if (status == PLN_INVALID) {
            status = encode_each(window, encoder, error);
        } else if (status == PLN_OK) {
            struct task_sequence *sequences =
                arena_allocate(&window->asked, ((size_t)encodings->rows + 1) * sizeof *sequences);
            status = sequences ? take_encodings(window, 0, window->n_rows, encodings, sequences, error)
                               : pln_fail(error, PLN_NO_MEMORY, "no memory for %u sequences", encodings->rows);
        } else if (error) {
            *error = problem;
        }
    }
    return status == PLN_OK ? finish_rows(window, error) : status;
}
