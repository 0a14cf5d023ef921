/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of past calls of bench: written whole, checked as they are read, and searched for a row.
 */
#include "cli/measuring/history.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pln_status fail(pln_error *error, pln_status status, const char *path, const char *what)
{
    *error = (pln_error){.status = status, .node = -1};
    snprintf(error->message, sizeof error->message, "%.200s: %.200s", path, what);
    return status;
}

static pln_status fail_line(pln_error *error, const char *path, size_t line, const char *what)
{
    *error = (pln_error){.status = PLN_INVALID, .node = -1};
    snprintf(error->message, sizeof error->message, "%.200s:%zu: no line of `pleione bench --save`: %.120s", path, line,
             what);
    return PLN_INVALID;
}

/* ---- reading */

static bool is_positive(const json_t *value, double most)
{
    return json_is_number(value) && json_number_value(value) > 0 && json_number_value(value) <= most;
}

static bool are_rates(const json_t *list)
{
    bool fits = json_array_size(list) == 2;
    for (size_t i = 0; fits && i < 2; i++)
        fits = json_is_number(json_array_get(list, i)) && json_number_value(json_array_get(list, i)) >= 0;
    return fits;
}

static const char *wrong_in_row(const json_t *row)
{
    static const char *const texts[] = {"device", "dtype", "shape", "bound"};
    const json_t *seconds = json_object_get(row, "seconds");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!json_is_string(json_object_get(row, texts[i])))
            return "a row without device, dtype, shape or bound";
    if (!json_is_integer(json_object_get(row, "threads")))
        return "a row without threads";
    if (!are_rates(json_object_get(row, "roof_gflops")) || !are_rates(json_object_get(row, "roof_gbytes_per_s")))
        return "a row without its roofs before and after";
    if (json_array_size(seconds) < 1 || json_array_size(seconds) > MEASURE_TIMES)
        return "a row without times, or with too many";
    for (size_t i = 0; i < json_array_size(seconds); i++)
        if (!is_positive(json_array_get(seconds, i), 1e6))
            return "a time that is none";
    return NULL;
}

/* NULL: nothing is wrong. */
static const char *wrong_in_line(const json_t *line)
{
    const json_t *rows = json_object_get(line, "rows");
    const char *wrong = NULL;
    if (!json_is_object(json_object_get(line, "machine")) || !json_is_object(json_object_get(line, "settings")) ||
        !json_is_string(json_object_get(line, "model")) || !json_is_object(json_object_get(line, "versions")) ||
        !json_is_string(json_object_get(line, "time")))
        return "time, machine, versions, model or settings are missing";
    if (!json_is_array(rows))
        return "rows are missing";
    for (size_t i = 0; !wrong && i < json_array_size(rows); i++)
        wrong = wrong_in_row(json_array_get(rows, i));
    return wrong;
}

static pln_status parse_lines(const char *path, const char *text, size_t bytes, json_t *lines, pln_error *error)
{
    size_t number = 1;
    for (const char *at = text; at < text + bytes; number++) {
        const char *end = memchr(at, '\n', bytes - (size_t)(at - text));
        json_error_t why;
        if (!end)
            return fail_line(error, path, number, "it ends in its middle");
        json_t *line = json_loadb(at, (size_t)(end - at), JSON_REJECT_DUPLICATES, &why);
        const char *wrong = line ? wrong_in_line(line) : why.text;
        if (wrong) {
            fail_line(error, path, number, wrong);
            json_decref(line);
            return PLN_INVALID;
        }
        if (json_array_append_new(lines, line) != 0)
            return fail(error, PLN_NO_MEMORY, path, "no memory for its lines");
        at = end + 1;
    }
    return number > 1 ? PLN_OK : fail(error, PLN_INVALID, path, "holds no line of `pleione bench --save`");
}

/* Returns the file's text (free), or NULL with the error. */
static char *read_file(const char *path, size_t *bytes, pln_error *error)
{
    struct stat found;
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    if (!file || fstat(fileno(file), &found) != 0)
        fail(error, PLN_FAILED, path, strerror(errno));
    else if (!S_ISREG(found.st_mode))
        fail(error, PLN_INVALID, path, "is no file that `pleione bench --save` writes");
    else if (found.st_size > HISTORY_BYTES)
        fail(error, PLN_INVALID, path, "is larger than 64 MiB: keep its newest lines only");
    else if (!(text = malloc((size_t)found.st_size + 1)))
        fail(error, PLN_NO_MEMORY, path, "no memory to read it");
    else
        *bytes = fread(text, 1, (size_t)found.st_size, file);
    if (text && ferror(file)) {
        fail(error, PLN_FAILED, path, "cannot be read");
        free(text);
        text = NULL;
    }
    if (file)
        fclose(file);
    return text;
}

