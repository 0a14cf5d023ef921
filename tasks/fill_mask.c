/* SPDX-License-Identifier: Apache-2.0
 *
 * Fill-mask: the likeliest tokens for each [MASK] of a text, or of the targets. Only the rows of the masks go through
 * the vocabulary.
 */
#include <stdlib.h>

#include "common/fail.h"
#include "tasks/fill_mask.h"

struct settings {
    uint32_t top;
    int32_t mask; /* its id */
    uint32_t *targets, n_targets;
};

/* ---- targets */

/* Of an entry its id, of any other word the first of its pieces; -1: it has none. */
static pln_status find_target(const pln_tokenizer *tokenizer, pln_encoder *encoder, const char *word, size_t bytes,
                              int32_t *id, pln_error *error)
{
    const pln_example example = {.text = {word, bytes}};
    const pln_encodings *tokens;
    *id = pln_tokenizer_id(tokenizer, word);
    if (*id >= 0)
        return PLN_OK;
    const pln_status status = pln_encoder_encode(
        encoder, &example, 1, PLN_OPTIONS(pln_encode_options, .no_special = true, .max_length = 1), &tokens, error);
    if (status == PLN_OK && tokens->tokens)
        *id = tokens->ids[0];
    return status;
}

/* In the order of ids, each once. */
static void add_target(struct settings *settings, uint32_t id)
{
    uint32_t at = 0;
    while (at < settings->n_targets && settings->targets[at] < id)
        at++;
    if (at < settings->n_targets && settings->targets[at] == id)
        return;
    memmove(settings->targets + at + 1, settings->targets + at, (settings->n_targets - at) * sizeof *settings->targets);
    settings->targets[at] = id;
    settings->n_targets++;
}

static pln_status find_targets(struct task_setup *setup, const char *value, pln_encoder *encoder, pln_error *error)
{
    struct settings *settings = setup->settings;
    pln_text *words;
    const uint32_t n = task_split(&setup->memory, task_string(value), &words);
    settings->targets = n < UINT32_MAX ? arena_allocate(&setup->memory, (n + 1) * sizeof *settings->targets) : NULL;
    if (!settings->targets)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for targets");
    for (uint32_t i = 0; i < n; i++) {
        int32_t id;
        char *word = arena_allocate(&setup->memory, words[i].bytes + 1);
        if (!word)
            return pln_fail(error, PLN_NO_MEMORY, "no memory for targets");
        memcpy(word, words[i].text, words[i].bytes);
        const pln_status status = find_target(setup->tokenizer, encoder, word, words[i].bytes, &id, error);
        if (status != PLN_OK)
            return status;
        if (id >= 0 && (uint32_t)id < setup->config->vocab_size)
            add_target(settings, (uint32_t)id);
    }
    return settings->n_targets
               ? PLN_OK
               : pln_fail(error, PLN_INVALID,
                          "option targets of the task fill-mask is \"%.100s\"; it must name a word of the vocabulary",
                          value);
}

static pln_status open(struct task_setup *setup, pln_error *error)
{
    struct settings *settings = setup->settings;
    const char *targets = task_value(setup, "targets");
    settings->top = task_number(setup, "top", 5);
    settings->mask = pln_tokenizer_special_id(setup->tokenizer, PLN_SPECIAL_MASK);
    if (settings->mask < 0)
        return pln_fail(error, PLN_INVALID, "the tokenizer has no [MASK], which the task fill-mask needs");
    if (!targets)
        return PLN_OK;
    pln_encoder *encoder;
    pln_status status = pln_encoder_create(setup->tokenizer, 1, &encoder, error);
    if (status == PLN_OK)
        status = find_targets(setup, targets, encoder, error);
    pln_encoder_destroy(&encoder);
    return status;
}

/* ---- ask */

static pln_status ask(struct task_row *row, pln_error *error)
{
    pln_example example = {0};
    const pln_status status = task_take_text(row, "text", &example.text, error);
    return status == PLN_OK ? task_add(row, &example, error) : status;
}

static pln_status mark(struct task_row *row, struct task_sequence *sequence, pln_error *error)
{
    const struct settings *settings = row->settings;
    if (row->labelled)
        return task_mask_some(row, sequence, settings->mask, error);
    uint32_t *targets = arena_allocate(row->memory, (sequence->tokens.n + 1) * sizeof *targets);
    if (!targets)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u tokens", sequence->tokens.n);
    for (uint32_t i = 0; i < sequence->tokens.n; i++)
        if (sequence->tokens.ids[i] == settings->mask)
            targets[sequence->n_targets++] = i;
    sequence->targets = targets;
    return sequence->n_targets ? PLN_OK : pln_fail(error, PLN_INVALID, "the text has no [MASK]");
}

/* ---- answer */

struct workspace {
    float *scores; /* [n] of all tokens, or of the targets */
    uint32_t *best;
    int32_t *ids; /* of the sequence, a mask filled */
    uint32_t n, top;
};

static pln_status decode(const struct task_row *row, const int32_t *ids, uint32_t n, bool skip_special, pln_text *text,
                         pln_error *error)
{
    char *decoded;
    const pln_status status = pln_tokenizer_decode(
        row->setup->tokenizer, ids, n, PLN_OPTIONS(pln_decode_options, .skip_special = skip_special), &decoded, error);
    if (status != PLN_OK)
        return status;
    *text = task_string(arena_copy(row->memory, decoded));
    pln_free(decoded);
    return text->text ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for a text");
}

