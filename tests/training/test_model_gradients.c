/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of whole models against PyTorch in float64: test_model_gradients GRADIENTS CASES DEVICES [OPTION...].
 * GRADIENTS are what make_gradients.py makes of the golden cases. Every tensor of the model must be there and agree to
 * |a - b| <= 5e-5 (1 + |b|); packing and computing layers again must change nothing.
 */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/scheduler.h"
#include "session/session.h"
#include "tests/each_case.h"

enum { MOST_INPUTS = 16 };
static const double tolerance = 5e-5;

static const char *gradients_folder, *cases_folder;
static const char *const rules[] = {"layer.0.*=reference", "*.backward_weight=reference", "*.norm.backward=reference"};
static bool complete;    /* the devices have every op; else reference helps out */
static uint32_t n_rules; /* with several devices: parameters and gradients lie on the first, and are used on both */

struct replay {
    pln_model *model;
    pln_session *session;
    pln_tensor_file *files[2]; /* inputs, gradients */
    uint32_t n_inputs, n_expected;
    pln_tensor inputs[MOST_INPUTS];
    const pln_tensor *expected;
    struct session_batch batch;
    struct electra_graph graph;
    pln_schedule *schedule;
};

static pln_head head_of(const char *name)
{
    char path[512];
    pln_head head;
    snprintf(path, sizeof path, "%s/%s/case.json", cases_folder, name);
    json_t *json = json_load_file(path, 0, NULL);
    assert_non_null(json);
    assert_true(pln_head_find(json_string_value(json_object_get(json, "head")), &head));
    json_decref(json);
    return head;
}

/* A tensor that the case lacks, or that is another one here. */
static void add_input(struct replay *r, const pln_tensor *tensor)
{
    const char *name = tensor->name + strlen("input:");
    uint32_t i = 0;
    while (i < r->n_inputs && strcmp(r->inputs[i].name, name) != 0)
        i++;
    r->n_inputs += i == r->n_inputs;
    r->inputs[i] = *tensor;
    r->inputs[i].name = name;
}

static void read_inputs(struct replay *r, const char *name)
{
    char path[512];
    pln_error error;
    snprintf(path, sizeof path, "%s/%s/inputs.safetensors", cases_folder, name);
    must(pln_tensor_file_open(path, &r->files[0], &error), &error);
    snprintf(path, sizeof path, "%s/%s.safetensors", gradients_folder, name);
    must(pln_tensor_file_open(path, &r->files[1], &error), &error);
    const pln_tensor *inputs = pln_tensor_file_tensors(r->files[0], &r->n_inputs);
    r->expected = pln_tensor_file_tensors(r->files[1], &r->n_expected);
    assert_true(r->n_inputs < MOST_INPUTS);
    memcpy(r->inputs, inputs, r->n_inputs * sizeof *inputs);
    for (uint32_t i = 0; i < r->n_expected; i++)
        if (strncmp(r->expected[i].name, "input:", 6) == 0)
            add_input(r, &r->expected[i]);
}

static void describe(struct replay *r, struct session_request *request, bool recompute)
{
    pln_error error;
    must(session_request_read(r->session, r->inputs, r->n_inputs, request, &error), &error);
    must(session_batch_plan(r->session, request, NULL, &r->batch, &error), &error);
    r->batch.features.train = true;
    r->batch.features.recompute = recompute;
    must(electra_describe(&r->model->config, &r->model->weights, &r->batch.features, &r->graph, &error), &error);
    const pln_schedule_options options = {
        .size = sizeof options, .no_fallback = complete, .place = rules, .n_place = n_rules};
    must(pln_schedule_create(r->graph.graph, devices, &options, &r->schedule, &error), &error);
    must(session_batch_pack(r->session, request, &r->graph, &r->batch, &error), &error);
    must(pln_schedule_prepare(r->schedule, r->batch.dims, GRAPH_SYMBOLS, &error), &error);
}

