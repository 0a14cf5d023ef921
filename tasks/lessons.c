/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows with labels to lessons, and lessons to batches: rows are asked and tokenized as for answering, the task says what
 * is learned from them, and an epoch is an order of them.
 */
#include <stdlib.h>

#include "common/array.h"
#include "common/door.h"
#include "common/philox.h"
#include "tasks/engine.h"

enum { TENSORS = 6, SPECIAL = 2 /* [CLS] and [SEP] */ };

struct kept {
    uint64_t begin;    /* of its tokens */
    uint32_t *lengths; /* [n_sequences], in the arena */
    uint32_t n_sequences;
    int32_t class, first, last, impossible;
    const float *numbers;  /* in the arena */
    const int32_t *labels; /* [tokens], in the arena; NULL */
};

struct task_lessons {
    struct kept *items;
    size_t room;
    uint32_t n;
    int32_t *ids, *types;
    size_t ids_room, types_room;
    uint64_t n_tokens;
    enum task_target target;
    uint32_t n_numbers;
    struct arena memory;
};

struct pln_lessons {
    struct task_kind kind; /* without `mark`, which is of answering */
    pln_task task;         /* has no session */
    pln_lessons_options options;
    struct task_lessons lessons;
    uint32_t *order; /* of `epoch` */
    uint64_t epoch;
    uint32_t ordered; /* so many are in order; 0: none yet */
    struct arena batch;
    pln_tensor tensors[TENSORS];
    atomic_bool in_use;
};

/* ---- keeping */

static void *keep(struct arena *memory, const void *from, size_t bytes)
{
    void *copy = arena_allocate(memory, bytes + 1);
    if (copy && bytes)
        memcpy(copy, from, bytes);
    return copy;
}

static bool keep_tokens(struct task_lessons *into, const struct task_tokens *t)
{
    int32_t *ids = array_reserve(into->ids, &into->ids_room, into->n_tokens + t->n, sizeof *ids);
    into->ids = ids ? ids : into->ids;
    int32_t *types = array_reserve(into->types, &into->types_room, into->n_tokens + t->n, sizeof *types);
    into->types = types ? types : into->types;
    if (!ids || !types)
        return false;
    memcpy(ids + into->n_tokens, t->ids, t->n * sizeof *ids);
    memcpy(types + into->n_tokens, t->types, t->n * sizeof *types);
    into->n_tokens += t->n;
    return true;
}

static bool keep_lesson(struct task_lessons *into, const struct task_lesson *lesson)
{
    struct kept *items = array_reserve(into->items, &into->room, into->n + 1ul, sizeof *items);
    if (!items)
        return false;
    into->items = items;
    struct kept *k = &items[into->n];
    *k = (struct kept){.begin = into->n_tokens,
                       .lengths = arena_allocate(&into->memory, lesson->n_sequences * sizeof *k->lengths),
                       .n_sequences = lesson->n_sequences,
                       .class = lesson->class,
                       .first = lesson->first,
                       .last = lesson->last,
                       .impossible = lesson->impossible};
    bool whole = k->lengths != NULL;
    if (lesson->target == TASK_NUMBERS)
        k->numbers = keep(&into->memory, lesson->numbers, lesson->n_numbers * sizeof *k->numbers);
    if (lesson->target == TASK_TOKENS)
        k->labels = keep(&into->memory, lesson->tokens, lesson->sequences->tokens.n * sizeof *k->labels);
    whole = whole && (lesson->target != TASK_NUMBERS || k->numbers) && (lesson->target != TASK_TOKENS || k->labels);
    for (uint32_t i = 0; whole && i < lesson->n_sequences; i++) {
        k->lengths[i] = lesson->sequences[i].tokens.n;
        whole = keep_tokens(into, &lesson->sequences[i].tokens);
    }
    into->n += whole;
    return whole;
}

pln_status task_learn(struct task_lessons *into, const struct task_lesson *lesson, pln_error *error)
{
    const uint32_t usual = into->n ? into->items[0].n_sequences : lesson->n_sequences;
    if (lesson->n_sequences != usual)
        return pln_fail(error, PLN_INVALID, "the row has %u choices, those before it %u: a batch needs as many",
                        lesson->n_sequences, usual);
    if (into->n == UINT32_MAX - 1)
        return pln_fail(error, PLN_INVALID, "there are more than %u lessons", into->n);
    into->target = lesson->target;
    into->n_numbers = lesson->n_numbers;
    return keep_lesson(into, lesson) ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for %u lessons", into->n);
}

/* ---- the object */

