/* SPDX-License-Identifier: Apache-2.0
 *
 * The host side of the OpenCL plugin on a stand-in for the kernels: devices and options, buffers, constants, a plan
 * with its runs and times, the cache of programs, and what happens when the driver fails.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "backends/opencl/opencl.h"
#include "tests/backends/opening.h"
#include "tests/backends/opencl/fake_gpu.h"

enum { ROWS = 20, BUFFER_BYTES = 64 * 1024, Y_OFFSET = 32 * 1024 };

extern const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max);

/* ---- a host */

static char cache_folder[64];
static int live_allocations;

static void *allocate(void *context, size_t bytes)
{
    void *memory = NULL;
    (void)context;
    if (posix_memalign(&memory, 64, bytes) != 0)
        return NULL;
    live_allocations++;
    return memset(memory, 0, bytes);
}

static void release(void *context, void *memory)
{
    (void)context;
    live_allocations -= memory != NULL;
    free(memory);
}

static const char *cache_directory(void *context)
{
    (void)context;
    return cache_folder[0] ? cache_folder : NULL;
}

static const pln_host host = {
    .size = sizeof host, .allocate = allocate, .release = release, .cache_directory = cache_directory};

static pln_status try_device(const pln_option *options, uint32_t n, pln_device **device, pln_failure *error)
{
    pln_setting settings[OPENING_SETTINGS];
    const pln_opening opening = opening_of(&host, options, n, settings);
    return clb_device_open(0, &opening, device, error);
}

static pln_device *open_device(const pln_option *options, uint32_t n)
{
    pln_device *device = NULL;
    pln_failure error = {.size = sizeof error};
    if (try_device(options, n, &device, &error) != PLN_OK)
        fail_msg("%s", error.message);
    return device;
}

/* ---- a segment: y = 2 x, twice: temporary t between */

struct job {
    pln_buffer *buffer;
    pln_value_info values[3];
    int32_t indices[3];
    pln_node_info nodes[2];
    uint32_t capacity[2];
    pln_segment segment;
};

static void job_init(struct job *job, pln_device *device, uint32_t flags)
{
    pln_failure error = {.size = sizeof error};
    *job = (struct job){.indices = {0, 1, 2}, .capacity = {0, ROWS}};
    if (device)
        assert_int_equal(clb_buffer_create(device, BUFFER_BYTES, &job->buffer, &error), PLN_OK);
    for (uint32_t i = 0; i < 3; i++)
        job->values[i] = (pln_value_info){.kind = PLN_VALUE_INPUT,
                                          .dtype = PLN_F32,
                                          .rows = {1, 1, 0},
                                          .width = FAKE_WIDTH,
                                          .row_stride = FAKE_WIDTH + 4 * i,
                                          .buffer = job->buffer,
                                          .offset = i == 2 ? Y_OFFSET : i * Y_OFFSET / 2};
    for (uint32_t i = 0; i < 2; i++)
        job->nodes[i] = (pln_node_info){
            .op = FAKE_OP, .n_inputs = 1, .n_outputs = 1, .inputs = &job->indices[i], .outputs = &job->indices[i + 1]};
    job->segment = (pln_segment){.size = sizeof job->segment,
                                 .flags = flags,
                                 .n_nodes = 2,
                                 .node_stride = sizeof job->nodes[0],
                                 .nodes = job->nodes,
                                 .n_values = 3,
                                 .value_stride = sizeof job->values[0],
                                 .values = job->values,
                                 .n_symbols = 2,
                                 .capacity = job->capacity};
}

static pln_status run_rows(pln_plan *plan, uint32_t rows, pln_failure *error)
{
    uint32_t dims[2] = {0, rows};
    pln_run run = {.size = sizeof run, .n_dims = 2, .dims = dims};
    return clb_plan_run(plan, &run, error);
}

