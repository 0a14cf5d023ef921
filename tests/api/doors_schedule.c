/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors of states and schedules. Numbers of the world's graph: tokens, picks.
 */
#include "tests/api/doors.h"

static const uint32_t good_dims[] = {0, 3, 2};
enum { N_DIMS = 3 };

/* Numbers that every function of sizes refuses. */
static const struct {
    uint32_t dims[N_DIMS], n;
    const char *words;
} wrong_dims[] = {
    {{0, 3, 2}, 2, "only 2 numbers"},
    {{0, UINT32_MAX, 2}, N_DIMS, "tokens of graph picks is 4294967295"},
    {{0, 3, UINT32_MAX - 3}, N_DIMS, "picks of graph picks is 4294967292"},
    {{0, 3, 1}, N_DIMS, "row 1 of value y of graph picks is taken, but it has 1"},
};
enum { N_WRONG = sizeof wrong_dims / sizeof *wrong_dims };

static void knock_pln_states_create(void)
{
    pln_states *states = NULL;
    refused(pln_states_create(NULL, &states, fresh()), "devices is NULL");
    refused(pln_states_create(w.devices, NULL, fresh()), "states is NULL");
}

static void knock_pln_states_destroy(void)
{
    pln_states *none = NULL;
    pln_states_destroy(NULL);
    pln_states_destroy(&none);
}

static void knock_pln_schedule_create(void)
{
    pln_schedule *schedule = w.schedule;
    const char *const rules[] = {NULL};
    refused(pln_schedule_create(w.graph, w.devices, NULL, NULL, fresh()), "schedule is NULL");
    refused(pln_schedule_create(NULL, w.devices, NULL, &schedule, fresh()), "graph is NULL");
    assert_null(schedule);
    refused(pln_schedule_create(w.graph, NULL, NULL, &schedule, fresh()), "devices is NULL");
    refused(pln_schedule_create(w.other_graph, w.devices, NULL, &schedule, fresh()), "not finished");
    pln_schedule_options options = {.size = sizeof options, .n_place = 1};
    refused(pln_schedule_create(w.graph, w.devices, &options, &schedule, fresh()), "rule 0");
    options.place = rules;
    refused(pln_schedule_create(w.graph, w.devices, &options, &schedule, fresh()), "rule 0");
    pln_states *foreign;
    must(pln_states_create(w.other_devices, &foreign, fresh()), &w.error);
    options = (pln_schedule_options){.size = sizeof(pln_schedule_options), .states = foreign};
    refused(pln_schedule_create(w.graph, w.devices, &options, &schedule, fresh()), "another list of devices");
    pln_states_destroy(&foreign);
    assert_null(schedule);
}

static void knock_pln_schedule_destroy(void)
{
    pln_schedule *none = NULL;
    pln_schedule_destroy(NULL);
    pln_schedule_destroy(&none);
}

static pln_status run(const pln_binding *inputs, const pln_binding *output)
{
    return pln_schedule_run(w.schedule, good_dims, N_DIMS, inputs, 2, output, 1, fresh());
}

