/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints what docs/tasks.md says of every task, from the table in the code; check_tasks.py compares.
 */
#include <stdio.h>

#include "api/pleione.h"

static void print_escaped(const char *text)
{
    for (; *text; text++)
        printf(*text == '|' ? "\\|" : "%c", *text);
}

static void print_columns(const char *what, const pln_column_info *columns)
{
    for (const pln_column_info *c = columns; c->name; c++)
        printf("| %s | `%s` | %s%s | %s |\n", what, c->name, c->list ? "list" : "text",
               c->required ? "" : ", or absent", c->help);
}

int main(void)
{
    const pln_task_info *task;
    for (uint32_t i = 0; (task = pln_task_at(i)); i++) {
        printf("\n### %s\n\n%s. Head: %s.\n\n", task->name, task->summary,
               task->head == PLN_HEAD_DEFAULT ? "any" : pln_head_string(task->head));
        printf("| | name | values | what |\n|---|---|---|---|\n");
        print_columns("column", task->columns);
        print_columns("label", task->labels);
        for (const pln_option_info *o = task->options; o->key; o++) {
            printf("| option | `%s` | `", o->key);
            print_escaped(o->values);
            printf("` | %s |\n", o->help);
        }
    }
    return 0;
}
