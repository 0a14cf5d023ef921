/* SPDX-License-Identifier: Apache-2.0
 *
 * Elements in a device's own memory, written and read.
 */
#include "scheduler/scheduler.h"

pln_status sched_write(const struct sched_location *at, pln_dtype dtype, uint64_t n, const void *data, pln_error *error)
{
    sched_enter(at->open);
    const pln_status status = seam_buffer_write(&at->open->seam, at->buffer, at->offset, dtype, n, data, error);
    sched_leave(at->open);
    return status;
}

pln_status sched_read(const struct sched_location *at, pln_dtype dtype, uint64_t n, void *data, pln_error *error)
{
    sched_enter(at->open);
    const pln_status status = seam_buffer_read(&at->open->seam, at->buffer, at->offset, dtype, n, data, error);
    sched_leave(at->open);
    return status;
}