/* Writes x and a canary under y, runs, and checks that exactly `rows` rows of y are 4 x. */
static void run_and_check(pln_device *device, struct job *job, pln_plan *plan, uint32_t rows)
{
    static float x[ROWS * FAKE_WIDTH], y[ROWS * (FAKE_WIDTH + 8)];
    pln_failure error = {.size = sizeof error};
    for (int i = 0; i < ROWS * FAKE_WIDTH; i++)
        x[i] = (float)i;
    for (int i = 0; i < ROWS * (FAKE_WIDTH + 8); i++)
        y[i] = -1;
    assert_int_equal(clb_buffer_write(device, job->buffer, 0, PLN_F32, ROWS * FAKE_WIDTH, x, &error), PLN_OK);
    assert_int_equal(clb_buffer_write(device, job->buffer, Y_OFFSET, PLN_F32, sizeof y / 4, y, &error), PLN_OK);
    if (run_rows(plan, rows, &error) != PLN_OK)
        fail_msg("%s", error.message);
    assert_int_equal(clb_buffer_read(device, job->buffer, Y_OFFSET, PLN_F32, sizeof y / 4, y, &error), PLN_OK);
    for (uint32_t r = 0; r < ROWS; r++)
        for (uint32_t c = 0; c < FAKE_WIDTH + 8; c++)
            assert_true(y[r * (FAKE_WIDTH + 8) + c] ==
                        (r < rows && c < FAKE_WIDTH ? 4 * x[r * FAKE_WIDTH + c] : -1.0f));
}

static pln_plan *create_plan(pln_device *device, struct job *job)
{
    pln_plan *plan = NULL;
    pln_failure error = {.size = sizeof error};
    if (clb_plan_create(device, &job->segment, &plan, &error) != PLN_OK)
        fail_msg("%s", error.message);
    return plan;
}

/* ---- tests */

static void lists_devices(void **state)
{
    const pln_backend *backend = pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    pln_failure error = {.size = sizeof error};
    uint32_t n = 0;
    (void)state;
    assert_non_null(backend);
    assert_null(pln_backend_query(PLN_ABI_VERSION + 1, PLN_ABI_VERSION + 1));
    assert_int_equal(backend->device_count(&n, &error), PLN_OK);
    for (uint32_t i = 0; i < n; i++) {
        pln_device_description info = {.size = sizeof info};
        assert_int_equal(backend->device_info(i, NULL, &info, &error), PLN_OK);
        assert_true(info.name[0] && info.version[0] && info.memory_bytes && info.kind);
        assert_true((info.flags & PLN_DEVICE_FLAG_UNUSABLE) ? info.reason[0] : !info.reason[0]);
    }
    assert_int_equal(
        backend->device_info(n, NULL, &(pln_device_description){.size = sizeof(pln_device_description)}, &error),
        PLN_NO_DEVICE);
}

/* An older host has a shorter struct: nothing past its size is written. */
static void respects_the_size_of_info(void **state)
{
    pln_device_description info = {.size = offsetof(pln_device_description, name)};
    pln_failure error = {.size = sizeof error};
    (void)state;
    memset(info.name, 'x', sizeof info.name);
    assert_int_equal(clb_device_info(0, NULL, &info, &error), PLN_OK);
    assert_int_equal(info.name[0], 'x');
    assert_int_not_equal(info.block_bytes, 0);
}

static void names_wrong_options(void **state)
{
    static const pln_option wrong[] = {{"colour", "red"},          {"variant", "fast"}, {"shared", "1x"},
                                       {"shared", "-1"},           {"block", ""},       {"range", "1"},
                                       {"shared", "9999999999999"}};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        pln_device *device = NULL;
        pln_failure error = {.size = sizeof error};
        assert_int_equal(try_device(&wrong[i], 1, &device, &error), PLN_INVALID);
        assert_null(device);
        assert_non_null(strstr(error.message, wrong[i].key));
        assert_non_null(strstr(error.message, wrong[i].value));
    }
}

static void applies_options(void **state)
{
    static const pln_option options[] = {
        {"variant", "gpu"}, {"shared", "16384"}, {"range", "1048576"}, {"block", "65536"}};
    pln_device *device = open_device(options, 4);
    pln_device_description info = {.size = sizeof info};
    pln_failure error = {.size = sizeof error};
    (void)state;
    assert_int_equal(clb_device_info(0, device, &info, &error), PLN_OK);
    assert_int_equal(info.block_bytes, 65536);
    assert_false(device->limits.cpu_variant);
    assert_int_equal(device->limits.shared_bytes, 16384);
    assert_int_equal(device->limits.max_range, 1048576);
    clb_device_close(&device);
    assert_null(device);
    clb_device_close(&device);
}

