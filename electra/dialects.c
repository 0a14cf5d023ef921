/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the name of a tensor as TensorFlow, Flax, Google or old PyTorch wrote it, gives the one of today's PyTorch.
 */
#include <stdio.h>
#include <string.h>

#include "electra/names.h"
#include "common/affix.h"

/* What a name of the model begins with. */
static const char *const tops[] = {
    "electra",
    "discriminator_predictions",
    "generator_predictions",
    "generator_lm_head",
    "classifier",
    "qa_outputs",
    "sequence_summary",
    "joint_qa",
    "task_specific",
};
static const char *const bare_tops[] = {"embeddings", "embeddings_project", "encoder"};

struct rename {
    const char *from, *to; /* whole parts, slashes included */
};

/* Objects of TensorFlow 2 are called by their attributes. */
static const struct rename of_objects[] = {
    {"/attention/self_attention/", "/attention/self/"},
    {"/attention/dense_output/", "/attention/output/"},
    {"/crossattention/self_attention/", "/crossattention/self/"},
    {"/crossattention/dense_output/", "/crossattention/output/"},
    {"/bert_output/", "/output/"},
    {"/embeddings/weight/", "/embeddings/word_embeddings/weight/"},
    {"/embeddings/token_type_embeddings/", "/embeddings/token_type_embeddings/weight/"},
    {"/embeddings/embeddings/", "/embeddings/position_embeddings/weight/"},
};

/* Keras 3 (.weights.h5) calls layers by their classes and variables by their numbers, in the order in which a layer makes
 * them. A layer of a bare class at the top ("layers/dense") is the head of several models, and stays what it is. */
static const struct rename of_keras[] = {
    {"/layers/tf_electra_main_layer/", "/electra/"},
    {"/layers/tf_electra_discriminator_predictions/", "/discriminator_predictions/"},
    {"/layers/tf_electra_generator_predictions/", "/generator_predictions/"},
    {"/layers/tf_electra_masked_lm_head/vars/0/", "/generator_lm_head/bias/"},
    {"/layers/tf_electra_classification_head/", "/classifier/"},
    {"/encoder/layer/tf_electra_layer/", "/encoder/layer/0/"},
    {"/encoder/layer/tf_electra_layer_", "/encoder/layer/"},
    {"/embeddings/vars/0/", "/embeddings/weight/"},
    {"/embeddings/vars/1/", "/embeddings/token_type_embeddings/"},
    {"/embeddings/vars/2/", "/embeddings/embeddings/"},
    {"/LayerNorm/vars/0/", "/LayerNorm/gamma/"},
    {"/LayerNorm/vars/1/", "/LayerNorm/beta/"},
    {"/vars/0/", "/kernel/"},
    {"/vars/1/", "/bias/"},
};

static const struct rename of_google[] = {
    {"/discriminator_predictions/dense_1/", "/discriminator_predictions/dense_prediction/"},
    {"/generator_predictions/output_bias/", "/generator_lm_head/bias/"},
    {"/word_embeddings/", "/word_embeddings/weight/"},
    {"/position_embeddings/", "/position_embeddings/weight/"},
    {"/token_type_embeddings/", "/token_type_embeddings/weight/"},
};

/* The last part. */
static const struct {
    const char *from, *to;
    bool transposed;
} tails[] = {
    {"kernel", "weight", true}, {"gamma", "weight", false},     {"beta", "bias", false},
    {"scale", "weight", false}, {"embedding", "weight", false}, {"embeddings", "weight", false},
};

/* What training leaves beside the model: the last part of the name. */
static const char *const leftovers[] = {
    "adam_m",
    "adam_v",
    "global_step",
    "temperature",
    "save_counter",
    "step",
    "_CHECKPOINTABLE_OBJECT_GRAPH",
    "position_ids",
    "token_type_ids",
    "beta1_power",
    "beta2_power",
};

#define VALUE "/.ATTRIBUTES/VARIABLE_VALUE"
#define SLOT "/.OPTIMIZER_SLOT/"

/* The part before the first separator is the word. */
static bool begins_with_part(const char *name, const char *word, const char *separators)
{
    const size_t n = strlen(word);
    return strncmp(name, word, n) == 0 && name[n] && strchr(separators, name[n]);
}

bool electra_is_model_name(const char *name)
{
    for (size_t i = 0; i < sizeof tops / sizeof *tops; i++)
        if (begins_with_part(name, tops[i], "./"))
            return true;
    for (size_t i = 0; i < sizeof bare_tops / sizeof *bare_tops; i++)
        if (begins_with_part(name, bare_tops[i], "./"))
            return true;
    return false;
}

