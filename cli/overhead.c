/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione bench --overhead: the time of a run less the time of its kernels. Sessions are timed node by node, so both
 * come from the same run.
 */
#include <stdlib.h>

#include "cli/bench.h"

/* What the host may take on cpu: so much a run and so much a node, microseconds. */
static const double limit_run = 20, limit_node = 1;

static const struct table_column columns[] = {
    {.key = "device", .title = "device", .width = 9},
    {.key = "shape", .title = "shape", .width = 9},
    {.key = "nodes", .title = "nodes", .type = TABLE_COUNT},
    {.key = "run_us", .title = "run", .unit = "us", .type = TABLE_NUMBER, .digits = 1, .width = 10},
    {.key = "kernels_us", .title = "kernels", .unit = "us", .type = TABLE_NUMBER, .digits = 1, .width = 10},
    {.key = "host_us", .title = "host", .unit = "us", .type = TABLE_NUMBER, .digits = 1, .width = 8},
    {.key = "host_p90_us", .title = "host p90", .unit = "us", .type = TABLE_NUMBER, .digits = 1},
    {.key = "limit_us", .title = "limit", .unit = "us", .type = TABLE_NUMBER, .digits = 1},
    {.key = "verdict", .title = "verdict"},
    {.key = "name", .type = TABLE_TEXT},
    {.key = "threads", .type = TABLE_COUNT},
    {.key = "runs", .type = TABLE_COUNT},
};

struct spent {
    uint32_t nodes, n;
    double run[MEASURE_TIMES], kernels[MEASURE_TIMES], host[MEASURE_TIMES]; /* microseconds */
};

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static pln_status run_once(const struct measured_device *d, const struct cli_batch *batch, struct spent *s,
                           pln_error *error)
{
    const pln_tensor *outputs;
    uint32_t n;
    uint64_t ns = 0;
    const double begin = cli_seconds();
    const pln_status status = pln_session_forward(d->session, batch->tensors, 2, &outputs, &n, error);
    const double run = 1e6 * (cli_seconds() - begin);
    const pln_schedule *schedule = status == PLN_OK ? pln_session_schedule(d->session) : NULL;
    s->nodes = schedule ? pln_schedule_nodes(schedule) : 0;
    for (uint32_t i = 0; i < s->nodes; i++) {
        pln_node_report report;
        pln_schedule_node(schedule, i, &report);
        ns += report.measured_ns;
    }
    s->run[s->n] = run;
    s->kernels[s->n] = 1e-3 * (double)ns;
    s->host[s->n] = ns ? run - 1e-3 * (double)ns : 0.0 / 0.0; /* a device without a clock */
    return status;
}

static pln_status time_device(const struct measured_device *d, const struct cli_batch *batch, double seconds,
                              struct spent *s, pln_error *error)
{
    enum { WARM_UP = 3 };
    pln_status status = PLN_OK;
    for (int i = 0; status == PLN_OK && i < WARM_UP; i++, s->n = 0)
        status = run_once(d, batch, s, error);
    const double end = cli_seconds() + seconds;
    while (status == PLN_OK && s->n < MEASURE_TIMES && !cli_interrupted() && (s->n < WARM_UP || cli_seconds() < end)) {
        status = run_once(d, batch, s, error);
        s->n++;
    }
    qsort(s->run, s->n, sizeof *s->run, by_value);
    qsort(s->kernels, s->n, sizeof *s->kernels, by_value);
    qsort(s->host, s->n, sizeof *s->host, by_value);
    return status;
}

static void add_row(struct table *t, const struct measured_device *d, const struct cli_batch *batch,
                    const struct spent *s)
{
    const double limit = limit_run + limit_node * s->nodes, host = s->host[s->n / 2];
    char shape[48];
    table_add_row(t);
    table_set_text(t, "device", d->label);
    table_set_text(t, "shape", cli_batch_shape(batch, shape, sizeof shape));
    table_set_number(t, "nodes", s->nodes);
    table_set_number(t, "run_us", s->run[s->n / 2]);
    table_set_number(t, "kernels_us", s->kernels[s->n / 2]);
    table_set_number(t, "host_us", host);
    table_set_number(t, "host_p90_us", s->host[s->n * 9 / 10]);
    table_set_number(t, "limit_us", limit);
    table_set_text(t, "verdict", host <= limit ? "within" : host > limit ? "above" : "not timed");
    table_set_text(t, "name", d->entry->info.name);
    if (measure_threads(d))
        table_set_number(t, "threads", measure_threads(d));
    table_set_number(t, "runs", s->n);
}

static pln_status time_shape(struct bench *b, const struct measure *m, struct cli_shape shape, struct table *t,
                             pln_error *error)
{
    struct cli_batch batch = {0};
    struct spent *spent = calloc(1, sizeof *spent);
    pln_status status = cli_batch_random(&batch, shape, m->teams[0].model, b->options.common.seed, error);
    if (status == PLN_OK && !spent) {
        *error = (pln_error){.status = PLN_NO_MEMORY, .node = -1, .message = "no memory for the times"};
        status = PLN_NO_MEMORY;
    }
    for (uint32_t i = 0; status == PLN_OK && !cli_interrupted() && i < m->n; i++) {
        status = time_device(&m->devices[i], &batch, b->seconds, spent, error);
        if (status == PLN_OK && !cli_interrupted())
            add_row(t, &m->devices[i], &batch, spent);
    }
    cli_batch_finish(&batch);
    free(spent);
    return status;
}

pln_status bench_overhead(struct bench *b, struct table *t, pln_error *error)
{
    struct measure m = {0};
    b->options.session.schedule.timed = true;
    table_add_columns(t, columns, sizeof columns / sizeof *columns);
    t->plot = (struct table_plot){.kind = TABLE_BARS,
                                  .series = "device",
                                  .group = "shape",
                                  .value = "host_us",
                                  .unit = "us",
                                  .beside = {"nodes", "verdict"},
                                  .value_name = "time outside kernels, us",
                                  .sense = "Time of the host per run outside kernels, median; shorter is better."};
    snprintf(t->title, sizeof t->title, "Time of the host per run outside kernels");
    table_add_note(t, "Medians of whole runs; the limit on cpu is %.0f us a run and %.0f us a node.", limit_run,
                   limit_node);
    pln_status status = measure_open(&m, &b->options, b->directory, error);
    if (status == PLN_OK)
        measure_widen(&m, t);
    for (uint32_t i = 0; status == PLN_OK && !cli_interrupted() && i < b->n_shapes; i++) {
        status = time_shape(b, &m, b->shapes[i], t, error);
        if (status == PLN_OK)
            output_print(&b->output, t);
    }
    measure_close(&m);
    return status;
}
