/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors of runtimes, devices, tensors and files of tensors.
 */
#include "tests/api/doors.h"

#include <unistd.h>

static void knock_pln_version(void)
{
    assert_non_null(pln_version());
}

static void knock_pln_status_string(void)
{
    assert_string_equal(pln_status_string(NO_SUCH(pln_status)), "unknown status");
}

static void knock_pln_dtype_string(void)
{
    assert_string_equal(pln_dtype_string(NO_SUCH(pln_dtype)), "unknown type");
}

static void knock_pln_dtype_bytes(void)
{
    assert_int_equal(pln_dtype_bytes(NO_SUCH(pln_dtype)), 0);
    assert_int_equal(pln_dtype_bytes((pln_dtype)0), 0);
}

static void knock_pln_free(void)
{
    pln_free(NULL);
}

static void knock_pln_runtime_create(void)
{
    pln_runtime *runtime = w.runtime;
    const pln_runtime_options many = {.size = sizeof many, .threads = UINT32_MAX};
    refused(pln_runtime_create(NULL, NULL, fresh()), "runtime is NULL");
    refused(pln_runtime_create(&many, &runtime, fresh()), "4294967295 threads");
    assert_null(runtime);
    assert_int_equal(pln_runtime_create(NULL, NULL, NULL), PLN_INVALID);
}

static void knock_pln_runtime_destroy(void)
{
    pln_runtime *none = NULL;
    pln_runtime_destroy(NULL);
    pln_runtime_destroy(&none);
}

static void knock_pln_runtime_threads(void)
{
    assert_int_equal(pln_runtime_threads(NULL), 0);
}

static void knock_pln_processors(void)
{
    assert_true(pln_processors() > 0);
}

static void knock_pln_runtime_backend(void)
{
    assert_null(pln_runtime_backend(NULL, 0));
    assert_null(pln_runtime_backend(w.runtime, 99999));
}

static void knock_pln_runtime_auto(void)
{
    const char *name = NULL;
    refused(pln_runtime_auto(NULL, &name, fresh()), "runtime is NULL");
    refused(pln_runtime_auto(w.runtime, NULL, fresh()), "name is NULL");
}

static void knock_pln_runtime_backend_devices(void)
{
    const pln_device_entry *const *entries;
    uint32_t n;
    refused(pln_runtime_backend_devices(NULL, "reference", &entries, &n, fresh()), "runtime is NULL");
    refused(pln_runtime_backend_devices(w.runtime, NULL, &entries, &n, fresh()), "backend is NULL");
    refused(pln_runtime_backend_devices(w.runtime, "reference", NULL, &n, fresh()), "devices is NULL");
    refused(pln_runtime_backend_devices(w.runtime, "reference", &entries, NULL, fresh()), "n_devices is NULL");
    assert_int_equal(pln_runtime_backend_devices(w.runtime, "none", &entries, &n, fresh()), PLN_NO_DEVICE);
}

static void knock_pln_runtime_devices(void)
{
    const pln_device_entry *const *entries;
    uint32_t n;
    refused(pln_runtime_devices(NULL, &entries, &n, fresh()), "runtime is NULL");
    refused(pln_runtime_devices(w.runtime, NULL, &n, fresh()), "devices is NULL");
    refused(pln_runtime_devices(w.runtime, &entries, NULL, fresh()), "n_devices is NULL");
}

static void knock_pln_devices_open(void)
{
    pln_devices *devices = w.devices;
    const char *const options[] = {NULL};
    refused(pln_devices_open(w.runtime, "reference", NULL, 0, NULL, fresh()), "devices is NULL");
    refused(pln_devices_open(NULL, "reference", NULL, 0, &devices, fresh()), "runtime is NULL");
    assert_null(devices);
    refused(pln_devices_open(w.runtime, "reference", NULL, 1, &devices, fresh()), "options is NULL");
    refused(pln_devices_open(w.runtime, "reference", options, 1, &devices, fresh()), "option 0 is NULL");
    refused(pln_devices_open(w.runtime, "reference", options, UINT32_MAX, &devices, fresh()), "device option");
    assert_int_equal(pln_devices_open(w.runtime, "reference:99999", NULL, 0, &devices, fresh()), PLN_NO_DEVICE);
    assert_null(devices);
}

