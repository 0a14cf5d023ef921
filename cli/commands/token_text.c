/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes rows of tokens. Room is asked for once a row, since this is to be no slower than the tokenizer.
 */
#include "cli/commands/token_text.h"

#include <stdlib.h>
#include <string.h>

enum { NUMBER = 12, KEYS = 160 }; /* bytes: of a number and what follows it, of all that stands once in a row */

static bool reserve(struct cli_text *to, size_t bytes)
{
    char *text = to->failed ? NULL : cli_reserve(to->text, &to->room, to->bytes + bytes, 1);
    if (text)
        to->text = text;
    to->failed = !text;
    return text != NULL;
}

static char *put_number(char *at, int64_t number)
{
    char digits[24];
    int n = 0;
    if (number < 0) {
        *at++ = '-';
        number = -number;
    }
    do
        digits[n++] = (char)('0' + number % 10);
    while (number /= 10);
    while (n)
        *at++ = digits[--n];
    return at;
}

static char *put_text(char *at, const char *text)
{
    const size_t bytes = strlen(text);
    memcpy(at, text, bytes);
    return at + bytes;
}

static char *put_numbers(char *at, const int32_t *numbers, uint32_t n, char between)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            *at++ = between;
        at = put_number(at, numbers[i]);
    }
    return at;
}

static char *put_offsets(char *at, const uint32_t *begins, const uint32_t *ends, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        at = put_text(at, i ? ",[" : "[");
        at = put_number(at, begins[i]);
        *at++ = ',';
        at = put_number(at, ends[i]);
        *at++ = ']';
    }
    return at;
}

static char *put_words(char *at, const int32_t *words, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            *at++ = ',';
        at = words[i] < 0 ? put_text(at, "null") : put_number(at, words[i]);
    }
    return at;
}

static const char *name_of(const struct cli_token_names *names, int32_t id)
{
    const char *name = id >= 0 && (uint32_t)id < names->n ? names->names[id] : NULL;
    return name ? name : "\"\"";
}

static char *put_names(char *at, const int32_t *ids, uint32_t n, const struct cli_token_names *names)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            *at++ = ',';
        at = put_text(at, name_of(names, ids[i]));
    }
    return at;
}

static void add_ids(struct cli_text *to, const pln_encodings *e, uint32_t first, uint32_t n)
{
    if (!reserve(to, (size_t)n * NUMBER + 1))
        return;
    char *at = put_numbers(to->text + to->bytes, e->ids + first, n, ' ');
    *at++ = '\n';
    to->bytes = (size_t)(at - to->text);
}

static char *put_mask(char *at, const uint8_t *mask, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            *at++ = ',';
        *at++ = mask[i] ? '1' : '0';
    }
    return at;
}

static void add_object(struct cli_text *to, const pln_encodings *e, uint32_t first, uint32_t n,
                       const struct cli_row_keys *keys, uint64_t line)
{
    size_t bytes = KEYS + (size_t)n * (6 * NUMBER);
    for (uint32_t i = 0; i < n; i++)
        bytes += strlen(name_of(keys->names, e->ids[first + i])) + 1;
    if (!reserve(to, bytes))
        return;
    char *at = put_text(to->text + to->bytes, "{");
    if (keys->line) {
        at = put_number(put_text(at, "\"line\":"), (int64_t)line);
        *at++ = ',';
    }
    at = put_numbers(put_text(at, "\"ids\":["), e->ids + first, n, ',');
    at = put_numbers(put_text(at, "],\"type_ids\":["), e->types + first, n, ',');
    if (keys->mask)
        at = put_mask(put_text(at, "],\"attention_mask\":["), e->attention_mask + first, n);
    at = put_names(put_text(at, "],\"tokens\":["), e->ids + first, n, keys->names);
    at = put_offsets(put_text(at, "],\"offsets\":["), e->begins + first, e->ends + first, n);
    at = put_words(put_text(at, "],\"word_ids\":["), e->words + first, n);
    at = put_text(at, "]}\n");
    to->bytes = (size_t)(at - to->text);
}

void cli_add_rows(struct cli_text *to, const pln_encodings *encodings, const struct cli_row_keys *keys,
                  uint64_t first_line)
{
    for (uint32_t r = 0; r < encodings->rows; r++) {
        const uint32_t first = encodings->starts[r], n = encodings->starts[r + 1] - first;
        if (keys->names)
            add_object(to, encodings, first, n, keys, first_line + encodings->examples[r]);
        else
            add_ids(to, encodings, first, n);
    }
}

bool cli_token_names_init(struct cli_token_names *names, const pln_tokenizer *tokenizer)
{
    const uint32_t n = pln_tokenizer_count(tokenizer);
    *names = (struct cli_token_names){calloc((size_t)n + 1, sizeof *names->names), n};
    bool good = names->names != NULL;
    for (uint32_t i = 0; good && i < n; i++) {
        const char *token = pln_tokenizer_token(tokenizer, (int32_t)i);
        json_t *text = token ? cli_json_text(token, strlen(token)) : NULL;
        if (text)
            names->names[i] = json_dumps(text, JSON_ENCODE_ANY);
        good = !token || names->names[i];
        json_decref(text);
    }
    if (!good)
        cli_token_names_finish(names);
    return good;
}

void cli_token_names_finish(struct cli_token_names *names)
{
    for (uint32_t i = 0; names->names && i < names->n; i++)
        free(names->names[i]);
    free(names->names);
    *names = (struct cli_token_names){0};
}
