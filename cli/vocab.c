/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione vocab: texts in, a WordPiece vocabulary out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

enum { BLOCK = 16 << 20 }; /* bytes that are read at once */

struct vocab {
    pln_vocabulary_trainer *trainer;
    char *text;
    size_t held, room;    /* bytes of text that are not yet added */
    uint64_t read, total; /* bytes of all files; total is 0 if one is no regular file */
    struct cli_progress progress;
};

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
}

/* Adds what is held up to its last blank, all of it at the end of a file, and keeps the rest. */
static int add_held(struct vocab *v, bool at_end)
{
    size_t n = v->held;
    while (!at_end && n && !is_blank(v->text[n - 1]))
        n--;
    pln_error error;
    if (n && pln_vocabulary_trainer_add(v->trainer, v->text, n, &error) != PLN_OK)
        return cli_fail(&error);
    v->held -= n;
    memmove(v->text, v->text + n, v->held);
    return 0;
}

static int reserve(struct vocab *v)
{
    if (v->room - v->held >= BLOCK)
        return 0;
    char *text = realloc(v->text, v->held + BLOCK);
    if (!text) {
        fprintf(stderr, "pleione: no memory for a word of %zu bytes\n", v->held);
        return PLN_NO_MEMORY;
    }
    v->text = text;
    v->room = v->held + BLOCK;
    return 0;
}

static int add_file(struct vocab *v, FILE *in, const char *name)
{
    int code = 0;
    bool at_end = false;
    while (code == 0 && !at_end && !cli_interrupted()) {
        code = reserve(v);
        if (code)
            break;
        const size_t n = fread(v->text + v->held, 1, BLOCK, in);
        at_end = n < BLOCK;
        v->held += n;
        v->read += n;
        code = add_held(v, at_end);
        cli_progress_update(&v->progress, v->read, v->total);
    }
    if (code == 0 && ferror(in)) {
        fprintf(stderr, "pleione: %s cannot be read: %s\n", name, strerror(errno));
        code = PLN_FAILED;
    }
    return code == 0 && cli_interrupted() ? CLI_INTERRUPTED : code;
}

static uint64_t total_bytes(const struct cli_list *files)
{
    uint64_t total = 0;
    struct stat about;
    for (uint32_t i = 0; i < files->n; i++) {
        if (stat(files->items[i], &about) != 0 || !S_ISREG(about.st_mode))
            return 0;
        total += (uint64_t)about.st_size;
    }
    return total;
}

static int add_files(struct vocab *v, const struct cli_list *files)
{
    if (!files->n)
        return add_file(v, stdin, "stdin");
    int code = 0;
    v->total = total_bytes(files);
    for (uint32_t i = 0; code == 0 && i < files->n; i++) {
        FILE *in = fopen(files->items[i], "rb");
        if (!in)
            return cli_usage_error("%s cannot be opened: %s", files->items[i], strerror(errno));
        code = add_file(v, in, files->items[i]);
        fclose(in);
    }
    return code;
}

static bool show_merges(void *context, uint32_t entries, uint32_t size)
{
    cli_progress_update(context, entries, size);
    return !cli_interrupted();
}

/* Where the vocabulary goes: a file beside the one that is asked for, renamed when it is whole. What is no regular file
 * (a pipe, a device) is written to. */
struct output {
    const char *path;
    char *temporary; /* NULL: path itself */
    FILE *file;
};

static int fail_output(const struct output *out)
{
    fprintf(stderr, "pleione: %s cannot be written: %s\n", out->path, strerror(errno));
    return PLN_FAILED;
}

/* Opened before the training, so that a wrong path costs nothing. path NULL: stdout. */
static int open_output(struct output *out, const char *path)
{
    struct stat about;
    *out = (struct output){.path = path ? path : "stdout", .file = stdout};
    if (!path)
        return 0;
    if (stat(path, &about) != 0 || S_ISREG(about.st_mode)) {
        const size_t room = strlen(path) + sizeof ".part";
        out->temporary = malloc(room);
        if (!out->temporary)
            return PLN_NO_MEMORY;
        snprintf(out->temporary, room, "%s.part", path);
    }
    out->file = fopen(out->temporary ? out->temporary : path, "wb");
    return out->file ? 0 : fail_output(out);
}

