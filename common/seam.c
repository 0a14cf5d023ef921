/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls of the entries of a backend, one function each.
 */
#include "common/seam.h"

#include <stdlib.h>
#include <string.h>

#include "common/fail.h"

enum { MOST_DEVICES = 64, SLACK = 512 };
#define NO_LIMIT UINT64_MAX

/* What an entry may write a failure to. A backend of a later header that writes all of its own longer struct finds room
 * behind ours. */
struct report {
    pln_failure failure;
    char slack[SLACK];
};

static void begin_report(struct report *report)
{
    report->failure.size = sizeof report->failure;
    report->failure.status = PLN_OK;
    report->failure.node = -1;
    report->failure.unused = 0;
    report->failure.message[0] = '\0';
}

/* ---- before and after a call of an open device */

static pln_status lost_before(const struct seam_device *device, const char *entry, pln_error *error)
{
    return pln_fail(error, PLN_DEVICE_LOST, "device %s is lost (%s was asked): it has to be opened again", device->name,
                    entry);
}

/* Whether the entry may be called; else *status is what it came to. */
static bool enter(struct seam_device *device, enum fault_entry entry, struct fault *fault, struct report *report,
                  pln_status *status, pln_error *error)
{
    const char *name = fault_entry_name(entry);
    *status = PLN_OK;
    *fault = faults_meet(device->seam->faults, device->seam->table.name, entry);
    if (atomic_load_explicit(&device->lost, memory_order_relaxed))
        *status = lost_before(device, name, error);
    else if (fault->status != PLN_OK && fault->silent)
        *status =
            pln_fail(error, fault->status, "%s: %s failed and does not say why (no sentence)", device->name, name);
    else if (fault->status != PLN_OK)
        *status = pln_fail(error, fault->status, "%s: %s fails, as the faults say", device->name, name);
    if (*status == PLN_DEVICE_LOST)
        atomic_store(&device->lost, true);
    begin_report(report);
    return *status == PLN_OK;
}

static pln_status leave(struct seam_device *device, enum fault_entry entry, pln_status status, struct report *report,
                        pln_error *error)
{
    if (status == PLN_OK)
        return PLN_OK;
    status = seam_settle(device->name, fault_entry_name(entry), status, &report->failure, error);
    if (status == PLN_DEVICE_LOST)
        atomic_store(&device->lost, true);
    return status;
}

/* PLN_OK without a handle is a failure; a failure with one leaves nothing. */
static pln_status expect(const struct seam_device *device, const char *entry, const void *handle, pln_error *error)
{
    return handle ? PLN_OK
                  : pln_fail(error, PLN_FAILED, "%s: %s says that all is well, but gives nothing", device->name, entry);
}

/* ---- devices */

/* A backend that has no open device yet. */
static bool enter_backend(const struct seam *seam, enum fault_entry entry, struct report *report, pln_status *status,
                          pln_error *error)
{
    const struct fault fault = faults_meet(seam->faults, seam->table.name, entry);
    begin_report(report);
    *status = fault.status == PLN_OK ? PLN_OK
                                     : pln_fail(error, fault.status, "%s: %s fails, as the faults say",
                                                seam->table.name, fault_entry_name(entry));
    return fault.status == PLN_OK;
}

pln_status seam_device_count(const struct seam *seam, uint32_t *count, pln_error *error)
{
    struct report report;
    pln_status status;
    *count = 0;
    if (enter_backend(seam, FAULT_DEVICE_COUNT, &report, &status, error))
        status = seam_settle(seam->table.name, "device_count", seam->table.device_count(count, &report.failure),
                             &report.failure, error);
    if (status == PLN_OK && *count > MOST_DEVICES)
        status = pln_fail(error, PLN_FAILED, "%s: device_count says %u devices, at most %d can be", seam->table.name,
                          *count, MOST_DEVICES);
    if (status != PLN_OK)
        *count = 0;
    return status;
}

