/* SPDX-License-Identifier: Apache-2.0
 *
 * The process in which a plugin lives. It is asked for one test at a time; when it ends or is silent for too long that is
 * the answer to the test, and the next test gets a new process. The one that asks never loads a plugin.
 */
#ifndef CONFORMANCE_WORKER_H
#define CONFORMANCE_WORKER_H

#include "conformance/suite.h"

/* What is done with each case instead of running it: */
struct conf_mode {
    bool compile, claims; /* its plan is made; supports is asked */
    const char *dump;     /* folder */
};

struct conf_worker {
    const struct conf_plugin *plugin;
    const struct conf_mode *mode;
    double limit; /* seconds for a test */
    int pid;      /* 0: there is none */
    int channel;
    char *entry; /* what it is in now, in memory that both see */
};

/* Starts it and waits for the plugin to be opened; hello says how far it came. False: there is no process. */
bool conf_worker_start(struct conf_worker *w, struct conf_hello *hello);
/* Runs a test. False: the worker is gone, and the answer says how; *silent: since it took too long. */
bool conf_worker_ask(struct conf_worker *w, const struct conf_test *test, struct conf_answer *answer, bool *silent);
/* Lets it end as a program does. False: it ended otherwise, and why says how. */
bool conf_worker_end(struct conf_worker *w, char *why, size_t bytes);
#endif
