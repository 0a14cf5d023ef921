/* SPDX-License-Identifier: Apache-2.0
 *
 * A log of steps as TensorBoard reads it: records of a file of events, with a sum (CRC-32C) of each. A run that goes on
 * goes on in the same file, behind the steps that it keeps, so that no point stands twice.
 */
#ifndef CLI_TABLES_EVENTS_H
#define CLI_TABLES_EVENTS_H

#include "cli/cli.h"

#define EVENTS_FILE "events.out.tfevents.pleione"

/* Begins the file in the folder, which is made if there is none, or goes on in it behind the first `begun` steps. *empty:
 * it has none of them. PLN_FAILED names the file. */
pln_status events_open(const char *folder, uint32_t begun, FILE **file, bool *empty, pln_error *error);
/* The numbers of a line of the log, each under its name. PLN_FAILED, PLN_NO_MEMORY. */
pln_status events_add(FILE *file, const json_t *line, pln_error *error);
#endif