static pln_status open_task(pln_lessons *l, pln_model *model, const pln_option *options, uint32_t n_options,
                            pln_error *error)
{
    struct task_setup *setup = &l->task.setup;
    l->task.kind = &l->kind;
    l->task.bare = true;
    *setup = (struct task_setup){.model = model, .options = options, .n_options = n_options};
    pln_status status = task_copy_options(setup, error);
    if (status == PLN_OK)
        status = task_open_setup(&l->kind, setup, l->options.max_length, error);
    if (status != PLN_OK)
        return status;
    if (!setup->encode.max_length)
        setup->encode.max_length = setup->longest;
    if (l->kind.learn->open)
        l->kind.learn->open(setup);
    if (l->options.stride && !l->kind.learn->pieces)
        return pln_fail(error, PLN_INVALID, "stride: the task %s makes no pieces of a text, which could share tokens",
                        l->kind.info.name);
    if (l->options.stride >= setup->encode.max_length ||
        (l->options.stride && l->options.stride + SPECIAL >= setup->encode.max_length))
        return pln_fail(error, PLN_INVALID, "a stride of %llu tokens: a piece has %u, [CLS] and [SEP] among them",
                        (unsigned long long)l->options.stride, setup->encode.max_length);
    if (l->options.stride)
        setup->encode.stride = (uint32_t)l->options.stride;
    return pln_encoder_create(setup->tokenizer, 1, &l->task.encoder, error);
}

pln_status pln_lessons_create(pln_model *model, const char *task, const pln_option *options, uint32_t n_options,
                              const pln_lessons_options *lessons, pln_lessons **created, pln_error *error)
{
    pln_lessons_options o = {.size = sizeof o};
    NEED(error, created);
    *created = NULL;
    NEED(error, model, task);
    NEED_LIST(error, options, n_options);
    TAKE(error, pln_lessons_options, o, lessons);
    const struct task_kind *kind = task_kind_find(task);
    if (!kind || !kind->learn)
        return pln_fail(error, PLN_INVALID, kind ? "the task %.100s learns nothing" : "there is no task \"%.100s\"",
                        task);
    pln_status status = task_check_options(&kind->info, options, n_options, error);
    if (status != PLN_OK)
        return status;
    pln_lessons *l = calloc(1, sizeof *l);
    if (!l)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for lessons");
    l->kind = *kind;
    l->kind.mark = NULL;
    l->options = o;
    status = open_task(l, model, options, n_options, error);
    if (status != PLN_OK)
        pln_lessons_destroy(&l);
    *created = l;
    return status;
}

void pln_lessons_destroy(pln_lessons **lessons)
{
    pln_lessons *l = lessons ? *lessons : NULL;
    if (!l)
        return;
    *lessons = NULL;
    task_window_finish(&l->task.window);
    pln_encoder_destroy(&l->task.encoder);
    arena_finish(&l->task.setup.memory);
    arena_finish(&l->lessons.memory);
    arena_finish(&l->batch);
    free(l->lessons.items);
    free(l->lessons.ids);
    free(l->lessons.types);
    free(l->order);
    free(l);
}

pln_head pln_lessons_head(const pln_lessons *lessons)
{
    return lessons ? lessons->task.setup.head : PLN_HEAD_DEFAULT;
}

uint32_t pln_lessons_count(const pln_lessons *lessons)
{
    return lessons ? lessons->lessons.n : 0;
}

/* ---- rows */

static pln_status add(pln_lessons *l, const pln_record *row, pln_error *error)
{
    struct task_window *w = &l->task.window;
    task_window_begin(w, &l->task, 0);
    pln_status status = task_window_add(w, row, NULL, false, error);
    if (status == PLN_OK)
        status = task_window_encode(w, l->task.encoder, error);
    if (status != PLN_OK)
        return status;
    struct task_row *r = &w->rows[0];
    if (r->answer.status != PLN_OK)
        return pln_fail(error, r->answer.status, "%s", r->answer.message);
    return r->n_sequences ? l->kind.learn->learn(r, &l->lessons, error)
                          : pln_fail(error, PLN_INVALID, "the row has nothing to learn from");
}

pln_status pln_lessons_add(pln_lessons *lessons, const pln_record *row, pln_error *error)
{
    NEED(error, lessons, row);
    if (task_record_fault(row) != TASK_NO_FAULT)
        return pln_fail(error, PLN_INVALID, "field %u of the row has no name, or a list that is NULL",
                        task_record_fault(row));
    pln_status status = in_use_begin(&lessons->in_use, "the lessons", error);
    if (status != PLN_OK)
        return status;
    lessons->ordered = 0;
    status = add(lessons, row, error);
    in_use_end(&lessons->in_use);
    return status;
}

