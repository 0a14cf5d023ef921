/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes an open model, gives a JSON text of what it is made of: config, files, tensors, heads that fit, tokenizer.
 * Nothing is placed or run.
 */
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/door.h"
#include "common/jsontext.h"
#include "electra/infer.h"
#include "session/session.h"

static bool set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

/* A name of a file may be of any bytes. */
static json_t *text_or_null(const char *text)
{
    return text && jsontext_is_utf8(text) ? json_string(text) : json_null();
}

/* ---- config */

/* What stands in the config now, and did not in config.json. */
static json_t *list_inferred(const pln_model *m)
{
    json_t *list = json_array(), *value;
    const char *key;
    bool good = list != NULL;
    json_object_foreach(m->config.json, key, value)
    {
        if (good && !json_object_get(ckpt_config(m->checkpoint), key))
            good = json_array_append_new(list, json_string(key)) == 0;
    }
    if (good)
        return list;
    json_decref(list);
    return NULL;
}

/* ---- files */

static const char *const tokenizer_files[] = {"vocab.txt", "tokenizer.json", "tokenizer_config.json",
                                              "special_tokens_map.json", "added_tokens.json"};

/* What the model reads, its tokenizer, and what writes with it. */
static bool is_read(pln_model *m, const char *path)
{
    const pln_tokenizer *tokenizer;
    const char *name = strrchr(path, '/') + 1;
    for (size_t i = 0; i < sizeof tokenizer_files / sizeof *tokenizer_files; i++)
        if (strcmp(name, tokenizer_files[i]) == 0)
            return pln_model_tokenizer(m, &tokenizer, NULL) == PLN_OK;
    return strcmp(name, CKPT_GENERATION_CONFIG) == 0 || ckpt_reads(m->checkpoint, path);
}

static const char *format_of(const pln_model *m, const char *path)
{
    for (uint32_t i = 0; ckpt_file(m->checkpoint, i); i++)
        if (ckpt_tensors_read(ckpt_file(m->checkpoint, i), path))
            return ckpt_tensors_format(ckpt_file(m->checkpoint, i));
    return NULL;
}

static json_t *describe_file(pln_model *m, const char *name)
{
    char path[PATH_MAX];
    struct stat about;
    if (snprintf(path, sizeof path, "%s/%s", ckpt_directory(m->checkpoint), name) >= PATH_MAX ||
        stat(path, &about) != 0 || !S_ISREG(about.st_mode))
        return json_null();
    json_t *file = json_object();
    if (set(file, "name", text_or_null(name)) && set(file, "bytes", json_integer((json_int_t)about.st_size)) &&
        set(file, "read", json_boolean(is_read(m, path))) && set(file, "format", text_or_null(format_of(m, path))))
        return file;
    json_decref(file);
    return NULL;
}

static int by_file_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static json_t *list_files(pln_model *m)
{
    struct dirent **entries = NULL;
    json_t *list = json_array();
    const int n = scandir(ckpt_directory(m->checkpoint), &entries, NULL, by_file_name);
    bool good = list && n >= 0;
    for (int i = 0; i < n; i++) {
        json_t *file = good && entries[i]->d_name[0] != '.' ? describe_file(m, entries[i]->d_name) : json_null();
        good = good && file && (json_is_null(file) || json_array_append(list, file) == 0);
        json_decref(file);
        free(entries[i]);
    }
    free(entries);
    if (good)
        return list;
    json_decref(list);
    return NULL;
}

/* ---- tensors */

static json_t *describe_tensor(const pln_model *m, const struct electra_name *name)
{
    const struct weight weight = electra_name_weight(name);
    char type[100];
    ckpt_tensor_type(m->checkpoint, name->tensor, type, sizeof type);
    json_t *shape = json_array(), *tensor = json_object();
    bool good = shape != NULL;
    for (uint32_t i = 0; good && i < weight.rank; i++)
        good = json_array_append_new(shape, json_integer((json_int_t)weight.shape[i])) == 0;
    good = good && set(tensor, "name", name->dropped ? json_null() : json_string(name->name)) &&
           set(tensor, "name_in_file", json_string(name->tensor->name)) && set(tensor, "dtype", json_string(type)) &&
           set(tensor, "transposed", json_boolean(name->transposed)) && set(tensor, "shape", json_incref(shape));
    json_decref(shape);
    if (good)
        return tensor;
    json_decref(tensor);
    return NULL;
}

static json_t *list_tensors(const pln_model *m)
{
    json_t *list = json_array();
    bool good = list != NULL;
    for (uint32_t i = 0; good && i < m->names.count; i++)
        good = json_array_append_new(list, describe_tensor(m, &m->names.list[i])) == 0;
    if (good)
        return list;
    json_decref(list);
    return NULL;
}

/* ---- heads */

