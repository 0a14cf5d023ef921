/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione bench --overhead: the time of a run less the time of its kernels. Sessions are timed node by node, so both
 * come from the same run.
 */
#include <math.h>
#include <stdlib.h>

#include "cli/measuring/bench.h"
#include "cli/measuring/sort.h"

/* What the host may take on cpu: so much a run and so much a node, microseconds. */
static const double limit_run = 20, limit_node = 1;

static const struct table_column columns[] = {
    {.key = "device", .title = "device", .width = 9},
    {.key = "shape", .title = "shape", .width = 9},
    {.key = "nodes", .title = "nodes", .type = TABLE_COUNT, .rank = 1},
    {.key = "run_us", .title = "run", .unit = "us", .type = TABLE_NUMBER, .digits = 1, .width = 10},
    {.key = "kernels_us", .title = "kernels", .unit = "us", .type = TABLE_NUMBER, .digits = 1, .width = 10},
    {.key = "host_us", .title = "host", .unit = "us", .type = TABLE_NUMBER, .digits = 1, .width = 8},
    {.key = "host_p90_us", .title = "host p90", .unit = "us", .type = TABLE_NUMBER, .digits = 1, .rank = 2},
    {.key = "limit_us", .title = "limit", .unit = "us", .type = TABLE_NUMBER, .digits = 1},
    {.key = "verdict", .title = "verdict", .judges = true},
    {.key = "name", .type = TABLE_TEXT},
    {.key = "threads", .type = TABLE_COUNT},
    {.key = "runs", .type = TABLE_COUNT},
};

struct spent {
    uint32_t nodes, n;
    double run[MEASURE_TIMES], kernels[MEASURE_TIMES], host[MEASURE_TIMES]; /* microseconds */
};

static pln_status run_once(const struct measured_device *d, const struct cli_batch *batch, struct spent *s,
                           pln_error *error)
{
    const pln_tensor *outputs;
    uint32_t n;
    uint64_t ns = 0;
    const double begin = cli_seconds();
    pln_status status = pln_session_forward(d->session, batch->tensors, 2, &outputs, &n, error);
    const double run = 1e6 * (cli_seconds() - begin);
    const pln_schedule *schedule = status == PLN_OK ? pln_session_schedule(d->session) : NULL;
    s->nodes = schedule ? pln_schedule_node_count(schedule) : 0;
    for (uint32_t i = 0; status == PLN_OK && i < s->nodes; i++) {
        pln_node_report report = {.size = sizeof report};
        status = pln_schedule_node(schedule, i, &report, error);
        ns += report.measured_ns;
    }
    s->run[s->n] = run;
    s->kernels[s->n] = 1e-3 * (double)ns;
    s->host[s->n] = ns ? run - 1e-3 * (double)ns : (double)NAN; /* a device without a clock */
    return status;
}

/* What a row tells of its batch, medians in microseconds. */
struct overhead {
    double seconds; /* to measure for */
    uint32_t nodes, n;
    double run, kernels, host, host_p90; /* host: NaN of a device without a clock */
};

static pln_status time_runs(const struct measured_device *d, double seconds, struct spent *s, pln_error *error)
{
    enum { WARM_UP = 3 };
    pln_status status = PLN_OK;
    for (int i = 0; status == PLN_OK && i < WARM_UP; i++, s->n = 0)
        status = run_once(d, &d->input, s, error);
    const double end = cli_seconds() + seconds;
    while (status == PLN_OK && s->n < MEASURE_TIMES && !cli_interrupted() && (s->n < WARM_UP || cli_seconds() < end)) {
        status = run_once(d, &d->input, s, error);
        s->n++;
    }
    sort_times(s->run, s->n);
    sort_times(s->kernels, s->n);
    sort_times(s->host, s->n);
    return status;
}

static pln_status measure_overhead(void *context, void *argument, pln_error *error)
{
    struct overhead *o = argument;
    struct spent *s = calloc(1, sizeof *s);
    if (!s) {
        *error = (pln_error){.status = PLN_NO_MEMORY, .node = -1, .message = "no memory for the times"};
        return PLN_NO_MEMORY;
    }
    const pln_status status = time_runs(context, o->seconds, s, error);
    if (status == PLN_OK && s->n)
        *o = (struct overhead){.nodes = s->nodes,
                               .n = s->n,
                               .run = s->run[s->n / 2],
                               .kernels = s->kernels[s->n / 2],
                               .host = s->host[s->n / 2],
                               .host_p90 = s->host[s->n * 9 / 10]};
    free(s);
    return status;
}

static const char *verdict_of(double host, double limit)
{
    if (isnan(host))
        return "not timed";
    return host <= limit ? "within" : "above";
}

static void add_row(struct table *t, const struct measure *m, const struct measured_device *d, const struct overhead *o)
{
    const double limit = limit_run + limit_node * o->nodes;
    table_add_row(t);
    table_set_text(t, "device", d->place.label);
    table_set_text(t, "shape", m->batch.shape);
    table_set_number(t, "nodes", o->nodes);
    table_set_number(t, "run_us", o->run);
    table_set_number(t, "kernels_us", o->kernels);
    table_set_number(t, "host_us", o->host);
    table_set_number(t, "host_p90_us", o->host_p90);
    table_set_number(t, "limit_us", limit);
    table_set_text(t, "verdict", verdict_of(o->host, limit));
    table_set_text(t, "name", d->facts.name);
    if (d->facts.threads)
        table_set_number(t, "threads", d->facts.threads);
    table_set_number(t, "runs", o->n);
}

static pln_status time_shape(const struct bench *b, struct measure *m, struct cli_shape shape, struct table *t,
                             pln_error *error)
{
    pln_status status = measure_give(m, NULL, shape, error);
    for (uint32_t i = 0; status == PLN_OK && !cli_interrupted() && i < m->n; i++) {
        struct measured_device *d = &m->devices[i];
        struct overhead overhead = {.seconds = b->seconds};
        cli_wait_begin(false, "timing %s, %s", d->place.label, m->batch.shape);
        status = measure_ask(d, measure_overhead, &overhead, sizeof overhead, error);
        cli_wait_end();
        if (status == PLN_OK && measure_is_lost(d))
            measure_add_lost(t, m, d);
        else if (status == PLN_OK && !cli_interrupted())
            add_row(t, m, d, &overhead);
    }
    return status;
}

pln_status bench_overhead(void *context, struct table *t, pln_error *error)
{
    struct bench *b = context;
    struct measure m = {0};
    b->options.timed = true;
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
    b->lost = measure_lost_code(&m);
    measure_close(&m);
    return status;
}