/* ---- an epoch */

/* Each order is as likely: Fisher and Yates, with draws that hang on seed, epoch and place alone. */
static pln_status set_order(pln_lessons *l, uint64_t epoch, pln_error *error)
{
    enum { OF_ORDER = 2 };
    const uint32_t n = l->lessons.n, key[2] = {(uint32_t)l->options.seed, (uint32_t)(l->options.seed >> 32)};
    if (l->ordered == n && l->epoch == epoch)
        return PLN_OK;
    uint32_t *order = realloc(l->order, (n + 1ul) * sizeof *order);
    if (!order)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the order of %u lessons", n);
    l->order = order;
    l->epoch = epoch;
    l->ordered = n;
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    for (uint32_t i = n; !l->options.in_order && i > 1; i--) {
        const uint32_t counter[4] = {i, (uint32_t)epoch, (uint32_t)(epoch >> 32), OF_ORDER};
        uint32_t words[4];
        philox(key, counter, words);
        const uint32_t with = (uint32_t)((uint64_t)words[0] * i >> 32), other = order[with];
        order[with] = order[i - 1];
        order[i - 1] = other;
    }
    return PLN_OK;
}

/* ---- a batch */

struct filling {
    int32_t *ids, *mask, *types, *labels, *first, *last, *impossible;
    float *numbers;
    uint32_t choices, length;
};

static uint32_t longest_of(const pln_lessons *l, uint32_t first, uint32_t n)
{
    uint32_t longest = 1;
    for (uint32_t i = first; i < first + n; i++) {
        const struct kept *k = &l->lessons.items[l->order[i]];
        for (uint32_t j = 0; j < k->n_sequences; j++)
            longest = k->lengths[j] > longest ? k->lengths[j] : longest;
    }
    return longest;
}

static bool make_room(pln_lessons *l, uint32_t n, struct filling *f)
{
    const enum task_target target = l->lessons.target;
    const size_t cells = (size_t)n * f->choices * f->length;
    const size_t labels = target == TASK_TOKENS ? cells : n;
    arena_finish(&l->batch);
    f->ids = arena_allocate(&l->batch, cells * sizeof *f->ids);
    f->mask = arena_allocate(&l->batch, cells * sizeof *f->mask);
    f->types = arena_allocate(&l->batch, cells * sizeof *f->types);
    f->labels = arena_allocate(&l->batch, labels * sizeof *f->labels);
    f->first = arena_allocate(&l->batch, n * sizeof *f->first);
    f->last = arena_allocate(&l->batch, n * sizeof *f->last);
    f->impossible = arena_allocate(&l->batch, n * sizeof *f->impossible);
    f->numbers = arena_allocate(&l->batch, ((size_t)n * l->lessons.n_numbers + 1) * sizeof *f->numbers);
    return f->ids && f->mask && f->types && f->labels && f->first && f->last && f->impossible && f->numbers;
}

/* Padding has the tokenizer's id; where labels are of tokens, it has none. */
static bool fill_tokens(pln_lessons *l, const struct kept *k, uint32_t row, uint32_t number, const struct filling *f)
{
    const int32_t pad = pln_tokenizer_special_id(l->task.setup.tokenizer, PLN_SPECIAL_PAD);
    const uint32_t key[2] = {(uint32_t)l->options.seed ^ (uint32_t)(l->options.seed >> 32) * 0x9e3779b9u, number};
    uint64_t from = k->begin;
    for (uint32_t i = 0; i < k->n_sequences; i++) {
        const size_t to = ((size_t)row * f->choices + i) * f->length;
        const uint32_t n = k->lengths[i];
        memcpy(f->ids + to, l->lessons.ids + from, n * sizeof *f->ids);
        memcpy(f->types + to, l->lessons.types + from, n * sizeof *f->types);
        for (uint32_t j = 0; j < f->length; j++) {
            f->mask[to + j] = j < n;
            if (j >= n)
                f->ids[to + j] = pad < 0 ? 0 : pad;
            if (k->labels)
                f->labels[to + j] = j < n ? k->labels[j] : -100;
        }
        from += n;
        if (!l->kind.learn->hide)
            continue;
        uint32_t *places = arena_allocate(&l->batch, (n + 1ul) * sizeof *places);
        if (!places)
            return false;
        l->kind.learn->hide(&l->task.setup, key, l->epoch, f->ids + to, f->labels + to, places, n);
    }
    return true;
}