enum electra_dialect electra_dialect_of(const struct ckpt *checkpoint)
{
    enum electra_dialect dialect = ELECTRA_PYTORCH;
    for (uint32_t i = 0; i < ckpt_count(checkpoint); i++) {
        const char *name = ckpt_tensor(checkpoint, i)->name;
        if (ends(name, VALUE))
            return ELECTRA_OBJECTS;
        if (begins(name, "layers/tf_electra_main_layer/"))
            return ELECTRA_KERAS;
        if (ends(name, "/word_embeddings") || ends(name, "/output_bias"))
            return ELECTRA_GOOGLE;
        if (strchr(name, '/'))
            dialect = ELECTRA_SLASHED;
    }
    return dialect;
}

/* Behind the model's name, which may be any: from the last part on that is a top of the model. */
static const char *cut_to_top(const char *name)
{
    const char *from = name;
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        for (size_t i = 0; i < sizeof tops / sizeof *tops; i++)
            if (begins_with_part(part, tops[i], "/"))
                from = part;
    }
    return from;
}

/* Replaces each part or parts; the text stands between slashes. */
static void rename_parts(char *text, const struct rename *table, size_t n)
{
    char copy[ELECTRA_NAME_BYTES];
    for (size_t i = 0; i < n; i++) {
        const char *at = strstr(text, table[i].from);
        if (!at)
            continue;
        snprintf(copy, sizeof copy, "%.*s%s%s", (int)(at - text), text, table[i].to, at + strlen(table[i].from));
        memcpy(text, copy, sizeof copy);
    }
}

/* "layer_._3" of Keras and "layer_3" of Google are "layer/3". */
static void split_layer(char *text)
{
    char *at = strstr(text, "/encoder/layer_");
    if (!at)
        return;
    at += strlen("/encoder/layer");
    char *number = at + (strncmp(at, "_._", 3) == 0 ? 3 : 1);
    *at++ = '/';
    memmove(at, number, strlen(number) + 1);
}

/* The name in parts between slashes, without what every variable of TensorFlow ends in. */
static bool spread(enum electra_dialect dialect, const char *name, char *text)
{
    if (strstr(name, SLOT))
        return false;
    size_t n = strlen(name);
    if (ends(name, VALUE))
        n -= strlen(VALUE);
    else if (ends(name, ":0"))
        n -= 2;
    if (n + 64 > ELECTRA_NAME_BYTES) /* room for all that is put in */
        return false;
    snprintf(text, ELECTRA_NAME_BYTES, "/%.*s/", (int)n, name);
    for (char *at = text; dialect == ELECTRA_PYTORCH && *at; at++)
        *at = *at == '.' ? '/' : *at;
    return true;
}

bool electra_translate(enum electra_dialect dialect, const char *name, char out[ELECTRA_NAME_BYTES], bool *transposed)
{
    char text[ELECTRA_NAME_BYTES];
    *transposed = false;
    if (!spread(dialect, dialect == ELECTRA_SLASHED ? cut_to_top(name) : name, text))
        return false;
    if (dialect != ELECTRA_PYTORCH)
        split_layer(text);
    if (dialect == ELECTRA_KERAS && strncmp(text, "/layers/dense", strlen("/layers/dense")) != 0)
        rename_parts(text, of_keras, sizeof of_keras / sizeof *of_keras);
    if (dialect == ELECTRA_OBJECTS || dialect == ELECTRA_KERAS)
        rename_parts(text, of_objects, sizeof of_objects / sizeof *of_objects);
    if (dialect == ELECTRA_GOOGLE)
        rename_parts(text, of_google, sizeof of_google / sizeof *of_google);
    text[strlen(text) - 1] = '\0';
    char *last = strrchr(text, '/');
    last = last ? last + 1 : text;
    for (size_t i = 0; i < sizeof leftovers / sizeof *leftovers; i++)
        if (strcmp(last, leftovers[i]) == 0)
            return false;
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
        if (strcmp(last, tails[i].from) == 0) {
            *transposed = tails[i].transposed;
            snprintf(last, 8, "%s", tails[i].to);
            break;
        }
    for (char *at = text; *at; at++)
        *at = *at == '/' ? '.' : *at;
    snprintf(out, ELECTRA_NAME_BYTES, "%s", text + 1);
    return true;
}
