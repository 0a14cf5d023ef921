/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes an open model, gives a directory that other packages load: the weights of one head under the names and in the
 * order of that package, config and tokenizer beside them; the whole directory or nothing.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/write.h"
#include "common/arena.h"
#include "common/array.h"
#include "common/door.h"
#include "electra/foreign.h"
#include "electra/saved_config.h"
#include "scheduler/scheduler.h"
#include "session/session.h"

#define CONFIG "config.json"

/* Files of the tokenizer, and of weights in one file: what an older directory of that name may hold of the model. */
static const char *const fixed_files[] = {
    CONFIG,
    "vocab.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    CKPT_GENERATION_CONFIG,
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "tf_model.h5",
    "tf_model.h5.index.json",
    "flax_model.msgpack",
    "flax_model.msgpack.index.json",
};
enum { FIXED_FILES = sizeof fixed_files / sizeof *fixed_files, FIRST_TOKENIZER_FILE = 1, END_OF_TOKENIZER_FILES = 6 };

static const struct {
    const struct ckpt_writer *writer;
    enum electra_package package;
} formats[] = {
    [PLN_SAVE_FORMAT_SAFETENSORS] = {&ckpt_write_safetensors, ELECTRA_FOR_PYTORCH},
    [PLN_SAVE_FORMAT_PYTORCH] = {&ckpt_write_torch, ELECTRA_FOR_PYTORCH},
    [PLN_SAVE_FORMAT_TF] = {&ckpt_write_hdf5, ELECTRA_FOR_TF},
    [PLN_SAVE_FORMAT_FLAX] = {&ckpt_write_msgpack, ELECTRA_FOR_FLAX},
};
enum { N_FORMATS = sizeof formats / sizeof *formats };

struct saving {
    pln_model *model;
    const pln_save_options *options;
    pln_head number;
    const struct electra_head *head;
    const struct ckpt_writer *writer;
    enum electra_package package;
    struct electra_weights weights; /* of this head alone */
    struct electra_graph graph;
    struct ckpt_output *outputs;
    char (*names)[ELECTRA_FOREIGN_BYTES];
    const char **indexed; /* their names in an index; in a shard, TensorFlow's have no model's name */
    uint32_t count;
    uint64_t bytes, shard_bytes; /* the limit of a file; 0: one file holds all */
    bool tied;
    struct ckpt_watch watch;
    uint64_t written; /* bytes of tensors */
    bool cancelled;
    const char **files;  /* NULL behind the last */
    struct arena memory; /* of their names */
    pln_error *error;
};

static pln_status no_memory(const struct saving *s)
{
    return pln_fail(s->error, PLN_NO_MEMORY, "no memory for a list of %u tensors", s->count);
}

/* ---- tensors */

static pln_status refuse_missing(const struct saving *s)
{
    char *missing = electra_weights_missing(&s->weights);
    if (!missing)
        return PLN_OK;
    pln_fail(s->error, PLN_BAD_MODEL, "%.300s: lacks tensors of the head %s: %.300s",
             ckpt_directory(s->model->checkpoint), s->head->name, missing);
    free(missing);
    return PLN_BAD_MODEL;
}

/* A graph of the head asks for all that it is made of. */
static pln_status find_tensors(struct saving *s)
{
    const pln_model *m = s->model;
    const struct electra_features features = {.head = s->number,
                                              .choices = s->head->choices ? 2 : 0,
                                              .source = m->config.add_cross_attention && s->head->source};
    pln_status status = electra_weights_init(&s->weights, m->checkpoint, &m->names, &m->config, 0, s->error);
    if (status == PLN_OK)
        status = electra_describe(&m->config, &s->weights, &features, &s->graph, s->error);
    if (status == PLN_OK)
        status = electra_weights_tied(&s->weights, &s->tied, s->error);
    return status == PLN_OK ? refuse_missing(s) : status;
}

