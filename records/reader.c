/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of rows at the public door.
 */
#include <stdlib.h>
#include <string.h>

#include "common/door.h"
#include "common/in_use.h"
#include "records/columns.h"
#include "records/format.h"
#include "records/json.h"

struct pln_reader {
    const struct records_format *format;
    struct records_source source;
    struct records_columns columns;
    char *path;
    bool has_row, has_cells;
    pln_error ended; /* the failure that reading ended with */
    bool at_end;
    pln_record row;
    atomic_uint_least64_t position; /* behind the last row, in bytes of the file */
    atomic_bool in_use;
};

static pln_status open_source(pln_reader *reader, struct records_cancel cancel, pln_error *error)
{
    const struct records_reading *reading = reader->format->reading;
    struct records_source *source = &reader->source;
    pln_status status = records_lines_open(&source->lines, reader->path, cancel, error);
    if (status == PLN_OK && reading->state_bytes) {
        source->state = calloc(1, reading->state_bytes);
        status = source->state ? PLN_OK : records_no_memory(source, error);
    }
    if (status == PLN_OK && reading->begin)
        status = reading->begin(source, error);
    return status == PLN_OK ? records_columns_check(&reader->columns, source, error) : status;
}

static pln_status open_reader(pln_reader *reader, const char *path, const pln_reader_options *options, pln_error *error)
{
    const struct records_format **format = &reader->format;
    pln_status status = records_format_find(path, options->format, "text", false, format, error);
    if (status == PLN_OK && (*format)->reading->missing)
        status = pln_fail(error, PLN_UNSUPPORTED, "%s: this build of pleione has no %s, which %s needs", path,
                          (*format)->reading->missing, (*format)->name);
    if (status == PLN_OK)
        status = records_columns_init(&reader->columns, options->columns, options->n_columns, error);
    if (status != PLN_OK)
        return status;
    reader->path = strdup(path);
    const struct records_cancel cancel = {options->cancel, options->context};
    return reader->path ? open_source(reader, cancel, error)
                        : pln_fail(error, PLN_NO_MEMORY, "%s: no memory to read it", path);
}

pln_status pln_reader_open(const char *path, const pln_reader_options *options, pln_reader **reader, pln_error *error)
{
    pln_reader_options taken = {.size = sizeof taken};
    pln_error own;
    error = error ? error : &own;
    if (reader)
        *reader = NULL;
    NEED(error, path, reader);
    TAKE(error, pln_reader_options, taken, options);
    NEED_LIST(error, taken.columns, taken.n_columns);
    *reader = calloc(1, sizeof **reader);
    if (!*reader)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory to read it", path);
    const pln_status status = open_reader(*reader, path, &taken, error);
    if (status != PLN_OK)
        pln_reader_close(reader);
    return status;
}

void pln_reader_close(pln_reader **reader)
{
    if (!reader || !*reader)
        return;
    struct records_source *source = &(*reader)->source;
    if (source->state && (*reader)->format->reading->end)
        (*reader)->format->reading->end(source);
    free(source->state);
    records_lines_close(&source->lines);
    records_row_finish(&source->row);
    records_columns_finish(&(*reader)->columns);
    free((*reader)->path);
    free(*reader);
    *reader = NULL;
}

/* A failure that is no bad row is the end, and is said again. */
static pln_status read_row(pln_reader *reader, pln_error *error)
{
    struct records_source *source = &reader->source;
    if (reader->ended.status != PLN_OK) {
        *error = reader->ended;
        return error->status;
    }
    records_row_clear(&source->row);
    reader->has_row = reader->has_cells = false;
    pln_status status = PLN_OK;
    if (!reader->at_end)
        status = reader->format->reading->next(source, &reader->at_end, error);
    reader->has_row = status == PLN_OK && !reader->at_end;
    if (reader->has_row && !records_columns_rename(&reader->columns, source, &reader->row)) {
        reader->has_row = false;
        status = records_no_memory(source, error);
    }
    if (status != PLN_OK && status != PLN_INVALID)
        reader->ended = *error;
    return status;
}

pln_status pln_reader_next(pln_reader *reader, const pln_record **row, pln_error *error)
{
    pln_error own;
    error = error ? error : &own;
    if (row)
        *row = NULL;
    NEED(error, reader, row);
    pln_status status = in_use_begin(&reader->in_use, "the reader", error);
    if (status != PLN_OK)
        return status;
    status = read_row(reader, error);
    atomic_store_explicit(&reader->position, records_lines_position(&reader->source.lines), memory_order_relaxed);
    if (reader->has_row)
        *row = &reader->row;
    in_use_end(&reader->in_use);
    return status;
}