static void runs_the_real_rows(void **state)
{
    pln_device *device = open_device(NULL, 0);
    struct job job;
    (void)state;
    job_init(&job, device, 0);
    pln_plan *plan = create_plan(device, &job);
    static const uint32_t rows[] = {ROWS, 1, 0, 7, ROWS};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run_and_check(device, &job, plan, rows[i]);
    assert_int_equal(clb_plan_timing(plan, NULL, 0, &(pln_failure){0}), PLN_INVALID);
    clb_plan_destroy(&plan);
    assert_null(plan);
    clb_buffer_destroy(device, &job.buffer);
    clb_device_close(&device);
    assert_int_equal(live_allocations, 0);
}

static void times_nodes(void **state)
{
    pln_device *device = open_device(NULL, 0);
    struct job job;
    uint64_t ns[2] = {0};
    pln_failure error = {.size = sizeof error};
    (void)state;
    job_init(&job, device, PLN_SEGMENT_TIMED);
    pln_plan *plan = create_plan(device, &job);
    run_and_check(device, &job, plan, ROWS);
    assert_int_equal(clb_plan_timing(plan, ns, 2, &error), PLN_OK);
    assert_true(ns[0] > 0 && ns[1] > 0);
    assert_int_equal(run_rows(plan, 0, &error), PLN_OK);
    assert_int_equal(clb_plan_timing(plan, ns, 2, &error), PLN_OK);
    assert_true(ns[0] == 0 && ns[1] == 0);
    clb_plan_destroy(&plan);
    clb_buffer_destroy(device, &job.buffer);
    clb_device_close(&device);
}

/* What is told before anything is allocated is what is allocated. */
static void tells_exact_bytes(void **state)
{
    pln_device *device = open_device(NULL, 0);
    struct job job;
    pln_launch_info kernels[2] = {{.size = sizeof *kernels}, {.size = sizeof *kernels}};
    pln_plan_info dry = {.size = sizeof dry, .n_kernels = 1, .kernel_stride = sizeof *kernels, .kernels = kernels};
    pln_plan_info made = {.size = sizeof made, .n_kernels = 2, .kernel_stride = sizeof *kernels, .kernels = kernels};
    pln_failure error = {.size = sizeof error};
    (void)state;
    job_init(&job, device, 0);
    assert_int_equal(clb_plan_info(device, &job.segment, NULL, &dry, &error), PLN_OK);
    pln_plan *plan = create_plan(device, &job);
    assert_int_equal(clb_plan_info(device, &job.segment, plan, &made, &error), PLN_OK);
    assert_true(dry.scratch_bytes > 1024 && dry.scratch_bytes == made.scratch_bytes);
    assert_true(dry.n_kernels == 2 && made.n_kernels == 2);
    assert_string_equal(kernels[1].name, fake_kernel);
    clb_plan_destroy(&plan);
    clb_buffer_destroy(device, &job.buffer);
    clb_device_close(&device);
}

static void keeps_constants(void **state)
{
    pln_device *device = open_device(NULL, 0);
    static const float weight[6] = {1, 2, 3, 4, 5, 6};
    pln_constant_info info = {.size = sizeof info, .rows = 2, .width = 3, .plain = weight, .name = "weight"};
    pln_constant *constant = NULL;
    pln_failure error = {.size = sizeof error};
    float back[6];
    (void)state;
    assert_int_equal(clb_constant_create(device, &info, &constant, &error), PLN_OK);
    pln_buffer view = {constant->memory};
    assert_int_equal(clb_buffer_read(device, &view, 0, PLN_F32, 6, back, &error), PLN_OK);
    assert_memory_equal(back, weight, sizeof weight);
    clb_constant_destroy(device, &constant);
    assert_null(constant);
    clb_device_close(&device);
}

