/* SPDX-License-Identifier: Apache-2.0
 *
 * Question answering: spans of a context, as QuestionAnsweringPipeline of transformers 4.44 gives them. A context is read
 * in windows that overlap, each behind the question; what is likeliest in any of them is the answer.
 */
#include <math.h>
#include <stdlib.h>

#include "common/fail.h"
#include "tasks/answer.h"

/* ---- options */

/* Google's head where the checkpoint, or the session, has it. */
static void choose_head(struct task_setup *setup)
{
    struct answer_settings *settings = setup->settings;
    const char *said = task_value(setup, "answer-head");
    const pln_head has = setup->session_head ? setup->session_head : setup->config->head;
    settings->joint = said ? strcmp(said, "joint") == 0 : has == PLN_HEAD_JOINT_QUESTION_ANSWERING;
    if (!settings->joint)
        return;
    setup->head = PLN_HEAD_JOINT_QUESTION_ANSWERING;
    setup->run = answer_joint_run;
}

static pln_status open(struct task_setup *setup, pln_error *error)
{
    enum { USUAL_LENGTH = 384, USUAL_STRIDE = 128 };
    struct answer_settings *settings = setup->settings;
    const uint32_t usual = setup->longest < USUAL_LENGTH ? setup->longest : USUAL_LENGTH;
    const uint32_t length = task_number(setup, "max-length", usual);
    const uint32_t stride = length / 2 < USUAL_STRIDE ? length / 2 : USUAL_STRIDE;
    settings->top = task_number(setup, "top", 1);
    choose_head(setup);
    settings->max_answer = task_number(setup, "max-answer", settings->joint ? 30 : 15);
    settings->null_threshold = task_real(setup, "null-threshold", -2.75);
    settings->no_answer = task_flag(setup, "no-answer");
    settings->inside_words = task_flag(setup, "inside-words");
    if (length > setup->longest)
        return pln_fail(error, PLN_INVALID, "option max-length of the task answer is %u, the model takes at most %u",
                        length, setup->longest);
    setup->encode.max_length = length;
    setup->encode.truncation = PLN_TRUNCATION_ONLY_SECOND;
    setup->encode.overflow = true;
    setup->encode.stride = task_number(setup, "stride", stride);
    if (setup->encode.stride >= length)
        return pln_fail(error, PLN_INVALID, "option stride of the task answer is %u; a window has %u tokens",
                        setup->encode.stride, length);
    return PLN_OK;
}

/* ---- a row is asked */

static pln_status take(const struct task_row *row, const char *name, pln_text *text, pln_error *error)
{
    const pln_status status = task_take_text(row, name, text, error);
    if (status != PLN_OK || text->bytes)
        return status;
    return pln_fail(error, PLN_INVALID, "the column `%s` is empty", name);
}

static pln_status ask(struct task_row *row, pln_error *error)
{
    pln_example example = {0};
    pln_status status = take(row, "question", &example.text, error);
    if (status == PLN_OK)
        status = take(row, "context", &example.pair, error);
    return status == PLN_OK ? task_add(row, &example, error) : status;
}

/* ---- windows */

struct finding {
    const struct task_row *row;
    int32_t cls;
    float null;                /* the least score of any window for there being no answer */
    float *begin, *end;        /* [tokens] */
    float *band;               /* [tokens, widest] scores of spans by their first token and length - 1 */
    uint32_t *best;            /* [top of a window] */
    struct answer_spans spans; /* the best so far */
};

/* Where an answer may begin or end. [CLS], which stands for none, counts in the softmax. */
static bool is_allowed(const struct finding *f, const struct task_tokens *t, uint32_t i)
{
    return t->sequences[i] == 1 || t->ids[i] == f->cls;
}

/* Column `side` of the logits to probabilities over the tokens that are allowed. */
static void to_probabilities(const struct finding *f, const struct task_sequence *s, uint32_t side, float *p)
{
    const float barred = -10000; /* as the reference bars them: where all else is less still, they take part */
    for (uint32_t i = 0; i < s->tokens.n; i++)
        p[i] = is_allowed(f, &s->tokens, i) ? s->outputs[0].data[2 * (size_t)i + side] : barred;
    task_softmax(p, s->tokens.n);
}

/* The spans of a window, [n, widest]; what is none has score 0. */
static void fill_band(const struct finding *f, const struct task_tokens *t, uint32_t widest)
{
    for (uint32_t i = 0; i < t->n; i++)
        for (uint32_t j = 0; j < widest; j++) {
            const bool is_span = i + j < t->n && is_allowed(f, t, i) && is_allowed(f, t, i + j);
            f->band[(size_t)i * widest + j] = is_span ? f->begin[i] * f->end[i + j] : 0;
        }
}

