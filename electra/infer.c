/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a config and the names of tensors, gives a config in which no size is missing that a shape can tell.
 */
#include "electra/infer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "electra/head.h"

#define LAYER ELECTRA_PREFIX "encoder.layer."

/* A side of a tensor that is a size of the model. */
static const struct {
    const char *field, *tensor;
    uint32_t side;
} sizes[] = {
    {"vocab_size", ELECTRA_PREFIX "embeddings.word_embeddings.weight", 0},
    {"embedding_size", ELECTRA_PREFIX "embeddings.word_embeddings.weight", 1},
    {"max_position_embeddings", ELECTRA_PREFIX "embeddings.position_embeddings.weight", 0},
    {"type_vocab_size", ELECTRA_PREFIX "embeddings.token_type_embeddings.weight", 0},
    {"hidden_size", LAYER "0.attention.self.query.weight", 0},
    {"intermediate_size", LAYER "0.intermediate.dense.weight", 0},
};
enum { HEAD_SIZE = 64 }; /* columns of an attention head of every model of Google */

/* The heads by a tensor that only they have; of those that share it, the first that fits. */
static const struct {
    const char *tensor;
    pln_head head;
} marks[] = {
    {"discriminator_predictions.dense.weight", PLN_HEAD_PRETRAINING},
    {"generator_predictions.dense.weight", PLN_HEAD_MASKED_LM},
    {"qa_outputs.weight", PLN_HEAD_QUESTION_ANSWERING},
    {"joint_qa.start.weight", PLN_HEAD_JOINT_QUESTION_ANSWERING},
    {"task_specific.dense.weight", PLN_HEAD_SEQUENCE_CLASSIFICATION},
    {"classifier.out_proj.weight", PLN_HEAD_SEQUENCE_CLASSIFICATION},
    {"sequence_summary.summary.weight", PLN_HEAD_MULTIPLE_CHOICE},
    {"classifier.weight", PLN_HEAD_TOKEN_CLASSIFICATION},
};

pln_head electra_infer_head(const struct electra_names *names)
{
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (electra_names_find(names, marks[i].tensor))
            return marks[i].head;
    return PLN_HEAD_MODEL;
}

static bool has(const json_t *json, const char *field)
{
    const json_t *value = json_object_get(json, field);
    return value && !json_is_null(value);
}

/* One more than the largest number of a layer; 0: there is no layer. */
static uint64_t count_layers(const struct electra_names *names)
{
    uint64_t layers = 0;
    for (uint32_t i = 0; i < names->found; i++) {
        unsigned layer;
        if (sscanf(names->list[i].name, LAYER "%5u.", &layer) == 1 && layer + 1ul > layers)
            layers = layer + 1ul;
    }
    return layers;
}

/* The number of a field that the config lacks; 0: it has it, or no tensor says. */
static uint64_t infer_size(const struct electra_names *names, const json_t *json, size_t i)
{
    const struct electra_name *name = has(json, sizes[i].field) ? NULL : electra_names_find(names, sizes[i].tensor);
    const struct weight weight = name ? electra_name_weight(name) : (struct weight){0};
    return weight.rank == 2 && weight.shape[sizes[i].side] <= INT32_MAX ? weight.shape[sizes[i].side] : 0;
}

/* What a field is that the config lacks: writers leave out what is as usual, and then nothing had to be inferred. */
static uint64_t usual(const char *field)
{
    struct electra_config config;
    json_t *empty = json_object();
    uint64_t value = 0;
    if (empty && electra_config_read(empty, "", &config, NULL) == PLN_OK) {
        value = (uint64_t)electra_config_number(&config, field);
        electra_config_finish(&config);
    }
    json_decref(empty);
    return value;
}

static bool set(json_t *json, const char *field, uint64_t value)
{
    return json_object_set_new(json, field, json_integer((json_int_t)value)) == 0;
}

