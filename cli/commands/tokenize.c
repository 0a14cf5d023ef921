/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione tokenize: a line of text in, a line of ids out, in the order of the input. Each thread takes a block of
 * lines, encodes and writes it out in memory of its own, and waits for its turn to print.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/blocks.h"
#include "cli/commands/commands.h"
#include "cli/commands/token_text.h"

enum { MAX_THREADS = 256, BLOCK = 1 << 18 }; /* bytes of text of which the tokens stay in cache */

struct stream {
    const pln_tokenizer *tokenizer;
    pln_encode_options how;
    struct cli_row_keys keys;
    const char *separator; /* between the two texts of a line; NULL: lines are single texts */

    pthread_mutex_t reading; /* held while input is waited for */
    struct cli_blocks blocks;
    uint64_t taken, lines; /* blocks, lines in them */
    bool at_end;

    pthread_mutex_t printing;
    pthread_cond_t turn;
    uint64_t printed;
    int code; /* why it ends, 0 while it goes on */
    struct cli_progress progress;
};

/* What a thread has of its own. */
struct worker {
    pln_encoder *encoder;
    struct cli_block block;
    pln_example *examples;
    size_t n, room;
    struct cli_text out;
};

static bool is_newline(char byte)
{
    return byte == '\n';
}

static const char *find(const char *text, size_t bytes, const char *what, size_t length)
{
    for (const char *at = text; bytes >= length; at++) {
        at = memchr(at, what[0], bytes - length + 1);
        if (!at || memcmp(at, what, length) == 0)
            return at;
        bytes -= (size_t)(at - text) + 1;
        text = at + 1;
    }
    return NULL;
}

static pln_example example_of(const struct stream *s, const char *line, size_t bytes)
{
    const size_t length = s->separator ? strlen(s->separator) : 0;
    const char *at = length ? find(line, bytes, s->separator, length) : NULL;
    if (!at)
        return (pln_example){.text = {line, bytes}};
    const size_t first = (size_t)(at - line);
    return (pln_example){.text = {line, first}, .pair = {at + length, bytes - first - length}};
}

static bool cut_lines(const struct stream *s, struct worker *w)
{
    const char *line = w->block.text, *end = line + w->block.bytes;
    w->n = 0;
    while (line < end) {
        pln_example *examples = cli_reserve(w->examples, &w->room, w->n + 1, sizeof *examples);
        if (!examples)
            return false;
        w->examples = examples;
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const size_t bytes = (size_t)((newline ? newline : end) - line);
        w->examples[w->n++] = example_of(s, line, bytes);
        line += bytes + 1;
    }
    return true;
}

static pln_status encode_block(const struct stream *s, struct worker *w, uint64_t first_line, pln_error *error)
{
    const pln_encodings *encodings;
    pln_error found;
    *error = (pln_error){.status = PLN_NO_MEMORY, .message = "no memory for lines and their tokens"};
    w->out.bytes = 0;
    if (!cut_lines(s, w))
        return PLN_NO_MEMORY;
    const pln_status status = pln_encoder_encode(w->encoder, w->examples, (uint32_t)w->n, &s->how, &encodings, &found);
    if (status != PLN_OK) {
        error->status = status;
        snprintf(error->message, sizeof error->message, "of the lines from %llu on, %.400s",
                 (unsigned long long)first_line, found.message);
        return status;
    }
    cli_add_rows(&w->out, encodings, &s->keys, first_line);
    return w->out.failed ? PLN_NO_MEMORY : PLN_OK;
}

/* What comes of a block. */
struct outcome {
    uint64_t ticket, first_line, read; /* its number, that of its first line, bytes that were read up to its end */
    int code;
    pln_status status;
    pln_error error;
};

/* Prints a block when all before it are printed. False: it ends here. */
static bool print_block(struct stream *s, const struct worker *w, const struct outcome *o)
{
    pthread_mutex_lock(&s->printing);
    while (s->printed != o->ticket)
        pthread_cond_wait(&s->turn, &s->printing);
    if (s->code == 0 && o->code)
        s->code = o->code;
    else if (s->code == 0 && o->status != PLN_OK)
        s->code = cli_fail(&o->error);
    else if (s->code == 0 && (fwrite(w->out.text, 1, w->out.bytes, stdout) != w->out.bytes || fflush(stdout) != 0))
        s->code = cli_finish_output();
    s->printed++;
    cli_progress_update(&s->progress, o->read, s->blocks.total);
    const bool goes_on = s->code == 0;
    pthread_cond_broadcast(&s->turn);
    pthread_mutex_unlock(&s->printing);
    return goes_on;
}