/* The text with the token in the place of the mask, without padding. Special tokens stay if there are more masks. */
static pln_status fill(const struct task_row *row, const struct workspace *w, uint32_t mask, pln_item *item,
                       pln_error *error)
{
    const struct task_sequence *s = &row->sequences[0];
    const int32_t pad = pln_tokenizer_special_id(row->setup->tokenizer, PLN_SPECIAL_PAD);
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->tokens.n; i++) {
        const int32_t id = i == s->targets[mask] ? item->id : s->tokens.ids[i];
        if (id != pad)
            w->ids[n++] = id;
    }
    const pln_status status = decode(row, &item->id, 1, false, &item->text, error);
    return status == PLN_OK ? decode(row, w->ids, n, s->n_targets == 1, &item->sequence, error) : status;
}

static pln_status answer_mask(const struct task_row *row, const struct workspace *w, uint32_t mask, pln_item *items,
                              pln_error *error)
{
    const struct settings *settings = row->settings;
    const struct task_output *logits = &row->sequences[0].outputs[0];
    pln_status status = PLN_OK;
    memcpy(w->scores, logits->data + (size_t)mask * logits->width, logits->width * sizeof *w->scores);
    task_softmax(w->scores, logits->width);
    /* Targets are in the order of their ids, so that each finds its score not yet written over. */
    for (uint32_t i = 0; i < settings->n_targets; i++)
        w->scores[i] = w->scores[settings->targets[i]];
    task_pick_best(w->scores, w->n, w->best, w->top);
    for (uint32_t i = 0; status == PLN_OK && i < w->top; i++) {
        const uint32_t at = w->best[i];
        items[i] = (pln_item){.score = (double)w->scores[at],
                              .id = (int32_t)(settings->targets ? settings->targets[at] : at),
                              .group = mask};
        if (!row->bare)
            status = fill(row, w, mask, &items[i], error);
    }
    return status;
}

static json_t *item_json(const pln_item *item)
{
    return json_pack("{s:f,s:i,s:o,s:o}", "score", item->score, "token", (int)item->id, "token_str",
                     task_json_text(item->text), "sequence", task_json_text(item->sequence));
}

/* A list of candidates, or of several masks a list of such lists. */
static json_t *to_json(const pln_answer *answer, uint32_t masks)
{
    json_t *all = json_array();
    const uint32_t each = answer->n_items / masks;
    for (uint32_t i = 0; i < masks; i++) {
        json_t *list = masks > 1 ? json_array() : NULL;
        for (uint32_t j = 0; j < each; j++)
            task_json_append(masks > 1 ? &list : &all, item_json(answer->items[i * each + j]));
        if (masks > 1)
            task_json_append(&all, list);
    }
    return all;
}

static pln_status answer_masks(struct task_row *row, const struct workspace *w, pln_error *error)
{
    const uint32_t masks = row->sequences[0].n_targets;
    if ((uint64_t)masks * w->top >= UINT32_MAX)
        return pln_fail(error, PLN_INVALID, "%u candidates for each of %u [MASK] are too many", w->top, masks);
    pln_item *items = task_make_items(row, masks * w->top, error);
    pln_status status = items ? PLN_OK : PLN_NO_MEMORY;
    for (uint32_t i = 0; status == PLN_OK && i < masks; i++)
        status = answer_mask(row, w, i, items + (size_t)i * w->top, error);
    return status == PLN_OK && !row->bare ? task_set_json(row, to_json(&row->answer, masks), error) : status;
}

static pln_status answer(struct task_row *row, pln_error *error)
{
    const struct settings *settings = row->settings;
    if (row->labelled) /* it asked for nothing but scores */
        return PLN_OK;
    const uint32_t vocab = row->sequences[0].outputs[0].width;
    struct workspace w = {.n = settings->targets ? settings->n_targets : vocab};
    w.top = settings->top < w.n ? settings->top : w.n;
    w.scores = malloc(vocab * sizeof *w.scores);
    w.best = malloc(vocab * sizeof *w.best);
    w.ids = malloc(row->sequences[0].tokens.n * sizeof *w.ids);
    const pln_status status = w.scores && w.best && w.ids
                                  ? answer_masks(row, &w, error)
                                  : pln_fail(error, PLN_NO_MEMORY, "no memory for %u candidates", vocab);
    free(w.scores);
    free(w.best);
    free(w.ids);
    return status;
}

const struct task_kind task_fill_mask = {
    .info =
        {
            .name = "fill-mask",
            .head = PLN_HEAD_MASKED_LM,
            .summary = "what stands behind [MASK]",
            .columns = (const pln_column_info[]){{"text", false, true, "the text, with [MASK] in it"}, {0}},
            .labels = (const pln_column_info[]){{0}},
            .options = (const pln_option_info[]){{"top", "1..", "candidates for each [MASK] (default 5)"},
                                                 {"targets", "A,B,...",
                                                  "only these words; of a word with several pieces the first one"},
                                                 TASK_TOO_LONG,
                                                 {0}},
            .scores = (const char *const[]){"perplexity", "accuracy", NULL},
            .lesson_tokens = 128,
            .epochs = 3,
        },
    .settings_bytes = sizeof(struct settings),
    .open = open,
    .ask = ask,
    .mark = mark,
    .answer = answer,
    .barred = true,
    .score = &task_score_fill_mask,
    .learn = &task_learn_fill_mask,
};