static void knock_pln_schedule_run(void)
{
    float x[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, y[8] = {0};
    int32_t ids[] = {2, 0};
    const pln_binding in[] = {{"x", x}, {"ids", ids}}, out = {"y", y};
    refused(pln_schedule_run(NULL, good_dims, N_DIMS, in, 2, &out, 1, fresh()), "schedule is NULL");
    refused(pln_schedule_run(w.schedule, NULL, N_DIMS, in, 2, &out, 1, fresh()), "dims is NULL");
    refused(pln_schedule_run(w.schedule, good_dims, N_DIMS, NULL, 2, &out, 1, fresh()), "inputs is NULL");
    refused(pln_schedule_run(w.schedule, good_dims, N_DIMS, in, 2, NULL, 1, fresh()), "outputs is NULL");
    refused(pln_schedule_run(w.schedule, good_dims, N_DIMS, in, 1, &out, 1, fresh()),
            "ids of graph picks is not bound");
    for (size_t i = 0; i < N_WRONG; i++)
        refused(pln_schedule_run(w.schedule, wrong_dims[i].dims, wrong_dims[i].n, in, 2, &out, 1, fresh()),
                wrong_dims[i].words);
    const pln_binding no_data[] = {{"x", NULL}, {"ids", ids}}, no_name[] = {{"x", x}, {NULL, ids}};
    refused(run(no_data, &out), "data is NULL");
    refused(run(no_name, &out), "name is NULL");
    refused(run(in, &(pln_binding){"y", NULL}), "data is NULL");
    refused(run(in, &(pln_binding){NULL, y}), "name is NULL");
    refused(run(in, &(pln_binding){"z", y}), "no output z");
    const pln_binding twice[] = {out, out};
    refused(pln_schedule_run(w.schedule, good_dims, N_DIMS, in, 2, twice, 2, fresh()), "output y is bound twice");
    static const int32_t wrong[] = {3, -1, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ids[1] = wrong[i];
        refused(run(in, &out), "input ids of graph picks");
    }
    assert_true(y[0] == 0);
    ids[1] = 0;
    must(run(in, &out), &w.error);
    assert_true(y[0] == 9 && y[4] == 1);
}

static void knock_pln_schedule_prepare(void)
{
    refused(pln_schedule_prepare(NULL, good_dims, N_DIMS, fresh()), "schedule is NULL");
    refused(pln_schedule_prepare(w.schedule, NULL, N_DIMS, fresh()), "dims is NULL");
    for (size_t i = 0; i < N_WRONG; i++)
        refused(pln_schedule_prepare(w.schedule, wrong_dims[i].dims, wrong_dims[i].n, fresh()), wrong_dims[i].words);
}

static void knock_pln_schedule_state_read(void)
{
    float data[4];
    refused(pln_schedule_state_read(NULL, "kept", data, fresh()), "schedule is NULL");
    refused(pln_schedule_state_read(w.schedule, NULL, data, fresh()), "name is NULL");
    refused(pln_schedule_state_read(w.schedule, "kept", NULL, fresh()), "data is NULL");
    refused(pln_schedule_state_read(w.schedule, "none", data, fresh()), "no state none");
}

static void knock_pln_schedule_state_write(void)
{
    const float data[4] = {0};
    refused(pln_schedule_state_write(NULL, "kept", data, fresh()), "schedule is NULL");
    refused(pln_schedule_state_write(w.schedule, NULL, data, fresh()), "name is NULL");
    refused(pln_schedule_state_write(w.schedule, "kept", NULL, fresh()), "data is NULL");
    refused(pln_schedule_state_write(w.schedule, "none", data, fresh()), "no state none");
}

static void knock_pln_schedule_estimate(void)
{
    pln_memory memory = {.size = sizeof memory};
    refused(pln_schedule_estimate(NULL, good_dims, N_DIMS, 0, &memory, fresh()), "schedule is NULL");
    refused(pln_schedule_estimate(w.schedule, NULL, N_DIMS, 0, &memory, fresh()), "dims is NULL");
    refused(pln_schedule_estimate(w.schedule, good_dims, N_DIMS, 0, NULL, fresh()), "memory is NULL");
    refused(pln_schedule_estimate(w.schedule, good_dims, N_DIMS, 99999, &memory, fresh()), "no device 99999");
    for (size_t i = 0; i < N_WRONG; i++)
        refused(pln_schedule_estimate(w.schedule, wrong_dims[i].dims, wrong_dims[i].n, 0, &memory, fresh()),
                wrong_dims[i].words);
}

static void knock_pln_schedule_flops(void)
{
    uint64_t flops;
    refused(pln_schedule_flops(NULL, good_dims, N_DIMS, &flops, fresh()), "schedule is NULL");
    refused(pln_schedule_flops(w.schedule, NULL, N_DIMS, &flops, fresh()), "dims is NULL");
    refused(pln_schedule_flops(w.schedule, good_dims, N_DIMS, NULL, fresh()), "flops is NULL");
    for (size_t i = 0; i < N_WRONG; i++)
        refused(pln_schedule_flops(w.schedule, wrong_dims[i].dims, wrong_dims[i].n, &flops, fresh()),
                wrong_dims[i].words);
}

static void knock_pln_schedule_statistics(void)
{
    pln_statistics statistics = {.size = sizeof statistics};
    refused(pln_schedule_statistics(NULL, &statistics, fresh()), "schedule is NULL");
    refused(pln_schedule_statistics(w.schedule, NULL, fresh()), "statistics is NULL");
}

static void knock_pln_schedule_node_count(void)
{
    assert_int_equal(pln_schedule_node_count(NULL), 0);
}

static void knock_pln_schedule_node(void)
{
    pln_node_report report = {.size = sizeof report, .name = "before"};
    refused(pln_schedule_node(w.schedule, 99999, &report, fresh()), "no node 99999");
    refused(pln_schedule_node(NULL, 0, &report, fresh()), "schedule is NULL");
    refused(pln_schedule_node(w.schedule, 0, NULL, fresh()), "report is NULL");
    assert_string_equal(report.name, "before");
}

static void knock_pln_schedule_kernels(void)
{
    pln_kernel_info kernel;
    uint32_t n;
    refused(pln_schedule_kernels(NULL, 0, &kernel, sizeof kernel, 1, &n, fresh()), "schedule is NULL");
    refused(pln_schedule_kernels(w.schedule, 0, NULL, sizeof kernel, 1, &n, fresh()), "kernels is NULL");
    refused(pln_schedule_kernels(w.schedule, 0, &kernel, sizeof kernel, 1, NULL, fresh()), "n_kernels is NULL");
    refused(pln_schedule_kernels(w.schedule, 99999, &kernel, sizeof kernel, 1, &n, fresh()), "no device 99999");
}

static void knock_pln_schedule_programs(void)
{
    static pln_program program;
    uint32_t n;
    refused(pln_schedule_programs(NULL, good_dims, N_DIMS, 0, &program, sizeof program, 1, &n, fresh()),
            "schedule is NULL");
    refused(pln_schedule_programs(w.schedule, NULL, N_DIMS, 0, &program, sizeof program, 1, &n, fresh()),
            "dims is NULL");
    refused(pln_schedule_programs(w.schedule, good_dims, N_DIMS, 0, NULL, sizeof program, 1, &n, fresh()),
            "programs is NULL");
    refused(pln_schedule_programs(w.schedule, good_dims, N_DIMS, 0, &program, sizeof program, 1, NULL, fresh()),
            "n_programs is NULL");
    refused(pln_schedule_programs(w.schedule, good_dims, N_DIMS, 99999, &program, sizeof program, 1, &n, fresh()),
            "no device 99999");
    for (size_t i = 0; i < N_WRONG; i++)
        refused(pln_schedule_programs(w.schedule, wrong_dims[i].dims, wrong_dims[i].n, 0, &program, sizeof program, 1,
                                      &n, fresh()),
                wrong_dims[i].words);
}

const struct door schedule_doors[] = {DOOR(pln_states_create),       DOOR(pln_states_destroy),
                                      DOOR(pln_schedule_create),     DOOR(pln_schedule_destroy),
                                      DOOR(pln_schedule_run),        DOOR(pln_schedule_prepare),
                                      DOOR(pln_schedule_state_read), DOOR(pln_schedule_state_write),
                                      DOOR(pln_schedule_estimate),   DOOR(pln_schedule_statistics),
                                      DOOR(pln_schedule_node_count), DOOR(pln_schedule_node),
                                      DOOR(pln_schedule_kernels),    DOOR(pln_schedule_programs),
                                      DOOR(pln_schedule_flops),      {NULL, NULL}};
