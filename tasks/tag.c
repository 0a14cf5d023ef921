/* SPDX-License-Identifier: Apache-2.0
 *
 * Token classification: the labels of tokens, or of the entities that they make, as TokenClassificationPipeline gives
 * them. A text is one sequence, or windows whose entities are merged.
 */
#include "common/fail.h"
#include "tasks/task.h"
#include "tokenizer/decoder.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/utf8.h"

enum aggregation { NONE, SIMPLE, FIRST, AVERAGE, MAX };

struct settings {
    enum aggregation aggregation;
};

static const char outside[] = "O"; /* the label of what is no entity */

/* ---- options */

static pln_status open(struct task_setup *setup, pln_error *error)
{
    enum { SPECIAL = 2 }; /* [CLS] and [SEP] are in each window */
    struct settings *settings = setup->settings;
    const char *too_long = task_value(setup, "too-long");
    settings->aggregation = (enum aggregation)task_word(setup, "aggregation", NONE);
    if (!task_value(setup, "stride") && setup->too_long != TASK_WINDOW)
        return PLN_OK;
    if (too_long && setup->too_long != TASK_WINDOW)
        return pln_fail(error, PLN_INVALID, "option stride of the task tag is for windows, and too-long is \"%s\"",
                        too_long);
    if (settings->aggregation == NONE)
        return pln_fail(error, PLN_INVALID,
                        "the task tag merges entities of windows, not labels of tokens: with "
                        "windows, aggregation must not be none");
    setup->encode.max_length = setup->longest;
    setup->encode.overflow = true;
    setup->encode.stride = task_number(setup, "stride", 0);
    if (setup->longest <= SPECIAL || setup->encode.stride >= setup->longest - SPECIAL)
        return pln_fail(error, PLN_INVALID,
                        "option stride of the task tag is %u; a window has %u tokens, [CLS] and [SEP] among them",
                        setup->encode.stride, setup->longest);
    return PLN_OK;
}

/* ---- a row is asked */

/* Where a word lies in the text that all of them make, a blank between each two. */
struct place {
    uint32_t point, byte;
};

static uint32_t count_points(pln_text text)
{
    uint32_t n = 0, code;
    for (size_t at = 0; at < text.bytes; n++)
        at += tok_utf8_decode((const unsigned char *)text.text + at, text.bytes - at, &code);
    return n;
}

static pln_status ask_words(struct task_row *row, pln_error *error)
{
    static const pln_text none[1];
    pln_example example = {0};
    pln_status status = task_take_list(row, "tokens", &example.words, &example.n_words, error);
    if (status != PLN_OK)
        return status;
    struct place *places = arena_allocate(row->memory, ((size_t)example.n_words + 1) * sizeof *places);
    uint64_t byte = 0;
    if (!places)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u words", example.n_words);
    for (uint32_t i = 0; i < example.n_words; i++) {
        const pln_text word = example.words[i];
        byte += word.bytes + 1;
        if (byte > UINT32_MAX)
            return pln_fail(error, PLN_INVALID, "the words in `tokens` have more than 4 GiB");
        places[i + 1] = (struct place){places[i].point + count_points(word) + 1, (uint32_t)byte};
    }
    if (!example.n_words)
        example.words = none;
    row->kept = places;
    return task_add(row, &example, error);
}

static pln_status ask(struct task_row *row, pln_error *error)
{
    pln_example example = {0};
    if (pln_record_field(row->row, "tokens"))
        return ask_words(row, error);
    const pln_status status = task_take_text(row, "text", &example.text, error);
    return status == PLN_OK ? task_add(row, &example, error) : status;
}

/* ---- pieces: tokens, or words that were made of several */

struct piece {
    pln_text word;       /* the token; the text itself where it is unknown */
    const float *scores; /* [labels], softmax; NULL of a word of several tokens */
    uint32_t label, index;
    float score;
    struct place begin, end;
    bool subword; /* goes on with the word before it */
};

struct reading {
    struct task_row *row;
    const pln_tokenizer *tokenizer;
    pln_text text;         /* of the row, unless it brought words */
    const pln_text *words; /* NULL: it did not */
    uint32_t n_labels;
};

