/* SPDX-License-Identifier: Apache-2.0
 *
 * What the sides of fill-mask ask each other.
 */
#ifndef TASKS_FILL_MASK_H
#define TASKS_FILL_MASK_H

#include "tasks/task.h"

/* In place of `mark` for a row with labels: chooses tokens of the sequence, makes [MASK] (the id) of most of them, and
 * wants their logits. PLN_NO_MEMORY. */
pln_status task_mask_some(struct task_row *row, struct task_sequence *sequence, int32_t mask, pln_error *error);
#endif
