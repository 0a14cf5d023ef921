/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of a corpus, listed once, and their rows, one file after the other.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/array.h"
#include "common/fail.h"
#include "training/corpus.h"

enum { DEPTH = 32 }; /* of folders in folders */

static pln_status add_file(struct corpus_text *t, const char *path, uint64_t bytes, pln_error *error)
{
    size_t room[2] = {t->n_files, t->n_files};
    char **files = array_reserve(t->files, &room[0], t->n_files + 1ul, sizeof *files);
    t->files = files ? files : t->files;
    uint64_t *sizes = array_reserve(t->bytes, &room[1], t->n_files + 1ul, sizeof *sizes);
    t->bytes = sizes ? sizes : t->bytes;
    char *copy = files && sizes ? strdup(path) : NULL;
    if (!copy)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the list of files");
    t->bytes[t->n_files] = bytes;
    t->files[t->n_files++] = copy;
    t->all_bytes += bytes;
    return PLN_OK;
}

static pln_status add_path(struct corpus_text *t, const char *path, uint32_t depth, pln_error *error);

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of a folder, new, NULL behind the last. */
static pln_status list_names(const char *path, char ***names, size_t *n, pln_error *error)
{
    DIR *folder = opendir(path);
    size_t room = 0;
    pln_status status = folder ? PLN_OK : pln_fail(error, PLN_INVALID, "%s: %s", path, strerror(errno));
    for (const struct dirent *e; status == PLN_OK && (e = readdir(folder));) {
        if (*e->d_name == '.')
            continue; /* hidden files are nobody's text */
        char **more = array_reserve(*names, &room, *n + 1, sizeof *more);
        *names = more ? more : *names;
        if (!more || !(more[*n] = strdup(e->d_name)))
            status = pln_fail(error, PLN_NO_MEMORY, "no memory for the names of %s", path);
        else
            ++*n;
    }
    if (folder)
        closedir(folder);
    if (*n)
        qsort(*names, *n, sizeof **names, by_bytes);
    return status;
}

static pln_status add_folder(struct corpus_text *t, const char *path, uint32_t depth, pln_error *error)
{
    char **names = NULL, inner[PATH_MAX];
    size_t n = 0;
    pln_status status = list_names(path, &names, &n, error);
    for (size_t i = 0; i < n; i++) {
        if (status == PLN_OK && snprintf(inner, sizeof inner, "%s/%s", path, names[i]) >= PATH_MAX)
            status = pln_fail(error, PLN_INVALID, "%s: the path of '%.100s' in it is too long", path, names[i]);
        if (status == PLN_OK)
            status = add_path(t, inner, depth + 1, error);
        free(names[i]);
    }
    free(names);
    return status;
}

static pln_status add_path(struct corpus_text *t, const char *path, uint32_t depth, pln_error *error)
{
    struct stat about;
    if (strcmp(path, "-") == 0)
        return add_file(t, path, 0, error);
    if (stat(path, &about) != 0)
        return pln_fail(error, PLN_INVALID, "%s: %s", path, strerror(errno));
    if (depth && !S_ISDIR(about.st_mode) && !S_ISREG(about.st_mode))
        return PLN_OK; /* a pipe or a socket that lies there: it would be waited for */
    if (!S_ISDIR(about.st_mode))
        return add_file(t, path, S_ISREG(about.st_mode) ? (uint64_t)about.st_size : 0, error);
    return depth < DEPTH ? add_folder(t, path, depth, error)
                         : pln_fail(error, PLN_INVALID, "%s: folders lie more than %d deep", path, DEPTH);
}

pln_status corpus_text_open(struct corpus_text *text, const char *const *paths, uint32_t n_paths, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < n_paths; i++)
        status = add_path(text, paths[i], 0, error);
    if (status == PLN_OK && !text->n_files)
        status = pln_fail(error, PLN_INVALID, "%s: there is no file in it", n_paths ? paths[0] : "the corpus");
    for (uint32_t i = 0; i < text->n_files; i++)
        if (strcmp(text->files[i], "-") == 0)
            text->once = true; /* it cannot be read again */
    return status;
}

void corpus_text_close(struct corpus_text *text)
{
    pln_reader_close(&text->reader);
    for (uint32_t i = 0; i < text->n_files; i++)
        free(text->files[i]);
    free(text->files);
    free(text->bytes);
    *text = (struct corpus_text){0};
}

