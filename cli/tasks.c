/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of tasks: one row of the command's table for each key, whichever tasks have it.
 */
#include "cli/tasks.h"

#include <ctype.h>
#include <string.h>

static bool is_flag(const pln_option_info *option)
{
    return strcmp(option->values, "yes|no") == 0;
}

static const pln_option_info *find_key(const pln_task_info *info, const char *key)
{
    for (const pln_option_info *o = info->options; o->key; o++)
        if (strcmp(o->key, key) == 0)
            return o;
    return NULL;
}

/* "1.." is a number; of words those of the task that has most. */
static const char *argument_of(const pln_option_info *option)
{
    const pln_task_info *info;
    const char *most = option->values;
    if (is_flag(option))
        return NULL;
    if (isdigit((unsigned char)*option->values) && strstr(option->values, ".."))
        return strchr(option->values, '.')[1] == '.' ? "N" : "X";
    for (uint32_t i = 0; (info = pln_task_at(i)); i++) {
        const pln_option_info *other = find_key(info, option->key);
        most = other && strlen(other->values) > strlen(most) ? other->values : most;
    }
    return most;
}

/* "classify, answer: so many; rank: as many": tasks that say the same of a key stand together. */
static void describe_key(const char *key, char *text, size_t room)
{
    const pln_task_info *info, *other;
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; (info = pln_task_at(i)) && used < room; i++) {
        const pln_option_info *option = find_key(info, key), *same;
        bool said = !option;
        for (uint32_t j = 0; !said && j < i; j++)
            said = (same = find_key(pln_task_at(j), key)) && strcmp(same->help, option->help) == 0;
        if (said)
            continue;
        used += (size_t)snprintf(text + used, room - used, "%s%s", used ? "; " : "", info->name);
        for (uint32_t j = i + 1; (other = pln_task_at(j)) && used < room; j++)
            if ((same = find_key(other, key)) && strcmp(same->help, option->help) == 0)
                used += (size_t)snprintf(text + used, room - used, ", %s", other->name);
        if (used < room)
            used += (size_t)snprintf(text + used, room - used, ": %s", option->help);
    }
}

static bool has_option(const struct cli_options *options, const char *key)
{
    for (uint32_t i = 0; i < options->n; i++)
        if (strcmp(options->rows[i].name + 2, key) == 0)
            return true;
    return false;
}

static void add_key(struct cli_task *task, const pln_option_info *option, struct cli_options *options)
{
    static char names[CLI_TASK_OPTIONS][32], help[CLI_TASK_OPTIONS][600];
    const uint32_t n = task->n_keys;
    if (n == CLI_TASK_OPTIONS || has_option(options, option->key))
        return;
    snprintf(names[n], sizeof names[n], "--%s", option->key);
    describe_key(option->key, help[n], sizeof help[n]);
    task->keys[n] = option->key;
    task->n_keys++;
    const struct cli_option row = {names[n], is_flag(option) ? CLI_FLAG : CLI_TEXT,
                                   is_flag(option) ? (void *)&task->flags[n] : (void *)&task->texts[n],
                                   argument_of(option), help[n]};
    cli_add_options(options, &row, 1);
}

/* "detect|fill-mask|...". */
static const char *list_tasks(void)
{
    static char list[200];
    const pln_task_info *info;
    size_t used = 0;
    for (uint32_t i = 0; (info = pln_task_at(i)) && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? "|" : "", info->name);
    return list;
}

void cli_task_options(struct cli_task *task, struct cli_options *options)
{
    const struct cli_option rows[] = {
        {"--task", CLI_TEXT, &task->name, list_tasks(),
         "what is done (default of run: by the head; of a sequence classifier by the columns: query, "
         "candidate_labels)"},
        {"--input", CLI_TEXT, &task->input, "FILE",
         "rows: .txt .csv .tsv .jsonl .conll .json, also .gz and .zst; - is stdin"},
        {"--input-format", CLI_TEXT, &task->format, "text|csv|tsv|jsonl|conll|squad",
         "of the input (default: by its ending; stdin is text, a line a row)"},
        {"--column", CLI_REPEATED, &task->columns, "NAME=COLUMN", "the column of the input that the task calls NAME"},
    };
    const pln_task_info *info;
    cli_add_options(options, rows, sizeof rows / sizeof *rows);
    for (uint32_t i = 0; (info = pln_task_at(i)); i++)
        for (const pln_option_info *o = info->options; o->key; o++)
            add_key(task, o, options);
}

int cli_task_check(const struct cli_task *task)
{
    const pln_task_info *info;
    if (task->name && !pln_task_find(task->name, &info))
        return cli_usage_error("option --task: \"%s\" is not %s", task->name, list_tasks());
    for (uint32_t i = 0; i < task->columns.n; i++) {
        const char *column = task->columns.items[i], *equals = strchr(column, '=');
        if (!equals || equals == column || !equals[1])
            return cli_usage_error("option --column: \"%s\" is not NAME=COLUMN", column);
    }
    return 0;
}

int cli_check_on_error(const char *value, bool *stop)
{
    *stop = value && strcmp(value, "stop") == 0;
    return !value || *stop || strcmp(value, "row") == 0
               ? 0
               : cli_usage_error("option --on-error: \"%s\" is not row|stop", value);
}

int cli_task_name_labels(struct cli_task *task, const pln_task_info *info, const char *column)
{
    enum { MOST_LABELS = 4, MOST_NAME = 256 };
    static char names[MOST_LABELS][MOST_NAME];
    uint32_t n = 0;
    for (const pln_column_info *label = info->labels; column && label->name; label++, n++) {
        const char *path = strchr(label->name, '.');
        const int used = n < MOST_LABELS
                             ? snprintf(names[n], sizeof *names, "%s=%s%s", label->name, column, path ? path : "")
                             : MOST_NAME;
        if (used >= MOST_NAME || task->columns.n == CLI_LIST)
            return cli_usage_error("--label-column: \"%.100s\" is too long, or there are too many --column", column);
        task->columns.items[task->columns.n++] = names[n];
    }
    if (column && !n)
        return cli_usage_error("the task %s has no column of labels", info->name);
    return 0;
}

uint32_t cli_task_pairs(const struct cli_task *task, pln_option *pairs)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < task->n_keys; i++)
        if (task->texts[i] || task->flags[i])
            pairs[n++] = (pln_option){task->keys[i], task->flags[i] ? "yes" : task->texts[i]};
    return n;
}