/* The first and the last token of a word of the context that this window has. */
static bool find_word(const struct task_tokens *t, int32_t word, uint32_t *first, uint32_t *last)
{
    bool found = false;
    for (uint32_t i = 0; i < t->n; i++)
        if (t->sequences[i] == 1 && t->words[i] == word) {
            *first = found ? *first : i;
            *last = i;
            found = true;
        }
    return found;
}

static struct answer_span make_span(const struct finding *f, const struct task_tokens *t, uint32_t first, uint32_t last)
{
    const struct answer_settings *settings = f->row->settings;
    uint32_t a = first, b = last, unused;
    if (!settings->inside_words && find_word(t, t->words[first], &a, &unused) &&
        find_word(t, t->words[last], &unused, &b)) {
        first = a;
        last = b;
    }
    return (struct answer_span){.begin = t->begins[first],
                                .end = t->ends[last],
                                .begin_byte = t->begin_bytes[first],
                                .end_byte = t->end_bytes[last]};
}

static void keep_best(struct answer_spans *spans, uint32_t top)
{
    answer_sort(spans);
    spans->n = spans->n < top ? spans->n : top;
}

/* How many tokens the longest answer of a window may have. */
static uint32_t widest_of(const struct answer_settings *settings, const struct task_tokens *t)
{
    return settings->max_answer < t->n ? settings->max_answer : t->n;
}

/* The best spans of a window. One without a token of the context has the empty answer, with score 0. */
static bool search(struct finding *f, const struct task_sequence *s)
{
    const struct answer_settings *settings = f->row->settings;
    const struct task_tokens *t = &s->tokens;
    const uint32_t widest = widest_of(settings, t), n = t->n * widest, top = settings->top < n ? settings->top : n;
    to_probabilities(f, s, 0, f->begin);
    to_probabilities(f, s, 1, f->end);
    const float null = f->begin[0] * f->end[0];
    f->null = null < f->null ? null : f->null;
    f->begin[0] = f->end[0] = 0;
    fill_band(f, t, widest);
    task_pick_best(f->band, n, f->best, top);
    bool whole = f->band[f->best[0]] > 0 || answer_add(&f->spans, (struct answer_span){0}, 0);
    for (uint32_t i = 0; whole && i < top && f->band[f->best[i]] > 0; i++) {
        const uint32_t first = f->best[i] / widest, last = first + f->best[i] % widest;
        whole = answer_add(&f->spans, make_span(f, t, first, last), f->band[f->best[i]]);
    }
    keep_best(&f->spans, settings->top);
    return whole;
}

/* Room for the largest window. */
static bool make_room(struct finding *f)
{
    const struct answer_settings *settings = f->row->settings;
    uint32_t longest = 0;
    size_t band = 0;
    for (uint32_t i = 0; i < f->row->n_sequences; i++) {
        const struct task_tokens *t = &f->row->sequences[i].tokens;
        const size_t spans = (size_t)t->n * widest_of(settings, t);
        longest = t->n > longest ? t->n : longest;
        band = spans > band ? spans : band;
    }
    f->begin = arena_allocate(f->row->memory, ((size_t)longest + 1) * sizeof *f->begin);
    f->end = arena_allocate(f->row->memory, ((size_t)longest + 1) * sizeof *f->end);
    f->band = arena_allocate(f->row->memory, (band + 1) * sizeof *f->band);
    f->best = arena_allocate(f->row->memory, (band < settings->top ? band + 1 : settings->top) * sizeof *f->best);
    return f->begin && f->end && f->band && f->best;
}

/* ---- the answer */

static json_t *to_json(const struct task_row *row)
{
    const bool one = ((const struct answer_settings *)row->settings)->top == 1;
    json_t *list = one ? NULL : json_array();
    for (uint32_t i = 0; i < row->answer.n_items; i++) {
        const pln_item *item = row->answer.items[i];
        json_t *span = json_pack("{s:f,s:I,s:I,s:o}", "score", item->score, "start", (json_int_t)item->begin, "end",
                                 (json_int_t)item->end, "answer", task_json_text(item->text));
        if (one)
            return span;
        task_json_append(&list, span);
    }
    return list;
}

