/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a run begins: the folders of both halves with config and tokenizer, and a record of what changes its numbers,
 * so that it can be gone on with by the same command only.
 */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/checkpoints.h"
#include "cli/commands/pretraining.h"
#include "cli/folders.h"
#include "cli/record.h"

static int fail_memory(const char *path)
{
    return cli_fail_file(path, PLN_NO_MEMORY, "no memory");
}

/* ---- configs */

static const struct shape {
    const char *size;
    int embedding, hidden, layers, heads, intermediate;
} shapes[] = {{"small", 128, 256, 12, 4, 1024}, {"base", 768, 768, 12, 12, 3072}, {"large", 1024, 1024, 24, 16, 4096}};

static json_t *config_of_size(const struct pretraining *p)
{
    const struct shape *s = shapes;
    while (strcmp(s->size, p->o->size) != 0)
        s++;
    return json_pack("{s:s,s:i,s:i,s:i,s:i,s:i,s:s,s:f,s:f,s:i,s:i,s:f,s:f,s:i}", "model_type", "electra",
                     "embedding_size", s->embedding, "hidden_size", s->hidden, "num_hidden_layers", s->layers,
                     "num_attention_heads", s->heads, "intermediate_size", s->intermediate, "hidden_act", "gelu",
                     "hidden_dropout_prob", 0.1, "attention_probs_dropout_prob", 0.1, "max_position_embeddings", 512,
                     "type_vocab_size", 2, "initializer_range", 0.02, "layer_norm_eps", 1e-12, "pad_token_id", 0);
}

static int64_t number_of(const json_t *config, const char *field)
{
    return (int64_t)json_integer_value(json_object_get(config, field));
}

/* Section 6.4: a share of the hidden size and of the layers; heads of 64, four times as wide inside. */
static json_t *config_of_generator(const struct pretraining *p, const json_t *discriminator)
{
    json_t *config = json_deep_copy(discriminator);
    const double hidden = round(p->o->generator_size * (double)number_of(discriminator, "hidden_size"));
    const double layers = round(p->o->generator_layers * (double)number_of(discriminator, "num_hidden_layers"));
    const int64_t h = hidden < 1 ? 1 : (int64_t)hidden;
    if (!config || json_object_set_new(config, "hidden_size", json_integer(h)) != 0 ||
        json_object_set_new(config, "num_attention_heads", json_integer(h / 64 ? h / 64 : 1)) != 0 ||
        json_object_set_new(config, "intermediate_size", json_integer(4 * h)) != 0 ||
        json_object_set_new(config, "num_hidden_layers", json_integer(layers < 1 ? 1 : (json_int_t)layers)) != 0) {
        json_decref(config);
        return NULL;
    }
    return config;
}

/* NULL after a sentence. */
static json_t *config_of_discriminator(const struct pretraining *p, int *code)
{
    json_t *config = config_of_size(p);
    json_error_t problem;
    json_t *given = p->o->config ? json_load_file(p->o->config, 0, &problem) : NULL;
    if (p->o->config && !json_is_object(given)) {
        *code = cli_fail_file(p->o->config, PLN_BAD_MODEL, given ? "is not a JSON object" : problem.text);
        json_decref(config);
        config = NULL;
    } else if (given && config) {
        json_object_update(config, given);
    }
    json_decref(given);
    if (config)
        json_object_set_new(config, "vocab_size", json_integer((json_int_t)pln_tokenizer_count(p->tokenizer)));
    return config;
}

/* Of an own size there is none whose width its heads do not part. */
static int check_generator(const struct pretraining *p)
{
    const int64_t hidden = number_of(p->configs[PLN_HALF_GENERATOR], "hidden_size");
    const int64_t heads = number_of(p->configs[PLN_HALF_GENERATOR], "num_attention_heads");
    return heads < 1 || hidden % heads == 0
               ? 0
               : cli_usage_error("--generator-size %g: a hidden size of %lld is no multiple of %lld attention heads",
                                 p->o->generator_size, (long long)hidden, (long long)heads);
}

int pretraining_configure(struct pretraining *p)
{
    int code = 0;
    if (p->o->init || cli_checkpoint_newest(p->o->out))
        return 0;
    json_t *discriminator = config_of_discriminator(p, &code);
    if (!discriminator)
        return code ? code : fail_memory(p->o->out);
    const bool equal = p->masked_lm_only || strcmp(p->o->sharing, "all") == 0;
    p->configs[PLN_HALF_DISCRIMINATOR] = discriminator;
    p->configs[PLN_HALF_GENERATOR] = equal ? json_deep_copy(discriminator) : config_of_generator(p, discriminator);
    if (!p->configs[PLN_HALF_GENERATOR])
        return fail_memory(p->o->out);
    return equal ? 0 : check_generator(p);
}

pln_status pretraining_misconfigured(const struct pretraining *p, pln_half half, pln_error *error)
{
    char copy[PATH_MAX], sentence[sizeof error->message];
    pretraining_path(p, half == PLN_HALF_GENERATOR ? "generator/config.json" : "discriminator/config.json", copy);
    const size_t n = strlen(copy);
    if (!p->o->config || !p->configs[half] || strncmp(error->message, copy, n) != 0)
        return error->status;
    memcpy(sentence, error->message, sizeof sentence);
    snprintf(error->message, sizeof error->message, "%.200s%s%.250s", p->o->config,
             half == PLN_HALF_GENERATOR && !p->masked_lm_only ? ", the generator of it" : "", sentence + n);
    return error->status;
}