pln_status seam_device_info(const struct seam *seam, uint32_t index, const struct seam_device *device,
                            pln_device_description *info, pln_error *error)
{
    struct report report;
    struct {
        pln_device_description info;
        unsigned char slack[SLACK];
    } given = {.info.size = sizeof given.info};
    pln_status status;
    memset(given.slack, 0xA5, sizeof given.slack);
    if (enter_backend(seam, FAULT_DEVICE_INFO, &report, &status, error))
        status =
            seam_settle(seam->table.name, "device_info",
                        seam->table.device_info(index, device ? device->handle : NULL, &given.info, &report.failure),
                        &report.failure, error);
    for (size_t i = 0; status == PLN_OK && i < sizeof given.slack; i++)
        if (given.slack[i] != 0xA5)
            status =
                pln_fail(error, PLN_NO_DEVICE,
                         "device_info of %s writes behind the %zu bytes that it was given: it is of a later header "
                         "and does not use pln_give",
                         seam->table.name, sizeof given.info);
    if (status != PLN_OK)
        return status;
    const char *impossible = seam_impossible(seam, &given.info);
    given.info.size = sizeof given.info;
    *info = given.info;
    return impossible ? pln_fail(error, PLN_NO_DEVICE, "device %u of %s contradicts itself: %s", index,
                                 seam->table.name, impossible)
                      : PLN_OK;
}

pln_status seam_device_open(const struct seam *seam, uint32_t index, const char *name, const pln_opening *opening,
                            struct seam_device *device, pln_error *error)
{
    struct report report;
    struct fault fault;
    pln_status status;
    device->seam = seam;
    device->handle = NULL;
    atomic_init(&device->lost, false);
    snprintf(device->name, sizeof device->name, "%s", name);
    if (enter(device, FAULT_DEVICE_OPEN, &fault, &report, &status, error))
        status = leave(device, FAULT_DEVICE_OPEN,
                       seam->table.device_open(index, opening, &device->handle, &report.failure), &report, error);
    if (status != PLN_OK)
        device->handle = NULL;
    return status == PLN_OK ? expect(device, "device_open", device->handle, error) : status;
}

void seam_device_close(struct seam_device *device)
{
    if (!device->handle)
        return;
    faults_meet(device->seam->faults, device->seam->table.name, FAULT_DEVICE_CLOSE);
    device->seam->table.device_close(&device->handle);
    device->handle = NULL;
}

pln_status seam_device_health(struct seam_device *device, pln_error *error)
{
    struct report report;
    struct fault fault;
    pln_status status;
    const pln_backend *t = &device->seam->table;
    if (!enter(device, FAULT_DEVICE_HEALTH, &fault, &report, &status, error) || !t->device_health)
        return status;
    return leave(device, FAULT_DEVICE_HEALTH, t->device_health(device->handle, &report.failure), &report, error);
}

/* ---- what it takes, constants */

pln_status seam_supports(struct seam_device *device, const pln_segment *segment, pln_verdict *verdicts,
                         pln_error *error)
{
    struct report report;
    struct fault fault;
    pln_status status;
    for (uint32_t i = 0; i < segment->n_nodes; i++)
        verdicts[i] = (pln_verdict){.size = sizeof *verdicts};
    if (enter(device, FAULT_SUPPORTS, &fault, &report, &status, error))
        status =
            leave(device, FAULT_SUPPORTS,
                  device->seam->table.supports(device->handle, segment, verdicts, sizeof *verdicts, &report.failure),
                  &report, error);
    if (status == PLN_OK)
        seam_check_verdicts(verdicts, segment->n_nodes);
    return status;
}

pln_status seam_constant_create(struct seam_device *device, const pln_constant_info *info, pln_constant **constant,
                                pln_error *error)
{
    struct report report;
    struct fault fault;
    pln_status status;
    *constant = NULL;
    if (enter(device, FAULT_CONSTANT_CREATE, &fault, &report, &status, error))
        status =
            leave(device, FAULT_CONSTANT_CREATE,
                  device->seam->table.constant_create(device->handle, info, constant, &report.failure), &report, error);
    if (status != PLN_OK)
        *constant = NULL;
    return status == PLN_OK ? expect(device, "constant_create", *constant, error) : status;
}

void seam_constant_destroy(struct seam_device *device, pln_constant **constant)
{
    if (!*constant)
        return;
    faults_meet(device->seam->faults, device->seam->table.name, FAULT_CONSTANT_DESTROY);
    device->seam->table.constant_destroy(device->handle, constant);
    *constant = NULL;
}

/* ---- buffers */

