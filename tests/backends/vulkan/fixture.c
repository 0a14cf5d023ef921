/* SPDX-License-Identifier: Apache-2.0
 *
 * See fixture.h.
 */
#include "tests/backends/vulkan/fixture.h"

#include "tests/backends/opening.h"

#include <stdlib.h>
#include <string.h>

struct fixture_counts fixture_counts;
const char *fixture_cache;

static void take_log(void *context, pln_log_level level, const char *message)
{
    (void)context;
    fixture_counts.errors += level == PLN_LOG_LEVEL_ERROR;
    fixture_counts.warnings += level == PLN_LOG_LEVEL_WARNING;
    print_message("log: %s\n", message);
}

static void *allocate(void *context, size_t bytes)
{
    (void)context;
    size_t rounded = (bytes + 63) / 64 * 64;
    void *memory = aligned_alloc(64, rounded);
    if (!memory)
        return NULL;
    fixture_counts.allocations++;
    return memset(memory, 0, rounded);
}

static void release(void *context, void *memory)
{
    (void)context;
    fixture_counts.allocations -= memory != NULL;
    free(memory);
}

static const char *cache_directory(void *context)
{
    (void)context;
    return fixture_cache;
}

static const pln_host host = {
    .size = sizeof host,
    .log = take_log,
    .allocate = allocate,
    .release = release,
    .cache_directory = cache_directory,
};

static int first_usable(void)
{
    const pln_backend *backend = pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    uint32_t n = 0;
    if (backend->device_count(&n, NULL) != PLN_OK)
        return -1;
    for (uint32_t i = 0; i < n; i++) {
        pln_device_description info = {.size = sizeof info};
        if (backend->device_info(i, NULL, &info, NULL) == PLN_OK && !(info.flags & PLN_DEVICE_FLAG_UNUSABLE))
            return (int)i;
    }
    return -1;
}

int fixture_without_device(void)
{
    return getenv("CI") ? 1 : 77;
}

bool fixture_has_device(void)
{
    return first_usable() >= 0;
}

pln_status fixture_try(const char *text, pln_device **device, pln_failure *error)
{
    char copy[256];
    pln_option options[8];
    uint32_t n = 0;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *word = strtok(copy, " "); word && n < 8; word = strtok(NULL, " ")) {
        char *equals = strchr(word, '=');
        assert_non_null(equals);
        *equals = 0;
        options[n++] = (pln_option){word, equals + 1};
    }
    pln_setting settings[OPENING_SETTINGS];
    const pln_opening opening = opening_of(&host, options, n, settings);
    return pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION)
        ->device_open((uint32_t)first_usable(), &opening, device, error);
}

pln_device *fixture_open(const char *text)
{
    pln_device *device;
    pln_failure error = {.size = sizeof error};
    fixture_counts = (struct fixture_counts){0};
    if (fixture_try(text, &device, &error) != PLN_OK)
        fail_msg("%s", error.message);
    return device;
}

void fixture_close(pln_device **device)
{
    pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION)->device_close(device);
    assert_null(*device);
    assert_int_equal(fixture_counts.allocations, 0);
    assert_int_equal(fixture_counts.errors, 0);
}