/* again: only what a second layer lists too, in that layer. */
static pln_status add_tensor(struct saving *s, const struct weight *weight, bool again)
{
    char name[ELECTRA_FOREIGN_BYTES];
    bool turned;
    struct ckpt_output *o = &s->outputs[s->count];
    electra_file_name(weight->name, false, name, sizeof name);
    const char *layer = again ? electra_foreign_again(s->package, s->head, name) : NULL;
    if (again && !layer)
        return PLN_OK;
    if (!electra_foreign_name(s->package, s->head, name, s->names[s->count], &turned))
        return pln_fail(s->error, PLN_INVALID, "tensor %s cannot be kept in that format", name);
    o->weight = *weight;
    o->layer = layer;
    if (turned && o->weight.rank == 2) {
        o->weight.shape[0] = weight->shape[1];
        o->weight.shape[1] = weight->shape[0];
        o->weight.transposed = !o->weight.transposed;
    }
    o->dtype = s->options->dtype ? s->options->dtype : o->weight.dtype;
    o->name = s->indexed[s->count] = s->names[s->count];
    o->watch = &s->watch;
    s->bytes += ckpt_output_bytes(o);
    s->count++;
    return PLN_OK;
}

static pln_status list_tensors(struct saving *s)
{
    uint32_t most = 0;
    while (electra_weights_found(&s->weights, most))
        most++;
    s->outputs = calloc(2 * (size_t)most + 1, sizeof *s->outputs);
    s->names = calloc(2 * (size_t)most + 1, sizeof *s->names);
    s->indexed = calloc(2 * (size_t)most + 1, sizeof *s->indexed);
    if (!s->outputs || !s->names || !s->indexed)
        return no_memory(s);
    pln_status status = PLN_OK;
    for (uint32_t i = 0; i < most && status == PLN_OK; i++)
        status = add_tensor(s, electra_weights_found(&s->weights, i), false);
    if (ckpt_shard_count(s->outputs, s->count, s->shard_bytes) == 1) {
        s->shard_bytes = 0; /* whatever is listed twice */
        for (uint32_t i = 0; i < most && status == PLN_OK; i++)
            status = add_tensor(s, electra_weights_found(&s->weights, i), true);
    } else {
        for (uint32_t i = 0; i < s->count && s->package == ELECTRA_FOR_TF; i++)
            s->outputs[i].name = strchr(s->indexed[i], '/') + 1;
    }
    return status;
}

/* ---- files */

static bool add_file(struct saving *s, uint32_t *n, size_t *room, const char *name)
{
    const char **files = array_reserve(s->files, room, (size_t)*n + 2, sizeof *files);
    if (!files)
        return false;
    s->files = files;
    files[*n] = arena_copy(&s->memory, name);
    files[*n + 1] = NULL;
    return files[(*n)++] != NULL;
}

/* Files of weights that the directory has from an earlier time. */
static bool add_old_shards(struct saving *s, const char *directory, uint32_t *n, size_t *room)
{
    bool good = true;
    DIR *list = opendir(directory);
    for (struct dirent *entry; good && list && (entry = readdir(list));)
        if (ckpt_is_shard_name(entry->d_name))
            good = add_file(s, n, room, entry->d_name);
    if (list)
        closedir(list);
    return good;
}

/* All names that belong to the model, those of the shards too. */
static pln_status list_files(struct saving *s, const char *directory)
{
    const uint32_t shards = ckpt_shard_count(s->outputs, s->count, s->shard_bytes);
    char name[64];
    size_t room = 0;
    uint32_t n = 0;
    bool good = true;
    for (size_t i = 0; i < FIXED_FILES && good; i++)
        good = add_file(s, &n, &room, fixed_files[i]);
    for (uint32_t i = 1; i <= shards && good; i++) {
        ckpt_shard_name(s->writer, i, shards, name, sizeof name);
        good = add_file(s, &n, &room, name);
    }
    return good && add_old_shards(s, directory, &n, &room) ? PLN_OK : no_memory(s);
}

/* The type that config.json names: the widest of those that are there, which holds all of them. */
static pln_dtype common_type(const struct saving *s)
{
    static const pln_dtype widest[] = {PLN_F64, PLN_F32};
    for (size_t k = 0; k < 2; k++)
        for (uint32_t i = 0; i < s->count; i++)
            if (s->outputs[i].dtype == widest[k])
                return widest[k];
    for (uint32_t i = 1; i < s->count; i++)
        if (s->outputs[i].dtype != s->outputs[0].dtype)
            return PLN_F32;
    return s->count ? s->outputs[0].dtype : PLN_F32;
}

