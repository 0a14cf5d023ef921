/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans on a stand-in for the kernels: the same numbers under every shrunken limit, exact sizes, times, and what
 * happens when barriers, work or the device go missing.
 */
#include "tests/backends/vulkan/fixture.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 1000, WIDTH = 100, NODES = 5, VALUES = NODES + 2, ELEMENTS = ROWS * WIDTH };

/* A chain of nodes: value 0 is the input, value VALUES - 1 the bias. */
struct chain {
    pln_device *device;
    pln_buffer *buffer;
    pln_constant *bias;
    pln_plan *plan;
    pln_value_info values[VALUES];
    pln_node_info nodes[NODES];
    int32_t inputs[NODES][2], outputs[NODES];
    uint32_t capacity[2];
    pln_segment segment;
    float data[ELEMENTS];
};

static float bias_data[WIDTH];

static void describe(struct chain *chain)
{
    const uint64_t step = (ELEMENTS * sizeof(float) + 255) / 256 * 256;
    for (int i = 0; i < VALUES - 1; i++)
        chain->values[i] = (pln_value_info){.kind = i ? PLN_VALUE_TEMPORARY : PLN_VALUE_INPUT,
                                            .dtype = PLN_F32,
                                            .rows = {1, 1, 0},
                                            .width = WIDTH,
                                            .row_stride = WIDTH,
                                            .buffer = chain->buffer,
                                            .offset = (uint64_t)i * step,
                                            .name = "value"};
    chain->values[VALUES - 1] = (pln_value_info){.kind = PLN_VALUE_CONSTANT,
                                                 .dtype = PLN_F32,
                                                 .rows = {0, 0, 1},
                                                 .width = WIDTH,
                                                 .row_stride = WIDTH,
                                                 .constant = chain->bias,
                                                 .name = "bias"};
    for (int i = 0; i < NODES; i++) {
        chain->inputs[i][0] = i;
        chain->inputs[i][1] = VALUES - 1;
        chain->outputs[i] = i + 1;
        chain->nodes[i] = (pln_node_info){.op = 1,
                                          .version = 1,
                                          .name = "node",
                                          .n_inputs = 2,
                                          .n_outputs = 1,
                                          .inputs = chain->inputs[i],
                                          .outputs = &chain->outputs[i]};
    }
    chain->capacity[1] = ROWS;
    chain->segment = (pln_segment){.size = sizeof chain->segment,
                                   .n_nodes = NODES,
                                   .node_stride = sizeof *chain->nodes,
                                   .nodes = chain->nodes,
                                   .n_values = VALUES,
                                   .value_stride = sizeof *chain->values,
                                   .values = chain->values,
                                   .n_symbols = 2,
                                   .capacity = chain->capacity};
}

static struct chain *chain_create(const char *options, uint32_t flags)
{
    const pln_backend *backend = pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    struct chain *chain = calloc(1, sizeof *chain);
    assert_non_null(chain);
    pln_constant_use use = {.op = 1, .input = 1};
    for (int i = 0; i < WIDTH; i++)
        bias_data[i] = (float)i;
    pln_constant_info bias = {
        .size = sizeof bias, .rows = 1, .width = WIDTH, .n_uses = 1, .uses = &use, .plain = bias_data, .name = "bias"};
    chain->device = fixture_open(options);
    assert_int_equal(backend->buffer_create(chain->device, VALUES * ELEMENTS * 5, &chain->buffer, NULL), PLN_OK);
    assert_int_equal(backend->constant_create(chain->device, &bias, &chain->bias, NULL), PLN_OK);
    describe(chain);
    chain->segment.flags = flags;
    assert_int_equal(backend->plan_create(chain->device, &chain->segment, &chain->plan, NULL), PLN_OK);
    return chain;
}

static void chain_destroy(struct chain *chain)
{
    const pln_backend *backend = pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    backend->plan_destroy(&chain->plan);
    backend->constant_destroy(chain->device, &chain->bias);
    backend->buffer_destroy(chain->device, &chain->buffer);
    assert_null(chain->plan);
    fixture_close(&chain->device);
    free(chain);
}

static pln_status run(struct chain *chain, uint32_t rows, pln_failure *error)
{
    const uint32_t dims[2] = {0, rows};
    return pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION)
        ->plan_run(chain->plan, &(pln_run){sizeof(pln_run), 2, dims}, error);
}

