/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione tokenize: a line of text in, a line of ids out, in the order of the input.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

enum { LINES = 1024, MAX_THREADS = 64 };

struct line {
    char *text;
    size_t bytes, room;
    pln_token *tokens;
    uint32_t n;
    pln_status status;
    pln_error error;
};

struct stream {
    const pln_tokenizer *tokenizer;
    uint32_t threads;
    bool json;
    struct line *lines; /* [LINES] */
    uint32_t n;
};

struct share {
    struct stream *stream;
    uint32_t first;
};

static void *encode_share(void *argument)
{
    const struct share *share = argument;
    for (uint32_t i = share->first; i < share->stream->n; i += share->stream->threads) {
        struct line *line = &share->stream->lines[i];
        line->status = pln_tokenizer_encode(share->stream->tokenizer, line->text, line->bytes, NULL, 0, 0,
                                            &line->tokens, &line->n, &line->error);
    }
    return NULL;
}

static void encode_lines(struct stream *s)
{
    pthread_t handles[MAX_THREADS];
    struct share shares[MAX_THREADS];
    bool started[MAX_THREADS] = {false};
    for (uint32_t i = 0; i < s->threads; i++)
        shares[i] = (struct share){s, i};
    for (uint32_t i = 1; i < s->threads; i++)
        started[i] = pthread_create(&handles[i], NULL, encode_share, &shares[i]) == 0;
    for (uint32_t i = 0; i < s->threads; i++)
        if (!started[i])
            encode_share(&shares[i]);
    for (uint32_t i = 1; i < s->threads; i++)
        if (started[i])
            pthread_join(handles[i], NULL);
}

static void print_tokens(const struct stream *s, const struct line *line)
{
    if (!s->json) {
        for (uint32_t i = 0; i < line->n; i++)
            printf(i ? " %d" : "%d", (int)line->tokens[i].id);
        putchar('\n');
        return;
    }
    json_t *ids = json_array(), *tokens = json_array(), *offsets = json_array(), *words = json_array();
    for (uint32_t i = 0; i < line->n; i++) {
        const pln_token *t = &line->tokens[i];
        const char *token = pln_tokenizer_token(s->tokenizer, t->id);
        json_array_append_new(ids, json_integer(t->id));
        json_array_append_new(tokens, json_string(token ? token : ""));
        json_array_append_new(offsets, json_pack("[i,i]", (int)t->begin, (int)t->end));
        json_array_append_new(words, t->word < 0 ? json_null() : json_integer(t->word));
    }
    cli_print_json(json_pack("{s:o,s:o,s:o,s:o}", "ids", ids, "tokens", tokens, "offsets", offsets, "word_ids", words));
}

/* Encodes and prints what was gathered. */
static int flush_lines(struct stream *s)
{
    int code = 0;
    encode_lines(s);
    for (uint32_t i = 0; i < s->n; i++) {
        struct line *line = &s->lines[i];
        if (code == 0 && line->status != PLN_OK)
            code = cli_fail(&line->error);
        if (code == 0)
            print_tokens(s, line);
        pln_free(line->tokens);
        line->tokens = NULL;
    }
    s->n = 0;
    return code;
}

static int tokenize_file(struct stream *s, FILE *in, const char *name)
{
    int code = 0;
    while (code == 0 && !cli_interrupted()) {
        struct line *line = &s->lines[s->n];
        const ssize_t n = getline(&line->text, &line->room, in);
        if (n < 0)
            break;
        line->bytes = (size_t)n;
        if (line->bytes && line->text[line->bytes - 1] == '\n')
            line->bytes--;
        if (++s->n == LINES)
            code = flush_lines(s);
    }
    if (code == 0)
        code = flush_lines(s);
    if (code == 0 && ferror(in)) {
        fprintf(stderr, "pleione: %s cannot be read: %s\n", name, strerror(errno));
        code = PLN_FAILED;
    }
    return code == 0 && cli_interrupted() ? CLI_INTERRUPTED : code;
}

static int tokenize_files(struct stream *s, const struct cli_list *arguments)
{
    if (arguments->n == 1)
        return tokenize_file(s, stdin, "stdin");
    int code = 0;
    for (uint32_t i = 1; code == 0 && i < arguments->n; i++) {
        FILE *in = fopen(arguments->items[i], "rb");
        if (!in)
            return cli_usage_error("%s cannot be opened: %s", arguments->items[i], strerror(errno));
        code = tokenize_file(s, in, arguments->items[i]);
        fclose(in);
    }
    return code;
}

int cli_tokenize(int argc, char **argv)
{
    struct stream s = {.threads = 0};
    struct cli_list arguments = {0};
    const struct cli_option options[] = {
        {"--json", CLI_FLAG, &s.json, NULL, "ids, tokens, offsets (code points) and word ids, one object a line"},
        {"--threads", CLI_UNSIGNED, &s.threads, "N", "threads (default: all)"},
    };
    static const struct cli_usage usage = {
        .synopsis = "tokenize MODEL [FILE...]",
        .description = "A line in, a line of ids out, special tokens included. Reads stdin when no file is given. "
                       "Needs no weights.",
        .examples = "  echo \"And the king said\" | pleione tokenize models/electra-tiny-discriminator\n"
                    "  pleione tokenize MODEL --json corpus.txt >corpus.jsonl\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, options, 2, &arguments);
    if (parsed)
        return parsed - 1;
    if (!arguments.n)
        return cli_usage_error("tokenize needs a MODEL directory");
    if (!s.threads)
        s.threads = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    if (s.threads > MAX_THREADS)
        s.threads = MAX_THREADS;
    cli_catch_interrupt();
    pln_error error;
    pln_tokenizer *tokenizer;
    if (pln_tokenizer_open(arguments.items[0], cli_log, NULL, &tokenizer, &error) != PLN_OK)
        return cli_fail(&error);
    s.tokenizer = tokenizer;
    s.lines = calloc(LINES, sizeof *s.lines);
    int code = s.lines ? tokenize_files(&s, &arguments) : PLN_NO_MEMORY;
    for (uint32_t i = 0; s.lines && i < LINES; i++)
        free(s.lines[i].text);
    free(s.lines);
    pln_tokenizer_close(&tokenizer);
    const int written = cli_finish_output();
    return code ? code : written;
}