/* A list of names with ", " between them, which is freed. */
static json_t *split_names(char *text)
{
    json_t *list = json_array();
    bool good = list != NULL;
    for (char *name = text, *next; good && name && *name; name = next) {
        next = strstr(name, ", ");
        const size_t n = next ? (size_t)(next - name) : strlen(name);
        good = json_array_append_new(list, json_stringn(name, n)) == 0;
        next = next ? next + 2 : NULL;
    }
    free(text);
    if (good)
        return list;
    json_decref(list);
    return NULL;
}

/* The graph of a head is described with what is there; nothing is drawn. */
static json_t *describe_head(pln_model *m, pln_head head, pln_error *error)
{
    const struct electra_head *h = electra_head(head);
    const struct electra_features features = {
        .head = head, .choices = h->choices ? 2 : 0, .problem = ELECTRA_SINGLE_LABEL};
    struct electra_weights weights;
    struct electra_graph graph = {0};
    pln_error found = {.message = ""};
    if (electra_weights_init(&weights, m->checkpoint, &m->names, &m->config, 0, error) != PLN_OK)
        return NULL;
    weights.undrawn = true;
    const pln_status status = electra_describe(&m->config, &weights, &features, &graph, &found);
    json_t *missing = split_names(electra_weights_missing(&weights));
    json_t *unexpected = split_names(electra_weights_unexpected(&weights, h->source));
    const bool fits = status == PLN_OK && json_array_size(missing) == 0 && m->names.found;
    json_t *about = json_pack("{s:s, s:b, s:o, s:o, s:o}", "head", h->name, "fits", fits, "error",
                              status == PLN_OK ? json_null() : text_or_null(found.message), "missing", missing,
                              "unexpected", unexpected);
    electra_graph_finish(&graph);
    electra_weights_finish(&weights);
    return about;
}

static json_t *list_heads(pln_model *m, pln_error *error)
{
    json_t *list = json_array();
    bool good = list != NULL;
    for (int head = PLN_HEAD_MODEL; good && electra_head((pln_head)head); head++)
        good = json_array_append_new(list, describe_head(m, (pln_head)head, error)) == 0;
    if (good)
        return list;
    json_decref(list);
    return NULL;
}

static const char *half_of(const pln_model *m)
{
    const bool discriminator = m->names.has[PLN_PART_DISCRIMINATOR], generator = m->names.has[PLN_PART_GENERATOR];
    if (discriminator)
        return generator ? "both" : "discriminator";
    return generator ? "generator" : NULL;
}

/* ---- tokenizer */

static json_t *list_tokenizer_files(const pln_model *m)
{
    char path[PATH_MAX];
    struct stat about;
    json_t *list = json_array();
    bool good = list != NULL;
    for (size_t i = 0; good && i < sizeof tokenizer_files / sizeof *tokenizer_files; i++)
        if (snprintf(path, sizeof path, "%s/%s", ckpt_directory(m->checkpoint), tokenizer_files[i]) < PATH_MAX &&
            stat(path, &about) == 0)
            good = json_array_append_new(list, json_string(tokenizer_files[i])) == 0;
    if (good)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *describe_tokenizer(pln_model *m)
{
    const pln_tokenizer *tokenizer = NULL;
    pln_error found = {.message = ""};
    json_t *files = list_tokenizer_files(m);
    if (!files || json_array_size(files) == 0)
        return json_pack("{s:o, s:n, s:n}", "files", files, "tokens", "error");
    const pln_status status = pln_model_tokenizer(m, &tokenizer, &found);
    return json_pack("{s:o, s:o, s:o}", "files", files, "tokens",
                     status == PLN_OK ? json_integer(pln_tokenizer_count(tokenizer)) : json_null(), "error",
                     status == PLN_OK ? json_null() : text_or_null(found.message));
}

pln_status pln_model_inspect(pln_model *model, char **json, pln_error *error)
{
    NEED(error, json);
    *json = NULL;
    NEED(error, model);
    json_t *all = json_object();
    const char *format = ckpt_file(model->checkpoint, 0) ? ckpt_tensors_format(ckpt_file(model->checkpoint, 0)) : NULL;
    const bool good = set(all, "directory", text_or_null(ckpt_directory(model->checkpoint))) &&
                      set(all, "weights", text_or_null(ckpt_weights(model->checkpoint))) &&
                      set(all, "format", text_or_null(format)) && set(all, "half", text_or_null(half_of(model))) &&
                      set(all, "head", json_string(pln_head_string(model->config.head))) &&
                      set(all, "config", electra_config_json(&model->config)) &&
                      set(all, "inferred", list_inferred(model)) && set(all, "files", list_files(model)) &&
                      set(all, "heads", list_heads(model, error)) && set(all, "tokenizer", describe_tokenizer(model)) &&
                      set(all, "tensors", list_tensors(model));
    if (good)
        *json = jsontext_dump(all, JSON_COMPACT);
    json_decref(all);
    return *json ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for what a model is made of");
}
