/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the name of a tensor of PyTorch, gives the one that TensorFlow's or Flax's class of transformers looks for.
 */
#include "electra/foreign.h"
#include "common/affix.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define BODY "electra."

/* What "weight" is called, by what it is the weight of. */
static const struct {
    const char *of, *tf, *flax;
} weights[] = {
    {"LayerNorm.weight", "gamma", "scale"},
    {"word_embeddings.weight", "weight", "embedding"},
    {"position_embeddings.weight", "embeddings", "embedding"},
    {"token_type_embeddings.weight", "embeddings", "embedding"},
};

static const char *last_part(enum electra_package package, const char *name, bool *turned)
{
    const bool tf = package == ELECTRA_FOR_TF;
    *turned = false;
    if (ends(name, ".bias"))
        return tf && ends(name, "LayerNorm.bias") ? "beta" : "bias";
    if (!ends(name, ".weight"))
        return NULL;
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++)
        if (ends(name, weights[i].of))
            return tf ? weights[i].tf : weights[i].flax;
    *turned = true;
    return "kernel";
}

/* "tf_electra_for_pre_training" of "ElectraForPreTraining", as Keras makes it. */
static void snake_case(const char *architecture, char *out, size_t bytes)
{
    size_t n = (size_t)snprintf(out, bytes, "tf");
    for (size_t i = 0; architecture[i] && n + 2 < bytes; i++) {
        const char c = architecture[i], next = architecture[i + 1];
        const bool large = isupper((unsigned char)c) != 0;
        if (large && (islower((unsigned char)next) || (i && islower((unsigned char)architecture[i - 1]))))
            out[n++] = '_';
        out[n++] = (char)tolower((unsigned char)c);
    }
    out[n] = '\0';
}

/* The name without its last part, with '/' for '.'; Keras counts layers by a part "layer_._N". */
static void put_path(enum electra_package package, const char *name, char *out, size_t bytes)
{
    const char *end = strrchr(name, '.');
    size_t n = 0;
    for (const char *at = name; at < end && n + 4 < bytes; at++) {
        if (package == ELECTRA_FOR_TF && begins(at, ".layer.")) {
            n += (size_t)snprintf(out + n, bytes - n, "/layer_._");
            at += strlen(".layer.") - 1;
            continue;
        }
        out[n++] = *at == '.' ? '/' : *at;
    }
    out[n] = '\0';
}

bool electra_foreign_name(enum electra_package package, const struct electra_head *head, const char *name,
                          char out[ELECTRA_FOREIGN_BYTES], bool *turned)
{
    char path[ELECTRA_FOREIGN_BYTES / 2], class[64];
    const bool bare = head->bare && begins(name, BODY);
    *turned = false;
    if (package == ELECTRA_FOR_PYTORCH) {
        snprintf(out, ELECTRA_FOREIGN_BYTES, "%s", bare ? name + strlen(BODY) : name);
        return true;
    }
    const char *last = last_part(package, name, turned);
    if (!last || strlen(name) >= sizeof path / 2)
        return false;
    if (package == ELECTRA_FOR_TF) {
        put_path(package, name, path, sizeof path);
        snake_case(head->architecture, class, sizeof class);
        snprintf(out, ELECTRA_FOREIGN_BYTES, "%s/%s/%s:0", class, path, last);
    } else {
        put_path(package, bare ? name + strlen(BODY) : name, path, sizeof path);
        snprintf(out, ELECTRA_FOREIGN_BYTES, "%s/%s", path, last);
    }
    return true;
}

/* The head of the vocabulary holds the layer of the embeddings, for the word table. */
const char *electra_foreign_again(enum electra_package package, const struct electra_head *head, const char *name)
{
    return package == ELECTRA_FOR_TF && head->reads & ELECTRA_READS_VOCABULARY && begins(name, "electra.embeddings.")
               ? "generator_lm_head"
               : NULL;
}

const char *electra_foreign_refusal(enum electra_package package, const struct electra_config *config,
                                    const struct electra_head *head, bool tied)
{
    if (package == ELECTRA_FOR_PYTORCH)
        return NULL;
    if (config->position_embedding_type != ELECTRA_ABSOLUTE)
        return "its positions are relative, which only PyTorch computes";
    if (package == ELECTRA_FOR_TF && head->causal)
        return "TensorFlow has no class for this head";
    if (package == ELECTRA_FOR_TF && head->reads & ELECTRA_READS_VOCABULARY && !tied)
        return "its output matrix is another one than the word table, and in TensorFlow they are always one";
    return NULL;
}

const char *electra_foreign_difference(enum electra_package package, const struct electra_config *config,
                                       const struct electra_head *head)
{
    if (package != ELECTRA_FOR_FLAX)
        return NULL;
    if (head->reads & ELECTRA_READS_SUMMARY && config->summary_type != ELECTRA_FIRST)
        return "Flax takes the first token for the summary, whatever summary_type says";
    if (head->reads & ELECTRA_READS_VOCABULARY && config->hidden_act != PLN_ACTIVATION_GELU)
        return "Flax has hidden_act in the head of masked words, where PyTorch has gelu";
    return NULL;
}
