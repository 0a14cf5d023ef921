/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices side by side, each in a process of its own with its own session on the same model, timed in turn. A device
 * can stand there several times, with other options (--each). A row whose process ends, or whose device fails, is lost:
 * it keeps the reason, and the others go on.
 */
#ifndef CLI_MEASURING_MEASURE_H
#define CLI_MEASURING_MEASURE_H

#include "cli/measuring/batch.h"
#include "cli/tables/table.h"
#include "cli/worker.h"

enum { MEASURE_DEVICES = 32, MEASURE_EACH = 4, MEASURE_VALUES = 8, MEASURE_TIMES = 4096, MEASURE_OPTIONS_GIVEN = 64 };

/* --each KEY=A,B,C: a row for each value. KEY is "threads" or an option of a device. */
struct measure_each {
    char key[32];
    uint32_t n;
    char values[MEASURE_VALUES][32];
};

struct measure_options {
    struct cli_common common; /* device: the list; NULL or "all": every usable one */
    struct cli_list each;
    bool timed;     /* nodes are timed in every run */
    bool pin;       /* threads of the processor's devices, while they are timed */
    double warm_up; /* seconds of untimed runs on each device behind the first one */
    uint32_t least; /* timed runs on each device, however long they take; 0: 3 */
};

enum { MEASURE_TOGETHER = 8 };
/* Where a row comes from: a device, or several of which a node runs on the first that takes it; the options that they
 * know, and the value of each --each that they take. */
struct measured_place {
    char device[96];  /* "onednn,cpu" */
    char label[160];  /* "onednn+cpu level=avx2" */
    uint64_t options; /* a bit for each --device-option */
    uint32_t takes;   /* a bit for each --each */
    uint32_t values[MEASURE_EACH];
    const char *fixed; /* instead of all of these: one option, and no rules of placement; or NULL */
};

/* What every process knows of an open row. */
struct measured_facts {
    const char *dtype;   /* of the weights of its products, or of its arithmetic where that is wider: "f32" */
    uint32_t kind;       /* pln_device_kind */
    uint32_t threads;    /* that it computes with, as far as the command decides: 0 for one that brings its own */
    double weight_bytes; /* of the matrices, as the device keeps them */
    char name[128], driver[128], version[64]; /* of the driver */
};

/* A batch as a table tells it. */
struct measured_batch {
    uint32_t batch, length, n_tokens;
    double flops;
    char shape[48]; /* "32x16-128" */
};

struct measured_device {
    struct measured_place place;
    struct measured_facts facts;
    struct worker worker;
    pln_error lost; /* its status is not PLN_OK: the row is lost, and why */
    double first;   /* seconds of the first run of the batch: plan made, weights packed, kernels compiled */
    uint32_t n;     /* warm runs timed */
    double times[MEASURE_TIMES]; /* seconds, ascending after measure_run */
    double taken[MEASURE_TIMES]; /* the same in the order in which they were taken */
    double joules;               /* of a run, on average; 0: not told */
    /* In the process of the row only, which is the context of what it is asked: */
    const struct measure *measure;
    pln_runtime *runtime;
    pln_model *model;
    pln_devices *devices;
    pln_session *session;
    struct cli_batch input;
};

struct measure {
    const struct measure_options *options;
    const char *directory;
    uint32_t n, n_each;
    struct measure_each each[MEASURE_EACH];
    struct measured_device *devices; /* [n] */
    struct measured_batch batch;     /* the last one given */
};

/* Adds --each. */
void measure_each_option(struct measure_options *options, struct cli_options *to);

/* Which rows there are; none is open. Keeps options and directory. measure_close closes what was opened. */
pln_status measure_list(struct measure *m, const struct measure_options *options, const char *directory,
                        pln_error *error);
/* Lists the rows and opens each. */
pln_status measure_open(struct measure *m, const struct measure_options *options, const char *directory,
                        pln_error *error);
void measure_close(struct measure *m);

/* One row: a process with the model and a session opened in it. */
pln_status measure_open_row(const struct measure *m, struct measured_device *d, pln_error *error);
/* Returns the most memory that its process held, bytes. */
double measure_close_row(struct measured_device *d);
/* Once more, in the row's process: a session on its devices, with trace every node's output. */
pln_status measure_create_session(const struct measured_device *d, bool trace, pln_session **session, pln_error *error);

/* Asks the row's process; its context is the row. What the device fails at loses the row, which is no failure here; a
 * lost row is asked nothing. PLN_INVALID and PLN_BAD_MODEL, which would strike all rows, are returned. */
pln_status measure_ask(struct measured_device *d, worker_task *task, void *argument, size_t bytes, pln_error *error);
/* Ends the row, keeps the reason and says it. */
void measure_lose(struct measured_device *d, const pln_error *why);
bool measure_is_lost(const struct measured_device *d);
/* The exit code of the first lost row, or 0. */
int measure_lost_code(const struct measure *m);

/* Gives a row, or each, the batch: the texts, or, if there are none, random ids of the shape. Texts are borrowed, and
 * must have been there before the rows were opened. */
pln_status measure_give_row(struct measure *m, struct measured_device *d, const struct cli_list *texts,
                            struct cli_shape shape, pln_error *error);
pln_status measure_give(struct measure *m, const struct cli_list *texts, struct cli_shape shape, pln_error *error);
/* Runs the batch once on each device, warms it up, then runs it in turn for `seconds` a device. Stops early when interrupted. */
pln_status measure_run(struct measure *m, double seconds, pln_error *error);

/* The time below which the share of the runs lies; 0 is the best, 0.5 the median. */
double measure_quantile(const struct measured_device *device, double share);
double measure_fastest(const struct measure *m, double share); /* least of the devices that are not lost */
/* The column "device" of the table becomes as wide as the longest label. */
void measure_widen(const struct measure *m, struct table *t);
/* A new row of the table for a lost one: device, shape, and why in the column "verdict". */
void measure_add_lost(struct table *t, const struct measure *m, const struct measured_device *d);
#endif