static float *run(struct replay *r, const struct session_request *request)
{
    const uint32_t rows = pln_graph_parameter_rows(r->graph.graph);
    pln_error error;
    float *flat = malloc((size_t)rows * PLN_PARAMETER_WIDTH * sizeof *flat);
    assert_non_null(flat);
    pln_graph_parameter_values(r->graph.graph, flat);
    must(pln_schedule_state_write(r->schedule, "parameters", flat, &error), &error);
    must(sched_run(r->schedule, r->batch.dims, GRAPH_SYMBOLS, &(struct sched_bound){r->batch.inputs, r->batch.outputs},
                   &error),
         &error);
    must(session_batch_unpack(r->session, request, &r->graph, &r->batch, &error), &error);
    must(pln_schedule_state_read(r->schedule, "gradients", flat, &error), &error);
    return flat;
}

static const pln_tensor *find(const pln_tensor *tensors, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++) {
        const char *have = tensors[i].name;
        if (strcmp(have, name) == 0 || (strncmp(have, "electra.", 8) == 0 && strcmp(have + 8, name) == 0))
            return &tensors[i];
    }
    return NULL;
}

static void expect(const char *name, uint64_t i, float found, float expected)
{
    if (!(fabs((double)found - (double)expected) <= tolerance * (1 + fabs((double)expected))))
        fail_msg("%s: element %llu is %.7g, expected %.7g", name, (unsigned long long)i, (double)found,
                 (double)expected);
}

static void check(const struct replay *r, const float *flat)
{
    const uint32_t count = pln_graph_parameter_count(r->graph.graph);
    uint32_t tensors = 0;
    for (uint32_t i = 0; i < count; i++) {
        const pln_parameter *p = pln_graph_parameter_at(r->graph.graph, i);
        const pln_tensor *expected = find(r->expected, r->n_expected, p->name);
        if (!expected)
            fail_msg("parameter %s has a gradient that PyTorch does not know", p->name);
        assert_int_equal(pln_tensor_elements(expected), (uint64_t)p->rows * p->width);
        for (uint64_t j = 0; j < (uint64_t)p->rows * p->width; j++)
            expect(p->name, j, flat[p->first + j / p->width * p->row_stride + j % p->width],
                   ((const float *)expected->data)[j]);
    }
    for (uint32_t i = 0; i < r->n_expected; i++)
        tensors += strncmp(r->expected[i].name, "input:", 6) != 0 && strcmp(r->expected[i].name, "loss") != 0;
    assert_int_equal(count, tensors);
    const pln_tensor *loss = find(r->session->outputs, r->session->n_outputs, "loss");
    assert_non_null(loss);
    expect("loss", 0, *(const float *)loss->data, *(const float *)find(r->expected, r->n_expected, "loss")->data);
}

static void replay(const char *name, bool packed, bool recompute)
{
    struct replay r = {0};
    struct session_request request = {0};
    char path[512];
    pln_error error;
    snprintf(path, sizeof path, "%s/%s", cases_folder, name);
    read_inputs(&r, name);
    must(pln_model_open(runtime, path, NULL, &r.model, &error), &error);
    const pln_session_options options = {.size = sizeof options, .head = head_of(name), .every_position = !packed};
    must(pln_session_create(r.model, devices, &options, &r.session, &error), &error);
    describe(&r, &request, recompute);
    float *flat = run(&r, &request);
    check(&r, flat);
    free(flat);
    pln_schedule_destroy(&r.schedule);
    electra_graph_finish(&r.graph);
    pln_session_destroy(&r.session);
    pln_model_close(&r.model);
    pln_tensor_file_close(&r.files[0]);
    pln_tensor_file_close(&r.files[1]);
}

static void test_case(void **state)
{
    replay(*state, false, false);
    replay(*state, true, false);
    replay(*state, true, true);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    n_rules = strchr(argv[3], ',') ? sizeof rules / sizeof *rules : 0;
    complete = strncmp(argv[3], "cpu", 3) == 0 || strncmp(argv[3], "reference", 9) == 0;
    gradients_folder = argv[1];
    cases_folder = argv[2];
    return run_each_case(gradients_folder, test_case, argc - 3, argv + 3);
}
