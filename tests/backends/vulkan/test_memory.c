/* SPDX-License-Identifier: Apache-2.0
 *
 * Buffers keep their bytes whatever their neighbours do, in mapped memory and through staging, and memory that is not
 * there is refused by name.
 */
#include "tests/backends/vulkan/fixture.h"

#include <stdlib.h>
#include <string.h>

enum { BUFFERS = 40, ROUNDS = 300, LARGEST = 60000 }; /* elements; several sizes do not share a block of 64 KiB */

struct live {
    pln_buffer *buffer;
    uint64_t count;
    int32_t seed;
};

static uint32_t random_state;

static uint32_t draw(uint32_t below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % below;
}

static void fill(pln_device *device, struct live *live, int32_t *data)
{
    for (uint64_t i = 0; i < live->count; i++)
        data[i] = live->seed + (int32_t)i;
    assert_int_equal(pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION)
                         ->buffer_write(device, live->buffer, 0, PLN_I32, live->count, data, NULL),
                     PLN_OK);
}

static void check(pln_device *device, const struct live *live, int32_t *data)
{
    assert_int_equal(pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION)
                         ->buffer_read(device, live->buffer, 0, PLN_I32, live->count, data, NULL),
                     PLN_OK);
    for (uint64_t i = 0; i < live->count; i++)
        assert_int_equal(data[i], live->seed + (int32_t)i);
}

/* Buffers of all sizes come and go in random order. */
static void churn(const char *options)
{
    const pln_backend *backend = pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    pln_device *device = fixture_open(options);
    struct live lives[BUFFERS] = {0};
    int32_t *data = malloc(LARGEST * sizeof *data);
    assert_non_null(data);
    random_state = 1;
    for (int32_t round = 0; round < ROUNDS; round++) {
        struct live *live = &lives[draw(BUFFERS)];
        if (live->buffer) {
            check(device, live, data);
            backend->buffer_destroy(device, &live->buffer);
            assert_null(live->buffer);
        } else {
            *live = (struct live){.count = 1 + draw(draw(4) ? 5000 : LARGEST), .seed = round * 100000};
            assert_int_equal(backend->buffer_create(device, live->count * 4, &live->buffer, NULL), PLN_OK);
            fill(device, live, data);
        }
    }
    for (int i = 0; i < BUFFERS; i++)
        if (lives[i].buffer) {
            check(device, &lives[i], data);
            backend->buffer_destroy(device, &lives[i].buffer);
        }
    vkb_staging_finish(device);
    assert_null(device->blocks);
    for (uint32_t heap = 0; heap < VK_MAX_MEMORY_HEAPS; heap++)
        assert_int_equal(device->allocated[heap], 0);
    free(data);
    fixture_close(&device);
}

static void buffers_share_blocks(void **state)
{
    (void)state;
    churn("");
    churn("block=65536");
}

static void buffers_through_staging(void **state)
{
    (void)state;
    churn("block=65536 memory=discrete");
    churn("memory=discrete");
}

static void parts_of_a_buffer(void **state)
{
    const pln_backend *backend = pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    static const char *const options[] = {"", "memory=discrete"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        pln_device *device = fixture_open(options[i]);
        pln_buffer *buffer;
        float data[8] = {1, 2, 3, 4, 5, 6, 7, 8}, part[2] = {-1, -2}, back[8];
        assert_int_equal(backend->buffer_create(device, sizeof data, &buffer, NULL), PLN_OK);
        assert_int_equal(backend->buffer_write(device, buffer, 0, PLN_F32, 8, data, NULL), PLN_OK);
        assert_int_equal(backend->buffer_write(device, buffer, 12, PLN_F32, 2, part, NULL), PLN_OK);
        assert_int_equal(backend->buffer_read(device, buffer, 8, PLN_F32, 4, back, NULL), PLN_OK);
        assert_memory_equal(back, ((float[]){3, -1, -2, 6}), 16);
        assert_int_equal(backend->buffer_write(device, buffer, 0, PLN_F32, 0, NULL, NULL), PLN_OK);
        assert_int_equal(backend->buffer_write(device, buffer, 4, PLN_F32, 8, data, NULL), PLN_INVALID);
        assert_int_equal(backend->buffer_read(device, buffer, 36, PLN_F32, 0, back, NULL), PLN_INVALID);
        assert_int_equal(backend->buffer_read(device, buffer, 0, PLN_F32, UINT64_MAX / 2, back, NULL), PLN_INVALID);
        assert_int_equal(backend->buffer_write(device, buffer, 0, PLN_F16, 1, data, NULL), PLN_INVALID);
        backend->buffer_destroy(device, &buffer);
        fixture_close(&device);
    }
}

static void too_much_is_refused(void **state)
{
    const pln_backend *backend = pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    static const uint64_t sizes[] = {1ull << 46, UINT64_MAX};
    pln_device *device = fixture_open("");
    (void)state;
    for (int i = 0; i < 2; i++) {
        pln_buffer *buffer;
        pln_failure error = {.size = sizeof error};
        assert_int_equal(backend->buffer_create(device, sizes[i], &buffer, &error), PLN_NO_MEMORY);
        assert_null(buffer);
        assert_non_null(strstr(error.message, "heap"));
    }
    fixture_close(&device);
}

static VKAPI_ATTR VkResult VKAPI_CALL refuse_memory(VkDevice device, const VkMemoryAllocateInfo *info,
                                                    const VkAllocationCallbacks *callbacks, VkDeviceMemory *memory)
{
    (void)device;
    (void)info;
    (void)callbacks;
    (void)memory;
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

static void a_full_heap_leaves_nothing_behind(void **state)
{
    const pln_backend *backend = pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    pln_device *device = fixture_open("");
    pln_buffer *buffer;
    pln_failure error = {.size = sizeof error};
    (void)state;
    PFN_vkAllocateMemory good = device->instance.vk.AllocateMemory;
    device->instance.vk.AllocateMemory = refuse_memory;
    assert_int_equal(backend->buffer_create(device, 1000, &buffer, &error), PLN_NO_MEMORY);
    assert_null(buffer);
    assert_null(device->blocks);
    assert_non_null(strstr(error.message, "heap"));
    assert_non_null(strstr(error.message, "out of device memory"));
    device->instance.vk.AllocateMemory = good;
    assert_int_equal(backend->buffer_create(device, 1000, &buffer, &error), PLN_OK);
    backend->buffer_destroy(device, &buffer);
    fixture_close(&device);
}

static void the_block_is_told(void **state)
{
    pln_device *device = fixture_open("block=65536");
    pln_device_description info = {.size = sizeof info};
    (void)state;
    assert_int_equal(pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION)->device_info(0, device, &info, NULL), PLN_OK);
    assert_int_equal(info.block_bytes, 65536);
    assert_true(info.alignment >= 256);
    assert_int_equal(info.f32_bytes, 4);
    fixture_close(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_share_blocks), cmocka_unit_test(buffers_through_staging),
        cmocka_unit_test(parts_of_a_buffer),    cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(the_block_is_told),    cmocka_unit_test(a_full_heap_leaves_nothing_behind),
    };
    return fixture_has_device() ? cmocka_run_group_tests(tests, NULL, NULL) : fixture_without_device();
}