pln_status seam_buffer_create(struct seam_device *device, uint64_t bytes, pln_buffer **buffer, pln_error *error)
{
    struct report report;
    struct fault fault;
    pln_status status;
    *buffer = NULL;
    if (enter(device, FAULT_BUFFER_CREATE, &fault, &report, &status, error))
        status =
            leave(device, FAULT_BUFFER_CREATE,
                  device->seam->table.buffer_create(device->handle, bytes, buffer, &report.failure), &report, error);
    if (status != PLN_OK)
        *buffer = NULL;
    return status == PLN_OK ? expect(device, "buffer_create", *buffer, error) : status;
}

void seam_buffer_destroy(struct seam_device *device, pln_buffer **buffer)
{
    if (!*buffer)
        return;
    faults_meet(device->seam->faults, device->seam->table.name, FAULT_BUFFER_DESTROY);
    device->seam->table.buffer_destroy(device->handle, buffer);
    *buffer = NULL;
}

pln_status seam_buffer_write(struct seam_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype,
                             uint64_t count, const void *data, pln_error *error)
{
    struct report report;
    struct fault fault;
    pln_status status;
    if (enter(device, FAULT_BUFFER_WRITE, &fault, &report, &status, error))
        status =
            leave(device, FAULT_BUFFER_WRITE,
                  device->seam->table.buffer_write(device->handle, buffer, offset, dtype, count, data, &report.failure),
                  &report, error);
    return status;
}

/* A number of another size, whatever it was. */
static void spoil(float *number)
{
    uint32_t bits;
    memcpy(&bits, number, sizeof bits);
    bits ^= 1u << 30; /* of the exponent: by 2 at least, whatever the number was, or no number */
    memcpy(number, &bits, sizeof bits);
}

pln_status seam_buffer_read(struct seam_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype,
                            uint64_t count, void *data, pln_error *error)
{
    struct report report;
    struct fault fault;
    pln_status status;
    if (enter(device, FAULT_BUFFER_READ, &fault, &report, &status, error))
        status =
            leave(device, FAULT_BUFFER_READ,
                  device->seam->table.buffer_read(device->handle, buffer, offset, dtype, count, data, &report.failure),
                  &report, error);
    if (status == PLN_OK && fault.bits && count && dtype == PLN_F32)
        spoil(data);
    return status;
}

/* ---- plans */

/* The last result on host memory, for faults. */
static float *find_last(const pln_segment *segment)
{
    float *last = NULL;
    for (uint32_t i = 0; i < segment->n_nodes; i++) {
        const pln_node_info *node = pln_segment_node(segment, i);
        for (uint32_t j = 0; j < node->n_outputs; j++) {
            const pln_value_info *value = pln_segment_value(segment, node->outputs[j]);
            if (value && value->data && value->dtype == PLN_F32)
                last = value->data;
        }
    }
    return last;
}

pln_status seam_plan_create(struct seam_device *device, const pln_segment *segment, struct seam_plan **plan,
                            pln_error *error)
{
    struct report report;
    struct fault fault;
    pln_status status;
    struct seam_plan *p = calloc(1, sizeof *p);
    *plan = NULL;
    if (!p)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a plan of %u nodes", segment->n_nodes);
    p->device = device;
    p->n_nodes = segment->n_nodes;
    p->last = device->seam->faults ? find_last(segment) : NULL;
    if (enter(device, FAULT_PLAN_CREATE, &fault, &report, &status, error))
        status = leave(device, FAULT_PLAN_CREATE,
                       device->seam->table.plan_create(device->handle, segment, &p->handle, &report.failure), &report,
                       error);
    if (status == PLN_OK)
        status = expect(device, "plan_create", p->handle, error);
    if (status == PLN_OK)
        *plan = p;
    else
        free(p);
    return status;
}

void seam_plan_destroy(struct seam_plan **plan)
{
    struct seam_plan *p = *plan;
    *plan = NULL;
    if (!p)
        return;
    if (p->flies)
        seam_plan_wait(p, NO_LIMIT, NULL);
    faults_meet(p->device->seam->faults, p->device->seam->table.name, FAULT_PLAN_DESTROY);
    p->device->seam->table.plan_destroy(&p->handle);
    free(p);
}

