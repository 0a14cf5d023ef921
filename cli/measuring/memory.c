/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione bench --memory: the most that a process holds which runs one row, beside what was planned. Each row has a
 * process of its own for each shape: the peak of a process never sinks.
 */
#include "cli/measuring/bench.h"

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
    {.key = "limit_mb", .title = "limit", .unit = "MB", .type = TABLE_NUMBER, .digits = 1, .rank = 1},
    {.key = "verdict", .title = "verdict", .judges = true},
    {.key = "name", .type = TABLE_TEXT},
    {.key = "threads", .type = TABLE_COUNT},
};

struct counts {
    double weights, planned; /* bytes */
};

static pln_status count_bytes(void *context, void *argument, pln_error *error)
{
    const struct measured_device *d = context;
    struct counts *counts = argument;
    uint32_t dims[64], n;
    pln_statistics statistics = {.size = sizeof statistics};
    pln_memory memory = {.size = sizeof memory};
    pln_status status = pln_schedule_statistics(pln_session_schedule(d->session), &statistics, error);
    counts->planned = (double)statistics.planned_bytes;
    if (status == PLN_OK)
        status = pln_session_prepare(d->session, d->input.batch, d->input.length, dims, &n, error);
    for (uint32_t i = 0; status == PLN_OK && pln_devices_entry(d->devices, i); i++) {
        status = pln_schedule_estimate(pln_session_schedule(d->session), dims, n, i, &memory, error);
        counts->weights += status == PLN_OK ? (double)memory.constant_bytes : 0;
    }
    return status;
}

static pln_status run_few(void *context, void *argument, pln_error *error)
{
    enum { RUNS = 3 };
    const struct measured_device *d = context;
    (void)argument;
    pln_status status = PLN_OK;
    for (int i = 0; status == PLN_OK && i < RUNS; i++) {
        const pln_tensor *outputs;
        uint32_t n;
        status = pln_session_forward(d->session, d->input.tensors, 2, &outputs, &n, error);
    }
    return status;
}

/* The row alone: opened, run a few times, closed. */
static pln_status run_row(struct measure *m, struct measured_device *d, struct cli_shape shape, struct counts *counts,
                          double *peak, pln_error *error)
{
    char nothing = 0;
    pln_status status = measure_open_row(m, d, error);
    cli_wait_begin(false, "running on %s", d->place.label);
    if (status == PLN_OK)
        status = measure_give_row(m, d, NULL, shape, error);
    if (status == PLN_OK)
        status = measure_ask(d, run_few, &nothing, sizeof nothing, error);
    if (status == PLN_OK)
        status = measure_ask(d, count_bytes, counts, sizeof *counts, error);
    cli_wait_end();
    *peak = measure_close_row(d);
    return status;
}

static void add_row(struct table *t, const struct measure *m, const struct measured_device *d,
                    const struct counts *counts, double peak)
{
    const double beyond = peak - counts->weights - counts->planned;
    table_add_row(t);
    table_set_text(t, "device", d->place.label);
    table_set_text(t, "shape", m->batch.shape);
    table_set_number(t, "weights_mb", counts->weights / mega);
    table_set_number(t, "planned_mb", counts->planned / mega);
    table_set_number(t, "peak_mb", peak / mega);
    table_set_number(t, "beyond_mb", beyond / mega);
    table_set_number(t, "limit_mb", limit_bytes / mega);
    table_set_text(t, "verdict", beyond <= limit_bytes ? "within" : "above");
    table_set_text(t, "name", d->facts.name);
    if (d->facts.threads)
        table_set_number(t, "threads", d->facts.threads);
}

pln_status bench_memory(void *context, struct table *t, pln_error *error)
{
    struct bench *b = context;
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
    struct measure m = {0};
    pln_status status = measure_list(&m, &b->options, b->directory, error);
    for (uint32_t i = 0; status == PLN_OK && i < b->n_shapes * m.n && !cli_interrupted(); i++) {
        struct measured_device *d = &m.devices[i % m.n];
        struct counts counts = {0};
        double peak;
        status = run_row(&m, d, b->shapes[i / m.n], &counts, &peak, error);
        if (status != PLN_OK || cli_interrupted())
            break;
        if (measure_is_lost(d))
            measure_add_lost(t, &m, d);
        else
            add_row(t, &m, d, &counts, peak);
        output_print(&b->output, t);
    }
    b->lost = measure_lost_code(&m);
    measure_close(&m);
    return status;
}
