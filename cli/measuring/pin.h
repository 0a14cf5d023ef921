/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads of a row's process, each on a processor of its own.
 */
#ifndef CLI_MEASURING_PIN_H
#define CLI_MEASURING_PIN_H

#include "cli/cli.h"

/* To be called in the row's process once its threads are there: the i-th is put on the i-th processor that the process
 * may use, one of each core first. PLN_FAILED if the system refuses. */
pln_status pin_threads(pln_error *error);
/* The calling thread, and those that it makes from here on, may use all processors again. */
pln_status pin_release(pln_error *error);
#endif
