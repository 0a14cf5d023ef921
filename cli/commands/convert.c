/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione convert: a model in, the directory that another package loads as the same model out.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/folders.h"

struct convert {
    struct cli_common common; /* which model is meant */
    const char *format, *dtype, *shard_size;
    pln_save_options save;
};

/* "500MB", "5GiB", "12000": as the reference reads them. */
static bool read_size(const char *text, uint64_t *bytes)
{
    static const struct {
        const char *unit;
        uint64_t bytes;
    } units[] = {
        {"", 1},       {"KB", 1000},        {"MB", 1000 * 1000},    {"GB", 1000 * 1000 * 1000},
        {"KIB", 1024}, {"MIB", 1024 << 10}, {"GIB", 1024ull << 20},
    };
    char *end, unit[8] = "";
    const unsigned long long number = isdigit((unsigned char)*text) ? strtoull(text, &end, 10) : 0;
    if (!number || strlen(end) >= sizeof unit)
        return false;
    for (size_t i = 0; end[i]; i++)
        unit[i] = (char)toupper((unsigned char)end[i]);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(units[i].unit, unit) == 0)
            return !__builtin_mul_overflow((uint64_t)number, units[i].bytes, bytes);
    return false;
}

static bool read_dtype(const char *text, pln_dtype *dtype)
{
    static const pln_dtype known[] = {PLN_F32, PLN_F16, PLN_BF16};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(pln_dtype_string(known[i]), text) == 0) {
            *dtype = known[i];
            return true;
        }
    return false;
}

static int read_options(struct convert *c)
{
    if (c->format && !pln_save_format_find(c->format, &c->save.format))
        return cli_usage_error("option --to: \"%s\" is not safetensors, pytorch, tf or flax", c->format);
    if (c->dtype && !read_dtype(c->dtype, &c->save.dtype))
        return cli_usage_error("option --dtype: \"%s\" is not f32, f16 or bf16", c->dtype);
    if (c->shard_size && !read_size(c->shard_size, &c->save.shard_bytes))
        return cli_usage_error("option --shard-size: \"%s\" is not a size, as 500MB, 5GB or 2GiB", c->shard_size);
    return 0;
}

/* An interrupt ends the call, so that it can take away what it has begun to write. */
static bool go_on(void *context, const char *what, uint64_t done, uint64_t total)
{
    struct cli_progress *progress = context;
    if (strcmp(what, progress->what) == 0)
        cli_progress_update(progress, done, total);
    return !cli_interrupted();
}

static int convert(struct convert *c, const char *in, const char *out)
{
    const pln_model_options options = cli_model_options(&c->common);
    struct cli_progress progress = cli_progress_begin("writing");
    const pln_runtime_options asked = {
        .size = sizeof asked, .threads = 1, .log = cli_log, .progress = go_on, .progress_context = &progress};
    struct cli_model m = {0};
    pln_error error;
    cli_catch_interrupt();
    pln_status status = pln_runtime_create(&asked, &m.runtime, &error);
    if (status == PLN_OK)
        status = pln_model_open(m.runtime, in, &options, &m.model, &error);
    if (status == PLN_OK)
        status = cli_make_parents(out, &error);
    if (status == PLN_OK)
        status = pln_model_save(m.model, out, &c->save, &error);
    cli_progress_end(&progress);
    cli_undo_folders(); /* above the directory: without it they are empty */
    cli_close(&m);
    if (status != PLN_OK && cli_interrupted())
        return cli_interrupt_code();
    return status == PLN_OK ? 0 : cli_fail(&error);
}

int cli_convert(int argc, char **argv)
{
    static struct cli_list arguments;
    static struct convert c;
    c.save.size = sizeof c.save;
    const struct cli_option rows[] = {
        {"--to", CLI_TEXT, &c.format, "FORMAT", "safetensors, pytorch, tf or flax (default safetensors)"},
        {"--head", CLI_HEAD, &c.save.head, "HEAD", "the class whose weights are written (default: the model's)"},
        {"--dtype", CLI_TEXT, &c.dtype, "TYPE", "f32, f16 or bf16, rounded to the nearest (default: as they are)"},
        {"--shard-size", CLI_TEXT, &c.shard_size, "SIZE",
         "of weights in a file, at most: 500MB, 5GB, 2GiB (default: all are in one)"},
    };
    struct cli_options options = {0};
    cli_add_options(&options, rows, sizeof rows / sizeof *rows);
    cli_model_rows(&c.common, &options);
    static const struct cli_usage usage = {
        .synopsis = "convert MODEL DIRECTORY",
        .description = "Writes a model as another package reads it: weights in the format of --to under the names that "
                       "it has for\n"
                       "them, config.json, and the tokenizer in the layouts of transformers 4 and 5. MODEL is read in "
                       "any format.\n"
                       "The directory is written whole or not at all; a model that is there is replaced.",
        .examples = "  pleione convert google-checkpoint discriminator --part discriminator\n"
                    "  pleione convert models/electra-tiny-generator half --dtype f16\n"
                    "  pleione convert models/electra-tiny-generator keras --to tf --shard-size 5GB\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, &options, &arguments);
    if (parsed)
        return parsed - 1;
    if (arguments.n != 2)
        return cli_usage_error("expected a model and a directory");
    const int wrong = read_options(&c);
    return wrong ? wrong : convert(&c, arguments.items[0], arguments.items[1]);
}