static uint32_t find_best(const float *scores, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        best = scores[i] > scores[best] ? i : best;
    return best;
}

/* A token goes on with a word if it is longer than what it stands for ("##ing"), as the reference decides. */
static struct piece read_piece(const struct reading *r, const struct task_tokens *t, uint32_t i, const float *scores)
{
    const struct place *places = r->row->kept;
    const struct place base = r->words ? places[t->words[i]] : (struct place){0, 0};
    const pln_text whole = r->words ? r->words[t->words[i]] : r->text;
    const pln_text part = task_part(whole, t->begin_bytes[i], t->end_bytes[i]);
    const pln_text token = task_string(pln_tokenizer_token(r->tokenizer, t->ids[i]));
    const bool unknown = t->ids[i] == pln_tokenizer_special_id(r->tokenizer, PLN_SPECIAL_UNK);
    const uint32_t label = find_best(scores, r->n_labels);
    return (struct piece){.word = unknown ? part : token,
                          .scores = scores,
                          .label = label,
                          .index = i,
                          .score = scores[label],
                          .begin = {base.point + t->begins[i], base.byte + t->begin_bytes[i]},
                          .end = {base.point + t->ends[i], base.byte + t->end_bytes[i]},
                          .subword = !unknown && count_points(token) != t->ends[i] - t->begins[i]};
}

/* The tokens of a sequence that the text has: returns how many. UINT32_MAX: there is no memory. */
static uint32_t read_pieces(const struct reading *r, const struct task_sequence *s, struct piece *pieces)
{
    const struct task_output *logits = &s->outputs[0];
    const size_t n_scores = (size_t)logits->rows * logits->width;
    float *scores = arena_allocate(r->row->memory, (n_scores + 1) * sizeof *scores);
    uint32_t n = 0;
    if (!scores)
        return UINT32_MAX;
    memcpy(scores, logits->data, n_scores * sizeof *scores);
    for (uint32_t i = 0; i < s->tokens.n; i++) {
        float *of_token = scores + (size_t)i * logits->width;
        if (s->tokens.special_mask[i])
            continue;
        task_softmax(of_token, logits->width);
        pieces[n++] = read_piece(r, &s->tokens, i, of_token);
    }
    return n;
}

/* What the tokenizer makes of the pieces as text. False: there is no memory. */
static bool join(const struct reading *r, const struct piece *pieces, uint32_t n, pln_text *text)
{
    struct tok_decoder decoder = {.keep_spaces = r->tokenizer->config.keep_spaces};
    for (uint32_t i = 0; i < n; i++)
        tok_decoder_add(&decoder, pieces[i].word.text, pieces[i].word.bytes);
    char *joined = tok_decoder_finish(&decoder, false);
    char *copy = joined ? arena_allocate(r->row->memory, decoder.bytes + 1) : NULL;
    if (copy)
        memcpy(copy, joined, decoder.bytes);
    free(joined);
    *text = (pln_text){copy, copy ? decoder.bytes : 0};
    return copy != NULL;
}

/* ---- words */

/* The label that the mean of the scores chooses. */
static void take_average(const struct reading *r, const struct piece *pieces, uint32_t n, float *mean,
                         struct piece *word)
{
    for (uint32_t label = 0; label < r->n_labels; label++) {
        mean[label] = 0;
        for (uint32_t i = 0; i < n; i++)
            mean[label] += pieces[i].scores[label];
        mean[label] /= (float)n;
    }
    word->label = find_best(mean, r->n_labels);
    word->score = mean[word->label];
}

static bool make_word(const struct reading *r, const struct piece *pieces, uint32_t n, float *mean, struct piece *word)
{
    const struct settings *settings = r->row->settings;
    uint32_t chosen = 0; /* the first one */
    for (uint32_t i = 1; settings->aggregation == MAX && i < n; i++)
        chosen = pieces[i].score > pieces[chosen].score ? i : chosen;
    struct piece made = pieces[chosen];
    made.begin = pieces[0].begin;
    made.end = pieces[n - 1].end;
    if (settings->aggregation == AVERAGE)
        take_average(r, pieces, n, mean, &made);
    if (!join(r, pieces, n, &made.word))
        return false;
    *word = made;
    return true;
}