/* Sizes that the config lacks; *hidden is the hidden size if it is one of them, else 0. */
static bool infer_sizes(const struct electra_names *names, json_t *json, uint64_t *hidden, bool *any)
{
    bool good = true;
    *hidden = 0;
    for (size_t i = 0; good && i < sizeof sizes / sizeof *sizes; i++) {
        const uint64_t size = infer_size(names, json, i);
        if (!size || size == usual(sizes[i].field))
            continue;
        *any = true;
        good = set(json, sizes[i].field, size);
        *hidden = strcmp(sizes[i].field, "hidden_size") == 0 ? size : *hidden;
    }
    const uint64_t layers = has(json, "num_hidden_layers") ? 0 : count_layers(names);
    if (!layers || layers == usual("num_hidden_layers"))
        return good;
    *any = true;
    return good && set(json, "num_hidden_layers", layers);
}

static bool infer_architecture(const struct electra_names *names, json_t *json)
{
    const pln_head head = electra_infer_head(names);
    return head == PLN_HEAD_MODEL || has(json, "architectures") ||
           json_object_set_new(json, "architectures", json_pack("[s]", electra_head(head)->architecture)) == 0;
}

/* The number of heads cannot be seen in any shape. */
static pln_status choose_heads(const struct ckpt *checkpoint, enum electra_dialect dialect, json_t *json,
                               uint64_t hidden, uint32_t given, bool *guessed, pln_error *error)
{
    static const char field[] = "num_attention_heads";
    const char *where = ckpt_directory(checkpoint);
    if (given && has(json, field) && json_integer_value(json_object_get(json, field)) != given)
        return pln_fail(error, PLN_INVALID, "%s/config.json: num_attention_heads is %lld, and %u heads are asked for",
                        where, (long long)json_integer_value(json_object_get(json, field)), given);
    if (has(json, field) || (!given && !hidden))
        return PLN_OK;
    /* Beside bundles there is none; elsewhere it was forgotten, and a guess may be wrong. */
    if (!given && !ckpt_has_config(checkpoint) && dialect != ELECTRA_GOOGLE && dialect != ELECTRA_OBJECTS)
        return pln_fail(error, PLN_BAD_MODEL,
                        "%s/config.json: is not there, and no tensor says how many attention heads there are; say it "
                        "(heads of pln_model_options, or --heads N), or fetch the file",
                        where);
    *guessed = !given;
    if (!given && hidden % HEAD_SIZE)
        return pln_fail(error, PLN_BAD_MODEL,
                        "%s: the number of attention heads is not known: there is no config.json that says it, and the "
                        "hidden size %llu is no multiple of %d; say it (heads of pln_model_options, or --heads N)",
                        where, (unsigned long long)hidden, HEAD_SIZE);
    return set(json, field, given ? given : hidden / HEAD_SIZE)
               ? PLN_OK
               : pln_fail(error, PLN_NO_MEMORY, "no memory for a config");
}

static char *write_note(const struct ckpt *checkpoint, const json_t *json, bool guessed)
{
    const char *where = ckpt_directory(checkpoint);
    const size_t bytes = strlen(where) + 300;
    char *text = malloc(bytes);
    int n = 0;
    if (text)
        n = snprintf(text, bytes, "%s: %s: what it would say is taken from the shapes of the tensors", where,
                     ckpt_has_config(checkpoint) ? "config.json lacks sizes of the model" : "there is no config.json");
    if (text && guessed)
        snprintf(text + n, bytes - (size_t)n,
                 "; %lld attention heads are a guess, the hidden size divided by %d (say it with heads)",
                 (long long)json_integer_value(json_object_get(json, "num_attention_heads")), HEAD_SIZE);
    return text;
}

pln_status electra_infer_config(const struct electra_names *names, const struct ckpt *checkpoint, uint32_t heads,
                                json_t **json, char **note, pln_error *error)
{
    uint64_t hidden;
    bool any = false, guessed = false;
    *note = NULL;
    *json = json_deep_copy(ckpt_config(checkpoint));
    if (!json_equal(*json, ckpt_config(checkpoint)) || /* the copy goes on when it has no memory for a key */
        !infer_sizes(names, *json, &hidden, &any) || !infer_architecture(names, *json))
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a config");
    const pln_status status = choose_heads(checkpoint, names->dialect, *json, hidden, heads, &guessed, error);
    if (status == PLN_OK && any && !(*note = write_note(checkpoint, *json, guessed)))
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a config");
    return status;
}