/* Runs with `rows` real rows; the rest of the output must keep its NaNs. */
static void check_run(struct chain *chain, uint32_t rows)
{
    const pln_backend *backend = pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    const uint64_t last = chain->values[NODES].offset;
    for (int i = 0; i < ELEMENTS; i++)
        chain->data[i] = NAN;
    assert_int_equal(backend->buffer_write(chain->device, chain->buffer, last, PLN_F32, ELEMENTS, chain->data, NULL),
                     0);
    for (int i = 0; i < ELEMENTS; i++)
        chain->data[i] = (float)(i % 777);
    assert_int_equal(backend->buffer_write(chain->device, chain->buffer, 0, PLN_F32, ELEMENTS, chain->data, NULL), 0);
    assert_int_equal(run(chain, rows, NULL), PLN_OK);
    assert_int_equal(backend->buffer_read(chain->device, chain->buffer, last, PLN_F32, ELEMENTS, chain->data, NULL), 0);
    for (int i = 0; i < ELEMENTS; i++) {
        float expected = (float)(i % 777);
        for (int node = 0; node < NODES; node++)
            expected = 2 * expected + bias_data[i % WIDTH];
        if (i / WIDTH < (int)rows)
            assert_true(chain->data[i] == expected);
        else
            assert_true(isnan(chain->data[i]));
    }
}

static void same_numbers_under_every_limit(void **state)
{
    static const char *const limits[] = {
        "",
        "groups=100",
        "range=131072",
        "submit=1",
        "memory=discrete",
        "block=65536",
        "shared=16384 range=131072 block=65536 groups=40 submit=1 memory=discrete",
    };
    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct chain *chain = chain_create(limits[i], 0);
        check_run(chain, ROWS);
        check_run(chain, 333);
        check_run(chain, 0);
        chain_destroy(chain);
    }
}

static void limits_take_effect(void **state)
{
    (void)state;
    struct chain *chain = chain_create("", 0);
    assert_int_equal(chain->plan->n_submissions, 1);
    assert_int_equal(chain->plan->n_launches, 2 * NODES);
    chain_destroy(chain);
    chain = chain_create("submit=1 range=131072", 0); /* 320 rows fit a window: four windows a pass */
    assert_int_equal(chain->plan->n_launches, 4 * 2 * NODES);
    assert_true(chain->plan->n_submissions > NODES);
    chain_destroy(chain);
}

static void too_many_groups_are_refused(void **state)
{
    struct chain *chain = chain_create("", 0);
    pln_failure error = {.size = sizeof error};
    pln_plan *plan;
    (void)state;
    chain->device->max_groups = 31; /* 31 * 31 < ROWS */
    assert_int_equal(
        pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION)->plan_create(chain->device, &chain->segment, &plan, &error),
        PLN_UNSUPPORTED);
    assert_null(plan);
    assert_int_equal(error.node, 0);
    chain_destroy(chain);
}

static void dry_sizes_are_exact(void **state)
{
    const pln_backend *backend = pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    struct chain *chain = chain_create("", 0);
    pln_launch_info kernels[2 * NODES];
    for (uint32_t i = 0; i < 2 * NODES; i++)
        kernels[i] = (pln_launch_info){.size = sizeof *kernels};
    pln_plan_info dry = {.size = sizeof dry}, made = {.size = sizeof made,
                                                      .n_kernels = 2 * NODES,
                                                      .kernel_stride = sizeof *kernels,
                                                      .kernels = kernels};
    (void)state;
    assert_int_equal(backend->plan_info(chain->device, &chain->segment, NULL, &dry, NULL), PLN_OK);
    assert_int_equal(backend->plan_info(chain->device, &chain->segment, chain->plan, &made, NULL), PLN_OK);
    assert_int_equal(dry.n_kernels, 2 * NODES);
    assert_int_equal(made.n_kernels, 2 * NODES);
    assert_int_equal(dry.scratch_bytes, made.scratch_bytes);
    assert_true(dry.scratch_bytes >= ELEMENTS * sizeof(float));
    assert_int_equal(dry.constant_bytes, vkb_buffer_round(sizeof bias_data));
    assert_string_equal(kernels[0].name, "affine 64,0");
    assert_string_equal(kernels[1].name, "affine 64,1");
    chain_destroy(chain);
}

static void wrong_dims_are_refused(void **state)
{
    struct chain *chain = chain_create("", 0);
    const uint32_t dims[3] = {0, ROWS, 1};
    pln_run run_of_three = {sizeof(pln_run), 3, dims};
    (void)state;
    assert_int_equal(run(chain, ROWS + 1, NULL), PLN_INVALID);
    assert_int_equal(pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION)->plan_run(chain->plan, &run_of_three, NULL),
                     PLN_INVALID);
    check_run(chain, ROWS);
    chain_destroy(chain);
}