static void refuses_what_does_not_fit(void **state)
{
    pln_device *device = open_device(NULL, 0);
    pln_buffer *buffer = NULL;
    pln_failure error = {.size = sizeof error};
    (void)state;
    assert_int_equal(clb_buffer_create(device, UINT64_C(1) << 60, &buffer, &error), PLN_NO_MEMORY);
    assert_null(buffer);
    assert_non_null(strstr(error.message, "1152921504606846976"));
    clb_device_close(&device);
    assert_int_equal(live_allocations, 0);
}

static void reports_texts_that_do_not_compile(void **state)
{
    pln_device *device = open_device(NULL, 0);
    const char *kernel = fake_kernel, *source = fake_source;
    struct job job;
    pln_plan *plan = NULL;
    pln_failure error = {.size = sizeof error};
    (void)state;
    job_init(&job, device, 0);
    fake_source = "kernel void twice(global float *y) { y[0] = nonsense; }\n";
    assert_int_equal(clb_plan_create(device, &job.segment, &plan, &error), PLN_FAILED);
    assert_null(plan);
    assert_non_null(strstr(error.message, "twice"));
    fake_source = source;
    fake_kernel = "absent";
    assert_int_equal(clb_plan_create(device, &job.segment, &plan, &error), PLN_FAILED);
    assert_non_null(strstr(error.message, "absent"));
    assert_int_equal(error.node, 0);
    fake_kernel = kernel;
    clb_buffer_destroy(device, &job.buffer);
    clb_device_close(&device);
    assert_int_equal(live_allocations, 0);
}

/* ---- the cache */

static int builds_from_source;
static __typeof__(clb.CreateProgramWithSource) real_create;

static cl_program CL_API_CALL count_create(cl_context context, cl_uint n, const char **texts, const size_t *sizes,
                                           cl_int *code)
{
    builds_from_source++;
    return real_create(context, n, texts, sizes, code);
}

static void run_once(void)
{
    pln_device *device = open_device(NULL, 0);
    struct job job;
    job_init(&job, device, 0);
    pln_plan *plan = create_plan(device, &job);
    run_and_check(device, &job, plan, ROWS);
    clb_plan_destroy(&plan);
    clb_buffer_destroy(device, &job.buffer);
    clb_device_close(&device);
}

/* Calls `visit` for the path of every file of the cache and returns their number. */
static int visit_cache(void (*visit)(const char *path))
{
    DIR *folder = opendir(cache_folder);
    int n = 0;
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        char path[512];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", cache_folder, entry->d_name);
        visit(path);
        n++;
    }
    closedir(folder);
    return n;
}

static void damage(const char *path)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, -1, SEEK_END);
    int last = fgetc(file);
    fseek(file, -1, SEEK_END);
    fputc(last ^ 1, file);
    fclose(file);
}

static void shorten(const char *path)
{
    assert_int_equal(truncate(path, 100), 0);
}

static void delete_file(const char *path)
{
    unlink(path);
}

static void stores_programs(void **state)
{
    (void)state;
    snprintf(cache_folder, sizeof cache_folder, "clb_cache_XXXXXX");
    assert_non_null(mkdtemp(cache_folder));
    real_create = clb.CreateProgramWithSource;
    clb.CreateProgramWithSource = count_create;
    run_once();
    assert_int_equal(builds_from_source, 1);
    run_once();
    assert_int_equal(builds_from_source, 1);
    assert_int_equal(visit_cache(damage), 1);
    run_once();
    assert_int_equal(builds_from_source, 2);
    assert_int_equal(visit_cache(shorten), 1);
    run_once();
    assert_int_equal(builds_from_source, 3);
    run_once();
    assert_int_equal(builds_from_source, 3);
    clb.CreateProgramWithSource = real_create;
    visit_cache(delete_file);
    rmdir(cache_folder);
    cache_folder[0] = 0;
}

/* ---- drivers that fail */

static cl_int CL_API_CALL fail_enqueue(cl_command_queue queue, cl_kernel kernel, cl_uint n, const size_t *offset,
                                       const size_t *global, const size_t *local, cl_uint n_wait, const cl_event *wait,
                                       cl_event *event)
{
    (void)queue, (void)kernel, (void)n, (void)offset, (void)global, (void)local, (void)n_wait, (void)wait, (void)event;
    return CL_OUT_OF_RESOURCES;
}

