/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes every OpenCL text with the options that a GPU of a vendor is asked to build for the shipped model, every head
 * and several sizes: dump_opencl MODEL VENDOR FOLDER. NAME-N.cl beside NAME-N.options. No device is needed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/gpu/gpu.h"
#include "scheduler/scheduler.h"
#include "tests/every_op.h"

enum { MOST = 1024 };

struct dump {
    const char *folder;
    struct gpu_limits limits;
    uint32_t n;
    struct gpu_launch seen[MOST];
};

static bool same(const struct gpu_launch *a, const struct gpu_launch *b)
{
    return strcmp(a->kernel, b->kernel) == 0 && a->n_specs == b->n_specs &&
           memcmp(a->specs, b->specs, a->n_specs * sizeof *a->specs) == 0;
}

static FILE *open_file(const struct dump *d, const struct gpu_launch *launch, const char *ending)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s-%u.%s", d->folder, launch->kernel, d->n, ending);
    return fopen(path, "w");
}

static pln_status write_launch(void *context, const struct gpu_launch *launch, pln_error *error)
{
    struct dump *d = context;
    (void)error;
    for (uint32_t i = 0; i < d->n; i++)
        if (same(&d->seen[i], launch))
            return PLN_OK;
    const struct gpu_text *text = gpu_text_find(launch->kernel);
    FILE *cl = open_file(d, launch, "cl"), *options = open_file(d, launch, "options");
    if (!text || !cl || !options || d->n == MOST)
        return PLN_FAILED;
    fwrite(text->bytes, 1, text->size, cl);
    for (uint32_t i = 0; i < launch->n_specs; i++)
        fprintf(options, "-DS%u=%uu ", i, launch->specs[i]);
    fclose(cl);
    fclose(options);
    d->seen[d->n++] = *launch;
    return PLN_OK;
}

/* Lowers the whole graph as one segment, without memory. */
static pln_status dump_schedule(struct dump *d, pln_schedule *schedule, const uint32_t *dims, pln_error *error)
{
    struct arena arena = {0};
    uint32_t capacity[GRAPH_SYMBOLS];
    pln_segment view;
    sched_bucket(schedule, dims, capacity);
    pln_status status = sched_view(schedule, NULL, 0, 0, schedule->graph->n_nodes, capacity, &arena, &view, error);
    for (uint32_t i = 0; status == PLN_OK && i < view.n_nodes; i++) {
        pln_verdict verdict = {.size = sizeof verdict};
        gpu_supports(&d->limits, &view, i, &verdict);
        if (verdict.supported)
            status = gpu_lower(&d->limits, &view, i, write_launch, d, error);
        else
            fprintf(stderr, "%s: %s\n", pln_segment_node(&view, i)->name, verdict.reason), status = PLN_UNSUPPORTED;
    }
    arena_finish(&arena);
    return status;
}

static pln_status dump_head(struct dump *d, pln_model *model, pln_devices *devices, pln_head head, pln_error *error)
{
    static const uint32_t shapes[][2] = {{1, 16}, {8, 128}};
    const pln_session_options options = {.head = head, .attentions = true};
    uint32_t dims[GRAPH_SYMBOLS], n_dims;
    pln_session *session = NULL;
    pln_status status = pln_session_create(model, devices, &options, &session, error);
    for (int i = 0; status == PLN_OK && i < 2; i++) {
        status = pln_session_prepare(session, shapes[i][0], shapes[i][1], dims, &n_dims, error);
        if (status == PLN_OK)
            status = dump_schedule(d, pln_session_schedule(session), dims, error);
    }
    if (session)
        pln_session_destroy(&session);
    return status;
}

static pln_status dump_every_op(struct dump *d, pln_devices *devices, pln_error *error)
{
    static const uint32_t dims[GRAPH_SYMBOLS] = {0, 100, 4, 2500, 2500};
    pln_graph *graph = every_op_graph(error);
    pln_schedule *schedule = NULL;
    pln_status status = graph ? pln_schedule_create(graph, devices, NULL, &schedule, error) : error->status;
    if (status == PLN_OK)
        status = dump_schedule(d, schedule, dims, error);
    if (schedule)
        pln_schedule_destroy(&schedule);
    pln_graph_destroy(&graph);
    return status;
}

int main(int argc, char **argv)
{
    static struct dump d;
    pln_error error = {.message = ""};
    pln_runtime *runtime = NULL;
    pln_devices *devices = NULL;
    pln_model *model = NULL;
    if (argc != 4)
        return 2;
    d.folder = argv[3];
    d.limits = (struct gpu_limits){.vendor_id = (uint32_t)strtoul(argv[2], NULL, 0),
                                   .max_workgroup = 256,
                                   .shared_bytes = 32768,
                                   .offset_alignment = 128,
                                   .max_range = 1u << 30};
    pln_status status = pln_runtime_create(NULL, &runtime, &error);
    if (status == PLN_OK)
        status = pln_devices_open(runtime, "reference", NULL, 0, &devices, &error);
    if (status == PLN_OK)
        status = pln_model_open(runtime, argv[1], NULL, &model, &error);
    for (int head = PLN_HEAD_MODEL; status == PLN_OK && head <= PLN_HEAD_QUESTION_ANSWERING; head++)
        status = dump_head(&d, model, devices, (pln_head)head, &error);
    if (status == PLN_OK)
        status = dump_every_op(&d, devices, &error);
    pln_model_close(&model);
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
    printf("%u kernels\n", d.n);
    if (status != PLN_OK)
        fprintf(stderr, "%s\n", error.message);
    return status != PLN_OK || d.n < 20;
}
