/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON lines: an object a line is a row.
 */
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "records/format.h"
#include "records/json.h"

struct jsonl {
    struct records_json json;
    const char **names; /* of the members of the last row, null ones too */
    size_t room, path_bytes;
    bool crowded; /* more columns, or longer paths in all, than a row may have */
};

/* "prefix.name"; the name itself lies in the tree. */
static const char *join(struct records_source *source, const char *prefix, const char *name)
{
    struct jsonl *jsonl = source->state;
    const size_t before = prefix ? strlen(prefix) : 0, bytes = strlen(name) + 1;
    if (!prefix)
        return name;
    jsonl->path_bytes += before + 1 + bytes;
    jsonl->crowded |= jsonl->path_bytes > PLN_ROW_BYTES || source->row.n >= PLN_ROW_COLUMNS;
    char *path = jsonl->crowded ? NULL : arena_allocate(&source->row.arena, before + 1 + bytes);
    if (path) {
        memcpy(path, prefix, before);
        path[before] = '.';
        memcpy(path + before + 1, name, bytes);
    }
    return path;
}

static bool add_list(struct records_source *source, const char *name, const json_t *list)
{
    struct jsonl *jsonl = source->state;
    const size_t n = json_array_size(list);
    pln_text *items = arena_allocate(&source->row.arena, (n + 1) * sizeof *items);
    for (size_t i = 0; items && i < n; i++)
        items[i] = records_json_text(&jsonl->json, json_array_get(list, i));
    return items && records_row_add_list(&source->row, name, items, n);
}

/* The text of a value's JSON, kept for the row. */
static bool write_value(struct records_source *source, const json_t *value, pln_text *text)
{
    const struct jsonl *jsonl = source->state;
    struct records_text out = {0};
    const bool written = records_json_write(&jsonl->json, value, &out);
    char *copy = written ? arena_allocate(&source->row.arena, out.bytes) : NULL;
    if (copy)
        memcpy(copy, out.text, out.bytes);
    *text = (pln_text){copy, out.bytes};
    free(out.text);
    return copy != NULL;
}

/* It recurses as deep as the parser lets a text nest. */
static bool add_value(struct records_source *source, const char *prefix, const char *member, json_t *value)
{
    const struct jsonl *jsonl = source->state;
    const char *name = join(source, prefix, member), *key;
    pln_text text = records_json_text(&jsonl->json, value);
    json_t *part;
    bool added = name != NULL;
    if (json_is_null(value) || !added)
        return added;
    if (json_is_object(value)) {
        json_object_foreach(value, key, part) added = added && add_value(source, name, key, part);
        return added;
    }
    if (records_json_is_list(&jsonl->json, value))
        return add_list(source, name, value);
    return (text.text || write_value(source, value, &text)) && records_row_add(&source->row, name, text);
}

static bool name_columns(struct records_source *source)
{
    struct jsonl *jsonl = source->state;
    const char *name,
        **names = array_reserve(jsonl->names, &jsonl->room, json_object_size(jsonl->json.tree) + 1, sizeof *names);
    json_t *value;
    source->n_columns = 0;
    if (!names)
        return false;
    jsonl->names = names;
    json_object_foreach(jsonl->json.tree, name, value) jsonl->names[source->n_columns++] = name;
    source->columns = jsonl->names;
    return true;
}

static pln_status read_row(struct records_source *source, const struct records_line *line, pln_error *error)
{
    struct jsonl *jsonl = source->state;
    const char *name;
    json_t *value;
    pln_error why;
    source->n_columns = 0;
    const pln_status status = records_json_parse(&jsonl->json, line->text, line->bytes, &why);
    if (status == PLN_NO_MEMORY)
        return records_no_memory(source, error);
    if (status != PLN_OK)
        return records_bad(source, line->number, error, "%s", why.message);
    if (!json_is_object(jsonl->json.tree))
        return records_bad(source, line->number, error, "the row is no JSON object");
    jsonl->path_bytes = 0;
    jsonl->crowded = json_object_size(jsonl->json.tree) > PLN_ROW_COLUMNS;
    bool added = !jsonl->crowded && name_columns(source);
    json_object_foreach(jsonl->json.tree, name, value) added = added && add_value(source, NULL, name, value);
    if (jsonl->crowded)
        return records_bad(source, line->number, error,
                           "the row has more than %d columns, or names of more than %d bytes", PLN_ROW_COLUMNS,
                           PLN_ROW_BYTES);
    return added ? PLN_OK : records_no_memory(source, error);
}

static pln_status next(struct records_source *source, bool *end, pln_error *error)
{
    struct records_line line;
    do {
        const pln_status status = records_lines_next(&source->lines, &line, error);
        if (status != PLN_OK)
            return status;
        records_line_trim(&line);
    } while (line.text && !line.too_long && records_line_is_blank(&line));
    *end = !line.text;
    if (*end)
        return PLN_OK;
    source->line = line.number;
    return line.too_long ? records_bad(source, line.number, error, "the line has more than %d bytes", PLN_ROW_BYTES)
                         : read_row(source, &line, error);
}

static bool add_cell(struct records_source *source, const char *name, const json_t *value)
{
    const struct jsonl *jsonl = source->state;
    pln_text text = records_json_text(&jsonl->json, value);
    bool json = !json_is_string(value) && !json_is_null(value);
    if (json_is_integer(value)) /* NaN is no JSON */
        json = records_is_number(text.text, text.bytes);
    else if (!text.text && !json_is_null(value) && !write_value(source, value, &text))
        return false;
    return records_row_add_cell(&source->row, name, text, json);
}

static bool make_cells(struct records_source *source)
{
    const struct jsonl *jsonl = source->state;
    const char *name;
    json_t *value;
    bool added = true;
    json_object_foreach(jsonl->json.tree, name, value) added = added && add_cell(source, name, value);
    return added;
}

static void end_reading(struct records_source *source)
{
    struct jsonl *jsonl = source->state;
    records_json_finish(&jsonl->json);
    free(jsonl->names);
}

const struct records_reading records_read_jsonl = {
    .state_bytes = sizeof(struct jsonl), .next = next, .cells = make_cells, .end = end_reading};
