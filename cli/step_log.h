/* SPDX-License-Identifier: Apache-2.0
 *
 * A log of steps: one JSON object a line, each step once, whatever was killed on the way.
 */
#ifndef CLI_STEP_LOG_H
#define CLI_STEP_LOG_H

#include "cli/cli.h"

/* Begins the file, or goes on in it behind the lines of the first `begun` steps: later ones are cut off. PLN_FAILED names
 * the file. */
pln_status cli_log_open(const char *path, uint32_t begun, FILE **log, pln_error *error);
/* Takes the line; NULL: there was no memory for it. */
pln_status cli_log_write(FILE *log, const char *path, json_t *line, pln_error *error);
json_t *cli_json_number(double x); /* null where it is none */
#endif
