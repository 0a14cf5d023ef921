/* SPDX-License-Identifier: Apache-2.0
 *
 * The roof of a GPU: a graph of one linear node, made by the builder as any other, at the shapes that most of
 * ELECTRA-base's arithmetic has.
 */
#include <stdlib.h>

#include "cli/measuring/roof.h"

enum { HIDDEN = 768, INNER = 3072, LEAST_ROWS = 128, MOST_ROWS = 8192, RUNS = 3 };
static const double long_enough = 0.02; /* seconds; more rows bring nothing then */

struct product {
    uint32_t width, outputs;
    float *weight, *x, *y;
    pln_tensor tensor; /* the graph keeps it */
    pln_graph *graph;
    pln_schedule *schedule;
};

static void finish_product(struct product *p)
{
    if (p->schedule)
        pln_schedule_destroy(&p->schedule);
    if (p->graph)
        pln_graph_destroy(&p->graph);
    free(p->weight);
    free(p->x);
    free(p->y);
}

/* Numbers with all their bits in use: some devices are faster on zeros. */
static float *fill(size_t n)
{
    float *data = malloc(n * sizeof *data);
    uint32_t state = 1;
    for (size_t i = 0; data && i < n; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (float)(state >> 8) / 16777216.0f - 0.5f;
    }
    return data;
}

static pln_status init_product(struct product *p, pln_devices *devices, pln_error *error)
{
    *error = (pln_error){.status = PLN_NO_MEMORY, .node = -1, .message = "no memory for a plain product"};
    p->weight = fill((size_t)p->outputs * p->width);
    p->x = fill((size_t)MOST_ROWS * p->width);
    p->y = malloc((size_t)MOST_ROWS * p->outputs * sizeof *p->y);
    p->graph = pln_graph_create("plain product");
    if (!p->weight || !p->x || !p->y || !p->graph)
        return PLN_NO_MEMORY;
    p->tensor =
        (pln_tensor){.name = "w", .dtype = PLN_F32, .rank = 2, .shape = {p->outputs, p->width}, .data = p->weight};
    const pln_tensor *part = &p->tensor;
    pln_value *x = pln_graph_input(p->graph, "x", PLN_F32, pln_rows_of(pln_graph_symbol(p->graph, "rows")), p->width);
    pln_graph_output(p->graph, "y",
                     pln_linear(p->graph, x, pln_graph_constant(p->graph, "w", &part, 1),
                                PLN_OPTIONS(pln_linear_options, .name = "product")));
    const pln_status status = pln_graph_finish(p->graph, error);
    const pln_schedule_options options = {.size = sizeof options, .no_fallback = true, .timed = true};
    return status == PLN_OK ? pln_schedule_create(p->graph, devices, &options, &p->schedule, error) : status;
}

/* Best time of a few runs: the node's own, or from outside where the device has no clock. */
static pln_status time_rows(struct product *p, uint32_t rows, double *best, pln_error *error)
{
    const uint32_t dims[] = {0, rows};
    const pln_binding input = {"x", p->x}, output = {"y", p->y};
    pln_status status = PLN_OK;
    *best = 0;
    for (int i = 0; status == PLN_OK && i <= RUNS; i++) { /* the first one compiles */
        pln_node_report report = {.size = sizeof report};
        const double begin = cli_seconds();
        status = pln_schedule_run(p->schedule, dims, 2, &input, 1, &output, 1, error);
        double seconds = cli_seconds() - begin;
        if (status != PLN_OK || i == 0)
            continue;
        status = pln_schedule_node(p->schedule, 0, &report, error);
        seconds = report.measured_ns ? 1e-9 * (double)report.measured_ns : seconds;
        *best = *best == 0 || seconds < *best ? seconds : *best;
    }
    return status;
}

static pln_status time_product(struct product *p, pln_devices *devices, double *gflops, pln_error *error)
{
    double seconds = 0;
    pln_status status = init_product(p, devices, error);
    for (uint32_t rows = LEAST_ROWS; status == PLN_OK && rows <= MOST_ROWS && seconds < long_enough; rows *= 2) {
        status = time_rows(p, rows, &seconds, error);
        const double rate = 2.0 * rows * p->width * p->outputs / seconds / 1e9;
        if (status == PLN_OK && rate > *gflops)
            *gflops = rate;
    }
    finish_product(p);
    return status;
}

pln_status roof_product(const struct measured_device *device, double *gflops, pln_error *error)
{
    struct product up = {.width = HIDDEN, .outputs = INNER}, down = {.width = INNER, .outputs = HIDDEN};
    *gflops = 0;
    const pln_status status = time_product(&up, device->devices, gflops, error);
    return status == PLN_OK ? time_product(&down, device->devices, gflops, error) : status;
}
