/* SPDX-License-Identifier: Apache-2.0
 *
 * The seam between the host and a backend: every call of an entry goes through here. What comes back is what the contract
 * says, whatever the backend did: the status decides, there is a sentence, handles and numbers are possible ones, texts
 * end, and a device that was lost stays so. Faults (common/faults.h) are made here.
 */
#ifndef COMMON_SEAM_H
#define COMMON_SEAM_H

#include <stdatomic.h>
#include <stdbool.h>

#include "api/pleione_backend.h"
#include "common/faults.h"

/* A backend that was accepted. Its table is as long as ours: what it does not have is NULL. */
struct seam {
    pln_backend table;
    struct faults *faults; /* borrowed, or NULL */
};

/* An open device. */
struct seam_device {
    const struct seam *seam;
    pln_device *handle;
    char name[40]; /* in sentences */
    atomic_bool lost;
};

/* A plan of a device. */
struct seam_plan {
    struct seam_device *device;
    pln_plan *handle;
    uint32_t n_nodes;
    bool flies;  /* submitted, not waited for */
    bool spoil;  /* by a fault, when it has run */
    float *last; /* result, on host memory */
};

/* Takes a table in. False, and why not in a sentence without the name of the plugin: it is cut, lacks an entry that must
 * be there, is of a version outside the range, or its size cannot be. */
bool seam_accept(struct seam *seam, const pln_backend *table, char *reason, size_t reason_bytes);

/* All may fail as the entry may; error may be NULL. */
pln_status seam_device_count(const struct seam *seam, uint32_t *count, pln_error *error);
/* device NULL: as it would be. A device that contradicts itself is PLN_NO_DEVICE. */
pln_status seam_device_info(const struct seam *seam, uint32_t index, const struct seam_device *device,
                            pln_device_description *info, pln_error *error);
/* Fills a device, that seam_device_close empties; name is copied. */
pln_status seam_device_open(const struct seam *seam, uint32_t index, const char *name, const pln_opening *opening,
                            struct seam_device *device, pln_error *error);
void seam_device_close(struct seam_device *device);
pln_status seam_device_health(struct seam_device *device, pln_error *error);

pln_status seam_supports(struct seam_device *device, const pln_segment *segment, pln_verdict *verdicts,
                         pln_error *error);
pln_status seam_constant_create(struct seam_device *device, const pln_constant_info *info, pln_constant **constant,
                                pln_error *error);
void seam_constant_destroy(struct seam_device *device, pln_constant **constant);

pln_status seam_buffer_create(struct seam_device *device, uint64_t bytes, pln_buffer **buffer, pln_error *error);
void seam_buffer_destroy(struct seam_device *device, pln_buffer **buffer);
pln_status seam_buffer_write(struct seam_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype,
                             uint64_t count, const void *data, pln_error *error);
pln_status seam_buffer_read(struct seam_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype,
                            uint64_t count, void *data, pln_error *error);

/* Returns new in *plan. */
pln_status seam_plan_create(struct seam_device *device, const pln_segment *segment, struct seam_plan **plan,
                            pln_error *error);
/* Waits for a run that is on its way. */
void seam_plan_destroy(struct seam_plan **plan);
pln_status seam_plan_run(struct seam_plan *plan, const pln_run *run, pln_error *error);
/* Whether its runs can be submitted, else PLN_UNSUPPORTED. */
bool seam_submits(const struct seam_device *device);
pln_status seam_plan_submit(struct seam_plan *plan, const pln_run *run, pln_error *error);
/* PLN_TIMED_OUT: not yet. */
pln_status seam_plan_wait(struct seam_plan *plan, uint64_t timeout_ns, pln_error *error);
/* Does nothing where the backend cannot. */
void seam_plan_cancel(struct seam_plan *plan);
/* False, and nothing written, if the backend has no clock. */
bool seam_measures(const struct seam_device *device);
pln_status seam_plan_timing(struct seam_plan *plan, uint64_t *node_ns, uint32_t n_nodes, pln_error *error);
bool seam_informs(const struct seam_device *device);
/* plan NULL: dry. The host's arrays in info begin with sizes and are otherwise zero. */
pln_status seam_plan_info(struct seam_device *device, const pln_segment *segment, struct seam_plan *plan,
                          pln_plan_info *info, pln_error *error);

/* ---- seam_check.c: what came back, looked at */

/* The status that counts, with a sentence in error. `what` names the entry and whose it is. */
pln_status seam_settle(const char *backend, const char *entry, pln_status status, pln_failure *failure,
                       pln_error *error);
/* NULL, or what is impossible about a device. Ends its texts. */
const char *seam_impossible(const struct seam *seam, pln_device_description *info);
void seam_check_verdicts(pln_verdict *verdicts, uint32_t n);
/* NULL, or what is impossible about an info; room as it was in info->n_kernels before. */
const char *seam_impossible_info(const pln_plan_info *info, uint32_t room, uint32_t n_nodes);
#endif