static cl_int CL_API_CALL report_failure(cl_event event, cl_event_info what, size_t size, void *out, size_t *written)
{
    (void)event, (void)what, (void)size, (void)written;
    *(cl_int *)out = -9999;
    return CL_SUCCESS;
}

static cl_mem CL_API_CALL fail_create(cl_context context, cl_mem_flags flags, size_t size, void *data, cl_int *code)
{
    (void)context, (void)flags, (void)size, (void)data;
    *code = CL_MEM_OBJECT_ALLOCATION_FAILURE;
    return NULL;
}

/* The device is lost, says so, stays so, and can still be closed. */
static void expect_lost(pln_device *device, struct job *job, pln_plan *plan)
{
    pln_failure error = {.size = sizeof error};
    pln_buffer *buffer = NULL;
    float x = 0;
    assert_int_equal(run_rows(plan, ROWS, &error), PLN_DEVICE_LOST);
    assert_int_equal(error.node, 0);
    assert_int_equal(run_rows(plan, ROWS, &error), PLN_DEVICE_LOST);
    assert_int_equal(clb_buffer_create(device, 64, &buffer, &error), PLN_DEVICE_LOST);
    assert_int_equal(clb_buffer_read(device, job->buffer, 0, PLN_F32, 1, &x, &error), PLN_DEVICE_LOST);
    clb_plan_destroy(&plan);
    clb_buffer_destroy(device, &job->buffer);
    clb_device_close(&device);
    assert_int_equal(live_allocations, 0);
}

static void survives_failing_launches(void **state)
{
    pln_device *device = open_device(NULL, 0);
    const struct clb_functions real = clb;
    struct job job;
    (void)state;
    job_init(&job, device, 0);
    pln_plan *plan = create_plan(device, &job);
    clb.EnqueueNDRangeKernel = fail_enqueue;
    expect_lost(device, &job, plan);
    clb = real;
    run_once();
}

static void survives_failing_work(void **state)
{
    pln_device *device = open_device(NULL, 0);
    const struct clb_functions real = clb;
    struct job job;
    (void)state;
    job_init(&job, device, 0);
    pln_plan *plan = create_plan(device, &job);
    clb.GetEventInfo = report_failure;
    expect_lost(device, &job, plan);
    clb = real;
}

static void survives_lack_of_memory(void **state)
{
    pln_device *device = open_device(NULL, 0);
    const struct clb_functions real = clb;
    struct job job;
    pln_plan *plan = NULL;
    pln_failure error = {.size = sizeof error};
    (void)state;
    job_init(&job, device, 0);
    clb.CreateBuffer = fail_create;
    assert_int_equal(clb_plan_create(device, &job.segment, &plan, &error), PLN_NO_MEMORY);
    assert_null(plan);
    assert_non_null(strstr(error.message, "bytes"));
    clb = real;
    plan = create_plan(device, &job);
    run_and_check(device, &job, plan, ROWS);
    clb_plan_destroy(&plan);
    clb_buffer_destroy(device, &job.buffer);
    clb_device_close(&device);
    assert_int_equal(live_allocations, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_devices),
        cmocka_unit_test(respects_the_size_of_info),
        cmocka_unit_test(names_wrong_options),
        cmocka_unit_test(applies_options),
        cmocka_unit_test(runs_the_real_rows),
        cmocka_unit_test(times_nodes),
        cmocka_unit_test(tells_exact_bytes),
        cmocka_unit_test(keeps_constants),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(reports_texts_that_do_not_compile),
        cmocka_unit_test(stores_programs),
        cmocka_unit_test(survives_failing_launches),
        cmocka_unit_test(survives_failing_work),
        cmocka_unit_test(survives_lack_of_memory),
    };
    uint32_t n = 0;
    pln_failure error = {.size = sizeof error};
    if (clb_device_count(&n, &error) != PLN_OK) {
        print_message("%s\n", error.message);
        return getenv("CI") ? 1 : 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
