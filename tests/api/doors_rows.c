/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors of files of rows.
 */
#include "tests/api/doors.h"

#include <unistd.h>

/* A file in the folder; static memory. */
static const char *write_rows(const char *name, const char *text)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", w.folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void knock_pln_record_field(void)
{
    const pln_field fields[] = {{.name = NULL}, {.name = "a"}};
    const pln_record record = {fields, 2};
    assert_null(pln_record_field(NULL, "a"));
    assert_null(pln_record_field(&record, NULL));
    assert_null(pln_record_field(&record, "b"));
    assert_ptr_equal(pln_record_field(&record, "a"), &fields[1]);
}

static void knock_pln_text_list(void)
{
    pln_text *items = NULL;
    uint32_t n;
    const pln_text text = {"[]", 2}, none = {NULL, 0}, broken = {"[", 1};
    refused(pln_text_list(none, &items, &n, fresh()), "is NULL");
    refused(pln_text_list(text, NULL, &n, fresh()), "items is NULL");
    refused(pln_text_list(text, &items, NULL, fresh()), "n_items is NULL");
    refused(pln_text_list(broken, &items, &n, fresh()), "the JSON is broken");
    assert_null(items);
}

static void knock_pln_reader_open(void)
{
    pln_reader *reader = NULL;
    const pln_option no_value = {"text", NULL};
    const char *path = write_rows("rows.txt", "a\n");
    refused(pln_reader_open(NULL, NULL, &reader, fresh()), "path is NULL");
    refused(pln_reader_open(path, NULL, NULL, fresh()), "reader is NULL");
    refused(pln_reader_open("rows.xml", NULL, &reader, fresh()), "its ending says no format");
    refused(pln_reader_open(path, PLN_OPTIONS(pln_reader_options, .format = "xml"), &reader, fresh()), "no format");
    refused(pln_reader_open(path, PLN_OPTIONS(pln_reader_options, .n_columns = 1), &reader, fresh()),
            "columns is NULL");
    refused(
        pln_reader_open(path, PLN_OPTIONS(pln_reader_options, .columns = &no_value, .n_columns = 1), &reader, fresh()),
        "a column of the file");
    assert_null(reader);
}

static void knock_pln_reader_close(void)
{
    pln_reader *none = NULL;
    pln_reader_close(NULL);
    pln_reader_close(&none);
}

static void knock_pln_reader_next(void)
{
    pln_reader *reader;
    const pln_record *record;
    must(pln_reader_open(write_rows("rows.txt", "a\n"), NULL, &reader, fresh()), &w.error);
    refused(pln_reader_next(NULL, &record, fresh()), "reader is NULL");
    refused(pln_reader_next(reader, NULL, fresh()), "row is NULL");
    assert_null(record);
    pln_reader_close(&reader);
}

static void knock_pln_reader_columns(void)
{
    uint32_t n = 7;
    assert_null(pln_reader_columns(NULL, &n));
    assert_int_equal(n, 0);
    assert_null(pln_reader_columns(NULL, NULL));
}

static void knock_pln_reader_cells(void)
{
    pln_reader *reader;
    const pln_cell *cells;
    uint32_t n;
    must(pln_reader_open(write_rows("rows.txt", "a\n"), NULL, &reader, fresh()), &w.error);
    refused(pln_reader_cells(NULL, &cells, &n, fresh()), "reader is NULL");
    refused(pln_reader_cells(reader, NULL, &n, fresh()), "cells is NULL");
    refused(pln_reader_cells(reader, &cells, NULL, fresh()), "n_cells is NULL");
    refused(pln_reader_cells(reader, &cells, &n, fresh()), "there is no row");
    pln_reader_close(&reader);
}

static void knock_pln_reader_place(void)
{
    const char *file = "";
    uint64_t line = 7;
    pln_reader_place(NULL, &file, &line);
    assert_null(file);
    assert_int_equal(line, 0);
    pln_reader_place(NULL, NULL, NULL);
}

