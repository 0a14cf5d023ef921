/* SPDX-License-Identifier: Apache-2.0
 *
 * Tags of words beside the right ones: that of a word's first token counts. A word of which nothing is left (blanks,
 * controls) has none, and is left out on both sides, as where training labels tokens.
 */
#include "common/fail.h"
#include "tasks/scores/score.h"
#include "tasks/task.h"

static const struct score_family *family(const struct task_setup *setup, uint32_t *classes)
{
    (void)setup;
    *classes = 0;
    return &score_entities;
}

/* Long rows are windows; nothing is cut. */
static void open(struct task_setup *setup)
{
    setup->encode.max_length = setup->longest;
    setup->encode.overflow = true;
}

struct tags {
    struct score_entity_row *counted;
    const char **gold, **predicted;
    bool *seen; /* [words] */
    const pln_text *right;
    uint32_t n_words;
};

static pln_status take_tags(struct task_row *row, struct tags *t, pln_error *error)
{
    const pln_text *words;
    uint32_t n_tags;
    pln_status status = task_take_list(row, "tokens", &words, &t->n_words, error);
    if (status == PLN_OK)
        status = task_take_list(row, "tags", &t->right, &n_tags, error);
    if (status == PLN_OK && n_tags != t->n_words)
        return pln_fail(error, PLN_INVALID, "the column `tags` has %u items, `tokens` %u", n_tags, t->n_words);
    if (status != PLN_OK)
        return status;
    const size_t room = (size_t)t->n_words + 1;
    t->counted = task_judge(row, &score_entities, 0, error);
    t->gold = arena_allocate(row->memory, room * sizeof *t->gold);
    t->predicted = arena_allocate(row->memory, room * sizeof *t->predicted);
    t->seen = arena_allocate(row->memory, room * sizeof *t->seen);
    if (!t->counted || !t->gold || !t->predicted || !t->seen)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u words", t->n_words);
    return PLN_OK;
}

/* A word is met at its first token: windows come in their order, and tokens too. */
static pln_status judge_token(struct task_row *row, struct tags *t, const struct task_output *logits, uint32_t token,
                              uint32_t word, pln_error *error)
{
    const float *x = logits->data + (size_t)token * logits->width;
    struct score_entity_row *r = t->counted;
    uint32_t class;
    const pln_status status = task_read_class(row, "tags", t->right[word], &class, error);
    if (status != PLN_OK)
        return status;
    t->seen[word] = true;
    t->gold[r->n_tags] = pln_model_label(row->setup->model, class);
    t->predicted[r->n_tags++] = pln_model_label(row->setup->model, task_find_best(x, logits->width));
    r->row.loss += task_cross_entropy(x, logits->width, class);
    r->row.weight++;
    return PLN_OK;
}

static pln_status judge(struct task_row *row, pln_error *error)
{
    struct tags t;
    pln_status status = take_tags(row, &t, error);
    for (uint32_t i = 0; status == PLN_OK && i < row->n_sequences; i++) {
        const struct task_sequence *s = &row->sequences[i];
        for (uint32_t j = 0; status == PLN_OK && j < s->tokens.n; j++) {
            const int32_t word = s->tokens.words[j];
            if (word >= 0 && !t.seen[word])
                status = judge_token(row, &t, &s->outputs[0], j, (uint32_t)word, error);
        }
    }
    if (status == PLN_OK) {
        t.counted->gold_tags = t.gold;
        t.counted->predicted_tags = t.predicted;
    }
    return status;
}

const struct task_score task_score_tag = {.family = family, .open = open, .judge = judge};

/* ---- learning */

static pln_status name(struct task_row *row, const pln_text **names, uint32_t *n, bool *list, pln_error *error)
{
    *list = false; /* each word has one */
    return task_take_list(row, "tags", names, n, error);
}

/* The first token of each word that is there, as far as the row was cut. */
static pln_status learn(struct task_row *row, struct task_lessons *into, pln_error *error)
{
    const struct task_sequence *s = row->sequences;
    const pln_text *words, *tags;
    uint32_t n_words, n_tags, class;
    pln_status status = task_take_list(row, "tokens", &words, &n_words, error);
    if (status == PLN_OK)
        status = task_take_list(row, "tags", &tags, &n_tags, error);
    if (status == PLN_OK && n_tags != n_words)
        return pln_fail(error, PLN_INVALID, "the column `tags` has %u items, `tokens` %u", n_tags, n_words);
    int32_t *labels = arena_allocate(row->memory, (s->tokens.n + 1ul) * sizeof *labels);
    if (status == PLN_OK && !labels)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u tokens", s->tokens.n);
    for (uint32_t i = 0; status == PLN_OK && i < s->tokens.n; i++) {
        const int32_t word = s->tokens.words[i];
        labels[i] = -100;
        if (word < 0 || (i && s->tokens.words[i - 1] == word))
            continue;
        status = task_read_class(row, "tags", tags[word], &class, error);
        labels[i] = (int32_t) class;
    }
    const struct task_lesson lesson = {s, 1, TASK_TOKENS, .tokens = labels};
    return status == PLN_OK ? task_learn(into, &lesson, error) : status;
}

const struct task_learn task_learn_tag = {.name = name, .learn = learn};
