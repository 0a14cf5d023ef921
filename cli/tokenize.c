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
#include "cli/token_text.h"

enum { MAX_THREADS = 256, BLOCK = 1 << 18 }; /* bytes of text of which the tokens stay in cache */

struct stream {
    const pln_tokenizer *tokenizer;
    struct cli_token_names *names; /* NULL: ids only */
    const char *separator;         /* between the two texts of a line; NULL: lines are single texts */

    pthread_mutex_t reading; /* held while input is waited for */
    struct cli_blocks blocks;
    uint64_t taken; /* blocks */
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
        if (w->n == w->room) {
            const size_t room = w->room ? w->room * 2 : 4096;
            pln_example *examples = realloc(w->examples, room * sizeof *examples);
            if (!examples)
                return false;
            w->examples = examples;
            w->room = room;
        }
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const size_t bytes = (size_t)((newline ? newline : end) - line);
        w->examples[w->n++] = example_of(s, line, bytes);
        line += bytes + 1;
    }
    return true;
}

static pln_status encode_block(const struct stream *s, struct worker *w, pln_error *error)
{
    const pln_encodings *encodings;
    *error = (pln_error){.status = PLN_NO_MEMORY, .message = "no memory for lines and their tokens"};
    w->out.bytes = 0;
    if (!cut_lines(s, w))
        return PLN_NO_MEMORY;
    const pln_status status = pln_encoder_encode(w->encoder, w->examples, (uint32_t)w->n, NULL, &encodings, error);
    if (status != PLN_OK)
        return status;
    cli_add_rows(&w->out, encodings, s->names);
    return w->out.failed ? PLN_NO_MEMORY : PLN_OK;
}

/* What comes of a block. */
struct outcome {
    uint64_t ticket, read; /* its number, bytes that were read up to it */
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

/* False: there is no more. A failure takes its turn like a block. */
static bool take_block(struct stream *s, struct worker *w, struct outcome *o)
{
    pthread_mutex_lock(&s->reading);
    const bool there = !s->at_end;
    *o = (struct outcome){.ticket = s->taken};
    if (there) {
        o->code = cli_blocks_next(&s->blocks, &w->block);
        o->read = s->blocks.read;
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
            outcome.status = encode_block(s, w, &outcome.error);
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
    s->names = json ? &names : NULL;
    s->progress = cli_progress_begin("tokenizing");
    const int code = run_threads(s, threads);
    cli_progress_end(&s->progress);
    if (json)
        cli_token_names_finish(&names);
    return code;
}

/* "\t" is a tab, as people type it. */
static const char *read_separator(const char *text)
{
    return text && strcmp(text, "\\t") == 0 ? "\t" : text;
}

int cli_tokenize(int argc, char **argv)
{
    struct stream s = {.code = 0};
    bool json = false;
    uint32_t threads = 0;
    struct cli_list arguments = {0};
    const struct cli_option options[] = {
        {"--json", CLI_FLAG, &json, NULL, "ids, types, tokens, offsets (code points) and word ids, one object a line"},
        {"--pair-separator", CLI_TEXT, &s.separator, "TEXT",
         "a line is two texts, split at the first TEXT; without TEXT in it, one (\\t: a tab)"},
        {"--threads", CLI_UNSIGNED, &threads, "N", "threads (default: all)"},
    };
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
                    "  pleione tokenize MODEL --pair-separator '\\t' pairs.tsv\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, options, sizeof options / sizeof *options, &arguments);
    if (parsed)
        return parsed - 1;
    if (!arguments.n)
        return cli_usage_error("tokenize needs a MODEL directory");
    s.separator = read_separator(s.separator);
    if (s.separator && !*s.separator)
        return cli_usage_error("option --pair-separator: an empty text separates nothing");
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (!threads)
        threads = processors > 0 ? (uint32_t)processors : 1;
    cli_catch_interrupt();
    pln_error error;
    pln_tokenizer *tokenizer;
    const pln_tokenizer_options how = {.log = cli_log};
    if (pln_tokenizer_open(arguments.items[0], &how, &tokenizer, &error) != PLN_OK)
        return cli_fail(&error);
    s.tokenizer = tokenizer;
    int code = cli_blocks_open(&s.blocks, &arguments, 1, (struct cli_cut){.ends = is_newline, .bytes = BLOCK});
    if (code == 0)
        code = tokenize(&s, json, threads < MAX_THREADS ? threads : MAX_THREADS);
    cli_blocks_close(&s.blocks);
    pln_tokenizer_close(&tokenizer);
    return code;
}
