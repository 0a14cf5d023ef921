/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer as lines of a table. It knows no task: what the answer's JSON has are the columns.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/commands/run.h"
#include "cli/terminal.h"

enum { SHOWN = 6, MOST_SHOWN = 299 }; /* numbers of a vector; bytes of a cell */

/* ---- columns */

static bool is_number(const json_t *value)
{
    return json_is_number(value) || json_is_boolean(value);
}

/* Of a list what its first item is: labels beside scores. */
static const json_t *sample(const json_t *value)
{
    return json_is_array(value) && json_array_size(value) && !is_number(json_array_get(value, 0))
               ? json_array_get(value, 0)
               : value;
}

/* Ids: a cell of their own, since each by itself tells nothing. */
static bool is_ids(const json_t *value)
{
    return json_is_array(value) && json_is_integer(json_array_get(value, 0));
}

/* Whether a list stands line by line: one of numbers only beside another member. */
static bool is_column(const json_t *object, const json_t *value)
{
    const char *key;
    json_t *other;
    if (!json_is_array(value) || is_ids(value))
        return false;
    json_object_foreach((json_t *)(uintptr_t)object, key,
                        other) if (other != value && json_is_array(other) &&
                                   json_array_size(other) == json_array_size(value)) return true;
    return !json_array_size(value) || !is_number(json_array_get(value, 0)) || json_object_size(object) > 1;
}

/* Whether its lists that stand line by line name nothing: then lines have numbers. */
static bool lacks_names(const json_t *object)
{
    const char *key;
    json_t *value;
    bool lists = false;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (is_column(object, value) && !is_number(json_array_get(value, 0)))
            return false;
        lists = lists || is_column(object, value);
    }
    return lists;
}

static void add_column(struct run_table *t, const char *key, enum table_type type, uint32_t rank)
{
    if (t->table.n_columns == TABLE_COLUMNS || table_find(&t->table, key) >= 0)
        return;
    char *kept = t->keys[t->table.n_columns];
    snprintf(kept, sizeof t->keys[0], "%s", key);
    const struct table_column column = {.key = kept,
                                        .title = kept,
                                        .type = type,
                                        .digits = 3,
                                        .width = type == TABLE_TEXT ? 10 : 5,
                                        .fitted = true,
                                        .rank = rank};
    table_add_columns(&t->table, &column, 1);
}

/* Numbers first, scores before the others, which go first where it is narrow; then texts, the last of which may be as
 * long as it likes. */
static void add_columns(struct run_table *t, const json_t *object)
{
    const char *key;
    json_t *value;
    if (lacks_names(object))
        add_column(t, "number", TABLE_COUNT, 0);
    for (int pass = 0; pass < 3; pass++)
        json_object_foreach((json_t *)(uintptr_t)object, key, value)
        {
            const json_t *first = is_column(object, value) ? json_array_get(value, 0) : sample(value);
            const bool number = is_number(first), real = json_is_real(first);
            if (real && pass == 0)
                add_column(t, key, TABLE_NUMBER, 0);
            else if (!real && pass == (number || is_ids(first) ? 1 : 2))
                add_column(t, key, number ? TABLE_COUNT : TABLE_TEXT, pass == 1 ? 2 : 0);
        }
}

/* ---- lines */

/* What a terminal would obey is a blank. */
static void set_text(struct table *t, const char *key, const char *text)
{
    char clean[MOST_SHOWN + 1];
    const size_t bytes = strlen(text), n = bytes < MOST_SHOWN ? bytes : MOST_SHOWN;
    for (size_t i = 0; i < n; i++)
        clean[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i];
    clean[n] = '\0';
    table_set_text(t, key, clean);
}

/* "[0.1200, -3.4000, ...] of 256"; ids are whole. */
static void set_vector(struct table *t, const char *key, const json_t *vector)
{
    char text[MOST_SHOWN + 1] = "[";
    const size_t n = json_array_size(vector);
    size_t used = 1;
    for (size_t i = 0; i < n && i < SHOWN && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*f", i ? ", " : "", is_ids(vector) ? 0 : 4,
                                 json_number_value(json_array_get(vector, i)));
    if (used < sizeof text)
        snprintf(text + used, sizeof text - used, n > SHOWN ? ", ...] of %zu" : "]", n);
    table_set_text(t, key, text);
}