/* ---- folders */

static int make_folder(const char *path)
{
    pln_error error;
    return cli_make_folder(path, &error) == PLN_OK ? 0 : cli_fail(&error);
}

static int make_half(const struct pretraining *p, const char *half, const char *architecture, json_t *config)
{
    char path[PATH_MAX], file[PATH_MAX + 24];
    pln_error error;
    pretraining_path(p, half, path);
    int code = make_folder(path);
    if (code == 0 && (!config || json_object_set_new(config, "architectures", json_pack("[s]", architecture)) != 0))
        code = fail_memory(path);
    snprintf(file, sizeof file, "%s/model.safetensors", path); /* of this run, which left no checkpoint to go on from */
    if (code == 0 && unlink(file) != 0 && errno != ENOENT)
        code = cli_fail_file(file, PLN_FAILED, strerror(errno));
    snprintf(file, sizeof file, "%s/config.json", path);
    if (code == 0)
        code = cli_write_json(file, config);
    if (code == 0 && pln_tokenizer_save(p->tokenizer, path, PLN_TOKENIZER_LAYOUT_4, &error) != PLN_OK)
        code = cli_fail(&error);
    return code;
}

static int make_halves(const struct pretraining *p)
{
    int code = 0;
    if (!p->masked_lm_only)
        code = make_half(p, "discriminator", "ElectraForPreTraining", p->configs[PLN_HALF_DISCRIMINATOR]);
    return code ? code : make_half(p, "generator", "ElectraForMaskedLM", p->configs[PLN_HALF_GENERATOR]);
}

/* ---- the record */

static json_t *describe_run(const struct pretraining *p)
{
    const struct pretraining_options *o = p->o;
    json_t *files = json_array(), *run = NULL;
    for (uint32_t i = 0; i < p->files->n; i++)
        json_array_append_new(files, cli_json_text(p->files->items[i], strlen(p->files->items[i])));
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)p->common->seed);
    run = json_pack("{s:o,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:b,s:b,s:b,s:b,s:i,s:i,s:f,s:f,s:f,s:f,s:f,s:f,s:f}",
                    "CORPUS", files, "--vocab", o->vocab, "--seed", seed, "--column", o->column, "--documents",
                    o->documents, "--size", o->size, "--config", o->config ? o->config : "", "--sharing", o->sharing,
                    "--objective", o->objective, "--cased", o->cased, "--keep-accents", o->keep_accents,
                    "--join-chinese", o->join_chinese, "--disallow-correct", o->disallow_correct, "--max-length",
                    (int)o->max_length, "--shuffle-buffer", (int)o->shuffle_buffer, "--generator-size",
                    o->generator_size, "--generator-layers", o->generator_layers, "--mask-prob", o->mask_prob,
                    "--mask-token-prob", o->mask_token_prob, "--temperature", o->temperature, "--generator-weight",
                    o->generator_weight, "--discriminator-weight", o->discriminator_weight);
    if (run)
        cli_learning_describe(&o->learning, p->common, run);
    if (run && o->init)
        json_object_set_new(run, "--init", cli_json_text(o->init, strlen(o->init)));
    return run;
}

static bool holds(const struct pretraining *p, const char *file)
{
    char path[PATH_MAX];
    struct stat about;
    pretraining_path(p, file, path);
    return stat(path, &about) == 0;
}

/* Weights that no run has written are somebody's. */
static int check_folder(const struct pretraining *p)
{
    static const char *const weights[] = {"discriminator/model.safetensors", "generator/model.safetensors"};
    for (size_t i = 0; !holds(p, CLI_RECORD) && i < 2; i++)
        if (holds(p, weights[i]))
            return cli_usage_error("%s holds %s, which is of no run: another --out keeps it", p->o->out, weights[i]);
    return 0;
}

int pretraining_record(const struct pretraining *p)
{
    return cli_record_write(p->o->out, describe_run(p));
}

int pretraining_check(const struct pretraining *p)
{
    const int code = check_folder(p);
    return code ? code : cli_record_check(p->o->out, p->o->run.resume, describe_run(p), "--init");
}

/* All that a half of this run is stands in its folder, as the last checkpoint has it. */
static bool stands(const struct pretraining *p, const char *half)
{
    static const char *const files[] = {"config.json", "model.safetensors"};
    char name[96], there[PATH_MAX], here[PATH_MAX];
    bool same = true;
    for (size_t i = 0; same && i < sizeof files / sizeof *files; i++) {
        snprintf(name, sizeof name, CLI_CHECKPOINT "%u/%s/%s", p->o->learning.steps, half, files[i]);
        pretraining_path(p, name, there);
        pretraining_path(p, name + strcspn(name, "/") + 1, here);
        same = cli_same_bytes(there, here);
    }
    return same;
}

/* One that was killed behind its last checkpoint has its halves to write yet. */
bool pretraining_finished(const struct pretraining *p)
{
    return p->o->run.resume && cli_checkpoint_newest(p->o->out) == p->o->learning.steps && stands(p, "generator") &&
           (p->masked_lm_only || stands(p, "discriminator"));
}

int pretraining_begin(struct pretraining *p, uint32_t *at)
{
    const int code = cli_record_claim(p->o->out);
    if (code)
        return code;
    *at = cli_checkpoint_newest(p->o->out);
    return *at || p->o->init ? 0 : make_halves(p);
}
