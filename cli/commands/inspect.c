/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione inspect: what a model directory holds, before anything runs on it.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands/commands.h"

enum { MOST_NAMES = 6 }; /* of tensors on a line: --json has all */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "-";
}

/* Names of a list, each behind a blank, and how many more than `most` there are; nothing if it is empty. */
static void print_names(const char *what, const json_t *list, size_t most)
{
    const size_t n = json_array_size(list);
    if (!n)
        return;
    printf("  %s:", what);
    for (size_t i = 0; i < n && i < most; i++)
        printf(" %s", json_string_value(json_array_get(list, i)));
    printf(n > most ? " and %zu more\n" : "\n", n - most);
}

static void print_config(const json_t *model)
{
    static const char *const fields[] = {
        "vocab_size",        "embedding_size",          "hidden_size",    "num_hidden_layers", "num_attention_heads",
        "intermediate_size", "max_position_embeddings", "type_vocab_size"};
    const json_t *config = json_object_get(model, "config");
    printf("config\n ");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const json_t *value = json_object_get(config, fields[i]);
        if (json_is_integer(value))
            printf(" %s %lld", fields[i], (long long)json_integer_value(value));
    }
    putchar('\n');
    print_names("taken from the tensors", json_object_get(model, "inferred"), SIZE_MAX);
}

static void print_files(const json_t *model)
{
    size_t i;
    json_t *file;
    puts("files");
    json_array_foreach(json_object_get(model, "files"), i, file)
    {
        const bool read = json_is_true(json_object_get(file, "read"));
        printf("  %-44s %12lld  %s", text_of(file, "name"),
               (long long)json_integer_value(json_object_get(file, "bytes")), read ? "read" : "not read");
        printf(json_is_string(json_object_get(file, "format")) ? " (%s)\n" : "\n", text_of(file, "format"));
    }
}

static void print_heads(const json_t *model)
{
    size_t i;
    json_t *head;
    puts("heads");
    json_array_foreach(json_object_get(model, "heads"), i, head)
    {
        const bool fits = json_is_true(json_object_get(head, "fits"));
        const char *error = json_string_value(json_object_get(head, "error"));
        const bool default_head = strcmp(text_of(head, "head"), text_of(model, "head")) == 0;
        printf("  %-24s %s%s", text_of(head, "head"), fits ? "fits" : "does not fit",
               default_head ? ", the default" : "");
        printf(error ? ": %s\n" : "\n", error);
        if (!error)
            print_names("  missing", json_object_get(head, "missing"), MOST_NAMES);
        if (default_head)
            print_names("  not used", json_object_get(head, "unexpected"), MOST_NAMES);
    }
}

static void print_tensors(const json_t *model)
{
    size_t i;
    json_t *tensor;
    puts("tensors");
    json_array_foreach(json_object_get(model, "tensors"), i, tensor)
    {
        char *shape = cli_dump_json(json_object_get(tensor, "shape"), 0);
        const char *name = text_of(tensor, "name"), *in_file = text_of(tensor, "name_in_file");
        printf("  %-72s %-6s %s%s", strcmp(name, "-") == 0 ? "(not of the model)" : name, text_of(tensor, "dtype"),
               shape ? shape : "?", json_is_true(json_object_get(tensor, "transposed")) ? ", transposed" : "");
        printf(strcmp(name, in_file) == 0 ? "\n" : "  is %s\n", in_file);
        free(shape);
    }
}

static void print_model(const json_t *model)
{
    const json_t *tokenizer = json_object_get(model, "tokenizer");
    const json_t *tokens = json_object_get(tokenizer, "tokens");
    printf("%s\n  weights %s (%s), half %s, head %s\n", text_of(model, "directory"), text_of(model, "weights"),
           text_of(model, "format"), text_of(model, "half"), text_of(model, "head"));
    print_config(model);
    print_files(model);
    print_heads(model);
    if (json_is_integer(tokens))
        printf("tokenizer\n  %lld tokens\n", (long long)json_integer_value(tokens));
    else
        printf("tokenizer\n  %s\n",
               json_is_string(json_object_get(tokenizer, "error")) ? text_of(tokenizer, "error") : "there is none");
    print_names("files", json_object_get(tokenizer, "files"), SIZE_MAX);
    print_tensors(model);
}

static pln_status inspect(const struct cli_common *common, const char *directory, bool as_json, pln_error *error)
{
    struct cli_model m = {0};
    char *text = NULL;
    pln_status status = cli_open_model(common, directory, true, &m, error);
    if (status == PLN_OK)
        status = pln_model_inspect(m.model, &text, error);
    cli_close(&m);
    if (status != PLN_OK)
        return status;
    json_t *model = json_loads(text, 0, NULL);
    pln_free(text);
    if (as_json || !model) {
        cli_print_json(model);
        return PLN_OK;
    }
    print_model(model);
    json_decref(model);
    return PLN_OK;
}

int cli_inspect(int argc, char **argv)
{
    static struct cli_common common;
    static struct cli_list arguments;
    bool as_json = false;
    pln_error error;
    struct cli_options options = {0};
    cli_model_rows(&common, &options);
    const struct cli_option own[] = {
        {"--json", CLI_FLAG, &as_json, NULL, "one JSON object, heads and tensors in full"}};
    cli_add_options(&options, own, sizeof own / sizeof *own);
    static const struct cli_usage usage = {
        .synopsis = "inspect MODEL",
        .description = "What a model directory holds: its config and what had to be taken from the tensors, its files "
                       "and which of them are\nread, heads that the weights fit, the tokenizer, and each tensor by its "
                       "PyTorch name and by its name in the file.\nNothing is run, and no device is opened.",
        .examples = "  pleione inspect models/electra-tiny-discriminator\n"
                    "  pleione inspect pretraining/ --part generator --json\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, &options, &arguments);
    if (parsed)
        return parsed - 1;
    if (arguments.n != 1)
        return cli_usage_error("inspect needs one MODEL");
    return inspect(&common, arguments.items[0], as_json, &error) == PLN_OK ? cli_finish_output() : cli_fail(&error);
}
