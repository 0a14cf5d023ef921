/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a path, gives the JSON object in that file.
 */
#include "common/jsonfile.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "common/json_depth.h"
#include "common/jsontext.h"
#include "common/regular.h"

/* ---- what JSON has not, but files have */

struct output {
    char *text; /* NULL: only counted */
    size_t bytes;
};

static void put(struct output *out, const char *text, size_t bytes)
{
    if (out->text)
        memcpy(out->text + out->bytes, text, bytes);
    out->bytes += bytes;
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '+' ||
           c == '-';
}

static bool is_one_of(const char *word, size_t bytes, const char *const *list)
{
    for (; *list; list++)
        if (strlen(*list) == bytes && memcmp(word, *list, bytes) == 0)
            return true;
    return false;
}

/* A word outside of strings. What no JSON number can say becomes a text, so that a field that is read refuses it and
 * one that nobody reads keeps it: NaN and Infinity, as Python writes them, and reals beyond f64. An integer beyond 64
 * bits becomes a real. */
static void put_word(struct output *out, const char *word, size_t bytes)
{
    static const char *const none[] = {"NaN", "Infinity", "-Infinity", NULL};
    char *end;
    const bool quoted = is_one_of(word, bytes, none) || (strspn(word, "+-.0123456789eE") >= bytes && bytes > 4 &&
                                                         isinf(strtod(word, &end)) && end == word + bytes);
    put(out, "\"", quoted);
    put(out, word, bytes);
    if (!quoted && bytes > 18 && strspn(word, "-0123456789") >= bytes)
        put(out, "e0", 2);
    put(out, "\"", quoted);
}

/* text ends in a zero. */
static void rewrite(const char *text, size_t bytes, struct output *out)
{
    for (size_t i = 0, n; i < bytes; i += n) {
        n = 1;
        if (text[i] == '"') {
            while (i + n < bytes && text[i + n] != '"')
                n += text[i + n] == '\\' && i + n + 1 < bytes ? 2 : 1;
            n += i + n < bytes;
            put(out, text + i, n);
        } else if (is_word(text[i])) {
            while (i + n < bytes && is_word(text[i + n]))
                n++;
            put_word(out, text + i, n);
        } else {
            put(out, text + i, 1);
        }
    }
}

/* ---- reading */

/* NULL with *problem as it was: nothing is to be written otherwise. */
static json_t *parse_rewritten(const char *text, size_t bytes, json_error_t *problem)
{
    struct output out = {NULL, 0};
    rewrite(text, bytes, &out);
    if (out.bytes == bytes)
        return NULL;
    out.text = malloc(out.bytes);
    if (!out.text) {
        jsontext_note_no_memory(problem);
        return NULL;
    }
    out.bytes = 0;
    rewrite(text, bytes, &out);
    json_t *json = jsontext_load(out.text, out.bytes, 0, problem);
    free(out.text);
    return json;
}

pln_status jsonfile_parse(const char *text, size_t bytes, size_t flags, const char *where, json_t **json,
                          pln_error *error)
{
    json_error_t problem;
    *json = NULL;
    if (!json_depth_fits(text, bytes))
        return pln_fail(error, PLN_BAD_MODEL, "%s: nests deeper than %d levels", where, JSON_DEPTH_LIMIT);
    *json = jsontext_load(text, bytes, flags, &problem);
    return *json ? PLN_OK : pln_fail(error, jsontext_status(&problem), "%s: %s", where, problem.text);
}

pln_status jsonfile_load(const char *path, size_t limit, json_t **object, pln_error *error)
{
    static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8, which JSON does not have */
    char *text = NULL;
    size_t bytes = 0;
    pln_status status = regular_read(path, limit, &text, &bytes, error);
    if (status != PLN_OK)
        return status;
    const size_t skip = strncmp(text, mark, 3) == 0 ? 3 : 0;
    if (!json_depth_fits(text, bytes)) {
        free(text);
        return pln_fail(error, PLN_BAD_MODEL, "%s: nests deeper than %d levels", path, JSON_DEPTH_LIMIT);
    }
    json_error_t problem;
    json_t *json = jsontext_load(text + skip, bytes - skip, 0, &problem);
    if (!json && jsontext_status(&problem) != PLN_NO_MEMORY)
        json = parse_rewritten(text + skip, bytes - skip, &problem);
    const char *kind = json || text[skip] == '{' ? NULL : regular_kind(text, bytes);
    free(text);
    if (json_is_object(json)) {
        *object = json;
        return PLN_OK;
    }
    if (!json && jsontext_status(&problem) == PLN_NO_MEMORY)
        status = pln_fail(error, PLN_NO_MEMORY, "%s: no memory to read it", path);
    else if (kind)
        status = pln_fail(error, PLN_BAD_MODEL, "%s: this is %s", path, kind);
    else
        status = pln_fail(error, PLN_BAD_MODEL, "%s: line %d: %s", path, json ? 1 : problem.line,
                          json ? "not a JSON object" : problem.text);
    json_decref(json);
    return status;
}