static void times_are_told(void **state)
{
    struct chain *chain = chain_create("submit=1", PLN_SEGMENT_TIMED);
    uint64_t ns[NODES] = {0};
    (void)state;
    check_run(chain, ROWS);
    pln_status status = pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION)->plan_timing(chain->plan, ns, NODES, NULL);
    assert_int_equal(status, chain->device->physical.timestamp_bits ? PLN_OK : PLN_UNSUPPORTED);
    for (int i = 0; i < NODES && status == PLN_OK; i++)
        assert_true(ns[i] > 0);
    chain_destroy(chain);
}

/* ---- what goes wrong */

static PFN_vkQueueSubmit real_submit;

static VKAPI_ATTR VkResult VKAPI_CALL submit_nothing(VkQueue queue, uint32_t n, const VkSubmitInfo *infos,
                                                     VkFence fence)
{
    (void)n;
    (void)infos;
    return real_submit(queue, 0, NULL, fence);
}

static VKAPI_ATTR VkResult VKAPI_CALL submit_lost(VkQueue queue, uint32_t n, const VkSubmitInfo *infos, VkFence fence)
{
    (void)queue;
    (void)n;
    (void)infos;
    (void)fence;
    return VK_ERROR_DEVICE_LOST;
}

static void dropped_work_is_noticed(void **state)
{
    struct chain *chain = chain_create("submit=1", 0);
    pln_failure error = {.size = sizeof error};
    (void)state;
    check_run(chain, ROWS); /* leaves good sentinels behind */
    real_submit = chain->device->instance.vk.QueueSubmit;
    chain->device->instance.vk.QueueSubmit = submit_nothing;
    assert_int_equal(run(chain, ROWS, &error), PLN_FAILED);
    assert_non_null(strstr(error.message, "dropped work"));
    chain->device->instance.vk.QueueSubmit = real_submit;
    check_run(chain, ROWS);
    chain_destroy(chain);
}

static void a_lost_device_stays_lost(void **state)
{
    struct chain *chain = chain_create("submit=1", 0);
    pln_buffer *buffer;
    (void)state;
    real_submit = chain->device->instance.vk.QueueSubmit;
    chain->device->instance.vk.QueueSubmit = submit_lost;
    assert_int_equal(run(chain, ROWS, NULL), PLN_DEVICE_LOST);
    chain->device->instance.vk.QueueSubmit = real_submit;
    assert_int_equal(run(chain, ROWS, NULL), PLN_DEVICE_LOST);
    assert_int_equal(
        pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION)->buffer_create(chain->device, 16, &buffer, NULL),
        PLN_DEVICE_LOST);
    chain_destroy(chain);
}

static bool layer_is_installed(void)
{
    pln_device *device;
    pln_failure error = {.size = sizeof error};
    pln_status status = fixture_try("validate=yes", &device, &error);
    pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION)->device_close(&device);
    return status == PLN_OK;
}

static void matrices_need_their_kernel(void **state)
{
    (void)state;
    pln_device *device;
    pln_failure error = {.size = sizeof error};
    assert_int_equal(fixture_try("matrix=yes", &device, &error), PLN_INVALID);
    assert_null(device);
    assert_non_null(strstr(error.message, "matrix=yes"));
    device = fixture_open("matrix=no");
    fixture_close(&device);
}

