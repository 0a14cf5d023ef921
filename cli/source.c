/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows: of a file through the library's reader, or of texts of the command line.
 */
#include "cli/source.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    *source = (struct cli_source){.texts = texts, .task = task};
    if (texts->n)
        return task->input || task->format || task->columns.n
                   ? fail(error, PLN_INVALID, "TEXT and --input, --input-format or --column exclude each other")
                   : PLN_OK;
    for (uint32_t i = 0; i < task->columns.n; i++)
        bytes += strlen(task->columns.items[i]) + 1;
    char *names = malloc(bytes);
    pln_option *columns = calloc(task->columns.n + 1, sizeof *columns);
    source->places = malloc(CLI_SOURCE_PLACES * sizeof *source->places);
    const pln_status status = names && columns && source->places
                                  ? open_reader(source, task, names, columns, error)
                                  : fail(error, PLN_NO_MEMORY, "no memory for the names of columns");
    free(names);
    free(columns);
    return status;
}

void cli_source_close(struct cli_source *source)
{
    pln_reader_close(&source->reader);
    free(source->items);
    free(source->places);
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

/* Whether an option that was given stands for a column: it is called as the end of its name. */
static bool has_option(const struct cli_task *task, const char *column)
{
    pln_option pairs[CLI_TASK_OPTIONS];
    const uint32_t n = cli_task_pairs(task, pairs);
    const size_t bytes = strlen(column);
    for (uint32_t i = 0; i < n; i++) {
        const size_t key = strlen(pairs[i].key);
        if (key <= bytes && strcmp(column + bytes - key, pairs[i].key) == 0)
            return true;
    }
    return false;
}

/* The columns that texts fill: those that are required and a list behind them, or the first one. */
static void list_columns(struct cli_source *source, const struct cli_task *task)
{
    const pln_column_info *c = source->info->columns;
    source->n_columns = 0;
    for (; c->name && source->n_columns < CLI_SOURCE_COLUMNS; c++) {
        const bool behind = source->n_columns && c->list && !source->columns[source->n_columns - 1]->list;
        if (c->required || (behind && !has_option(task, c->name)))
            source->columns[source->n_columns++] = c;
    }
    if (!source->n_columns && source->info->columns->name)
        source->columns[source->n_columns++] = source->info->columns;
}

static pln_status refuse_texts(const struct cli_source *source, pln_error *error)
{
    const pln_column_info *const *list = source->columns;
    const uint32_t n = source->n_columns;
    char sentence[500];
    size_t used = (size_t)snprintf(sentence, sizeof sentence, "the task %s takes texts as rows of", source->info->name);
    for (uint32_t i = 0; i < n && used < sizeof sentence; i++)
        used += (size_t)snprintf(sentence + used, sizeof sentence - used, "%s %s%s", i ? "," : "", list[i]->name,
                                 list[i]->list ? " (all that are left)" : "");
    if (used < sizeof sentence)
        snprintf(sentence + used, sizeof sentence - used, "; %u are given", source->texts->n);
    return fail(error, PLN_INVALID, sentence);
}

static const pln_column_info *find_column(const pln_column_info *list, const char *pair, size_t bytes)
{
    for (; list && list->name; list++)
        if (strncmp(list->name, pair, bytes) == 0 && !list->name[bytes])
            return list;
    return NULL;
}

/* A name of --column that the task does not have is a slip: nothing would read that column. */
static pln_status check_names(const pln_task_info *info, const struct cli_task *task, pln_error *error)
{
    char sentence[500];
    for (uint32_t i = 0; i < task->columns.n; i++) {
        const char *name = task->columns.items[i];
        const size_t bytes = (size_t)(strchr(name, '=') - name);
        if (find_column(info->columns, name, bytes) || find_column(info->labels, name, bytes))
            continue;
        size_t used =
            (size_t)snprintf(sentence, sizeof sentence, "option --column: the task %s has no column \"%.*s\"; it has",
                             info->name, (int)(bytes < 200 ? bytes : 200), name);
        for (const pln_column_info *c = info->columns; c->name && used < sizeof sentence; c++)
            used += (size_t)snprintf(sentence + used, sizeof sentence - used, "%s %s", c == info->columns ? "" : ",",
                                     c->name);
        return fail(error, PLN_INVALID, sentence);
    }
    return PLN_OK;
}

pln_status cli_source_use(struct cli_source *source, const pln_task_info *info, const struct cli_task *task,
                          pln_error *error)
{
    source->info = info;
    if (check_names(info, task, error) != PLN_OK)
        return error->status;
    if (source->reader) {
        for (const pln_column_info *c = info->columns; source->told && c->name; c++)
            if (c->required && !is_named(task, c->name) && !is_in_file(source, c->name))
                return refuse_file(source, c->name, error);
        return PLN_OK;
    }
    list_columns(source, task);
    const uint32_t n = source->n_columns;
    const bool rest = n && source->columns[n - 1]->list;
    if (!n || (rest ? source->texts->n < n : source->texts->n % n != 0))
        return refuse_texts(source, error);
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
    const uint32_t n = source->n_columns;
    if (source->next == source->texts->n)
        return NULL;
    for (uint32_t i = 0; i < n; i++) {
        pln_field *field = &source->fields[i];
        const bool list = source->columns[i]->list;
        *field = (pln_field){.name = source->columns[i]->name};
        if (!list)
            field->text = take_text(source);
        while (list && source->next < source->texts->n)
            source->items[field->n_items++] = take_text(source);
        field->items = list ? source->items : NULL;
    }
    source->made = (pln_record){source->fields, n};
    return &source->made;
}

void cli_source_tell(const struct cli_source *source, uint64_t row, const char *sentence, char *to, size_t room)
{
    const char *file = NULL;
    size_t bytes = 0;
    if (source->reader) {
        pln_reader_place(source->reader, &file, NULL);
        bytes = strlen(file);
    }
    if (!file || (strncmp(sentence, file, bytes) == 0 && sentence[bytes] == ':'))
        snprintf(to, room, "%s", sentence);
    else
        snprintf(to, room, "%.200s:%llu: %.280s", file,
                 (unsigned long long)source->places[row % CLI_SOURCE_PLACES].line, sentence);
}

bool cli_source_is_typed(const struct cli_source *source)
{
    const char *input = source->task->input;
    return source->reader && (!input || strcmp(input, "-") == 0) && isatty(STDIN_FILENO);
}

void cli_source_show(const struct cli_source *source, struct cli_progress *progress, uint64_t skipped, double rows)
{
    uint64_t total, done = 0;
    const uint64_t n = (uint64_t)rows;
    pln_reader_progress(source->reader, NULL, &total);
    if (source->reader && n)
        done = source->places[(skipped + n - 1) % CLI_SOURCE_PLACES].bytes;
    cli_progress_rows(progress, n, done, total);
}

/* Of the file's names, the task knows nothing: it would say that its own is not there. */
static pln_status check_row(struct cli_source *source, const pln_record *row, pln_error *error)
{
    const pln_task_info *info = source->info;
    char why[400];
    for (uint32_t i = 0; info && i < source->task->columns.n; i++) {
        const char *pair = source->task->columns.items[i], *equals = strchr(pair, '=');
        const size_t bytes = (size_t)(equals - pair);
        const pln_column_info *own = find_column(info->columns, pair, bytes);
        const pln_column_info *column = !own && source->labelled ? find_column(info->labels, pair, bytes) : own;
        const bool there = !column || pln_record_field(row, column->name);
        source->seen[i] |= there;
        if (there || !column->required)
            continue;
        snprintf(why, sizeof why, "the row has no column \"%.200s\", which is to be `%.100s`", equals + 1,
                 column->name);
        *error = (pln_error){.status = PLN_INVALID, .node = -1};
        cli_source_tell(source, source->n_given - 1, why, error->message, sizeof error->message);
        return PLN_INVALID;
    }
    return PLN_OK;
}

void cli_source_warn(const struct cli_source *source)
{
    for (uint32_t i = 0; source->some && i < source->task->columns.n; i++) {
        const char *pair = source->task->columns.items[i];
        if (!source->seen[i])
            fprintf(stderr, "pleione: warning: no row has the column \"%s\" (--column %s)\n", strchr(pair, '=') + 1,
                    pair);
    }
}

static pln_status take_row(struct cli_source *source, const pln_record **row, pln_error *error)
{
    if (!source->peeked)
        return pln_reader_next(source->reader, row, error);
    source->peeked = false;
    *row = source->first;
    if (source->first_status != PLN_OK)
        *error = source->first_error;
    return source->first_status;
}

pln_status cli_source_next(struct cli_source *source, const pln_record **row, pln_error *error)
{
    if (!source->reader) {
        *row = make_row(source);
        return PLN_OK;
    }
    const pln_status status = take_row(source, row, error);
    struct cli_place *place = &source->places[source->n_given++ % CLI_SOURCE_PLACES];
    pln_reader_place(source->reader, NULL, &place->line);
    pln_reader_progress(source->reader, &place->bytes, NULL);
    source->whole = status == PLN_OK && *row;
    source->some |= source->whole;
    return source->whole ? check_row(source, *row, error) : status;
}
