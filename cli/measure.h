/* SPDX-License-Identifier: Apache-2.0
 *
 * A set of devices side by side, each with its own session on the same model, timed in turn.
 */
#ifndef CLI_MEASURE_H
#define CLI_MEASURE_H

#include "cli/cli.h"

enum { MEASURE_DEVICES = 32, MEASURE_TIMES = 4096 };

struct measured_device {
    pln_devices *devices;
    pln_session *session;
    const pln_device_entry *entry;
    uint32_t n;                  /* runs timed */
    double times[MEASURE_TIMES]; /* seconds, ascending after measure_run */
};

struct measure {
    pln_runtime *runtime;
    pln_model *model;
    uint32_t n;
    struct measured_device *devices;
};

/* Opens the model and a session per device of common->device (NULL: every usable one). measure_close closes what was
 * opened. */
pln_status measure_open(struct measure *m, const struct cli_common *common, const char *directory,
                        pln_session_options options, pln_error *error);
void measure_close(struct measure *m);

/* Runs the batch once on each device untimed, then in turn for `seconds` a device. Stops early when interrupted. */
pln_status measure_run(struct measure *m, const struct cli_batch *batch, double seconds, pln_error *error);

/* The time below which the share of the runs lies; 0 is the best, 0.5 the median. */
double measure_quantile(const struct measured_device *device, double share);
#endif