const char *const *pln_reader_columns(const pln_reader *reader, uint32_t *n_columns)
{
    if (n_columns)
        *n_columns = reader ? reader->source.n_columns : 0;
    return reader && n_columns ? reader->source.columns : NULL;
}

pln_status pln_reader_cells(pln_reader *reader, const pln_cell **cells, uint32_t *n_cells, pln_error *error)
{
    if (cells)
        *cells = NULL;
    if (n_cells)
        *n_cells = 0;
    NEED(error, reader, cells, n_cells);
    struct records_source *source = &reader->source;
    const struct records_reading *reading = reader->format->reading;
    if (!reader->has_row)
        return pln_fail(error, PLN_INVALID, "%s: there is no row whose cells could be given",
                        source->lines.stream.name);
    if (!reader->has_cells && !(reading->cells ? reading->cells(source) : records_row_make_cells(&source->row)))
        return records_no_memory(source, error);
    reader->has_cells = true;
    *cells = source->row.cells;
    *n_cells = (uint32_t)source->row.n_cells;
    return PLN_OK;
}

void pln_reader_place(const pln_reader *reader, const char **file, uint64_t *line)
{
    if (file)
        *file = reader ? reader->source.lines.stream.name : NULL;
    if (line)
        *line = reader ? reader->source.line : 0;
}

void pln_reader_progress(const pln_reader *reader, uint64_t *done, uint64_t *total)
{
    if (done)
        *done = reader ? atomic_load_explicit(&reader->position, memory_order_relaxed) : 0;
    if (total)
        *total = reader ? reader->source.lines.stream.total : 0;
}

/* ---- rows */

const pln_field *pln_record_field(const pln_record *row, const char *name)
{
    for (uint32_t i = 0; row && name && i < row->n_fields; i++)
        if (row->fields[i].name && strcmp(row->fields[i].name, name) == 0)
            return &row->fields[i];
    return NULL;
}

/* Items and, behind them, their texts, each with a zero byte. */
static pln_text *copy_items(const struct records_json *json)
{
    const size_t n = json_array_size(json->tree);
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += records_json_text(json, json_array_get(json->tree, i)).bytes + 1;
    pln_text *items = malloc(n * sizeof *items + bytes + 1);
    char *to = items ? (char *)(items + n) : NULL;
    for (size_t i = 0; items && i < n; i++) {
        const pln_text text = records_json_text(json, json_array_get(json->tree, i));
        memcpy(to, text.text, text.bytes);
        to[text.bytes] = '\0';
        items[i] = (pln_text){to, text.bytes};
        to += text.bytes + 1;
    }
    return items;
}

static pln_status read_list(struct records_json *json, const char *copy, size_t bytes, pln_error *error)
{
    const pln_status status = records_json_parse(json, copy, bytes, error);
    if (status != PLN_OK)
        return status;
    return records_json_is_list(json, json->tree)
               ? PLN_OK
               : pln_fail(error, PLN_INVALID, "the text is no JSON list of texts, numbers and booleans");
}

pln_status pln_text_list(pln_text text, pln_text **items, uint32_t *n_items, pln_error *error)
{
    struct records_json json = {0};
    if (items)
        *items = NULL;
    if (n_items)
        *n_items = 0;
    const char *const begin = text.text;
    NEED(error, begin, items, n_items);
    if (text.bytes > PLN_ROW_BYTES)
        return pln_fail(error, PLN_INVALID, "a list of more than %d bytes", PLN_ROW_BYTES);
    char *copy = malloc(text.bytes + 1);
    if (!copy)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a list");
    memcpy(copy, text.text, text.bytes);
    copy[text.bytes] = '\0';
    pln_status status = read_list(&json, copy, text.bytes, error);
    *items = status == PLN_OK ? copy_items(&json) : NULL;
    if (status == PLN_OK && !*items)
        status = pln_fail(error, PLN_NO_MEMORY, "no memory for a list");
    *n_items = *items ? (uint32_t)json_array_size(json.tree) : 0;
    records_json_finish(&json);
    free(copy);
    return status;
}
