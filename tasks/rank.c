/* SPDX-License-Identifier: Apache-2.0
 *
 * Ranking: how well each passage answers a query, best first, as CrossEncoder.rank of sentence-transformers gives it.
 */
#include <math.h>

#include "common/fail.h"
#include "tasks/rank_settings.h"

static bool chosen(const pln_model *model, const pln_record *row)
{
    return row && pln_record_field(row, "query") && pln_model_classes(model, PLN_HEAD_SEQUENCE_CLASSIFICATION) == 1;
}

/* ---- activation */

static float keep(float x)
{
    return x;
}

/* The path of a class of PyTorch that the config names, or NULL: sentence_transformers.activation_fn, before version 4 of
 * that package a key of its own. */
static const char *named_activation(const struct electra_config *config)
{
    const json_t *object = json_object_get(config->json, "sentence_transformers");
    const json_t *path = json_object_get(object, "activation_fn");
    if (!path)
        path = json_object_get(config->json, "sbert_ce_default_activation_function");
    return json_string_value(path);
}

/* As CrossEncoder: what is not PyTorch's own is not trusted, and a single label has a sigmoid then. */
static pln_status find_activation(struct task_setup *setup, struct task_rank_settings *settings, pln_error *error)
{
    static const struct {
        const char *name;
        float (*activate)(float x);
    } known[] = {{"Identity", keep}, {"Sigmoid", task_sigmoid}, {"Tanh", tanhf}};
    const char *path = named_activation(setup->config);
    settings->activate = setup->config->num_labels == 1 ? task_sigmoid : keep;
    if (!path || strncmp(path, "torch.", 6) != 0)
        return PLN_OK;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(strrchr(path, '.') + 1, known[i].name) == 0) {
            settings->activate = known[i].activate;
            return PLN_OK;
        }
    return pln_fail(error, PLN_INVALID,
                    "the config names the activation \"%.100s\"; rank knows Identity, Sigmoid, Tanh", path);
}

/* ---- label */

static pln_status find_label(struct task_setup *setup, struct task_rank_settings *settings, pln_error *error)
{
    const struct electra_config *c = setup->config;
    const char *value = task_value(setup, "label");
    if (!value && c->num_labels != 1)
        return pln_fail(error, PLN_INVALID, "the model has %u labels, rank needs one: name it by option label",
                        c->num_labels);
    for (uint32_t i = 0; value && i < c->num_labels; i++)
        if (strcmp(c->labels[i], value) == 0) {
            settings->label = i;
            return PLN_OK;
        }
    return value ? pln_fail(error, PLN_INVALID,
                            "option label of the task rank is \"%.100s\"; it may be a label of the model, as %.100s",
                            value, c->labels[0])
                 : PLN_OK;
}

static pln_status open(struct task_setup *setup, pln_error *error)
{
    struct task_rank_settings *settings = setup->settings;
    settings->top = task_number(setup, "top", UINT32_MAX);
    const pln_status status = find_label(setup, settings, error);
    return status == PLN_OK ? find_activation(setup, settings, error) : status;
}

/* ---- rows */

/* A list of them, or one in its place. */
static pln_status take_passages(const struct task_row *row, const pln_text **passages, uint32_t *n, pln_error *error)
{
    const pln_field *one = pln_record_field(row->row, "passage");
    if (!one || pln_record_field(row->row, "passages"))
        return task_take_list(row, "passages", passages, n, error);
    *passages = &one->text;
    *n = 1;
    pln_text text;
    return task_take_text(row, "passage", &text, error);
}

static pln_status ask(struct task_row *row, pln_error *error)
{
    pln_example example = {0};
    const pln_text *passages;
    uint32_t n;
    pln_status status = task_take_text(row, "query", &example.text, error);
    if (status == PLN_OK)
        status = take_passages(row, &passages, &n, error);
    for (uint32_t i = 0; status == PLN_OK && i < n; i++) {
        example.pair = passages[i];
        status = task_add(row, &example, error);
    }
    return status;
}

static json_t *to_json(const pln_answer *answer)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < answer->n_items; i++)
        task_json_append(
            &list, json_pack("{s:i,s:f}", "corpus_id", (int)answer->items[i]->id, "score", answer->items[i]->score));
    return list;
}

static pln_status answer(struct task_row *row, pln_error *error)
{
    const struct task_rank_settings *settings = row->settings;
    const pln_text *passages;
    uint32_t n;
    pln_status status = take_passages(row, &passages, &n, error);
    if (status != PLN_OK)
        return status;
    const uint32_t top = settings->top < n ? settings->top : n;
    float *scores = arena_allocate(row->memory, (n + 1) * sizeof *scores);
    uint32_t *best = arena_allocate(row->memory, (n + 1) * sizeof *best);
    pln_item *items = task_make_items(row, top, error);
    if (!scores || !best || !items)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u passages", n);
    for (uint32_t i = 0; i < n; i++)
        scores[i] = task_rank_score(row, i);
    task_pick_best(scores, n, best, top);
    for (uint32_t i = 0; i < top; i++)
        items[i] = (pln_item){.text = passages[best[i]], .score = (double)scores[best[i]], .id = (int32_t)best[i]};
    return row->bare ? PLN_OK : task_set_json(row, to_json(&row->answer), error);
}

const struct task_kind task_rank = {
    .info =
        {
            .name = "rank",
            .head = PLN_HEAD_SEQUENCE_CLASSIFICATION,
            .summary = "passages by how well they answer a query",
            .columns = (const pln_column_info[]){{"query", false, true, "the question"},
                                                 {"passages", true, false, "what may answer it"},
                                                 {"passage", false, false, "or one of them"},
                                                 {0}},
            .labels = (const pln_column_info[]){{"labels", true, false, "how good each passage is, from 0 to 1"},
                                                {"label", false, false, "how good the one passage is"},
                                                {0}},
            .options =
                (const pln_option_info[]){{"label", "TEXT", "of a model with several labels the one that counts"},
                                          {"top", "1..", "that many passages, the best ones (default: all)"},
                                          TASK_TOO_LONG_CUT,
                                          {0}},
            .scores = (const char *const[]){"ndcg", "mrr", NULL},
            .lesson_tokens = 128,
            .epochs = 3,
        },
    .settings_bytes = sizeof(struct task_rank_settings),
    .chosen = chosen,
    .open = open,
    .ask = ask,
    .no_places = true,
    .answer = answer,
    .too_long = TASK_CUT,
    .score = &task_score_rank,
    .learn = &task_learn_rank,
};
