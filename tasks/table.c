/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of tasks.
 */
#include "common/door.h"
#include "session/session.h"
#include "tasks/task.h"

static const struct task_kind *const kinds[] = {
#define TASK(name) &task_##name,
#include "tasks/tasks.def"
#undef TASK
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

const struct task_kind *task_kind_at(uint32_t index)
{
    return index < N_KINDS ? kinds[index] : NULL;
}

const struct task_kind *task_kind_find(const char *name)
{
    for (uint32_t i = 0; i < N_KINDS; i++)
        if (strcmp(kinds[i]->info.name, name) == 0)
            return kinds[i];
    return NULL;
}

const struct task_kind *task_kind_choose(const pln_model *model, pln_head head, const pln_record *row)
{
    const struct task_kind *usual = NULL;
    for (uint32_t i = 0; i < N_KINDS; i++) {
        const struct task_kind *kind = kinds[i];
        if (head != (kind->info.head == PLN_HEAD_DEFAULT ? PLN_HEAD_MODEL : kind->info.head) &&
            (!kind->also || head != kind->also))
            continue;
        if (kind->chosen && kind->chosen(model, row))
            return kind;
        if (!kind->chosen && !usual)
            usual = kind;
    }
    return usual;
}

const pln_task_info *pln_task_at(uint32_t index)
{
    return index < N_KINDS ? &kinds[index]->info : NULL;
}

bool pln_task_find(const char *name, const pln_task_info **info)
{
    const struct task_kind *kind = name && info ? task_kind_find(name) : NULL;
    if (kind)
        *info = &kind->info;
    return kind != NULL;
}

const pln_task_info *pln_task_choose(const pln_model *model, const pln_record *row)
{
    const struct task_kind *kind = model ? task_kind_choose(model, model->config.head, row) : NULL;
    return kind ? &kind->info : NULL;
}
