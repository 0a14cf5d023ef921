/* SPDX-License-Identifier: Apache-2.0
 *
 * Two devices that compute as the reference does, but only once both are at it: a run of one waits until the other has begun,
 * ten seconds at most. MEET=submit: runs are submitted; MEET=endless: a run ends only when it is cancelled.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends/reference/reference.h"

enum { PATIENCE_S = 10, PLANS = 16 };

static const pln_backend *right;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned begun, cancelled; /* runs, and calls of plan_cancel */
static struct {
    pln_plan *plan;
    uint32_t dims[32];
    unsigned number; /* of the run, from 1 */
} submitted[PLANS];

static int is_asked(const char *what)
{
    const char *asked = getenv("MEET");
    return asked && strcmp(asked, what) == 0;
}

static pln_status count(uint32_t *n, pln_failure *failure)
{
    (void)failure;
    *n = 2;
    return PLN_OK;
}

static pln_status describe(uint32_t index, const pln_device *device, pln_device_description *info, pln_failure *failure)
{
    (void)index;
    return right->device_info(0, device, info, failure);
}

static pln_status open_device(uint32_t index, const pln_opening *opening, pln_device **device, pln_failure *failure)
{
    (void)index;
    return right->device_open(0, opening, device, failure);
}

/* Runs come in pairs: number 1 waits for 2, 3 for 4. False: nobody came. */
static int meet(unsigned number)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE_S;
    const unsigned wanted = (number + 1) / 2 * 2;
    int late = 0;
    pthread_mutex_lock(&lock);
    while (begun < wanted && !late)
        late = pthread_cond_timedwait(&changed, &lock, &end);
    pthread_mutex_unlock(&lock);
    return !late;
}

static unsigned begin(void)
{
    pthread_mutex_lock(&lock);
    const unsigned number = ++begun;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return number;
}

static pln_status run_plan(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    if (is_asked("endless")) {
        pthread_mutex_lock(&lock);
        while (!cancelled)
            pthread_cond_wait(&changed, &lock);
        cancelled = 0;
        pthread_mutex_unlock(&lock);
        return pln_failed(failure, PLN_CANCELLED, -1, "meet: the run was cancelled");
    }
    if (!meet(begin()))
        return pln_failed(failure, PLN_FAILED, -1, "meet: the other device did not come");
    return right->plan_run(plan, run, failure);
}

static void cancel(pln_plan *plan)
{
    (void)plan;
    pthread_mutex_lock(&lock);
    cancelled++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static pln_status submit(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    for (int i = 0; i < PLANS; i++)
        if (!submitted[i].plan) {
            submitted[i].plan = plan;
            memcpy(submitted[i].dims, run->dims, run->n_dims * sizeof *run->dims);
            submitted[i].number = begin();
            return PLN_OK;
        }
    return pln_failed(failure, PLN_FAILED, -1, "meet: too many runs at a time");
}

/* One caller at a time: the test has no other threads here. */
static pln_status wait_for(pln_plan *plan, uint64_t timeout_ns, pln_failure *failure)
{
    static int looks;
    (void)timeout_ns;
    for (int i = 0; i < PLANS; i++) {
        if (submitted[i].plan != plan)
            continue;
        if (looks++ % 2 == 0)
            return PLN_TIMED_OUT;
        submitted[i].plan = NULL;
        if (!meet(submitted[i].number))
            return pln_failed(failure, PLN_FAILED, -1, "meet: the other device did not come");
        const pln_run run = {.size = sizeof run, .n_dims = 2, .dims = submitted[i].dims};
        return right->plan_run(plan, &run, failure);
    }
    return pln_failed(failure, PLN_FAILED, -1, "meet: nothing is on its way");
}

PLN_BACKEND_EXPORT const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max);

const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max)
{
    static pln_backend table;
    right = pln_reference_query(abi_min, abi_max);
    if (!right)
        return NULL;
    table = *right;
    table.name = "meet";
    table.device_count = count;
    table.device_info = describe;
    table.device_open = open_device;
    table.plan_run = run_plan;
    table.plan_cancel = cancel;
    if (is_asked("submit")) {
        table.plan_submit = submit;
        table.plan_wait = wait_for;
    }
    return &table;
}
