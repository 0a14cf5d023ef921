/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices side by side, each with its own session on the same model, timed in turn. A device can stand there several
 * times, with other options (--each).
 */
#ifndef CLI_MEASURE_H
#define CLI_MEASURE_H

#include "cli/cli.h"
#include "cli/table.h"

enum { MEASURE_DEVICES = 32, MEASURE_TEAMS = 8, MEASURE_EACH = 4, MEASURE_VALUES = 8, MEASURE_TIMES = 4096 };

/* --each KEY=A,B,C: a row for each value. KEY is "threads" or an option of a device. */
struct measure_each {
    char key[32];
    uint32_t n;
    char values[MEASURE_VALUES][32];
};

struct measure_options {
    struct cli_common common; /* device: the list; NULL or "all": every usable one */
    struct cli_list each;
    pln_session_options session;
};

/* A number of threads: a runtime of its own, with the model opened in it. */
struct measured_team {
    uint32_t threads; /* as asked for; 0: all */
    pln_runtime *runtime;
    pln_model *model;
};

struct measured_device {
    char label[96]; /* "cpu level=avx2" */
    bool bf16;      /* its products multiply in bf16 (math=bf16) */
    const struct measured_team *team;
    pln_devices *devices;
    pln_session *session;
    const pln_device_entry *entry;
    double first; /* seconds of the first run of the batch: plan made, weights packed, kernels compiled */
    uint32_t n;   /* warm runs timed */
    double times[MEASURE_TIMES]; /* seconds, ascending after measure_run */
};

/* Where a row comes from: a device of the list, and which values of the --each that it takes. */
struct measured_place {
    char device[32];
    uint32_t combination;
};

enum measure_scope {
    MEASURE_ALL,
    MEASURE_LIST, /* rows are only listed */
    MEASURE_ONE,  /* of the list's one device the row with the values `only`; options of other devices are let be */
};

struct measure {
    enum measure_scope scope; /* set before measure_open, as `only` */
    uint32_t only;
    uint32_t n_places;
    struct measured_place places[MEASURE_DEVICES]; /* of all rows */
    uint32_t n_teams, n, n_each;
    struct measured_team teams[MEASURE_TEAMS]; /* the first has the threads of --threads */
    struct measure_each each[MEASURE_EACH];
    struct measured_device *devices; /* [n] */
};

/* Fills one row: --each. */
enum { MEASURE_OPTIONS = 1 };
void measure_each_option(struct measure_options *options, struct cli_option *option);

/* Opens the model and a session for each row. measure_close closes what was opened. */
pln_status measure_open(struct measure *m, const struct measure_options *options, const char *directory,
                        pln_error *error);
void measure_close(struct measure *m);

/* Runs the batch once on each device, then in turn for `seconds` a device. Stops early when interrupted. */
pln_status measure_run(struct measure *m, const struct cli_batch *batch, double seconds, pln_error *error);

/* The time below which the share of the runs lies; 0 is the best, 0.5 the median. */
double measure_quantile(const struct measured_device *device, double share);
double measure_fastest(const struct measure *m, double share); /* least of the devices */
/* The column "device" of the table becomes as wide as the longest label. */
void measure_widen(const struct measure *m, struct table *t);
/* Threads that the device computes with, as far as the command decides: 0 for one that brings its own. */
uint32_t measure_threads(const struct measured_device *device);
#endif
