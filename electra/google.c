/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the variables of a checkpoint of Google's code, gives those of one model: a half of a pre-training run, and the
 * head of a task that it was fine-tuned for.
 */
#include <stdio.h>
#include <string.h>

#include "common/affix.h"
#include "common/fail.h"
#include "electra/names.h"

struct google {
    const struct ckpt *checkpoint;
    const char **from; /* [count of the checkpoint]; NULL: not of the model */
    struct arena *memory;
    pln_error *error;
};

const char *electra_part_string(pln_part part)
{
    static const char *const parts[] = {
        [PLN_PART_DEFAULT] = "default", [PLN_PART_DISCRIMINATOR] = "discriminator", [PLN_PART_GENERATOR] = "generator"};
    return (size_t)part < sizeof parts / sizeof *parts ? parts[part] : parts[PLN_PART_DEFAULT];
}

/* ---- the halves of Google's training runs */

struct halves {
    bool discriminator, generator;               /* heads */
    bool own_encoder, own_embeddings, two_tower; /* under generator/, of the generators of Electric */
};

static struct halves find_halves(const struct google *n)
{
    struct halves h = {0};
    for (uint32_t i = 0; i < ckpt_count(n->checkpoint); i++) {
        const char *name = n->from[i] ? n->from[i] : "";
        h.discriminator |= begins(name, "discriminator_predictions/");
        h.generator |= begins(name, "generator_predictions/");
        h.own_encoder |= begins(name, "generator/encoder/");
        h.own_embeddings |= begins(name, "generator/embeddings/");
        h.two_tower |= begins(name, "generator_ltr/") || begins(name, "generator_rtl/");
    }
    return h;
}

static pln_status choose_half(const struct google *n, const struct halves *h, pln_part *part)
{
    const char *where = ckpt_directory(n->checkpoint);
    if (*part == PLN_PART_DEFAULT && h->discriminator && h->generator)
        return pln_fail(n->error, PLN_BAD_MODEL,
                        "%s: holds a discriminator and a generator: which one is meant? (part of pln_model_options, or "
                        "--part discriminator|generator)",
                        where);
    if (*part == PLN_PART_GENERATOR && !h->generator)
        return pln_fail(n->error, PLN_BAD_MODEL, "%s: holds no generator%s, but %s", where,
                        h->two_tower ? " that can be run (two towers, of Electric)" : "",
                        h->discriminator ? "a discriminator" : "an encoder without a head of pre-training");
    if (*part == PLN_PART_DISCRIMINATOR && !h->discriminator && h->generator)
        return pln_fail(n->error, PLN_BAD_MODEL, "%s: holds no discriminator, but a generator", where);
    if (*part == PLN_PART_DEFAULT)
        *part = h->generator ? PLN_PART_GENERATOR : PLN_PART_DISCRIMINATOR;
    return PLN_OK;
}

/* Whether a variable belongs to the half. */
static bool is_of_half(const char *name, pln_part part, const struct halves *h)
{
    const bool discriminator = part == PLN_PART_DISCRIMINATOR;
    if (begins(name, "electra/embeddings/"))
        return discriminator || !h->own_embeddings;
    if (begins(name, "electra/"))
        return discriminator || !h->own_encoder;
    if (begins(name, "generator/"))
        return !discriminator;
    if (begins(name, "discriminator_predictions/"))
        return discriminator;
    if (begins(name, "generator_predictions/"))
        return !discriminator;
    return !begins(name, "generator_ltr/") && !begins(name, "generator_rtl/") && !begins(name, "cloze_predictions/");
}

/* The other half is left away; the generator's own variables are those of an encoder like any other. */
static pln_status take_half(struct google *n, pln_part part)
{
    const struct halves h = find_halves(n);
    const pln_status status = choose_half(n, &h, &part);
    for (uint32_t i = 0; status == PLN_OK && i < ckpt_count(n->checkpoint); i++) {
        if (!n->from[i] || !is_of_half(n->from[i], part, &h)) {
            n->from[i] = NULL;
        } else if (begins(n->from[i], "generator/")) {
            char name[ELECTRA_NAME_BYTES];
            snprintf(name, sizeof name, "electra/%s", n->from[i] + strlen("generator/"));
            n->from[i] = arena_copy(n->memory, name);
            if (!n->from[i])
                return pln_fail(n->error, PLN_NO_MEMORY, "no memory for the names of tensors");
        }
    }
    return status;
}