static pln_status write_answer(struct task_row *row, const struct answer_spans *spans, pln_error *error)
{
    pln_text context;
    pln_item *items = task_make_items(row, spans->n, error);
    pln_status status = items ? task_take_text(row, "context", &context, error) : PLN_NO_MEMORY;
    for (uint32_t i = 0; status == PLN_OK && i < spans->n; i++) {
        const struct answer_span *s = &spans->list[i];
        const bool empty = s->end_byte < s->begin_byte; /* a [CLS] in the question may be the end of a span */
        items[i] = (pln_item){.text = task_part(context, s->begin_byte, empty ? s->begin_byte : s->end_byte),
                              .score = (double)s->score,
                              .begin = s->begin,
                              .end = s->end,
                              .begin_byte = s->begin_byte,
                              .end_byte = s->end_byte};
    }
    return status == PLN_OK && !row->bare ? task_set_json(row, to_json(row), error) : status;
}

static pln_status find_spans(struct task_row *row, struct answer_spans *spans, pln_error *error)
{
    const struct answer_settings *settings = row->settings;
    struct finding f = {.row = row, .null = 1, .cls = pln_tokenizer_special_id(row->setup->tokenizer, PLN_SPECIAL_CLS)};
    bool whole = make_room(&f);
    for (uint32_t i = 0; whole && i < row->n_sequences; i++)
        whole = search(&f, &row->sequences[i]);
    if (whole && settings->no_answer) {
        whole = answer_add(&f.spans, (struct answer_span){0}, f.null);
        keep_best(&f.spans, settings->top);
    }
    *spans = f.spans;
    return whole ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for the spans of %u windows", row->n_sequences);
}

/* Google's head says by another score than that of spans whether there is no answer: then the empty one is the first, else
 * the last. */
static pln_status find_joint_spans(struct task_row *row, struct answer_spans *spans, pln_error *error)
{
    const struct answer_settings *settings = row->settings;
    float none;
    const pln_status status = answer_joint_find(row, spans, &none, error);
    if (status != PLN_OK)
        return status;
    const bool judged = settings->no_answer && !isinf(none), first = judged && (double)none > settings->null_threshold;
    if ((judged || !spans->n) && !answer_add(spans, (struct answer_span){0}, judged ? task_sigmoid(none) : 0))
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the spans of %u windows", row->n_sequences);
    if (first) {
        const struct answer_span empty = spans->list[spans->n - 1];
        memmove(spans->list + 1, spans->list, (spans->n - 1) * sizeof *spans->list);
        spans->list[0] = empty;
    }
    spans->n = spans->n < settings->top ? spans->n : settings->top;
    return PLN_OK;
}

static pln_status answer(struct task_row *row, pln_error *error)
{
    const struct answer_settings *settings = row->settings;
    struct answer_spans spans = {0};
    pln_status status = settings->joint ? find_joint_spans(row, &spans, error) : find_spans(row, &spans, error);
    if (status == PLN_OK)
        status = write_answer(row, &spans, error);
    free(spans.list);
    return status;
}

const struct task_kind task_answer = {
    .info =
        {
            .name = "answer",
            .head = PLN_HEAD_QUESTION_ANSWERING,
            .summary = "the part of a context that answers a question",
            .columns = (const pln_column_info[]){{"question", false, true, "the question"},
                                                 {"context", false, true, "the text that has the answer"},
                                                 {0}},
            .labels =
                (const pln_column_info[]){{"answers.text", true, true, "right answers; none: there is none"},
                                          {"answers.answer_start", true, true, "where they begin, in code points"},
                                          {0}},
            .options =
                (const pln_option_info[]){
                    {"top", "1..", "that many answers, the best ones, as a list (default 1)"},
                    {"max-answer", "1..", "tokens of the longest answer (default 15, of the joint head 30)"},
                    {"no-answer", "yes|no", "that there is none may be the answer"},
                    {"answer-head", "linear|joint",
                     "begin and end by themselves, or Google's joint head, which scores an end "
                     "for each begin (default as the model has it)"},
                    {"null-threshold", "X",
                     "of the joint head, with no-answer: there is none if the score for that is "
                     "above (default -2.75)"},
                    {"max-length", "1..",
                     "tokens of a window, question and all (default "
                     "384, or what the model takes)"},
                    {"stride", "0..",
                     "tokens that a window shares with the one before "
                     "(default 128, or half a window)"},
                    {"inside-words", "yes|no",
                     "an answer may begin and end within a word, "
                     "as where words have no blanks"},
                    {0}},
            .scores = (const char *const[]){"f1", "exact_match", NULL},
            .lesson_tokens = 512,
            .epochs = 2,
        },
    .also = PLN_HEAD_JOINT_QUESTION_ANSWERING,
    .settings_bytes = sizeof(struct answer_settings),
    .open = open,
    .ask = ask,
    .answer = answer,
    .score = &task_score_answer,
    .learn = &task_learn_answer,
};
