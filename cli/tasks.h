/* SPDX-License-Identifier: Apache-2.0
 *
 * What commands share that work with tasks: which task, the options of all tasks by their tables, and which file.
 */
#ifndef CLI_TASKS_H
#define CLI_TASKS_H

#include "cli/cli.h"

enum { CLI_TASK_OPTIONS = 64 };

struct cli_task {               /* zero at first */
    const char *name;           /* --task; NULL: by the head */
    const char *input, *format; /* --input ("-" is stdin), --input-format; NULL: not given */
    struct cli_list columns;    /* NAME=COLUMN */
    /* by the keys of all tasks, each once */
    uint32_t n_keys;
    const char *keys[CLI_TASK_OPTIONS];
    const char *texts[CLI_TASK_OPTIONS]; /* NULL: not given */
    bool flags[CLI_TASK_OPTIONS];
};

/* --task, --input, --input-format, --column, then the options of all tasks. Keys that the command has already as options
 * are not added. Task is static: the rows point to it. */
void cli_task_options(struct cli_task *task, struct cli_options *options);
/* 0, or the exit code after a sentence: there is no such task, a column is no NAME=COLUMN. */
int cli_task_check(const struct cli_task *task);
/* --on-error row|stop, NULL if it is not given: whether the first row without an answer ends the command. 0, or the exit
 * code after a sentence. */
int cli_check_on_error(const char *value, bool *stop);
/* --label-column: the labels of the task are those of that column (NULL: as the task calls them), whose paths are those of
 * the task's. The texts live as long as the command. 0, or an exit code after a sentence. */
int cli_task_name_labels(struct cli_task *task, const pln_task_info *info, const char *column);
/* The options that were given; returns how many, at most CLI_TASK_OPTIONS. */
uint32_t cli_task_pairs(const struct cli_task *task, pln_option *pairs);
#endif
