/* SPDX-License-Identifier: Apache-2.0
 *
 * Elements in a device's own memory, written and read.
 */
#include "scheduler/scheduler.h"

pln_status sched_write(const struct sched_location *at, pln_dtype dtype, uint64_t n, const void *data, pln_error *error)
{
    const struct sched_device *d = at->device;
    sched_enter(d);
    const pln_status status = d->backend->buffer_write(d->device, at->buffer, at->offset, dtype, n, data, error);
    sched_leave(d);
    return status;
}

pln_status sched_read(const struct sched_location *at, pln_dtype dtype, uint64_t n, void *data, pln_error *error)
{
    const struct sched_device *d = at->device;
    sched_enter(d);
    const pln_status status = d->backend->buffer_read(d->device, at->buffer, at->offset, dtype, n, data, error);
    sched_leave(d);
    return status;
}