pln_status history_read(const char *path, json_t **lines, pln_error *error)
{
    size_t bytes = 0;
    char *text = read_file(path, &bytes, error);
    *lines = NULL;
    if (!text)
        return error->status;
    json_t *all = json_array();
    const pln_status status =
        all ? parse_lines(path, text, bytes, all, error) : fail(error, PLN_NO_MEMORY, path, "no memory for its lines");
    free(text);
    if (status == PLN_OK)
        *lines = all;
    else
        json_decref(all);
    return status;
}

/* ---- appending */

pln_status history_check(const char *path, pln_error *error)
{
    char last = '\n';
    const bool is_new = access(path, F_OK) != 0;
    const int file = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0)
        return fail(error, PLN_FAILED, path, strerror(errno));
    if (lseek(file, -1, SEEK_END) >= 0 && read(file, &last, 1) != 1)
        last = '\n';
    close(file);
    if (is_new)
        unlink(path);
    return last == '\n' ? PLN_OK
                        : fail(error, PLN_INVALID, path, "its last line ends in its middle; nothing is appended to it");
}

pln_status history_append(const char *path, const json_t *line, pln_error *error)
{
    char *text = cli_dump_json(line, JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (!text)
        return fail(error, PLN_NO_MEMORY, path, "no memory for a line");
    const size_t bytes = strlen(text) + 1;
    text[bytes - 1] = '\n';
    const int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    const off_t before = file < 0 ? 0 : lseek(file, 0, SEEK_END);
    size_t written = 0;
    ssize_t some = file < 0 ? -1 : 0;
    while (some >= 0 && written < bytes && (some = write(file, text + written, bytes - written)) >= 0)
        written += (size_t)some;
    int reason = some < 0 ? errno : 0;
    if (some < 0 && file >= 0 && before >= 0 && ftruncate(file, before) != 0) /* half a line would spoil the file */
        reason = reason ? reason : errno;
    if (file >= 0 && close(file) != 0 && !reason)
        reason = errno;
    free(text);
    return reason ? fail(error, PLN_FAILED, path, strerror(reason)) : PLN_OK;
}

/* ---- searching */

static bool is_same(const json_t *a, const json_t *b, const char *key)
{
    return json_equal(json_object_get(a, key), json_object_get(b, key));
}

static bool is_same_place(const json_t *a, const json_t *b)
{
    return is_same(json_object_get(a, "machine"), json_object_get(b, "machine"), "processor") &&
           is_same(a, b, "model") && is_same(a, b, "settings");
}

static const json_t *find_row(const json_t *line, const json_t *row)
{
    const json_t *rows = json_object_get(line, "rows");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *other = json_array_get(rows, i);
        if (is_same(other, row, "device") && is_same(other, row, "dtype") && is_same(other, row, "shape") &&
            is_same(other, row, "threads"))
            return other;
    }
    return NULL;
}

/* The roof of `row` decides which one it is for both sides. */
static void take_round(const json_t *found, const json_t *row, struct judge_round *round, double *seconds)
{
    const bool memory = strcmp(json_string_value(json_object_get(row, "bound")), "memory") == 0;
    const json_t *roof = json_object_get(found, memory ? "roof_gbytes_per_s" : "roof_gflops");
    const json_t *times = json_object_get(found, "seconds");
    round->n = (uint32_t)json_array_size(times);
    round->seconds = seconds;
    for (size_t i = 0; i < 2; i++)
        round->roof[i] = json_number_value(json_array_get(roof, i));
    for (size_t i = 0; i < round->n; i++)
        seconds[i] = json_number_value(json_array_get(times, i));
}

pln_status history_side(const json_t *lines, const struct history_want *want, struct judge_side *side, double **seconds,
                        pln_error *error)
{
    double *at = *seconds = malloc(JUDGE_ROUNDS * MEASURE_TIMES * sizeof *at);
    const json_t *build = NULL;
    *side = (struct judge_side){0};
    if (!at) {
        *error = (pln_error){.status = PLN_NO_MEMORY, .node = -1, .message = "no memory to compare times"};
        return PLN_NO_MEMORY;
    }
    for (size_t i = json_array_size(lines); i-- > 0 && side->n < JUDGE_ROUNDS;) {
        const json_t *other = json_array_get(lines, i);
        const json_t *found = is_same_place(other, want->line) ? find_row(other, want->row) : NULL;
        if (!found || (build && !is_same(other, build, "versions")) ||
            (want->another_build && is_same(other, want->line, "versions")))
            continue;
        build = other;
        side->rounds[side->n].time = json_string_value(json_object_get(other, "time"));
        take_round(found, want->row, &side->rounds[side->n], at);
        at += side->rounds[side->n++].n;
    }
    return PLN_OK;
}
