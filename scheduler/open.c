/* SPDX-License-Identifier: Apache-2.0
 *
 * Openings of devices: counted, and made anew after a loss.
 */
#include <stdlib.h>

#include "common/fail.h"
#include "scheduler/scheduler.h"

pln_status sched_open_create(pln_devices *devices, const struct sched_device *device, struct sched_open **open,
                             pln_error *error)
{
    const pln_opening opening = {
        .size = sizeof opening,
        .host = &devices->runtime->host,
        .n_settings = device->n_settings,
        .setting_stride = sizeof *device->settings,
        .settings = device->settings,
    };
    struct sched_open *o = calloc(1, sizeof *o);
    *open = NULL;
    if (!o)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for device %s", device->entry.name);
    const pln_status status =
        seam_device_open(&device->backend->seam, device->index, device->entry.name, &opening, &o->seam, error);
    if (status != PLN_OK) {
        free(o);
        return status;
    }
    atomic_init(&o->references, 1);
    o->alone = !(device->entry.info.flags & PLN_DEVICE_FLAG_CONCURRENT);
    pthread_mutex_init(&o->lock, NULL);
    *open = o;
    return PLN_OK;
}

struct sched_open *sched_open_acquire(pln_devices *devices, uint32_t index)
{
    pthread_mutex_lock(&devices->open_lock);
    struct sched_open *open = devices->devices[index].open;
    atomic_fetch_add(&open->references, 1);
    pthread_mutex_unlock(&devices->open_lock);
    return open;
}

void sched_open_release(struct sched_open **open)
{
    struct sched_open *o = *open;
    *open = NULL;
    if (!o || atomic_fetch_sub(&o->references, 1) != 1)
        return;
    seam_device_close(&o->seam);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

pln_status sched_open_again(pln_devices *devices, uint32_t index, const struct sched_open *lost, pln_error *error)
{
    struct sched_device *d = &devices->devices[index];
    struct sched_open *old = NULL;
    pln_status status = PLN_OK;
    pthread_mutex_lock(&devices->open_lock);
    if (d->open == lost) {
        struct sched_open *open;
        status = sched_open_create(devices, d, &open, error);
        if (status == PLN_OK) {
            old = d->open;
            d->open = open;
        }
    }
    pthread_mutex_unlock(&devices->open_lock);
    sched_open_release(&old);
    return status;
}
