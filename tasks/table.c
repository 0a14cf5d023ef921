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

const struct task_kind *task_at(uint32_t index)
{
    return index < N_KINDS ? kinds[index] : NULL;
}

const struct task_kind *task_find(const char *name)
{
    for (uint32_t i = 0; i < N_KINDS; i++)
        if (strcmp(kinds[i]->info.name, name) == 0)
            return kinds[i];
    return NULL;
}

const struct task_kind *task_choose(const pln_model *model, pln_head head, const pln_record *row)
{
    for (uint32_t i = 0; i < N_KINDS; i++) {
        const pln_head needed = kinds[i]->info.head;
        if ((needed == PLN_HEAD_DEFAULT || needed == head) && (!kinds[i]->chosen || kinds[i]->chosen(model, row)))
            return kinds[i];
    }
    return NULL;
}

const pln_task_info *pln_task_at(uint32_t index)
{
    return index < N_KINDS ? &kinds[index]->info : NULL;
}

bool pln_task_find(const char *name, const pln_task_info **info)
{
    const struct task_kind *kind = name && info ? task_find(name) : NULL;
    if (kind)
        *info = &kind->info;
    return kind != NULL;
}

const pln_task_info *pln_task_choose(const pln_model *model, const pln_record *row)
{
    const struct task_kind *kind = model ? task_choose(model, model->config.head, row) : NULL;
    return kind ? &kind->info : NULL;
}
