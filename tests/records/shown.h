/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of a test, and all that a reader says of one in a text: a line for each row, "2 text=[one] list=[a][b]", for a
 * bad one "! sentence" behind the folder of the file, and in the end "." or "!! sentence".
 */
#ifndef TESTS_RECORDS_SHOWN_H
#define TESTS_RECORDS_SHOWN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/pleione.h"

/* A path in the test's folder, in one of four buffers. */
static inline const char *path_of(const char *name)
{
    static char paths[4][300];
    static unsigned next;
    static char folder[] = "/tmp/records-XXXXXX";
    static bool made;
    if (!made)
        assert_non_null(mkdtemp(folder));
    made = true;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline void remove_folder(void)
{
    char command[400];
    snprintf(command, sizeof command, "rm -rf %s", path_of(""));
    assert_int_equal(system(command), 0);
}

static inline const char *write_file(const char *name, const void *bytes, size_t n)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    return path;
}

/* Returns new. */
static inline char *read_file(const char *name, size_t *n)
{
    FILE *file = fopen(path_of(name), "rb");
    char *bytes = malloc(1 << 24);
    assert_non_null(file);
    assert_non_null(bytes);
    *n = fread(bytes, 1, 1 << 24, file);
    fclose(file);
    return bytes;
}

static inline void show_text(FILE *out, pln_text text)
{
    fputc('[', out);
    for (size_t i = 0; i < text.bytes; i++)
        if ((unsigned char)text.text[i] < 0x20 || (unsigned char)text.text[i] > 0x7e)
            fprintf(out, "\\x%02x", (unsigned char)text.text[i]);
        else
            fputc(text.text[i], out);
    fputc(']', out);
}

static inline void show_row(FILE *out, pln_reader *reader, const pln_record *row, bool cells)
{
    uint64_t line;
    const pln_cell *cell;
    uint32_t n;
    pln_reader_place(reader, NULL, &line);
    fprintf(out, "%llu", (unsigned long long)line);
    for (uint32_t i = 0; !cells && i < row->n_fields; i++) {
        const pln_field *field = &row->fields[i];
        fprintf(out, " %s=", field->name);
        if (field->text.text)
            show_text(out, field->text);
        else
            fprintf(out, "%u:", field->n_items);
        for (uint32_t j = 0; !field->text.text && j < field->n_items; j++)
            show_text(out, field->items[j]);
    }
    if (cells) {
        assert_int_equal(pln_reader_cells(reader, &cell, &n, NULL), PLN_OK);
        for (uint32_t i = 0; i < n; i++)
            fprintf(out, " %s=%s%.*s", cell[i].name, cell[i].json ? "json:" : "",
                    cell[i].text.text ? (int)cell[i].text.bytes : 4, cell[i].text.text ? cell[i].text.text : "null");
    }
    fputc('\n', out);
}

static inline const char *without_folder(const char *sentence)
{
    const size_t n = strlen(path_of(""));
    return strncmp(sentence, path_of(""), n) == 0 ? sentence + n : sentence;
}

/* Returns static memory. */
static inline const char *show(const char *path, const pln_reader_options *options, bool cells)
{
    static char shown[1 << 22];
    FILE *out = fmemopen(shown, sizeof shown, "w");
    pln_reader *reader;
    pln_error error = {0};
    const pln_record *row;
    pln_status status = pln_reader_open(path, options, &reader, &error);
    assert_int_equal(status == PLN_OK, reader != NULL);
    while (status == PLN_OK) {
        status = pln_reader_next(reader, &row, &error);
        assert_true(status == PLN_OK || !row);
        if (row)
            show_row(out, reader, row, cells);
        else if (status == PLN_OK)
            break;
        else if (status == PLN_INVALID)
            fprintf(out, "! %s\n", without_folder(error.message));
        status = status == PLN_INVALID ? PLN_OK : status;
    }
    if (status == PLN_OK)
        fputs(".", out);
    else
        fprintf(out, "!! %s", without_folder(error.message));
    pln_reader_close(&reader);
    fclose(out);
    return shown;
}

static inline void shows(const char *path, const char *expected)
{
    assert_string_equal(show(path, NULL, false), expected);
}

/* A file of that name and text. */
#define GIVES(name, text, expected) shows(write_file(name, text, sizeof(text) - 1), expected)
#define CELLS(name, text, expected)                                                                                    \
    assert_string_equal(show(write_file(name, text, sizeof(text) - 1), NULL, true), expected)
#endif