static void knock_pln_devices_close(void)
{
    pln_devices *none = NULL;
    pln_devices_close(NULL);
    pln_devices_close(&none);
}

static void knock_pln_devices_count(void)
{
    assert_int_equal(pln_devices_count(NULL), 0);
}

static void knock_pln_devices_entry(void)
{
    assert_null(pln_devices_entry(NULL, 0));
    assert_null(pln_devices_entry(w.devices, 99999));
}

static void knock_pln_tensor_elements(void)
{
    const pln_tensor odd = {.dtype = PLN_F32, .rank = 100};
    assert_int_equal(pln_tensor_elements(NULL), 0);
    assert_int_equal(pln_tensor_elements(&odd), 0);
}

static void knock_pln_tensor_file_open(void)
{
    pln_tensor_file *file = NULL;
    refused(pln_tensor_file_open(NULL, &file, fresh()), "path is NULL");
    refused(pln_tensor_file_open("x", NULL, fresh()), "file is NULL");
    refused(pln_tensor_file_open(w.folder, &file, fresh()), w.folder);
    assert_null(file);
}

static void knock_pln_tensor_file_check(void)
{
    refused(pln_tensor_file_check(NULL, fresh()), "file is NULL");
}

static void knock_pln_tensor_file_close(void)
{
    pln_tensor_file *none = NULL;
    pln_tensor_file_close(NULL);
    pln_tensor_file_close(&none);
}

static void knock_pln_tensor_file_tensors(void)
{
    uint32_t n;
    assert_null(pln_tensor_file_tensors(NULL, &n));
}

static void knock_pln_tensor_file_write(void)
{
    const float x = 0;
    const pln_tensor good = {.name = "x", .dtype = PLN_F32, .rank = 1, .shape = {1}, .data = &x};
    char path[128];
    snprintf(path, sizeof path, "%s/x.safetensors", w.folder);
    refused(pln_tensor_file_write(NULL, &good, 1, fresh()), "path is NULL");
    refused(pln_tensor_file_write(path, NULL, 1, fresh()), "NULL");
    pln_tensor bad = good;
    bad.name = NULL;
    refused(pln_tensor_file_write(path, &bad, 1, fresh()), "tensor 0 has no name");
    bad = good;
    bad.data = NULL;
    refused(pln_tensor_file_write(path, &bad, 1, fresh()), "data is NULL");
    bad = good;
    bad.dtype = NO_SUCH(pln_dtype);
    refused(pln_tensor_file_write(path, &bad, 1, fresh()), "type is unknown");
    bad = good;
    bad.rank = 100;
    refused(pln_tensor_file_write(path, &bad, 1, fresh()), "dimensions");
    bad = (pln_tensor){.name = "x", .dtype = PLN_F32, .rank = 2, .shape = {1ull << 33, 1ull << 33}, .data = &x};
    refused(pln_tensor_file_write(path, &bad, 1, fresh()), "64 bits");
    assert_int_not_equal(access(path, F_OK), 0);
}

const struct door runtime_doors[] = {DOOR(pln_version),
                                     DOOR(pln_status_string),
                                     DOOR(pln_dtype_string),
                                     DOOR(pln_dtype_bytes),
                                     DOOR(pln_free),
                                     DOOR(pln_runtime_create),
                                     DOOR(pln_runtime_destroy),
                                     DOOR(pln_runtime_threads),
                                     DOOR(pln_processors),
                                     DOOR(pln_runtime_backend),
                                     DOOR(pln_runtime_auto),
                                     DOOR(pln_runtime_backend_devices),
                                     DOOR(pln_runtime_devices),
                                     DOOR(pln_devices_open),
                                     DOOR(pln_devices_close),
                                     DOOR(pln_devices_count),
                                     DOOR(pln_devices_entry),
                                     DOOR(pln_tensor_elements),
                                     DOOR(pln_tensor_file_open),
                                     DOOR(pln_tensor_file_check),
                                     DOOR(pln_tensor_file_close),
                                     DOOR(pln_tensor_file_tensors),
                                     DOOR(pln_tensor_file_write),
                                     {NULL, NULL}};
