/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows: of a file through the library's reader, or of texts of the command line.
 */
#include "cli/source.h"

#include <stdlib.h>
#include <string.h>

static pln_status fail(pln_error *error, pln_status status, const char *sentence)
{
    *error = (pln_error){.status = status, .node = -1};
    snprintf(error->message, sizeof error->message, "%s", sentence);
    return status;
}

static bool ask_interrupted(void *context)
{
    (void)context;
    return cli_interrupted();
}

/* The pairs of --column; their names are copied into `names`. */
static pln_status open_reader(struct cli_source *source, const struct cli_task *task, char *names, pln_option *columns,
                              pln_error *error)
{
    for (uint32_t i = 0; i < task->columns.n; i++) {
        const size_t bytes = strlen(task->columns.items[i]) + 1;
        char *name = memcpy(names, task->columns.items[i], bytes), *equals = strchr(name, '=');
        *equals = '\0';
        columns[i] = (pln_option){name, equals + 1};
        names += bytes;
    }
    const pln_reader_options options = {.size = sizeof options,
                                        .format = task->format,
                                        .columns = columns,
                                        .n_columns = task->columns.n,
                                        .cancel = ask_interrupted};
    uint32_t n;
    const pln_status status = pln_reader_open(task->input ? task->input : "-", &options, &source->reader, error);
    if (status != PLN_OK)
        return status;
    pln_reader_columns(source->reader, &n);
    source->told = n > 0;
    return PLN_OK;
}

pln_status cli_source_open(struct cli_source *source, const struct cli_task *task, const struct cli_list *texts,
                           pln_error *error)
{
    size_t bytes = 1;
    *source = (struct cli_source){.texts = texts};
    if (texts->n)
        return task->input || task->format || task->columns.n
                   ? fail(error, PLN_INVALID, "TEXT and --input, --input-format or --column exclude each other")
                   : PLN_OK;
    for (uint32_t i = 0; i < task->columns.n; i++)
        bytes += strlen(task->columns.items[i]) + 1;
    char *names = malloc(bytes);
    pln_option *columns = calloc(task->columns.n + 1, sizeof *columns);
    const pln_status status = names && columns ? open_reader(source, task, names, columns, error)
                                               : fail(error, PLN_NO_MEMORY, "no memory for the names of columns");
    free(names);
    free(columns);
    return status;
}

void cli_source_close(struct cli_source *source)
{
    pln_reader_close(&source->reader);
    free(source->items);
    *source = (struct cli_source){0};
}

const pln_record *cli_source_peek(struct cli_source *source)
{
    if (!source->reader)
        return NULL;
    if (!source->peeked)
        source->first_status = pln_reader_next(source->reader, &source->first, &source->first_error);
    source->peeked = true;
    return source->first;
}

/* ---- columns */

static bool is_named(const struct cli_task *task, const char *name)
{
    const size_t bytes = strlen(name);
    for (uint32_t i = 0; i < task->columns.n; i++)
        if (strncmp(task->columns.items[i], name, bytes) == 0 && task->columns.items[i][bytes] == '=')
            return true;
    return false;
}

static bool is_in_file(const struct cli_source *source, const char *name)
{
    uint32_t n;
    const char *const *columns = pln_reader_columns(source->reader, &n);
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(columns[i], name) == 0)
            return true;
    return false;
}

static pln_status refuse_file(const struct cli_source *source, const char *name, pln_error *error)
{
    char list[300] = "", sentence[500];
    const char *file;
    uint32_t n;
    size_t used = 0;
    const char *const *columns = pln_reader_columns(source->reader, &n);
    pln_reader_place(source->reader, &file, NULL);
    for (uint32_t i = 0; i < n && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", columns[i]);
    snprintf(sentence, sizeof sentence,
             "%s: no column \"%s\", which the task %s needs; there are: %s (--column %s=COLUMN)", file, name,
             source->info->name, list, name);
    return fail(error, PLN_INVALID, sentence);
}

/* The columns that texts fill: those that are required, or the first one. */
static uint32_t list_columns(const pln_task_info *info, const pln_column_info **list)
{
    uint32_t n = 0;
    for (const pln_column_info *c = info->columns; c->name && n < CLI_SOURCE_COLUMNS; c++)
        if (c->required)
            list[n++] = c;
    if (!n && info->columns->name)
        list[n++] = info->columns;
    return n;
}

static pln_status refuse_texts(const struct cli_source *source, const pln_column_info *const *list, uint32_t n,
                               pln_error *error)
{
    char sentence[500];
    size_t used = (size_t)snprintf(sentence, sizeof sentence, "the task %s takes texts as rows of", source->info->name);
    for (uint32_t i = 0; i < n && used < sizeof sentence; i++)
        used += (size_t)snprintf(sentence + used, sizeof sentence - used, "%s %s%s", i ? "," : "", list[i]->name,
                                 list[i]->list ? " (all that are left)" : "");
    if (used < sizeof sentence)
        snprintf(sentence + used, sizeof sentence - used, "; %u are given", source->texts->n);
    return fail(error, PLN_INVALID, sentence);
}

pln_status cli_source_use(struct cli_source *source, const pln_task_info *info, const struct cli_task *task,
                          pln_error *error)
{
    const pln_column_info *list[CLI_SOURCE_COLUMNS];
    source->info = info;
    if (source->reader) {
        for (const pln_column_info *c = info->columns; source->told && c->name; c++)
            if (c->required && !is_named(task, c->name) && !is_in_file(source, c->name))
                return refuse_file(source, c->name, error);
        return PLN_OK;
    }
    const uint32_t n = list_columns(info, list);
    const bool rest = n && list[n - 1]->list;
    if (!n || (rest ? source->texts->n < n : source->texts->n % n != 0))
        return refuse_texts(source, list, n, error);
    source->items = rest ? calloc(source->texts->n, sizeof *source->items) : NULL;
    return rest && !source->items ? fail(error, PLN_NO_MEMORY, "no memory for the texts") : PLN_OK;
}

/* ---- rows */

static pln_text take_text(struct cli_source *source)
{
    const char *text = source->texts->items[source->next++];
    return (pln_text){text, strlen(text)};
}

static const pln_record *make_row(struct cli_source *source)
{
    const pln_column_info *list[CLI_SOURCE_COLUMNS];
    const uint32_t n = list_columns(source->info, list);
    if (source->next == source->texts->n)
        return NULL;
    for (uint32_t i = 0; i < n; i++) {
        pln_field *field = &source->fields[i];
        *field = (pln_field){.name = list[i]->name};
        if (!list[i]->list)
            field->text = take_text(source);
        while (list[i]->list && source->next < source->texts->n)
            source->items[field->n_items++] = take_text(source);
        field->items = list[i]->list ? source->items : NULL;
    }
    source->made = (pln_record){source->fields, n};
    return &source->made;
}

pln_status cli_source_next(struct cli_source *source, const pln_record **row, pln_error *error)
{
    if (!source->reader) {
        *row = make_row(source);
        return PLN_OK;
    }
    if (!source->peeked)
        return pln_reader_next(source->reader, row, error);
    source->peeked = false;
    *row = source->first;
    if (source->first_status != PLN_OK)
        *error = source->first_error;
    return source->first_status;
}
