/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights on devices: one packed copy for the same parts and the same uses, counted.
 */
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "common/weight.h"
#include "scheduler/scheduler.h"

struct sched_constant {
    struct sched_constant *next;
    uint32_t device, references;
    struct sched_open *open; /* that has it */
    pln_constant *handle;
    uint32_t rows, width, n_parts, n_uses;
    struct weight *parts;
    pln_constant_use *uses;
};

static bool same_constant(const struct sched_constant *c, uint32_t device, const pln_value *value,
                          const pln_constant_use *uses, uint32_t n_uses)
{
    if (c->device != device || sched_is_lost(c->open) || c->rows != value->rows.offset || c->width != value->width ||
        c->n_parts != value->n_parts || c->n_uses != n_uses)
        return false;
    for (uint32_t i = 0; i < c->n_parts; i++)
        if (!weight_same(&c->parts[i], value->parts[i]))
            return false;
    for (uint32_t i = 0; i < n_uses; i++)
        if (c->uses[i].op != uses[i].op || c->uses[i].input != uses[i].input)
            return false;
    return true;
}

/* The dense f32 rows where they lie already, else NULL. */
static const float *plain_rows(const pln_value *value)
{
    return value->n_parts == 1 ? weight_plain(value->parts[0]) : NULL;
}

static void destroy_constant(struct sched_constant *c)
{
    if (c->handle) {
        sched_enter(c->open);
        seam_constant_destroy(&c->open->seam, &c->handle);
        sched_leave(c->open);
    }
    sched_open_release(&c->open);
    free(c->parts);
    free(c->uses);
    free(c);
}

static struct sched_constant *describe_constant(uint32_t device, const pln_value *value, const pln_constant_use *uses,
                                                uint32_t n_uses)
{
    struct sched_constant *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->device = device;
    c->rows = value->rows.offset;
    c->width = value->width;
    c->n_parts = value->n_parts;
    c->n_uses = n_uses;
    c->parts = calloc(value->n_parts, sizeof *c->parts);
    c->uses = calloc(n_uses, sizeof *c->uses);
    if (!c->parts || !c->uses) {
        free(c->parts);
        free(c->uses);
        free(c);
        return NULL;
    }
    for (uint32_t i = 0; i < value->n_parts; i++)
        c->parts[i] = *value->parts[i];
    memcpy(c->uses, uses, n_uses * sizeof *uses);
    return c;
}

/* Weights in f64 reach every device in f32: a number that would be infinite there is named instead. */
static pln_status check_range(const pln_value *value, pln_error *error)
{
    for (uint32_t i = 0; i < value->n_parts; i++) {
        const struct weight *part = value->parts[i];
        double number;
        if (!weight_fits_f32(part, &number))
            return pln_fail(error, PLN_BAD_MODEL, "%s has %g, which f32 cannot hold",
                            part->name ? part->name : value->name, number);
    }
    return PLN_OK;
}

static pln_status acquire(pln_devices *devices, uint32_t device, const pln_value *value, const pln_constant_use *uses,
                          uint32_t n_uses, struct sched_constant **constant, pln_error *error)
{
    for (struct sched_constant *c = devices->constants; c; c = c->next)
        if (same_constant(c, device, value, uses, n_uses)) {
            c->references++;
            *constant = c;
            return PLN_OK;
        }
    const pln_status held = check_range(value, error);
    if (held != PLN_OK)
        return held;
    struct sched_constant *c = describe_constant(device, value, uses, n_uses);
    if (!c)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for constant %s", value->name);
    const pln_constant_info info = {
        .size = sizeof info,
        .rows = value->rows.offset,
        .width = value->width,
        .layout = PLN_LAYOUT_ROWS,
        .n_uses = n_uses,
        .use_stride = sizeof *uses,
        .uses = uses,
        .plain = plain_rows(value),
        .source = value,
        .name = value->name,
    };
    c->open = sched_open_acquire(devices, device);
    sched_enter(c->open);
    const pln_status status = seam_constant_create(&c->open->seam, &info, &c->handle, error);
    sched_leave(c->open);
    if (status != PLN_OK) {
        destroy_constant(c);
        return status;
    }
    c->references = 1;
    c->next = devices->constants;
    devices->constants = c;
    *constant = c;
    return PLN_OK;
}

pln_status sched_constant_acquire(pln_devices *devices, uint32_t device, const pln_value *value,
                                  const pln_constant_use *uses, uint32_t n_uses, struct sched_constant **constant,
                                  pln_error *error)
{
    pthread_mutex_lock(&devices->constants_lock);
    const pln_status status = acquire(devices, device, value, uses, n_uses, constant, error);
    pthread_mutex_unlock(&devices->constants_lock);
    return status;
}

static void release(pln_devices *devices, struct sched_constant *c)
{
    if (!c || --c->references)
        return;
    struct sched_constant **link = &devices->constants;
    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    destroy_constant(c);
}

void sched_constant_release(pln_devices *devices, struct sched_constant **constant)
{
    pthread_mutex_lock(&devices->constants_lock);
    release(devices, *constant);
    pthread_mutex_unlock(&devices->constants_lock);
    *constant = NULL;
}

bool sched_constant_is_lost(const struct sched_constant *constant)
{
    return sched_is_lost(constant->open);
}

pln_constant *sched_constant_handle(const struct sched_constant *constant)
{
    return constant->handle;
}

/* Parts of rank 1 lie side by side in one row, parts of rank 2 one below the other: both are one run of elements. */
void sched_constant_read(void *context, const pln_constant_info *info, uint32_t first, uint32_t rows, float *out)
{
    (void)context;
    const pln_value *value = info->source;
    uint64_t skip = (uint64_t)first * value->width, left = (uint64_t)rows * value->width;
    for (uint32_t i = 0; i < value->n_parts && left; i++) {
        const uint64_t n = weight_elements(value->parts[i]);
        if (skip >= n) {
            skip -= n;
            continue;
        }
        const uint64_t take = n - skip < left ? n - skip : left;
        weight_read(value->parts[i], skip, take, out);
        out += take;
        left -= take;
        skip = 0;
    }
}
