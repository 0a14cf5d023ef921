/* SPDX-License-Identifier: Apache-2.0
 *
 * What of a process a backend must leave as it was: floating-point state, working directory, signals, environment,
 * locale, what is on stdout; and what grows: descriptors and threads.
 */
#ifndef CONFORMANCE_PROCESS_H
#define CONFORMANCE_PROCESS_H

#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Rounding, flushing and traps of the calling thread. */
uint32_t conf_float_state(void);
void conf_set_float_state(uint32_t state);

enum { CONF_SIGNALS = 65 };
struct conf_process {
    char directory[PATH_MAX], locale[256];
    mode_t mask;
    struct sigaction actions[CONF_SIGNALS];
    sigset_t blocked;
    uint64_t environment; /* a sum over it */
    int32_t alarm;        /* a timer is set */
    uint64_t processors;  /* a sum over those that the thread may run on */
    uint64_t limits;      /* and over the limits of the process */
    int32_t priority;
    bool streams[3]; /* that are open */
    pid_t group;
    stack_t stack; /* of signals */
};

void conf_process_look(struct conf_process *p);
/* Violations for what differs, and it is set back. Handlers that a library below the plugin installs (drivers do) are
 * its own; so are the environment, timers, the process group and the stack of signals, unless there is no driver below
 * (`own`). */
void conf_process_compare(struct conf_process *before, bool own);

uint32_t conf_descriptors(void);
uint32_t conf_threads(void);
uint32_t conf_pages(void); /* of the address space */

/* From here on stdout and stderr are kept. conf_output_check: a violation if something was written to stdout since the
 * last call, or to stderr if `errors`; else that goes where stderr went before. */
void conf_output_begin(void);
void conf_output_check(bool errors);
int conf_output_log(void); /* the stderr of before */
#endif
