/* SPDX-License-Identifier: Apache-2.0
 *
 * Two devices, which are the first ones of two other plugins (RECORDED: their files, with a blank between), and a record of
 * what was asked of which: "s0 r1 w0" is a run that was submitted to the first, one that blocked on the second, and the end of
 * the first one's.
 */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/pleione_backend.h"

enum { DEVICES = 2, RECORD = 4096 };

PLN_BACKEND_EXPORT char recorder_record[RECORD];

struct pln_device {
    unsigned number;
    pln_device *real;
};
struct pln_plan {
    unsigned number;
    pln_plan *real;
};
static pln_backend backends[DEVICES];

static void note(char what, unsigned number)
{
    const size_t n = strlen(recorder_record);
    snprintf(recorder_record + n, sizeof recorder_record - n, "%c%u ", what, number);
}

static pln_status count(uint32_t *n, pln_failure *failure)
{
    (void)failure;
    *n = DEVICES;
    return PLN_OK;
}

static pln_status describe(uint32_t index, const pln_device *device, pln_device_description *info, pln_failure *failure)
{
    return backends[index].device_info(0, device ? device->real : NULL, info, failure);
}

static pln_status open_device(uint32_t index, const pln_opening *opening, pln_device **device, pln_failure *failure)
{
    pln_device *d = calloc(1, sizeof *d);
    if (!d)
        return pln_failed(failure, PLN_NO_MEMORY, -1, "recorder: no memory");
    d->number = index;
    const pln_status status = backends[index].device_open(0, opening, &d->real, failure);
    if (status == PLN_OK)
        *device = d;
    else
        free(d);
    return status;
}

static void close_device(pln_device **device)
{
    backends[(*device)->number].device_close(&(*device)->real);
    free(*device);
    *device = NULL;
}

static pln_status ask(pln_device *d, const pln_segment *segment, pln_verdict *verdicts, uint32_t stride,
                      pln_failure *failure)
{
    return backends[d->number].supports(d->real, segment, verdicts, stride, failure);
}

static pln_status create_constant(pln_device *d, const pln_constant_info *info, pln_constant **constant,
                                  pln_failure *failure)
{
    return backends[d->number].constant_create(d->real, info, constant, failure);
}

static void destroy_constant(pln_device *d, pln_constant **constant)
{
    backends[d->number].constant_destroy(d->real, constant);
}

static pln_status create_buffer(pln_device *d, uint64_t bytes, pln_buffer **buffer, pln_failure *failure)
{
    return backends[d->number].buffer_create(d->real, bytes, buffer, failure);
}

static void destroy_buffer(pln_device *d, pln_buffer **buffer)
{
    backends[d->number].buffer_destroy(d->real, buffer);
}

static pln_status write_buffer(pln_device *d, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t n,
                               const void *data, pln_failure *failure)
{
    return backends[d->number].buffer_write(d->real, buffer, offset, dtype, n, data, failure);
}

static pln_status read_buffer(pln_device *d, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t n,
                              void *data, pln_failure *failure)
{
    return backends[d->number].buffer_read(d->real, buffer, offset, dtype, n, data, failure);
}

static pln_status create_plan(pln_device *d, const pln_segment *segment, pln_plan **plan, pln_failure *failure)
{
    pln_plan *p = calloc(1, sizeof *p);
    if (!p)
        return pln_failed(failure, PLN_NO_MEMORY, -1, "recorder: no memory");
    p->number = d->number;
    const pln_status status = backends[d->number].plan_create(d->real, segment, &p->real, failure);
    if (status == PLN_OK)
        *plan = p;
    else
        free(p);
    return status;
}

static void destroy_plan(pln_plan **plan)
{
    backends[(*plan)->number].plan_destroy(&(*plan)->real);
    free(*plan);
    *plan = NULL;
}

static pln_status run_plan(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    note('r', plan->number);
    return backends[plan->number].plan_run(plan->real, run, failure);
}

static pln_status submit_plan(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    note('s', plan->number);
    return backends[plan->number].plan_submit(plan->real, run, failure);
}

static pln_status wait_for_plan(pln_plan *plan, uint64_t timeout_ns, pln_failure *failure)
{
    note('w', plan->number);
    return backends[plan->number].plan_wait(plan->real, timeout_ns, failure);
}

/* False: it cannot be loaded, or its runs block. */
static int load(pln_backend *backend, const char *path, uint32_t abi_min, uint32_t abi_max)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, PLN_BACKEND_SYMBOL) : NULL;
    pln_backend_query_fn *query;
    memcpy(&query, &symbol, sizeof query);
    const pln_backend *table = symbol ? query(abi_min, abi_max) : NULL;
    if (!table || table->size < sizeof *backend)
        return 0;
    *backend = *table;
    return backend->plan_submit && backend->buffer_create;
}

PLN_BACKEND_EXPORT const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max);

const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max)
{
    static const pln_backend table = {.size = sizeof table,
                                      .abi = PLN_ABI_VERSION,
                                      .name = "recorder",
                                      .version = "1",
                                      .device_count = count,
                                      .device_info = describe,
                                      .device_open = open_device,
                                      .device_close = close_device,
                                      .supports = ask,
                                      .constant_create = create_constant,
                                      .constant_destroy = destroy_constant,
                                      .plan_create = create_plan,
                                      .plan_run = run_plan,
                                      .plan_destroy = destroy_plan,
                                      .buffer_create = create_buffer,
                                      .buffer_destroy = destroy_buffer,
                                      .buffer_write = write_buffer,
                                      .buffer_read = read_buffer,
                                      .plan_submit = submit_plan,
                                      .plan_wait = wait_for_plan};
    char files[4096];
    snprintf(files, sizeof files, "%s", getenv("RECORDED") ? getenv("RECORDED") : "");
    char *blank = strchr(files, ' ');
    if (!blank)
        return NULL;
    *blank = '\0';
    return load(&backends[0], files, abi_min, abi_max) && load(&backends[1], blank + 1, abi_min, abi_max) ? &table
                                                                                                          : NULL;
}
