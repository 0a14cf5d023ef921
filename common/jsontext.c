/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a text, gives its JSON.
 *
 * jansson collects a token in a buffer that grows, and passes over a byte that it has no memory for. So a string as long
 * as the longest token is read first, in front of the text: if it comes out whole, the buffer never had to grow again.
 */
#include "common/jsontext.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

static const char head[] = "[\"", middle[] = "\",", tail[] = "]";

struct source { /* head, `pad` letters, middle, the text, tail */
    const char *text;
    size_t bytes, pad, at;
};

/* A bound of the bytes of a token: strings from quote to quote, and what stands between them. */
static size_t longest_token(const char *text, size_t bytes)
{
    size_t longest = 0, begin = 0;
    bool quoted = false;
    for (size_t i = 0; i <= bytes; i++) {
        if (i < bytes && quoted && text[i] == '\\') {
            i++;
            continue;
        }
        if (i < bytes && text[i] != '"')
            continue;
        longest = i - begin > longest ? i - begin : longest;
        begin = i;
        quoted = !quoted;
    }
    longest += 2;
    /* Neither may the buffer have to grow for the quote at the end of the letters: without it jansson reads on. It grows
     * when 2^n - 1 bytes are in it, the first quote among them. */
    return longest + ((longest + 2) & (longest + 1) ? 0 : 1);
}

/* Copies what lies from source->at on, if that is within the piece of `bytes` bytes at *begin; letters if piece is
 * NULL. */
static size_t copy_piece(struct source *source, size_t *begin, const char *piece, size_t bytes, char *out, size_t room)
{
    const size_t at = source->at - *begin;
    if (source->at < *begin || at >= bytes) {
        *begin += bytes;
        return 0;
    }
    const size_t n = bytes - at < room ? bytes - at : room;
    if (piece)
        memcpy(out, piece + at, n);
    else
        memset(out, 'x', n);
    source->at += n;
    *begin += bytes;
    return n;
}

static size_t read_source(void *buffer, size_t room, void *data)
{
    struct source *source = data;
    char *out = buffer;
    size_t begin = 0, n = copy_piece(source, &begin, head, sizeof head - 1, out, room);
    n += copy_piece(source, &begin, NULL, source->pad, out + n, room - n);
    n += copy_piece(source, &begin, middle, sizeof middle - 1, out + n, room - n);
    n += copy_piece(source, &begin, source->text, source->bytes, out + n, room - n);
    return n + copy_piece(source, &begin, tail, sizeof tail - 1, out + n, room - n);
}

static void say(json_error_t *problem, const char *sentence)
{
    const char code = problem->text[sizeof problem->text - 1]; /* json_error_code looks here */
    snprintf(problem->text, sizeof problem->text - 1, "%.150s", sentence);
    problem->text[sizeof problem->text - 1] = code;
}

/* What was said of the list, as if the text stood alone. */
static void say_of_text(const struct source *source, json_error_t *problem)
{
    const int before = (int)(sizeof head - 1 + source->pad + sizeof middle - 1);
    static const char closes[] = "']' expected";
    char sentence[sizeof problem->text + 24];
    problem->position -= before;
    problem->column -= problem->line == 1 ? before : 0;
    if (problem->position < 0) /* nothing is wrong with the letters */
        say(problem, "");
    else if (problem->position > (int)source->bytes && problem->text[0] && !strstr(problem->text, "end of file"))
        say(problem, "the text ends too early");
    else if (strncmp(problem->text, closes, sizeof closes - 1) == 0) {
        snprintf(sentence, sizeof sentence, "end of file expected%s", problem->text + sizeof closes - 1);
        say(problem, sentence);
    }
}

/* NULL: broken, or not whole; then an empty sentence is a lack of memory. */
static json_t *load_whole(const char *text, size_t bytes, size_t flags, json_error_t *problem)
{
    struct source source = {.text = text, .bytes = bytes, .pad = longest_token(text, bytes)};
    *problem = (json_error_t){.line = 1};
    json_t *list = json_load_callback(read_source, &source, flags, problem);
    json_t *json = NULL;
    const bool kept = json_string_length(json_array_get(list, 0)) == source.pad;
    if (!list)
        say_of_text(&source, problem);
    else if (kept && json_array_size(list) == 2)
        json = json_incref(json_array_get(list, 1));
    else if (kept)
        say(problem, "end of file expected");
    json_decref(list);
    return json;
}

/* A string that ended well is never a syntax error by itself: it could not be kept. */
static bool lacks_memory(const char *text, size_t bytes, const json_error_t *problem)
{
    const bool ended =
        problem->position > 0 && (size_t)problem->position <= bytes && text[problem->position - 1] == '"';
    return !*problem->text || (ended && (strncmp(problem->text, "invalid token", 13) == 0 ||
                                         strncmp(problem->text, "string or '}' expected", 22) == 0));
}

/* Room for the buffer at its largest, old and new beside each other: where not even that is to be had, jansson would
 * drop letters and the quote behind them. (volatile: a compiler may think that this asks for nothing.) */
static bool room_for_tokens(const char *text, size_t bytes)
{
    void *volatile room = malloc(4 * longest_token(text, bytes) + 64);
    free(room);
    return room != NULL;
}

json_t *jsontext_load(const char *text, size_t bytes, size_t flags, json_error_t *problem)
{
    if (!room_for_tokens(text, bytes)) {
        jsontext_note_no_memory(problem);
        return NULL;
    }
    json_t *json = load_whole(text, bytes, flags, problem);
    if (!json && lacks_memory(text, bytes, problem))
        jsontext_note_no_memory(problem);
    return json;
}

void jsontext_note_no_memory(json_error_t *problem)
{
    *problem = (json_error_t){.line = -1, .column = -1};
    snprintf(problem->text, sizeof problem->text - 1, "no memory");
    problem->text[sizeof problem->text - 1] = json_error_out_of_memory; /* where json_error_code looks */
}

char *jsontext_dump(const json_t *json, size_t flags)
{
    const size_t bytes = json_dumpb(json, NULL, 0, flags); /* into room that is there nothing can be left out */
    char *text = bytes ? malloc(bytes + 1) : NULL;
    if (text && json_dumpb(json, text, bytes, flags) == bytes) {
        text[bytes] = '\0';
        return text;
    }
    free(text);
    return NULL;
}

bool jsontext_is_utf8(const char *text)
{
    bool good = true;
    uint32_t code;
    for (size_t at = 0, bytes = strlen(text); good && at < bytes;)
        at += utf8_decode((const unsigned char *)text + at, bytes - at, &code, &good);
    return good;
}

pln_status jsontext_status(const json_error_t *problem)
{
    return json_error_code(problem) == json_error_out_of_memory ? PLN_NO_MEMORY : PLN_BAD_MODEL;
}

bool jsontext_is_whole(const json_t *value)
{
    return json_is_integer(value) || (json_is_real(value) && json_real_value(value) == floor(json_real_value(value)));
}