static void validation_has_nothing_to_say(void **state)
{
    (void)state;
    if (!layer_is_installed() && getenv("CI"))
        fail_msg("the validation layer is not installed");
    if (!layer_is_installed())
        skip();
    static const char *const options[] = {
        "validate=yes",
        "validate=yes range=131072", /* windows without barriers between them */
        "validate=yes range=131072 block=65536 groups=40 submit=1 memory=discrete",
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        for (uint32_t flags = 0; flags <= PLN_SEGMENT_TIMED; flags += PLN_SEGMENT_TIMED) {
            struct chain *chain = chain_create(options[i], flags);
            check_run(chain, 333);
            chain_destroy(chain);
        }
}

static VKAPI_ATTR void VKAPI_CALL no_barrier(VkCommandBuffer commands, VkPipelineStageFlags from,
                                             VkPipelineStageFlags to, VkDependencyFlags flags, uint32_t n_memory,
                                             const VkMemoryBarrier *memory, uint32_t n_buffers,
                                             const VkBufferMemoryBarrier *buffers, uint32_t n_images,
                                             const VkImageMemoryBarrier *images)
{
    (void)commands, (void)from, (void)to, (void)flags, (void)n_memory, (void)memory, (void)n_buffers, (void)buffers;
    (void)n_images, (void)images;
}

static void a_missing_barrier_fails_the_next_entry(void **state)
{
    (void)state;
    if (!layer_is_installed() && getenv("CI"))
        fail_msg("the validation layer is not installed");
    if (!layer_is_installed())
        skip();
    const pln_backend *backend = pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    struct chain *chain = chain_create("validate=yes", 0);
    pln_failure error = {.size = sizeof error};
    pln_plan *careless;
    chain->device->instance.vk.CmdPipelineBarrier = no_barrier;
    assert_int_equal(backend->plan_create(chain->device, &chain->segment, &careless, &error), PLN_OK);
    assert_int_equal(run(chain, ROWS, &error), PLN_FAILED);
    assert_non_null(strstr(error.message, "SYNC-HAZARD"));
    assert_true(fixture_counts.errors > 0);
    fixture_counts.errors = 0;
    backend->plan_destroy(&careless);
    assert_int_equal(run(chain, ROWS, &error), PLN_OK);
    chain_destroy(chain);
}

static PFN_vkCmdPipelineBarrier real_barrier;
static int barriers;

static VKAPI_ATTR void VKAPI_CALL count_barrier(VkCommandBuffer commands, VkPipelineStageFlags from,
                                                VkPipelineStageFlags to, VkDependencyFlags flags, uint32_t n_memory,
                                                const VkMemoryBarrier *memory, uint32_t n_buffers,
                                                const VkBufferMemoryBarrier *buffers, uint32_t n_images,
                                                const VkImageMemoryBarrier *images)
{
    barriers++;
    real_barrier(commands, from, to, flags, n_memory, memory, n_buffers, buffers, n_images, images);
}

/* Windows of one pass do not meet, so however many there are, a barrier stands between passes only. */
static void barriers_stand_where_ranges_meet(void **state)
{
    static const char *const options[] = {"", "range=131072"};
    enum { AROUND_THE_SENTINEL = 2 };
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct chain *chain = chain_create(options[i], 0);
        pln_plan *plan;
        real_barrier = chain->device->instance.vk.CmdPipelineBarrier;
        chain->device->instance.vk.CmdPipelineBarrier = count_barrier;
        barriers = 0;
        assert_int_equal(pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION)
                             ->plan_create(chain->device, &chain->segment, &plan, NULL),
                         PLN_OK);
        assert_int_equal(barriers, 2 * NODES - 1 + AROUND_THE_SENTINEL);
        pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION)->plan_destroy(&plan);
        chain_destroy(chain);
    }
}

/* ---- the cache of pipelines */

static void find_cache_file(const char *directory, char path[600])
{
    DIR *listing = opendir(directory);
    int n = 0;
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing));)
        if (entry->d_name[0] != '.') {
            snprintf(path, 600, "%s/%s", directory, entry->d_name);
            n++;
        }
    closedir(listing);
    assert_int_equal(n, 1); /* and no temporary file beside it */
}

static void a_damaged_cache_is_left_out(void **state)
{
    char directory[] = "vulkan-cache-XXXXXX", path[600];
    (void)state;
    assert_non_null(mkdtemp(directory));
    fixture_cache = directory;
    for (int round = 0; round < 3; round++) {
        struct chain *chain = chain_create("", 0);
        check_run(chain, ROWS);
        chain_destroy(chain);
        find_cache_file(directory, path);
        FILE *file = fopen(path, round ? "wb" : "r+b");
        assert_non_null(file);
        assert_int_equal(fseek(file, round ? 0 : 40, SEEK_SET), 0);
        assert_int_equal(fwrite("damage", 6, 1, file), 1);
        assert_int_equal(fclose(file), 0);
    }
    fixture_cache = NULL;
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_numbers_under_every_limit),
        cmocka_unit_test(limits_take_effect),
        cmocka_unit_test(too_many_groups_are_refused),
        cmocka_unit_test(dry_sizes_are_exact),
        cmocka_unit_test(wrong_dims_are_refused),
        cmocka_unit_test(times_are_told),
        cmocka_unit_test(dropped_work_is_noticed),
        cmocka_unit_test(a_lost_device_stays_lost),
        cmocka_unit_test(matrices_need_their_kernel),
        cmocka_unit_test(validation_has_nothing_to_say),
        cmocka_unit_test(a_missing_barrier_fails_the_next_entry),
        cmocka_unit_test(barriers_stand_where_ranges_meet),
        cmocka_unit_test(a_damaged_cache_is_left_out),
    };
    return fixture_has_device() ? cmocka_run_group_tests(tests, NULL, NULL) : fixture_without_device();
}
