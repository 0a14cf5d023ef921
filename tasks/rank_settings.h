/* SPDX-License-Identifier: Apache-2.0
 *
 * What the sides of rank share: which logit counts, and what a score is made of it.
 */
#ifndef TASKS_RANK_SETTINGS_H
#define TASKS_RANK_SETTINGS_H

#include "tasks/task.h"

struct task_rank_settings {
    uint32_t label, top;
    float (*activate)(float x);
};

static inline float task_rank_logit(const struct task_row *row, uint32_t passage)
{
    const struct task_rank_settings *settings = row->settings;
    return row->sequences[passage].outputs[0].data[settings->label];
}

/* As the answer has it, whatever its `top`. */
static inline float task_rank_score(const struct task_row *row, uint32_t passage)
{
    return ((const struct task_rank_settings *)row->settings)->activate(task_rank_logit(row, passage));
}
#endif
