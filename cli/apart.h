/* SPDX-License-Identifier: Apache-2.0
 *
 * What a command writes must not be what it reads: it would be emptied before it is read, replaced, or read as what it
 * never was.
 */
#ifndef CLI_APART_H
#define CLI_APART_H

#include "cli/cli.h"

/* Both give 0, or 2 after a sentence that names the option. output may be NULL, or not be there yet; inputs may be NULL,
 * "-" is standard input. */

/* The output is none of the inputs. */
int cli_check_apart(const char *option, const char *output, const char *const *inputs, uint32_t n_inputs);
/* Nor does it lie, or would it, anywhere in such a folder: for folders that are read with all that is in them. */
int cli_check_outside(const char *option, const char *output, const char *const *inputs, uint32_t n_inputs);
#endif
