/* SPDX-License-Identifier: Apache-2.0
 *
 * What hooks of tasks call: columns of a row, examples, items, JSON.
 */
#include <stdlib.h>

#include "common/array.h"
#include "common/fail.h"
#include "common/jsontext.h"
#include "tasks/engine.h"
#include "common/utf8.h"

/* ---- columns */

const pln_field *task_field(const pln_record *row, const char *name)
{
    for (uint32_t i = 0; i < row->n_fields; i++)
        if (strcmp(row->fields[i].name, name) == 0)
            return &row->fields[i];
    return NULL;
}

pln_status task_take_text(const struct task_row *row, const char *name, pln_text *text, pln_error *error)
{
    const pln_field *field = task_field(row->row, name);
    if (!field)
        return pln_fail(error, PLN_INVALID, "the row has no column `%s`", name);
    if (!field->text.text)
        return pln_fail(error, PLN_INVALID, "the column `%s` is a list, and must be a text", name);
    *text = field->text;
    return PLN_OK;
}

static pln_status copy_strings(const struct task_row *row, const char *name, const json_t *list, pln_text *items,
                               pln_error *error)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (!json_is_string(item))
            return pln_fail(error, PLN_INVALID, "the column `%s`: item %zu of its list is no text", name, i);
        const size_t bytes = json_string_length(item);
        char *copy = arena_allocate(row->memory, bytes + 1);
        if (!copy)
            return pln_fail(error, PLN_NO_MEMORY, "no memory for the column `%s`", name);
        memcpy(copy, json_string_value(item), bytes);
        items[i] = (pln_text){copy, bytes};
    }
    return PLN_OK;
}

/* A JSON list of strings that stands in a text. */
static pln_status read_list(const struct task_row *row, const char *name, pln_text text, const pln_text **items,
                            uint32_t *n, pln_error *error)
{
    json_error_t problem;
    json_t *list = jsontext_load(text.text, text.bytes, JSON_ALLOW_NUL, &problem);
    if (!list && jsontext_status(&problem) == PLN_NO_MEMORY)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the column `%s`", name);
    if (!json_is_array(list) || json_array_size(list) >= UINT32_MAX) {
        json_decref(list);
        return pln_fail(error, PLN_INVALID, "the column `%s` is a text, and must be a list, or a list as JSON", name);
    }
    pln_text *copies = arena_allocate(row->memory, (json_array_size(list) + 1) * sizeof *copies);
    const pln_status status = copies ? copy_strings(row, name, list, copies, error)
                                     : pln_fail(error, PLN_NO_MEMORY, "no memory for the column `%s`", name);
    *items = copies;
    *n = (uint32_t)json_array_size(list);
    json_decref(list);
    return status;
}

pln_status task_take_list(const struct task_row *row, const char *name, const pln_text **items, uint32_t *n_items,
                          pln_error *error)
{
    const pln_field *field = task_field(row->row, name);
    if (!field)
        return pln_fail(error, PLN_INVALID, "the row has no column `%s`", name);
    if (field->text.text)
        return read_list(row, name, field->text, items, n_items, error);
    *items = field->items;
    *n_items = field->n_items;
    return PLN_OK;
}

/* ---- examples and items */

pln_status task_add(struct task_row *row, const pln_example *example, pln_error *error)
{
    struct task_examples *e = row->under;
    pln_example *items = e->n < UINT32_MAX ? array_reserve(e->items, &e->room, (size_t)e->n + 1, sizeof *items) : NULL;
    if (!items)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u examples", e->n);
    e->items = items;
    e->items[e->n++] = *example;
    row->n_examples++;
    return PLN_OK;
}

pln_item *task_make_items(struct task_row *row, uint32_t n, pln_error *error)
{
    pln_item *items = arena_allocate(row->memory, ((size_t)n + 1) * sizeof *items);
    const pln_item **list = arena_allocate(row->memory, ((size_t)n + 1) * sizeof *list);
    if (!items || !list) {
        pln_fail(error, PLN_NO_MEMORY, "no memory for %u parts of an answer", n);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++)
        list[i] = &items[i];
    row->answer.items = list;
    row->answer.n_items = n;
    return items;
}

/* ---- JSON */

json_t *task_json_text(pln_text text)
{
    static const char replacement[] = "\xef\xbf\xbd";
    char *copy =
        text.bytes < SIZE_MAX / 4 ? malloc(3 * text.bytes + 1) : NULL; /* each byte is a replacement at worst */
    size_t used = 0;
    uint32_t n, code;
    for (size_t at = 0; copy && at < text.bytes; at += n) {
        bool good = true;
        const unsigned char *from = (const unsigned char *)text.text + at;
        n = *from < 0x80 ? 1 : utf8_decode(from, text.bytes - at, &code, &good);
        memcpy(copy + used, good ? (const char *)from : replacement, good ? n : sizeof replacement - 1);
        used += good ? n : sizeof replacement - 1;
    }
    json_t *json = copy ? json_stringn_nocheck(copy, used) : NULL;
    free(copy);
    return json;
}

void task_json_append(json_t **list, json_t *item)
{
    if (!*list) {
        json_decref(item);
    } else if (json_array_append_new(*list, item) != 0) {
        json_decref(*list);
        *list = NULL;
    }
}

pln_status task_set_json(struct task_row *row, json_t *json, pln_error *error)
{
    row->json = json;
    return json ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for the answer as JSON");
}