static int write_output(struct output *out, const char *text, size_t bytes)
{
    bool good = fwrite(text, 1, bytes, out->file) == bytes;
    if (out->file != stdout) {
        good = fclose(out->file) == 0 && good;
        out->file = NULL;
    }
    if (!good || (out->temporary && rename(out->temporary, out->path) != 0))
        return fail_output(out);
    free(out->temporary);
    out->temporary = NULL;
    return 0;
}

/* Takes away what was not finished. */
static void close_output(struct output *out)
{
    if (out->file && out->file != stdout)
        fclose(out->file);
    if (out->temporary)
        unlink(out->temporary);
    free(out->temporary);
}

static int train(struct vocab *v, uint32_t size, struct output *out)
{
    char *text;
    size_t bytes;
    uint32_t entries;
    pln_error error;
    cli_progress_end(&v->progress);
    v->progress = cli_progress_begin("joining pairs");
    if (pln_vocabulary_trainer_train(v->trainer, &text, &bytes, &entries, &error) != PLN_OK)
        return cli_interrupted() ? CLI_INTERRUPTED : cli_fail(&error);
    cli_progress_end(&v->progress);
    if (entries < size)
        fprintf(stderr, "pleione: warning: the texts give %u entries, not %u\n", entries, size);
    if (entries > size)
        fprintf(stderr, "pleione: warning: special tokens and alphabet alone are %u entries, more than %u\n", entries,
                size);
    const int code = write_output(out, text, bytes);
    pln_free(text);
    return code;
}

int cli_vocab(int argc, char **argv)
{
    struct vocab v = {0};
    pln_vocabulary_options train_options = {.size = 30000, .progress = show_merges, .progress_context = &v.progress};
    struct cli_list files = {0}, special = {0};
    const char *output = NULL;
    const struct cli_option options[] = {
        {"--size", CLI_UNSIGNED, &train_options.size, "N",
         "entries, special tokens and alphabet included (default 30000)"},
        {"--min-frequency", CLI_UNSIGNED, &train_options.min_frequency, "M",
         "pairs that occur less often are not joined (default 2)"},
        {"--limit-alphabet", CLI_UNSIGNED, &train_options.limit_alphabet, "N",
         "characters kept, the most frequent (default 1000)"},
        {"--special", CLI_REPEATED, &special, "TOKEN",
         "a first entry, in order (default [PAD] [UNK] [CLS] [SEP] [MASK])"},
        {"--cased", CLI_FLAG, &train_options.cased, NULL, "capitals and accents stay as they are"},
        {"--keep-accents", CLI_FLAG, &train_options.keep_accents, NULL,
         "lower case, but accents stay (and Hangul whole)"},
        {"--join-chinese", CLI_FLAG, &train_options.join_chinese, NULL, "Chinese characters are not set apart"},
        {"--threads", CLI_UNSIGNED, &train_options.threads, "N", "threads (default: all)"},
        {"-o", CLI_TEXT, &output, "FILE", "where the vocabulary goes (default: stdout)"},
    };
    static const struct cli_usage usage = {
        .synopsis = "vocab [FILE...] --size N -o vocab.txt",
        .description = "Trains a WordPiece vocabulary: the same entries as the WordPieceTrainer of Hugging Face's "
                       "tokenizers, up to\n"
                       "pairs of equal count, of which that with the lower ids is joined first. Texts are UTF-8; "
                       "invalid bytes are\n"
                       "left out. Reads stdin when no file is given. The file is written whole or not at all.",
        .examples = "  pleione vocab corpus.txt --size 30000 -o vocab.txt\n"
                    "  pleione vocab korean/*.txt --size 32000 --cased --limit-alphabet 6000 -o vocab.txt\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, options, sizeof options / sizeof *options, &files);
    if (parsed)
        return parsed - 1;
    if (special.n) {
        train_options.special = special.items;
        train_options.n_special = special.n;
    }
    pln_error error;
    struct output out;
    if (pln_vocabulary_trainer_create(&train_options, &v.trainer, &error) != PLN_OK)
        return cli_fail(&error);
    cli_catch_interrupt();
    v.progress = cli_progress_begin("counting words");
    int code = open_output(&out, output);
    if (code == 0)
        code = add_files(&v, &files);
    if (code == 0)
        code = train(&v, train_options.size, &out);
    cli_progress_end(&v.progress);
    close_output(&out);
    free(v.text);
    pln_vocabulary_trainer_destroy(&v.trainer);
    const int written = cli_finish_output();
    return code ? code : written;
}
