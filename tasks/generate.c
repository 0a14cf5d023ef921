/* SPDX-License-Identifier: Apache-2.0
 *
 * Text generation: a decoder writes on. An answer takes many forwards, which a generator makes; the engine carries what it
 * wrote as numbers: how many tokens of each sequence, then the tokens, the best sequence first.
 */
#include <math.h>
#include <stdlib.h>

#include "common/fail.h"
#include "generation/generator.h"
#include "generation/stops.h"
#include "tasks/task.h"

enum { BATCH = 32, MOST_EXACT = 1 << 24 /* ids below are exact in a float */ };

struct settings {
    pln_generator_options options;
    uint32_t positions;
};

/* ---- options */

static pln_status find_stop(const struct task_setup *setup, pln_text word, int32_t *id, pln_error *error)
{
    char text[256];
    const size_t bytes = word.bytes < sizeof text ? word.bytes : sizeof text - 1;
    memcpy(text, word.text, bytes);
    text[bytes] = 0;
    *id = bytes == word.bytes ? pln_tokenizer_id(setup->tokenizer, text) : -1;
    return *id >= 0 ? PLN_OK
                    : pln_fail(error, PLN_INVALID,
                               "option stop of the task generate: \"%.100s\" is no token of the vocabulary", text);
}

/* Those of the option; else the model's own. */
static pln_status find_stops(struct task_setup *setup, pln_generator_options *o, pln_error *error)
{
    const char *value = task_value(setup, "stop");
    const bool none = task_flag(setup, "no-stop");
    pln_text *words = NULL;
    int32_t *of_model = NULL;
    uint32_t n = value ? task_split(&setup->memory, task_string(value), &words) : 0;
    if (value && none)
        return pln_fail(error, PLN_INVALID, "the options stop and no-stop of the task generate exclude each other");
    pln_status status = value || none ? PLN_OK : generate_stops_of(setup->model, &of_model, &n, error);
    int32_t *stop = n < UINT32_MAX ? arena_allocate(&setup->memory, (n + 1ul) * sizeof *stop) : NULL;
    if (status == PLN_OK && !stop)
        status = pln_fail(error, PLN_NO_MEMORY, "no memory for tokens of stop");
    for (uint32_t i = 0; status == PLN_OK && value && i < n; i++)
        status = find_stop(setup, words[i], &stop[i], error);
    if (status == PLN_OK && of_model && n)
        memcpy(stop, of_model, n * sizeof *stop);
    free(of_model);
    o->stop = stop;
    o->n_stop = n;
    return status;
}

static pln_status read_length_penalty(const struct task_setup *setup, float *penalty, pln_error *error)
{
    const char *value = task_value(setup, "length-penalty");
    char *end = NULL;
    if (!value)
        return PLN_OK;
    *penalty = strtof(value, &end);
    return end != value && !*end && isfinite(*penalty)
               ? PLN_OK
               : pln_fail(error, PLN_INVALID,
                          "option length-penalty of the task generate is \"%.100s\", expected a number", value);
}

/* What says how to draw says nothing where nothing is drawn. */
static pln_status check_drawing(const struct task_setup *setup, pln_error *error)
{
    static const char *const options[] = {"temperature", "top-k", "top-p", "typical-p"};
    for (size_t i = 0; !task_flag(setup, "sample") && i < sizeof options / sizeof *options; i++)
        if (task_value(setup, options[i]))
            return pln_fail(error, PLN_INVALID, "option %s of the task generate is of drawing: it needs sample too",
                            options[i]);
    return PLN_OK;
}

