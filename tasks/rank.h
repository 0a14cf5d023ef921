/* SPDX-License-Identifier: Apache-2.0
 *
 * What the third side of rank asks the first two.
 */
#ifndef TASKS_RANK_H
#define TASKS_RANK_H

#include "tasks/task.h"

uint32_t task_rank_label(const struct task_row *row);                 /* the logit that counts */
double task_rank_score(const struct task_row *row, uint32_t passage); /* as the answer has it, whatever its `top` */
#endif