/* ---- rows */

static bool ends(const char *name, size_t n, const char *with)
{
    const size_t tail = strlen(with);
    return n >= tail && strncmp(name + n - tail, with, tail) == 0;
}

/* By its ending, behind which .gz and .zst are left aside; what has no other is text. */
static bool is_json_lines(const char *name)
{
    size_t n = strlen(name);
    if (ends(name, n, ".gz"))
        n -= 3;
    else if (ends(name, n, ".zst"))
        n -= 4;
    return ends(name, n, ".jsonl");
}

static pln_status open_reader(struct corpus_text *t, pln_error *error)
{
    const char *path = t->files[t->file];
    const pln_reader_options options = {.size = sizeof options, .format = is_json_lines(path) ? "jsonl" : "text"};
    const pln_status status = pln_reader_open(path, &options, &t->reader, error);
    t->row = t->taken = 0;
    return status;
}

/* The next file; false: there is none any more. */
static bool go_on(struct corpus_text *t)
{
    pln_reader_close(&t->reader);
    if (++t->file < t->n_files)
        return true;
    const bool again = !t->once && t->rows;
    if (again)
        t->file = 0;
    else
        t->file = t->n_files;
    t->passes++;
    t->rows = 0;
    return again;
}

static pln_status take_text(struct corpus_text *t, const pln_record *record, struct corpus_row *row, pln_error *error)
{
    const char *path = t->files[t->file], *file;
    uint64_t line;
    row->whole = is_json_lines(path);
    const pln_field *field = pln_record_field(record, row->whole ? t->column : "text");
    if (field && field->text.text) {
        row->text = field->text;
        return PLN_OK;
    }
    pln_reader_place(t->reader, &file, &line);
    return pln_fail(error, PLN_INVALID, "%s:%llu: there is no text in a column %s", file, (unsigned long long)line,
                    t->column);
}

/* Of a row, about as many as it has in its file. */
static uint64_t count_bytes(const pln_record *record)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < record->n_fields; i++)
        bytes += record->fields[i].text.bytes + 1;
    return bytes;
}

pln_status corpus_text_next(struct corpus_text *text, struct corpus_row *row, bool *end, pln_error *error)
{
    const pln_record *record = NULL;
    pln_status status = PLN_OK;
    *end = text->file >= text->n_files;
    while (status == PLN_OK && !record && !*end) {
        if (!text->reader)
            status = open_reader(text, error);
        if (status == PLN_OK)
            status = pln_reader_next(text->reader, &record, error);
        if (status == PLN_OK && !record)
            *end = !go_on(text);
    }
    if (status != PLN_OK || *end)
        return status;
    row->first = !text->row;
    text->taken += count_bytes(record);
    text->row++;
    text->rows++;
    return take_text(text, record, row, error);
}

pln_status corpus_text_seek(struct corpus_text *text, uint32_t file, uint64_t row, pln_error *error)
{
    pln_status status = PLN_OK;
    const pln_record *record;
    pln_reader_close(&text->reader);
    text->file = file;
    if (file >= text->n_files)
        return PLN_OK;
    status = open_reader(text, error);
    for (uint64_t i = 0; status == PLN_OK && i < row; i++) {
        status = pln_reader_next(text->reader, &record, error);
        text->taken += status == PLN_OK && record ? count_bytes(record) : 0;
        if (status == PLN_OK && !record)
            return pln_fail(error, PLN_INVALID, "%s: has %llu rows, and the run was at row %llu: it has changed",
                            text->files[file], (unsigned long long)i, (unsigned long long)row);
    }
    text->row = row;
    return status;
}

double corpus_text_epoch(const struct corpus_text *text)
{
    uint64_t before = 0, done = 0, total = 0;
    for (uint32_t i = 0; i < text->file && i < text->n_files; i++)
        before += text->bytes[i];
    if (text->reader) /* of a compressed file it is how much of that was read that counts */
        pln_reader_progress(text->reader, &done, &total);
    done = done < text->taken ? done : text->taken;
    return (double)text->passes +
           (text->all_bytes && text->file < text->n_files ? (double)(before + done) / (double)text->all_bytes : 0);
}