static uint64_t count_lines(const struct cli_block *block)
{
    uint64_t lines = 0;
    const char *at = block->text, *end = at + block->bytes;
    for (; at < end && (at = memchr(at, '\n', (size_t)(end - at))); at++)
        lines++;
    return lines + (block->bytes && end[-1] != '\n');
}

/* False: there is no more. A failure takes its turn like a block. */
static bool take_block(struct stream *s, struct worker *w, struct outcome *o)
{
    pthread_mutex_lock(&s->reading);
    const bool there = !s->at_end;
    *o = (struct outcome){.ticket = s->taken, .first_line = s->lines + 1};
    if (there) {
        o->code = cli_blocks_next(&s->blocks, &w->block);
        o->read = s->blocks.read;
        s->lines += count_lines(&w->block);
        s->at_end = o->code || !w->block.bytes;
        s->taken += o->code || w->block.bytes;
    }
    pthread_mutex_unlock(&s->reading);
    return there && (o->code || w->block.bytes);
}

static void work(struct stream *s, struct worker *w)
{
    struct outcome outcome;
    while (take_block(s, w, &outcome)) {
        if (outcome.code == 0)
            outcome.status = encode_block(s, w, outcome.first_line, &outcome.error);
        if (print_block(s, w, &outcome))
            continue;
        pthread_mutex_lock(&s->reading);
        s->at_end = true;
        pthread_mutex_unlock(&s->reading);
    }
}

static void *run_thread(void *argument)
{
    struct stream *s = argument;
    struct worker worker = {0};
    pln_error error;
    if (pln_encoder_create(s->tokenizer, 1, &worker.encoder, &error) == PLN_OK) {
        work(s, &worker);
    } else {
        pthread_mutex_lock(&s->printing);
        if (s->code == 0)
            s->code = cli_fail(&error);
        pthread_mutex_unlock(&s->printing);
    }
    pln_encoder_destroy(&worker.encoder);
    free(worker.block.text);
    free(worker.examples);
    free(worker.out.text);
    return NULL;
}

/* A thread that cannot be started is done without. */
static int run_threads(struct stream *s, uint32_t threads)
{
    pthread_t handles[MAX_THREADS];
    uint32_t started = 0;
    pthread_mutex_init(&s->reading, NULL);
    pthread_mutex_init(&s->printing, NULL);
    pthread_cond_init(&s->turn, NULL);
    while (started + 1 < threads && pthread_create(&handles[started], NULL, run_thread, s) == 0)
        started++;
    run_thread(s);
    while (started)
        pthread_join(handles[--started], NULL);
    pthread_cond_destroy(&s->turn);
    pthread_mutex_destroy(&s->printing);
    pthread_mutex_destroy(&s->reading);
    return s->code;
}

static int tokenize(struct stream *s, bool json, uint32_t threads)
{
    struct cli_token_names names;
    if (json && !cli_token_names_init(&names, s->tokenizer)) {
        fputs("pleione: no memory for the names of tokens\n", stderr);
        return PLN_NO_MEMORY;
    }
    s->keys = (struct cli_row_keys){json ? &names : NULL, s->how.padding != PLN_PADDING_NONE, s->how.overflow};
    s->how.no_places = !json;
    s->progress = cli_progress_begin("tokenizing");
    const int code = run_threads(s, threads);
    cli_progress_end(&s->progress);
    if (json)
        cli_token_names_finish(&names);
    return code;
}

struct wanted { /* options that are more than a value */
    bool json, windows, pad;
    const char *mode; /* of the tokenizer; NULL: fast */
    uint32_t threads;
};

/* 0, or an exit code after a sentence. */
static int check_options(struct stream *s, const struct wanted *wanted)
{
    if ((wanted->windows || wanted->pad || s->how.stride) && !s->how.max_length)
        return cli_usage_error("--windows, --stride and --pad need --max-length");
    s->how.overflow = wanted->windows || s->how.stride;
    s->how.padding = wanted->pad ? PLN_PADDING_LENGTH : PLN_PADDING_NONE;
    return 0;
}

/* "\t" is a tab, as people type it. */
static const char *read_separator(const char *text)
{
    return text && strcmp(text, "\\t") == 0 ? "\t" : text;
}

