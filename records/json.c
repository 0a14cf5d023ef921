/* SPDX-License-Identifier: Apache-2.0
 *
 * Every number becomes a whole number, the place where it stands, before jansson reads the text.
 */
#include "records/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "common/json_depth.h"
#include "common/jsontext.h"
#include "common/utf8.h"

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '+' ||
           c == '-';
}

static size_t word_bytes(const char *text, size_t bytes)
{
    size_t n = 0;
    while (n < bytes && is_word(text[n]))
        n++;
    return n;
}

/* What JSON has not, but Python writes. */
static bool is_no_number(const char *word, size_t n)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    for (size_t i = 0; i < 3; i++)
        if (strlen(words[i]) == n && memcmp(word, words[i], n) == 0)
            return true;
    return false;
}

static bool put_word(struct records_text *out, const char *text, size_t at, size_t n)
{
    char place[24];
    if (!records_is_number(text + at, n) && !is_no_number(text + at, n))
        return records_put(out, text + at, n);
    return records_put(out, place, (size_t)snprintf(place, sizeof place, "%zu", at));
}

/* What stands in quotes, from quote to quote or to the end. */
static size_t string_bytes(const char *text, size_t bytes)
{
    size_t n = 1;
    while (n < bytes && text[n] != '"')
        n += text[n] == '\\' && n + 1 < bytes ? 2 : 1;
    return n < bytes ? n + 1 : n;
}

/* jansson takes UTF-8 only. */
static bool put_clean(struct records_text *out, const char *text, size_t bytes)
{
    size_t begin = 0, taken;
    bool put = true;
    for (size_t at = 0; put && at < bytes; at += taken) {
        bool good = true;
        uint32_t code;
        taken = utf8_decode((const unsigned char *)text + at, bytes - at, &code, &good);
        if (good)
            continue;
        put = records_put(out, text + begin, at - begin) &&
              records_put(out, UTF8_REPLACEMENT, sizeof UTF8_REPLACEMENT - 1);
        begin = at + taken;
    }
    return put && records_put(out, text + begin, bytes - begin);
}

/* *values: commas and colons, which bound them. */
static bool rewrite(const char *text, size_t bytes, struct records_text *out, size_t *values)
{
    bool put = true;
    *values = 1;
    for (size_t at = 0, n; put && at < bytes; at += n) {
        n = 1;
        if (text[at] == '"') {
            n = string_bytes(text + at, bytes - at);
            put = put_clean(out, text + at, n);
        } else if (is_word(text[at])) {
            n = word_bytes(text + at, bytes - at);
            put = put_word(out, text, at, n);
        } else {
            *values += text[at] == ',';
            put = put_clean(out, text + at, n);
        }
    }
    return put;
}

/* Of jansson's sentence what is true of the text as it was. */
static pln_status refuse(json_error_t *problem, pln_error *error)
{
    char *near = strstr(problem->text, " near ");
    if (jsontext_status(problem) == PLN_NO_MEMORY)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a row of JSON");
    if (near)
        *near = '\0';
    return pln_fail(error, PLN_INVALID, "the JSON is broken: %s", problem->text);
}

pln_status records_json_parse(struct records_json *json, const char *text, size_t bytes, pln_error *error)
{
    json_error_t problem;
    size_t values;
    json_decref(json->tree);
    json->tree = NULL;
    json->text = text;
    json->rewritten.bytes = 0;
    if (!json_depth_fits(text, bytes))
        return pln_fail(error, PLN_INVALID, "the JSON nests deeper than %d levels", JSON_DEPTH_LIMIT);
    if (!rewrite(text, bytes, &json->rewritten, &values))
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a row of JSON");
    if (values > PLN_ROW_ITEMS)
        return pln_fail(error, PLN_INVALID, "the row has more than %d values", PLN_ROW_ITEMS);
    json->tree = jsontext_load(json->rewritten.text, json->rewritten.bytes,
                               JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &problem);
    return json->tree ? PLN_OK : refuse(&problem, error);
}

void records_json_finish(struct records_json *json)
{
    json_decref(json->tree);
    free(json->rewritten.text);
    *json = (struct records_json){0};
}

pln_text records_json_text(const struct records_json *json, const json_t *value)
{
    if (json_is_string(value))
        return (pln_text){json_string_value(value), json_string_length(value)};
    if (json_is_boolean(value))
        return json_is_true(value) ? (pln_text){"true", 4} : (pln_text){"false", 5};
    if (!json_is_integer(value))
        return (pln_text){NULL, 0};
    const char *number = json->text + json_integer_value(value);
    return (pln_text){number, word_bytes(number, SIZE_MAX)};
}

bool records_json_is_list(const struct records_json *json, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!records_json_text(json, json_array_get(value, i)).text)
            return false;
    return json_is_array(value);
}

static bool write_list(const struct records_json *json, const json_t *list, struct records_text *out)
{
    bool put = records_put(out, "[", 1);
    for (size_t i = 0; put && i < json_array_size(list); i++)
        put = (!i || records_put(out, ", ", 2)) && records_json_write(json, json_array_get(list, i), out);
    return put && records_put(out, "]", 1);
}

static bool write_object(const struct records_json *json, json_t *object, struct records_text *out)
{
    const char *name;
    json_t *value;
    bool put = records_put(out, "{", 1), first = true;
    json_object_foreach(object, name, value)
    {
        put = put && (first || records_put(out, ", ", 2)) && records_put_quoted(out, (pln_text){name, strlen(name)}) &&
              records_put(out, ": ", 2) && records_json_write(json, value, out);
        first = false;
    }
    return put && records_put(out, "}", 1);
}

/* It recurses as deep as records_json_parse lets a text nest. */
bool records_json_write(const struct records_json *json, const json_t *value, struct records_text *out)
{
    if (json_is_array(value))
        return write_list(json, value, out);
    if (json_is_object(value))
        return write_object(json, (json_t *)(uintptr_t)value, out);
    if (json_is_null(value))
        return records_put(out, "null", 4);
    const pln_text text = records_json_text(json, value);
    const bool plain = !json_is_string(value) && !is_no_number(text.text, text.bytes);
    return plain ? records_put(out, text.text, text.bytes) : records_put_quoted(out, text);
}