pln_status seam_plan_run(struct seam_plan *plan, const pln_run *run, pln_error *error)
{
    struct seam_device *device = plan->device;
    struct report report;
    struct fault fault;
    pln_status status;
    if (enter(device, FAULT_PLAN_RUN, &fault, &report, &status, error))
        status = leave(device, FAULT_PLAN_RUN, device->seam->table.plan_run(plan->handle, run, &report.failure),
                       &report, error);
    if (status == PLN_OK && fault.bits && plan->last)
        spoil(plan->last);
    return status;
}

bool seam_submits(const struct seam_device *device)
{
    return device->seam->table.plan_submit;
}

pln_status seam_plan_submit(struct seam_plan *plan, const pln_run *run, pln_error *error)
{
    struct seam_device *device = plan->device;
    struct report report;
    struct fault fault;
    pln_status status;
    if (enter(device, FAULT_PLAN_RUN, &fault, &report, &status, error))
        status = leave(device, FAULT_PLAN_RUN, device->seam->table.plan_submit(plan->handle, run, &report.failure),
                       &report, error);
    plan->flies = status == PLN_OK;
    plan->spoil = fault.bits;
    return status;
}

pln_status seam_plan_wait(struct seam_plan *plan, uint64_t timeout_ns, pln_error *error)
{
    struct seam_device *device = plan->device;
    struct report report;
    struct fault fault = faults_meet(device->seam->faults, device->seam->table.name, FAULT_PLAN_WAIT);
    begin_report(&report);
    pln_status status = device->seam->table.plan_wait(plan->handle, timeout_ns, &report.failure);
    if (status == PLN_TIMED_OUT)
        return PLN_TIMED_OUT;
    plan->flies = false;
    status = leave(device, FAULT_PLAN_WAIT, status, &report, error);
    if (status == PLN_OK && fault.status != PLN_OK)
        status = pln_fail(error, fault.status, "%s: plan_wait fails, as the faults say", device->name);
    if (status == PLN_DEVICE_LOST)
        atomic_store(&device->lost, true);
    if (status == PLN_OK && plan->spoil && plan->last)
        spoil(plan->last);
    return status;
}

void seam_plan_cancel(struct seam_plan *plan)
{
    if (plan->device->seam->table.plan_cancel)
        plan->device->seam->table.plan_cancel(plan->handle);
}

bool seam_measures(const struct seam_device *device)
{
    return device->seam->table.plan_timing;
}

pln_status seam_plan_timing(struct seam_plan *plan, uint64_t *node_ns, uint32_t n_nodes, pln_error *error)
{
    struct seam_device *device = plan->device;
    struct report report;
    struct fault fault;
    pln_status status;
    if (enter(device, FAULT_PLAN_TIMING, &fault, &report, &status, error))
        status =
            leave(device, FAULT_PLAN_TIMING,
                  device->seam->table.plan_timing(plan->handle, node_ns, n_nodes, &report.failure), &report, error);
    return status;
}

bool seam_informs(const struct seam_device *device)
{
    return device->seam->table.plan_info;
}

static void begin_info(pln_plan_info *info)
{
    info->size = sizeof *info;
    info->kernel_stride = sizeof *info->kernels;
    info->program_stride = sizeof *info->programs;
    for (uint32_t i = 0; info->kernels && i < info->n_kernels; i++)
        info->kernels[i] = (pln_launch_info){.size = sizeof *info->kernels};
    for (uint32_t i = 0; info->programs && i < info->n_kernels; i++)
        info->programs[i] = (pln_launch_program){.size = sizeof *info->programs};
}

pln_status seam_plan_info(struct seam_device *device, const pln_segment *segment, struct seam_plan *plan,
                          pln_plan_info *info, pln_error *error)
{
    struct report report;
    struct fault fault;
    pln_status status;
    const uint32_t room = info->n_kernels;
    begin_info(info);
    if (enter(device, FAULT_PLAN_INFO, &fault, &report, &status, error))
        status = leave(
            device, FAULT_PLAN_INFO,
            device->seam->table.plan_info(device->handle, segment, plan ? plan->handle : NULL, info, &report.failure),
            &report, error);
    if (status != PLN_OK)
        return status;
    const char *impossible = seam_impossible_info(info, room, plan ? plan->n_nodes : segment->n_nodes);
    return impossible ? pln_fail(error, PLN_FAILED, "%s: plan_info cannot be right: %s", device->name, impossible)
                      : PLN_OK;
}