static int open_and_run(struct stream *s, const struct cli_list *arguments, const struct wanted *wanted)
{
    const uint32_t threads = wanted->threads ? wanted->threads : pln_processors();
    pln_error error;
    pln_tokenizer *tokenizer;
    pln_tokenizer_options options = {.size = sizeof options, .log = cli_log};
    if (wanted->mode && !pln_tokenizer_mode_find(wanted->mode, &options.mode))
        return cli_usage_error("option --tokenizer-mode: %s is none of fast, slow, google", wanted->mode);
    if (pln_tokenizer_open(arguments->items[0], &options, &tokenizer, &error) != PLN_OK) {
        cli_misfit(&error);
        return cli_fail(&error);
    }
    s->tokenizer = tokenizer;
    int code = cli_blocks_open(&s->blocks, arguments, 1, (struct cli_cut){.ends = is_newline, .bytes = BLOCK});
    if (code == 0)
        code = tokenize(s, wanted->json, threads < MAX_THREADS ? threads : MAX_THREADS);
    cli_blocks_close(&s->blocks);
    pln_tokenizer_close(&tokenizer);
    return code;
}

int cli_tokenize(int argc, char **argv)
{
    struct stream s = {.how.size = sizeof s.how};
    struct wanted wanted = {.threads = 0};
    static struct cli_list arguments;
    const struct cli_option rows[] = {
        {"--json", CLI_FLAG, &wanted.json, NULL,
         "ids, types, tokens, offsets (code points) and word ids, one object a line"},
        {"--pair-separator", CLI_TEXT, &s.separator, "TEXT",
         "a line is two texts, split at the first TEXT; without TEXT in it, one (\\t: a tab)"},
        {"--max-length", CLI_UNSIGNED, &s.how.max_length, "N", "longer rows are cut, the longer text of a pair first"},
        {"--windows", CLI_FLAG, &wanted.windows, NULL,
         "what is cut off comes too, as more rows; objects say the \"line\" they are of"},
        {"--stride", CLI_UNSIGNED, &s.how.stride, "N",
         "tokens that a window shares with the one before; implies --windows"},
        {"--pad", CLI_FLAG, &wanted.pad, NULL, "rows are padded to --max-length; objects have an \"attention_mask\""},
        {"--no-special-tokens", CLI_FLAG, &s.how.no_special, NULL, "[CLS] and [SEP] are not added"},
        {"--split-special-tokens", CLI_FLAG, &s.how.split_special, NULL,
         "special tokens written in a text are plain text"},
        {"--tokenizer-mode", CLI_TEXT, &wanted.mode, "MODE",
         "fast (default), slow: as the tokenizer in Python of transformers 4, google: as the original"},
        {"--threads", CLI_UNSIGNED, &wanted.threads, "N", "threads (default: all)"},
    };
    struct cli_options options = {0};
    cli_add_options(&options, rows, sizeof rows / sizeof *rows);
    static const struct cli_usage usage = {
        .synopsis = "tokenize MODEL [FILE...]",
        .description =
            "A line in, a line of ids out, special tokens included, in the order of the input. Reads stdin when no "
            "file\n"
            "is given, or where a file is \"-\". Needs no weights. Files may be of any size; memory is that of the "
            "longest\n"
            "line. A line ends in a newline or with its file; a CR before it is a blank, and so is no token. NUL and\n"
            "other controls are taken away by the tokenizer. Invalid UTF-8 is U+FFFD for each maximal subpart, which "
            "is\n"
            "taken away too. A file that cannot be opened is found before anything is read.",
        .examples = "  echo \"And the king said\" | pleione tokenize models/electra-tiny-discriminator\n"
                    "  pleione tokenize MODEL --json corpus.txt >corpus.jsonl\n"
                    "  pleione tokenize MODEL --pair-separator '\\t' --max-length 128 pairs.tsv\n"
                    "  pleione tokenize MODEL --max-length 384 --stride 128 --json articles.txt\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, &options, &arguments);
    if (parsed)
        return parsed - 1;
    if (!arguments.n)
        return cli_usage_error("tokenize needs a MODEL directory");
    s.separator = read_separator(s.separator);
    const int code = check_options(&s, &wanted);
    if (code)
        return code;
    cli_catch_interrupt();
    return open_and_run(&s, &arguments, &wanted);
}
