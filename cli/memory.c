/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione bench --memory: the most that a process holds which runs one row, beside what was planned. Each row has a
 * process of its own, forked before anything is opened: the peak of a process never sinks.
 */
#define _DEFAULT_SOURCE /* wait4 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/bench.h"

/* What may be resident beyond packed weights and planned memory. */
static const double limit_bytes = 40e6;
static const double mega = 1e6;

static const struct table_column columns[] = {
    {.key = "device", .title = "device", .width = 28},
    {.key = "shape", .title = "shape", .width = 9},
    {.key = "weights_mb", .title = "weights", .unit = "MB", .type = TABLE_NUMBER, .digits = 1, .width = 10},
    {.key = "planned_mb", .title = "arena", .unit = "MB", .type = TABLE_NUMBER, .digits = 1, .width = 9},
    {.key = "peak_mb", .title = "peak", .unit = "MB", .type = TABLE_NUMBER, .digits = 1, .width = 9},
    {.key = "beyond_mb", .title = "beyond", .unit = "MB", .type = TABLE_NUMBER, .digits = 1},
    {.key = "limit_mb", .title = "limit", .unit = "MB", .type = TABLE_NUMBER, .digits = 1},
    {.key = "verdict", .title = "verdict"},
    {.key = "name", .type = TABLE_TEXT},
    {.key = "threads", .type = TABLE_COUNT},
};

/* What a process tells. */
struct told {
    pln_status status;
    uint32_t n_places; /* of the first process, which lists the rows */
    struct measured_place places[MEASURE_DEVICES];
    uint32_t threads;
    double weights, planned; /* bytes */
    char label[96], name[128];
    pln_error error;
};

static pln_status count_bytes(const struct measured_device *d, const struct cli_batch *batch, struct told *told)
{
    uint32_t dims[64], n;
    pln_statistics statistics;
    pln_memory memory;
    pln_schedule_statistics(pln_session_schedule(d->session), &statistics);
    told->planned = (double)statistics.planned_bytes;
    pln_status status = pln_session_prepare(d->session, batch->batch, batch->length, dims, &n, &told->error);
    for (uint32_t i = 0; status == PLN_OK && pln_devices_entry(d->devices, i); i++) {
        status = pln_schedule_estimate(pln_session_schedule(d->session), dims, n, i, &memory, &told->error);
        told->weights += status == PLN_OK ? (double)memory.constant_bytes : 0;
    }
    return status;
}

/* What a process is for: a row of a shape, or a list of the rows. */
struct errand {
    const struct measured_place *place; /* NULL: list */
    struct cli_shape shape;
};

static void list_rows(const struct bench *b, struct told *told)
{
    struct measure m = {.scope = MEASURE_LIST};
    told->status = measure_open(&m, &b->options, b->directory, &told->error);
    told->n_places = m.n_places;
    memcpy(told->places, m.places, sizeof told->places);
}

/* The row alone: opened, run a few times. */
static void run_row(const struct bench *b, const struct errand *errand, struct told *told)
{
    enum { RUNS = 3 };
    struct measure m = {.scope = MEASURE_ONE, .only = errand->place->combination};
    struct measure_options options = b->options;
    struct cli_batch batch = {0};
    options.common.device = errand->place->device;
    told->status = measure_open(&m, &options, b->directory, &told->error);
    if (told->status == PLN_OK)
        told->status = cli_batch_random(&batch, errand->shape, m.teams[0].model, options.common.seed, &told->error);
    for (int i = 0; told->status == PLN_OK && i < RUNS; i++) {
        const pln_tensor *outputs;
        uint32_t n;
        told->status = pln_session_forward(m.devices[0].session, batch.tensors, 2, &outputs, &n, &told->error);
    }
    if (told->status != PLN_OK)
        return;
    told->threads = measure_threads(&m.devices[0]);
    snprintf(told->label, sizeof told->label, "%s", m.devices[0].label);
    snprintf(told->name, sizeof told->name, "%s", m.devices[0].entry->info.name);
    told->status = count_bytes(&m.devices[0], &batch, told);
}

static pln_status fail(pln_error *error, const char *sentence)
{
    *error = (pln_error){.status = PLN_FAILED, .node = -1};
    snprintf(error->message, sizeof error->message, "the process of a row %s", sentence);
    return PLN_FAILED;
}

/* Runs the errand in a child; its peak, bytes, comes from the system, the rest through a pipe. */
static pln_status run_child(const struct bench *b, const struct errand *errand, struct told *told, double *peak,
                            pln_error *error)
{
    int ends[2], code;
    struct rusage usage;
    *told = (struct told){0};
    fflush(NULL);
    if (pipe(ends) != 0)
        return fail(error, strerror(errno));
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        if (errand->place)
            run_row(b, errand, told);
        else
            list_rows(b, told);
        _exit(write(ends[1], told, sizeof *told) == (ssize_t)sizeof *told ? 0 : 1);
    }
    close(ends[1]);
    const bool whole = child > 0 && read(ends[0], told, sizeof *told) == (ssize_t)sizeof *told;
    close(ends[0]);
    if (child < 0 || wait4(child, &code, 0, &usage) != child)
        return fail(error, "could not be started");
    if (!whole)
        return fail(error, "ended early");
    *peak = 1024 * (double)usage.ru_maxrss;
    *error = told->error;
    return told->status;
}

static void add_row(struct table *t, const struct told *told, const char *shape, double peak)
{
    const double beyond = peak - told->weights - told->planned;
    table_add_row(t);
    table_set_text(t, "device", told->label);
    table_set_text(t, "shape", shape);
    table_set_number(t, "weights_mb", told->weights / mega);
    table_set_number(t, "planned_mb", told->planned / mega);
    table_set_number(t, "peak_mb", peak / mega);
    table_set_number(t, "beyond_mb", beyond / mega);
    table_set_number(t, "limit_mb", limit_bytes / mega);
    table_set_text(t, "verdict", beyond <= limit_bytes ? "within" : "above");
    table_set_text(t, "name", told->name);
    if (told->threads)
        table_set_number(t, "threads", told->threads);
}

pln_status bench_memory(struct bench *b, struct table *t, pln_error *error)
{
    table_add_columns(t, columns, sizeof columns / sizeof *columns);
    t->plot = (struct table_plot){.kind = TABLE_BARS,
                                  .series = "device",
                                  .group = "shape",
                                  .value = "peak_mb",
                                  .unit = "MB",
                                  .beside = {"verdict"},
                                  .value_name = "peak resident memory, MB",
                                  .sense = "Peak resident memory of a process that runs one row; shorter is better."};
    snprintf(t->title, sizeof t->title, "Peak resident memory");
    table_add_note(t,
                   "Beyond: what is resident besides packed weights and planned memory; the limit on cpu is %.0f MB.",
                   limit_bytes / mega);
    struct told list, told;
    double peak;
    pln_status status = run_child(b, &(struct errand){0}, &list, &peak, error);
    for (uint32_t i = 0; status == PLN_OK && i < b->n_shapes * list.n_places && !cli_interrupted(); i++) {
        const struct cli_shape shape = b->shapes[i / list.n_places];
        const struct errand errand = {&list.places[i % list.n_places], shape};
        const struct cli_batch like = {.batch = shape.batch, .length = shape.length, .shortest = shape.shortest};
        char text[48];
        status = run_child(b, &errand, &told, &peak, error);
        if (status != PLN_OK)
            break;
        add_row(t, &told, cli_batch_shape(&like, text, sizeof text), peak);
        output_print(&b->output, t);
    }
    return status;
}
