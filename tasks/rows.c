/* SPDX-License-Identifier: Apache-2.0
 *
 * What hooks of tasks call: columns of a row, examples, items, JSON.
 */
#include <stdlib.h>

#include "common/array.h"
#include "common/fail.h"
#include "tasks/engine.h"
#include "common/utf8.h"

/* ---- columns */

pln_status task_take_text(const struct task_row *row, const char *name, pln_text *text, pln_error *error)
{
    const pln_field *field = pln_record_field(row->row, name);
    if (!field)
        return pln_fail(error, PLN_INVALID, "the row has no column `%s`", name);
    if (!field->text.text)
        return pln_fail(error, PLN_INVALID, "the column `%s` is a list, and must be a text", name);
    *text = field->text;
    return PLN_OK;
}

/* A list as JSON, copied to where the row's memory is. */
static pln_status read_list(const struct task_row *row, const char *name, pln_text text, const pln_text **items,
                            uint32_t *n, pln_error *error)
{
    pln_text *list;
    pln_error problem;
    pln_status status = pln_text_list(text, &list, n, &problem);
    if (status != PLN_OK)
        return pln_fail(error, status, "the column `%s`: %.300s", name, problem.message);
    pln_text *copies = arena_allocate(row->memory, ((size_t)*n + 1) * sizeof *copies);
    bool whole = copies != NULL;
    for (uint32_t i = 0; whole && i < *n; i++) {
        char *copy = arena_allocate(row->memory, list[i].bytes + 1);
        whole = copy != NULL;
        if (whole && list[i].bytes)
            memcpy(copy, list[i].text, list[i].bytes);
        copies[i] = (pln_text){copy, list[i].bytes};
    }
    pln_free(list);
    *items = copies;
    return whole ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for the column `%s`", name);
}

pln_status task_take_list(const struct task_row *row, const char *name, const pln_text **items, uint32_t *n_items,
                          pln_error *error)
{
    const pln_field *field = pln_record_field(row->row, name);
    if (!field)
        return pln_fail(error, PLN_INVALID, "the row has no column `%s`", name);
    if (field->text.text)
        return read_list(row, name, field->text, items, n_items, error);
    *items = field->items;
    *n_items = field->n_items;
    return PLN_OK;
}

uint32_t task_record_fault(const pln_record *row)
{
    for (uint32_t i = 0; i < row->n_fields; i++) {
        const pln_field *field = row->fields ? &row->fields[i] : NULL;
        if (!field || !field->name || (!field->text.text && !field->items && field->n_items))
            return i;
    }
    return TASK_NO_FAULT;
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

/* ---- rows without an answer */

void task_refuse_row(struct task_row *row, const pln_error *reason)
{
    if (row->answer.status != PLN_OK)
        return;
    const char *copy = arena_copy(row->memory, reason->message);
    row->answer = (pln_answer){.row = row->answer.row,
                               .asked = row->answer.asked,
                               .status = reason->status,
                               .message = copy ? copy : "no memory"};
    json_decref(row->json);
    row->json = NULL;
    row->done = true;
}
