/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a path, gives the JSON of each file of the tokenizer that is there.
 */
#include "tokenizer/files.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fail.h"
#include "common/jsonfile.h"

static const struct {
    const char *name;
    size_t limit;
} kinds[TOK_FILES] = {
    [TOK_FILE_TOKENIZER] = {"tokenizer.json", JSONFILE_LIMIT},
    [TOK_FILE_CONFIG] = {"tokenizer_config.json", JSONFILE_CONFIG_LIMIT},
    [TOK_FILE_SPECIAL] = {"special_tokens_map.json", JSONFILE_CONFIG_LIMIT},
    [TOK_FILE_ADDED] = {"added_tokens.json", JSONFILE_CONFIG_LIMIT},
};

static bool exists(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0;
}

static bool is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static bool ends_with(const char *text, const char *end)
{
    const size_t bytes = strlen(text), end_bytes = strlen(end);
    return bytes >= end_bytes && strcmp(text + bytes - end_bytes, end) == 0;
}

/* Where each file would be. False: the path is too long. */
static bool set_paths(struct tok_files *files, const char *path)
{
    const char *slash = strrchr(path, '/');
    const bool folder = is_folder(path);
    const char *parent = folder || slash ? path : ".";
    size_t bytes = strlen(parent);
    if (!folder && slash)
        bytes = (size_t)(slash - path);
    const int length = (int)bytes;
    const bool named = !folder && !ends_with(path, ".json");
    const int vocabulary_bytes = named ? snprintf(files->vocabulary, PATH_MAX, "%s", path)
                                       : snprintf(files->vocabulary, PATH_MAX, "%.*s/vocab.txt", length, parent);
    if (vocabulary_bytes >= PATH_MAX)
        return false;
    if (!named && !exists(files->vocabulary))
        files->vocabulary[0] = '\0';
    for (int i = 0; i < TOK_FILES; i++)
        if (snprintf(files->path[i], PATH_MAX, "%.*s/%s", length, parent, kinds[i].name) >= PATH_MAX)
            return false;
    return true;
}

pln_status tok_files_init(struct tok_files *files, const char *path, const json_t *config, pln_error *error)
{
    *files = (struct tok_files){0};
    if (!*path)
        return pln_fail(error, PLN_BAD_MODEL, "the path of a tokenizer is empty");
    if (!set_paths(files, path))
        return pln_fail(error, PLN_BAD_MODEL, "%.100s...: the path is too long", path);
    if (ends_with(path, ".json") && !is_folder(path)) /* whatever it is called */
        snprintf(files->path[TOK_FILE_TOKENIZER], PATH_MAX, "%s", path);
    files->json[TOK_FILE_CONFIG] = json_incref((json_t *)(uintptr_t)config);
    pln_status status = PLN_OK;
    const bool alone = files->vocabulary[0] && !is_folder(path) && !ends_with(path, ".json"); /* a vocabulary file */
    for (int i = alone ? TOK_FILE_CONFIG : 0; i < TOK_FILES && status == PLN_OK; i++)
        if (!files->json[i] && exists(files->path[i]))
            status = jsonfile_load(files->path[i], kinds[i].limit, &files->json[i], error);
    if (status == PLN_OK && !files->vocabulary[0] && !files->json[TOK_FILE_TOKENIZER])
        status = pln_fail(error, PLN_BAD_MODEL, "%s: holds neither vocab.txt nor tokenizer.json", path);
    if (status != PLN_OK)
        tok_files_finish(files);
    return status;
}

void tok_files_finish(struct tok_files *files)
{
    for (int i = 0; i < TOK_FILES; i++)
        json_decref(files->json[i]);
    *files = (struct tok_files){0};
}

void tok_warn(const pln_tokenizer_options *options, const char *format, ...)
{
    char message[500];
    va_list arguments;
    if (!options->log)
        return;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    options->log(options->log_context, PLN_LOG_LEVEL_WARNING, message);
}