static void knock_pln_reader_progress(void)
{
    uint64_t done = 7, total = 7;
    pln_reader_progress(NULL, &done, &total);
    assert_int_equal(done + total, 0);
    pln_reader_progress(NULL, NULL, NULL);
}

static void knock_pln_writer_open(void)
{
    pln_writer *writer = NULL;
    char path[512];
    static const char *const twice[] = {"a", "a"}, *const none[] = {""};
    snprintf(path, sizeof path, "%s/none.csv", w.folder);
    refused(pln_writer_open(NULL, NULL, &writer, fresh()), "path is NULL");
    refused(pln_writer_open(path, NULL, NULL, fresh()), "writer is NULL");
    refused(pln_writer_open(path, NULL, &writer, fresh()), "csv needs the names of its columns");
    refused(pln_writer_open("rows.txt", NULL, &writer, fresh()), "its ending says no format");
    refused(pln_writer_open(path, PLN_OPTIONS(pln_writer_options, .format = "text"), &writer, fresh()), "no format");
    refused(pln_writer_open(path, PLN_OPTIONS(pln_writer_options, .n_columns = 1), &writer, fresh()),
            "columns is NULL");
    refused(pln_writer_open(path, PLN_OPTIONS(pln_writer_options, .columns = twice, .n_columns = 2), &writer, fresh()),
            "two columns");
    refused(pln_writer_open(path, PLN_OPTIONS(pln_writer_options, .columns = none, .n_columns = 1), &writer, fresh()),
            "column 0");
    refused(pln_writer_open("-", PLN_OPTIONS(pln_writer_options, .columns = twice, .n_columns = 1), &writer, fresh()),
            "takes no names");
    assert_null(writer);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void knock_pln_writer_rows(void)
{
    assert_int_equal(pln_writer_rows(NULL), 0);
}

static pln_writer *open_writer(void)
{
    pln_writer *writer;
    char path[512];
    snprintf(path, sizeof path, "%s/rows.jsonl", w.folder);
    must(pln_writer_open(path, NULL, &writer, fresh()), &w.error);
    return writer;
}

static void knock_pln_writer_put(void)
{
    pln_writer *writer = open_writer();
    const pln_cell no_name = {NULL, {"a", 1}, false}, no_text = {"a", {NULL, 1}, false};
    refused(pln_writer_put(NULL, &no_name, 1, fresh()), "writer is NULL");
    refused(pln_writer_put(writer, NULL, 1, fresh()), "cells is NULL");
    refused(pln_writer_put(writer, &no_name, 1, fresh()), "cell 0 has no name");
    refused(pln_writer_put(writer, &no_text, 1, fresh()), "cell 0 has no name or no text");
    pln_writer_close(&writer);
}

static void knock_pln_writer_flush(void)
{
    refused(pln_writer_flush(NULL, fresh()), "writer is NULL");
}

static void knock_pln_writer_finish(void)
{
    pln_writer *writer = open_writer();
    refused(pln_writer_finish(NULL, fresh()), "writer is NULL");
    must(pln_writer_finish(writer, fresh()), &w.error);
    refused(pln_writer_put(writer, NULL, 0, fresh()), "it is finished");
    pln_writer_close(&writer);
}

static void knock_pln_writer_close(void)
{
    pln_writer *none = NULL;
    pln_writer_close(NULL);
    pln_writer_close(&none);
}

const struct door row_doors[] = {
    DOOR(pln_record_field),    DOOR(pln_text_list),      DOOR(pln_reader_open),  DOOR(pln_reader_close),
    DOOR(pln_reader_next),     DOOR(pln_reader_columns), DOOR(pln_reader_cells), DOOR(pln_reader_place),
    DOOR(pln_reader_progress), DOOR(pln_writer_open),    DOOR(pln_writer_rows),  DOOR(pln_writer_put),
    DOOR(pln_writer_flush),    DOOR(pln_writer_finish),  DOOR(pln_writer_close), {NULL, NULL}};