static pln_status save_config(const struct saving *s, const struct ckpt_save *save)
{
    struct electra_config config = s->model->config;
    if (s->head->reads & ELECTRA_READS_VOCABULARY)
        config.tie_word_embeddings = s->tied;
    json_t *json = electra_config_saved(&config, s->head, common_type(s), s->package != ELECTRA_FOR_TF);
    const pln_status status = json ? ckpt_save_json(save, CONFIG, json, s->error)
                                   : pln_fail(s->error, PLN_NO_MEMORY, "no memory for " CONFIG);
    json_decref(json);
    return status;
}

/* In the layouts of transformers 4 and 5; files that are no tokenizer of ours are copied as they are, and a directory
 * without any gets none. */
static pln_status save_tokenizer(const struct saving *s, const struct ckpt_save *save)
{
    const pln_tokenizer *tokenizer;
    const char *from = ckpt_directory(s->model->checkpoint);
    bool any = false;
    pln_status status = PLN_OK;
    for (int i = FIRST_TOKENIZER_FILE; i < END_OF_TOKENIZER_FILES && status == PLN_OK; i++) {
        bool there;
        status = ckpt_save_readable(fixed_files[i], from, &there, s->error);
        any = any || there;
    }
    if (status != PLN_OK || !any)
        return status;
    status = pln_model_tokenizer(s->model, &tokenizer, s->error);
    if (status == PLN_OK)
        return pln_tokenizer_save(tokenizer, save->partial, PLN_TOKENIZER_LAYOUT_4, s->error);
    for (int i = FIRST_TOKENIZER_FILE; i < END_OF_TOKENIZER_FILES && status != PLN_NO_MEMORY; i++) {
        status = ckpt_save_copy(save, fixed_files[i], from, false, s->error);
        if (status != PLN_OK)
            return status;
    }
    return status;
}

static pln_status save_files(const struct saving *s, const struct ckpt_save *save)
{
    pln_status status = save_config(s, save);
    if (status == PLN_OK)
        status = save_tokenizer(s, save);
    if (status == PLN_OK)
        status = ckpt_save_copy(save, CKPT_GENERATION_CONFIG, ckpt_directory(s->model->checkpoint), false, s->error);
    return status == PLN_OK
               ? ckpt_save_shards(save, s->writer, s->outputs, s->count, s->indexed, s->shard_bytes, s->error)
               : status;
}

/* What goes out is told to the runtime's progress. */
static bool go_on(void *context, size_t bytes)
{
    struct saving *s = context;
    s->cancelled = s->cancelled || sched_go_on(s->model->runtime, "writing", s->written, s->bytes, NULL) != PLN_OK;
    s->written += bytes;
    return !s->cancelled;
}

static pln_status save_directory(struct saving *s, const char *directory)
{
    struct ckpt_place place;
    struct ckpt_save save;
    pln_status status = ckpt_save_check(directory, s->files, s->bytes, &place, s->error);
    if (status == PLN_OK)
        status = ckpt_save_begin(&save, directory, s->files, &place, s->error);
    if (status != PLN_OK)
        return status;
    status = save_files(s, &save);
    if (s->cancelled)
        status = pln_fail(s->error, PLN_CANCELLED, "%s: cancelled while writing, after %llu bytes of %llu", directory,
                          (unsigned long long)s->written, (unsigned long long)s->bytes);
    if (status == PLN_OK) /* what was read may have been zeros in the place of a file that is gone */
        status = ckpt_check(s->model->checkpoint, s->error);
    return ckpt_save_end(&save, status, s->error);
}

/* ---- the door */