static pln_status open(struct task_setup *setup, pln_error *error)
{
    struct settings *settings = setup->settings;
    pln_generator_options *o = &settings->options;
    *o = (pln_generator_options)PLN_GENERATOR_DEFAULTS;
    o->max_new_tokens = task_number(setup, "max-new-tokens", o->max_new_tokens);
    o->min_new_tokens = task_number(setup, "min-new-tokens", 0);
    o->beams = task_number(setup, "beams", 1);
    o->n_best = task_number(setup, "n-best", 1);
    o->sample = task_flag(setup, "sample");
    o->temperature = (float)task_real(setup, "temperature", 1);
    o->top_k = task_number(setup, "top-k", o->top_k);
    o->top_p = (float)task_real(setup, "top-p", 1);
    o->typical_p = (float)task_real(setup, "typical-p", 1);
    o->repetition_penalty = (float)task_real(setup, "repetition-penalty", 1);
    o->no_repeat_ngram = task_number(setup, "no-repeat-ngram", 0);
    o->seed = task_number(setup, "sample-seed", 0);
    o->batch = BATCH;
    settings->positions = setup->config->max_position_embeddings;
    setup->encode.no_special = task_flag(setup, "no-special");
    if (check_drawing(setup, error) != PLN_OK)
        return error->status;
    if (!setup->config->is_decoder)
        return pln_fail(error, PLN_INVALID, "the task generate needs a decoder: is_decoder is false in config.json");
    if (setup->config->vocab_size > MOST_EXACT)
        return pln_fail(error, PLN_UNSUPPORTED, "the task generate: more than %d tokens in the vocabulary", MOST_EXACT);
    const uint32_t room = o->max_new_tokens < settings->positions / 2 ? o->max_new_tokens : settings->positions / 2;
    if (setup->too_long == TASK_CUT) { /* the end of a prompt is what it goes on from */
        setup->encode.max_length = settings->positions - room;
        setup->encode.truncate_left = true;
    }
    const pln_status status = read_length_penalty(setup, &o->length_penalty, error);
    return status == PLN_OK ? find_stops(setup, o, error) : status;
}

/* ---- a row */

static pln_status ask(struct task_row *row, pln_error *error)
{
    pln_example example = {0};
    const pln_status status = task_take_text(row, "text", &example.text, error);
    return status == PLN_OK ? task_add(row, &example, error) : status;
}

static pln_status mark(struct task_row *row, struct task_sequence *sequence, pln_error *error)
{
    const struct settings *settings = row->settings;
    if (!sequence->tokens.n)
        return pln_fail(error, PLN_INVALID, "the text has no token to go on from");
    return sequence->tokens.n < settings->positions || row->labelled
               ? PLN_OK
               : pln_fail(error, PLN_INVALID, "the text has %u tokens: of the %u positions of the model none is left",
                          sequence->tokens.n, settings->positions);
}

/* ---- a batch */

static pln_status write_numbers(struct task_work *work, const pln_generator *generator, uint32_t n_best,
                                struct task_sequence *const *sequences, uint32_t n, pln_error *error)
{
    size_t all = (size_t)n * n_best;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t rank = 0; rank < n_best; rank++)
            all += pln_generator_result(generator, i, rank)->n_ids;
    float *to = work->take(work, all + 1);
    if (!to)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %zu tokens", all);
    for (uint32_t i = 0; i < n; i++) {
        float *const first = to;
        for (uint32_t rank = 0; rank < n_best; rank++)
            *to++ = (float)pln_generator_result(generator, i, rank)->n_ids;
        for (uint32_t rank = 0; rank < n_best; rank++) {
            const pln_generated *written = pln_generator_result(generator, i, rank);
            for (uint32_t j = 0; j < written->n_ids; j++)
                *to++ = (float)written->ids[j];
        }
        sequences[i]->outputs[0] = (struct task_output){first, (uint32_t)(to - first), 1};
    }
    return PLN_OK;
}

static pln_status run(struct task_work *work, struct task_sequence *const *sequences, uint32_t n, pln_error *error)
{
    const struct settings *settings = work->setup->settings;
    pln_generator *generator = *work->worker;
    pln_status status = PLN_OK;
    if (!generator)
        status = pln_generator_create(work->session, &settings->options, &generator, error);
    *work->worker = generator;
    pln_prompt *prompts = calloc(n + 1ul, sizeof *prompts);
    if (status == PLN_OK && !prompts)
        status = pln_fail(error, PLN_NO_MEMORY, "no memory for %u prompts", n);
    for (uint32_t i = 0; status == PLN_OK && i < n; i++)
        prompts[i] = (pln_prompt){
            .ids = sequences[i]->tokens.ids, .n_ids = sequences[i]->tokens.n, .number = sequences[i]->row->answer.row};
    if (status == PLN_OK)
        status = generate_run(generator, prompts, n, NULL, NULL, error);
    free(prompts);
    return status == PLN_OK ? write_numbers(work, generator, settings->options.n_best, sequences, n, error) : status;
}

static void finish(void *worker)
{
    pln_generator *generator = worker;
    pln_generator_destroy(&generator);
}

/* ---- the answer */

