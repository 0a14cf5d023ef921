/* SPDX-License-Identifier: Apache-2.0
 *
 * The file of `bench --save`: a JSON object a line for each call, with every time of every row, so that a later call can
 * be judged against it.
 */
#ifndef CLI_MEASURING_HISTORY_H
#define CLI_MEASURING_HISTORY_H

#include "cli/measuring/judge.h"
#include "cli/measuring/speed.h"

enum { HISTORY_BYTES = 64 << 20 /* of a file that is read */ };

/* Lines of the file, checked; *lines is a new array. PLN_FAILED when it cannot be read, PLN_INVALID when it is larger
 * than HISTORY_BYTES, has no line, or a line that is none of ours, which is named. */
pln_status history_read(const char *path, json_t **lines, pln_error *error);

/* Whether a line can be appended: before anything is measured. */
pln_status history_check(const char *path, pln_error *error);
/* Appends the line in one piece. */
pln_status history_append(const char *path, const json_t *line, pln_error *error);

/* A new line without rows; settings are what must be the same in what is compared. NULL if there is no memory. */
json_t *history_line(const struct measure_options *options, const char *directory, double seconds);
/* Appends the row of device i after speed_set; roofs: before and after its times. False if there is no memory. */
bool history_add(json_t *line, const struct speed *s, uint32_t i, const struct roof roofs[2]);

/* What is looked for: the row of this line, as it was measured with the same processor, model, settings, device, type,
 * threads and shape. */
struct history_want {
    const json_t *line, *row;
    bool another_build; /* only lines that another build of the command wrote */
};

/* The times of the newest line that has it, and of those of the same build before it, JUDGE_ROUNDS at most: a file may
 * hold many states of the code. *seconds, which the rounds borrow from as from lines, is new (free). PLN_NO_MEMORY. */
pln_status history_side(const json_t *lines, const struct history_want *want, struct judge_side *side, double **seconds,
                        pln_error *error);
#endif
