/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione tokenize: a line of text in, a line of ids out, in the order of the input.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { LINES = 1024 };

struct line {
    char *text;
    size_t bytes, room;
};

struct stream {
    const pln_tokenizer *tokenizer;
    pln_encoder *encoder;
    bool json;
    struct line *lines;    /* [LINES] */
    pln_example *examples; /* [LINES] */
    uint32_t n;
};

static void print_row(const struct stream *s, const pln_encodings *e, uint32_t begin, uint32_t end)
{
    if (!s->json) {
        for (uint32_t i = begin; i < end; i++)
            printf(i > begin ? " %d" : "%d", (int)e->ids[i]);
        putchar('\n');
        return;
    }
    json_t *ids = json_array(), *tokens = json_array(), *offsets = json_array(), *words = json_array();
    for (uint32_t i = begin; i < end; i++) {
        const char *token = pln_tokenizer_token(s->tokenizer, e->ids[i]);
        json_array_append_new(ids, json_integer(e->ids[i]));
        json_array_append_new(tokens, json_string(token ? token : ""));
        json_array_append_new(offsets, json_pack("[i,i]", (int)e->begins[i], (int)e->ends[i]));
        json_array_append_new(words, e->words[i] < 0 ? json_null() : json_integer(e->words[i]));
    }
    cli_print_json(json_pack("{s:o,s:o,s:o,s:o}", "ids", ids, "tokens", tokens, "offsets", offsets, "word_ids", words));
}

/* Encodes and prints what was gathered. */
static int flush_lines(struct stream *s)
{
    const pln_encodings *e;
    pln_error error;
    for (uint32_t i = 0; i < s->n; i++)
        s->examples[i] = (pln_example){.text = {s->lines[i].text, s->lines[i].bytes}};
    if (pln_encoder_encode(s->encoder, s->examples, s->n, NULL, &e, &error) != PLN_OK)
        return cli_fail(&error);
    for (uint32_t r = 0; r < e->rows; r++)
        print_row(s, e, e->starts[r], e->starts[r + 1]);
    s->n = 0;
    return 0;
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
    struct stream s = {.n = 0};
    uint32_t threads = 0;
    struct cli_list arguments = {0};
    const struct cli_option options[] = {
        {"--json", CLI_FLAG, &s.json, NULL, "ids, tokens, offsets (code points) and word ids, one object a line"},
        {"--threads", CLI_UNSIGNED, &threads, "N", "threads (default: all)"},
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
    cli_catch_interrupt();
    pln_error error;
    pln_tokenizer *tokenizer;
    const pln_tokenizer_options how = {.log = cli_log};
    if (pln_tokenizer_open(arguments.items[0], &how, &tokenizer, &error) != PLN_OK)
        return cli_fail(&error);
    int code = pln_encoder_create(tokenizer, threads, &s.encoder, &error) == PLN_OK ? 0 : cli_fail(&error);
    s.tokenizer = tokenizer;
    s.lines = calloc(LINES, sizeof *s.lines);
    s.examples = calloc(LINES, sizeof *s.examples);
    if (code == 0)
        code = s.lines && s.examples ? tokenize_files(&s, &arguments) : PLN_NO_MEMORY;
    for (uint32_t i = 0; s.lines && i < LINES; i++)
        free(s.lines[i].text);
    free(s.lines);
    free(s.examples);
    pln_encoder_destroy(&s.encoder);
    pln_tokenizer_close(&tokenizer);
    const int written = cli_finish_output();
    return code ? code : written;
}
