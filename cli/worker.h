/* SPDX-License-Identifier: Apache-2.0
 *
 * A process of its own for what may end the process that it runs in: a driver that aborts then costs its own answers
 * and no others.
 */
#ifndef CLI_WORKER_H
#define CLI_WORKER_H

#include "cli/cli.h"

struct worker {
    int pid; /* 0: there is none */
    int channel;
};

/* What is asked of a worker; context is that of worker_start. */
typedef pln_status worker_task(void *context, void *argument, pln_error *error);

/* Forks: the worker has what memory holds now, and changes to it are its own. To be called while the process has one
 * thread and has loaded no driver. PLN_FAILED. */
pln_status worker_start(struct worker *w, void *context, pln_error *error);

/* Runs the task in the worker and waits for it; the bytes at argument go there and come back. The status is the
 * task's, or PLN_FAILED with the way in which the worker ended. An interrupt ends the waiting and the worker. */
pln_status worker_ask(struct worker *w, worker_task *task, void *argument, size_t bytes, pln_error *error);

/* Ends it, at once after an interrupt; does nothing for a zeroed one. Returns the most memory that it held, bytes. */
double worker_end(struct worker *w);

/* Whether another process of the command has logged this already; if not, it counts as said by this one. */
bool worker_has_said(const char *message);
#endif
