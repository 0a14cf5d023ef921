/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a path, gives the JSON object in that file.
 */
#include "common/jsonfile.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "common/jsontext.h"

/* The whole file, at most limit bytes. One byte more is asked for, to see that nothing follows. */
static pln_status read_file(const char *path, size_t limit, char **text, size_t *bytes, pln_error *error)
{
    pln_status status = PLN_OK;
    FILE *file = fopen(path, "rb");
    if (!file)
        return pln_fail(error, pln_status_of_errno(errno, PLN_BAD_MODEL), "%s: cannot be opened: %s", path,
                        strerror(errno));
    size_t room = 4096, used = 0;
    char *buffer = malloc(room);
    while (buffer && !feof(file) && !ferror(file) && used <= limit) {
        if (used == room) {
            char *larger = realloc(buffer, room *= 2);
            if (!larger)
                free(buffer);
            buffer = larger;
            continue;
        }
        used += fread(buffer + used, 1, room - used, file);
    }
    if (!buffer)
        status = pln_fail(error, PLN_NO_MEMORY, "%s: no memory to read it", path);
    else if (ferror(file))
        status = pln_fail(error, PLN_BAD_MODEL, "%s: cannot be read: %s", path, strerror(errno));
    else if (used > limit)
        status = pln_fail(error, PLN_BAD_MODEL, "%s: larger than %zu bytes", path, limit);
    fclose(file);
    if (status != PLN_OK)
        free(buffer);
    *text = status == PLN_OK ? buffer : NULL;
    *bytes = used;
    return status;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A copy in which integers of more than 18 digits end in "e0": jansson then reads them as reals. Grows by at most a
 * ninth. */
static char *widen_integers(const char *text, size_t bytes, size_t *widened_bytes)
{
    char *copy = malloc(bytes + bytes / 8 + 2);
    if (!copy)
        return NULL;
    size_t n = 0, digits = 0;
    bool quoted = false, escaped = false, real = false;
    for (size_t i = 0; i <= bytes; i++) {
        const char c = i < bytes ? text[i] : ' ';
        const bool number = !quoted && (is_digit(c) || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-');
        if (!number) {
            if (digits > 18 && !real) {
                copy[n++] = 'e';
                copy[n++] = '0';
            }
            digits = 0;
            real = false;
        } else if (is_digit(c)) {
            digits++;
        } else {
            real = real || c != '-';
        }
        if (c == '"' && !escaped)
            quoted = !quoted;
        escaped = quoted && c == '\\' && !escaped;
        if (i < bytes)
            copy[n++] = c;
    }
    *widened_bytes = n;
    return copy;
}

static json_t *parse(const char *text, size_t bytes, json_error_t *problem)
{
    json_t *json = jsontext_load(text, bytes, 0, problem);
    if (json || json_error_code(problem) != json_error_numeric_overflow)
        return json;
    size_t widened_bytes;
    char *widened = widen_integers(text, bytes, &widened_bytes);
    if (!widened) {
        jsontext_note_no_memory(problem);
        return NULL;
    }
    json = jsontext_load(widened, widened_bytes, 0, problem);
    free(widened);
    return json;
}

pln_status jsonfile_load(const char *path, size_t limit, json_t **object, pln_error *error)
{
    char *text = NULL;
    size_t bytes = 0;
    pln_status status = read_file(path, limit, &text, &bytes, error);
    if (status != PLN_OK)
        return status;
    json_error_t problem;
    json_t *json = parse(text, bytes, &problem);
    free(text);
    if (!json && jsontext_status(&problem) == PLN_NO_MEMORY)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory to read it", path);
    if (!json)
        return pln_fail(error, PLN_BAD_MODEL, "%s: line %d: %s", path, problem.line, problem.text);
    if (!json_is_object(json)) {
        json_decref(json);
        return pln_fail(error, PLN_BAD_MODEL, "%s: line 1: not a JSON object", path);
    }
    *object = json;
    return PLN_OK;
}