static void set_cell(struct table *t, const char *key, const json_t *value)
{
    if (table_find(t, key) < 0)
        return;
    const bool text = t->columns[table_find(t, key)].type == TABLE_TEXT;
    if (text && json_is_string(value))
        set_text(t, key, json_string_value(value));
    else if (text && json_is_array(value))
        set_vector(t, key, value);
    else if (!text && json_is_number(value))
        table_set_number(t, key, json_number_value(value));
    else if (!text && json_is_boolean(value))
        table_set_number(t, key, json_is_true(value));
}

static void add_row(struct run_table *t, uint64_t row)
{
    table_add_row(&t->table);
    if (t->numbered && !t->table.failed)
        table_set_number(&t->table, "row", (double)row);
}

/* An object is a line; lists in it make as many lines as they are long. */
static void add_object(struct run_table *t, uint64_t row, const json_t *object)
{
    const char *key;
    json_t *value;
    size_t lines = 1;
    json_object_foreach((json_t *)(uintptr_t)object, key,
                        value) if (is_column(object, value) && json_array_size(value) > lines) lines =
        json_array_size(value);
    for (size_t i = 0; i < lines; i++) {
        add_row(t, row);
        if (lacks_names(object) && table_find(&t->table, "number") >= 0)
            table_set_number(&t->table, "number", (double)i);
        json_object_foreach((json_t *)(uintptr_t)object, key, value)
        {
            if (is_column(object, value))
                set_cell(&t->table, key, json_array_get(value, i));
            else if (!i)
                set_cell(&t->table, key, value);
        }
    }
}

/* Objects are lines; so is a vector; a list of either, too. Depth is that of the answer. */
static void add_answer(struct run_table *t, uint64_t row, const json_t *answer, bool only_columns)
{
    const bool vector = json_is_array(answer) && is_number(json_array_get(answer, 0));
    if (vector && only_columns)
        add_column(t, "vector", TABLE_TEXT, 0);
    else if (json_is_object(answer) && only_columns)
        add_columns(t, answer);
    else if (json_is_object(answer))
        add_object(t, row, answer);
    else if (vector) {
        add_row(t, row);
        set_vector(&t->table, "vector", answer);
    }
    for (size_t i = 0; !vector && i < json_array_size(answer); i++)
        add_answer(t, row, json_array_get(answer, i), only_columns);
}

static void drop_rows(struct table *t)
{
    for (size_t i = 0; i < (size_t)t->n_rows * t->n_columns; i++)
        free(t->cells[i].text);
    t->n_rows = 0;
}

/* Columns that only later answers have are not shown: the head stands. */
static void print(struct run_table *t, uint64_t row, const json_t *answer)
{
    if (!t->table.n_columns) {
        if (t->numbered)
            add_column(t, "row", TABLE_COUNT, 0);
        add_answer(t, row, answer, true);
    }
    const uint32_t before = t->table.n_rows;
    add_answer(t, row, answer, false);
    if (t->table.n_rows == before && t->table.n_columns)
        add_row(t, row); /* there is nothing in it */
    if (t->table.failed)
        return;
    if (!t->begun) {
        table_lay_out(&t->table, t->wide ? 0 : terminal_width(stdout), &t->layout);
        table_write_head(stdout, &t->table, &t->layout);
    }
    t->begun = true;
    table_write_rows(stdout, &t->table, &t->layout, 0);
    drop_rows(&t->table);
}

pln_status run_table_put(struct run_table *t, uint64_t row, const char *json, pln_error *error)
{
    json_t *answer = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (answer)
        print(t, row, answer);
    const bool made = answer && !t->table.failed;
    json_decref(answer);
    if (made)
        return PLN_OK;
    *error = (pln_error){.status = PLN_NO_MEMORY, .node = -1};
    snprintf(error->message, sizeof error->message, "no memory for the table of an answer");
    return PLN_NO_MEMORY;
}

void run_table_finish(struct run_table *t)
{
    if (t->begun)
        table_write_left_out(stdout, &t->table, &t->layout);
    table_finish(&t->table);
}