/* ---- the heads of fine-tuning, whose layers are called by their numbers */

#define TASKS "task_specific/"

/* The layers of a task say what its head is. */
struct task {
    char name[ELECTRA_NAME_BYTES]; /* with TASKS before it and a slash behind it */
    bool one_layer, answers, hidden_none;
};

/* Length of what names the task of a variable; 0: the variable is no task's. */
static size_t task_length(const char *name)
{
    const char *end = name && begins(name, TASKS) ? strchr(name + strlen(TASKS), '/') : NULL;
    return end ? (size_t)(end - name) + 1 : 0;
}

/* False: there are several. */
static bool find_task(const struct google *n, struct task *task)
{
    *task = (struct task){.one_layer = true};
    for (uint32_t i = 0; i < ckpt_count(n->checkpoint); i++) {
        const size_t length = task_length(n->from[i]);
        if (!length || strlen(n->from[i]) + 32 > ELECTRA_NAME_BYTES)
            continue;
        if (*task->name && (strlen(task->name) != length || strncmp(task->name, n->from[i], length) != 0))
            return false;
        snprintf(task->name, sizeof task->name, "%.*s", (int)length, n->from[i]);
        const char *layer = n->from[i] + length;
        task->one_layer &= begins(layer, "dense/");
        task->answers |= begins(layer, "qa_hidden/") || begins(layer, "dense_1/");
        task->hidden_none |= begins(layer, "dense_3/");
    }
    return true;
}

/* The head's layer that one is; NULL: of no head that is known. */
static const char *layer_of(const struct task *task, const char *layer)
{
    static const struct {
        const char *from, *to, *alone;
    } of_answers[] = {
        {"dense/", "joint_qa/start/", NULL},        {"qa_hidden/", "joint_qa/end_hidden/", NULL},
        {"dense_1/", "joint_qa/end/", NULL},        {"dense_2/", "joint_qa/answerable_hidden/", "joint_qa/answerable/"},
        {"dense_3/", "joint_qa/answerable/", NULL},
    };
    if (task->one_layer) /* its only tagging task; all others look at the first token */
        return strcmp(task->name, TASKS "chunk/") == 0 ? "classifier/" : "task_specific/dense/";
    for (size_t i = 0; task->answers && i < sizeof of_answers / sizeof *of_answers; i++)
        if (begins(layer, of_answers[i].from))
            return of_answers[i].alone && !task->hidden_none ? of_answers[i].alone : of_answers[i].to;
    return NULL;
}

static pln_status take_task(struct google *n, const char **said)
{
    struct task task;
    char name[ELECTRA_NAME_BYTES];
    if (!find_task(n, &task)) {
        *said = "there are heads of several tasks under " TASKS ", none of which is read";
        return PLN_OK;
    }
    const size_t length = strlen(task.name);
    for (uint32_t i = 0; i < ckpt_count(n->checkpoint); i++) {
        const char *layer = length && n->from[i] && begins(n->from[i], task.name) ? n->from[i] + length : NULL;
        const char *to = layer ? layer_of(&task, layer) : NULL, *rest = to ? strchr(layer, '/') : NULL;
        if (!rest || strlen(rest) + 32 > sizeof name)
            continue;
        snprintf(name, sizeof name, "%s%s", to, rest + 1);
        n->from[i] = arena_copy(n->memory, name);
        if (!n->from[i])
            return pln_fail(n->error, PLN_NO_MEMORY, "no memory for the names of tensors");
    }
    return PLN_OK;
}

pln_status electra_google_take(const struct ckpt *checkpoint, pln_part part, const char **from, struct arena *memory,
                               const char **said, pln_error *error)
{
    struct google n = {checkpoint, from, memory, error};
    const pln_status status = take_half(&n, part);
    return status == PLN_OK ? take_task(&n, said) : status;
}

bool electra_is_google_layer(const char *name)
{
    return begins(name, "task_specific.") || begins(name, "joint_qa.");
}
