/* SPDX-License-Identifier: Apache-2.0
 *
 * Faults that are made on purpose between the host and a backend, for tests: common/seam.c asks before and after it calls
 * an entry. Without faults nothing is asked.
 *
 * A text of rules, separated by blanks: [BACKEND.]ENTRY[:K[+]]=WHAT
 *   BACKEND  name of the backend; without it, any
 *   ENTRY    name of an entry of pln_backend (plan_run, buffer_read, ...; plan_submit counts as plan_run)
 *   K        the K-th call of that entry on those backends, from 1; K+: that one and all later; without it, all
 *   WHAT     fail       PLN_FAILED, and the entry is not called
 *            memory     the same with PLN_NO_MEMORY
 *            silent     PLN_FAILED without a sentence
 *            lost       the open device is lost: this and all later entries say PLN_DEVICE_LOST, none is called, but for
 *                       *_destroy and device_close
 *            delay=MS   the entry is called so many milliseconds later
 *            bits       what the entry gives has a wrong bit: the first f32 that buffer_read reads, that plan_run leaves in
 *                       the last result of the plan (on host memory)
 * "vulkan.plan_run:3=lost buffer_read=delay=20"
 */
#ifndef COMMON_FAULTS_H
#define COMMON_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "api/pleione_types.h"

/* In the order of the table. Entries that cannot fail are called in any case, delays hold for them too. */
enum fault_entry {
    FAULT_DEVICE_COUNT,
    FAULT_DEVICE_INFO,
    FAULT_DEVICE_OPEN,
    FAULT_DEVICE_CLOSE,
    FAULT_SUPPORTS,
    FAULT_CONSTANT_CREATE,
    FAULT_CONSTANT_DESTROY,
    FAULT_PLAN_CREATE,
    FAULT_PLAN_RUN,
    FAULT_PLAN_DESTROY,
    FAULT_BUFFER_CREATE,
    FAULT_BUFFER_DESTROY,
    FAULT_BUFFER_WRITE,
    FAULT_BUFFER_READ,
    FAULT_PLAN_TIMING,
    FAULT_PLAN_INFO,
    FAULT_PLAN_WAIT,
    FAULT_DEVICE_HEALTH,
    FAULT_ENTRIES
};

struct faults;

/* What a call is to come to. */
struct fault {
    pln_status status; /* PLN_OK: the entry is called */
    bool silent;       /* no sentence */
    bool bits;         /* what it gives is to be spoilt */
};

const char *fault_entry_name(enum fault_entry entry);

/* New; NULL in *faults for a text without a rule. PLN_INVALID names the rule that is wrong. */
pln_status faults_create(const char *text, struct faults **faults, pln_error *error);
void faults_destroy(struct faults **faults);

/* Counts a call, and sleeps if it is to be late. Any thread. */
struct fault faults_meet(struct faults *faults, const char *backend, enum fault_entry entry);
/* How often the entry was called, on any backend. */
uint64_t faults_calls(struct faults *faults, enum fault_entry entry);
#endif