/* In place: the pieces of each word become one. Returns how many words. UINT32_MAX: there is no memory. */
static uint32_t make_words(const struct reading *r, struct piece *pieces, uint32_t n)
{
    float *mean = arena_allocate(r->row->memory, ((size_t)r->n_labels + 1) * sizeof *mean);
    uint32_t words = 0;
    for (uint32_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && pieces[end].subword; end++)
            continue;
        if (!mean || !make_word(r, pieces + begin, end - begin, mean, &pieces[words++]))
            return UINT32_MAX;
    }
    return words;
}

/* ---- entities */

/* The kind of a label, "PER" of B-PER; *begins: it does not go on with an entity. */
static const char *read_label(const char *label, bool *begins)
{
    const bool prefixed = (label[0] == 'B' || label[0] == 'I') && label[1] == '-';
    *begins = prefixed && label[0] == 'B';
    return prefixed ? label + 2 : label;
}

static bool goes_on(const pln_model *model, const struct piece *last, const struct piece *next)
{
    bool begins;
    const char *kind = read_label(pln_model_label(model, last->label), &begins);
    return strcmp(kind, read_label(pln_model_label(model, next->label), &begins)) == 0 && !begins;
}

/* An item of pieces, from the first to the last of them. */
static pln_item make_item(const struct piece *pieces, uint32_t n, const char *label, pln_text word, double score)
{
    const struct piece *last = &pieces[n - 1];
    return (pln_item){.text = word,
                      .label = task_string(label),
                      .score = score,
                      .begin = pieces->begin.point,
                      .end = last->end.point,
                      .begin_byte = pieces->begin.byte,
                      .end_byte = last->end.byte,
                      .id = (int32_t)pieces->label,
                      .group = pieces->index};
}

/* Neighbours of one kind are an entity. Returns how many items, UINT32_MAX: there is no memory. */
static uint32_t make_entities(const struct reading *r, const struct piece *pieces, uint32_t n, pln_item *items)
{
    const pln_model *model = r->row->setup->model;
    uint32_t made = 0;
    for (uint32_t begin = 0, end; begin < n; begin = end) {
        float sum = pieces[begin].score;
        for (end = begin + 1; end < n && goes_on(model, &pieces[end - 1], &pieces[end]); end++)
            sum += pieces[end].score;
        const char *label = pln_model_label(model, pieces[begin].label), *dash = strchr(label, '-');
        const char *kind = dash ? dash + 1 : label;
        pln_text word;
        if (strcmp(kind, outside) == 0)
            continue;
        if (!join(r, pieces + begin, end - begin, &word))
            return UINT32_MAX;
        items[made++] = make_item(pieces + begin, end - begin, kind, word, (double)(sum / (float)(end - begin)));
    }
    return made;
}

static uint32_t list_tokens(const struct reading *r, const struct piece *pieces, uint32_t n, pln_item *items)
{
    uint32_t made = 0;
    for (uint32_t i = 0; i < n; i++) {
        const char *label = pln_model_label(r->row->setup->model, pieces[i].label);
        if (strcmp(label, outside) != 0)
            items[made++] = make_item(&pieces[i], 1, label, pieces[i].word, (double)pieces[i].score);
    }
    return made;
}

static uint32_t read_sequence(const struct reading *r, const struct task_sequence *s, struct piece *pieces,
                              pln_item *items)
{
    const struct settings *settings = r->row->settings;
    uint32_t n = read_pieces(r, s, pieces);
    if (n != UINT32_MAX && settings->aggregation > SIMPLE)
        n = make_words(r, pieces, n);
    if (n == UINT32_MAX)
        return n;
    return settings->aggregation == NONE ? list_tokens(r, pieces, n, items) : make_entities(r, pieces, n, items);
}

/* ---- windows */