/* The prompt as it was, and what was written; the ids are the new ones. */
static pln_status write_item(struct task_row *row, pln_text text, const float *numbers, uint32_t n, pln_item *item,
                             json_t **json, pln_error *error)
{
    int32_t *ids = arena_allocate(row->memory, (n + 1ul) * sizeof *ids);
    char *written = NULL;
    if (!ids)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u tokens", n);
    for (uint32_t i = 0; i < n; i++)
        ids[i] = (int32_t)numbers[i];
    pln_status status = pln_tokenizer_decode(row->setup->tokenizer, ids, n,
                                             PLN_OPTIONS(pln_decode_options, .skip_special = true), &written, error);
    if (status != PLN_OK)
        return status;
    const size_t more = strlen(written);
    char *all = arena_allocate(row->memory, text.bytes + more + 1);
    if (all) {
        memcpy(all, text.text, text.bytes);
        memcpy(all + text.bytes, written, more + 1);
        item->text = (pln_text){all, text.bytes + more};
    }
    pln_free(written);
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++)
        task_json_append(&list, json_integer(ids[i]));
    *json = json_pack("{s:o,s:o}", "generated_text", task_json_text(item->text), "ids", list);
    return all && *json ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for the text");
}

static pln_status answer(struct task_row *row, pln_error *error)
{
    const struct settings *settings = row->settings;
    const uint32_t n_best = settings->options.n_best;
    if (row->labelled) /* it asked for nothing but scores */
        return PLN_OK;
    const float *counts = row->sequences[0].outputs[0].data, *ids = counts + n_best;
    pln_text text;
    pln_item *items = task_make_items(row, n_best, error);
    pln_status status = items ? task_take_text(row, "text", &text, error) : PLN_NO_MEMORY;
    json_t *list = json_array(), *one = NULL;
    for (uint32_t rank = 0; status == PLN_OK && rank < n_best; rank++) {
        items[rank].group = rank;
        status = write_item(row, text, ids, (uint32_t)counts[rank], &items[rank], &one, error);
        ids += (uint32_t)counts[rank];
        if (status == PLN_OK && n_best > 1)
            task_json_append(&list, one);
    }
    if (n_best == 1) {
        json_decref(list);
        list = one;
    }
    if (status != PLN_OK || row->bare) {
        json_decref(list);
        return status;
    }
    return task_set_json(row, list, error);
}

const struct task_kind task_generate = {
    .info =
        {
            .name = "generate",
            .head = PLN_HEAD_CAUSAL_LM,
            .summary = "a text written on by a decoder",
            .columns = (const pln_column_info[]){{"text", false, true, "the text to go on from"}, {0}},
            .labels = (const pln_column_info[]){{0}},
            .options =
                (const pln_option_info[]){
                    {"max-new-tokens", "1..", "new tokens at most (default 20)"},
                    {"min-new-tokens", "0..", "before so many no token of stop is taken (default 0)"},
                    {"beams", "1..1024", "whole sequences are compared, so many at a time (default 1)"},
                    {"n-best", "1..1024", "sequences of each text (default 1)"},
                    {"length-penalty", "X", "of beams: above 0 longer ones are preferred, below shorter (default 1)"},
                    {"sample", "yes|no",
                     "tokens are drawn, of beams what may follow them; else the most probable is taken"},
                    {"temperature", "0.0..", "of drawing: scores are divided by it (default 1)"},
                    {"top-k", "0..", "so many of the most probable tokens are drawn from; 0: all (default 50)"},
                    {"top-p", "0.0..1.0", "those that together reach this probability (default 1)"},
                    {"typical-p", "0.0..1.0", "those of the most typical surprise that reach this (default 1)"},
                    {"repetition-penalty", "0.0..", "scores of tokens that are there already, divided (default 1)"},
                    {"no-repeat-ngram", "0..", "no so many tokens stand twice in a row; 0: they may (default 0)"},
                    {"stop", "A,B,...", "tokens that end a text (default: eos_token_id of the model)"},
                    {"no-stop", "yes|no", "no token ends a text"},
                    {"sample-seed", "0..", "of drawing; a row's draws hang on it and the row's number (default 0)"},
                    {"no-special", "yes|no", "[CLS] and [SEP] are not put around the text"},
                    TASK_TOO_LONG,
                    {0}},
            .scores = (const char *const[]){"perplexity", NULL},
            .lesson_tokens = 128,
            .epochs = 3,
        },
    .settings_bytes = sizeof(struct settings),
    .open = open,
    .ask = ask,
    .mark = mark,
    .run = run,
    .finish = finish,
    .answer = answer,
    .score = &task_score_generate,
    .learn = &task_learn_generate,
};
