/* SPDX-License-Identifier: Apache-2.0
 *
 * Gives columns other names.
 */
#include "records/columns.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/fail.h"

static pln_status check_wanted(const pln_option *wanted, uint32_t n, pln_error *error)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!wanted[i].key || !*wanted[i].key || !wanted[i].value || !*wanted[i].value)
            return pln_fail(error, PLN_INVALID, "column %u: a name and a column of the file are needed", i);
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(wanted[i].key, wanted[j].key) == 0)
                return pln_fail(error, PLN_INVALID, "two columns are to be called \"%s\"", wanted[i].key);
    }
    return PLN_OK;
}

pln_status records_columns_init(struct records_columns *c, const pln_option *wanted, uint32_t n, pln_error *error)
{
    *c = (struct records_columns){0};
    const pln_status status = check_wanted(wanted, n, error);
    if (status != PLN_OK || !n)
        return status;
    c->wanted = calloc(n, sizeof *c->wanted);
    for (; c->wanted && c->n < n; c->n++) {
        pln_option *copy = &c->wanted[c->n];
        copy->key = strdup(wanted[c->n].key);
        copy->value = strdup(wanted[c->n].value);
        if (copy->key && copy->value)
            continue;
        c->n++;
        break;
    }
    const bool copied = c->wanted && c->wanted[n - 1].key && c->wanted[n - 1].value;
    return copied ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for the names of columns");
}

void records_columns_finish(struct records_columns *c)
{
    for (uint32_t i = 0; i < c->n; i++) {
        free((char *)(uintptr_t)c->wanted[i].key);
        free((char *)(uintptr_t)c->wanted[i].value);
    }
    free(c->wanted);
    free(c->fields);
    *c = (struct records_columns){0};
}

static bool has_column(const struct records_source *source, const char *name)
{
    for (uint32_t i = 0; i < source->n_columns; i++)
        if (strcmp(source->columns[i], name) == 0)
            return true;
    return false;
}

pln_status records_columns_check(const struct records_columns *c, const struct records_source *source, pln_error *error)
{
    char list[300];
    size_t used = 0;
    for (uint32_t i = 0; i < c->n && source->n_columns; i++) {
        if (has_column(source, c->wanted[i].value))
            continue;
        for (uint32_t j = 0; j < source->n_columns && used < sizeof list; j++)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", j ? ", " : "", source->columns[j]);
        return pln_fail(error, PLN_INVALID, "%s: no column \"%s\"; there are: %s%s", source->lines.stream.name,
                        c->wanted[i].value, list, used < sizeof list ? "" : " ...");
    }
    return PLN_OK;
}

static const pln_field *find_field(const struct records_row *row, const char *name)
{
    for (size_t i = 0; i < row->n; i++)
        if (strcmp(row->fields[i].name, name) == 0)
            return &row->fields[i];
    return NULL;
}

static bool is_wanted(const struct records_columns *c, const char *name)
{
    for (uint32_t i = 0; i < c->n; i++)
        if (strcmp(c->wanted[i].key, name) == 0)
            return true;
    return false;
}

bool records_columns_rename(struct records_columns *c, const struct records_source *source, pln_record *row)
{
    const struct records_row *found = &source->row;
    *row = (pln_record){found->fields, (uint32_t)found->n};
    if (!c->n)
        return true;
    pln_field *fields = array_reserve(c->fields, &c->room, found->n + c->n, sizeof *fields);
    if (!fields)
        return false;
    c->fields = fields;
    row->fields = fields;
    row->n_fields = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        const pln_field *field = find_field(found, c->wanted[i].value);
        if (!field)
            continue;
        fields[row->n_fields] = *field;
        fields[row->n_fields++].name = c->wanted[i].key;
    }
    for (size_t i = 0; i < found->n; i++)
        if (!is_wanted(c, found->fields[i].name))
            fields[row->n_fields++] = found->fields[i];
    return true;
}