/* By where they begin; of those that begin together in their order. Each window's are sorted already. */
static void sort_items(pln_item *items, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        const pln_item item = items[i];
        uint32_t at = i;
        for (; at && items[at - 1].begin > item.begin; at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
}

/* Of entities that overlap the longest stays, of equally long ones the likeliest. Returns how many stay. */
static uint32_t merge_windows(pln_item *items, uint32_t n)
{
    uint32_t kept = 0;
    sort_items(items, n);
    for (uint32_t i = 1; i < n; i++) {
        const uint32_t length = items[i].end - items[i].begin, other = items[kept].end - items[kept].begin;
        if (items[i].begin >= items[kept].end)
            items[++kept] = items[i];
        else if (length > other || (length == other && items[i].score > items[kept].score))
            items[kept] = items[i];
    }
    return n ? kept + 1 : 0;
}

/* ---- the answer */

static json_t *to_json(const struct task_row *row)
{
    const bool tokens = ((const struct settings *)row->settings)->aggregation == NONE;
    json_t *list = json_array();
    for (uint32_t i = 0; i < row->answer.n_items; i++) {
        const pln_item *item = row->answer.items[i];
        const json_int_t begin = (json_int_t)item->begin, end = (json_int_t)item->end;
        task_json_append(&list, tokens ? json_pack("{s:o,s:f,s:I,s:o,s:I,s:I}", "entity", task_json_text(item->label),
                                                   "score", item->score, "index", (json_int_t)item->group, "word",
                                                   task_json_text(item->text), "start", begin, "end", end)
                                       : json_pack("{s:o,s:f,s:o,s:I,s:I}", "entity_group", task_json_text(item->label),
                                                   "score", item->score, "word", task_json_text(item->text), "start",
                                                   begin, "end", end));
    }
    return list;
}

static pln_status answer(struct task_row *row, pln_error *error)
{
    struct reading r = {.row = row, .tokenizer = row->setup->tokenizer, .n_labels = row->setup->config->num_labels};
    uint32_t n_words, tokens = 0, n = 0;
    pln_status status = row->kept ? task_take_list(row, "tokens", &r.words, &n_words, error)
                                  : task_take_text(row, "text", &r.text, error);
    for (uint32_t i = 0; i < row->n_sequences; i++)
        tokens += row->sequences[i].tokens.n;
    if (status != PLN_OK)
        return status;
    pln_item *items = task_make_items(row, tokens, error);
    struct piece *pieces = items ? arena_allocate(row->memory, ((size_t)tokens + 1) * sizeof *pieces) : NULL;
    bool whole = pieces != NULL;
    for (uint32_t i = 0; whole && i < row->n_sequences; i++) {
        const uint32_t more = read_sequence(&r, &row->sequences[i], pieces, items + n);
        whole = more != UINT32_MAX;
        n += whole ? more : 0;
    }
    if (!whole)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the entities of %u tokens", tokens);
    row->answer.n_items = row->n_sequences > 1 ? merge_windows(items, n) : n;
    return row->bare ? PLN_OK : task_set_json(row, to_json(row), error);
}

const struct task_kind task_tag = {
    .info =
        {
            .name = "tag",
            .head = PLN_HEAD_TOKEN_CLASSIFICATION,
            .summary = "labels of the words of a text: names, parts of speech",
            .columns = (const pln_column_info[]){{"text", false, false, "the text"},
                                                 {"tokens", true, false, "its words instead, split already"},
                                                 {0}},
            .labels = (const pln_column_info[]){{"tags", true, true, "the right label of each of `tokens`"}, {0}},
            .options = (const pln_option_info[]){{"aggregation", "none|simple|first|average|max",
                                                  "tokens as they are, or joined to entities, and by which of the "
                                                  "tokens of a word (default none)"},
                                                 {"stride", "0..",
                                                  "long texts are cut into windows that share so many "
                                                  "tokens with the one before"},
                                                 {"too-long", "error|cut|window",
                                                  "texts that are longer than the model can take: a row without an "
                                                  "answer, cut, or in windows (default error, window with stride)"},
                                                 {0}},
            .scores = (const char *const[]){"f1", "precision", "recall", "accuracy", NULL},
            .lesson_tokens = 128,
            .epochs = 3,
        },
    .settings_bytes = sizeof(struct settings),
    .open = open,
    .ask = ask,
    .answer = answer,
    .score = &task_score_tag,
    .learn = &task_learn_tag,
};
