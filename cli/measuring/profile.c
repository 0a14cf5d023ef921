/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione bench --profile: where the time of a run goes, by nodes of the same name in all layers. The times are those
 * of the fastest of many runs, as the device's own clock tells them.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/measuring/bench.h"

enum { MOST_GROUPS = 48 };

static const struct table_column columns[] = {
    {.key = "device", .title = "device", .width = 9},
    {.key = "shape", .title = "shape", .width = 9, .rank = 1},
    {.key = "nodes", .title = "nodes", .width = 36},
    {.key = "count", .title = "count", .type = TABLE_COUNT, .rank = 4},
    {.key = "kernel", .title = "kernel", .width = 18, .rank = 3},
    {.key = "time_ms",
     .title = "time",
     .unit = "ms",
     .type = TABLE_NUMBER,
     .digits = 3,
     .width = 10,
     .absent = "not measured"},
    {.key = "share_percent", .title = "share", .unit = "%", .type = TABLE_NUMBER, .digits = 1},
    {.key = "gflops", .title = "GFLOP/s", .type = TABLE_NUMBER, .digits = 1, .rank = 2},
    {.key = "of_roof_percent", .title = "of roof", .unit = "%", .type = TABLE_NUMBER, .digits = 1},
    {.key = "verdict", .title = "verdict", .judges = true},
};

/* Nodes whose names differ in numbers only: "layer.*.intermediate". */
struct group {
    char name[80], kernel[64];
    uint32_t count;
    double ns, flops;
};

struct profile {
    double seconds; /* to look for */
    uint32_t n;
    double run_ns; /* the whole run, from outside */
    struct group groups[MOST_GROUPS];
};

static void name_group(const char *node, char *name, size_t bytes)
{
    size_t used = 0;
    for (; *node && used + 1 < bytes; node++) {
        const bool digit = isdigit((unsigned char)*node);
        if (digit && used && name[used - 1] == '*')
            continue;
        name[used++] = digit ? '*' : *node;
    }
    name[used] = '\0';
}

static struct group *find_group(struct profile *p, const char *name)
{
    for (uint32_t i = 0; i < p->n; i++)
        if (strcmp(p->groups[i].name, name) == 0)
            return &p->groups[i];
    struct group *group = &p->groups[p->n < MOST_GROUPS - 1 ? p->n++ : MOST_GROUPS - 1];
    snprintf(group->name, sizeof group->name, "%s", name);
    return group;
}

static pln_status read_schedule(const pln_schedule *schedule, struct profile *p, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < pln_schedule_node_count(schedule); i++) {
        pln_node_report report = {.size = sizeof report};
        char name[80];
        status = pln_schedule_node(schedule, i, &report, error);
        if (status != PLN_OK)
            break;
        name_group(report.name, name, sizeof name);
        struct group *group = find_group(p, name);
        snprintf(group->kernel, sizeof group->kernel, "%s", report.kernel);
        group->count++;
        group->ns += (double)report.measured_ns;
        group->flops += (double)report.flops;
    }
    return status;
}

/* The profile of the fastest run. */
static pln_status profile_device(void *context, void *argument, pln_error *error)
{
    enum { WARM_UP = 2, LEAST = 3 };
    const struct measured_device *d = context;
    struct profile *p = argument;
    const double seconds = p->seconds;
    pln_status status = PLN_OK;
    double end = 0;
    for (int i = 0; status == PLN_OK && !cli_interrupted() && (i < WARM_UP + LEAST || cli_seconds() < end); i++) {
        const pln_tensor *outputs;
        uint32_t n;
        const double begin = cli_seconds();
        status = pln_session_forward(d->session, d->input.tensors, 2, &outputs, &n, error);
        const double ns = 1e9 * (cli_seconds() - begin);
        end = i == WARM_UP ? begin + seconds : end;
        if (status != PLN_OK || i < WARM_UP || (p->n && ns >= p->run_ns))
            continue;
        *p = (struct profile){.run_ns = ns};
        status = read_schedule(pln_session_schedule(d->session), p, error);
    }
    return status;
}

static void add_rows(struct table *t, const struct measured_device *d, const struct roof *roof, const char *shape,
                     struct profile *p)
{
    struct group *host = find_group(p, "outside kernels");
    host->ns = p->run_ns;
    for (uint32_t i = 0; i < p->n; i++)
        host->ns -= &p->groups[i] == host ? 0 : p->groups[i].ns;
    for (uint32_t i = 0; i < p->n; i++) {
        const struct group *group = &p->groups[i];
        const double gflops = group->flops / group->ns, share = 100 * group->ns / p->run_ns;
        table_add_row(t);
        table_set_text(t, "device", d->place.label);
        table_set_text(t, "shape", shape);
        table_set_text(t, "nodes", group->name);
        if (group == host || group->ns > 0) { /* not every backend can tell */
            table_set_number(t, "time_ms", group->ns / 1e6);
            table_set_number(t, "share_percent", share);
        }
        if (group == host)
            continue;
        table_set_text(t, "kernel", group->kernel);
        table_set_number(t, "count", group->count);
        table_set_number(t, "gflops", gflops);
        table_set_number(t, "of_roof_percent", 100 * gflops / roof->gflops);
    }
}

static pln_status profile_shape(const struct bench *b, struct speed *s, struct cli_shape shape, struct table *t,
                                pln_error *error)
{
    struct measure *m = &s->measure;
    pln_status status = measure_give(m, NULL, shape, error);
    for (uint32_t i = 0; status == PLN_OK && !cli_interrupted() && i < m->n; i++) {
        struct profile profile = {.seconds = b->seconds};
        cli_wait_begin(false, "profiling %s, %s", m->devices[i].place.label, m->batch.shape);
        status = measure_ask(&m->devices[i], profile_device, &profile, sizeof profile, error);
        cli_wait_end();
        if (status == PLN_OK && measure_is_lost(&m->devices[i]))
            measure_add_lost(t, m, &m->devices[i]);
        else if (status == PLN_OK && profile.n)
            add_rows(t, &m->devices[i], &s->roofs[i], m->batch.shape, &profile);
    }
    return status;
}

pln_status bench_profile(void *context, struct table *t, pln_error *error)
{
    struct bench *b = context;
    struct speed s = {0};
    b->options.timed = true;
    pln_status status = speed_open(&s, &b->options, b->directory, error);
    table_add_columns(t, columns, sizeof columns / sizeof *columns);
    t->plot = (struct table_plot){.kind = TABLE_BARS,
                                  .series = "nodes",
                                  .group = "device",
                                  .value = "time_ms",
                                  .unit = "ms",
                                  .beside = {"share_percent", "gflops"},
                                  .sense = "Time of a run by nodes of the same name in all layers, fastest run.",
                                  .value_name = "time, ms"};
    if (status == PLN_OK)
        speed_describe(t, &s, "where the time goes", b->directory);
    for (uint32_t i = 0; status == PLN_OK && !cli_interrupted() && i < b->n_shapes; i++) {
        status = profile_shape(b, &s, b->shapes[i], t, error);
        if (status == PLN_OK)
            output_print(&b->output, t);
    }
    b->lost = measure_lost_code(&s.measure);
    speed_close(&s);
    return status;
}