static pln_status check_options(struct saving *s)
{
    const pln_save_options *o = s->options;
    s->number = o->head ? o->head : s->model->config.head;
    s->head = electra_head(s->number);
    if (!s->head)
        return pln_fail(s->error, PLN_INVALID, "there is no head %u", (unsigned)s->number);
    if ((unsigned)o->format >= N_FORMATS)
        return pln_fail(s->error, PLN_INVALID, "there is no format %u", (unsigned)o->format);
    if (o->dtype && o->dtype != PLN_F32 && o->dtype != PLN_F16 && o->dtype != PLN_BF16)
        return pln_fail(s->error, PLN_INVALID, "weights are saved as f32, f16 or bf16, not as %s",
                        pln_dtype_string(o->dtype));
    if (!ckpt_has_weights(s->model->checkpoint))
        return pln_fail(s->error, PLN_INVALID, "%s: has no weights to save", ckpt_directory(s->model->checkpoint));
    s->writer = formats[o->format].writer;
    s->package = formats[o->format].package;
    return electra_config_judge(&s->model->config, s->number, false, s->error);
}

static void warn(const struct saving *s, const char *what, const char *which)
{
    char text[1024];
    const pln_runtime *runtime = s->model->runtime;
    if (!runtime->log)
        return;
    snprintf(text, sizeof text, "%.300s: %s%.600s", ckpt_directory(s->model->checkpoint), what, which);
    runtime->log(runtime->log_context, PLN_LOG_LEVEL_WARNING, text);
}

/* Whether no class of transformers has the head as it is in the checkpoint. */
static bool is_google_head(const struct saving *s)
{
    bool google = s->head->own;
    const struct weight *weight;
    for (uint32_t i = 0; !google && (weight = electra_weights_found(&s->weights, i)); i++)
        google = electra_is_google_layer(weight->name);
    return google;
}

static pln_status check_package(const struct saving *s)
{
    const char *where = ckpt_directory(s->model->checkpoint);
    const char *refusal = electra_foreign_refusal(s->package, &s->model->config, s->head, s->tied);
    const char *difference = electra_foreign_difference(s->package, &s->model->config, s->head);
    if (refusal)
        return pln_fail(s->error, PLN_INVALID, "%s: %s", where, refusal);
    if (is_google_head(s) && s->package != ELECTRA_FOR_PYTORCH)
        return pln_fail(s->error, PLN_INVALID, "%s: has a head of Google's fine-tuning, for which %s has no class",
                        where, s->package == ELECTRA_FOR_TF ? "TensorFlow" : "Flax");
    if (difference)
        warn(s, difference, "");
    if (is_google_head(s))
        warn(s, "has a head of Google's fine-tuning, for which transformers has no class: this library reads it back",
             "");
    char *others = electra_weights_unexpected(&s->weights, s->head->source);
    if (others)
        warn(s, "left out, since the head does not have them: ", others);
    free(others);
    return PLN_OK;
}

pln_status pln_model_save(pln_model *model, const char *directory, const pln_save_options *options, pln_error *error)
{
    pln_save_options o = {.size = sizeof o};
    NEED(error, model, directory);
    TAKE(error, pln_save_options, o, options);
    struct saving s = {
        .model = model, .options = &o, .shard_bytes = o.shard_bytes, .watch = {go_on, &s}, .error = error};
    pln_status status = check_options(&s);
    if (status == PLN_OK)
        status = find_tensors(&s);
    if (status == PLN_OK)
        status = check_package(&s);
    if (status == PLN_OK)
        status = list_tensors(&s);
    if (status == PLN_OK)
        status = list_files(&s, directory);
    if (status == PLN_OK)
        status = save_directory(&s, directory);
    arena_finish(&s.memory);
    free(s.files);
    free(s.indexed);
    free(s.names);
    free(s.outputs);
    electra_graph_finish(&s.graph);
    electra_weights_finish(&s.weights);
    return status;
}

bool pln_save_format_find(const char *name, pln_save_format *format)
{
    static const char *const names[] = {[PLN_SAVE_FORMAT_SAFETENSORS] = "safetensors",
                                        [PLN_SAVE_FORMAT_PYTORCH] = "pytorch",
                                        [PLN_SAVE_FORMAT_TF] = "tf",
                                        [PLN_SAVE_FORMAT_FLAX] = "flax"};
    for (int i = 0; name && format && i < N_FORMATS; i++)
        if (strcmp(names[i], name) == 0) {
            *format = (pln_save_format)i;
            return true;
        }
    return false;
}