static uint32_t list_tensors(pln_lessons *l, uint32_t n, const struct filling *f)
{
    pln_tensor *t = l->tensors;
    const bool choices = l->kind.learn->choices;
    const void *const columns[] = {f->ids, f->mask, f->types};
    static const char *const names[] = {"input_ids", "attention_mask", "token_type_ids"};
    uint32_t used = 0;
    for (; used < 3; used++)
        t[used] = choices ? (pln_tensor){names[used], PLN_I32, 3, {n, f->choices, f->length}, columns[used]}
                          : (pln_tensor){names[used], PLN_I32, 2, {n, f->length}, columns[used]};
    switch (l->lessons.target) {
    case TASK_CLASS:
        t[used++] = (pln_tensor){"labels", PLN_I32, 1, {n}, f->labels};
        break;
    case TASK_NUMBERS:
        t[used++] = (pln_tensor){"labels", PLN_F32, 2, {n, l->lessons.n_numbers}, f->numbers};
        break;
    case TASK_TOKENS:
        t[used++] = (pln_tensor){"labels", PLN_I32, 2, {n, f->length}, f->labels};
        break;
    case TASK_SPAN:
    case TASK_SPAN_OR_NONE:
        t[used++] = (pln_tensor){"start_positions", PLN_I32, 1, {n}, f->first};
        t[used++] = (pln_tensor){"end_positions", PLN_I32, 1, {n}, f->last};
        if (l->lessons.target == TASK_SPAN_OR_NONE)
            t[used++] = (pln_tensor){"is_impossible", PLN_I32, 1, {n}, f->impossible};
        break;
    }
    return used;
}

static pln_status make_batch(pln_lessons *l, uint64_t epoch, uint32_t first, uint32_t n, uint32_t *n_tensors,
                             pln_error *error)
{
    const pln_status status = set_order(l, epoch, error);
    if (status != PLN_OK)
        return status;
    struct filling f = {.choices = l->lessons.items[0].n_sequences, .length = longest_of(l, first, n)};
    bool whole = make_room(l, n, &f);
    for (uint32_t i = 0; whole && i < n; i++) {
        const uint32_t number = l->order[first + i], width = l->lessons.n_numbers;
        const struct kept *k = &l->lessons.items[number];
        if (l->lessons.target == TASK_CLASS)
            f.labels[i] = k->class;
        f.first[i] = k->first;
        f.last[i] = k->last;
        f.impossible[i] = k->impossible;
        if (k->numbers)
            memcpy(f.numbers + (size_t)i * width, k->numbers, width * sizeof *f.numbers);
        whole = fill_tokens(l, k, i, number, &f);
    }
    *n_tensors = whole ? list_tensors(l, n, &f) : 0;
    return whole ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for a batch of %u x %u tokens", n, f.length);
}

pln_status pln_lessons_fit(pln_lessons *lessons, uint64_t epoch, uint32_t first, uint32_t tokens, uint32_t *n,
                           pln_error *error)
{
    NEED(error, lessons, n);
    if (first >= lessons->lessons.n)
        return pln_fail(error, PLN_INVALID, "lesson %u: there are %u", first, lessons->lessons.n);
    pln_status status = in_use_begin(&lessons->in_use, "the lessons", error);
    if (status != PLN_OK)
        return status;
    status = set_order(lessons, epoch, error);
    uint64_t sum = 0;
    for (*n = 0; status == PLN_OK && first + *n < lessons->lessons.n; ++*n) {
        const struct kept *k = &lessons->lessons.items[lessons->order[first + *n]];
        for (uint32_t i = 0; i < k->n_sequences; i++)
            sum += k->lengths[i];
        if (*n && sum > tokens)
            break;
    }
    in_use_end(&lessons->in_use);
    return status;
}

pln_status pln_lessons_batch(pln_lessons *lessons, uint64_t epoch, uint32_t first, uint32_t n,
                             const pln_tensor **tensors, uint32_t *n_tensors, pln_error *error)
{
    NEED(error, lessons, tensors, n_tensors);
    if (!n || first >= lessons->lessons.n || n > lessons->lessons.n - first)
        return pln_fail(error, PLN_INVALID, "lessons %u to %llu: there are %u", first, (unsigned long long)first + n,
                        lessons->lessons.n);
    pln_status status = in_use_begin(&lessons->in_use, "the lessons", error);
    if (status != PLN_OK)
        return status;
    status = make_batch(lessons, epoch, first, n, n_tensors, error);
    *tensors = lessons->tensors;
    in_use_end(&lessons->in_use);
    return status;
}
